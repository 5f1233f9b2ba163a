//! A run whose every cell passes while its ledger finds a message that was delivered twice: no command misses it.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::evidence::{copy, recorded};
use crate::support::{ends, world};

/// A requirement that only the ledger can find broken.
const ROW: &str = r#"
[[requirement]]
id = "AS4-DUPLICATE-01"
source = "AS4 1.0"
clause = "3.3"
level = "MUST"
actor = "receiver"
statement = "A message is delivered once."
"#;

/// The bytes as a blob of the folder.
fn blob(run: &Path, bytes: &[u8]) -> Value {
    let file = run.join("blob");
    fs::write(&file, bytes).expect("written");
    let said = Command::new("sha256sum").arg(&file).output().expect("sha256sum runs").stdout;
    let name = String::from_utf8_lossy(&said).split_whitespace().next().expect("a digest").to_owned();
    fs::rename(file, run.join("blobs/sha256").join(&name)).expect("renamed");
    json!({ "sha256": name, "length": bytes.len() })
}

/// A recorded run that passed, as it would be had the node's own list named each message of it twice.
fn doubled(run: &Path) {
    copy(&recorded("receipt.signed", "pass"), run);
    let text = fs::read_to_string(run.join("events.jsonl")).expect("events");
    let mut events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("an event")).collect();
    let bytes = |blob: &Value| {
        let name = blob["sha256"].as_str().expect("a digest");
        String::from_utf8_lossy(&fs::read(run.join("blobs/sha256").join(name)).expect("a blob")).into_owned()
    };
    let sent = events.iter().find(|event| event["direction"] == "out").map(|event| bytes(&event["blob"]));
    let sent = sent.expect("a message");
    let id = sent.split("MessageId>").nth(1).and_then(|rest| rest.split('<').next()).expect("its id").to_owned();
    let requirements = bytes(&events[0]["files"]["requirements/fixture.toml"]);
    events[0]["files"]["requirements/fixture.toml"] = blob(run, format!("{requirements}{ROW}").as_bytes());
    let listed = blob(run, format!("{id}\n{id}\n").as_bytes());
    let mut last = events.pop().expect("the end of the run");
    let mut hook = last.clone();
    hook["kind"] = "hook".into();
    hook["name"] = "delivered".into();
    hook["success"] = true.into();
    hook["output"] = listed;
    last["seq"] = (events.len() + 2).into();
    events.extend([hook, last]);
    let lines: String = events.iter().map(|event| format!("{event}\n")).collect();
    fs::write(run.join("events.jsonl"), lines).expect("written");
}

#[test]
fn what_the_ledger_alone_finds_is_compared_watched_and_run_again() {
    let world = world("");
    let dir = world.path();
    doubled(&dir.join("run"));
    let judged = ends(dir, 1, &["judge", "run", "--run-json", "run.json"]);
    assert!(judged.contains("1 PASS") && judged.contains("it was delivered more than once"), "{judged}");

    let whole = recorded("receipt.signed", "pass").display().to_string();
    let differs = ends(dir, 1, &["diff", &whole, "run"]);
    assert!(differs.contains("ledger: AS4-DUPLICATE-01 (MUST): it was delivered more than once"), "{differs}");
    assert!(differs.contains("A  0 messages: none") && differs.contains("B  1 messages: "), "{differs}");
    assert!(differs.contains("1 findings of the ledgers = 0 alike + 1 different"), "{differs}");
    assert!(ends(dir, 0, &["diff", "run", "run.json"]).contains("1 alike + 0 different"));

    let watched = ends(dir, 0, &["watch", "run", "--once"]);
    assert!(watched.contains("ledger: AS4-DUPLICATE-01 (MUST): message "), "{watched}");
    assert!(watched.contains("0 not passed; 1 messages do not add up"), "{watched}");

    // The one case of recorded evidence is none of the suite's: that it is missed says that it was chosen.
    let again = |run: &str| ends(dir, 2, &["rerun", run, "--failed", "--subject", "subject.toml", "--out", "second"]);
    let chosen = again("run");
    assert!(chosen.contains("run ran fixture.check, which is no longer a case"), "{chosen}");
    let alone = again("run.json");
    assert!(alone.contains("ledger: AS4-DUPLICATE-01 (MUST): message ") && alone.contains("help: "), "{alone}");
}
