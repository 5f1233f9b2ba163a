//! Standard output that takes nothing: a reader that went away, and a full disk.

use std::fs::{self, File, OpenOptions};
use std::io::pipe;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{message, said, world};

/// The program with standard output there; exit code and standard error.
fn printing_to(out: impl Into<Stdio>, dir: &Path, arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_carnet"));
    let output = command.current_dir(dir).args(arguments).stdout(out).output().expect("carnet runs");
    let (code, _, err) = said(&output);
    (code, err)
}

fn full() -> File {
    OpenOptions::new().write(true).open("/dev/full").expect("a device that is full")
}

#[test]
fn a_full_disk_below_standard_output_ends_with_one_message_and_the_files_are_there() {
    let world = world("");
    let dir = world.path();
    let evidence = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance/harness/tests/evidence/receipt.signed/pass");
    let evidence = evidence.to_str().expect("a path");
    let document = message("valid/export-sea.xml");
    for arguments in [
        ["run", "--subject", "subject.toml", "as4.ping.receipted"].as_slice(),
        &["plan", "--subject", "subject.toml"],
        &["load", "--subject", "subject.toml", "--count", "1"],
        &["doctor", "--subject", "subject.toml"],
        &["kit", "--subject", "subject.toml", "--out", "another"],
        &["judge", evidence],
        &["diff", evidence, evidence],
        &["coverage", evidence],
        &["watch", evidence, "--once"],
        &["list"],
        &["explain", "as4.ping.receipted"],
        &["zoo", "list"],
        &["ics", "--template"],
        &["certs", "make", "pki", "--party", "X"],
        &["validate", document.to_str().expect("a path")],
        &["completions", "bash"],
        &["--help"],
    ] {
        let (code, err) = printing_to(full(), dir, arguments);
        assert_eq!(code, 4, "{arguments:?}: {err}");
        assert!(err.starts_with("error: cannot write to standard output: "), "{arguments:?}: {err}");
        assert_eq!(err.matches("\nhelp: ").count(), 1, "{arguments:?}: {err}");
    }
    let summary = fs::read_to_string(dir.join("carnet-result/summary.md")).expect("the run's report");
    assert!(summary.contains("INCONCLUSIVE"), "{summary}");
}

#[test]
fn a_reader_that_went_away_ends_nothing() {
    let dir = tempfile::tempdir().expect("a folder");
    for arguments in [["completions", "bash"].as_slice(), &["completions", "fish"], &["list"], &["--help"]] {
        let (reader, writer) = pipe().expect("a pipe");
        drop(reader);
        let (code, err) = printing_to(writer, dir.path(), arguments);
        assert_eq!((code, err.as_str()), (0, ""), "{arguments:?}");
    }
}
