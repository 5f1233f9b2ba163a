//! The steps of acting on one document, each the work of a worker thread: open and validate, decide, answer.

use std::io::Read;

use carnet_as4::header::Property;
use carnet_as4::id::{Action, ConversationId, MessageId, PartyId, Service};
use carnet_as4::ns::{FINAL_RECIPIENT, ORIGINAL_SENDER};
use carnet_as4::pmode::Leg;
use carnet_exchange::{Message, Part, Record, RecordWrite, SpoolError, State, StoreError};
use carnet_fixtures::Verdict;
use carnet_registry::declaration::{Arrival, Registry};
use carnet_registry::{Answer, DecideError};
use carnet_wire::gzip::{GzipError, Inflate};
use jiff::Timestamp;

use super::{HANDED_ON, handed_on};
use crate::log::Chain;
use crate::node::Node;
use crate::parts::{Header, is_compressed};
use crate::send::{Draft, DraftPart, Octets, PrepareError, Prepared, prepare};
use crate::worker::Worker;

/// Largest document that is acted on.
const LARGEST: u64 = 2 * 1024 * 1024;

/// A message that was opened.
pub(super) enum Document {
    /// To be decided.
    Open { message: Box<Message>, bytes: Vec<u8>, verdict: Verdict },
    /// Decided already: it is the back end's, or it cannot be read.
    Settled(Box<Acted>),
}

/// What becomes of a message.
pub(super) struct Acted {
    pub(super) message: Message,
    pub(super) state: State,
    pub(super) note: String,
    pub(super) records: Vec<RecordWrite>,
    /// What is answered.
    pub(super) answer: Option<Answer>,
    /// The answer, ready to be stored and sent.
    pub(super) prepared: Option<Prepared>,
}

