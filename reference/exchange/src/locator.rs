//! Where a party that nobody configured receives, and who that is. A publisher of service metadata is the real one.

use std::{future::Future, pin::Pin};

use bytes::Bytes;
use jiff::Timestamp;

use crate::Party;

/// Finds where messages go whose receiver is known by name alone.
pub trait Locator: Send + Sync {
    /// Asks anew, each time; keeping an answer is the caller's.
    fn locate<'a>(
        &'a self,
        wanted: &'a Wanted,
    ) -> Pin<Box<dyn Future<Output = Result<Located, LocateError>> + Send + 'a>>;
}

/// Who is looked for, and for what.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Wanted {
    /// Who receives.
    pub party: Party,
    /// The service.
    pub service: String,
    /// Its type; empty when it has none.
    pub service_type: String,
    /// The action.
    pub action: String,
}

/// What was found; believed to come from the locator, and not judged beyond that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// The address, as it was found.
    pub endpoint: String,
    /// Certificate of the receiving node, DER.
    pub certificate: Bytes,
    /// From when on this no longer holds, where that is known.
    pub until: Option<Timestamp>,
}

/// Whatever stands behind an error.
type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why nothing was found. All of these are retried on the message's schedule: a publisher mends, a party is entered late.
#[derive(Debug, thiserror::Error)]
pub enum LocateError {
    /// No answer from the locator: unreachable, too slow, too large, broken off.
    #[error("failed to ask {whom}")]
    Unanswered {
        /// What was asked.
        whom: String,
        /// What happened.
        #[source]
        source: Cause,
    },
    /// The locator answered that it will not or cannot.
    #[error("{whom} answered with HTTP status {status}, expected 200")]
    Status {
        /// What was asked.
        whom: String,
        /// HTTP status code.
        status: u16,
    },
    /// The locator knows nothing of the party under that service and action.
    #[error("{whom} does not know {party} for action {action} of service {service}")]
    Unknown {
        /// What was asked.
        whom: String,
        /// The party's id.
        party: String,
        /// The service.
        service: String,
        /// The action.
        action: String,
    },
    /// One locator named the next once too often.
    #[error("{whom} names yet another publisher, expected at most {limit}")]
    Redirects {
        /// Who did.
        whom: String,
        /// How often that is followed.
        limit: u32,
    },
    /// An answer that proves nothing, or does not say what was asked.
    #[error("the answer of {whom} cannot be used")]
    Answer {
        /// What was asked.
        whom: String,
        /// Why not.
        #[source]
        source: Cause,
    },
}
