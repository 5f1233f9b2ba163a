//! Verdicts of what could not be judged, and the arithmetic of messages: each missing means is named, a person is asked
//! where only a person knows, and what a subject loses or doubles shows over the whole run.

use std::path::Path;

use carnet_catalogue::CaseId;
use carnet_harness::judge::run::CellResult;
use carnet_harness::plan::{Means, Selection, plan};
use carnet_harness::{ExitCode, Run, Setup, Verdict, judge};
use tempfile::TempDir;

use crate::support::{self, Fault, run_against, run_edited};

/// Runs one case against a good double whose `subject.toml` is edited first, and judges the evidence again.
fn run_with(case: &str, edit: impl Fn(&Path, String) -> String) -> Run {
    let dir = TempDir::new().unwrap();
    let evidence = dir.path().join("evidence");
    let run = run_edited(&[], &[case], carnet_catalogue::load().unwrap(), &evidence, edit);
    assert_eq!(run.to_json(), judge(&evidence).unwrap().to_json());
    run
}

fn cell<'r>(run: &'r Run, case: &str) -> &'r CellResult {
    run.cells.iter().find(|cell| cell.case.as_str() == case).unwrap()
}

#[test]
fn a_revoked_certificate_is_undecided_where_nobody_loaded_the_list() {
    let run = run_with("tls.revocation.leaf", |_, subject| subject);
    let undecided = cell(&run, "tls.revocation.leaf");
    assert_eq!(undecided.verdict, Verdict::Inconclusive);
    assert!(undecided.reason.as_ref().unwrap().contains("hooks.load_crl"), "{:?}", undecided.reason);
    assert_eq!(run.exit, ExitCode::Undecided);
    assert_eq!(run.count.planned, run.count.attempted + run.count.excluded);
}

#[test]
fn a_hook_that_fails_leaves_nothing_to_judge() {
    let run =
        run_with("tls.revocation.leaf", |_, subject| format!("{subject}\n[hooks.load_crl]\ncommand = [\"false\"]\n"));
    let undecided = cell(&run, "tls.revocation.leaf");
    assert_eq!(undecided.verdict, Verdict::Inconclusive);
    assert!(undecided.reason.as_ref().unwrap().contains("hook load-crl failed"), "{:?}", undecided.reason);
}

#[test]
fn a_person_must_look_where_only_a_person_could_act() {
    let run = run_with("as4.initiator.message-valid", |dir, subject| {
        let start = subject.find("[sample]").unwrap();
        let end = subject.find("[trust]").unwrap();
        std::fs::write(dir.join("doc.xml"), "<a/>").unwrap();
        let sample = "[sample]\nfile = \"doc.xml\"\nservice = \"s\"\naction = \"a\"\n";
        format!("{}{sample}{}", &subject[..start], &subject[end..])
            .replace("[hooks.delivered]", "[hooks]\noperator = true\n[hooks.delivered]")
    });
    let review = cell(&run, "as4.initiator.message-valid");
    assert_eq!(review.verdict, Verdict::Review, "{review:#?}");
    assert!(review.reason.as_ref().unwrap().contains("operator"));
    assert_eq!(run.exit, ExitCode::Undecided);
}

#[test]
fn each_case_that_cannot_run_says_which_means_it_lacks() {
    let dir = TempDir::new().unwrap();
    let subject = support::world(dir.path(), "https://localhost:1/as4");
    let text = std::fs::read_to_string(&subject).unwrap();
    let bare = text[..text.find("[hooks.delivered]").unwrap()].replacen("listen = \"127.0.0.1:0\"\n", "", 1);
    std::fs::write(&subject, bare).unwrap();
    let ics = dir.path().join("ics.toml");
    let claims =
        std::fs::read_to_string(&ics).unwrap().replace("\"hook.notified\",", "\"hook.notified\", \"hook.restart\",");
    std::fs::write(&ics, claims.replace("\"pack.declaration\", ", "")).unwrap();
    let catalogue = carnet_catalogue::load().unwrap();
    let plan = plan(
        &catalogue,
        &Setup::load(&subject).unwrap(),
        &Selection { safety: carnet_catalogue::Safety::Destructive, ..Selection::default() },
    );
    let needs = |case: &str| {
        let cell = plan.cells.iter().find(|cell| cell.case == CaseId::new(case)).unwrap();
        cell.excluded.clone().map(|why| (why.verdict, why.needs)).unwrap()
    };
    assert_eq!(needs("as4.initiator.retries"), (Verdict::NotApplicable, vec![Means::Listen, Means::Prompt]));
    assert_eq!(
        needs("as4.initiator.gives-up-told"),
        (Verdict::NotApplicable, vec![Means::Listen, Means::Prompt, Means::Notified])
    );
    assert_eq!(needs("resilience.restart.duplicate"), (Verdict::NotApplicable, vec![Means::Delivered, Means::Restart]));
    assert_eq!(needs("tls.revocation.leaf"), (Verdict::Inconclusive, vec![Means::LoadCrl]));
}

