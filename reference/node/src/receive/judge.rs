//! What a worker does for one message: verify the envelope, hash its parts, inflate, decide, sign the answer.
//!
//! Parts are hashed one after another, and only those that a verified envelope asks for: what XML takes in memory for its
//! canonical form is bounded by the number of workers, however many parts and messages there are.

use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;
use carnet_as4::id::{ContentId, MessageId};
use carnet_as4::inbound::{
    Accepted, Decision, Expect, ExpectedPart, Fault, Granted, Inbound, Loose, Refusal, SignalInfo,
};
use carnet_as4::respond::Answer;
use carnet_exchange::{Held, Place, Spool, SpoolError, Ticket};
use carnet_wire::Limits;
use carnet_wire::digest::{self, DigestError, PartDigest, PartHasher, Transform};
use carnet_wire::gzip::{GzipError, Inflate};
use carnet_wire::wss::SignError;
use jiff::Timestamp;

use super::arrive::{Arrival, Streamed};
use crate::kept::{Kept, whole};
use crate::log::Chain;
use crate::node::{Node, fresh_id};
use crate::pool::Running;
use crate::terms::Terms;
use crate::worker::Worker;

/// A message with its answer signed; nothing is stored yet.
pub(crate) enum Judged {
    /// To be committed; then the receipt may leave.
    Accepted(Box<Passed>),
    /// Nothing is stored; `None` answers with the status alone.
    Refused(Refusal, u16, Option<Answer>),
    /// A message that waits is to be claimed and handed out; the request as it came.
    Pull(Box<Granted>, Bytes),
    /// A receipt or an error by itself; as it came.
    Signal(Box<Loose>, Bytes),
    /// The key refused to sign, or an id could not be made.
    Failed(SignError),
}

/// A message that passed every check.
pub(crate) struct Passed {
    pub(super) accepted: Accepted,
    pub(super) receipt: Answer,
    pub(super) envelope: Bytes,
    /// In the header's order.
    pub(super) parts: Vec<Payload>,
    pub(super) at: Timestamp,
    /// Nothing here acts on it: it is the back end's once it is stored.
    pub(super) handed_on: bool,
}

/// A payload beside what the header says of it.
pub(crate) struct Payload {
    pub(super) id: ContentId,
    pub(super) media_type: String,
    pub(super) filename: Option<String>,
    pub(super) kept: Kept,
}

/// Why a message was not judged.
pub(super) enum Unstarted {
    /// The workers' queue is full.
    Full,
    /// No id could be made for the answer.
    Id,
}

/// Queues the work.
pub(super) fn start(
    node: &Arc<Node>,
    terms: &Arc<Terms>,
    inbound: Inbound,
    arrival: Option<Arrival<'_>>,
) -> Result<Running<Judged>, Unstarted> {
    let (envelope, parts, expected) = match arrival {
        Some(arrival) => (arrival.envelope, arrival.parts, arrival.expected),
        None => (None, Vec::new(), None),
    };
    let work = Work {
        signal: SignalInfo {
            message_id: fresh_id(&terms.agreements.us).map_err(|_| Unstarted::Id)?,
            timestamp: Timestamp::now(),
        },
        spool: Arc::clone(&node.spool),
        terms: Arc::clone(terms),
        registry: node.registry,
        inbound,
        envelope,
        parts,
        expected,
    };
    node.pool.try_run(move |worker| work.judge(worker)).map_err(|_| Unstarted::Full)
}

struct Work {
    inbound: Inbound,
    envelope: Option<Bytes>,
    parts: Vec<Streamed>,
    expected: Option<Vec<ExpectedPart>>,
    signal: SignalInfo,
    spool: Arc<dyn Spool>,
    terms: Arc<Terms>,
    registry: bool,
}

impl Work {
    fn judge(mut self, worker: &Worker) -> Judged {
        let expected = match (self.expected.take(), &self.envelope) {
            (Some(expected), _) => expected,
            (None, Some(envelope)) => match self.inbound.envelope(envelope, self.signal.timestamp) {
                Expect::Parts(parts) => parts,
                Expect::Nothing => Vec::new(),
            },
            (None, None) => Vec::new(),
        };
        let mut kept = Vec::new();
        for part in std::mem::take(&mut self.parts) {
            // No part is worth its price for a message that is refused already, nor is a key to be used for it.
            if self.inbound.is_refused() {
                break;
            }
            let Streamed { id: Some(id), media_type, filename, transform, held } = part else { continue };
            let Some(expected) = expected.iter().find(|expected| expected.id == id) else { continue };
            match self.part(expected, transform, held) {
                Ok(Some(held)) if expected.payload => {
                    let media_type = expected.encrypted.clone().unwrap_or(media_type);
                    kept.push(Payload { id, media_type, filename, kept: held });
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::error!(error = %Chain(&error), "failed to read a part again");
                    self.inbound.refuse(Fault::Unavailable);
                }
            }
        }
        let at = self.signal.timestamp;
        let identity = &self.terms.identity;
        match self.inbound.finish(self.signal) {
            Decision::Accept(accepted) => match accepted.receipt.sign(identity) {
                Ok(receipt) => Judged::Accepted(Box::new(Passed {
                    envelope: self.envelope.unwrap_or_default(),
                    parts: in_order(&accepted, kept),
                    handed_on: !self.registry || is_left_alone(worker, &accepted),
                    accepted: *accepted,
                    receipt,
                    at,
                })),
                Err(error) => Judged::Failed(error),
            },
            Decision::Pull(granted) => Judged::Pull(granted, self.envelope.unwrap_or_default()),
            Decision::Signal(loose) => Judged::Signal(loose, self.envelope.unwrap_or_default()),
            Decision::Refuse(refused) => match refused.answer.map(|draft| draft.sign(identity)).transpose() {
                Ok(answer) => Judged::Refused(refused.refusal, refused.status, answer),
                Err(error) => Judged::Failed(error),
            },
        }
    }

