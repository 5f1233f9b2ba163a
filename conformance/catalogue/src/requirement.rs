//! Requirement rows: what a published text, or Carnet itself, asks of a node.
//!
//! One file per set under `requirements/`; a row carries clause, level, actor and a statement in our own words.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::case::Level;

/// `SET-TOPIC-nn`, for example `AS4-RECEIPT-03`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RequirementId(String);

/// The sets a requirement id may start with.
pub const SETS: [&str; 7] = ["AS4", "EBMS", "EDEL", "TLS", "DOC", "PROC", "CARNET"];

/// The id is not `SET-TOPIC-nn` with a known set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("got requirement id {0:?}, expected SET-TOPIC-nn with a set of AS4, EBMS, EDEL, TLS, DOC, PROC, CARNET")]
pub struct RequirementIdError(String);

/// The text that is no id, from what [`RequirementIdError`] says of it.
pub(crate) fn refused(what: &str) -> Option<&str> {
    what.strip_prefix("got requirement id \"")?.split('"').next()
}

impl RequirementId {
    /// The id of a requirement that nobody knows, for what cannot be attributed.
    #[must_use]
    pub fn unknown() -> Self {
        Self("CARNET-UNKNOWN-00".to_owned())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for RequirementId {
    type Error = RequirementIdError;

    fn try_from(text: String) -> Result<Self, RequirementIdError> {
        let mut parts = text.split('-');
        let set = parts.next().unwrap_or_default();
        let rest: Vec<&str> = parts.collect();
        let number = rest.last().copied().unwrap_or_default();
        let topic = rest.get(..rest.len().saturating_sub(1)).unwrap_or_default();
        let upper =
            |word: &&str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        let well_formed = SETS.contains(&set)
            && !topic.is_empty()
            && topic.iter().all(upper)
            && number.len() == 2
            && number.bytes().all(|b| b.is_ascii_digit());
        if well_formed { Ok(Self(text)) } else { Err(RequirementIdError(text)) }
    }
}

impl From<RequirementId> for String {
    fn from(id: RequirementId) -> Self {
        id.0
    }
}

impl fmt::Display for RequirementId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who has to obey.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Actor {
    /// The MSH that sends the message or signal.
    Sender,
    /// The MSH that receives it.
    Receiver,
    /// Either.
    Both,
}

/// One row of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// `SET-TOPIC-nn`.
    pub id: RequirementId,
    /// The published text, or `carnet` for a wish of our own (at most a SHOULD).
    pub source: String,
    /// Clause, section or step of that text.
    pub clause: String,
    /// MUST, SHOULD or MAY, as the clause has it.
    pub level: Level,
    /// Who has to obey.
    pub actor: Actor,
    /// What is asked, in our words.
    pub statement: String,
    /// Whether it can be judged from outside.
    #[serde(default = "yes")]
    pub testable: bool,
    /// Why no case verifies it; required when no case does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_tested_because: Option<String>,
    /// The European Commission's test assertion on the same point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assertion: Option<String>,
    /// What to change in a node that breaks it, where it was found by a case that is about something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// Where the text can be read in more than one way, and how it is read here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ambiguity: Option<String>,
}

/// A file of `requirements/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequirementFile {
    /// Always 1.
    pub format: u32,
    /// The rows.
    #[serde(default)]
    pub requirement: Vec<Requirement>,
}

fn yes() -> bool {
    true
}
