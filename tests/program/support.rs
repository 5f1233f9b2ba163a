//! Running the program as a user does, on subjects that are not there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The program with its arguments, in `dir`.
pub(crate) fn carnet(dir: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_carnet")).current_dir(dir).args(arguments).output().expect("carnet runs")
}

/// Exit code, standard output, standard error.
pub(crate) fn said(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

/// A message of the declaration pack.
pub(crate) fn message(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/packs/declaration/messages").join(name)
}

/// What the absent subject claims.
pub(crate) const ICS: &str = r#"format = 1
product = "Node"
profile = "customs-c2c"
roles = ["both"]
capabilities = ["as4.push", "as4.ping", "as4.duplicates", "as4.initiator", "hook.delivered", "hook.restart", "tls.1.3"]
[reception_awareness]
retry_interval = "1s"
retry_count = 1
"#;

/// A subject at a port where nothing listens.
pub(crate) fn subject(listen: &str) -> String {
    format!(
        r#"format = 1
name = "Node TH"
url = "https://127.0.0.1:1/as4"
[party]
id = "TH"
[suite]
{listen}
public_url = "https://localhost:9443/as4"
[suite.party]
id = "SUITE"
[agreement]
name = "urn:carnet:agreement:SUITE-TH:1"
[sample]
pack = "declaration"
message = "valid/export-sea"
[trust]
tls = ["suite-pki/anchors.pem"]
signing = ["suite-pki/anchors.pem"]
"#
    )
}

/// Its file in a folder, with the suite's identities made.
pub(crate) fn world(listen: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    fs::write(dir.path().join("subject.toml"), subject(listen)).expect("written");
    fs::write(dir.path().join("ics.toml"), ICS).expect("written");
    ends(dir.path(), 0, &["kit", "--subject", "subject.toml"]);
    dir
}

/// Runs it and demands the exit code; gives what was printed, both streams.
pub(crate) fn ends(dir: &Path, code: i32, arguments: &[&str]) -> String {
    let (got, out, err) = said(&carnet(dir, arguments));
    assert_eq!(got, code, "{arguments:?}\n{out}\n{err}");
    format!("{out}{err}")
}
