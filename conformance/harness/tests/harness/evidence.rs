//! Evidence that was touched does not judge as it did; what is written fits the published schemas.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use carnet_catalogue::Filters;
use carnet_catalogue::case::Level;
use carnet_harness::evidence::{Direction, Evidence, EvidenceError, Kind};
use carnet_harness::judge::baseline::{hold, spent};
use carnet_harness::judge::{LedgerFinding, judge_with};
use carnet_harness::plan::Selection;
use carnet_harness::{ExitCode, Run, RunOptions, Setup, Verdict, judge, run};

use crate::checks::folder;
use crate::support;

fn copy(from: &Path) -> tempfile::TempDir {
    let to = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(to.path().join("blobs/sha256")).unwrap();
    std::fs::copy(from.join("events.jsonl"), to.path().join("events.jsonl")).unwrap();
    for entry in std::fs::read_dir(from.join("blobs/sha256")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.path().join("blobs/sha256").join(entry.file_name())).unwrap();
    }
    to
}

/// The answer's blob in a fixture with one exchange.
fn received(dir: &Path) -> (String, Vec<u8>) {
    let evidence = Evidence::open(dir).unwrap();
    let blob = evidence.events.iter().find_map(|event| match &event.kind {
        Kind::Bytes { direction: Direction::In, blob } => Some(blob.clone()),
        _ => None,
    });
    let blob = blob.unwrap();
    (blob.sha256.clone(), evidence.blob(&blob).unwrap().to_vec())
}

/// Puts other bytes in the place of a blob, under their own name, so that nothing but the judge can notice.
fn replace(dir: &Path, old: &str, bytes: &[u8]) {
    let new = hex::encode(carnet_wire::digest::sha256(bytes));
    std::fs::remove_file(dir.join("blobs/sha256").join(old)).unwrap();
    std::fs::write(dir.join("blobs/sha256").join(&new), bytes).unwrap();
    let events = std::fs::read_to_string(dir.join("events.jsonl")).unwrap();
    std::fs::write(dir.join("events.jsonl"), events.replace(old, &new)).unwrap();
}

#[test]
fn a_retry_of_what_the_suite_answered_too_late_tells_nothing_of_the_subject() {
    let dir = copy(&folder("await.nothing", "fail"));
    assert_eq!(judge(dir.path()).unwrap().verdict, Verdict::Fail);
    let path = dir.path().join("events.jsonl");
    let events = std::fs::read_to_string(&path).unwrap();
    let answer = Evidence::open(dir.path()).unwrap().events.iter().rposition(|event| {
        event.connection == Some(2) && matches!(event.kind, Kind::Bytes { direction: Direction::Out, .. })
    });
    let answer = answer.unwrap();
    let later = events.lines().enumerate().map(|(at, line)| {
        let mut event: serde_json::Value = serde_json::from_str(line).unwrap();
        if at >= answer {
            // The double waits for a second.
            event["mono"] = (event["mono"].as_u64().unwrap() + 600_000).into();
        }
        format!("{event}\n")
    });
    std::fs::write(&path, later.collect::<String>()).unwrap();
    let run = judge(dir.path()).unwrap();
    let cell = run.cells.iter().find(|cell| cell.verdict.attempted()).unwrap();
    assert_eq!(cell.verdict, Verdict::Inconclusive);
    assert!(cell.reason.as_ref().is_some_and(|reason| reason.contains("the suite answered after 60")), "{cell:#?}");
}

