//! A message as the store hands it back, and the reference to each of its parts.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Digest, Held, Key, MessageId, Party, State};

/// Which way a message travels, seen from this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Received from a partner.
    In,
    /// Submitted here, for a partner.
    Out,
}

/// A stored message, without its bodies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its place in this store.
    pub key: Key,
    /// Received or submitted.
    pub direction: Direction,
    /// The MessageId on the wire; unique per direction and sender.
    pub id: MessageId,
    /// The sending party.
    pub from: Party,
    /// The receiving party.
    pub to: Party,
    /// The ConversationId.
    pub conversation: String,
    /// The RefToMessageId, where the exchange pattern sets it.
    pub ref_to: Option<MessageId>,
    /// The P-Mode it travels under.
    pub pmode: String,
    /// The Service.
    pub service: String,
    /// The Action.
    pub action: String,
    /// Whether its receiver pulls it (outgoing only).
    pub pull: bool,
    /// Where it stands.
    pub state: State,
    /// How often it was sent or pulled (outgoing only).
    pub attempts: u32,
    /// When it is to be sent next, or may be pulled again; `None` when it is settled or incoming.
    pub due: Option<Timestamp>,
    /// When it entered this store.
    pub created: Timestamp,
    /// When its state last changed.
    pub changed: Timestamp,
    /// What the sender signed: see [`NewMessage::digests`](crate::NewMessage::digests).
    pub digests: Vec<Digest>,
}

/// One part of a message, in the order of the header's PartInfo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The Content-ID without `cid:`; empty for a payload in the SOAP Body.
    pub cid: String,
    /// The media type of the MIME part as transported.
    pub media_type: String,
    /// The PartProperties as they stand in the header (MimeType, CompressionType, CharacterSet ...).
    pub properties: Vec<(String, String)>,
    /// The digest the signature covers: transported octets, or what the part's media type has hashed instead.
    pub digest: Digest,
    /// The transported octets.
    pub held: Held,
}
