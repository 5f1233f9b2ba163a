//! A small world for tests: a test PKI, a double that answers, and the files a run needs.

pub(crate) mod double;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use carnet_catalogue::Filters;
use carnet_certs::{FolderPlan, KeyKind, Usage, write_folder, write_further};
use carnet_harness::plan::Selection;
use carnet_harness::{Event, Run, RunOptions, Setup, run};
use tempfile::TempDir;

pub(crate) use double::{Double, Fault};

/// The PKI that all tests of a program share: making keys takes time. Nothing ends with a program's last test, so it lies
/// where the next run of the program makes it anew.
pub(crate) fn pki() -> &'static Path {
    static PKI: OnceLock<PathBuf> = OnceLock::new();
    PKI.get_or_init(|| {
        // An example has no such folder.
        let place = option_env!("CARGO_TARGET_TMPDIR").map_or_else(std::env::temp_dir, PathBuf::from);
        let dir = place.join(concat!("pki-of-", env!("CARGO_CRATE_NAME")));
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).unwrap();
        let parties = ["SUITE", "OTHER", "DOUBLE"].map(str::to_owned).to_vec();
        let lists = Some("http://lists.example".to_owned());
        let plan = FolderPlan { lists, ..FolderPlan::new("Carnet test", parties) };
        write_folder(&dir, &plan, Setup::now()).unwrap();
        write_further(&dir, "SUITE-SMP", Usage::Signing, KeyKind::Rsa2048, Setup::now()).unwrap();
        for party in ["SUITE", "DOUBLE"] {
            write_further(&dir, party, Usage::Encryption, KeyKind::Rsa2048, Setup::now()).unwrap();
        }
        dir
    })
}

/// `subject.toml` and `ics.toml` for a double at that address.
pub(crate) fn world(dir: &Path, url: &str) -> PathBuf {
    let subject = format!(
        r#"format = 1
name = "Double"
url = "{url}"
[party]
id = "DOUBLE"
[suite]
listen = "127.0.0.1:0"
pki = "pki"
[suite.party]
id = "SUITE"
[suite.other_party]
id = "OTHER"
[agreement]
name = "urn:carnet:agreement:DOUBLE-SUITE:1"
[exchange.pull]
service = "urn:carnet:service:exchange:1"
action = "pulled"
channel = "urn:carnet:mpc:double"
offers = "urn:carnet:mpc:suite"
[exchange.discovery]
service = "urn:carnet:service:exchange:1"
action = "looked-up"
party = "HOST"
listen = "127.0.0.1:0"
[agreements.encrypted]
name = "urn:carnet:agreement:DOUBLE-SUITE:encrypted"
profile = "edelivery-1.15-encrypted"
encryption_certificate = "pki/double-encryption-rsa-2048.pem"
[sample]
pack = "declaration"
message = "valid/export-sea-short"
[trust]
tls = ["pki/anchors.pem"]
signing = ["pki/anchors.pem"]
signing_subject = "DOUBLE"
subject_trusts_suite_ca = true
[hooks.delivered]
command = ["cat", "delivered.txt"]
[hooks.pull]
command = ["touch", "pull-now"]
[hooks.submit]
command = ["sh", "-c", "echo ${{document.to}} ${{fresh.message-id}} | tee submit-now"]
[hooks.notified]
command = ["cat", "notified.txt"]
"#
    );
    std::os::unix::fs::symlink(pki(), dir.join("pki")).unwrap();
    std::fs::write(dir.join("delivered.txt"), "").unwrap();
    std::fs::write(dir.join("notified.txt"), "").unwrap();
    let ics = r#"format = 1
product = "Double"
version = "1"
profile = "customs-c2c"
roles = ["responder", "initiator"]
capabilities = [
  "as4.push", "as4.ping", "as4.gzip", "as4.attachments", "as4.properties", "as4.duplicates", "as4.token.x509-pkipath",
  "trust.anchor-only", "as4.agreements", "as4.initiator", "as4.retry", "as4.signer-binding", "as4.signer-renewal",
  "trust.suite-ca", "trust.other-party", "tls.client-certificate", "tls.1.2", "tls.1.3", "tls.direct",
  "tls.renewal", "pack.declaration", "hook.delivered", "hook.notified",
]
answer_within = "2s"
business_within = "2s"
[binding]
signer = "anchored"
tls = "anchor"
[reception_awareness]
retry_interval = "300ms"
retry_count = 2
answer_timeout = "1s"
"#;
    std::fs::write(dir.join("subject.toml"), subject).unwrap();
    std::fs::write(dir.join("ics.toml"), ics).unwrap();
    dir.join("subject.toml")
}

/// Runs cases against a double with faults, into `evidence`.
pub(crate) fn run_against(
    faults: &[Fault],
    only: &[&str],
    catalogue: carnet_catalogue::Catalogue,
    evidence: &Path,
) -> Run {
    run_edited(faults, only, catalogue, evidence, |_, subject| subject)
}

/// As [`run_against`], with `subject.toml` edited first; the edit is told the folder that it lies in.
pub(crate) fn run_edited(
    faults: &[Fault],
    only: &[&str],
    catalogue: carnet_catalogue::Catalogue,
    evidence: &Path,
    edit: impl Fn(&Path, String) -> String,
) -> Run {
    let dir = TempDir::new().unwrap();
    let double = Double::start(pki(), dir.path(), faults);
    let subject = world(dir.path(), &double.url());
    let text = edit(dir.path(), std::fs::read_to_string(&subject).unwrap());
    std::fs::write(&subject, text).unwrap();
    let setup = Setup::load(&subject).unwrap();
    let mut options = RunOptions::new(Arc::new(setup), Arc::new(catalogue), evidence.to_owned());
    options.selection = Selection { only: Filters::ids(only.iter().copied()), ..Selection::default() };
    options.repeat = 1;
    run(&options, &mut |event| match event {
        Event::Listening(address) => double.partner_listens_at(address),
        Event::Publishing(address) => double.publisher_listens_at(address),
        // An operator who says that he did it, and did nothing.
        Event::Prompt(prompt) => prompt.done(),
        _ => {}
    })
    .unwrap()
}
