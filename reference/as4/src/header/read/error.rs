//! Every way a header breaks its schema or the profile.
//! Leaves what the peer is told to `inbound::Fault`.

use crate::id::{ContentId, IdError};

/// Why a header is not one of ebMS.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Something the schema asks for is not there.
    #[error("{parent} has no {name}")]
    Missing {
        /// Where.
        parent: &'static str,
        /// What.
        name: &'static str,
    },
    /// Something that may be there once is there again.
    #[error("{parent} has more than one {name}")]
    Repeated {
        /// Where.
        parent: &'static str,
        /// What.
        name: &'static str,
    },
    /// An element the schema does not put there, or not in that order.
    #[error("{parent} holds {name:?}, which does not belong there")]
    Unexpected {
        /// Where.
        parent: &'static str,
        /// Local name of the element.
        name: String,
    },
    /// Elements where text belongs.
    #[error("{0} holds elements, expected text")]
    NotText(&'static str),
    /// An identifier that is not one.
    #[error(transparent)]
    Id(#[from] IdError),
    /// A time that is not one.
    #[error("Timestamp is not a date and time: got {0:?}")]
    Timestamp(String),
    /// Nothing, more than one user message, a signal of one kind twice, or a pull request beside a user message.
    #[error("Messaging holds {users} user messages and {signals} signals, which may not stand together")]
    Bundle {
        /// User messages.
        users: usize,
        /// Signals.
        signals: usize,
    },
    /// More parties on one side than the profile allows.
    #[error("{side} has {count} PartyId elements, expected one")]
    Parties {
        /// From or To.
        side: &'static str,
        /// How many.
        count: usize,
    },
    /// A part outside the message.
    #[error("a part is outside the message: href {0:?}")]
    External(String),
    /// A part in the SOAP Body, where the profile has none.
    #[error("a part is in the SOAP Body, expected a MIME part")]
    InBody,
    /// Two parts name one MIME part.
    #[error("two parts name the MIME part {0}")]
    SamePart(ContentId),
    /// A property that AS4 gives a meaning is there twice.
    #[error("part {part} has more than one property {name}")]
    SameProperty {
        /// The part.
        part: ContentId,
        /// The property.
        name: &'static str,
    },
    /// A compression other than gzip.
    #[error("part {part} is compressed with {got:?}, expected application/gzip")]
    Compression {
        /// The part.
        part: ContentId,
        /// The value.
        got: String,
    },
    /// A signal that says nothing.
    #[error("the signal is neither receipt, error nor pull request")]
    EmptySignal,
    /// A severity other than failure and warning.
    #[error("severity of an error is {0:?}, expected failure or warning")]
    Severity(String),
}
