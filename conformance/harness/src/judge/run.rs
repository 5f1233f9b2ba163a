//! `run.json`: what came of a run. Canonical: the same evidence gives the same bytes; no time, path or host.

use std::collections::BTreeMap;

use carnet_catalogue::baseline::Accept;
use carnet_catalogue::case::{CaseId, Layer, Level, Role};
use carnet_catalogue::requirement::RequirementId;
use serde::{Deserialize, Serialize};

use super::ledger::Ledger;
use crate::verdict::{ExitCode, Verdict};

/// A run and its verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Always 1.
    pub format: u32,
    /// Id of the run that captured the evidence.
    pub run: String,
    /// Which suite.
    pub suite: SuiteSeen,
    /// Which subject.
    pub subject: SubjectSeen,
    /// ERROR > FAIL > INCONCLUSIVE > REVIEW > WARN > PASS over all cells.
    pub verdict: Verdict,
    /// The exit code it means, without `--strict`.
    pub exit: ExitCode,
    /// planned = attempted + excluded.
    pub count: Count,
    /// Each cell, in the order of the plan.
    pub cells: Vec<CellResult>,
    /// Each requirement of the catalogue that a planned cell verifies or has a check for.
    pub requirements: BTreeMap<RequirementId, Verdict>,
    /// Claims of the ICS that the run disproves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contradictions: Vec<Contradiction>,
    /// The conservation of messages over the whole run, with what does not add up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<Ledger>,
    /// What the run as a whole lacks, where something does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What the operator's baseline made of it, where one was held against it. Not in evidence: `carnet judge` knows none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<BaselineSeen>,
}

/// Deviations that the operator accepts for a time, held against the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaselineSeen {
    /// Rows whose failure is the one that is accepted.
    pub accepted: Vec<Accept>,
    /// Rows whose cell passes now, or fails otherwise.
    pub stale: Vec<Accept>,
    /// Rows past their day.
    pub expired: Vec<Accept>,
    /// The exit code with all that considered.
    pub exit: ExitCode,
}

impl BaselineSeen {
    /// `1 accepted, 0 stale, 0 expired`.
    #[must_use]
    pub fn count(&self) -> String {
        let (accepted, stale, expired) = (self.accepted.len(), self.stale.len(), self.expired.len());
        format!("{accepted} accepted, {stale} stale, {expired} expired")
    }

    /// What is accepted, for people: a line for each row.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.accepted.iter().map(|row| format!("{}: {}", row.about(), row.says()))
    }

    /// The row that accepts what came of a cell.
    #[must_use]
    pub fn accepts(&self, cell: &CellResult) -> Option<&Accept> {
        self.accepted.iter().find(|row| row.case == cell.case && row.cell == cell.cell)
    }
}

/// A claim that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contradiction {
    /// The capability that the ICS claims.
    pub capability: String,
    /// What claiming it means.
    pub means: String,
    /// The case that failed.
    pub probe: CaseId,
    /// What the subject did instead.
    pub actual: String,
}

/// The suite that captured and judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SuiteSeen {
    /// Version that captured.
    pub version: String,
    /// Hash of `suite.lock` at capture.
    pub lock: String,
    /// Hash of the cases it was judged with, when they are others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judged_with: Option<String>,
}

/// The subject as it calls itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubjectSeen {
    /// Name in `subject.toml`.
    pub name: String,
    /// PartyId.
    pub party: String,
    /// Product in the ICS.
    pub product: String,
    /// Its version.
    pub version: String,
    /// Profile claimed.
    pub profile: String,
}

/// Numbers of cells.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Count {
    /// Cells of the plan.
    pub planned: usize,
    /// Cells that were carried out.
    pub attempted: usize,
    /// Cells that were not, each with its reason.
    pub excluded: usize,
    /// Cells by verdict.
    pub by_verdict: BTreeMap<String, usize>,
}

/// What came of a cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CellResult {
    /// Case id.
    pub case: CaseId,
    /// Cell name, `-` without a matrix.
    pub cell: String,
    /// What holds when it passes.
    pub title: String,
    /// `tls`, `as4`, `document`, `process`, ...
    pub layer: String,
    /// The subject's role.
    pub role: Role,
    /// Level of the case.
    pub level: Level,
    /// Requirements it verifies.
    pub verifies: Vec<RequirementId>,
    /// What came of it.
    pub verdict: Verdict,
    /// Executions that passed and all executions, `2/3`; none when it was left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed: Option<String>,
    /// Why it was left out, or could not be judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// For refusals: how the subject refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<RefusalSeen>,
    /// Where a clause leaves open whether the subject takes what it is shown: whether it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken: Option<bool>,
    /// Verdicts of the control before and after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<ControlSeen>,
    /// Checks that were made, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<String>,
    /// What was found to deviate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// Signature of the failure, for a baseline: stable over runs, other for another failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// First and last event of each execution.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<(u64, u64)>,
}

/// How the subject refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefusalSeen {
    /// Layer.
    pub layer: Layer,
    /// Codes.
    pub codes: Vec<String>,
}

/// The control's verdicts around a refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ControlSeen {
    /// The control.
    pub case: CaseId,
    /// Its last verdict before.
    pub before: Option<Verdict>,
    /// Its first verdict after.
    pub after: Option<Verdict>,
}

/// One deviation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// The check that found it.
    pub check: String,
    /// The requirement that is broken.
    pub requirement: RequirementId,
    /// Its level as it counts here.
    pub level: Level,
    /// What should be.
    pub expected: String,
    /// What is.
    pub actual: String,
    /// What to change.
    pub fix: String,
    /// Events that show it.
    pub events: Vec<u64>,
    /// The bytes that show it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<ByteRange>,
    /// The element that shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub xpath: Option<String>,
}

/// Bytes of an event's blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ByteRange {
    /// The event.
    pub event: u64,
    /// First byte.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
}

/// The note of a run that was cut off.
pub(super) const UNFINISHED: &str = "the run did not come to its end";

impl CellResult {
    /// Whether it was carried out at all, whatever came of it.
    #[must_use]
    pub fn attempted(&self) -> bool {
        self.passed.is_some()
    }
}

impl Run {
    /// Whether it came to its end, and each planned cell was attempted or left out for a reason.
    #[must_use]
    pub fn is_accounted_for(&self) -> bool {
        let Count { planned, attempted, excluded, .. } = self.count;
        planned == attempted + excluded && !self.notes.iter().any(|note| note == UNFINISHED)
    }

    /// The exit code, with a WARN counting as failure when `strict`. A run that is not accounted for stays undecided.
    #[must_use]
    pub fn exit(&self, strict: bool) -> ExitCode {
        match ExitCode::of(self.verdict, strict) {
            ExitCode::Conforms => self.exit,
            other => other,
        }
    }

    /// The bytes of `run.json`.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }
}
