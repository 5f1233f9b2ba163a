//! P-Modes: what two parties agreed, one file each, and the profile a file builds on.
//! Leaves the file format to `read`, the choice of the P-Mode of a message to `select`, and trust to `partner`.
//! Clauses: ebMS 3.0 core 4 and appendix D (P-Mode parameters), eDelivery AS4 1.15 Common Profile.

mod error;
mod profile;
mod properties;
mod read;
mod select;

#[cfg(test)]
mod tests;

pub use error::PModeError;
pub use profile::Profile;
pub use properties::PropertyError;
pub(crate) use properties::check_properties;
pub use select::{Mismatch, PModes};

use crate::header::Party;
use crate::id::{Action, AgreementRef, Mpc, PModeId, PartyId, Service};
use carnet_wire::signature::SignatureAlgorithm;
use serde::Deserialize;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

/// One leg of what two parties agreed: [`PMode::sender`] sends a user message, [`PMode::receiver`] receives and
/// receipts it.
#[derive(Debug, Clone)]
pub struct PMode {
    /// Its name, unique among the P-Modes of a node.
    pub id: PModeId,
    /// The profile whose rules hold.
    pub profile: Arc<Profile>,
    /// The exchange pattern and its transport binding.
    pub mep: Mep,
    /// Which message of the exchange.
    pub leg: Leg,
    /// The agreement both headers name; without one, headers may name any.
    pub agreement: Option<AgreementRef>,
    /// Who begins the exchange: pushes the first message, or pulls.
    pub initiator: Party,
    /// Which side is left open; its id is nobody's then.
    pub open: Option<Open>,
    /// The other side.
    pub responder: Party,
    /// What may be exchanged. The ebMS test service is always allowed beside it.
    pub services: Vec<ServiceActions>,
    /// Names of the message properties that have to be there.
    pub properties: Vec<String>,
    /// How messages are secured.
    pub security: Security,
    /// What a payload may be.
    pub payload: PayloadProfile,
    /// How often a message without receipt is sent again.
    pub reception_awareness: ReceptionAwareness,
    /// The channel.
    pub mpc: Mpc,
}

impl PMode {
    /// Reads a P-Mode file. `name` is the file's name for errors; nothing is opened.
    ///
    /// # Errors
    /// [`PModeError`], with line, what was found, what was expected and what to do.
    pub fn read(name: &str, text: &str) -> Result<Self, PModeError> {
        read::read(name, text)
    }

    /// Who sends the user message.
    #[must_use]
    pub fn sender(&self) -> &Party {
        if self.starts_with_message() { &self.initiator } else { &self.responder }
    }

    /// Who receives the user message.
    #[must_use]
    pub fn receiver(&self) -> &Party {
        if self.starts_with_message() { &self.responder } else { &self.initiator }
    }

    /// This P-Mode with its open responder filled in.
    #[must_use]
    pub fn towards(&self, receiver: &PartyId) -> Cow<'_, Self> {
        if self.open != Some(Open::Responder) {
            return Cow::Borrowed(self);
        }
        let responder = Party { id: receiver.clone(), ..self.responder.clone() };
        Cow::Owned(Self { responder, ..self.clone() })
    }

    /// Whether the user message waits at its sender until its receiver pulls it.
    #[must_use]
    pub fn is_pulled(&self) -> bool {
        self.mep == Mep::OneWayPull
    }

    fn starts_with_message(&self) -> bool {
        !self.is_pulled() && self.leg == Leg::Request
    }

    /// Whether the service and action may be exchanged, the test service included.
    #[must_use]
    //= EBMS-TEST-03
    pub fn allows(&self, service: &Service, action: &Action) -> bool {
        self.service(service).is_some_and(|entry| entry.actions.contains(action))
            || (service.is_test() && action.as_str() == crate::ns::TEST_ACTION)
    }

    /// The entry of a service.
    #[must_use]
    pub fn service(&self, service: &Service) -> Option<&ServiceActions> {
        self.services.iter().find(|entry| entry.service == *service)
    }
}

/// Exchange pattern and transport binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mep {
    /// One user message, pushed; the receipt comes in the answer.
    OneWayPush,
    /// One user message, fetched by its receiver from a channel; the receipt is pushed afterwards.
    OneWayPull,
    /// A user message and the business reply to it, each pushed by its sender.
    TwoWayPushAndPush,
}

/// The side of a P-Mode that no party is named for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Open {
    /// Whoever its certificate names may send (eDelivery AS4 1.15, 1.5.3: Dynamic Receiver).
    Initiator,
    /// Whoever a publisher of service metadata tells of may be sent to (1.5.4: Dynamic Sender).
    Responder,
}

/// Which message of an exchange a P-Mode is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Leg {
    /// The first, or the only one.
    #[default]
    Request,
    /// The business reply of a Two-Way exchange; it names the request it answers.
    Reply,
}

/// A service and the actions that may be asked of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceActions {
    /// The service.
    pub service: Service,
    /// Its actions.
    pub actions: Vec<Action>,
}

/// How messages are secured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Security {
    /// The token this node sends.
    pub token: TokenForm,
    /// The tokens the partner may send.
    pub accept_tokens: Vec<TokenForm>,
}

/// How what is sent under a P-Mode is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signs {
    /// How the signer is shown.
    pub token: TokenForm,
    /// Algorithms that are agreed; without any, the signer's own.
    algorithms: [Option<SignatureAlgorithm>; 3],
}

impl Signs {
    /// Whether a key that signs with that algorithm signs as agreed.
    #[must_use]
    pub fn agrees(&self, algorithm: &str) -> bool {
        let mut agreed = self.algorithms.iter().flatten().peekable();
        agreed.peek().is_none() || agreed.any(|agreed| agreed.uri() == algorithm)
    }
}

impl Default for Signs {
    /// What answers a message whose P-Mode is not known.
    fn default() -> Self {
        TokenForm::PkiPath.into()
    }
}

impl From<TokenForm> for Signs {
    /// By whatever algorithm the signer's key has.
    fn from(token: TokenForm) -> Self {
        Self { token, algorithms: [None; 3] }
    }
}

impl PMode {
    /// How what is sent under it is signed.
    #[must_use]
    pub fn signs(&self) -> Signs {
        let mut known = self.profile.security.signatures.iter().filter_map(|uri| SignatureAlgorithm::from_uri(uri));
        Signs { token: self.security.token, algorithms: [(); 3].map(|()| known.next()) }
    }
}

/// How a signer shows its certificate (WSS X.509 token profile 1.1.1 section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
pub enum TokenForm {
    /// The whole chain, root first.
    #[serde(rename = "x509-pkipath")]
    PkiPath,
    /// The signer's certificate alone.
    #[serde(rename = "x509-v3")]
    X509v3,
    /// Its subject key identifier; the receiver knows the certificate.
    #[serde(rename = "ski")]
    Ski,
    /// Its issuer and serial number; the receiver knows the certificate.
    #[serde(rename = "issuer-serial")]
    IssuerSerial,
}

/// What a payload may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayloadProfile {
    /// Whether parts are sent compressed. Both forms are always received.
    pub compress: bool,
    /// Most bytes of one part, after decompression.
    pub max_bytes: u64,
    /// Most parts of one message.
    pub max_parts: usize,
}

/// How often a message without receipt is sent again, always with the same MessageId.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceptionAwareness {
    /// From one sending to the next.
    pub retry_interval: Duration,
    /// Sendings after the first.
    pub retry_count: u32,
}
