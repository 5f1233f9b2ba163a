//! Records the evidence that ships with each named check: one folder where it passes, one where it fails.
//!
//! `cargo run --release -p carnet-harness --example record [CHECK..]` writes `tests/evidence/CHECK/{pass,fail}` again.
//! The subject is the tests' double, with one fault for the failing folder. Judging them is `tests/harness/checks.rs`.

#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a tool of the tests")]

#[path = "../tests/harness/support/mod.rs"]
mod support;

use std::path::Path;

use carnet_catalogue::files::Files;
use support::{Fault, run_against};

/// Steps and checks of a fixture, and the fault with which the check fails; or other steps for that.
struct Recording {
    check: &'static str,
    steps: &'static str,
    with: &'static str,
    fault: Option<Fault>,
    other_steps: Option<&'static str>,
}

const PING: &str = "[[step]]\nsend = { ping = true }\n[[step]]\nawait = \"answer\"\n";
const UNSIGNED: &str =
    "[[step]]\nsend = { ping = true }\nsign = { identity = \"none\" }\n[[step]]\nawait = \"answer\"\n";
const PUSH: &str = "[[step]]\nsend = { sample = true }\n[[step]]\nawait = \"message\"\n";
const RETRY: &str = "[[step]]\nanswer = { with = \"close\", times = 1 }\n[[step]]\nanswer = { with = \"receipt\" }\n\
    [[step]]\nsend = { sample = true }\n[[step]]\nawait = \"message\"\n[[step]]\nawait = \"message\"\n";
const NEVER: &str = "[[step]]\nanswer = { with = \"close\" }\n[[step]]\nsend = { sample = true }\n[[step]]\nawait = \"message\"\n\
    [[step]]\nwait = \"all-retries\"\n";
const TWICE: &str = "[[step]]\nname = \"first\"\nsend = { sample = true }\n[[step]]\nname = \"second\"\nsend = { again = \"first\" }\n\
    [[step]]\nhook = \"delivered\"\n";
const CANCEL: &str = "[[step]]\nsend = { pack = \"declaration\", message = \"valid/cancellation-export-sea\" }\n\
    [[step]]\nawait = \"message\"\n";

const PULLED: &str = "[[step]]\noffer = { sample = true }\nunder = \"pull\"\n[[step]]\nprompt = \"pull\"\n\
    [[step]]\nawait = \"pull\"\n";

const LOOKED_UP: &str = "[[step]]\npublish = { with = \"http\", status = 404 }\n[[step]]\nprompt = \"submit\"\nunder = \"discovery\"\n\
    [[step]]\nhook = \"notified\"\n";

const fn one(check: &'static str, steps: &'static str, fault: Fault) -> Recording {
    Recording { check, steps, with: "", fault: Some(fault), other_steps: None }
}

const fn with(check: &'static str, steps: &'static str, with: &'static str, fault: Fault) -> Recording {
    Recording { check, steps, with, fault: Some(fault), other_steps: None }
}

