//! What the tests share: a subject per implementation, and messages made from a number.

use std::{fs, path::Path, sync::Arc};

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use carnet_exchange::*;
use carnet_store::{MemoryStore, SqliteConfig, SqliteStore};
use jiff::Timestamp;
use tempfile::TempDir;

/// A store under test that can be lost the way a killed process loses it.
pub(crate) trait Subject: Sized {
    fn new() -> Self;
    fn store(&self) -> &dyn Store;
    /// What is there for the next process when this one is killed now.
    fn crash(self) -> Self;
}

pub(crate) struct OnSqlite {
    store: Arc<SqliteStore>,
    dir: TempDir,
}

impl Subject for OnSqlite {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        Self { store, dir }
    }

    fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// Copies the files as they are, without the close that would checkpoint them.
    fn crash(self) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for file in ["carnet.sqlite", "carnet.sqlite-wal"] {
            fs::copy(self.dir.path().join(file), dir.path().join(file)).unwrap();
        }
        let store = open(dir.path());
        Self { store, dir }
    }
}

fn open(dir: &Path) -> Arc<SqliteStore> {
    Arc::new(SqliteStore::open(&dir.join("carnet.sqlite"), SqliteConfig::default()).unwrap())
}

pub(crate) struct InMemory(MemoryStore);

impl Subject for InMemory {
    fn new() -> Self {
        Self(MemoryStore::new())
    }

    fn store(&self) -> &dyn Store {
        &self.0
    }

    fn crash(self) -> Self {
        Self(self.0.reopen())
    }
}

/// Seconds after an arbitrary start.
pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

pub(crate) fn sha256(octets: &[u8]) -> Digest {
    Digest(digest(&SHA256, octets).as_ref().try_into().unwrap())
}

pub(crate) fn id(name: &str) -> MessageId {
    MessageId::new(format!("{name}@carnet.example")).unwrap()
}

pub(crate) fn party(id: &str) -> Party {
    Party::new(id, "urn:oasis:names:tc:ebcore:partyid-type:unregistered:customs")
}

pub(crate) fn inline(cid: &str, octets: &[u8]) -> Part {
    Part {
        cid: cid.into(),
        media_type: "application/gzip".into(),
        properties: vec![("MimeType".into(), "application/xml".into())],
        digest: sha256(octets),
        held: Held {
            length: octets.len() as u64,
            sha256: sha256(octets),
            place: Place::Inline(Bytes::copy_from_slice(octets)),
        },
    }
}

/// A message from TH to PH whose content follows from its name.
pub(crate) fn message(name: &str) -> NewMessage {
    let part = inline("part@carnet.example", format!("payload of {name}").as_bytes());
    NewMessage {
        id: id(name),
        from: party("TH"),
        to: party("PH"),
        conversation: format!("conversation of {name}"),
        ref_to: None,
        pmode: "customs-c2c.TH.PH.declaration".into(),
        service: "urn:carnet:service:declaration:1".into(),
        action: "declaration".into(),
        pull: false,
        digests: vec![sha256(name.as_bytes()), part.digest],
        envelope: Bytes::from(format!("envelope of {name}")),
        header: Bytes::from_static(b"{}"),
        parts: vec![part],
        at: at(0),
    }
}

pub(crate) fn receive(name: &str) -> Unit {
    Unit::Receive { message: message(name), receipt: Bytes::from(format!("receipt of {name}")), handed_on: None }
}

pub(crate) fn submit(name: &str, due: i64) -> Unit {
    Unit::Submit { message: message(name), due: at(due) }
}

pub(crate) fn delivered(key: Key) -> Process {
    Process {
        message: key,
        state: State::Delivered,
        note: "accepted".into(),
        records: Vec::new(),
        answers: Vec::new(),
        at: at(1),
    }
}

pub(crate) fn write(key: &str, expected_version: u64, value: i64) -> RecordWrite {
    RecordWrite {
        registry: "declaration".into(),
        key: key.into(),
        expected_version,
        json: serde_json::json!({ "value": value }),
    }
}

/// Commits one unit.
pub(crate) fn one(store: &dyn Store, unit: Unit) -> Outcome {
    let mut outcomes = store.commit(vec![unit]).unwrap();
    assert_eq!(outcomes.len(), 1);
    outcomes.pop().unwrap()
}

/// Commits one unit that must be new.
pub(crate) fn new(store: &dyn Store, unit: Unit) -> Key {
    match one(store, unit) {
        Outcome::New { message } => message,
        other => panic!("expected new, got {other:?}"),
    }
}

pub(crate) const DONE: Outcome = Outcome::Done { answers: Vec::new() };

/// A message that TH pulls under P-Mode `pmode`.
pub(crate) fn submit_for_pull(name: &str, pmode: &str) -> Unit {
    Unit::Submit { message: NewMessage { pull: true, pmode: pmode.into(), ..message(name) }, due: at(0) }
}

/// A pull under these P-Modes, each twice again after ten seconds.
pub(crate) fn pull(pmodes: &[&str], second: i64) -> Unit {
    let grant = |pmode: &&str| Grant { pmode: (*pmode).into(), due: at(second + 10), retries: 2 };
    Unit::Pull(Pull { grants: pmodes.iter().map(grant).collect(), at: at(second) })
}
