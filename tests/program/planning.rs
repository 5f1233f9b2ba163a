//! What is asked of a subject before anything is sent to it, against a subject that is not there.

use std::fs;
use std::process::Command;

use crate::support::{ICS, carnet, ends, said, subject, world};

fn numbers(line: &str) -> Vec<usize> {
    line.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse().ok()).collect()
}

#[test]
fn a_plan_adds_up_and_names_what_is_missing() {
    let world = world("");
    let plan = ends(world.path(), 0, &["plan", "--subject", "subject.toml"]);
    let sum = plan.lines().find(|line| line.contains(" planned = ")).expect("the sum");
    let [planned, attempted, excluded] = numbers(sum)[..] else { panic!("{sum}") };
    assert_eq!(planned, attempted + excluded);
    let listed: usize = plan
        .lines()
        .filter(|line| [" NOT_APPLICABLE: ", " SKIPPED: ", " INCONCLUSIVE: "].iter().any(|word| line.contains(word)))
        .map(|line| numbers(line)[0])
        .sum();
    assert_eq!(listed, excluded, "every excluded cell is listed under its reason:\n{plan}");
    let count = |what: &str| plan.lines().find(|line| line.ends_with(what)).map(|line| numbers(line)[0]).expect(what);
    let rows = plan.lines().filter(|line| line.starts_with("  ") && line.trim_start().starts_with(char::is_numeric));
    let rows: Vec<&str> = rows.filter(|line| line.trim_start().contains("  ")).collect();
    let sum: usize = rows.iter().map(|line| numbers(line)[0]).sum();
    assert_eq!(sum, count(" messages of the suite"), "{rows:#?}");
    assert!(count(" connections of the suite without a message") > 0, "{plan}");
    assert!(plan.contains(" messages that the subject is made to send\n"), "{plan}");
    let few = ends(world.path(), 2, &["plan", "--subject", "subject.toml", "--max-messages", "3"]);
    assert!(few.contains("more than 3") && few.contains("--max-messages"), "{few}");
    assert!(plan.contains("for want of suite.listen, an address at which the subject reaches the suite"), "{plan}");
    assert!(plan.contains("hooks.delivered"), "{plan}");
    assert!(fs::read_dir(world.path()).expect("the folder").all(|entry| {
        let name = entry.expect("an entry").file_name();
        ["subject.toml", "ics.toml", "suite-pki", "kit"].iter().any(|known| name == *known)
    }));
}

#[test]
fn bounds_and_consent_come_before_anything_is_sent() {
    let world = world("");
    let dir = world.path();
    let run = ["run", "--subject", "subject.toml", "as4.ping.receipted"];
    let most = ends(dir, 2, &[&run[..], &["--max-messages", "0"]].concat());
    assert!(most.contains("--max-messages"), "{most}");
    let consent = ends(dir, 2, &[&run[..], &["--safety", "destructive"]].concat());
    assert!(consent.contains("--yes"), "{consent}");
    for (flag, value) in
        [("--jobs", "0"), ("--jobs", "65"), ("--patience", "0"), ("--rate", "0"), ("--repeat-failed", "11")]
    {
        assert!(ends(dir, 2, &[&run[..], &[flag, value]].concat()).contains(flag), "{flag}");
    }
    for command in ["run", "load"] {
        let never = ends(dir, 2, &[command, "--subject", "subject.toml", "--max-time", "0s"]);
        assert!(never.contains("--max-time") && never.contains("expected more than no time"), "{never}");
    }
    assert!(!dir.join("carnet-result").exists());
}

#[test]
fn a_subject_that_is_not_there_is_undecided_and_nothing_is_retried_to_green() {
    let world = world("");
    let dir = world.path();
    let run = ends(dir, 3, &["run", "--subject", "subject.toml", "as4.ping.receipted", "tls.certificate.expired"]);
    assert!(run.contains("INCONCLUSIVE") && run.contains("test message"), "{run}");
    assert!(run.find("planned =").expect("the plan") < run.find("INCONCLUSIVE").expect("a verdict"));
    let again = ends(dir, 2, &["rerun", "carnet-result", "--failed", "--subject", "subject.toml"]);
    assert!(again.contains("holds the evidence of a run"), "{again}");
    let again = ends(dir, 3, &["rerun", "carnet-result", "--failed", "--subject", "subject.toml", "--out", "second"]);
    assert!(again.contains("A is the earlier run") && again.contains("as4.ping.receipted"), "{again}");
    let watched = ends(dir, 0, &["watch", "carnet-result"]);
    assert!(watched.contains("finished"), "{watched}");
}