const RECORDINGS: &[Recording] = &[
    one("await.receipt", "[[step]]\nsend = { ping = true }\n[[step]]\nawait = \"receipt\"\n", Fault::NoReceipt),
    one(
        "await.error",
        "[[step]]\nsend = { ping = true }\nsign = { identity = \"none\" }\n[[step]]\nawait = \"error\"\n",
        Fault::AcceptsAnything,
    ),
    one("await.message", PUSH, Fault::PushNothing),
    one(
        "await.nothing",
        "[[step]]\nsend = { sample = true }\n[[step]]\nawait = \"message\"\n[[step]]\nawait = \"nothing\"\n",
        Fault::PushTwice,
    ),
    Recording {
        check: "await.alert",
        steps: "[[step]]\nconnect = { hello = \"tls1.0\" }\n[[step]]\nawait = \"alert\"\n",
        with: "",
        fault: None,
        other_steps: Some("[[step]]\nsend = { ping = true }\n[[step]]\nawait = \"alert\"\n"),
    },
    one(
        "await.close",
        "[[step]]\nsend = { ping = true }\ntls = { identity = \"none\" }\n[[step]]\nawait = \"close\"\n",
        Fault::AcceptsAnyClient,
    ),
    one(
        "await.http-status",
        "[[step]]\nsend = { ping = true }\n[[step]]\nawait = \"http-status\"\n",
        Fault::ClosesAfterRequest,
    ),
    one("http.status-success", PING, Fault::Status500),
    with("http.status-in", PING, "status = \"200, 202\"", Fault::Status500),
    one("http.soap-content-type", PING, Fault::ContentTypeText),
    one("http.no-internals", PING, Fault::StackTrace),
    one("answer.as4", PING, Fault::Status500),
    Recording {
        check: "tls.version-is",
        steps: "[[step]]\nsend = { ping = true }\ntls = { versions = [\"1.3\"] }\n",
        with: "version = \"1.3\"",
        fault: None,
        other_steps: Some("[[step]]\nsend = { ping = true }\ntls = { versions = [\"1.2\"] }\n"),
    },
    one("tls.server-chain-trusted", PING, Fault::ServerSelfSigned),
    Recording {
        check: "tls.forward-secrecy",
        steps: PING,
        with: "",
        fault: None,
        other_steps: Some(
            "[[step]]\nconnect = { over = \"tcp\", text = \"GET / HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n\" }\n",
        ),
    },
    one(
        "tls.server-refused",
        "[[step]]\nlisten = { identity = \"zoo:expired\" }\n[[step]]\nsend = { sample = true }\n\
         [[step]]\nawait = \"connection\"\n",
        Fault::TakesAnyServer,
    ),
    one(
        "line.not-receipted",
        "[[step]]\nsend = { ping = true }\nfault = { kind = \"truncate\", at = \"last-chunk\" }\n",
        Fault::ReceiptsTheCut,
    ),
    one("receipt.refers-to-sent", PING, Fault::ReceiptWrongRef),
    one("receipt.digests-equal-sent", PING, Fault::ReceiptWrongDigest),
    one("receipt.signed", PING, Fault::ReceiptUnsigned),
    one("receipt.messaging-signed", PING, Fault::ReceiptMessagingUnsigned),
    one("receipt.body-signed", PING, Fault::ReceiptBodyUnsigned),
    one("receipt.signer-trusted", PING, Fault::ReceiptOtherSigner),
    one("receipt.token-carries-path", PING, Fault::ReceiptLeafToken),
    one("receipt.own-message-id", PING, Fault::ReceiptSentId),
    with("receipt.same-digests-as", TWICE, "earlier = \"first\"", Fault::DuplicateOtherReceipt),
    one("error.refers-to-sent", UNSIGNED, Fault::ErrorWithoutRef),
    one("error.signed", UNSIGNED, Fault::ErrorUnsigned),
    one("error.well-formed", UNSIGNED, Fault::ErrorCodeMalformed),
    one("error.matches-table", UNSIGNED, Fault::ErrorSeverity),
    one("message.well-formed", PUSH, Fault::PushWithoutAction),
    one("message.signed", PUSH, Fault::PushUnsigned),
    one("message.covered", PUSH, Fault::PushUncovered),
    one("message.addressed", PUSH, Fault::PushWrongTo),
    one("message.conversation-kept", PUSH, Fault::PushOtherConversation),
    one("message.answers-request", PUSH, Fault::PushWithoutRef),
    one("message.four-corners", PUSH, Fault::PushWithoutCorner),
    one("message.character-set", PUSH, Fault::PushWithoutCharacterSet),
    one("pull.request-signed", PULLED, Fault::PullsUnsigned),
    one("await.pull", PULLED, Fault::PullsNothing),
    one(
        "pull.messages-differ",
        "[[step]]\nsend = { pull = true, twice = true }\n[[step]]\nawait = \"message\"\n",
        Fault::HandsOutTheSame,
    ),
    one(
        "pull.receipt-taken",
        "[[step]]\nname = \"pull\"\nsend = { pull = true }\n[[step]]\nawait = \"message\"\n\
         [[step]]\nsend = { receipt_of = \"pull\" }\n[[step]]\nawait = \"answer\"\n",
        Fault::RefusesReceipts,
    ),
    one("message.part-properties", PUSH, Fault::PushWithoutMimeType),
    one("message.encrypted", PUSH, Fault::PushInTheClear),
    one("message.token-carries-path", PUSH, Fault::PushLeafToken),
    one("message.token-agreed", PUSH, Fault::PushLeafToken),
    one("message.retry-identical", RETRY, Fault::RetryNewId),
    one("message.retry-spaced", RETRY, Fault::RetryTooSoon),
    one("message.count-at-most", NEVER, Fault::RetryTooOften),
    one("message.client-certificate", PUSH, Fault::PushAnonymous),
    one("business.accepted", PUSH, Fault::RefusesAll),
    with("business.refused", CANCEL, "code = \"90\"", Fault::RefusesOther),
    one("business.refers-to-sent", PUSH, Fault::BusinessOtherLrn),
    one("business.issues-mrn", PUSH, Fault::BusinessWithoutMrn),
    with("delivered.once", TWICE, "of = \"first\"", Fault::DeliversTwice),
    one("delivered.not", "[[step]]\nsend = { ping = true }\n[[step]]\nhook = \"delivered\"\n", Fault::DeliversPing),
    one(
        "notified.missing-receipt",
        "[[step]]\nanswer = { with = \"close\" }\n[[step]]\nsend = { sample = true }\n[[step]]\nawait = \"message\"\n\
         [[step]]\nwait = \"all-retries\"\n[[step]]\nhook = \"notified\"\n",
        Fault::NotifiesNothing,
    ),
    one("discovery.asked", LOOKED_UP, Fault::LooksNobodyUp),
    one("notified.failure", LOOKED_UP, Fault::NotifiesNothing),
    one("refusal.allowed", UNSIGNED, Fault::AcceptsAnything),
];

