//! What the API answers, as JSON.

use carnet_as4::header::{Property, UserMessage};
use carnet_exchange::{Direction, Event, Message, Part};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::parts::{Header, is_compressed, property};

/// A message that was taken in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Submitted {
    /// Its key here.
    pub(crate) key: i64,
    /// Its MessageId on the wire.
    pub(crate) message_id: String,
    /// Its ConversationId.
    pub(crate) conversation: String,
    /// The service it travels under.
    pub(crate) service: String,
    /// The action it travels under.
    pub(crate) action: String,
    /// `submitted`; `delivered` or `failed` when the request waited for it.
    pub(crate) state: &'static str,
    /// What validation remarked without refusing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) warnings: Vec<super::problem::Finding>,
}

/// A message in a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MessageItem {
    /// Its key here; a list is asked on with `before` set to the last one.
    pub(crate) key: i64,
    /// `in` or `out`.
    pub(crate) direction: &'static str,
    /// Its MessageId on the wire.
    pub(crate) message_id: String,
    /// The sending party.
    pub(crate) from: PartyItem,
    /// The receiving party.
    pub(crate) to: PartyItem,
    /// Its ConversationId.
    pub(crate) conversation: String,
    /// The message it refers to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ref_to: Option<String>,
    /// The P-Mode it travels under.
    pub(crate) pmode: String,
    /// Service.
    pub(crate) service: String,
    /// Action.
    pub(crate) action: String,
    /// Whether the receiving party pulls it (out only).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) pull: bool,
    /// `received`, `submitted`, `retrying`, `delivered`, `failed`.
    pub(crate) state: &'static str,
    /// How often it was sent (out only).
    pub(crate) attempts: u32,
    /// When it is sent next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) due: Option<String>,
    /// When it came in or was submitted.
    pub(crate) created: String,
    /// When its state last changed.
    pub(crate) changed: String,
}

/// A party.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PartyItem {
    /// PartyId.
    pub(crate) id: String,
    /// Its type.
    #[serde(rename = "type")]
    pub(crate) kind: String,
}

/// A message with everything about it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MessageDetail {
    /// The message.
    #[serde(flatten)]
    pub(crate) message: MessageItem,
    /// What else its header says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) header: Option<HeaderItem>,
    /// Its parts, in the header's order.
    pub(crate) parts: Vec<PartItem>,
    /// The steps it took, oldest first.
    pub(crate) history: Vec<HistoryItem>,
    /// Whether its receipt is here.
    pub(crate) has_receipt: bool,
}

/// What a header says beside what a list shows.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HeaderItem {
    /// AgreementRef, where it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) agreement: Option<String>,
    /// Role of the sending party.
    pub(crate) from_role: String,
    /// Role of the receiving party.
    pub(crate) to_role: String,
    /// The message partition channel.
    pub(crate) mpc: String,
    /// MessageProperties, in their order.
    pub(crate) properties: Vec<PropertyItem>,
}

/// A property of a message or of a part.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PropertyItem {
    /// Its name.
    pub(crate) name: String,
    /// Its type, where it is there.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<String>,
    /// Its value.
    pub(crate) value: String,
}

/// A part.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PartItem {
    /// From 1: its place in the URL.
    pub(crate) number: usize,
    /// Content-ID.
    pub(crate) content_id: String,
    /// Media type before compression.
    pub(crate) mime_type: String,
    /// Character set, where one is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) character_set: Option<String>,
    /// Whether it travelled compressed.
    pub(crate) compressed: bool,
    /// File name, where one is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) filename: Option<String>,
    /// PartProperties beside those that say how it travelled, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) properties: Vec<PropertyItem>,
    /// Bytes on the wire.
    pub(crate) transported_bytes: u64,
    /// The signed digest, SHA-256, hexadecimal.
    pub(crate) digest: String,
}

/// A step.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HistoryItem {
    /// When.
    pub(crate) at: String,
    /// The state it stepped into.
    pub(crate) state: &'static str,
    /// Why; empty when the state says it all.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) note: String,
}