#[test]
fn a_baseline_is_read_before_anything_is_sent_and_ends_with_its_own_exit_code() {
    let world = world("");
    let dir = world.path();
    let baseline = |case: &str, verdict: &str, expires: &str| {
        let text = format!(
            "format = 1\n[[accept]]\ncase = {case:?}\nverdict = {verdict:?}\nsignature = \"0123456789abcdef\"\n\
             reason = \"known\"\nowner = \"operations\"\nexpires = {expires:?}\n"
        );
        fs::write(dir.join("baseline.toml"), text).expect("written");
    };
    let run = ["run", "--subject", "subject.toml", "as4.ping.receipted", "--baseline", "baseline.toml"];
    baseline("as4.ping.receipt", "FAIL", "2099-01-01");
    let wrong = ends(dir, 2, &run);
    assert!(wrong.contains("baseline.toml:3") && wrong.contains("did you mean as4.ping.receipted?"), "{wrong}");
    baseline("as4.ping.receipted", "FAIL", "next year");
    assert!(ends(dir, 2, &run).contains("baseline.toml:8"));
    assert!(!dir.join("carnet-result").exists());
    baseline("as4.ping.receipted", "FAIL", "2001-01-01");
    assert!(ends(dir, 1, &run).contains("expired on 2001-01-01"));
}

#[test]
fn a_claim_that_nobody_knows_and_a_wrong_listen_address_are_refused_with_their_place() {
    let world = world("");
    let dir = world.path();
    fs::write(dir.join("ics.toml"), ICS.replace("as4.ping", "as4.pign")).expect("written");
    let wrong = ends(dir, 2, &["plan", "--subject", "subject.toml"]);
    assert!(wrong.contains("ics.toml:5") && wrong.contains("did you mean `as4.ping`?"), "{wrong}");
    fs::write(dir.join("ics.toml"), ICS.replace("\"1s\"", "\"120m\"")).expect("written");
    assert!(ends(dir, 2, &["plan", "--subject", "subject.toml"]).contains("expected at most 3600s"));
    fs::write(dir.join("ics.toml"), ICS).expect("written");
    fs::write(dir.join("subject.toml"), subject("listen = \"9443\"")).expect("written");
    assert!(ends(dir, 2, &["plan", "--subject", "subject.toml"]).contains("subject.toml:7"));
    fs::write(dir.join("subject.toml"), subject("").replace("valid/export-sea", "valid/export-see")).expect("written");
    let near = ends(dir, 2, &["plan", "--subject", "subject.toml"]);
    assert!(near.contains("subject.toml:1") && near.contains("did you mean"), "{near}");
    let reserved = format!("{}[references]\nlrn = \"lower\"\n", subject(""));
    fs::write(dir.join("subject.toml"), reserved).expect("written");
    assert!(ends(dir, 2, &["plan", "--subject", "subject.toml"]).contains("got lrn \"lower\""));
}

#[test]
fn what_is_wrong_with_our_own_is_found_before_a_folder_is_touched() {
    let world = world("");
    let dir = world.path();
    let run = ["run", "--subject", "subject.toml", "as4.ping.receipted", "--replace"];
    ends(dir, 3, &run);
    let earlier = fs::read(dir.join("carnet-result/run.json")).expect("a result");
    let refused = |says: &str| {
        let said = ends(dir, 2, &run);
        assert!(said.contains(says) && said.contains("help:"), "{says:?} is not in {said}");
        assert_eq!(fs::read(dir.join("carnet-result/run.json")).expect("the earlier result"), earlier, "{says}");
    };
    let held = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = format!("listen = \"{}\"", held.local_addr().expect("its address"));
    let anchors = "[\"suite-pki/anchors.pem\"]";
    for (text, says) in [
        (subject(&taken), "cannot listen on"),
        (subject("").replacen(anchors, "[]", 1), "trust.tls names no certificate"),
        (subject("").replace("https://127.0.0.1:1", "http://127.0.0.1:1"), "messages go over TLS"),
        (subject("").replace("id = \"SUITE\"", "id = \"TH\""), "as another party of this file"),
    ] {
        fs::write(dir.join("subject.toml"), text).expect("written");
        refused(says);
    }
    for (hook, says) in [
        ("command = []", "names neither a command nor a request"),
        ("", "names neither a command nor a request"),
        ("command = [\"true\"]\nhttp = { url = \"http://localhost:1/\" }", "and only one can be run"),
        ("http = { method = \"PO ST\", url = \"http://localhost:1/\" }", "names the method \"PO ST\""),
    ] {
        fs::write(dir.join("subject.toml"), format!("{}[hooks.delivered]\n{hook}\n", subject(""))).expect("written");
        refused(says);
    }
    fs::write(dir.join("subject.toml"), subject("")).expect("written");
    fs::write(dir.join("ics.toml"), format!("answer_within = \"0s\"\n{ICS}")).expect("written");
    refused("ics.toml:1");
    fs::write(dir.join("ics.toml"), ICS).expect("written");
    let pki = dir.join("suite-pki");
    fs::copy(pki.join("suite-signing.key.pem"), pki.join("suite-tls.key.pem")).expect("copied");
    refused("our tls key does not belong to the first certificate of its chain");
    assert!(ends(dir, 2, &["doctor", "--subject", "subject.toml"]).contains("our tls key does not belong"));
}

