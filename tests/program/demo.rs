//! The demo as a user runs it: three processes, real evidence, nothing left behind, also after Ctrl-C.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::support::{carnet, said};

struct Demo {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
    seen: Vec<String>,
}

impl Demo {
    /// Starts the demo with a temporary folder of its own, so that what is left in it can be seen.
    fn start(temporary: &Path, out: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_carnet"))
            .args(["demo", "--out"])
            .arg(out)
            .env("TMPDIR", temporary)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the demo starts");
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        Self { child, lines, seen: Vec::new() }
    }

    /// Reads on until a line holds `text`.
    fn until(&mut self, text: &str) {
        loop {
            let line = self.lines.next().unwrap_or_else(|| panic!("no line with {text:?} in {:#?}", self.seen));
            let line = line.expect("a line");
            let found = line.contains(text);
            self.seen.push(line);
            if found {
                return;
            }
        }
    }

    /// Process ids of its children that run a node.
    fn nodes(&self) -> Vec<u32> {
        nodes_of(self.child.id())
    }

    fn end(mut self) -> (i32, Vec<String>) {
        for line in self.lines.by_ref() {
            self.seen.push(line.expect("a line"));
        }
        let status = self.child.wait().expect("the demo ends");
        (status.code().unwrap_or(-1), self.seen)
    }
}

fn nodes_of(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").expect("/proc").filter_map(Result::ok);
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.filter(|id| {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        let after_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
        let is_child = after_name.split(' ').nth(1) == Some(parent.to_string().as_str());
        let command = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        is_child && command.split(|b| *b == 0).nth(1) == Some(b"node".as_slice())
    })
    .collect()
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).expect("the folder").next().is_none()
}

#[test]
fn three_processes_exchange_a_declaration_and_leave_evidence_alone() {
    let (temporary, out) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let mut demo = Demo::start(temporary.path(), out.path());
    demo.until("PH  pid");
    demo.until("TH  pid");
    let nodes = demo.nodes();
    assert_eq!(nodes.len(), 2, "the demo itself and two nodes");
    let (code, seen) = demo.end();
    assert_eq!(code, 0, "{seen:#?}");
    assert!(seen.iter().any(|line| line.contains("byte for byte what PH submitted")), "{seen:#?}");
    assert!(seen.iter().any(|line| line.contains("response from TH")), "{seen:#?}");
    for node in nodes {
        assert!(!Path::new(&format!("/proc/{node}")).exists(), "node {node} is left");
    }
    assert!(is_empty(temporary.path()), "temporary files are left");
    judged_again(out.path());
}

/// The evidence gives the same bytes again, and none of it can be altered unnoticed.
fn judged_again(out: &Path) {
    let run = fs::read_to_string(out.join("run.json")).expect("run.json");
    let json: serde_json::Value = serde_json::from_str(&run).expect("json");
    assert_eq!(json["verdict"], "PASS");
    let count = |name: &str| json["count"][name].as_u64().expect("a number");
    assert_eq!(count("planned"), count("attempted") + count("excluded"));
    assert!(count("attempted") >= 80);
    let dir = tempfile::tempdir().expect("a folder");
    let again = dir.path().join("again.json");
    let arguments = ["judge", out.to_str().expect("a path"), "--run-json", again.to_str().expect("a path")];
    assert_eq!(said(&carnet(dir.path(), &arguments)).0, 0);
    assert_eq!(fs::read_to_string(&again).expect("judged again"), run);

    let blob = fs::read_dir(out.join("blobs/sha256")).expect("blobs").next().expect("a blob").expect("a blob").path();
    let mut bytes = fs::read(&blob).expect("its bytes");
    bytes[0] ^= 1;
    fs::write(&blob, bytes).expect("altered");
    let (code, _, err) = said(&carnet(dir.path(), &arguments));
    assert_eq!(code, 5, "{err}");
    assert!(err.contains("does not verify"), "{err}");
}

#[test]
fn an_interrupted_demo_leaves_nothing() {
    ended_by(rustix::process::Signal::INT);
}

#[test]
fn a_demo_that_a_pipeline_ends_leaves_nothing() {
    ended_by(rustix::process::Signal::TERM);
}

fn ended_by(signal: rustix::process::Signal) {
    let (temporary, out) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let mut demo = Demo::start(temporary.path(), out.path());
    demo.until("cells to run");
    let nodes = demo.nodes();
    assert_eq!(nodes.len(), 2);
    let pid = i32::try_from(demo.child.id()).ok().and_then(rustix::process::Pid::from_raw).expect("its id");
    rustix::process::kill_process(pid, signal).expect("the signal");
    let (code, seen) = demo.end();
    assert_eq!(code, 130, "{seen:#?}");
    for node in nodes {
        let stat = fs::read_to_string(format!("/proc/{node}/stat")).unwrap_or_default();
        assert!(stat.is_empty() || stat.contains(") Z "), "node {node} is left: {stat}");
    }
    assert!(is_empty(temporary.path()), "temporary files are left");
}
