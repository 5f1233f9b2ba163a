//! What is done with captured runs: compare, cover, watch, sign, redact, bundle, verify. The runs are the recorded ones
//! that the checks are tested with.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{carnet, ends, said};

pub(crate) fn recorded(check: &str, outcome: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance/harness/tests/evidence").join(check).join(outcome)
}

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to.join("blobs/sha256")).expect("a folder");
    fs::copy(from.join("events.jsonl"), to.join("events.jsonl")).expect("copied");
    for entry in fs::read_dir(from.join("blobs/sha256")).expect("blobs") {
        let entry = entry.expect("a blob");
        fs::copy(entry.path(), to.join("blobs/sha256").join(entry.file_name())).expect("copied");
    }
}

/// A copy of recorded evidence beside an Ed25519 key that openssl made.
fn world() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    copy(&recorded("receipt.signed", "pass"), &dir.path().join("run"));
    for name in ["key.pem", "other.pem"] {
        openssl(dir.path(), &["genpkey", "-algorithm", "ed25519", "-out", name]);
    }
    openssl(dir.path(), &["pkey", "-in", "key.pem", "-pubout", "-out", "public.pem"]);
    openssl(dir.path(), &["pkey", "-in", "other.pem", "-pubout", "-out", "other-public.pem"]);
    dir
}

fn openssl(dir: &Path, arguments: &[&str]) {
    let done = Command::new("openssl").current_dir(dir).args(arguments).output().expect("openssl runs");
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}

fn tar(dir: &Path, arguments: &[&str]) {
    assert!(Command::new("tar").current_dir(dir).args(arguments).status().expect("tar runs").success());
}

/// The digest of the first bytes that came in.
fn answer(dir: &Path) -> String {
    let events = fs::read_to_string(dir.join("run/events.jsonl")).expect("events");
    let incoming = |line: &str| {
        let event: serde_json::Value = serde_json::from_str(line).ok()?;
        (event["direction"] == "in").then(|| event["blob"]["sha256"].as_str().map(str::to_owned))?
    };
    events.lines().find_map(incoming).expect("an answer")
}

#[test]
fn a_signature_holds_until_anything_is_changed() {
    let world = world();
    let dir = world.path();
    assert!(ends(dir, 2, &["verify", "run"]).contains("not signed"));
    ends(dir, 0, &["sign", "run", "--key", "key.pem"]);
    let whole = ends(dir, 0, &["verify", "run", "--key", "public.pem"]);
    assert!(whole.contains("as they were signed"), "{whole}");
    // Another tool agrees.
    openssl(
        &dir.join("run"),
        &[
            "pkeyutl",
            "-verify",
            "-pubin",
            "-inkey",
            "signer.pem",
            "-rawin",
            "-in",
            "manifest.json",
            "-sigfile",
            "manifest.sig",
        ],
    );
    let other = ends(dir, 5, &["verify", "run", "--key", "other-public.pem"]);
    assert!(other.contains("run does not verify: another key signed it") && !other.contains("changed"), "{other}");

    let blob = format!("blobs/sha256/{}", answer(dir));
    let path = dir.join("run").join(&blob);
    let bytes = fs::read(&path).expect("the blob");
    fs::write(&path, b"other").expect("changed");
    assert!(ends(dir, 5, &["verify", "run"]).contains(&format!("changed: {blob}")));
    fs::remove_file(&path).expect("removed");
    assert!(ends(dir, 5, &["verify", "run"]).contains(&format!("missing: {blob}")));
    fs::write(&path, bytes).expect("restored");
    fs::write(dir.join("run/extra.txt"), "x").expect("added");
    assert!(ends(dir, 5, &["verify", "run"]).contains("added: extra.txt"));
    fs::remove_file(dir.join("run/extra.txt")).expect("removed");
    let manifest = fs::read_to_string(dir.join("run/manifest.json")).expect("the manifest");
    fs::write(dir.join("run/manifest.json"), manifest.replacen("\"length\": ", "\"length\": 1", 1)).expect("changed");
    assert!(ends(dir, 5, &["verify", "run"]).contains("not the signer's signature"));
}

