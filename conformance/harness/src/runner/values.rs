//! The values of `${...}` for one execution of a cell: fresh ones are made once and kept.

use std::collections::BTreeMap;

use carnet_catalogue::matrix::Cell;
use carnet_catalogue::step::{Connect, Forge, Place, Send, Step};
use carnet_catalogue::subject::Agreement;
use carnet_catalogue::variable;

use super::stop::Stop;
use crate::fresh::Fresh;
use crate::mrn;
use crate::setup::{Address, Setup};

/// Values by name.
#[derive(Debug, Clone)]
pub(crate) struct Values {
    known: BTreeMap<String, String>,
}

impl Values {
    /// All that is known before the first step.
    ///
    /// `endpoint` is where the subject reaches the suite; empty where nobody listens.
    pub(crate) fn new(setup: &Setup, endpoint: &str, cell: &Cell, agreement: &Agreement, fresh: &Fresh) -> Self {
        let subject = &setup.subject;
        let suite = &subject.suite;
        let other = suite.other_party.as_ref().map(|party| party.id.clone()).unwrap_or_default();
        let sample = setup.sample.as_ref();
        let pull = subject.exchange.pull.as_ref();
        let corners = subject.exchange.four_corner.as_ref();
        let receivers = subject.exchange.discovery.as_ref().map(|one| one.party.as_str()).unwrap_or_default();
        let id = fresh.uuid().simple().to_string().to_ascii_uppercase();
        let short = id.get(18..).unwrap_or_default().to_owned();
        let conversation =
            agreement.conversation.clone().unwrap_or_else(|| format!("carnet-{}", fresh.uuid().simple()));
        let mut known: BTreeMap<String, String> = [
            ("fresh.message-id", fresh.id()),
            ("fresh.conversation", conversation),
            ("fresh.lrn", lrn(&subject.references.lrn, &id)),
            ("fresh.mrn", mrn::issue(&subject.references.mrn, &short)),
            ("fresh.ucr", format!("{}{short}", subject.references.ucr)),
            ("fresh.text", fresh.uuid().simple().to_string()),
            ("fresh.receiver", format!("{receivers}-{}", fresh.uuid().simple())),
            ("document.to", suite.party.id.clone()),
            ("now", fresh.time()),
            ("subject.url", subject.url.clone()),
            ("subject.host", setup.address.host.clone()),
            ("subject.path", setup.address.path.clone()),
            ("subject.party", subject.party.id.clone()),
            ("subject.party-type", subject.party.kind.clone()),
            ("subject.role", subject.party.responder_role.clone()),
            ("suite.party", suite.party.id.clone()),
            ("suite.party-type", suite.party.kind.clone()),
            ("suite.role", suite.party.initiator_role.clone()),
            ("suite.other-party", other),
            ("suite.url", endpoint.to_owned()),
            ("suite.host", Address::parse(endpoint).map(|address| address.host_header()).unwrap_or_default()),
            ("agreement.name", agreement.name.clone()),
            ("sample.service", sample.map(|sample| sample.service.clone()).unwrap_or_default()),
            ("sample.action", sample.map(|sample| sample.action.clone()).unwrap_or_default()),
            ("exchange.channel", pull.map(|pull| pull.channel.clone()).unwrap_or_default()),
            ("exchange.offers", pull.map(|pull| pull.offers.clone()).unwrap_or_default()),
            ("exchange.original-sender", corners.map(|one| one.original_sender.clone()).unwrap_or_default()),
            ("exchange.final-recipient", corners.map(|one| one.final_recipient.clone()).unwrap_or_default()),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
        for (axis, value) in &cell.values {
            known.insert(format!("matrix.{axis}"), value.clone());
        }
        Self { known }
    }

    /// One value.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.known.get(name).map(String::as_str)
    }

    /// Sets a value, such as what a step leaves behind.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.known.insert(name.to_owned(), value.to_owned());
    }

    /// A text with its variables filled in.
    ///
    /// # Errors
    /// The first name without a value.
    pub(crate) fn fill(&self, text: &str) -> Result<String, Stop> {
        variable::fill(text, |name| self.known.get(name).cloned()).map_err(|name| Stop::without_value(&name))
    }

    /// A step with every text filled in.
    ///
    /// # Errors
    /// The first name without a value.
    pub(crate) fn step(&self, step: &Step) -> Result<Step, Stop> {
        let mut step = step.clone();
        let fill = |text: &mut String| -> Result<(), Stop> {
            *text = self.fill(text)?;
            Ok(())
        };
        for Send { message, set, part, property, mpc, .. } in step.send.iter_mut().chain(&mut step.offer) {
            mpc.iter_mut().try_for_each(fill)?;
            message.iter_mut().try_for_each(fill)?;
            set.values_mut().try_for_each(fill)?;
            part.iter_mut().filter_map(|part| part.text.as_mut()).try_for_each(fill)?;
            property.iter_mut().map(|property| &mut property.value).try_for_each(fill)?;
        }
        if let Some(Connect { text: Some(text), .. }) = &mut step.connect {
            fill(text)?;
        }
        step.publish.iter_mut().filter_map(|publish| publish.certificate.as_mut()).try_for_each(fill)?;
        step.speaker.iter_mut().try_for_each(fill)?;
        if let Some(listen) = &mut step.listen {
            listen.identity.iter_mut().try_for_each(fill)?;
            listen.versions.iter_mut().try_for_each(fill)?;
            listen.suites.iter_mut().try_for_each(fill)?;
        }
        if let Some(Place::Named(name)) = step.fault.as_mut().and_then(|fault| fault.at.as_mut()) {
            fill(name)?;
        }
        if let Some(tls) = &mut step.tls {
            tls.identity.iter_mut().try_for_each(fill)?;
            tls.versions.iter_mut().try_for_each(fill)?;
        }
        if let Some(sign) = &mut step.sign {
            sign.identity.iter_mut().try_for_each(fill)?;
            sign.token.iter_mut().try_for_each(fill)?;
        }
        if let Some(encrypt) = &mut step.encrypt {
            encrypt.key.iter_mut().try_for_each(fill)?;
            encrypt.content.iter_mut().try_for_each(fill)?;
        }
        Ok(step)
    }

    /// Forge operations with their texts filled in.
    ///
    /// # Errors
    /// The first name without a value.
    pub(crate) fn forge(&self, forge: &[Forge]) -> Result<Vec<Forge>, Stop> {
        forge
            .iter()
            .map(|edit| {
                let mut edit = edit.clone();
                edit.place = self.fill(&edit.place)?;
                edit.with = edit.with.as_deref().map(|with| self.fill(with)).transpose()?;
                Ok(edit)
            })
            .collect()
    }
}

/// A local reference number that nobody used, 22 characters at most.
fn lrn(prefix: &str, fresh: &str) -> String {
    let room = 22_usize.saturating_sub(prefix.len());
    // The end of it: versions and variants stand before.
    let end: String = fresh.chars().rev().take(room.min(19)).collect();
    format!("{prefix}{end}")
}

#[cfg(test)]
mod tests {
    use super::lrn;

    #[test]
    fn references_stay_in_their_range_and_keep_their_length() {
        for prefix in ["CT", "", "TESTTEST01"] {
            let made = lrn(prefix, "0123456789ABCDEF0123456789ABCDEF");
            assert!(made.starts_with(prefix) && (19..=22).contains(&made.len()), "{made}");
        }
    }
}
