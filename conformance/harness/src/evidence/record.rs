//! Writes evidence: events in order, blobs once each.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::event::{BlobRef, Event, Kind, Scope};

/// Takes events from many tasks and numbers them; keeps them in memory too, so that a cell can be judged at once.
#[derive(Debug)]
pub struct Recorder {
    began: Instant,
    state: Mutex<State>,
    dir: Option<PathBuf>,
    keeps: bool,
}

#[derive(Debug, Default)]
struct State {
    events: Vec<Event>,
    /// Places of the events of each execution.
    of: BTreeMap<Scope, Vec<usize>>,
    /// Where each revocation list was fetched first.
    fetched: BTreeMap<String, usize>,
    blobs: BTreeMap<String, Arc<Vec<u8>>>,
    file: Option<fs::File>,
    /// Bytes of whole events in the file.
    written: u64,
    failure: Option<String>,
    connections: u64,
    finished: bool,
}

impl State {
    /// Writes one line whole or not at all: what was captured before a disk was full stays readable.
    fn write(&mut self, event: &Event) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let mut line = serde_json::to_vec(event).map_err(io::Error::other)?;
        line.push(b'\n');
        let done = file.write_all(&line);
        match done {
            Ok(()) => self.written += line.len() as u64,
            // Cutting a file needs no room; should it fail all the same, readers stop at the broken line.
            Err(_) => drop(file.set_len(self.written)),
        }
        done
    }
}

/// A recorder together with the execution that events belong to.
#[derive(Debug, Clone)]
pub struct Sink {
    /// Where events go.
    pub recorder: Arc<Recorder>,
    /// Whose they are.
    pub scope: Option<Scope>,
}

impl Recorder {
    /// Records into `dir`, which is made; an earlier recording in it is not overwritten.
    ///
    /// # Errors
    /// The folder cannot be made, or holds events already.
    pub fn create(dir: &Path) -> io::Result<Self> {
        fs::create_dir_all(dir.join("blobs/sha256"))?;
        let file = fs::OpenOptions::new().write(true).create_new(true).open(dir.join("events.jsonl"))?;
        Ok(Self {
            began: Instant::now(),
            state: Mutex::new(State { file: Some(file), ..State::default() }),
            dir: Some(dir.to_owned()),
            keeps: true,
        })
    }

    /// Records in memory only.
    #[must_use]
    pub fn in_memory() -> Self {
        Self { began: Instant::now(), state: Mutex::default(), dir: None, keeps: true }
    }

    /// Records nothing at all, for what nobody will judge.
    #[must_use]
    pub fn nowhere() -> Self {
        Self { keeps: false, ..Self::in_memory() }
    }

    /// Keeps bytes and says how events name them.
    pub fn blob(&self, bytes: &[u8]) -> BlobRef {
        let sha256 = hex::encode(carnet_wire::digest::sha256(bytes));
        let reference = BlobRef { sha256: sha256.clone(), length: bytes.len() as u64 };
        let mut state = self.lock();
        if self.keeps && !state.blobs.contains_key(&sha256) {
            if let Some(dir) = self.dir.as_ref().filter(|_| state.failure.is_none()) {
                let path = dir.join("blobs/sha256").join(&sha256);
                if let Err(error) = fs::write(&path, bytes) {
                    // Half a blob is none; nothing after it is written, so no event names it.
                    let _ = fs::remove_file(&path);
                    state.failure = Some(format!("a blob could not be written: {error}"));
                }
            }
            state.blobs.insert(sha256, Arc::new(bytes.to_vec()));
        }
        reference
    }

    /// Writes one event and returns its number. The last one is [`Kind::Finished`]: a connection that ends after it,
    /// as one that a subject keeps open does, is no part of the run.
    pub fn event(&self, scope: Option<&Scope>, step: Option<usize>, connection: Option<u64>, kind: Kind) -> u64 {
        let mono = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        let at = jiff::Timestamp::now().to_string();
        let mut state = self.lock();
        if state.finished {
            return state.events.len() as u64;
        }
        state.finished = matches!(kind, Kind::Finished);
        let seq = state.events.len() as u64 + 1;
        let event = Event { seq, at, mono, scope: scope.cloned(), step, connection, kind };
        if state.failure.is_none() {
            state.failure = state.write(&event).err().map(|error| format!("an event could not be written: {error}"));
        }
        if self.keeps {
            let at = state.events.len();
            if let Kind::Fetched { list: Some(list), .. } = &event.kind {
                state.fetched.entry(list.clone()).or_insert(at);
            }
            if let Some(scope) = scope {
                match state.of.get_mut(scope) {
                    Some(places) => places.push(at),
                    None => drop(state.of.insert(scope.clone(), vec![at])),
                }
            }
            state.events.push(event);
        }
        seq
    }

    /// A number for a new connection.
    pub fn connection(&self) -> u64 {
        let mut state = self.lock();
        state.connections += 1;
        state.connections
    }

    /// The events of one execution so far, with those that say which revocation lists the subject has fetched.
    pub fn events_of(&self, scope: &Scope) -> Vec<Event> {
        let state = self.lock();
        let mut places: Vec<usize> =
            state.of.get(scope).into_iter().flatten().chain(state.fetched.values()).copied().collect();
        places.sort_unstable();
        places.into_iter().filter_map(|at| state.events.get(at)).cloned().collect()
    }

    /// The bytes of a blob; empty when it was never kept.
    pub fn bytes(&self, reference: &BlobRef) -> Arc<Vec<u8>> {
        self.lock().blobs.get(&reference.sha256).cloned().unwrap_or_default()
    }

    /// How many events there are so far.
    pub(crate) fn count(&self) -> usize {
        self.lock().events.len()
    }

    /// All events so far.
    pub fn events(&self) -> Vec<Event> {
        self.lock().events.clone()
    }

    /// The blobs so far, by SHA-256.
    pub fn blobs(&self) -> BTreeMap<String, Arc<Vec<u8>>> {
        self.lock().blobs.clone()
    }

    /// The first thing that could not be written; evidence with holes is none.
    pub fn failure(&self) -> Option<String> {
        self.lock().failure.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink {
    /// Writes one event of this execution.
    pub fn event(&self, step: Option<usize>, connection: Option<u64>, kind: Kind) -> u64 {
        self.recorder.event(self.scope.as_ref(), step, connection, kind)
    }

    /// The case it belongs to; empty for the run's own events.
    pub fn case(&self) -> String {
        self.scope.as_ref().map(|scope| scope.case.clone()).unwrap_or_default()
    }

    /// Keeps bytes.
    pub fn blob(&self, bytes: &[u8]) -> BlobRef {
        self.recorder.blob(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::Ending;

    #[test]
    fn nothing_is_written_after_the_end_of_the_run() {
        let dir = tempfile::tempdir().unwrap();
        let recorder = Recorder::create(dir.path()).unwrap();
        let last = recorder.event(None, None, None, Kind::Finished);
        assert_eq!(recorder.event(None, None, Some(1), Kind::Ended { ending: Ending::Close }), last);
        assert_eq!(recorder.events().last().map(|event| event.kind.clone()), Some(Kind::Finished));
        assert_eq!(fs::read_to_string(dir.path().join("events.jsonl")).unwrap().lines().count(), 1);
    }
}