#[test]
fn one_altered_byte_of_a_receipt_flips_the_verdict() {
    let source = folder("receipt.signed", "pass");
    assert_eq!(judge(&source).unwrap().verdict, Verdict::Pass);
    let (_, genuine) = received(&source);
    let text = String::from_utf8(genuine).unwrap();
    for place in ["<eb:MessageId>", "<eb:Timestamp>", "<ds:DigestValue>", "<ds:SignatureValue>", "<eb:RefToMessageId>"]
    {
        let dir = copy(&source);
        let (name, mut bytes) = received(dir.path());
        let at = text.find(place).unwrap() + place.len() + 3;
        bytes[at] = if bytes[at] == b'1' { b'2' } else { b'1' };
        replace(dir.path(), &name, &bytes);
        assert_eq!(judge(dir.path()).unwrap().verdict, Verdict::Fail, "{place}");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(48))]

    /// Any change inside the signed header flips the verdict; a change anywhere is judged without panic.
    #[test]
    fn any_altered_byte_is_judged(at in 0.0..1.0f64, inside in proptest::bool::ANY, byte in proptest::prelude::any::<u8>()) {
        let dir = copy(&folder("receipt.signed", "pass"));
        let (name, mut bytes) = received(dir.path());
        let text = String::from_utf8(bytes.clone()).unwrap();
        let signed = text.find("<eb:SignalMessage>").unwrap()..text.find("</eb:Messaging>").unwrap();
        let range = if inside { signed } else { 0..bytes.len() };
        let place = range.start + ((range.len() - 1) as f64 * at) as usize;
        // White space between attributes may be of any kind without a change of meaning.
        let changed = bytes[place] != byte && !bytes[place].is_ascii_whitespace();
        bytes[place] = byte;
        replace(dir.path(), &name, &bytes);
        let verdict = judge(dir.path()).unwrap().verdict;
        proptest::prop_assert!(!inside || !changed || verdict != Verdict::Pass, "byte {place} is now {byte}");
    }
}

#[test]
fn evidence_that_does_not_verify_is_not_judged() {
    let source = folder("receipt.signed", "pass");
    let dir = copy(&source);
    let (name, mut bytes) = received(dir.path());
    bytes[0] ^= 1;
    std::fs::write(dir.path().join("blobs/sha256").join(&name), &bytes).unwrap();
    assert!(matches!(judge(dir.path()), Err(EvidenceError::Blob { .. })));
    std::fs::remove_file(dir.path().join("blobs/sha256").join(&name)).unwrap();
    assert!(matches!(judge(dir.path()), Err(EvidenceError::Missing { .. })));

    let dir = copy(&source);
    let events = std::fs::read_to_string(dir.path().join("events.jsonl")).unwrap();
    let without: Vec<&str> = events.lines().enumerate().filter(|(line, _)| *line != 2).map(|(_, line)| line).collect();
    std::fs::write(dir.path().join("events.jsonl"), without.join("\n")).unwrap();
    assert!(matches!(judge(dir.path()), Err(EvidenceError::Sequence { line: 3, got: 4 })));
}

#[test]
fn a_run_that_was_cut_off_is_not_decided() {
    let dir = copy(&folder("receipt.signed", "pass"));
    let events = std::fs::read_to_string(dir.path().join("events.jsonl")).unwrap();
    let kept: Vec<&str> = events.lines().take(4).collect();
    std::fs::write(dir.path().join("events.jsonl"), kept.join("\n")).unwrap();
    let run = judge(dir.path()).unwrap();
    assert_eq!((run.verdict, run.exit), (Verdict::Inconclusive, ExitCode::Undecided));

    // Everything passed, and nobody knows whether that was all.
    let all_but_the_last = events.trim_end().rsplit_once('\n').unwrap().0;
    std::fs::write(dir.path().join("events.jsonl"), all_but_the_last).unwrap();
    let run = judge(dir.path()).unwrap();
    assert!(run.cells.iter().all(|cell| cell.verdict == Verdict::Pass));
    assert_eq!((run.verdict, run.exit), (Verdict::Inconclusive, ExitCode::Undecided));

    std::fs::write(dir.path().join("events.jsonl"), kept[0]).unwrap();
    let run = judge(dir.path()).unwrap();
    assert_eq!((run.verdict, run.exit, run.count.excluded), (Verdict::Error, ExitCode::Harness, run.count.planned));
    assert!(run.cells.iter().all(|cell| cell.reason.as_deref() == Some("the run ended before it began")));
}