/// A failure that the producer must know.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NoticeItem {
    /// Its place in the sequence; ask on with `after` set to it.
    pub(crate) sequence: i64,
    /// The message.
    pub(crate) key: i64,
    /// Its MessageId.
    pub(crate) message_id: String,
    /// When.
    pub(crate) at: String,
    /// `EBMS:0301` when no receipt came, or the partner's error.
    pub(crate) code: String,
    /// Why.
    pub(crate) note: String,
}

/// What a registry keeps under a key.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RecordItem {
    /// The key.
    pub(crate) key: String,
    /// How often it was written.
    pub(crate) version: u64,
    /// The value.
    #[schema(value_type = Object)]
    pub(crate) value: serde_json::Value,
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Page<T> {
    /// The items.
    pub(crate) items: Vec<T>,
}

/// How the node is.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Health {
    /// `alive`, `ready` or `not-ready`.
    pub(crate) status: String,
    /// Why it is not ready.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) reasons: Vec<String>,
    /// Messages by direction and state.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) messages: Vec<CountItem>,
}

/// Messages of one direction and state.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct CountItem {
    /// `in` or `out`.
    pub(crate) direction: String,
    /// The state.
    pub(crate) state: String,
    /// How many.
    pub(crate) messages: u64,
}

/// A direction's name.
pub(crate) fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::In => "in",
        Direction::Out => "out",
    }
}

impl From<Message> for MessageItem {
    fn from(message: Message) -> Self {
        let party = |party: carnet_exchange::Party| PartyItem { id: party.id, kind: party.kind };
        Self {
            key: message.key.0,
            direction: direction(message.direction),
            message_id: message.id.as_str().to_owned(),
            from: party(message.from),
            to: party(message.to),
            conversation: message.conversation,
            ref_to: message.ref_to.map(String::from),
            pmode: message.pmode,
            service: message.service,
            action: message.action,
            pull: message.pull,
            state: message.state.name(),
            attempts: message.attempts,
            due: message.due.map(|due| due.to_string()),
            created: message.created.to_string(),
            changed: message.changed.to_string(),
        }
    }
}

impl From<Event> for HistoryItem {
    fn from(event: Event) -> Self {
        Self { at: event.at.to_string(), state: event.state.name(), note: event.note }
    }
}

impl HeaderItem {
    pub(crate) fn new(message: &UserMessage) -> Self {
        Self {
            agreement: message.collaboration.agreement.as_ref().map(|agreement| agreement.value().to_owned()),
            from_role: message.from.role.to_string(),
            to_role: message.to.role.to_string(),
            mpc: message.mpc.to_string(),
            properties: message.properties.iter().map(PropertyItem::from).collect(),
        }
    }
}

impl From<&Property> for PropertyItem {
    fn from(property: &Property) -> Self {
        let Property { name, kind, value } = property.clone();
        Self { name, kind, value }
    }
}

impl PartItem {
    pub(crate) fn new(index: usize, part: &Part, header: Option<&Header>) -> Self {
        let info = header.and_then(|header| header.message.parts.iter().find(|info| info.id.as_str() == part.cid));
        Self {
            number: index + 1,
            content_id: part.cid.clone(),
            mime_type: mime_type(part),
            character_set: property(part, "CharacterSet").map(str::to_owned),
            compressed: is_compressed(part),
            filename: header.and_then(|header| header.filenames.get(&part.cid).cloned()),
            properties: info.map(|info| info.properties.iter().map(PropertyItem::from).collect()).unwrap_or_default(),
            transported_bytes: part.held.length,
            digest: part.digest.to_string(),
        }
    }
}

/// The media type of the payload as its producer gave it.
pub(crate) fn mime_type(part: &Part) -> String {
    let transported = part.media_type.split(';').next().unwrap_or_default().trim();
    property(part, "MimeType").unwrap_or(transported).to_owned()
}
