//! What customs do with a document once it is received: the `declaration` registry.
//!
//! Pure: the document with what validation found, the records that concern it, the time and a fresh reference come in; records to write and
//! the answer come out ([`Decision`]). It never opens a store, and it validates nothing itself but movement reference numbers.
//! Records are written over the version that was read, so two decisions on one declaration cannot both stand.

pub mod declaration;
mod mrn;

pub use mrn::{InvalidMrn, Mrn};

use carnet_exchange::RecordWrite;

/// What follows from a document.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The business result.
    pub result: Outcome,
    /// What to write, each over the version that was read.
    pub records: Vec<RecordWrite>,
    /// What to answer.
    pub answer: Answer,
    /// The result in a few words, for the history of the message.
    pub note: String,
}

/// The business result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The document was accepted and took effect.
    Accepted,
    /// The document was refused and changed nothing.
    Refused,
}

/// A document to send back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Name of its message type, in the pack of the document that is answered.
    pub message_type: &'static str,
    /// The document.
    pub document: Vec<u8>,
}

/// Why nothing could be decided; never the document's fault.
#[derive(Debug, thiserror::Error)]
pub enum DecideError<E> {
    /// The records could not be read.
    #[error("failed to read the registry")]
    Read(#[source] E),
    /// A record is not what this registry writes.
    #[error("record `{key}` of the registry cannot be read or written")]
    Damaged {
        /// Its key.
        key: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// All numbers of the year are issued.
    #[error("no movement reference number is left for the year {0}")]
    Exhausted(i16),
}

#[cfg(test)]
mod tests;