#[test]
fn a_signature_that_was_taken_away_is_missed() {
    let world = world();
    let dir = world.path();
    assert!(
        ends(dir, 5, &["verify", "run", "--key", "public.pem"]).contains("it lacks manifest.json and manifest.sig")
    );
    ends(dir, 0, &["bundle", "run", "--out", "plain.tar.gz"]);
    let plain = ends(dir, 2, &["verify", "plain.tar.gz"]);
    assert!(
        plain.contains("plain.tar.gz holds evidence that is not signed") && plain.contains("carnet bundle DIR --key")
    );
    ends(dir, 0, &["sign", "run", "--key", "key.pem"]);
    for name in ["manifest.json", "manifest.sig", "signer.pem"] {
        let path = dir.join("run").join(name);
        let bytes = fs::read(&path).expect("what signing wrote");
        fs::remove_file(&path).expect("removed");
        for arguments in [["verify", "run"].as_slice(), &["verify", "run", "--key", "public.pem"]] {
            let lacking = ends(dir, 5, arguments);
            assert!(lacking.contains(&format!("it lacks {name}, ")), "{lacking}");
        }
        fs::write(&path, bytes).expect("restored");
    }
    fs::copy(dir.join("other-public.pem"), dir.join("run/signer.pem")).expect("replaced");
    assert!(ends(dir, 5, &["verify", "run", "--key", "public.pem"]).contains("changed: signer.pem"));
    fs::write(dir.join("run/signer.pem"), "no key").expect("replaced");
    assert!(ends(dir, 5, &["verify", "run"]).contains("changed: signer.pem"));
    let absent = ends(dir, 2, &["verify", "run", "--key", "nope.pem"]);
    assert!(absent.contains("nope.pem") && absent.contains("\nhelp: "), "{absent}");
}

#[test]
fn a_redaction_leaves_the_signature_whole_and_the_case_undecided() {
    let world = world();
    let dir = world.path();
    let before = said(&carnet(dir, &["judge", "run", "--run-json", "before.json"])).0;
    ends(dir, 0, &["sign", "run", "--key", "key.pem"]);
    let answer = answer(dir);
    let short = &answer[..12];
    assert!(ends(dir, 2, &["redact", "run", "--blob", short, "--reason", " "]).contains("say why"));
    assert!(ends(dir, 2, &["redact", "run", "--blob", "00000000", "--reason", "x"]).contains("no event"));
    ends(dir, 0, &["redact", "run", "--blob", short, "--reason", "names a trader"]);
    assert!(!dir.join("run/blobs/sha256").join(&answer).exists());
    let verified = ends(dir, 0, &["verify", "run", "--key", "public.pem"]);
    assert!(verified.contains(&answer) && verified.contains("names a trader"), "{verified}");
    let judged = ends(dir, 3, &["judge", "run"]);
    assert!(judged.contains("redacted: names a trader"), "{judged}");
    assert_ne!(before, 5, "the evidence was whole before");
    // A gap that no redaction explains is one.
    fs::remove_file(dir.join("run/redactions.json")).expect("removed");
    assert!(ends(dir, 5, &["verify", "run"]).contains(&format!("missing: blobs/sha256/{answer}")));
}

#[test]
fn what_judging_needs_cannot_be_redacted() {
    let world = world();
    let dir = world.path();
    let first = fs::read_to_string(dir.join("run/events.jsonl")).expect("events");
    let first: serde_json::Value = serde_json::from_str(first.lines().next().expect("a line")).expect("json");
    let subject = first["subject"]["sha256"].as_str().expect("a digest").to_owned();
    let refused = ends(dir, 2, &["redact", "run", "--blob", &subject, "--reason", "x"]);
    assert!(refused.contains("cannot be redacted"), "{refused}");
    assert!(dir.join("run/blobs/sha256").join(&subject).exists());
}

