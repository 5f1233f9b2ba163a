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
        let left = run.cells.iter().filter(|cell| held.accepts(cell).is_none());
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

/// The rows of a run's baseline that end it with exit 1: which cell each is about, why it does not hold, and what to do.
#[must_use]
pub fn spent(run: &Run) -> Vec<(String, String)> {
    let Some(held) = &run.baseline else { return Vec::new() };
    let stale = held.stale.iter().map(|row| (row.about(), stale(run, row)));
    let expired = held.expired.iter().map(|row| {
        let why =
            format!("the row of {} ({}) expired on {}: mend it, or agree on a day", row.owner, row.reason, row.expires);
        (row.about(), why)
    });
    stale.chain(expired).collect()
}

/// Why a row no longer describes its cell, and what to do with it.
fn stale(run: &Run, row: &Accept) -> String {
    let was = format!("it is no longer {} {}", row.verdict, row.signature);
    match run.cells.iter().find(|cell| cell.case == row.case && cell.cell == row.cell) {
        Some(cell) if cell.verdict != Verdict::Pass => {
            let signature = cell.signature.as_deref().unwrap_or("without a signature");
            format!("{was}, but {} {signature}: another failure, which the row does not accept", cell.verdict)
        }
        _ => format!("{was}: it passes, take the row out"),
    }
}

/// This day as baselines write it, in UTC.
#[must_use]
pub fn today() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%d").to_string()
}

fn describes(row: &Accept, cell: &CellResult) -> bool {
    cell.verdict.as_str() == row.verdict && cell.signature.as_deref() == Some(row.signature.as_str())
}
