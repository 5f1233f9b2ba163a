//! When to send again, and when to stop. A pure function of the agreement and the attempts made.
//!
//! Implements reception awareness of the AS4 profile, clause 3.2: the same message at an interval, a number of times,
//! then MissingReceipt to the producer.

use std::time::Duration;

use jiff::Timestamp;

/// The ebMS error a sender raises towards its own producer when retries are exhausted.
pub const MISSING_RECEIPT: &str = "EBMS:0301";

/// The retry part of a P-Mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// From the end of one attempt to the next.
    pub interval: Duration,
    /// Attempts after the first; 0 never retries.
    pub count: u32,
}

/// What follows an attempt without a good receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Send again, with the same MessageId and the same digests, at this moment.
    At(Timestamp),
    /// No attempts are left: tell the producer this error.
    Exhausted {
        /// [`MISSING_RECEIPT`].
        code: &'static str,
    },
}

impl Schedule {
    /// What to do after `attempts` attempts (the first included), the last of which ended at `now`.
    /// A moment past the end of time counts as exhausted.
    #[must_use]
    pub fn next(&self, attempts: u32, now: Timestamp) -> Next {
        let exhausted = Next::Exhausted { code: MISSING_RECEIPT };
        if attempts > self.count {
            return exhausted;
        }
        now.checked_add(self.interval).map_or(exhausted, Next::At)
    }
}
