//! The P-Modes of the exchanges beside the plain one: Two-Way, pull, four corners, a sender that nobody registered, a
//! receiver that is looked up.
//!
//! What a node that reads `node.toml` needs for the last two is a table there; [`dynamic`] and [`discovery`] write them.

use std::fmt::Write as _;

use carnet_catalogue::exchange::{Exchanges, Terms, Under};
use carnet_harness::setup::publisher_url;

use super::pmode::{Manner, Mep, Open};
use super::{Kit, Leg, ServiceActions, subject_of};

/// The file of the P-Mode that unregistered parties send under.
const ANYONE: &str = "pmodes/anyone.toml";
/// The file of the P-Mode under which parties are sent to that are looked up.
const TO_ANYONE: &str = "pmodes/to-anyone.toml";

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
                let manner = Manner { name, mep, services: &services, mpc, properties, open: None };
                add(leg, &manner)?;
                // What is pulled may be encrypted as well, in the same channel. A submission goes under the first P-Mode.
                for leg in leg.encrypted().filter(|_| under == Under::Pull) {
                    add(leg, &manner)?;
                }
            }
        }
        Ok(files)
    }

    /// The P-Modes that leave a party open, for the tables of `node.toml`: file and text. Unregistered parties send under
    /// the one, to those that are looked up is sent under the other.
    ///
    /// # Errors
    /// As [`Kit::further_pmodes`].
    pub(super) fn open_pmodes(&self) -> Result<Vec<(&'static str, String)>, toml::ser::Error> {
        let [out, back] = self.legs();
        let mut files = Vec::new();
        for (under, leg, file, name, open) in [
            (Under::Dynamic, back, ANYONE, "anyone", Open::Initiator),
            (Under::Discovery, out, TO_ANYONE, "to-anyone", Open::Responder),
        ] {
            let Some(services) = services(&self.exchanges, under, false) else { continue };
            let manner =
                Manner { name, mep: Mep::Push, services: &services, mpc: None, properties: &[], open: Some(open) };
            files.push((file, leg.written(&manner)?));
        }
        Ok(files)
    }

    /// The tables of `node.toml` for these exchanges, with files below `dir`: the name of a file for each, and its text.
    #[must_use]
    pub(crate) fn tables(&self, dir: &str) -> Vec<(&'static str, String)> {
        let dynamic = dynamic(self, dir).map(|text| ("dynamic.toml", text));
        let discovery = discovery(self, dir).map(|text| ("discovery.toml", text));
        dynamic.into_iter().chain(discovery).collect()
    }
}

/// The `[[discovery]]` table, for receivers that the suite's publisher knows; none where there is no such exchange.
fn discovery(kit: &Kit, dir: &str) -> Option<String> {
    let discovery = kit.exchanges.discovery.as_ref()?;
    let text = |text: &str| toml::Value::String(text.to_owned());
    let file = |name: &str| text(&format!("{dir}{name}"));
    let crls = kit.crls.iter().map(|crl| file(&crl.file())).collect();
    let mut table = toml::Table::new();
    let mut put = |name: &str, value: toml::Value| drop(table.insert(name.to_owned(), value));
    put("smp", text(&publisher_url(discovery)));
    put("smp_signing_anchors", file("signing-anchors.pem"));
    put("smp_signing_subject", text(kit.publisher.as_deref()?));
    if let Some(scheme) = &discovery.participant_scheme {
        put("participant_scheme", text(scheme));
    }
    put("document_scheme", text(&discovery.document_scheme));
    if let Some(scheme) = &discovery.process_scheme {
        put("process_scheme", text(scheme));
    }
    put("transport_profile", text(&discovery.transport_profile));
    put("timeout", text(&kit.reception_awareness.answer_timeout.to_string()));
    put("tls_anchors", file("tls-anchors.pem"));
    put("signing_anchors", file("signing-anchors.pem"));
    if kit.signing_intermediates.is_some() {
        put("signing_intermediates", file("signing-intermediates.pem"));
    }
    put("crls", toml::Value::Array(crls));
    put("pmodes", toml::Value::Array(vec![file(TO_ANYONE)]));
    toml::to_string(&table).ok().map(|table| format!("[[discovery]]\n{table}"))
}

/// The `[[dynamic]]` table, for unregistered parties; none where there is no such exchange.
fn dynamic(kit: &Kit, dir: &str) -> Option<String> {
    let dynamic = kit.exchanges.dynamic.as_ref()?;
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let file = |name: &str| quoted(&format!("{dir}{name}"));
    let crls: Vec<String> = kit.crls.iter().map(|crl| file(&crl.file())).collect();
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
