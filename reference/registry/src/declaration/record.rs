//! What the registry keeps, and under which keys.
//!
//! `mrn/MRN` a declaration; `lrn/DECLARANT/LRN` the MRN given to it; `serial/YEAR` the next serial of the year.

use super::{Act, Arrival, REGISTRY, State};
use crate::{DecideError, Mrn};
use carnet_exchange::{Key, Record, RecordWrite};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Version of what is kept.
const FORMAT: u32 = 1;

/// A declaration as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Always 1.
    pub format: u32,
    /// Movement reference number.
    pub mrn: String,
    /// Local reference number.
    pub lrn: String,
    /// Who declared.
    pub declarant: String,
    /// Party that sent it; only that party may change it.
    pub sender: String,
    /// Where it stands.
    pub state: State,
    /// 1, and one more with each amendment.
    pub version: u32,
    /// What happened to it, oldest first.
    pub history: Vec<Step>,
}

/// One step in the life of a declaration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// When.
    pub at: Timestamp,
    /// The state it came to.
    pub state: State,
    /// Message type that moved it.
    pub by: String,
    /// The message with the document that did; none where it was kept before keys were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Key>,
    /// Reference of the answer.
    pub answer: String,
}

impl Entry {
    pub(super) fn accepted(mrn: &Mrn, lrn: &str, declarant: &str, arrival: &Arrival<'_>) -> Self {
        Self {
            format: FORMAT,
            mrn: mrn.to_string(),
            lrn: lrn.to_owned(),
            declarant: declarant.to_owned(),
            sender: arrival.sender.to_owned(),
            state: State::Accepted,
            version: 1,
            history: vec![Step::by(State::Accepted, arrival)],
        }
    }

    pub(super) fn moved(mut self, state: State, act: Act, arrival: &Arrival<'_>) -> Self {
        self.state = state;
        self.version += u32::from(act == Act::Amend);
        self.history.push(Step::by(state, arrival));
        self
    }
}

impl Step {
    fn by(state: State, arrival: &Arrival<'_>) -> Self {
        Self {
            at: arrival.now,
            state,
            by: arrival.message_type.name.clone(),
            message: Some(arrival.message),
            answer: arrival.reference.to_owned(),
        }
    }
}

/// The number given to an LRN.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Numbered {
    format: u32,
    pub(super) mrn: String,
}

impl Numbered {
    pub(super) fn of(mrn: &Mrn) -> Self {
        Self { format: FORMAT, mrn: mrn.to_string() }
    }
}

/// The next serial of a year.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Serial {
    format: u32,
    pub(super) next: u64,
}

impl Serial {
    pub(super) fn following(&self) -> Self {
        Self { format: FORMAT, next: self.next + 1 }
    }
}

impl Default for Serial {
    fn default() -> Self {
        Self { format: FORMAT, next: 1 }
    }
}

pub(super) fn mrn_key(mrn: &Mrn) -> String {
    format!("mrn/{mrn}")
}

/// A slash in either part is written `~1`, so that no two pairs share a key.
pub(super) fn lrn_key(declarant: &str, lrn: &str) -> String {
    let plain = |text: &str| text.replace('~', "~0").replace('/', "~1");
    format!("lrn/{}/{}", plain(declarant), plain(lrn))
}

pub(super) fn serial_key(year: i16) -> String {
    format!("serial/{year}")
}

/// The version and value of a record.
pub(super) fn read<T: DeserializeOwned, E>(
    key: &str,
    read: &mut impl FnMut(&str) -> Result<Option<Record>, E>,
) -> Result<Option<(u64, T)>, DecideError<E>> {
    let Some(record) = read(key).map_err(DecideError::Read)? else { return Ok(None) };
    match serde_json::from_value(record.json) {
        Ok(value) => Ok(Some((record.version, value))),
        Err(source) => Err(DecideError::Damaged { key: key.to_owned(), source }),
    }
}

pub(super) fn write<T: Serialize, E>(
    key: String,
    expected_version: u64,
    value: &T,
) -> Result<RecordWrite, DecideError<E>> {
    match serde_json::to_value(value) {
        Ok(json) => Ok(RecordWrite { registry: REGISTRY.to_owned(), key, expected_version, json }),
        Err(source) => Err(DecideError::Damaged { key, source }),
    }
}
