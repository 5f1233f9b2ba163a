//! Holds a run against a baseline: deviations that are known and accepted for a time.
//!
//! A row that is past its day, or that no longer describes what happened, ends the run with exit 1: a baseline is
//! not a place where failures are forgotten.

use carnet_catalogue::baseline::{Accept, Baseline};

use super::Ledger;
use super::run::{BaselineSeen, CellResult, Run};
use crate::verdict::{ExitCode, Verdict};

/// Holds a run and a baseline against each other; `today` is `YYYY-MM-DD`.
#[must_use]
pub fn hold(run: &Run, baseline: &Baseline, today: &str, strict: bool) -> BaselineSeen {
    let exit = run.exit(strict);
    let mut held = BaselineSeen { accepted: Vec::new(), stale: Vec::new(), expired: Vec::new(), exit };
    for row in &baseline.accept {
        let cell = run.cells.iter().find(|cell| cell.case == row.case && cell.cell == row.cell);
        if row.expires.as_str() < today {
            held.expired.push(row.clone());
        } else if cell.is_some_and(|cell| describes(row, cell)) {
            held.accepted.push(row.clone());
        } else if cell.is_some_and(|cell| cell.verdict.attempted()) {
            held.stale.push(row.clone());
        }
    }
    if !held.stale.is_empty() || !held.expired.is_empty() {
        held.exit = ExitCode::Fails;
    } else if !held.accepted.is_empty() {
        let left = run
            .cells
            .iter()
            .filter(|cell| !held.accepted.iter().any(|row| row.case == cell.case && row.cell == cell.cell));
        let ledger = run.ledger.iter().flat_map(Ledger::verdicts);
        let left: Vec<Verdict> =
            left.map(|cell| cell.verdict).chain(ledger).filter(|verdict| verdict.attempted()).collect();
        let verdict = if left.is_empty() { Verdict::Pass } else { Verdict::roll_up(left) };
        held.exit = match ExitCode::of(verdict, strict) {
            ExitCode::Conforms if !run.is_accounted_for() => ExitCode::Undecided,
            exit => exit,
        };
    }
    held
}

/// This day as baselines write it, in UTC.
#[must_use]
pub fn today() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%d").to_string()
}

fn describes(row: &Accept, cell: &CellResult) -> bool {
    cell.verdict.as_str() == row.verdict && cell.signature.as_deref() == Some(row.signature.as_str())
}
