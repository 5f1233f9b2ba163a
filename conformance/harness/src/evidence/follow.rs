//! Reads evidence while it is written: each call gives the events that came since the last.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::event::{Event, Kind, Scope};
use super::read::{Evidence, EvidenceError, references};

/// A place in `events.jsonl`, up to which a folder was read.
#[derive(Debug)]
pub struct Follower {
    dir: PathBuf,
    offset: u64,
    lines: usize,
}

impl Follower {
    /// Follows the folder from its first event on.
    #[must_use]
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), offset: 0, lines: 0 }
    }

    /// The whole lines that came since the last call; a line that is still being written is left for the next.
    ///
    /// # Errors
    /// The file cannot be read, or a line is no event.
    pub fn more(&mut self) -> Result<Vec<Event>, EvidenceError> {
        let unreadable = |source| EvidenceError::Unreadable { name: "events.jsonl".to_owned(), source };
        let mut file = fs::File::open(self.dir.join("events.jsonl")).map_err(unreadable)?;
        file.seek(SeekFrom::Start(self.offset)).map_err(unreadable)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(unreadable)?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let mut events = Vec::new();
        for line in bytes.get(..whole).unwrap_or_default().split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
        {
            self.lines += 1;
            let event = serde_json::from_slice(line)
                .map_err(|error| EvidenceError::NotAnEvent { line: self.lines, what: error.to_string() })?;
            events.push(event);
        }
        self.offset += whole as u64;
        Ok(events)
    }

    /// What the first event names, which is all that judging one execution needs beside its own events.
    ///
    /// # Errors
    /// It does not begin a run, or a blob is not there.
    pub fn begun(&self, first: &Event) -> Result<Evidence, EvidenceError> {
        let blobs = self.blobs(std::slice::from_ref(first))?;
        Evidence::assemble(vec![first.clone()], blobs, BTreeMap::new())
    }

    /// The blobs that events name.
    ///
    /// # Errors
    /// One is not there.
    pub fn blobs(&self, events: &[Event]) -> Result<BTreeMap<String, Arc<Vec<u8>>>, EvidenceError> {
        let mut blobs = BTreeMap::new();
        for reference in events.iter().flat_map(references) {
            let path = self.dir.join("blobs/sha256").join(&reference.sha256);
            let bytes = fs::read(path).map_err(|_| EvidenceError::Missing { sha256: reference.sha256.clone() })?;
            blobs.insert(reference.sha256.clone(), Arc::new(bytes));
        }
        Ok(blobs)
    }
}

/// Takes the events of executions that ended out of `open`, by execution; those that say which revocation lists the subject
/// has fetched belong to all, the first of each list.
#[must_use]
pub fn ended(open: &mut Vec<Event>) -> Vec<(Scope, Vec<Event>)> {
    let mut known = BTreeSet::new();
    open.retain(|event| match &event.kind {
        Kind::Fetched { list, .. } => known.insert(list.clone()),
        _ => true,
    });
    let ended: Vec<Scope> =
        open.iter().filter(|event| matches!(event.kind, Kind::End)).filter_map(|event| event.scope.clone()).collect();
    ended
        .into_iter()
        .map(|scope| {
            let is_own = |event: &Event| event.scope.as_ref() == Some(&scope);
            let fetched = |event: &Event| matches!(event.kind, Kind::Fetched { .. });
            let own = open.iter().filter(|event| is_own(event) || fetched(event)).cloned().collect();
            open.retain(|event| !is_own(event));
            (scope, own)
        })
        .collect()
}