#[test]
fn events_carry_no_verdict_and_no_check() {
    for check in ["receipt.signed", "refusal.allowed", "message.signed"] {
        let events = std::fs::read_to_string(folder(check, "fail").join("events.jsonl")).unwrap();
        for word in ["PASS", "FAIL", "verdict", "expect", "receipt.", "refusal.", "message."] {
            assert!(!events.contains(word), "{check}: {word}");
        }
    }
}

#[test]
fn no_private_key_is_captured() {
    for entry in std::fs::read_dir(folder("receipt.signed", "pass").join("blobs/sha256")).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("PRIVATE KEY"));
    }
}

#[test]
fn other_cases_judge_the_same_capture_and_the_run_says_so() {
    let cases = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(cases.path().join("fixture")).unwrap();
    let (source, file) = (folder("receipt.signed", "pass"), "fixture/check.toml");
    let recorded = Evidence::open(&source).unwrap().files().unwrap();
    let text = String::from_utf8(recorded.bytes("cases/fixture/check.toml").unwrap().to_vec()).unwrap();
    std::fs::write(
        cases.path().join(file),
        text.replace("\"receipt.signed\"\nwith = {  }", "\"tls.version-is\"\nwith = { version = \"1.2\" }"),
    )
    .unwrap();
    let run = judge_with(&source, Some(cases.path())).unwrap();
    assert_eq!(run.verdict, Verdict::Fail);
    assert!(run.suite.judged_with.is_some());
    assert!(judge(&source).unwrap().suite.judged_with.is_none());
}

#[test]
fn what_is_written_fits_its_schema_and_a_wrong_key_does_not() {
    let schema = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../docs/schemas/{name}-1.json"));
        jsonschema::validator_for(&serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()).unwrap()
    };
    let (line_schema, run_schema) = (schema("evidence"), schema("run"));
    for check in ["receipt.signed", "refusal.allowed", "delivered.once", "await.close", "message.retry-identical"] {
        for which in ["pass", "fail"] {
            let dir = folder(check, which);
            for line in std::fs::read_to_string(dir.join("events.jsonl")).unwrap().lines() {
                let mut value: serde_json::Value = serde_json::from_str(line).unwrap();
                assert!(line_schema.is_valid(&value), "{check}/{which}: {line}");
                value["no_such_key"] = true.into();
                assert!(!line_schema.is_valid(&value), "{check}/{which}: a wrong key is accepted");
            }
            let mut value = serde_json::to_value(judge(&dir).unwrap()).unwrap();
            let errors: Vec<String> = run_schema.iter_errors(&value).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{check}/{which}: {errors:?}");
            value["cells"][0]["no_such_key"] = true.into();
            assert!(!run_schema.is_valid(&value), "{check}/{which}: a wrong key is accepted");
        }
    }
}

#[test]
fn a_finding_points_at_the_bytes_that_show_it() {
    let dir = folder("receipt.digests-equal-sent", "fail");
    let run = judge(&dir).unwrap();
    let finding =
        run.cells.iter().flat_map(|cell| &cell.findings).find(|f| f.check == "receipt.digests-equal-sent").unwrap();
    let range = finding.range.unwrap();
    let (_, bytes) = received(&dir);
    let shown = std::str::from_utf8(&bytes[range.start..range.end]).unwrap();
    assert!(finding.actual.contains(shown), "{shown}");
    assert!(finding.events.contains(&range.event) && finding.xpath.is_some());
}

