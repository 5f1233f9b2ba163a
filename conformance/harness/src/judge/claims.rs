//! Whether what the ICS claims is true: each capability has a probe, a case that must not fail.

use super::Judge;
use super::run::{CellResult, Contradiction};
use crate::verdict::Verdict;

/// The claims that the cells disprove. A probe that fails because something simpler does disproves only the simpler.
pub(crate) fn contradicted(judge: &Judge, cells: &[CellResult]) -> Vec<Contradiction> {
    let claimed = judge.ics.capabilities.iter().filter_map(|name| judge.catalogue.capabilities.get(name));
    claimed
        .filter_map(|capability| {
            let probe = capability.probe.as_ref()?;
            let failed = failed(cells, probe.as_str())?;
            let case = judge.catalogue.cases.get(probe)?;
            let simpler = case.needs.iter().filter(|need| **need != capability.name);
            let simpler = simpler.filter_map(|need| judge.catalogue.capabilities.get(need)?.probe.as_ref());
            if simpler.into_iter().any(|probe| self::failed(cells, probe.as_str()).is_some()) {
                return None;
            }
            let actual = failed.findings.first().map(|finding| finding.actual.clone());
            Some(Contradiction {
                capability: capability.name.clone(),
                means: capability.means.clone(),
                probe: probe.clone(),
                actual: actual.unwrap_or_else(|| failed.title.clone()),
            })
        })
        .collect()
}

fn failed<'c>(cells: &'c [CellResult], case: &str) -> Option<&'c CellResult> {
    cells.iter().find(|cell| cell.case.as_str() == case && cell.verdict == Verdict::Fail)
}