fn main() {
    let chosen: Vec<String> = std::env::args().skip(1).collect();
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/evidence");
    for recording in RECORDINGS.iter().filter(|r| chosen.is_empty() || chosen.iter().any(|name| name == r.check)) {
        for (folder, fault, steps) in [
            ("pass", None, recording.steps),
            ("fail", recording.fault, recording.other_steps.unwrap_or(recording.steps)),
        ] {
            let dir = home.join(recording.check).join(folder);
            let _ = std::fs::remove_dir_all(&dir);
            let faults: Vec<Fault> = fault.into_iter().collect();
            let run = run_against(&faults, &[], catalogue(recording, steps), &dir);
            println!("{} {folder}: {}", recording.check, run.verdict);
        }
    }
}

/// A catalogue of one case, its control, and one requirement.
fn catalogue(recording: &Recording, steps: &str) -> carnet_catalogue::Catalogue {
    let head =
        "format = 1\ntitle = \"fixture\"\nverifies = [\"AS4-PUSH-01\"]\nlevel = \"MUST\"\nrole = \"responder\"\n";
    let agreement = if recording.check == "message.encrypted" { "agreement = \"encrypted\"\n" } else { "" };
    let explain = "[explain]\nwhy = \"fixture\"\nfix = \"fixture\"\nseen = \"fixture\"\n";
    let control = format!("{head}{PING}[[check]]\nname = \"receipt.signed\"\n{explain}");
    let judged = match recording.check {
        "refusal.allowed" => "[[allow]]\nlayer = \"as4\"\ncode = [\"EBMS:0103\"]\nclause = \"fixture\"\n".to_owned(),
        implied if implied.starts_with("await.") => "[[check]]\nname = \"http.no-internals\"\n".to_owned(),
        check => format!("[[check]]\nname = \"{check}\"\nwith = {{ {} }}\n", recording.with),
    };
    let negative = if recording.check == "refusal.allowed" { "control = \"fixture.control\"\n" } else { "" };
    let mut files = Files::default();
    let embedded = Files::embedded();
    let requirement = "format = 1\n[[requirement]]\nid = \"AS4-PUSH-01\"\nsource = \"fixture\"\nclause = \"fixture\"\n\
                       level = \"MUST\"\nactor = \"receiver\"\nstatement = \"fixture\"\n";
    files.insert("capabilities.toml", embedded.bytes("capabilities.toml").unwrap().to_vec());
    files.insert("requirements/fixture.toml", requirement.as_bytes().to_vec());
    files.insert(
        "cases/fixture/check.toml",
        format!("{head}{agreement}{negative}{steps}{judged}{explain}").into_bytes(),
    );
    if !negative.is_empty() {
        files.insert("cases/fixture/control.toml", control.into_bytes());
    }
    carnet_catalogue::from_files(files).unwrap_or_else(|error| panic!("{}: {error}", recording.check))
}
