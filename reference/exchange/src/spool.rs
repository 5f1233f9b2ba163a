//! Where part octets wait: in memory while small, in a file when not.

use std::io;

use bytes::Bytes;

use crate::Digest;

/// Names the files of one message before its MessageId is known. Unique for ever (the node draws a UUID).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ticket(pub u128);

/// Octets that were taken in whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// How many.
    pub length: u64,
    /// The SHA-256 of them as they are. It is the signed digest for every part whose media type has no transform of
    /// its own (gzip, octet-stream), and proves on reading that a file is still what was received.
    pub sha256: Digest,
    /// Where they are.
    pub place: Place,
}

/// Where octets are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In memory, and in the message's own row once stored.
    Inline(Bytes),
    /// In a file of the spool, by its name there; durable before this value exists.
    File(String),
}

/// Takes part octets in and hands them out.
pub trait Spool: Send + Sync {
    /// Begins part `part` of the message that `ticket` names.
    ///
    /// # Errors
    /// When the disk's reserve is reached already.
    fn part(&self, ticket: Ticket, part: u32) -> Result<Box<dyn PartWriter>, SpoolError>;

    /// Looks whether the disk takes so many octets more and still keeps its reserve: a peer is told before it has sent
    /// them in vain. Nothing is set aside; what others take meanwhile is found out while a part grows. Blocks.
    ///
    /// # Errors
    /// [`SpoolError::Full`] when it does not; otherwise when the disk cannot be asked.
    fn room(&self, octets: u64) -> Result<(), SpoolError>;

    /// Opens octets for reading. Blocks for those in a file.
    ///
    /// # Errors
    /// When the file is gone or cannot be opened.
    fn read(&self, held: &Held) -> Result<Box<dyn io::Read + Send>, SpoolError>;

    /// Removes octets that no committed message names (a duplicate, a refused message). Blocks for those in a file.
    fn discard(&self, held: &Held);
}

/// One part coming in. Dropped unfinished, it leaves nothing behind.
pub trait PartWriter: Send {
    /// Whether taking `more` octets will touch the disk: then call [`PartWriter::write`] where blocking is allowed.
    /// Waiting for it before reading on is what carries the disk's pace to the socket.
    fn blocks(&self, more: usize) -> bool;

    /// Takes the next octets.
    ///
    /// # Errors
    /// When the disk is full or its reserve is reached, or writing fails; the part is lost then.
    fn write(&mut self, octets: &[u8]) -> Result<(), SpoolError>;

    /// Whether [`PartWriter::finish`] touches the disk.
    fn finish_blocks(&self) -> bool;

    /// Ends the part. When this returns, a file and its directory entry are on the disk.
    ///
    /// # Errors
    /// As [`PartWriter::write`].
    fn finish(self: Box<Self>) -> Result<Held, SpoolError>;
}

/// Why octets could not be taken in or handed out.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The disk is full, or so full that its reserve would be touched. The peer may try again later.
    #[error("disk is full: got {free} octets free, expected {needed}")]
    Full {
        /// Octets free when it was looked at; 0 when the disk itself refused.
        free: u64,
        /// Octets that have to be free: the reserve, and what was announced.
        needed: u64,
    },
    /// The file a message names is not there.
    #[error("payload file {name} is missing")]
    Missing {
        /// Its name within the spool.
        name: String,
    },
    /// The octets are not those that were taken in.
    #[error("payload file {name} was altered: got {got}, expected {expected}")]
    Altered {
        /// Its name within the spool.
        name: String,
        /// Digest of what is there.
        got: Digest,
        /// Digest of what was taken in.
        expected: Digest,
    },
    /// Anything else the disk says.
    #[error("failed to reach the payload spool")]
    Io(#[from] io::Error),
}
