//! A reference node as a process: started by the path of the running program, ready when it says so, stopped for good.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{Instant, timeout_at};

use crate::failure::Failure;

const START: Duration = Duration::from_secs(20);
const STOP: Duration = Duration::from_secs(10);

/// A node that runs until [`Node::stop`], or until it is dropped.
#[derive(Debug)]
pub(crate) struct Node {
    name: &'static str,
    child: Child,
    /// Address of its back-end API.
    pub(crate) api: String,
    /// From the start of the process until it was ready.
    pub(crate) took: Duration,
}

/// The line by which a node says that it is ready.
#[derive(Debug, Deserialize)]
struct Ready {
    api: String,
}

impl Node {
    /// Starts a node and waits until it is ready.
    ///
    /// # Errors
    /// When the process does not start, ends, or is not ready in time; with what it wrote to its log.
    pub(crate) async fn start(name: &'static str, config: &Path, log: PathBuf) -> Result<Self, Failure> {
        let program = std::env::current_exe().map_err(Failure::ours)?;
        let log_file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)
            .map_err(|error| Failure::file("write", &log, &error))?;
        let begun = Instant::now();
        let mut child = Command::new(program)
            .arg("node")
            .arg("--config")
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log_file)
            .kill_on_drop(true)
            .spawn()
            .map_err(Failure::ours)?;
        let Some(stdout) = child.stdout.take() else { return Err(Failure::ours("the node has no standard output")) };
        let mut lines = BufReader::new(stdout).lines();
        let failed = |what: &str| {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            Failure::ours(format_args!("node {name} {what}; it said:\n{}", said.trim_end()))
        };
        let ready = loop {
            match timeout_at(begun + START, lines.next_line()).await {
                Err(_) => return Err(failed("was not ready in time")),
                Ok(Ok(Some(line))) => {
                    if let Ok(ready) = serde_json::from_str::<Ready>(&line) {
                        break ready;
                    }
                }
                Ok(Ok(None) | Err(_)) => return Err(failed("ended at its start")),
            }
        };
        let took = begun.elapsed();
        // Whoever writes to a pipe that nobody reads comes to a stop.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self { name, child, api: ready.api, took })
    }

    /// The process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id().unwrap_or_default()
    }

    /// Kills the node as a power cut would, and waits until it is gone.
    ///
    /// # Errors
    /// When the system does not let it be killed.
    pub(crate) async fn kill(&mut self) -> Result<(), Failure> {
        self.child.kill().await.map_err(Failure::ours)
    }

    /// Asks the node to stop, waits, and kills it when it does not.
    ///
    /// # Errors
    /// When the node had to be killed or ended badly.
    pub(crate) async fn stop(mut self) -> Result<(), Failure> {
        let name = self.name;
        if let Some(pid) =
            self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw)
        {
            rustix::process::kill_process(pid, rustix::process::Signal::TERM).map_err(Failure::ours)?;
        }
        match tokio::time::timeout(STOP, self.child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(Failure::ours(format_args!("node {name} ended with {status}"))),
            Ok(Err(error)) => Err(Failure::ours(error)),
            Err(_) => {
                self.child.kill().await.map_err(Failure::ours)?;
                Err(Failure::ours(format_args!("node {name} did not stop and was killed")))
            }
        }
    }
}
