//! What is pulled counts like what is pushed: in the ledger of the run, and in what the plan says beforehand.

use std::path::PathBuf;
use std::sync::Arc;

use carnet_catalogue::{Catalogue, Filters, Safety};
use carnet_double::{Double, Mutation};
use carnet_harness::evidence::{Evidence, Kind, Side};
use carnet_harness::judge::Judge;
use carnet_harness::plan::{Estimate, Selection, estimate, plan};
use carnet_harness::{Run, RunOptions, Verdict};

use super::{capture, ground};

/// Runs cases against the double, with the named mutant's faults where there is one.
fn run(cases: &[&str], mutant: Option<&str>) -> (Run, Evidence, Estimate) {
    let catalogue: Arc<Catalogue> = Arc::new(carnet_catalogue::load().unwrap());
    let (_dir, ground) = ground();
    let mutation = mutant.map(|name| Mutation::of(&catalogue.mutants[name])).unwrap_or_default();
    let double = Double::start(&ground, mutation).unwrap();
    let setup = ground.setup("node", double.address(), Some(double.hooks())).unwrap();
    let mut options = RunOptions::new(setup, Arc::clone(&catalogue), PathBuf::new());
    let only = Filters::parse(&cases.iter().map(|&case| case.to_owned()).collect::<Vec<_>>()).unwrap();
    options.selection = Selection { only, safety: Safety::TestData, ..Selection::default() };
    options.repeat = 1;
    let estimate = estimate(&options, &plan(&catalogue, &options.setup, &options.selection));
    let evidence = capture(&options, &double);
    let run = Judge::new(&evidence, None).unwrap().all(&evidence);
    (run, evidence, estimate)
}

#[test]
fn the_plan_counts_every_request_and_receipt_of_a_pull_and_the_ledger_every_message() {
    let (run, evidence, estimate) = run(&["as4.pull", "as4.puller"], None);
    assert!(run.cells.iter().all(|cell| cell.verdict.attempted()), "{:#?}", run.cells);
    let opened =
        evidence.events.iter().filter(|event| matches!(event.kind, Kind::Connected { side: Side::Suite, .. })).count();
    let offered = estimate.messages["the sample, to be pulled"];
    assert_eq!(opened, estimate.sent() + estimate.connections - offered, "{:#?}", estimate.messages);
    let ledger = run.ledger.unwrap();
    let (to, from) = (ledger.to_subject, ledger.from_subject);
    assert!(ledger.findings.is_empty(), "{ledger:#?}");
    // One message is offered twice; beside those that are pulled there are the pings of a control.
    let tests = to.delivery.unwrap().tests;
    assert_eq!(to.messages - tests, offered - 1, "{ledger:#?}");
    assert_eq!(to.messages, to.receipted + to.refused + to.unanswered);
    // Whatever the subject was made to queue is pulled in the end, by its case or by the next.
    assert_eq!(from.messages, estimate.messages["receipt, for what was pulled"], "{ledger:#?}");
    assert_eq!(from.messages, from.receipted + from.refused + from.reported_lost + from.open);
    assert!(to.receipted > 0 && from.receipted > 0, "{ledger:#?}");
}

#[test]
fn a_pulled_message_that_nobody_receipted_is_not_counted_as_receipted() {
    let (run, ..) = run(&["as4.puller"], Some("receipts-nothing-pulled"));
    let to = run.ledger.unwrap().to_subject;
    assert!(to.messages > 0 && to.receipted == 0, "{to:?}");
}

/// A subject that ignores receipts hands out what earlier cases queued again and again; a case is about its own message.
#[test]
fn a_case_is_not_judged_by_what_another_case_left_in_the_channel() {
    let (run, ..) = run(&["as4.pull"], Some("ignores-receipts"));
    let verdict = |id: &str| run.cells.iter().find(|cell| cell.case.as_str() == id).map(|cell| cell.verdict);
    assert_eq!(verdict("as4.pull.again-without-receipt"), Some(Verdict::Pass));
    for over in ["receipted-is-over", "wrong-receipt"] {
        assert_eq!(verdict(&format!("as4.pull.{over}")), Some(Verdict::Fail), "{over}");
    }
}