#[test]
fn messages_add_up_and_what_is_lost_or_doubled_shows() {
    let cases = [
        "as4.duplicate.receipted-again",
        "as4.ping.receipted",
        "as4.signature.payload-tampered",
        "as4.initiator.retries",
    ];
    for (faults, verdict, what) in [
        (vec![], Verdict::Pass, None),
        (vec![Fault::DeliversTwice], Verdict::Fail, Some("it was delivered more than once")),
        (vec![Fault::DeliversNothing], Verdict::Warn, Some("it was receipted and never delivered")),
    ] {
        let dir = TempDir::new().unwrap();
        let run = run_against(&faults, &cases, carnet_catalogue::load().unwrap(), &dir.path().join("evidence"));
        let ledger = run.ledger.as_ref().unwrap();
        let (to, from) = (ledger.to_subject, ledger.from_subject);
        assert_eq!(to.messages, to.receipted + to.refused + to.unanswered);
        let seen = to.delivery.unwrap();
        assert_eq!(to.receipted, seen.once + seen.tests + seen.never + seen.twice, "{ledger:#?}");
        assert_eq!(from.messages, from.receipted + from.refused + from.reported_lost + from.open);
        assert!(to.refused >= 1 && seen.tests >= 1 && from.receipted >= 1, "{ledger:#?}");
        assert_eq!(ledger.findings.first().map(|found| found.what.as_str()), what, "{ledger:#?}");
        assert_eq!(run.verdict, verdict, "{ledger:#?}");
        assert!(ledger.lines()[0].starts_with(&format!("to the subject: {} messages = ", to.messages)));
    }
}

#[test]
fn what_the_plainest_case_does_not_see_no_other_case_is_blamed_for() {
    let cases =
        ["as4.initiator.message-valid", "as4.initiator.receipt-stranger", "as4.receipt.refers", "as4.push.accepted"];
    let dir = TempDir::new().unwrap();
    let silent =
        run_against(&[Fault::PushNothing], &cases, carnet_catalogue::load().unwrap(), &dir.path().join("evidence"));
    let of = |run: &Run, case: &str| (cell(run, case).verdict, cell(run, case).findings.len());
    assert_eq!(of(&silent, "as4.push.accepted"), (Verdict::Pass, 0));
    let plainest = cell(&silent, "as4.initiator.message-valid");
    assert_eq!(plainest.verdict, Verdict::Fail);
    assert!(plainest.findings.iter().any(|finding| finding.fix.contains("obliges the subject")), "{plainest:#?}");
    let other = cell(&silent, "as4.initiator.receipt-stranger");
    assert_eq!(of(&silent, "as4.initiator.receipt-stranger"), (Verdict::Inconclusive, 0));
    assert!(other.reason.as_ref().unwrap().contains("as4.initiator.message-valid"), "{other:#?}");
    for requirement in &other.verifies {
        assert_eq!(silent.requirements[requirement], Verdict::Inconclusive, "{requirement}");
    }

    let alone = ["as4.initiator.receipt-stranger"];
    let dir = TempDir::new().unwrap();
    let alone =
        run_against(&[Fault::PushNothing], &alone, carnet_catalogue::load().unwrap(), &dir.path().join("evidence"));
    assert_eq!(alone.verdict, Verdict::Warn, "nothing plainer was tried");
}

#[test]
fn what_was_redacted_is_no_loss_and_no_pass() {
    use aws_lc_rs::signature::Ed25519KeyPair;
    use carnet_harness::evidence::{Evidence, Kind, bundle};
    let dir = TempDir::new().unwrap();
    let evidence = dir.path().join("evidence");
    let run = run_against(&[], &["as4.push.accepted"], carnet_catalogue::load().unwrap(), &evidence);
    assert_eq!((run.verdict, run.ledger.as_ref().unwrap().redacted), (Verdict::Pass, 0));
    let key = dir.path().join("key.pem");
    let made = Ed25519KeyPair::generate().unwrap().to_pkcs8v1().unwrap();
    std::fs::write(&key, carnet_certs::to_pem("PRIVATE KEY", made.as_ref())).unwrap();
    bundle::sign(&evidence, &key).unwrap();
    let events = Evidence::open(&evidence).unwrap().events;
    let listed = events.iter().rev().find_map(|event| match &event.kind {
        Kind::Hook { name, output, .. } if name == "delivered" && event.scope.is_none() => Some(output.sha256.clone()),
        _ => None,
    });
    bundle::redact(&evidence, &[listed.unwrap()], "names a trader").unwrap();
    let run = judge(&evidence).unwrap();
    let ledger = run.ledger.as_ref().unwrap();
    assert_eq!((ledger.redacted, ledger.findings.len()), (1, 0), "{ledger:#?}");
    assert_eq!((run.verdict, run.exit), (Verdict::Inconclusive, ExitCode::Undecided));
    assert!(run.notes.iter().any(|note| note.contains("redacted")), "{:?}", run.notes);
}