#[test]
fn a_baseline_accepts_the_known_failure_only_and_only_for_a_time() {
    let run = judge(&folder("receipt.signed", "fail")).unwrap();
    let cell = &run.cells[0];
    let row = |signature: &str, expires: &str| {
        let text = format!(
            "format = 1\n[[accept]]\ncase = \"{}\"\nverdict = \"FAIL\"\nsignature = \"{signature}\"\nreason = \"r\"\nowner = \"o\"\nexpires = \"{expires}\"\n",
            cell.case
        );
        carnet_catalogue::read::read::<carnet_catalogue::baseline::Baseline>("baseline.toml", &text).unwrap()
    };
    let signature = cell.signature.clone().unwrap();
    assert_eq!(hold(&run, &row(&signature, "2027-01-01"), "2026-12-01", false).exit, ExitCode::Conforms);
    assert_eq!(hold(&run, &row(&signature, "2026-11-30"), "2026-12-01", false).expired.len(), 1);
    let held = hold(&run, &row("0000000000000000", "2027-01-01"), "2026-12-01", false);
    assert_eq!((held.exit, held.stale.len()), (ExitCode::Fails, 1));
    let told = |run: &Run, signature: &str, expires: &str| {
        let baseline = Some(hold(run, &row(signature, expires), "2026-12-01", false));
        spent(&Run { baseline, ..run.clone() })
    };
    assert_eq!(told(&run, &signature, "2027-01-01"), []);
    let [(of, why)] = told(&run, "0000000000000000", "2027-01-01").try_into().unwrap();
    assert_eq!(of, cell.case.as_str());
    assert!(why.contains(&format!("but FAIL {signature}: another failure")) && !why.contains("take"), "{why}");
    let mut mended = run.clone();
    mended.cells[0].verdict = Verdict::Pass;
    assert!(told(&mended, &signature, "2027-01-01")[0].1.ends_with("it passes, take the row out"));
    assert!(told(&run, &signature, "2026-11-30")[0].1.contains("expired on 2026-11-30"));

    let mut losing = run.clone();
    let lost = LedgerFinding {
        message: "a@b".to_owned(),
        what: "it was delivered more than once".to_owned(),
        requirement: cell.verifies[0].clone(),
        level: Level::Must,
        events: Vec::new(),
    };
    losing.ledger.get_or_insert_default().findings.push(lost);
    let held = hold(&losing, &row(&signature, "2027-01-01"), "2026-12-01", false);
    assert_eq!((held.exit, held.accepted.len()), (ExitCode::Fails, 1), "what the ledger found nobody accepted");
}

fn options(dir: &Path, url: &str, only: &[&str]) -> RunOptions {
    let setup = Setup::load(&support::world(dir, url)).unwrap();
    let catalogue = carnet_catalogue::load().unwrap_or_else(|error| panic!("{error}"));
    let mut options = RunOptions::new(Arc::new(setup), Arc::new(catalogue), dir.join("evidence"));
    options.selection = Selection { only: Filters::ids(only.iter().copied()), ..Selection::default() };
    options
}

#[test]
fn a_subject_that_is_not_there_is_not_decided() {
    let dir = tempfile::tempdir().unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://localhost:{}/as4", free.local_addr().unwrap().port());
    drop(free);
    let run = run(&options(dir.path(), &url, &["as4.receipt", "as4.signature"]), &mut |_| {}).unwrap();
    assert_eq!((run.verdict, run.exit), (Verdict::Inconclusive, ExitCode::Undecided));
    assert!(run.count.planned > 5 && run.count.planned == run.count.attempted + run.count.excluded);
}

#[test]
fn nothing_attempted_is_an_error_of_ours() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = options(dir.path(), "https://localhost:1/as4", &["as4.push.accepted"]);
    options.selection.skip = vec![("as4".to_owned(), "a test".to_owned())];
    let run = run(&options, &mut |_| {}).unwrap();
    assert_eq!((run.verdict, run.exit, run.count.excluded), (Verdict::Error, ExitCode::Harness, run.count.planned));
    assert!(run.cells.iter().all(|cell| cell.reason.as_deref() == Some("a test")));
}