#[test]
fn cases_that_do_not_load_are_not_the_fault_of_the_evidence() {
    let world = world("");
    let dir = world.path();
    ends(dir, 3, &["run", "--subject", "subject.toml", "as4.ping.receipted"]);
    let missing = ends(dir, 2, &["judge", "carnet-result", "--cases", "nowhere"]);
    assert!(missing.contains("nowhere") && !missing.contains("evidence"), "{missing}");
    fs::create_dir_all(dir.join("own/as4/mine")).expect("a folder");
    fs::write(dir.join("own/as4/mine/one.toml"), "format = 1\ntitel = \"x\"\n").expect("written");
    let wrong = ends(dir, 2, &["judge", "carnet-result", "--cases", "own"]);
    assert!(wrong.contains("one.toml:2") && !wrong.contains("evidence"), "{wrong}");
}

#[test]
fn a_party_whose_id_is_a_path_has_its_keys_in_the_folder_all_the_same() {
    let world = world("");
    let dir = world.path().join("a/b/c");
    fs::create_dir_all(&dir).expect("a folder");
    let evil = subject("").replace("id = \"SUITE\"", "id = \"../../../evil\"");
    fs::write(dir.join("subject.toml"), evil).expect("written");
    fs::write(dir.join("ics.toml"), ICS).expect("written");
    ends(&dir, 0, &["kit", "--subject", "subject.toml"]);
    assert!(dir.join("suite-pki/---..-..-evil-tls.key.pem").exists());
    ends(&dir, 0, &["plan", "--subject", "subject.toml"]);
    for folder in ["", "a", "a/b"] {
        let left = fs::read_dir(world.path().join(folder)).expect("the folder").map(|entry| entry.expect("an entry"));
        let evil: Vec<_> = left.filter(|entry| entry.file_name().to_string_lossy().contains("evil")).collect();
        assert!(evil.is_empty(), "{evil:?}");
    }
}

#[test]
fn where_no_hook_is_the_operator_is_told_the_exact_action() {
    let world = world("listen = \"127.0.0.1:0\"");
    let dir = world.path();
    let without = ends(dir, 3, &["plan", "--subject", "subject.toml", "as4.initiator.message-valid"]);
    assert!(without.contains("a way to make the subject send"), "{without}");
    fs::write(dir.join("subject.toml"), format!("{}[hooks]\noperator = true\n", subject("listen = \"127.0.0.1:0\"")))
        .expect("written");
    let quick = ICS.replace("[reception", "business_within = \"500ms\"\n[reception").replace("\"1s\"", "\"100ms\"");
    fs::write(dir.join("ics.toml"), quick.replace("retry_count = 1", "retry_count = 1\nanswer_timeout = \"200ms\""))
        .expect("written");
    let plan = ends(dir, 0, &["plan", "--subject", "subject.toml", "as4.initiator.message-valid"]);
    assert!(plan.contains("a person at the terminal will be asked to act 1 times"), "{plan}");
    let (_, out, err) = said(&carnet(dir, &["run", "--subject", "subject.toml", "as4.initiator.message-valid"]));
    let asked =
        "please: send one message from Node TH to party SUITE at https://localhost:9443/as4, with ConversationId";
    assert!(out.contains(asked), "{out}{err}");
}

