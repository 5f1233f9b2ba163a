//! The exchanges of `subject.toml` beside the plain one: Two-Way, pull, four corners, a sender that nobody registered, a
//! receiver that is looked up.
//!
//! Each goes under a Service and Action of its own, by which a node tells the P-Modes apart. How they are carried out is
//! left to the harness. Clauses: eDelivery AS4 1.15 sections 1.4.4.2, 1.5.1, 1.5.3,
//! 1.5.4 and 1.5.5.

use serde::{Deserialize, Serialize};

/// What was agreed beside the plain exchange; what is not there, was not agreed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Exchanges {
    /// A request and the reply to it, both pushed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub two_way: Option<TwoWay>,
    /// Messages that their receiver fetches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull: Option<Pulled>,
    /// Messages that name the outer corners.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub four_corner: Option<FourCorner>,
    /// Messages of a sender that is known by its certificate alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dynamic: Option<Dynamic>,
    /// Messages to receivers that only a publisher of service metadata knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discovery: Option<Discovery>,
}

/// Two-Way/Push-and-Push, begun by either party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TwoWay {
    /// Service.
    pub service: String,
    /// Its type attribute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_type: Option<String>,
    /// Action of the first leg.
    pub request: String,
    /// Action of the second.
    pub reply: String,
}

/// One-Way/Pull, in both directions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pulled {
    /// Service.
    pub service: String,
    /// Its type attribute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_type: Option<String>,
    /// Action.
    pub action: String,
    /// The channel (MPC) at the subject that the suite pulls from.
    pub channel: String,
    /// The channel at the suite that the subject pulls from.
    pub offers: String,
}

/// One-Way/Push whose messages name who sent them first and who gets them last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FourCorner {
    /// Service.
    pub service: String,
    /// Its type attribute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_type: Option<String>,
    /// Action.
    pub action: String,
    /// Value of `originalSender` in what the suite sends.
    pub original_sender: String,
    /// Value of `finalRecipient` in what the suite sends.
    pub final_recipient: String,
    /// Type attribute of both.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

/// One-Way/Push of a party that the subject's operator did not register.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dynamic {
    /// Service.
    pub service: String,
    /// Its type attribute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_type: Option<String>,
    /// Action.
    pub action: String,
    /// PartyId of the unregistered party; its certificates carry it as their common name.
    pub party: String,
    /// Certificate policy (OID) that its signing certificate must name; none when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
}

/// One-Way/Push to parties that the subject's operator did not register: the suite's own publisher says where they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Discovery {
    /// Service.
    pub service: String,
    /// Its type attribute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_type: Option<String>,
    /// Action.
    pub action: String,
    /// What the PartyIds of these receivers begin with; each case has its own, so that no answer is known beforehand.
    pub party: String,
    /// Address that the publisher listens on.
    pub listen: String,
    /// Its base URL as the subject reaches it, when it is not the listen address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,
    /// Scheme of participants' identifiers; the type of the suite's PartyId when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participant_scheme: Option<String>,
    /// Scheme of documents' identifiers, whose value is the action.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub document_scheme: String,
    /// Scheme of processes' identifiers, whose value is the service; the service's type when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process_scheme: Option<String>,
    /// Name of the transport in service metadata.
    #[serde(default = "transport")]
    pub transport_profile: String,
}

/// The exchange that a step runs under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Under {
    /// See [`TwoWay`].
    TwoWay,
    /// See [`Pulled`].
    Pull,
    /// See [`FourCorner`].
    FourCorner,
    /// See [`Dynamic`].
    Dynamic,
    /// See [`Discovery`].
    Discovery,
}

/// What a message goes under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms<'e> {
    /// Service.
    pub service: &'e str,
    /// Its type attribute.
    pub service_type: Option<&'e str>,
    /// Action.
    pub action: &'e str,
}

impl Under {
    /// As `subject.toml` names its table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TwoWay => "two-way",
            Self::Pull => "pull",
            Self::FourCorner => "four-corner",
            Self::Dynamic => "dynamic",
            Self::Discovery => "discovery",
        }
    }
}

impl Exchanges {
    /// What messages of an exchange go under; `reply` for the second leg of a Two-Way exchange. None when the exchange was
    /// not agreed.
    #[must_use]
    pub fn terms(&self, under: Under, reply: bool) -> Option<Terms<'_>> {
        match under {
            Under::TwoWay => self.two_way.as_ref().map(|one| Terms {
                service: &one.service,
                service_type: one.service_type.as_deref(),
                action: if reply { &one.reply } else { &one.request },
            }),
            Under::Pull => self.pull.as_ref().map(|one| Terms {
                service: &one.service,
                service_type: one.service_type.as_deref(),
                action: &one.action,
            }),
            Under::FourCorner => self.four_corner.as_ref().map(|one| Terms {
                service: &one.service,
                service_type: one.service_type.as_deref(),
                action: &one.action,
            }),
            Under::Dynamic => self.dynamic.as_ref().map(|one| Terms {
                service: &one.service,
                service_type: one.service_type.as_deref(),
                action: &one.action,
            }),
            Under::Discovery => self.discovery.as_ref().map(|one| Terms {
                service: &one.service,
                service_type: one.service_type.as_deref(),
                action: &one.action,
            }),
        }
    }
}

fn transport() -> String {
    "bdxr-transport-ebms3-as4-v1p0".to_owned()
}