#[test]
fn a_bundle_is_one_file_the_same_each_time_and_verifies_as_it_is() {
    let world = world();
    let dir = world.path();
    ends(dir, 0, &["bundle", "run", "--key", "key.pem", "--out", "one.tar.gz"]);
    ends(dir, 0, &["bundle", "run", "--out", "two.tar.gz"]);
    let bytes = fs::read(dir.join("one.tar.gz")).expect("the bundle");
    assert_eq!(bytes, fs::read(dir.join("two.tar.gz")).expect("the bundle"));
    ends(dir, 0, &["verify", "one.tar.gz", "--key", "public.pem"]);
    // Packed again by another tool with one byte changed, it is told which file that was in.
    let blob = format!("blobs/sha256/{}", answer(dir));
    fs::create_dir(dir.join("again")).expect("a folder");
    tar(dir, &["xzf", "one.tar.gz", "-C", "again"]);
    let mut changed = fs::read(dir.join("again").join(&blob)).expect("the blob");
    changed[0] ^= 1;
    fs::write(dir.join("again").join(&blob), changed).expect("changed");
    tar(dir, &["czf", "tampered.tar.gz", "-C", "again", "."]);
    assert!(ends(dir, 5, &["verify", "tampered.tar.gz", "--key", "public.pem"]).contains(&format!("changed: {blob}")));
    fs::write(dir.join("cut.tar.gz"), &bytes[..bytes.len() / 2]).expect("cut");
    ends(dir, 5, &["verify", "cut.tar.gz"]);
    assert!(ends(dir, 2, &["bundle", "run", "--out", "run/in.tar.gz"]).contains("inside the folder"));
}

#[test]
fn evidence_with_a_private_key_in_it_is_not_signed() {
    let world = world();
    let dir = world.path();
    fs::copy(dir.join("other.pem"), dir.join("run/other.pem")).expect("copied");
    assert!(ends(dir, 2, &["sign", "run", "--key", "key.pem"]).contains("holds a private key"));
    assert!(!dir.join("run/manifest.sig").exists());
    assert!(ends(dir, 2, &["sign", "run", "--key", "public.pem"]).contains("no Ed25519 private key"));
}

#[test]
fn runs_are_compared_cell_by_cell() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = |outcome| recorded("receipt.signed", outcome).display().to_string();
    let alike = ends(dir.path(), 0, &["diff", &path("pass"), &path("pass")]);
    assert!(alike.contains("alike + 0 different"), "{alike}");
    let differs = ends(dir.path(), 1, &["diff", &path("pass"), &path("fail")]);
    assert!(differs.contains("PASS") && differs.contains("FAIL") && differs.contains("  B  "), "{differs}");
    ends(dir.path(), 1, &["judge", &path("fail"), "--run-json", "run.json"]);
    let same = ends(dir.path(), 0, &["diff", "run.json", &path("fail"), "--all"]);
    assert!(same.contains("FAIL"), "{same}");
    fs::write(dir.path().join("no.json"), "{\n\"format\": 2,\n}").expect("written");
    let no = ends(dir.path(), 2, &["diff", "no.json", "run.json"]);
    assert!(no.contains("no.json:3") && no.contains("help:"), "{no}");
}

#[test]
fn coverage_counts_what_the_catalogue_verifies_and_what_a_run_decided() {
    let dir = tempfile::tempdir().expect("a folder");
    let catalogue = ends(dir.path(), 0, &["coverage", "--min", "MUST=100"]);
    assert!(catalogue.contains("at least 100 % asked for: holds"), "{catalogue}");
    let sum = catalogue.lines().find(|line| line.contains(" requirements = ")).expect("the sum");
    let numbers: Vec<usize> = sum.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    assert_eq!(numbers[0], numbers[1..].iter().sum::<usize>(), "{sum}");
    let path = recorded("receipt.signed", "pass").display().to_string();
    let run = ends(dir.path(), 1, &["coverage", &path, "--min", "MUST=100"]);
    assert!(run.contains("falls short") && run.contains("no case of the run verifies it"), "{run}");
    assert!(ends(dir.path(), 2, &["coverage", "--min", "MUST"]).contains("MUST=100"));
}

#[test]
fn a_recorded_run_goes_by() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = recorded("receipt.signed", "fail").display().to_string();
    let seen = ends(dir.path(), 0, &["watch", &path, "--once"]);
    assert!(seen.contains("FAIL") && seen.contains("cells to run"), "{seen}");
    assert!(ends(dir.path(), 2, &["watch", "nowhere"]).contains("help:"));
}