/// Why a document cannot be opened; none of it passes by itself.
#[derive(Debug, thiserror::Error)]
enum OpenError {
    #[error(transparent)]
    Spool(#[from] SpoolError),
    #[error("failed to read a payload")]
    Read(#[from] std::io::Error),
    #[error("failed to decompress a payload")]
    Inflate(#[from] GzipError),
}

/// Reads the leading document and validates it, when it is one that is acted on.
pub(super) fn open(node: &Node, worker: &mut Worker, message: Message) -> Result<Document, StoreError> {
    let settled = |message, state, note: String| Ok(Document::Settled(Box::new(handed_on(message, state, note))));
    let handed = HANDED_ON;
    if !node.registry {
        return settled(message, State::Delivered, handed.to_owned());
    }
    let acts = match worker.acts_on(&message.service, &message.action) {
        Ok(acts) => acts,
        Err(error) => {
            tracing::error!(id = message.id.as_str(), error = %Chain(&error), "failed to read the packs");
            return settled(message, State::Failed, Chain(&error).to_string());
        }
    };
    if !acts {
        return settled(message, State::Delivered, handed.to_owned());
    }
    let parts = node.store.parts(message.key)?;
    let Some(part) = parts.first() else {
        return settled(message, State::Delivered, format!("{handed}: it has no document"));
    };
    let bytes = match payload(node, part) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => {
            return settled(message, State::Delivered, format!("{handed}: its document is too large to act on"));
        }
        Err(error) => {
            tracing::error!(id = message.id.as_str(), error = %Chain(&error), "failed to read a document");
            return settled(message, State::Failed, Chain(&error).to_string());
        }
    };
    match worker.validate(&message.service, &message.action, &bytes) {
        Ok(Some(verdict)) => Ok(Document::Open { message: Box::new(message), bytes, verdict }),
        Ok(None) => settled(message, State::Delivered, handed.to_owned()),
        Err(error) => {
            tracing::error!(id = message.id.as_str(), error = %Chain(&error), "failed to validate a document");
            settled(message, State::Failed, Chain(&error).to_string())
        }
    }
}

/// Decides on a document; `read` gives records as they stand.
pub(super) fn decide(
    node: &Node,
    worker: &Worker,
    document: Document,
    read: impl FnMut(&str) -> Result<Option<Record>, StoreError>,
) -> Result<Acted, StoreError> {
    let (message, bytes, verdict) = match document {
        Document::Open { message, bytes, verdict } => (*message, bytes, verdict),
        Document::Settled(acted) => return Ok(*acted),
    };
    let known = worker.library.packs().ok().and_then(|packs| packs.by_action(&message.service, &message.action));
    let Some(message_type) = known else {
        return Ok(handed_on(message, State::Delivered, HANDED_ON));
    };
    let reference = uuid::Uuid::now_v7().simple().to_string();
    let arrival = Arrival {
        message_type,
        document: &bytes,
        message: message.key,
        verdict: &verdict,
        sender: &message.from.id,
        now: Timestamp::now(),
        reference: &reference,
    };
    match Registry::new(&node.country).decide(&arrival, read) {
        Ok(Some(decision)) => Ok(Acted {
            message,
            state: State::Delivered,
            note: decision.note,
            records: decision.records,
            answer: Some(decision.answer),
            prepared: None,
        }),
        Ok(None) => Ok(handed_on(message, State::Delivered, HANDED_ON)),
        // The store may be well again in a moment; nothing of the round is kept.
        Err(DecideError::Read(error)) => Err(error),
        Err(error) => {
            tracing::error!(id = message.id.as_str(), error = %Chain(&error), "failed to decide on a document");
            Ok(handed_on(message, State::Failed, Chain(&error).to_string()))
        }
    }
}

/// Makes the answer a message of its own, in the same conversation.
pub(super) fn answer(node: &Node, worker: &mut Worker, mut acted: Acted) -> Result<Acted, StoreError> {
    let Some(answer) = acted.answer.take() else { return Ok(acted) };
    match sealed(node, worker, &acted.message, answer) {
        Ok(prepared) => acted.prepared = Some(prepared),
        Err(error) => {
            tracing::warn!(id = acted.message.id.as_str(), error = %Chain(&error), "cannot answer a document");
            acted.note = format!("{}; not answered: {error}", acted.note);
        }
    }
    Ok(acted)
}

fn sealed(node: &Node, worker: &Worker, message: &Message, answer: Answer) -> Result<Prepared, PrepareError> {
    let packs = worker.library.packs().ok();
    let asked = packs.and_then(|packs| packs.by_action(&message.service, &message.action));
    let kind = asked.and_then(|asked| packs?.message_type(&asked.pack, answer.message_type));
    let (service, action) = match kind {
        Some(kind) => (kind.service.as_str(), kind.action.as_str()),
        None => (message.service.as_str(), answer.message_type),
    };
    let mut draft = Draft {
        to: PartyId::new(&message.from.id, Some(&message.from.kind))?,
        service: Service::new(service, None)?,
        action: Action::parse(action)?,
        asked: Some(message.pmode.clone()),
        agreement: None,
        conversation: Some(ConversationId::parse(&message.conversation)?),
        ref_to: None,
        properties: Vec::new(),
        parts: vec![DraftPart {
            octets: Octets::Memory(answer.document.into()),
            mime_type: "application/xml".to_owned(),
            character_set: Some("UTF-8".to_owned()),
            filename: None,
            properties: Vec::new(),
        }],
    };
    let terms = node.terms.load();
    let agreements = &terms.agreements;
    let leg = draft.leg(agreements);
    // Correlation is by the document's reference; RefToMessageId belongs to Two-Way.
    //= AS4-PUSH-02
    let (reply, corners) =
        (leg.is_some_and(|pmode| pmode.leg == Leg::Reply), leg.is_some_and(|pmode| !pmode.properties.is_empty()));
    if reply {
        draft.ref_to = Some(MessageId::parse(message.id.as_str())?);
    }
    if corners {
        draft.properties = corners_turned(node, message);
    }
    prepare(draft, &terms, &node.spool, Timestamp::now())
}

/// The outer corners of a message, changed over for its answer; nothing for a message without them.
fn corners_turned(node: &Node, message: &Message) -> Vec<Property> {
    let header = node.store.header(message.key).ok().flatten().and_then(|header| Header::read(&header));
    let Some(header) = header else { return Vec::new() };
    let named = |name: &str| header.message.properties.iter().find(|property| property.name == name);
    let turned = |name: &str, from: &Property| Property { name: name.to_owned(), ..from.clone() };
    match (named(ORIGINAL_SENDER), named(FINAL_RECIPIENT)) {
        (Some(sender), Some(recipient)) => {
            vec![turned(ORIGINAL_SENDER, recipient), turned(FINAL_RECIPIENT, sender)]
        }
        _ => Vec::new(),
    }
}

/// A payload as its producer gave it; nothing when it is larger than what is acted on.
fn payload(node: &Node, part: &Part) -> Result<Option<Vec<u8>>, OpenError> {
    if part.held.length > LARGEST {
        return Ok(None);
    }
    let mut transported = Vec::new();
    node.spool.read(&part.held)?.read_to_end(&mut transported)?;
    if !is_compressed(part) {
        return Ok(Some(transported));
    }
    let terms = node.terms.load();
    let limits = carnet_wire::Limits { inflated: LARGEST, ..terms.agreements.limits.clone() };
    let mut inflate = Inflate::new(&limits, Vec::new());
    match inflate.push(&transported).and_then(|()| inflate.finish()) {
        Ok((_, bytes)) => Ok(Some(bytes)),
        Err(GzipError::TooLarge { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