/// Puts another text in the place of a recorded file, under its own name and length.
fn rewrite(dir: &Path, path: &str, change: impl Fn(&str) -> String) {
    let evidence = Evidence::open(dir).unwrap();
    let old = evidence.start.files[path].clone();
    let new = change(evidence.text("file", &old).unwrap()).into_bytes();
    replace(dir, &old.sha256, &new);
    let events = std::fs::read_to_string(dir.join("events.jsonl")).unwrap();
    let name = hex::encode(carnet_wire::digest::sha256(&new));
    let (was, is) = (old.length, new.len());
    let events = events.replace(&format!("\"{name}\",\"length\":{was}"), &format!("\"{name}\",\"length\":{is}"));
    std::fs::write(dir.join("events.jsonl"), events).unwrap();
}

#[test]
fn what_is_found_beside_a_case_is_mended_as_its_own_requirement_says() {
    let dir = copy(&folder("http.no-internals", "fail"));
    let evidence = Evidence::open(dir.path()).unwrap();
    let named = |folder: &str| evidence.start.files.keys().find(|path| path.starts_with(folder)).unwrap().clone();
    rewrite(dir.path(), &named("requirements/"), |text| {
        format!(
            "{text}\n[[requirement]]\nid = \"CARNET-ERROR-01\"\nsource = \"carnet\"\nclause = \"x\"\nlevel = \"SHOULD\"\n\
             actor = \"both\"\nstatement = \"nothing of the inside\"\nfix = \"log it instead\"\n"
        )
    });
    rewrite(dir.path(), &named("cases/"), |text| {
        text.replace("with = {  }", "with = { requirement = \"CARNET-ERROR-01\" }")
    });
    let run = judge(dir.path()).unwrap();
    let finding = &run.cells[0].findings[0];
    assert_eq!((finding.requirement.as_str(), finding.fix.as_str()), ("CARNET-ERROR-01", "log it instead"));
    let said = |id: &str| run.requirements.iter().find(|(row, _)| row.as_str() == id).map(|(_, verdict)| *verdict);
    assert_eq!(said("CARNET-ERROR-01"), Some(Verdict::Warn));
    assert_eq!(said(run.cells[0].verifies[0].as_str()), Some(run.cells[0].verdict));
}

#[test]
fn what_signing_and_redacting_write_fits_the_published_schemas() {
    use aws_lc_rs::signature::Ed25519KeyPair;
    use carnet_harness::evidence::bundle;
    let dir = copy(&folder("receipt.signed", "pass"));
    let keys = tempfile::tempdir().unwrap();
    let key = keys.path().join("key.pem");
    let made = Ed25519KeyPair::generate().unwrap().to_pkcs8v1().unwrap();
    std::fs::write(&key, carnet_certs::to_pem("PRIVATE KEY", made.as_ref())).unwrap();
    let signed = bundle::sign(dir.path(), &key).unwrap();
    let answer = Evidence::open(dir.path()).unwrap().events.iter().find_map(|event| match &event.kind {
        Kind::Bytes { direction: Direction::In, blob } => Some(blob.sha256.clone()),
        _ => None,
    });
    bundle::redact(dir.path(), &[answer.unwrap()], "names a trader").unwrap();
    let verified = bundle::verify(dir.path(), None).unwrap();
    assert_eq!((verified.signer, verified.redacted.len(), verified.files), (signed.signer, 1, signed.files - 1));
    for (file, schema) in [(bundle::MANIFEST, "manifest-1.json"), (bundle::REDACTIONS, "redactions-1.json")] {
        let json = |path: PathBuf| -> serde_json::Value {
            serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
        };
        let schema = json(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schemas").join(schema));
        let errors: Vec<String> = jsonschema::validator_for(&schema)
            .unwrap()
            .iter_errors(&json(dir.path().join(file)))
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{file}: {errors:?}");
    }
}
