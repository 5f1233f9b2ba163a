//! States and the legal steps between them.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Direction;

/// Where a message stands.
///
/// ```text
/// in    received --> delivered | failed
/// out   submitted --> retrying* --> delivered | failed
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Incoming: committed and receipted, not yet handed on.
    Received,
    /// Outgoing: in the outbox, not yet sent or pulled.
    Submitted,
    /// Outgoing: sent or pulled at least once, no good receipt yet, due again.
    Retrying,
    /// Incoming: handed to the registry or the back end, once. Outgoing: the partner's receipt was verified.
    Delivered,
    /// Incoming: cannot be handed on. Outgoing: refused by the partner, or retries exhausted.
    Failed,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Received, Self::Submitted, Self::Retrying, Self::Delivered, Self::Failed];

    /// The state a message of `direction` begins in.
    #[must_use]
    pub const fn first(direction: Direction) -> Self {
        match direction {
            Direction::In => Self::Received,
            Direction::Out => Self::Submitted,
        }
    }

    /// Whether a message may step from here to `next`. Delivered and failed are final, so nothing is delivered twice.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        match self {
            Self::Received => matches!(next, Self::Delivered | Self::Failed),
            Self::Submitted | Self::Retrying => {
                matches!(next, Self::Retrying | Self::Delivered | Self::Failed)
            }
            Self::Delivered | Self::Failed => false,
        }
    }

    /// Whether nothing follows.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Delivered | Self::Failed)
    }

    /// The state's name, as formats and stores write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Submitted => "submitted",
            Self::Retrying => "retrying",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One step in the history of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// The state it stepped into.
    pub state: State,
    /// Why, for people: an ebMS error, a network failure, a business result. Empty when the state says it all.
    pub note: String,
}
