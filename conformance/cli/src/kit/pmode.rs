//! P-Mode files, one per direction, in the format of `docs/pmode.md`.

use serde::Serialize;

use super::Kit;
use carnet_catalogue::profile::{Profile, RSA};
use carnet_catalogue::subject::{Agreement, Party};

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

/// What a P-Mode has of its own beside the parties.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner<'a> {
    /// Added to the id.
    pub name: &'static str,
    /// Exchange pattern, and leg of it.
    pub mep: Mep,
    /// What may be exchanged.
    pub services: &'a [ServiceActions],
    /// Channel, when it is not the default.
    pub mpc: Option<&'a str>,
    /// Message properties that must be there.
    pub properties: &'a [&'a str],
    /// The party that is left open.
    pub open: Option<Open>,
}

/// Who is not named in a P-Mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Open {
    /// The initiator, which is known by its certificate.
    Initiator,
    /// The responder, which is looked up.
    Responder,
}

/// The exchange patterns, with the leg where there are two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mep {
    /// One-Way/Push.
    Push,
    /// One-Way/Pull.
    Pull,
    /// First leg of Two-Way/Push-and-Push.
    Request,
    /// Second leg.
    Reply,
}

/// One direction of an agreement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Leg<'a> {
    /// What the two have agreed.
    pub kit: &'a Kit,
    /// A further agreement of theirs, with its name; the main one without.
    pub further: Option<(&'a str, &'a Agreement)>,
    /// Who sends.
    pub initiator: &'a Party,
    /// Who receives.
    pub responder: &'a Party,
}

impl<'a> Leg<'a> {
    /// File name without ending: `ph-to-th`.
    #[must_use]
    pub(crate) fn slug(&self) -> String {
        let legs = format!("{}-to-{}", fit_for_file(&self.initiator.id), fit_for_file(&self.responder.id));
        self.further.map_or_else(|| legs.clone(), |(name, _)| format!("{legs}-{}", fit_for_file(name)))
    }

    /// The same parties under each further agreement that encrypts and signs with the same keys.
    pub(super) fn encrypted(self) -> impl Iterator<Item = Leg<'a>> {
        let encrypts = |profile: Profile| profile.signing == RSA && profile.encryption.is_some();
        let further = self.kit.further.iter().filter(move |(_, agreement)| encrypts(agreement.secured()));
        further.map(move |(name, agreement)| Leg { further: Some((name, agreement)), ..self })
    }

    /// The P-Mode as TOML.
    ///
    /// # Errors
    /// When a value has no TOML form; none of these types has one such.
    pub(crate) fn to_toml(self) -> Result<String, toml::ser::Error> {
        let mpc = self.further.map_or(&self.kit.mpc, |(_, further)| &further.mpc);
        let (services, mpc) = (self.kit.services.as_slice(), mpc.as_deref());
        self.written(&Manner { name: "", mep: Mep::Push, services, mpc, properties: &[], open: None })
    }

    /// A P-Mode of these parties and terms as TOML.
    ///
    /// # Errors
    /// As [`Leg::to_toml`].
    pub(super) fn written(self, manner: &Manner<'_>) -> Result<String, toml::ser::Error> {
        let kit = self.kit;
        let (agreement, kind, profile) = match self.further {
            None => (&kit.agreement.0, &kit.agreement.1, "customs-c2c"),
            Some((_, further)) => (&further.name, &further.kind, further.profile.as_str()),
        };
        let (token, compress) = match self.further {
            None => (&kit.token, kit.compress),
            Some((_, further)) => (&further.token, further.compress),
        };
        let mut id = format!("{profile}.{}.{}", self.initiator.id, self.responder.id);
        match manner.open {
            Some(Open::Initiator) => id = format!("{profile}.{}", self.responder.id),
            Some(Open::Responder) => id = format!("{profile}.{}", self.initiator.id),
            None => {}
        }
        if let Some((name, _)) = self.further {
            id = format!("{id}.{name}");
        }
        if !manner.name.is_empty() {
            id = format!("{id}.{}", manner.name);
        }
        let (mep, leg) = match manner.mep {
            Mep::Push => ("one-way-push", None),
            Mep::Pull => ("one-way-pull", None),
            Mep::Request => ("two-way-push-and-push", Some("request")),
            Mep::Reply => ("two-way-push-and-push", Some("reply")),
        };
        let file = File {
            format: 1,
            id,
            profile,
            mep,
            leg,
            properties: manner.properties,
            agreement: (!agreement.is_empty()).then_some(agreement.as_str()),
            agreement_type: kind.as_deref(),
            initiator: party(self.initiator, &self.initiator.initiator_role, manner.open == Some(Open::Initiator)),
            responder: party(self.responder, &self.responder.responder_role, manner.open == Some(Open::Responder)),
            service: manner.services,
            security: Security {
                token,
                accept_tokens: (profile == "customs-c2c").then_some(["x509-pkipath", "x509-v3"]),
            },
            payload: Payload { compress },
            reception_awareness: Retry {
                retry_interval: kit.reception_awareness.retry_interval.to_string(),
                retry_count: kit.reception_awareness.retry_count,
                duplicate_detection: true,
            },
            mpc: Channel { name: manner.mpc.unwrap_or(DEFAULT_MPC) },
        };
        toml::to_string(&file)
    }
}

/// Lower case letters, digits and hyphens of a party id.
fn fit_for_file(id: &str) -> String {
    id.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect()
}

fn party<'a>(party: &'a Party, role: &'a str, open: bool) -> FileParty<'a> {
    let party_type = (!party.kind.is_empty()).then_some(party.kind.as_str());
    FileParty { party: (!open).then_some(party.id.as_str()), party_type, role }
}

#[derive(Serialize)]
struct File<'a> {
    format: u32,
    id: String,
    profile: &'a str,
    mep: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    leg: Option<&'static str>,
    #[serde(skip_serializing_if = "<[&str]>::is_empty")]
    properties: &'a [&'a str],
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
    #[serde(skip_serializing_if = "Option::is_none")]
    party: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    party_type: Option<&'a str>,
    role: &'a str,
}

#[derive(Serialize)]
struct Security<'a> {
    token: &'a str,
    /// All that the profile knows, when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    accept_tokens: Option<[&'static str; 2]>,
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
