//! What a store is asked to do, as data, and what became of it.
//!
//! Each unit is all or nothing on its own; many share one commit. The three transactions of the node are *receive*
//! (message, parts, receipt), *process* (state, registry records, outgoing answers) and the outcome of a *send*.

use bytes::Bytes;
use jiff::Timestamp;

use crate::{Digest, Key, MessageId, Part, Party, RecordWrite, State};

/// One change, all or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unit {
    /// An incoming message with the receipt that will acknowledge it.
    /// Answers: `New`, `Duplicate`, `Conflict`.
    Receive {
        /// The message and its parts.
        message: NewMessage,
        /// The signed receipt, as it will be sent.
        receipt: Bytes,
        /// For the history, when nothing here acts on the message: it is [`State::Delivered`] with the same commit.
        /// `None` leaves it [`State::Received`], for a [`Process`].
        handed_on: Option<String>,
    },
    /// An incoming message handed on. Answers: `Done`, `Stale`, `Illegal`, `Unknown`; and `Conflict` or `Duplicate`
    /// when an answer's MessageId is taken, in which case nothing of the unit is kept.
    Process(Process),
    /// An outgoing message into the outbox. Answers: `New`, `Duplicate`, `Conflict`.
    Submit {
        /// The message and its parts.
        message: NewMessage,
        /// When to send it first.
        due: Timestamp,
    },
    /// The outcome of a send. Answers: `Done`, `Illegal`, `Unknown`.
    Attempt(Attempt),
    /// A message out of those that wait to be pulled: the oldest that is due under any of the grants, claimed until it
    /// is due again. Answers: `Pulled`, `Empty`.
    Pull(Pull),
    /// One registry record by itself. Answers: `Done`, `Stale`.
    Record(RecordWrite),
}

/// A message to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMessage {
    /// The MessageId.
    pub id: MessageId,
    /// The sending party; with the id it decides what is a duplicate.
    pub from: Party,
    /// The receiving party.
    pub to: Party,
    /// The ConversationId.
    pub conversation: String,
    /// The RefToMessageId.
    pub ref_to: Option<MessageId>,
    /// The P-Mode.
    pub pmode: String,
    /// The Service.
    pub service: String,
    /// The Action.
    pub action: String,
    /// Whether an outgoing message waits until the receiver pulls it, instead of being sent when it is due.
    pub pull: bool,
    /// The digests of what the sender signed, in an order fixed by the binding. The same id with the same digests is
    /// a duplicate, with other digests a conflict (AS4 3.2: a retry keeps both). Of an incoming message as many are
    /// compared as were stored: a binding that learns to tell more of a message apart adds its digests at the end, and
    /// a retry of what was received before it learnt is still a duplicate.
    pub digests: Vec<Digest>,
    /// The signed envelope: proof of origin. Empty for an outgoing message that is yet to be signed.
    pub envelope: Bytes,
    /// What the binding needs to build the header again, in a form of its own; opaque here, may be empty.
    pub header: Bytes,
    /// The parts, in the order of the header. At most 200.
    pub parts: Vec<Part>,
    /// When it arrived or was submitted.
    pub at: Timestamp,
}

/// An incoming message handed on, with all that follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// The message; it must stand in [`State::Received`].
    pub message: Key,
    /// [`State::Delivered`] or [`State::Failed`].
    pub state: State,
    /// For the history: the business result in a few words.
    pub note: String,
    /// Registry records to write.
    pub records: Vec<RecordWrite>,
    /// Messages to submit in answer, due at once.
    pub answers: Vec<NewMessage>,
    /// When.
    pub at: Timestamp,
}

/// Which messages one pull may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pull {
    /// The P-Modes that the puller may pull from.
    pub grants: Vec<Grant>,
    /// When.
    pub at: Timestamp,
}

/// Leave to pull the messages of one P-Mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The P-Mode.
    pub pmode: String,
    /// When a message that is pulled now is due again without a receipt.
    pub due: Timestamp,
    /// How often it may be pulled after the first time. Once that is spent it is no longer handed out and stands among
    /// the [due](crate::Store::due) when its time is up.
    pub retries: u32,
}

/// How one attempt to send ended. A pulled message was counted when it was pulled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The message; it must be outgoing and not settled.
    pub message: Key,
    /// What happened.
    pub sent: Sent,
    /// When the attempt ended.
    pub at: Timestamp,
}

/// The three ends of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// The receipt was verified against what was sent.
    Receipted {
        /// The receipt as it came.
        receipt: Bytes,
        /// The envelope as it was signed and sent; empty keeps what is stored.
        envelope: Bytes,
    },
    /// No good receipt; it is due again.
    Retry {
        /// When, from [`Schedule::next`](crate::Schedule::next).
        due: Timestamp,
        /// Why, for the history.
        note: String,
    },
    /// It will not be sent again; the producer is told.
    Failed {
        /// The ebMS error code, `EBMS:0301` when retries are exhausted, or the partner's.
        code: String,
        /// Why, for the history and the producer.
        note: String,
    },
}

/// What became of a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The message was not there before and is now.
    New {
        /// Its key.
        message: Key,
    },
    /// The same sender, id and digests were there before: nothing was changed.
    Duplicate {
        /// The key of the message that is there.
        message: Key,
        /// The stored receipt, to be sent again; `None` for an outgoing message without one.
        receipt: Option<Bytes>,
    },
    /// The same sender and id were there before with other digests: nothing was changed.
    Conflict {
        /// The key of the message that is there.
        message: Key,
    },
    /// It was done.
    Done {
        /// The keys of the answers that were submitted, in their order.
        answers: Vec<Key>,
    },
    /// A record was not at the version expected: nothing of the unit was kept; read again and decide again.
    Stale {
        /// The registry.
        registry: String,
        /// The key.
        key: String,
        /// The version found; 0 when there is no such record.
        found: u64,
    },
    /// A message was claimed for this pull.
    Pulled {
        /// Its key.
        message: Key,
    },
    /// Nothing waits under the grants.
    Empty,
    /// The message stands where this step is not allowed: nothing of the unit was kept.
    Illegal {
        /// Where it stands.
        state: State,
    },
    /// There is no such message.
    Unknown,
}
