//! Every requirement of the catalogue beside what the run has to say about it; one row each, nothing left out.

use std::collections::{BTreeMap, BTreeSet};

use carnet_catalogue::case::CaseId;
use carnet_catalogue::{Requirement, RequirementId};
use carnet_harness::judge::run::CellResult;
use carnet_harness::verdict::Verdict;

use crate::Source;

/// A requirement and what came of it.
#[derive(Debug)]
pub(crate) struct Row<'a> {
    /// The row of the catalogue.
    pub(crate) requirement: &'a Requirement,
    /// Cases of the catalogue that verify it or have a check for it, in the order of their ids.
    pub(crate) cases: Vec<&'a CaseId>,
    /// Its verdict in this run; none when no cell of the plan verifies it.
    pub(crate) verdict: Option<Verdict>,
    /// Why it was not judged; none when it was.
    pub(crate) not_tested: Option<String>,
}

/// How many requirements there are of each kind; `total` is the sum of the others.
#[derive(Debug, Default, Clone, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Tally {
    /// Requirements of the catalogue.
    pub(crate) total: usize,
    /// Judged in this run: at least one cell was attempted.
    pub(crate) judged: usize,
    /// Planned, but every cell was left out.
    pub(crate) left_out: usize,
    /// Verified by cases that this run did not choose.
    pub(crate) not_chosen: usize,
    /// Verified by no case of the suite.
    pub(crate) no_case: usize,
    /// The judged ones by verdict.
    pub(crate) by_verdict: BTreeMap<&'static str, usize>,
}

/// All rows, in the order of the ids.
pub(crate) fn rows<'a>(source: &'a Source<'_>) -> Vec<Row<'a>> {
    let mut cases: BTreeMap<&RequirementId, Vec<&CaseId>> = BTreeMap::new();
    for (id, case) in &source.catalogue.cases {
        let aside = |name: &str| source.catalogue.requirements.keys().find(|id| id.as_str() == name);
        for requirement in case.verifies.iter().chain(case.asides().filter_map(aside)) {
            let of = cases.entry(requirement).or_default();
            if of.last() != Some(&id) {
                of.push(id);
            }
        }
    }
    let attempted: BTreeSet<&CaseId> =
        source.run.cells.iter().filter(|cell| cell.attempted()).map(|cell| &cell.case).collect();
    let row = |requirement: &'a Requirement| {
        let cases = cases.get(&requirement.id).cloned().unwrap_or_default();
        let verdict = source.run.requirements.get(&requirement.id).copied();
        let not_tested = match verdict {
            Some(_) if cases.iter().any(|case| attempted.contains(case)) => None,
            Some(_) => Some(reasons(source, &requirement.id)),
            None if cases.is_empty() => {
                let stated = requirement.not_tested_because.clone();
                Some(stated.unwrap_or_else(|| "no case of the suite verifies it".to_owned()))
            }
            None => Some("its cases were not chosen for this run".to_owned()),
        };
        Row { requirement, cases, verdict, not_tested }
    };
    source.catalogue.requirements.values().map(row).collect()
}

/// Counts the rows.
pub(crate) fn tally(rows: &[Row<'_>]) -> Tally {
    let mut tally = Tally { total: rows.len(), ..Tally::default() };
    for row in rows {
        match row.verdict {
            Some(verdict) if row.is_judged() => {
                tally.judged += 1;
                *tally.by_verdict.entry(verdict.as_str()).or_default() += 1;
            }
            Some(_) => tally.left_out += 1,
            None if row.cases.is_empty() => tally.no_case += 1,
            None => tally.not_chosen += 1,
        }
    }
    tally
}

impl Row<'_> {
    /// Whether a cell that tells of it was carried out.
    pub(crate) fn is_judged(&self) -> bool {
        self.not_tested.is_none()
    }
}

impl Tally {
    /// `181 requirements = 140 judged + 3 left out + 0 not chosen + 38 without a case`.
    pub(crate) fn arithmetic(&self) -> String {
        format!(
            "{} requirements = {} judged + {} left out + {} not chosen + {} without a case",
            self.total, self.judged, self.left_out, self.not_chosen, self.no_case
        )
    }
}

/// Why every cell of a requirement was left out, each reason once.
fn reasons(source: &Source<'_>, id: &RequirementId) -> String {
    let mut reasons: Vec<&str> = Vec::new();
    let aside = |cell: &CellResult| {
        source.catalogue.cases.get(&cell.case).is_some_and(|case| case.asides().any(|name| name == id.as_str()))
    };
    let of = |cell: &&CellResult| cell.verifies.contains(id) || aside(cell);
    for reason in source.run.cells.iter().filter(of).filter_map(|cell| cell.reason.as_deref()) {
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    reasons.join("; ")
}
