//! Ctrl-C: the command ends with 130, what was captured is readable, and no port and no unfinished file is left. The
//! demo's own interruption is tried with the demo.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::support::{ICS, ends, subject, world};

fn start(dir: &Path, arguments: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_carnet"));
    command.current_dir(dir).args(arguments).env("TMPDIR", dir.join("tmp"));
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("carnet runs")
}

/// Reads lines until one holds `text`; gives that line.
fn until(lines: impl std::io::Read, text: &str) -> String {
    let found = BufReader::new(lines).lines().map_while(Result::ok).find(|line| line.contains(text));
    found.unwrap_or_else(|| panic!("no line with {text:?}"))
}

fn interrupt(child: &Child) {
    let id = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw).expect("its id");
    rustix::process::kill_process(id, rustix::process::Signal::INT).expect("Ctrl-C");
}

/// A subject that takes connections and says nothing, until the test is over.
fn silent(dir: &Path) -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address").to_string();
    let text = subject("listen = \"127.0.0.1:0\"").replace("127.0.0.1:1/", &format!("{address}/"));
    fs::write(dir.join("subject.toml"), text).expect("written");
    fs::write(dir.join("ics.toml"), format!("answer_within = \"300ms\"\n{ICS}")).expect("written");
    fs::create_dir(dir.join("tmp")).expect("a folder");
    listener
}

#[test]
fn an_interrupted_run_is_readable_and_leaves_no_port_and_no_file() {
    let world = world("");
    let dir = world.path();
    let _subject = silent(dir);
    let mut run = start(dir, &["run", "--subject", "subject.toml", "as4.**", "tls.**", "--jobs", "1"]);
    let mut lines = BufReader::new(run.stdout.take().expect("its output")).lines().map_while(Result::ok);
    let listens = lines.find(|line| line.contains("endpoint listens on")).expect("its port");
    let port = listens.rsplit(' ').next().expect("an address").to_owned();
    lines.find(|line| line.contains("INCONCLUSIVE")).expect("a verdict");
    interrupt(&run);
    lines.for_each(drop);
    assert_eq!(run.wait().expect("it ends").code(), Some(130));
    TcpListener::bind(&port).expect("the port is free again");
    assert_eq!(fs::read_dir(dir.join("tmp")).expect("the folder").count(), 0, "temporary files are left");
    let judged = ends(dir, 3, &["judge", "carnet-result"]);
    assert!(judged.contains("did not come to its end"), "{judged}");
}

#[test]
fn an_interrupted_load_ends_at_once_however_slow_it_is_and_its_time_holds() {
    let world = world("");
    let dir = world.path();
    let _subject = silent(dir);
    let slow = ["load", "--subject", "subject.toml", "--rate", "1", "--jobs", "64"];
    let mut load = start(dir, &[&slow[..], &["--max-time", "10m"]].concat());
    until(load.stdout.take().expect("its output"), "up to 200 messages");
    interrupt(&load);
    assert_eq!(load.wait().expect("it ends").code(), Some(130));
    assert_eq!(fs::read_dir(dir.join("tmp")).expect("the folder").count(), 0);
    // The second message of one a second would begin when the second is over.
    let told = ends(dir, 3, &[&slow[..], &["--max-time", "1s"]].concat());
    assert!(told.contains("1 messages = "), "{told}");
}

#[test]
fn an_interrupted_bundle_is_no_file() {
    let dir = tempfile::tempdir().expect("a folder");
    let run = dir.path().join("run");
    fs::create_dir_all(run.join("blobs/sha256")).expect("folders");
    fs::write(run.join("events.jsonl"), "{}\n").expect("written");
    // A file whose bytes do not come until the test writes them: the bundle is under way for certain.
    let slow = run.join("blobs/sha256/slow");
    assert!(Command::new("mkfifo").arg(&slow).status().expect("mkfifo runs").success());
    let mut bundle = start(dir.path(), &["bundle", "run", "--out", "out.tar.gz"]);
    let mut bytes = fs::OpenOptions::new().write(true).open(&slow).expect("the bundle reads it");
    interrupt(&bundle);
    until(bundle.stderr.take().expect("its errors"), "stopping after what is under way");
    bytes.write_all(b"late").expect("written");
    drop(bytes);
    assert_eq!(bundle.wait().expect("it ends").code(), Some(130));
    let left: Vec<_> =
        fs::read_dir(dir.path()).expect("the folder").map(|entry| entry.expect("one").file_name()).collect();
    assert_eq!(left, ["run"], "something is left");
}
