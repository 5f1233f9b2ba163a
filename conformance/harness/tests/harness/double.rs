//! The whole way, from case files to verdicts, against a double: a good one and bad ones.

use carnet_harness::{Verdict, judge};

use crate::support::{Fault, run_against};

fn catalogue() -> carnet_catalogue::Catalogue {
    carnet_catalogue::load().unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_double_passes_every_as4_case_and_those_of_the_process_that_need_no_registry() {
    let dir = tempfile::tempdir().unwrap();
    let evidence = dir.path().join("evidence");
    // The scenarios of the pack ask for a registry, which the double is not.
    let process = ["accepted", "issues-mrn", "duplicate-lrn", "unknown-mrn", "answer-is-signed", "one-answer"]
        .map(|slug| format!("process.declaration.{slug}"));
    let chosen: Vec<&str> = std::iter::once("as4").chain(process.iter().map(String::as_str)).collect();
    let run = run_against(&[], &chosen, catalogue(), &evidence);
    let wrong: Vec<String> = run
        .cells
        .iter()
        .filter(|cell| cell.verdict.attempted() && cell.verdict != Verdict::Pass)
        .map(|cell| {
            let found: Vec<String> = cell
                .findings
                .iter()
                .map(|f| format!("{}: expected {}, got {}", f.check, f.expected, f.actual))
                .collect();
            format!("{} {}: {} {:?} {}", cell.case, cell.cell, cell.verdict, cell.reason, found.join("; "))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(run.verdict, Verdict::Pass);
    assert_eq!(run.count.planned, run.count.attempted + run.count.excluded);
    assert_eq!(run.to_json(), judge(&evidence).unwrap().to_json());
}

#[test]
fn a_double_that_signs_no_body_fails_by_that_check() {
    let dir = tempfile::tempdir().unwrap();
    let run =
        run_against(&[Fault::ReceiptBodyUnsigned], &["as4.receipt.body-signed"], catalogue(), &dir.path().join("e"));
    assert_eq!(run.verdict, Verdict::Fail);
    let findings: Vec<&str> =
        run.cells.iter().flat_map(|cell| &cell.findings).map(|finding| finding.check.as_str()).collect();
    assert!(findings.contains(&"receipt.body-signed"), "{findings:?}");
}
