//! The store, as everything above it sees it.

use std::{collections::BTreeSet, error::Error, sync::Arc};

use bytes::Bytes;
use jiff::Timestamp;

use crate::{Direction, Event, Key, Message, MessageId, Outcome, Part, Party, Pending, Record, State, Unit};

/// Keeps messages, their bodies and registry records.
///
/// Writing: [`Store::begin`] never blocks on the disk; await it, or [`Store::commit`] where blocking is allowed. When
/// it resolves, what was done is durable. Reading blocks, for well under a millisecond.
pub trait Store: Send + Sync {
    /// Queues `units` for the next commit, in their order; each is all or nothing on its own.
    fn begin(&self, units: Vec<Unit>) -> Pending;

    /// [`Store::begin`], and waits. One outcome per unit, in order.
    ///
    /// # Errors
    /// When nothing of the commit was kept: see [`StoreError`].
    fn commit(&self, units: Vec<Unit>) -> Result<Vec<Outcome>, StoreError> {
        self.begin(units).wait()
    }

    /// The message of that key.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn message(&self, key: Key) -> Result<Option<Message>, StoreError>;

    /// The message of that id, from that sender when one is given.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn find(&self, direction: Direction, id: &MessageId, from: Option<&Party>) -> Result<Option<Message>, StoreError>;

    /// Messages, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn list(&self, query: &Query) -> Result<Vec<Message>, StoreError>;

    /// The steps a message took, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn history(&self, key: Key) -> Result<Vec<Event>, StoreError>;

    /// The parts of a message, with the octets of those held inline.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn parts(&self, key: Key) -> Result<Vec<Part>, StoreError>;

    /// The signed envelope, when there is one.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn envelope(&self, key: Key) -> Result<Option<Bytes>, StoreError>;

    /// What the binding kept to build the header again, when there is any.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn header(&self, key: Key) -> Result<Option<Bytes>, StoreError>;

    /// The receipt: sent for an incoming message, received for an outgoing one.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn receipt(&self, key: Key) -> Result<Option<Bytes>, StoreError>;

    /// Outgoing messages due at `now`, the longest due first, without those of `except` (which are under way) and those
    /// that wait to be pulled.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn due(&self, now: Timestamp, limit: usize, except: &BTreeSet<Key>) -> Result<Vec<Message>, StoreError>;

    /// The earliest moment at which a message outside `except` is due; of those as [`Store::due`] has them.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn next_due(&self, except: &BTreeSet<Key>) -> Result<Option<Timestamp>, StoreError>;

    /// Incoming messages in [`State::Received`] past `after`, in order of arrival.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn unprocessed(&self, after: Key, limit: usize) -> Result<Vec<Message>, StoreError>;

    /// What producers are to be told, past `after` (0 at first), oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn notices(&self, after: i64, limit: usize) -> Result<Vec<Notice>, StoreError>;

    /// One registry record.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn record(&self, registry: &str, key: &str) -> Result<Option<Record>, StoreError>;

    /// Records of a registry whose key begins with `prefix` and comes after `after`, by key.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn records(&self, registry: &str, prefix: &str, after: &str, limit: usize) -> Result<Vec<Record>, StoreError>;

    /// How many messages stand in each state. Looks at every message: for people and tests, not for each request.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn counts(&self) -> Result<Vec<Counts>, StoreError>;

    /// Whether a committed message names that file of the spool.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn names_file(&self, name: &str) -> Result<bool, StoreError>;
}

/// Which messages to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// One direction only.
    pub direction: Option<Direction>,
    /// One state only.
    pub state: Option<State>,
    /// One conversation only. Looks at every message: no index is paid for on each message to speed up browsing.
    pub conversation: Option<String>,
    /// Only those older than this one: the last of the page before.
    pub before: Option<Key>,
    /// How many at most.
    pub limit: usize,
}

/// A failure that the producer of an outgoing message must be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Its place in the sequence of notices, from 1.
    pub sequence: i64,
    /// The message.
    pub message: Key,
    /// Its MessageId.
    pub id: MessageId,
    /// When.
    pub at: Timestamp,
    /// The ebMS error code.
    pub code: String,
    /// Why.
    pub note: String,
}

/// Messages of one direction and state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// The direction.
    pub direction: Direction,
    /// The state.
    pub state: State,
    /// How many.
    pub messages: u64,
}

/// Why a store could not do as asked. Whatever it was, nothing of the commit was kept.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// More is queued than the disk takes; try again later.
    #[error("store is busy: its queue is full")]
    Busy,
    /// The store was shut down.
    #[error("store is closed")]
    Closed,
    /// The disk is full; once there is room the store goes on by itself.
    #[error("disk is full")]
    Full,
    /// A message with more parts than can be addressed.
    #[error("message has too many parts: got {got}, expected at most {limit}")]
    TooManyParts {
        /// Parts of the message.
        got: usize,
        /// Most there can be.
        limit: usize,
    },
    /// The file was written by a newer program.
    #[error(
        "store has schema version {found}, expected at most {known}\nhelp: start the newer program that wrote it, or point [store] dir at another folder"
    )]
    Newer {
        /// The version of the file.
        found: i64,
        /// The newest this program knows.
        known: i64,
    },
    /// The file is an SQLite database of something else.
    #[error(
        "database has application id {found:#x}, expected {expected:#x}\nhelp: point [store] dir at a folder of its own"
    )]
    NotOurs {
        /// The id of the file.
        found: i64,
        /// Carnet's.
        expected: i64,
    },
    /// What is stored cannot be read back.
    #[error("stored {what} cannot be read")]
    Damaged {
        /// Which column.
        what: &'static str,
    },
    /// Another process has the store open.
    #[error("store is in use by another process")]
    InUse,
    /// Anything else the engine says.
    #[error("failed to reach the store")]
    Engine(#[source] Arc<dyn Error + Send + Sync>),
}
