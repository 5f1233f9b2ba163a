//! Reads evidence back and refuses what does not verify.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use carnet_catalogue::files::Files;

use super::event::{BlobRef, Event, Kind, Start};
use super::record::Recorder;

/// Why evidence cannot be judged.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// A file is missing or cannot be read.
    #[error("{name} cannot be read")]
    Unreadable {
        /// Name inside the folder.
        name: String,
        /// Why.
        source: std::io::Error,
    },
    /// A line is not an event.
    #[error("events.jsonl:{line} is not an event: {what}")]
    NotAnEvent {
        /// Line, from 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// Events are missing, repeated or out of order.
    #[error("events.jsonl:{line}: got seq {got}, expected {line}")]
    Sequence {
        /// Line, from 1.
        line: usize,
        /// Number found there.
        got: u64,
    },
    /// The first event is not the run's, or names another format.
    #[error("the first event does not start a run of format 1")]
    NoStart,
    /// A blob's bytes are not those that the events name.
    #[error("blob {sha256} does not verify: its bytes have another digest")]
    Blob {
        /// The name it has.
        sha256: String,
    },
    /// A blob that an event names is not there.
    #[error("blob {sha256} is missing")]
    Missing {
        /// The name it would have.
        sha256: String,
    },
    /// The recorded case files do not load.
    #[error("the recorded catalogue does not load: {0}")]
    Catalogue(#[from] carnet_catalogue::CatalogueError),
    /// Cases that were given beside the evidence do not load.
    #[error(transparent)]
    Cases(carnet_catalogue::CatalogueError),
    /// A recorded document (subject, ICS, plan) does not read.
    #[error("the recorded {name} does not read: {what}")]
    Document {
        /// Which.
        name: &'static str,
        /// What is wrong.
        what: String,
    },
}

/// Events and blobs, verified.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// What the run began with.
    pub start: Start,
    /// All events in order.
    pub events: Vec<Event>,
    /// Blobs that were taken out, with the reason.
    pub redacted: BTreeMap<String, String>,
    blobs: BTreeMap<String, Arc<Vec<u8>>>,
}

