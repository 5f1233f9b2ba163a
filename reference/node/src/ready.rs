//! The one line a node says about itself: that it serves, and where. Format 1, docs/node.md "Ready".

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// What is said.
#[derive(Debug, Serialize)]
pub(crate) struct Ready<'a> {
    pub(crate) event: &'static str,
    pub(crate) format: u32,
    pub(crate) party: &'a str,
    pub(crate) pid: u32,
    pub(crate) as4: SocketAddr,
    pub(crate) path: &'a str,
    pub(crate) api: SocketAddr,
}

/// The file that says it; removed when the node ends.
#[derive(Debug)]
pub(crate) struct ReadyFile(Option<PathBuf>);

impl Ready<'_> {
    /// Says it on standard output and in the file.
    pub(crate) fn say(&self, file: Option<&Path>) -> std::io::Result<ReadyFile> {
        let mut line = serde_json::to_string(self)?;
        line.push('\n');
        if let Some(file) = file {
            // A reader that waits for the file never sees half of it.
            let mut half = file.as_os_str().to_owned();
            half.push(".tmp");
            std::fs::write(&half, &line)?;
            std::fs::rename(&half, file)?;
        }
        let mut out = std::io::stdout().lock();
        // Nobody need be listening.
        let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
        Ok(ReadyFile(file.map(Path::to_owned)))
    }
}

impl Drop for ReadyFile {
    fn drop(&mut self) {
        if let Some(file) = &self.0 {
            // It may have been taken away already.
            let _ = std::fs::remove_file(file);
        }
    }
}
