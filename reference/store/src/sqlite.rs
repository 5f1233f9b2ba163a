//! The store on SQLite: WAL, synchronous FULL, one writer thread, readers on connections of their own.

mod apply;
mod copier;
mod error;
mod read;
mod row;
mod schema;
mod writer;

use std::{collections::BTreeSet, path::Path};

use bytes::Bytes;
use carnet_exchange::{
    Counts, Direction, Event, Key, Message, MessageId, Notice, Part, Party, Pending, Query, Record, Store, StoreError,
    Unit,
};
use jiff::Timestamp;

use read::Readers;
use writer::Writer;

/// Slots of a message's bodies; parts follow. A body's row id is `message * SLOTS + slot`.
const SLOTS: i64 = 256;
const ENVELOPE: i64 = 0;
const RECEIPT: i64 = 1;
const HEADER: i64 = 2;
const FIRST_PART: i64 = 8;

/// What the history says of a pull.
pub(crate) const PULLED: &str = "pulled";

/// Most parts a message may have.
pub(crate) const MOST_PARTS: usize = 200;

/// Settings of the database.
#[derive(Debug, Clone)]
pub struct SqliteConfig {
    /// Units that share one commit at most.
    pub group: usize,
    /// Commits that may wait; past it [`StoreError::Busy`].
    pub queue: usize,
    /// The database refuses to grow past this many octets; [`StoreError::Full`] then. `None` leaves it to the disk.
    pub quota: Option<u64>,
}

impl Default for SqliteConfig {
    fn default() -> Self {
        Self { group: 512, queue: 4096, quota: None }
    }
}

/// Messages, bodies and records in one SQLite file.
pub struct SqliteStore {
    writer: Writer,
    readers: Readers,
}

impl SqliteStore {
    /// Opens the file, making or migrating it as needed.
    ///
    /// # Errors
    /// When the file cannot be opened, is another program's, or has a newer schema.
    pub fn open(path: &Path, config: SqliteConfig) -> Result<Self, StoreError> {
        let connection = schema::connect(path, config.quota)?;
        Ok(Self {
            writer: Writer::start(connection, copier::Copier::start(path)?, &config)?,
            readers: Readers::new(path),
        })
    }

    /// Whether a file that is there could be opened, by what lies on the disk; changes nothing.
    ///
    /// # Errors
    /// When it cannot be read, is another program's, or has a newer schema.
    pub(crate) fn look(path: &Path) -> Result<(), StoreError> {
        schema::look(path)
    }
}

impl Store for SqliteStore {
    fn begin(&self, units: Vec<Unit>) -> Pending {
        self.writer.begin(units)
    }

    fn message(&self, key: Key) -> Result<Option<Message>, StoreError> {
        self.readers.with(|c| read::message(c, key))
    }

    fn find(&self, direction: Direction, id: &MessageId, from: Option<&Party>) -> Result<Option<Message>, StoreError> {
        self.readers.with(|c| read::find(c, direction, id, from))
    }

    fn list(&self, query: &Query) -> Result<Vec<Message>, StoreError> {
        self.readers.with(|c| read::list(c, query))
    }

    fn history(&self, key: Key) -> Result<Vec<Event>, StoreError> {
        self.readers.with(|c| read::history(c, key))
    }

    fn parts(&self, key: Key) -> Result<Vec<Part>, StoreError> {
        self.readers.with(|c| read::parts(c, key))
    }

    fn envelope(&self, key: Key) -> Result<Option<Bytes>, StoreError> {
        self.readers.with(|c| read::body(c, key, ENVELOPE))
    }

    fn header(&self, key: Key) -> Result<Option<Bytes>, StoreError> {
        self.readers.with(|c| read::body(c, key, HEADER))
    }

    fn receipt(&self, key: Key) -> Result<Option<Bytes>, StoreError> {
        self.readers.with(|c| read::receipt(c, key))
    }

    fn due(&self, now: Timestamp, limit: usize, except: &BTreeSet<Key>) -> Result<Vec<Message>, StoreError> {
        self.readers.with(|c| read::due(c, now, limit, except))
    }

    fn next_due(&self, except: &BTreeSet<Key>) -> Result<Option<Timestamp>, StoreError> {
        self.readers.with(|c| read::next_due(c, except))
    }

    fn unprocessed(&self, after: Key, limit: usize) -> Result<Vec<Message>, StoreError> {
        self.readers.with(|c| read::unprocessed(c, after, limit))
    }

    fn notices(&self, after: i64, limit: usize) -> Result<Vec<Notice>, StoreError> {
        self.readers.with(|c| read::notices(c, after, limit))
    }

    fn record(&self, registry: &str, key: &str) -> Result<Option<Record>, StoreError> {
        self.readers.with(|c| read::record(c, registry, key))
    }

    fn records(&self, registry: &str, prefix: &str, after: &str, limit: usize) -> Result<Vec<Record>, StoreError> {
        self.readers.with(|c| read::records(c, registry, prefix, after, limit))
    }

    fn counts(&self) -> Result<Vec<Counts>, StoreError> {
        self.readers.with(read::counts)
    }

    fn names_file(&self, name: &str) -> Result<bool, StoreError> {
        self.readers.with(|c| read::names_file(c, name))
    }
}
