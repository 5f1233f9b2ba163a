//! Why a document is refused: pointer, code, reason, original value.

use super::{Act, Arrival, State};
use crate::{InvalidMrn, Mrn};
use carnet_fixtures::{Finding, facts};

/// One reason for a refusal, or a warning that goes with an acceptance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: String,
    pub(super) pointer: String,
    pub(super) reason: String,
    pub(super) original: Option<String>,
}

impl Refusal {
    pub(super) fn from_finding(finding: &Finding) -> Self {
        Self {
            code: finding.code.clone(),
            pointer: finding.pointer.clone(),
            reason: finding.reason.clone(),
            original: finding.original.clone(),
        }
    }

    /// 13: the registry cannot act without it.
    pub(super) fn missing(arrival: &Arrival<'_>, fact: &str) -> Self {
        let title = arrival.message_type.fact(fact).map_or(fact, |fact| fact.title.as_str());
        Self::at(arrival, fact, "13", format!("missing: {title}"), None)
    }

    /// 26: this declarant has used the LRN.
    pub(super) fn duplicate(arrival: &Arrival<'_>, lrn: &str, mrn: &str) -> Self {
        Self::at(arrival, "lrn", "26", format!("this declarant has used the reference before, for {mrn}"), Some(lrn))
    }

    /// 90: no such declaration, or none of the sender's.
    pub(super) fn unknown_mrn(arrival: &Arrival<'_>, mrn: &Mrn) -> Self {
        Self::at(arrival, "mrn", "90", "there is no declaration with this MRN".to_owned(), Some(mrn.as_str()))
    }

    /// 92: the declaration is in another state.
    pub(super) fn out_of_sequence(arrival: &Arrival<'_>, mrn: &Mrn, act: Act, state: State) -> Self {
        let reason = format!("the declaration is {} and cannot follow the request to {}", state.name(), act.name());
        Self::at(arrival, "mrn", "92", reason, Some(mrn.as_str()))
    }

    /// 93: not a movement reference number.
    pub(super) fn invalid_mrn(arrival: &Arrival<'_>, written: &str, error: &InvalidMrn) -> Self {
        Self::at(arrival, "mrn", "93", format!("not an MRN: {error}"), Some(written))
    }

    fn at(arrival: &Arrival<'_>, fact: &str, code: &str, reason: String, original: Option<&str>) -> Self {
        let pointer = facts::pointer(arrival.message_type, arrival.document, fact).unwrap_or_else(|_| "/".to_owned());
        Self { code: code.to_owned(), pointer, reason, original: original.map(str::to_owned) }
    }
}