impl Evidence {
    /// Reads a folder and verifies every blob that an event names.
    ///
    /// # Errors
    /// See [`EvidenceError`].
    pub fn open(dir: &Path) -> Result<Self, EvidenceError> {
        let unreadable = |name: &str| {
            let name = name.to_owned();
            move |source| EvidenceError::Unreadable { name, source }
        };
        let text = fs::read_to_string(dir.join("events.jsonl")).map_err(unreadable("events.jsonl"))?;
        let mut events = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let event: Event = serde_json::from_str(line)
                .map_err(|error| EvidenceError::NotAnEvent { line: index + 1, what: error.to_string() })?;
            if event.seq != index as u64 + 1 {
                return Err(EvidenceError::Sequence { line: index + 1, got: event.seq });
            }
            events.push(event);
        }
        let redactions = super::bundle::redactions(dir)?.redacted;
        let redacted: BTreeMap<String, String> =
            redactions.into_iter().map(|(sha256, redaction)| (sha256, redaction.reason)).collect();
        let mut blobs = BTreeMap::new();
        for reference in events.iter().flat_map(references) {
            if blobs.contains_key(&reference.sha256) {
                continue;
            }
            let name = reference.sha256.clone();
            if name.len() != 64 || !name.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err(EvidenceError::Missing { sha256: name });
            }
            let bytes = match fs::read(dir.join("blobs/sha256").join(&name)) {
                Ok(bytes) => bytes,
                Err(_) if redacted.contains_key(&name) => continue,
                Err(_) => return Err(EvidenceError::Missing { sha256: name }),
            };
            if hex::encode(carnet_wire::digest::sha256(&bytes)) != name || bytes.len() as u64 != reference.length {
                return Err(EvidenceError::Blob { sha256: name });
            }
            blobs.insert(name, Arc::new(bytes));
        }
        Self::assemble(events, blobs, redacted)
    }

    /// The evidence a recorder holds so far.
    ///
    /// # Errors
    /// [`EvidenceError::NoStart`].
    pub fn of(recorder: &Recorder) -> Result<Self, EvidenceError> {
        Self::assemble(recorder.events(), recorder.blobs(), BTreeMap::new())
    }

    pub(super) fn assemble(
        events: Vec<Event>,
        blobs: BTreeMap<String, Arc<Vec<u8>>>,
        redacted: BTreeMap<String, String>,
    ) -> Result<Self, EvidenceError> {
        let start = match events.first().map(|event| &event.kind) {
            Some(Kind::Run(start)) if start.format == 1 => (**start).clone(),
            _ => return Err(EvidenceError::NoStart),
        };
        let evidence = Self { start, events, redacted, blobs };
        let gone = evidence.needed().find(|blob| !evidence.blobs.contains_key(&blob.sha256)).cloned();
        match gone {
            Some(blob) => Err(EvidenceError::Missing { sha256: blob.sha256 }),
            None => Ok(evidence),
        }
    }

    /// The blobs without which nothing can be judged: they cannot be redacted.
    pub fn needed(&self) -> impl Iterator<Item = &BlobRef> {
        let needed = |event: &&Event| matches!(event.kind, Kind::Run(_) | Kind::Connected { .. } | Kind::Face { .. });
        self.events.iter().filter(needed).flat_map(references)
    }

    /// Why bytes of the execution that `event` belongs to are gone, where they are.
    #[must_use]
    pub fn redaction_of(&self, event: &Event) -> Option<&str> {
        references(event).into_iter().find_map(|blob| self.redacted.get(&blob.sha256)).map(String::as_str)
    }

    /// The same with what hooks gave just now, which no event tells of yet.
    pub(crate) fn with_hooks<'h>(mut self, listed: impl IntoIterator<Item = (&'h str, bool, &'h [u8])>) -> Self {
        for (name, success, output) in listed {
            let sha256 = hex::encode(carnet_wire::digest::sha256(output));
            let reference = BlobRef { sha256: sha256.clone(), length: output.len() as u64 };
            self.blobs.insert(sha256, Arc::new(output.to_vec()));
            let seq = self.events.len() as u64 + 1;
            let kind = Kind::Hook { name: name.to_owned(), success, output: reference };
            let (at, mono) = (String::new(), 0);
            self.events.push(Event { seq, at, mono, scope: None, step: None, connection: None, kind });
        }
        self
    }

    /// The bytes of a blob.
    ///
    /// # Errors
    /// [`EvidenceError::Missing`].
    pub fn blob(&self, reference: &BlobRef) -> Result<&[u8], EvidenceError> {
        self.blobs
            .get(&reference.sha256)
            .map(|bytes| bytes.as_slice())
            .ok_or_else(|| EvidenceError::Missing { sha256: reference.sha256.clone() })
    }

    /// The bytes of a blob, without a copy.
    pub(crate) fn shared(&self, reference: &BlobRef) -> Option<Arc<Vec<u8>>> {
        self.blobs.get(&reference.sha256).map(Arc::clone)
    }

    /// The catalogue files it was captured with.
    ///
    /// # Errors
    /// [`EvidenceError::Missing`].
    pub fn files(&self) -> Result<Files, EvidenceError> {
        let mut files = Files::default();
        for (path, reference) in &self.start.files {
            files.insert(path, self.blob(reference)?.to_vec());
        }
        Ok(files)
    }

    /// A recorded document as text.
    ///
    /// # Errors
    /// [`EvidenceError::Missing`], or it is not UTF-8.
    pub fn text(&self, name: &'static str, reference: &BlobRef) -> Result<&str, EvidenceError> {
        std::str::from_utf8(self.blob(reference)?)
            .map_err(|error| EvidenceError::Document { name, what: error.to_string() })
    }
}

/// Every blob that an event names.
pub(super) fn references(event: &Event) -> Vec<&BlobRef> {
    match &event.kind {
        Kind::Run(start) => {
            let mut all = vec![&start.lock, &start.subject, &start.ics, &start.plan];
            all.extend(start.files.values());
            all.extend(&start.tls_anchors);
            all.extend(&start.signing_anchors);
            all.extend(&start.known);
            all
        }
        Kind::Connected { chains, .. } => chains.peer.iter().chain(&chains.own).collect(),
        Kind::Face { chain, .. } => chain.iter().collect(),
        Kind::Bytes { blob, .. } | Kind::ContentKey { key: blob } => vec![blob],
        Kind::Asked { request, answer, .. } | Kind::Fetched { request, answer, .. } => vec![request, answer],
        Kind::Hook { output, .. } => vec![output],
        _ => Vec::new(),
    }
}
