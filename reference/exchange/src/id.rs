//! Names: of a message on the wire, of a message in this store, of a party.
//!
//! Implements what ebMS 3.0 Core 5.2.2.1 (MessageId) and 5.2.2.4 (PartyId) demand of the values as such.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Longest MessageId taken, in octets: RFC 5322 lines end at 998, and what is longer is an attack, not a name.
const LONGEST: usize = 998;

/// An ebMS MessageId: an RFC 5322 `msg-id` without its angle brackets.
///
/// One that exists is non-empty, at most 998 octets, and free of white space, control characters and angle brackets.
/// Whether it has an `@` is left to the binding: real nodes send ids without.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MessageId(String);

/// Why a text is no MessageId.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMessageId {
    /// Nothing between the tags.
    #[error("message id is empty")]
    Empty,
    /// More than 998 octets.
    #[error("message id is too long: got {0} octets, expected at most {LONGEST}")]
    TooLong(usize),
    /// White space, a control character or an angle bracket.
    #[error("message id holds {0:?}, expected no white space, control characters or angle brackets")]
    Character(char),
}

impl MessageId {
    /// Takes `text` as it stands; nothing is trimmed.
    ///
    /// # Errors
    /// When `text` breaks the rules of [`MessageId`].
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidMessageId> {
        let text = text.into();
        if text.is_empty() {
            return Err(InvalidMessageId::Empty);
        }
        if text.len() > LONGEST {
            return Err(InvalidMessageId::TooLong(text.len()));
        }
        let foul = |c: &char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>');
        match text.chars().find(foul) {
            Some(c) => Err(InvalidMessageId::Character(c)),
            None => Ok(Self(text)),
        }
    }

    /// The text as it stands on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MessageId {
    type Err = InvalidMessageId;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

impl TryFrom<String> for MessageId {
    type Error = InvalidMessageId;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(text)
    }
}

impl From<MessageId> for String {
    fn from(id: MessageId) -> Self {
        id.0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A party as the header names it: PartyId and its type (empty when the header gives none).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Party {
    /// The value of `eb:PartyId`.
    pub id: String,
    /// Its `type` attribute; empty when absent.
    #[serde(rename = "type", default)]
    pub kind: String,
}

impl Party {
    /// A party by id and type.
    pub fn new(id: impl Into<String>, kind: impl Into<String>) -> Self {
        Self { id: id.into(), kind: kind.into() }
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)
    }
}

/// A message in this store, in order of arrival. Never leaves the node's own interfaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(pub i64);

impl Key {
    /// Before every key there is: where paging forward begins.
    pub const START: Self = Self(0);
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
