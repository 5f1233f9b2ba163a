//! Which cases present which kind of the certificate zoo, and to the subject in which role.
//!
//! Kinds are names here: what they are is `carnet-certs`'s.

use std::collections::{BTreeMap, BTreeSet};

use crate::case::{Case, CaseId};
use crate::{Catalogue, matrix};

/// The kind that a client without a certificate is.
const NO_CERTIFICATE: &str = "no-certificate";

/// The cases that present one kind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Presented {
    /// To the subject as TLS server: the suite is the client.
    pub to_server: BTreeSet<CaseId>,
    /// To the subject as TLS client: the suite is the server.
    pub to_client: BTreeSet<CaseId>,
    /// As the signer of a message, a receipt or service metadata.
    pub as_signer: BTreeSet<CaseId>,
}

/// The cases of a catalogue by the kinds that they present.
#[must_use]
pub fn presented(catalogue: &Catalogue) -> BTreeMap<String, Presented> {
    let mut kinds: BTreeMap<String, Presented> = BTreeMap::new();
    for (id, case) in &catalogue.cases {
        for (kind, place) in shown(case) {
            place(kinds.entry(kind).or_default()).insert(id.clone());
        }
    }
    kinds
}

/// Where a case presents a kind.
type Place = fn(&mut Presented) -> &mut BTreeSet<CaseId>;

/// Every kind that some cell of a case presents, with where.
fn shown(case: &Case) -> Vec<(String, Place)> {
    let (to_server, to_client, as_signer): (Place, Place, Place) =
        (|kind| &mut kind.to_server, |kind| &mut kind.to_client, |kind| &mut kind.as_signer);
    let mut shown = Vec::new();
    for step in &case.step {
        let sends = step.send.is_some() || step.connect.is_some();
        let speaker = step.speaker.as_ref();
        let tls = step.tls.as_ref().and_then(|tls| tls.identity.as_ref()).or(speaker).filter(|_| sends);
        let sign = step.sign.as_ref().and_then(|sign| sign.identity.as_ref()).or(speaker);
        let face = step.listen.as_ref().and_then(|listen| listen.identity.as_ref());
        for (name, place) in [(tls, to_server), (face, to_client), (sign, as_signer)] {
            let Some(name) = name else { continue };
            let names = matrix::filled(case, name).into_iter();
            shown.extend(names.filter_map(|name| Some((kind(&name)?.to_owned(), place))));
        }
        if tls.is_some_and(|name| name == "none") {
            shown.push((NO_CERTIFICATE.to_owned(), to_server));
        }
    }
    shown
}

/// The kind that a name of a speaker is of.
fn kind(name: &str) -> Option<&str> {
    name.strip_prefix("zoo:").or_else(|| name.strip_prefix("publisher:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_faces_and_signers_count_each_at_its_place() {
        let kinds = presented(&crate::load().unwrap());
        let has = |cases: &BTreeSet<CaseId>, id: &str| cases.contains(&CaseId::new(id));
        let expired = &kinds["expired"];
        assert!(has(&expired.to_server, "tls.certificate.expired") && has(&expired.to_client, "tls.server.dates"));
        assert!(has(&expired.as_signer, "as4.trust.signer-expired"));
        assert!(!has(&expired.to_server, "tls.server.dates") && !has(&expired.to_server, "as4.trust.signer-expired"));
        assert!(has(&kinds[NO_CERTIFICATE].to_server, "tls.certificate.missing"));
    }
}
