//! What is made of a revoked certificate where all that a subject has is the address of the list: nothing, until it was
//! fetched.

use std::path::Path;

use carnet_harness::evidence::{Event, Evidence, Kind};
use carnet_harness::judge::run::CellResult;
use carnet_harness::local::free_addresses;
use carnet_harness::{Run, Verdict, judge};
use tempfile::TempDir;

use crate::support::double::LISTS_AT;
use crate::support::{Fault, run_edited};

/// The cases that turn on a list, as responder and as initiator.
const CASES: [&str; 3] = ["tls.revocation.leaf", "tls.revocation.issuing", "tls.server.revocation"];

/// Publishes the lists, and tells the double where; the certificates name an address that only it can map.
fn published(dir: &Path, subject: &str) -> String {
    let [free] = free_addresses::<1>().unwrap();
    std::fs::write(dir.join(LISTS_AT), &free).unwrap();
    let lists = format!("[suite.lists]\nlisten = \"{free}\"\npublic_url = \"http://lists.example/\"\n[suite.party]");
    subject.replacen("[suite.party]", &lists, 1)
}

/// Runs the cases against a double that follows distribution points, judges the evidence again, and gives it too.
fn run_with(faults: &[Fault]) -> (Run, Evidence) {
    let dir = TempDir::new().unwrap();
    let folder = dir.path().join("evidence");
    let edit = |dir: &Path, subject: String| published(dir, &subject);
    let run = run_edited(faults, &CASES, carnet_catalogue::load().unwrap(), &folder, edit);
    assert_eq!(run.to_json(), judge(&folder).unwrap().to_json());
    (run, Evidence::open(&folder).unwrap())
}

fn cells(run: &Run) -> Vec<&CellResult> {
    let cells: Vec<_> = run.cells.iter().filter(|cell| CASES.contains(&cell.case.as_str())).collect();
    assert_eq!(cells.len(), 6, "two cells each");
    cells
}

fn fetched(evidence: &Evidence) -> Vec<(&Event, &str)> {
    let mut found = Vec::new();
    for event in &evidence.events {
        if let Kind::Fetched { list: Some(list), .. } = &event.kind {
            found.push((event, list.as_str()));
        }
    }
    found
}

/// Every cell is undecided, and its reason names one of the lists.
fn undecided(run: &Run) {
    for cell in cells(run) {
        assert_eq!(cell.verdict, Verdict::Inconclusive, "{cell:#?}");
        let reason = cell.reason.as_deref().unwrap();
        let named = ["issuing", "root"].map(|list| format!("has not fetched http://lists.example/{list}.crl"));
        assert!(named.iter().any(|named| reason.contains(named)) && reason.contains("hooks.load_crl"), "{reason}");
        assert!(cell.findings.is_empty(), "{cell:#?}");
    }
}

#[test]
fn a_subject_that_fetches_the_list_and_refuses_what_is_on_it_passes() {
    let (run, evidence) = run_with(&[]);
    for cell in cells(&run) {
        assert_eq!(cell.verdict, Verdict::Pass, "{cell:#?}");
    }
    let fetched = fetched(&evidence);
    assert!(["issuing", "root"].iter().all(|name| fetched.iter().any(|(_, list)| list == name)), "{fetched:?}");

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schemas/evidence-1.json");
    let schema = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let mut line = serde_json::to_value(fetched[0].0).unwrap();
    assert!(schema.is_valid(&line), "{line}");
    line["no_such_key"] = true.into();
    assert!(!schema.is_valid(&line), "a wrong key is accepted");
}

#[test]
fn a_subject_that_fetches_the_list_and_takes_what_is_on_it_fails() {
    let (run, evidence) = run_with(&[Fault::IgnoresLists]);
    let fetched = fetched(&evidence);
    for cell in cells(&run) {
        assert_eq!(cell.verdict, Verdict::Fail, "{cell:#?}");
        let shown = |list: &str| fetched.iter().find(|(_, one)| *one == list).map(|(event, _)| event.seq).unwrap();
        let seen = [shown("issuing"), shown("root")];
        let events = &cell.findings[0].events;
        assert!(events.iter().any(|event| seen.contains(event)), "{events:?} name no fetch of {seen:?}");
    }
}

#[test]
fn a_subject_that_fetches_nothing_is_not_blamed_for_what_it_takes() {
    let (run, evidence) = run_with(&[Fault::FetchesNoList]);
    undecided(&run);
    assert!(fetched(&evidence).is_empty());
}

#[test]
fn a_refusal_without_the_list_in_hand_is_no_pass() {
    let (run, evidence) = run_with(&[Fault::HoldsLists]);
    undecided(&run);
    assert!(fetched(&evidence).is_empty());
    assert!(cells(&run).iter().any(|cell| cell.refusal.is_some()), "what was seen is kept");
}

#[test]
fn a_list_is_had_in_every_case_that_ends_after_it_was_fetched_and_in_none_before() {
    let (run, evidence) = run_with(&[Fault::IgnoresLists]);
    let first = fetched(&evidence).iter().map(|(event, _)| event.seq).min().unwrap();
    let kept = |event: &&Event| event.seq == first || !matches!(event.kind, Kind::Fetched { .. });
    let judge = judge::Judge::new(&evidence, None).unwrap();
    let verdicts = |events: Vec<Event>| {
        let mut changed = evidence.clone();
        changed.events = events;
        let run = judge.all(&changed);
        cells(&run).iter().map(|cell| (cell.case.to_string(), cell.verdict)).collect::<Vec<_>>()
    };
    let all = cells(&run).iter().map(|cell| (cell.case.to_string(), cell.verdict)).collect::<Vec<_>>();
    assert_eq!(verdicts(evidence.events.clone()), all);
    // The first list fetched is one of the two, and decides the cases that turn on it.
    let some = verdicts(evidence.events.iter().filter(kept).cloned().collect());
    assert!(some.iter().any(|(_, verdict)| *verdict == Verdict::Fail), "{some:?}");
    assert!(some.iter().any(|(_, verdict)| *verdict == Verdict::Inconclusive), "{some:?}");
    // Fetched when all was over, it changes nothing.
    let (late, mut events): (Vec<Event>, Vec<Event>) =
        evidence.events.iter().cloned().partition(|event| matches!(event.kind, Kind::Fetched { .. }));
    events.extend(late);
    assert!(verdicts(events).iter().all(|(_, verdict)| *verdict == Verdict::Inconclusive));
}
