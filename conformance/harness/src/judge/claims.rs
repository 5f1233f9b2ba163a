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

/// A cell of the case that failed, where none passed: what fails over one version of TLS alone tells of that version.
fn failed<'c>(cells: &'c [CellResult], case: &str) -> Option<&'c CellResult> {
    let mut of_case = cells.iter().filter(|cell| cell.case.as_str() == case);
    let passes = of_case.clone().any(|cell| cell.verdict == Verdict::Pass);
    of_case.find(|cell| cell.verdict == Verdict::Fail && !passes)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::evidence::Evidence;

    /// The judge of a recorded run, with the catalogue of this suite and these claims.
    fn judge(claims: &[&str]) -> Judge {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/evidence/receipt.signed/pass");
        let mut judge = Judge::new(&Evidence::open(&dir).unwrap(), None).unwrap();
        judge.catalogue = std::sync::Arc::new(carnet_catalogue::load().unwrap());
        judge.ics.capabilities = claims.iter().map(|&name| name.to_owned()).collect();
        judge
    }

    fn cell(case: &str, verdict: &str) -> CellResult {
        serde_json::from_value(serde_json::json!({
            "case": case, "cell": "-", "title": "what holds", "layer": "as4", "role": "responder", "level": "MUST",
            "verifies": [], "verdict": verdict,
        }))
        .unwrap()
    }

    #[test]
    fn a_claim_whose_probe_fails_is_contradicted_and_no_other() {
        let said = |claims: &[&str], cells: &[CellResult]| -> Vec<String> {
            contradicted(&judge(claims), cells).into_iter().map(|claim| claim.capability).collect()
        };
        let push = cell("as4.push.accepted", "PASS");
        let gzip = cell("as4.push.compressed", "FAIL");
        assert_eq!(said(&["as4.push", "as4.gzip"], &[push.clone(), gzip.clone()]), ["as4.gzip"]);
        assert!(said(&["as4.push"], &[push, gzip.clone()]).is_empty(), "it is not claimed");
        let nothing = cell("as4.push.accepted", "FAIL");
        assert_eq!(said(&["as4.push", "as4.gzip"], &[nothing, gzip]), ["as4.push"], "gzip fails with push");
        let over = [("1.2", "PASS"), ("1.3", "FAIL")].map(|(version, verdict)| CellResult {
            cell: format!("tls={version}"),
            ..cell("tls.certificate.another", verdict)
        });
        assert!(said(&["trust.suite-ca"], &over).is_empty(), "it is TLS 1.3 that fails");
        assert_eq!(said(&["trust.suite-ca"], &over[1..]), ["trust.suite-ca"]);
        let open = cell("as4.push.compressed", "INCONCLUSIVE");
        assert!(said(&["as4.push", "as4.gzip"], &[open]).is_empty(), "nothing was shown");
    }
}