    /// Tells the machine what it asks of a part. Gives back what is to be kept; nothing when the message is refused.
    fn part(
        &mut self,
        expected: &ExpectedPart,
        mut transform: Transform,
        mut held: Kept,
    ) -> Result<Option<Kept>, SpoolError> {
        if let Some(media) = &expected.encrypted {
            let Some(decrypted) = self.decrypt(expected, held)? else { return Ok(None) };
            (transform, held) = (Transform::of(media), decrypted);
        }
        let Some(octets) = held.held() else { return Ok(None) };
        let hashed = self.hash(transform, octets)?;
        self.inbound.part(&expected.id, hashed);
        // Inflating costs: only what hashed right is worth it.
        if expected.payload && expected.compressed && !self.inbound.is_refused() {
            let length = self.inflate(octets);
            self.inbound.inflated(&expected.id, length);
        }
        Ok(Some(held))
    }

    /// The spool hashed the octets as they came; any other form of them is hashed from there.
    fn hash(&self, transform: Transform, held: &Held) -> Result<Result<PartDigest, DigestError>, SpoolError> {
        let limits = &self.terms.agreements.limits;
        match (transform, &held.place) {
            (Transform::Raw, _) => return Ok(Ok(PartDigest { sha256: held.sha256.0, length: held.length })),
            (_, Place::Inline(octets)) => return Ok(digest::part(transform, octets, limits)),
            (_, Place::File(_)) => {}
        }
        let mut hasher = PartHasher::new(transform, limits);
        let mut reader = self.spool.read(held)?;
        let mut piece = vec![0; 64 * 1024];
        loop {
            let read = reader.read(&mut piece).map_err(SpoolError::Io)?;
            match hasher.update(piece.get(..read).unwrap_or_default()) {
                Ok(()) if read == 0 => return Ok(hasher.finish()),
                Ok(()) => {}
                Err(error) => return Ok(Err(error)),
            }
        }
    }

    /// Decrypts a part and keeps what came out in its stead; nothing when the message is refused for it.
    fn decrypt(&mut self, expected: &ExpectedPart, held: Kept) -> Result<Option<Kept>, SpoolError> {
        let Some(octets) = held.held() else { return Ok(None) };
        if octets.length > expected.max_bytes {
            self.inbound.refuse(Fault::PartTooLarge { part: expected.id.clone(), most: expected.max_bytes });
            return Ok(None);
        }
        let transported = whole(&self.spool, octets)?;
        let Some(content) = self.inbound.decrypt(&expected.id, transported) else { return Ok(None) };
        let mut writer = self.spool.part(Ticket(uuid::Uuid::now_v7().as_u128()), 0)?;
        writer.write(&content)?;
        Ok(Some(Kept::new(writer.finish()?, Arc::clone(&self.spool))))
    }

    fn inflate(&self, held: &Held) -> Result<u64, GzipError> {
        let limits = &self.terms.agreements.limits;
        if let Place::Inline(bytes) = &held.place {
            let mut inflate = Inflate::new(limits, std::io::sink());
            inflate.push(bytes)?;
            return inflate.finish().map(|(length, _)| length);
        }
        let mut reader = self.spool.read(held).map_err(|_| GzipError::Sink)?;
        count(&mut *reader, limits)
    }
}

fn count(reader: &mut dyn Read, limits: &Limits) -> Result<u64, GzipError> {
    let mut inflate = Inflate::new(limits, std::io::sink());
    let mut piece = vec![0; 64 * 1024];
    loop {
        match reader.read(&mut piece) {
            Ok(0) => return inflate.finish().map(|(length, _)| length),
            Ok(read) => inflate.push(piece.get(..read).unwrap_or_default())?,
            Err(_) => return Err(GzipError::Sink),
        }
    }
}

fn in_order(accepted: &Accepted, mut kept: Vec<Payload>) -> Vec<Payload> {
    accepted
        .parts
        .iter()
        .filter_map(|part| {
            let at = kept.iter().position(|payload| payload.id == part.id)?;
            Some(kept.swap_remove(at))
        })
        .collect()
}

/// Whether no registry acts on the message. Packs that cannot be read are found out, and told, when it is processed.
fn is_left_alone(worker: &Worker, accepted: &Accepted) -> bool {
    let collaboration = &accepted.message.collaboration;
    worker.acts_on(collaboration.service.value(), collaboration.action.as_str()).is_ok_and(|acts| !acts)
}

/// The id of a message that was accepted, for logs.
pub(super) fn id_of(refusal: &Refusal) -> &str {
    refusal.message_id.as_ref().map_or("", MessageId::as_str)
}
