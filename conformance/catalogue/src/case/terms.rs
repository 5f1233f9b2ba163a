//! The terms of a case that are one of a few words: how strong it is, in which role, how safe, beside what, at which layer.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// RFC 2119 strength of a requirement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// May be done or left.
    May,
    /// Breaking it is a WARN.
    Should,
    /// Breaking it is a FAIL.
    Must,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::May => "MAY",
            Self::Should => "SHOULD",
            Self::Must => "MUST",
        })
    }
}

/// The role of the subject in a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The subject is sent messages.
    Responder,
    /// The subject sends.
    Initiator,
    /// Both in one case.
    Both,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Responder => "responder",
            Self::Initiator => "initiator",
            Self::Both => "both",
        })
    }
}

/// What a case may do to the subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Safety {
    /// Leaves nothing behind.
    ReadOnly,
    /// Leaves test messages in the subject.
    #[default]
    TestData,
    /// Restarts it, or uses up something of it; needs the operator's word.
    Destructive,
}

impl Safety {
    /// All of them, the mildest first.
    pub const ALL: [Self; 3] = [Self::ReadOnly, Self::TestData, Self::Destructive];

    /// As cases and operators write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReadOnly => "read-only",
            Self::TestData => "test-data",
            Self::Destructive => "destructive",
        }
    }
}

impl fmt::Display for Safety {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Beside which other cases a case may run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Exclusive {
    /// Beside none (`true`), or beside all (`false`).
    Alone(bool),
    /// Beside all but those that name the same thing, which they would get in each other's way with.
    Of(String),
}

impl Exclusive {
    /// What it excludes others of, when it names something.
    #[must_use]
    pub fn of(&self) -> Option<&str> {
        match self {
            Self::Of(name) => Some(name),
            Self::Alone(_) => None,
        }
    }
}

/// Written by hand, so that what is none of them is told what there is.
impl<'de> Deserialize<'de> for Exclusive {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(ExclusiveReader)
    }
}

/// What is said to be expected.
const EXCLUSIVE: &str = "`true` or `false` without quotes, or a word of small letters such as \"channel\"";

struct ExclusiveReader;

impl Visitor<'_> for ExclusiveReader {
    type Value = Exclusive;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXCLUSIVE)
    }

    fn visit_bool<E: Error>(self, alone: bool) -> Result<Exclusive, E> {
        Ok(Exclusive::Alone(alone))
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<Exclusive, E> {
        let well_formed = word.starts_with(|first: char| first.is_ascii_lowercase())
            && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
        if !well_formed || ["true", "false"].contains(&word) {
            return Err(E::custom(format_args!("unknown word `{word}`, expected {EXCLUSIVE}")));
        }
        Ok(Exclusive::Of(word.to_owned()))
    }
}

impl Default for Exclusive {
    fn default() -> Self {
        Self::Alone(false)
    }
}

/// Where a refusal happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layer {
    /// An alert or a closed connection.
    Tls,
    /// An HTTP status without an AS4 answer.
    Http,
    /// An ebMS error signal.
    As4,
    /// A business answer.
    Business,
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tls => "tls",
            Self::Http => "http",
            Self::As4 => "as4",
            Self::Business => "business",
        })
    }
}

/// What an accepted refusal counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    /// As good as it should be.
    #[default]
    Pass,
    /// A refusal, with something to improve.
    Warn,
}
