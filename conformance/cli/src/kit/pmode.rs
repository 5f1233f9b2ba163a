//! P-Mode files, one per direction, in the format of `docs/pmode.md`.

use serde::Serialize;

use super::Kit;
use carnet_catalogue::subject::Party;

const DEFAULT_MPC: &str = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/defaultMPC";

/// A service and the actions that may be exchanged under it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ServiceActions {
    /// Service.
    pub name: String,
    /// Its type attribute.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Actions.
    pub actions: Vec<String>,
}

/// One direction of an agreement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Leg<'a> {
    /// The agreement.
    pub kit: &'a Kit,
    /// Who sends.
    pub initiator: &'a Party,
    /// Who receives.
    pub responder: &'a Party,
}

impl Leg<'_> {
    /// File name without ending: `ph-to-th`.
    #[must_use]
    pub(crate) fn slug(&self) -> String {
        format!("{}-to-{}", fit_for_file(&self.initiator.id), fit_for_file(&self.responder.id))
    }

    /// The P-Mode as TOML.
    ///
    /// # Errors
    /// When a value has no TOML form; none of these types has one such.
    pub(crate) fn to_toml(self) -> Result<String, toml::ser::Error> {
        let kit = self.kit;
        let file = File {
            format: 1,
            id: format!("customs-c2c.{}.{}", self.initiator.id, self.responder.id),
            profile: "customs-c2c",
            mep: "one-way-push",
            agreement: (!kit.agreement.0.is_empty()).then_some(kit.agreement.0.as_str()),
            agreement_type: kit.agreement.1.as_deref(),
            initiator: party(self.initiator, &self.initiator.initiator_role),
            responder: party(self.responder, &self.responder.responder_role),
            service: &kit.services,
            security: Security { token: &kit.token, accept_tokens: ["x509-pkipath", "x509-v3"] },
            payload: Payload { compress: kit.compress },
            reception_awareness: Retry {
                retry_interval: kit.reception_awareness.retry_interval.to_string(),
                retry_count: kit.reception_awareness.retry_count,
                duplicate_detection: true,
            },
            mpc: Channel { name: kit.mpc.as_deref().unwrap_or(DEFAULT_MPC) },
        };
        toml::to_string(&file)
    }
}

/// Lower case letters, digits and hyphens of a party id.
fn fit_for_file(id: &str) -> String {
    id.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect()
}

fn party<'a>(party: &'a Party, role: &'a str) -> FileParty<'a> {
    let party_type = (!party.kind.is_empty()).then_some(party.kind.as_str());
    FileParty { party: &party.id, party_type, role }
}

#[derive(Serialize)]
struct File<'a> {
    format: u32,
    id: String,
    profile: &'static str,
    mep: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    agreement: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agreement_type: Option<&'a str>,
    initiator: FileParty<'a>,
    responder: FileParty<'a>,
    service: &'a [ServiceActions],
    security: Security<'a>,
    payload: Payload,
    reception_awareness: Retry,
    mpc: Channel<'a>,
}

#[derive(Serialize)]
struct FileParty<'a> {
    party: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    party_type: Option<&'a str>,
    role: &'a str,
}

#[derive(Serialize)]
struct Security<'a> {
    token: &'a str,
    accept_tokens: [&'static str; 2],
}

#[derive(Serialize)]
struct Payload {
    compress: bool,
}

#[derive(Serialize)]
struct Retry {
    retry_interval: String,
    retry_count: u32,
    duplicate_detection: bool,
}

#[derive(Serialize)]
struct Channel<'a> {
    name: &'a str,
}
