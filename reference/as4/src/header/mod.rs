//! The ebMS header as types: user message, receipt, error, and the parts a user message lists.
//! Leaves reading them from a tree to `read` and writing them to `write`. Clauses: ebMS 3.0 core 5.2.2 (user message),
//! 5.2.3 (signals), AS4 profile 1.0 section 3.1 (compression properties) and 5.1.8 (non-repudiation receipt).

mod read;
mod write;

pub use read::HeaderError;
pub(crate) use read::{Messaging, messaging};
pub(crate) use write::{Content, MESSAGING_ID, write};

use crate::error::Severity;
use crate::id::{Action, AgreementRef, ContentId, ConversationId, MessageId, Mpc, PModeId, PartyId, Role, Service};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A message that carries business data, or a ping.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserMessage {
    /// Which message, when, and what it answers.
    pub info: MessageInfo,
    /// The channel; [`crate::ns::DEFAULT_MPC`] when the header names none.
    pub mpc: Mpc,
    /// Who sends.
    pub from: Party,
    /// For whom.
    pub to: Party,
    /// What for.
    pub collaboration: Collaboration,
    /// Properties of the message, in order.
    pub properties: Vec<Property>,
    /// The parts, in the order of PayloadInfo; the first is the leading document.
    pub parts: Vec<PartInfo>,
}

impl UserMessage {
    /// Whether this is a message to the ebMS test service: to be receipted, never delivered. The service alone decides
    /// (core 5.2.2.8).
    #[must_use]
    pub fn is_test(&self) -> bool {
        self.collaboration.service.is_test()
    }
}

/// Which message, when it was made, and what it answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageInfo {
    /// When the sender made it.
    pub timestamp: Timestamp,
    /// Its id.
    pub message_id: MessageId,
    /// The message it answers.
    pub ref_to: Option<MessageId>,
}

/// One side of an exchange.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Party {
    /// Who.
    pub id: PartyId,
    /// In which role.
    pub role: Role,
}

/// What the message is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collaboration {
    /// The agreement, when the header names one.
    pub agreement: Option<AgreementRef>,
    /// The `pmode` attribute of AgreementRef, when there.
    pub pmode: Option<PModeId>,
    /// The service.
    pub service: Service,
    /// The action.
    pub action: Action,
    /// The conversation.
    pub conversation: ConversationId,
}

/// A property of a message or of a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Property {
    /// Its name.
    pub name: String,
    /// Its type, when there.
    pub kind: Option<String>,
    /// Its value.
    pub value: String,
}

/// A part as the header lists it. The properties that AS4 gives a meaning are fields; the rest stay properties.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartInfo {
    /// The Content-ID of its MIME part.
    pub id: ContentId,
    /// `MimeType`: the media type before compression.
    pub mime_type: Option<String>,
    /// `CharacterSet`: the character set before compression.
    pub character_set: Option<String>,
    /// Whether `CompressionType` says gzip.
    pub compressed: bool,
    /// All other properties, in order.
    pub properties: Vec<Property>,
}

/// A signal message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal {
    /// Which signal, when, and what it answers.
    pub info: MessageInfo,
    /// What it says.
    pub body: SignalBody,
}

/// What a signal says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignalBody {
    /// A message was received.
    Receipt(Receipt),
    /// One or more errors; never empty.
    Errors(Vec<ErrorSignal>),
    /// A request for a message that waits in a channel.
    PullRequest(Mpc),
}

/// Proof of reception.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The digests of what was received, one for each signed part of the message; empty when the receipt only repeats
    /// the message and proves nothing.
    pub parts: Vec<PartDigest>,
}

/// A digest of one signed thing, named as the signature named it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PartDigest {
    /// `#id` or `cid:...`.
    pub uri: String,
    /// Algorithm URI of the digest.
    pub algorithm: String,
    /// The digest, in base64 without white space.
    pub value: String,
    /// The transforms the signer named, copied into the receipt.
    pub transforms: Vec<Transform>,
}

/// A transform as a reference names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Transform {
    /// Algorithm URI.
    pub algorithm: String,
    /// PrefixList of an exclusive canonical form; empty when none.
    pub prefixes: Vec<String>,
}

/// An ebMS error, as it is sent or as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorSignal {
    /// The code, `EBMS:nnnn` or another's.
    pub code: String,
    /// Its severity.
    pub severity: Severity,
    /// Its category, when there.
    pub category: Option<String>,
    /// Its short description, when there.
    pub short_description: Option<String>,
    /// The message it is about.
    pub ref_to: Option<MessageId>,
    /// Words for people.
    pub description: Option<String>,
    /// More words.
    pub detail: Option<String>,
}
