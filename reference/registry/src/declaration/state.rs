//! The states of a declaration and the acts that move it.

use serde::{Deserialize, Serialize};

/// Where a declaration stands.
///
/// ```text
/// accepted --amend--> amended --amend--> amended
/// accepted, amended --present--> released
/// accepted, amended --cancel--> cancelled
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Accepted and numbered.
    Accepted,
    /// Changed at least once since.
    Amended,
    /// The goods were presented and released.
    Released,
    /// Withdrawn.
    Cancelled,
}

/// What a message asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// A declaration is lodged.
    Declare,
    /// It is changed.
    Amend,
    /// It is withdrawn.
    Cancel,
    /// The goods have arrived.
    Present,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Accepted, Self::Amended, Self::Released, Self::Cancelled];

    /// The state after an act; `None` when the act is out of sequence.
    #[must_use]
    pub const fn after(self, act: Act) -> Option<Self> {
        match (self, act) {
            (Self::Accepted | Self::Amended, Act::Amend) => Some(Self::Amended),
            (Self::Accepted | Self::Amended, Act::Cancel) => Some(Self::Cancelled),
            (Self::Accepted | Self::Amended, Act::Present) => Some(Self::Released),
            (_, Act::Declare) | (Self::Released | Self::Cancelled, _) => None,
        }
    }

    /// The state's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Amended => "amended",
            Self::Released => "released",
            Self::Cancelled => "cancelled",
        }
    }
}

impl Act {
    /// The act that a message type of the pack asks for.
    #[must_use]
    pub fn of(message_type: &str) -> Option<Self> {
        match message_type {
            "declaration" => Some(Self::Declare),
            "amendment" => Some(Self::Amend),
            "cancellation" => Some(Self::Cancel),
            "presentation" => Some(Self::Present),
            _ => None,
        }
    }

    /// The act in words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Declare => "declare",
            Self::Amend => "amend",
            Self::Cancel => "cancel",
            Self::Present => "present",
        }
    }
}