#[test]
fn a_full_disk_ends_the_run_and_leaves_what_was_captured_readable() {
    let world = world("");
    let dir = world.path();
    let arguments = "run --subject subject.toml as4.push as4.ping --out";
    let run = |limit: u64, out: &str| {
        // The signal is ignored, so that a write past the limit fails as it does on a full disk.
        let script = format!("trap '' XFSZ; ulimit -f {limit}; exec \"$0\" {arguments} {out}");
        let mut command = Command::new("bash");
        command.current_dir(dir).args(["-c", &script, env!("CARGO_BIN_EXE_carnet")]);
        said(&command.output().expect("bash runs"))
    };
    let (code, out, err) = run(1_000_000, "whole");
    assert_eq!(code, 3, "{out}{err}");
    let whole = fs::metadata(dir.join("whole/events.jsonl")).expect("events").len();
    let (code, out, err) = run((whole - 600) / 1024, "cut");
    assert_eq!(code, 4, "{out}{err}");
    assert!(err.contains("could not be written") && err.contains("help:"), "{err}");
    let judged = ends(dir, 3, &["judge", "cut"]);
    assert!(judged.contains("did not come to its end"), "{judged}");
}

#[test]
fn a_statement_is_made_from_answers_and_wrong_ones_are_named() {
    let dir = tempfile::tempdir().expect("a folder");
    let dir = dir.path();
    let template = ends(dir, 0, &["ics", "--template"]);
    fs::write(dir.join("answers.toml"), &template).expect("written");
    assert!(ends(dir, 2, &["ics", "--answers", "answers.toml"]).contains("product"));
    let good = template
        .replace("\"product\" = \"\"", "\"product\" = \"Node\"")
        .replace("\"as4.push\" = false", "\"as4.push\" = true")
        .replace("\"reception_awareness.retry_interval\" = \"5s\"", "\"reception_awareness.retry_interval\" = \"90s\"");
    fs::write(dir.join("answers.toml"), &good).expect("written");
    ends(dir, 0, &["ics", "--answers", "answers.toml"]);
    let ics = fs::read_to_string(dir.join("ics.toml")).expect("the statement");
    assert!(ics.contains("\"as4.push\"") && !ics.contains("\"as4.ping\"") && ics.contains("90s"), "{ics}");
    assert!(ends(dir, 2, &["ics", "--answers", "answers.toml"]).contains("is there already"));
    for (from, to, said) in [
        ("\"as4.push\" = true", "\"as4.pusch\" = true", "did you mean \"as4.push\"?"),
        ("\"binding.tls\" = \"anchor\"", "\"binding.tls\" = \"ancor\"", "did you mean anchor?"),
        ("\"90s\"", "\"soon\"", "expected a length of time"),
        ("\"as4.push\" = true", "\"as4.push\" = \"perhaps\"", "expected yes or no"),
    ] {
        fs::write(dir.join("answers.toml"), good.replace(from, to)).expect("written");
        let wrong = ends(dir, 2, &["ics", "--answers", "answers.toml", "--replace"]);
        assert!(wrong.contains("answers.toml:") && wrong.contains(said), "{wrong}");
    }
}

#[test]
fn a_statement_is_made_from_what_is_typed() {
    use std::io::Write as _;
    use std::process::Stdio;
    let dir = tempfile::tempdir().expect("a folder");
    let mut child = Command::new(env!("CARGO_BIN_EXE_carnet"))
        .current_dir(dir.path())
        .arg("ics")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("carnet runs");
    // Without a product it asks again; the rest takes the defaults, but for the first capability.
    let typed = format!("\nNode\n\n\nresponders\nresponder\n\n\nmaybe\ny\n{}", "\n".repeat(80));
    child.stdin.take().expect("its input").write_all(typed.as_bytes()).expect("typed");
    let output = child.wait_with_output().expect("it ends");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("expected responder, initiator or both") && text.contains("expected yes or no"), "{text}");
    let ics = fs::read_to_string(dir.path().join("ics.toml")).expect("the statement");
    assert!(ics.contains("product = \"Node\"") && ics.contains("roles = [\"responder\"]"), "{ics}");
}

#[test]
fn completions_and_manual_pages_are_made_from_the_commands() {
    let dir = tempfile::tempdir().expect("a folder");
    for shell in ["bash", "zsh", "fish"] {
        let script = ends(dir.path(), 0, &["completions", shell]);
        assert!(script.contains("--repeat-failed") || script.contains("repeat-failed"), "{shell}");
    }
    ends(dir.path(), 0, &["man", "pages"]);
    let page = fs::read_to_string(dir.path().join("pages/carnet-run.1")).expect("a page");
    assert!(page.starts_with(".") && page.contains("baseline"), "{page}");
}
