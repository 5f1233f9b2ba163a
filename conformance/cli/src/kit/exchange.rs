//! The P-Modes of the exchanges beside the plain one: Two-Way, pull, four corners, a sender that nobody registered.
//!
//! What a node that reads `node.toml` needs for the last of them is a table there; [`table`] writes it.

use std::fmt::Write as _;

use carnet_catalogue::exchange::{Exchanges, Terms, Under};

use super::pmode::{Manner, Mep};
use super::{Kit, Leg, ServiceActions, subject_of};

/// The file of the P-Mode that unregistered parties send under.
const ANYONE: &str = "pmodes/anyone.toml";

impl Kit {
    /// P-Mode files beside those of the plain exchange, for `kit.toml`: name and text.
    ///
    /// # Errors
    /// When a value has no TOML form; none of these types has one such.
    pub(super) fn further_pmodes(&self) -> Result<Vec<(String, String)>, toml::ser::Error> {
        let mut files = Vec::new();
        let mut add = |leg: Leg<'_>, manner: &Manner<'_>| -> Result<(), toml::ser::Error> {
            files.push((format!("pmodes/{}-{}.toml", leg.slug(), manner.name), leg.written(manner)?));
            Ok(())
        };
        let all = &self.exchanges;
        for leg in self.legs() {
            for (under, reply, name, mep) in [
                (Under::TwoWay, false, "request", Mep::Request),
                (Under::TwoWay, true, "reply", Mep::Reply),
                (Under::Pull, false, "pull", Mep::Pull),
                (Under::FourCorner, false, "four-corner", Mep::Push),
            ] {
                let Some(services) = services(all, under, reply) else { continue };
                // Whoever sends offers: the initiator of a pull is its receiver.
                let pull = all.pull.as_ref().filter(|_| under == Under::Pull);
                let own = leg.responder.id == self.own.id;
                let mpc = pull.map(|pull| if own { pull.channel.as_str() } else { pull.offers.as_str() });
                let corners = ["originalSender", "finalRecipient"];
                let properties: &[&str] = if under == Under::FourCorner { &corners } else { &[] };
                add(leg, &Manner { name, mep, services: &services, mpc, properties, open: false })?;
            }
        }
        Ok(files)
    }

    /// The P-Mode that unregistered parties send under: file and text; none where there is no such exchange.
    ///
    /// # Errors
    /// As [`Kit::further_pmodes`].
    pub(super) fn open_pmode(&self) -> Result<Option<(&'static str, String)>, toml::ser::Error> {
        let Some(services) = services(&self.exchanges, Under::Dynamic, false) else { return Ok(None) };
        let leg = Leg { kit: self, further: None, initiator: &self.partner, responder: &self.own };
        let manner =
            Manner { name: "anyone", mep: Mep::Push, services: &services, mpc: None, properties: &[], open: true };
        leg.written(&manner).map(|text| Some((ANYONE, text)))
    }
}

/// The `[[dynamic]]` table of `node.toml` for unregistered parties, with files below `dir`; none where there is no such
/// exchange.
#[must_use]
pub(crate) fn table(kit: &Kit, dir: &str) -> Option<String> {
    let dynamic = kit.exchanges.dynamic.as_ref()?;
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let file = |name: &str| quoted(&format!("{dir}{name}"));
    let crls: Vec<String> = kit.crls.iter().map(|(name, _)| file(&format!("{name}.crl"))).collect();
    let policies: Vec<String> = dynamic.policy.iter().map(|policy| quoted(policy)).collect();
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "[[dynamic]]\nparty_type = {}\ntls_anchors = {}\nsigning_anchors = {}\nsigning_subject = {}\n\
         signing_policies = [{}]\ncrls = [{}]\npmodes = [{}]\n",
        quoted(&kit.partner.kind),
        file("tls-anchors.pem"),
        file("signing-anchors.pem"),
        quoted(&subject_of("{party}")),
        policies.join(", "),
        crls.join(", "),
        file(ANYONE),
    );
    Some(text)
}

fn services(all: &Exchanges, under: Under, reply: bool) -> Option<Vec<ServiceActions>> {
    let Terms { service, service_type, action } = all.terms(under, reply)?;
    let kind = service_type.map(str::to_owned);
    Some(vec![ServiceActions { name: service.to_owned(), kind, actions: vec![action.to_owned()] }])
}
