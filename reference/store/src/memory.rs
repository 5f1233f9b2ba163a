//! A store without a disk, for tests: the same answers from plain maps, so that it is a second witness of what a
//! store does. What is committed survives [`MemoryStore::reopen`], as it would a crash.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use carnet_exchange::{
    Attempt, Counts, Direction, Event, Key, Message, MessageId, NewMessage, Notice, Outcome, Part, Party, Pending,
    Place, Process, Pull, Query, Record, RecordWrite, Sent, State, Store, StoreError, Unit,
};
use jiff::Timestamp;
use serde_json::Value;

use crate::sqlite::{MOST_PARTS, PULLED};

/// A store in memory.
#[derive(Default)]
pub struct MemoryStore(Arc<Mutex<Tables>>);

#[derive(Default)]
struct Tables {
    rows: Vec<Row>,
    ids: HashMap<(Direction, MessageId, Party), Key>,
    records: BTreeMap<(String, String), (u64, Value)>,
    notices: Vec<Notice>,
}

struct Row {
    message: Message,
    parts: Vec<Part>,
    history: Vec<Event>,
    envelope: Bytes,
    header: Bytes,
    receipt: Bytes,
    /// It waits to be pulled and is not spent.
    waits: bool,
}

impl MemoryStore {
    /// A store with nothing in it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Another handle on what is committed: what a process finds after it was killed.
    #[must_use]
    pub fn reopen(&self) -> Self {
        Self(Arc::clone(&self.0))
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn select(&self, limit: usize, wanted: impl Fn(&Message) -> bool) -> Vec<Message> {
        let tables = self.tables();
        let found = tables.rows.iter().map(|row| &row.message).filter(|message| wanted(message));
        found.take(limit).cloned().collect()
    }

    fn sendable(&self, except: &BTreeSet<Key>) -> Vec<Message> {
        let tables = self.tables();
        let rows = tables.rows.iter().filter(|row| !row.waits && !except.contains(&row.message.key));
        rows.map(|row| row.message.clone()).collect()
    }

    fn with<T>(&self, key: Key, read: impl FnOnce(&Row) -> T) -> Option<T> {
        let tables = self.tables();
        tables.row(key).map(read)
    }
}

impl Store for MemoryStore {
    fn begin(&self, units: Vec<Unit>) -> Pending {
        let too_many = units.iter().find_map(|unit| {
            match unit {
                Unit::Receive { message, .. } | Unit::Submit { message, .. } => Some(message.parts.len()),
                Unit::Process(process) => process.answers.iter().map(|a| a.parts.len()).max(),
                Unit::Attempt(_) | Unit::Pull(_) | Unit::Record(_) => None,
            }
            .filter(|parts| *parts > MOST_PARTS)
        });
        if let Some(got) = too_many {
            return Pending::ready(Err(StoreError::TooManyParts { got, limit: MOST_PARTS }));
        }
        let mut tables = self.tables();
        Pending::ready(Ok(units.into_iter().map(|unit| tables.apply(unit)).collect()))
    }

    fn message(&self, key: Key) -> Result<Option<Message>, StoreError> {
        Ok(self.with(key, |row| row.message.clone()))
    }

    fn find(&self, direction: Direction, id: &MessageId, from: Option<&Party>) -> Result<Option<Message>, StoreError> {
        let wanted = |message: &Message| {
            message.direction == direction && message.id == *id && from.is_none_or(|from| message.from == *from)
        };
        Ok(self.select(usize::MAX, wanted).pop())
    }

    fn list(&self, query: &Query) -> Result<Vec<Message>, StoreError> {
        let mut found = self.select(usize::MAX, |message| {
            query.before.is_none_or(|before| message.key < before)
                && query.direction.is_none_or(|direction| message.direction == direction)
                && query.state.is_none_or(|state| message.state == state)
                && query.conversation.as_ref().is_none_or(|c| message.conversation == *c)
        });
        found.reverse();
        found.truncate(query.limit);
        Ok(found)
    }

    fn history(&self, key: Key) -> Result<Vec<Event>, StoreError> {
        Ok(self.with(key, |row| row.history.clone()).unwrap_or_default())
    }

    fn parts(&self, key: Key) -> Result<Vec<Part>, StoreError> {
        Ok(self.with(key, |row| row.parts.clone()).unwrap_or_default())
    }

    fn envelope(&self, key: Key) -> Result<Option<Bytes>, StoreError> {
        Ok(self.with(key, |row| row.envelope.clone()).filter(|octets| !octets.is_empty()))
    }

    fn header(&self, key: Key) -> Result<Option<Bytes>, StoreError> {
        Ok(self.with(key, |row| row.header.clone()).filter(|octets| !octets.is_empty()))
    }

    fn receipt(&self, key: Key) -> Result<Option<Bytes>, StoreError> {
        Ok(self.with(key, |row| row.receipt.clone()).filter(|octets| !octets.is_empty()))
    }

    fn due(&self, now: Timestamp, limit: usize, except: &BTreeSet<Key>) -> Result<Vec<Message>, StoreError> {
        let mut found = self.sendable(except);
        found.retain(|message| message.due.is_some_and(|due| due <= now));
        found.sort_by_key(|message| (message.due, message.key));
        found.truncate(limit);
        Ok(found)
    }

    fn next_due(&self, except: &BTreeSet<Key>) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.sendable(except).iter().filter_map(|message| message.due).min())
    }

    fn unprocessed(&self, after: Key, limit: usize) -> Result<Vec<Message>, StoreError> {
        Ok(self.select(limit, |m| m.state == State::Received && m.key > after))
    }

    fn notices(&self, after: i64, limit: usize) -> Result<Vec<Notice>, StoreError> {
        let tables = self.tables();
        let found = tables.notices.iter().filter(|notice| notice.sequence > after);
        Ok(found.take(limit).cloned().collect())
    }

    fn record(&self, registry: &str, key: &str) -> Result<Option<Record>, StoreError> {
        let tables = self.tables();
        let found = tables.records.get(&(registry.to_owned(), key.to_owned()));
        Ok(found.map(|(version, json)| record(key, *version, json)))
    }

    fn records(&self, registry: &str, prefix: &str, after: &str, limit: usize) -> Result<Vec<Record>, StoreError> {
        let tables = self.tables();
        let found = tables
            .records
            .iter()
            .filter(|((within, key), _)| within == registry && key.starts_with(prefix) && key.as_str() > after);
        Ok(found.take(limit).map(|((_, key), (version, json))| record(key, *version, json)).collect())
    }

    fn counts(&self) -> Result<Vec<Counts>, StoreError> {
        let mut counted = BTreeMap::new();
        for row in &self.tables().rows {
            *counted.entry((row.message.direction, row.message.state)).or_insert(0) += 1;
        }
        let count = |((direction, state), messages)| Counts { direction, state, messages };
        let mut counts: Vec<_> = counted.into_iter().map(count).collect();
        counts.sort_by_key(|count| (count.direction, count.state));
        Ok(counts)
    }

    fn names_file(&self, name: &str) -> Result<bool, StoreError> {
        let tables = self.tables();
        let mut parts = tables.rows.iter().flat_map(|row| &row.parts);
        Ok(parts.any(|part| matches!(&part.held.place, Place::File(file) if file == name)))
    }
}

fn record(key: &str, version: u64, json: &Value) -> Record {
    Record { key: key.to_owned(), version, json: json.clone() }
}

impl Tables {
    fn row(&self, key: Key) -> Option<&Row> {
        self.rows.get(usize::try_from(key.0.checked_sub(1)?).ok()?)
    }

    fn row_mut(&mut self, key: Key) -> Option<&mut Row> {
        self.rows.get_mut(usize::try_from(key.0.checked_sub(1)?).ok()?)
    }

    /// Everything is checked before anything is changed: that is this store's savepoint.
    fn apply(&mut self, unit: Unit) -> Outcome {
        match unit {
            Unit::Receive { message, receipt, handed_on } => {
                let at = message.at;
                let outcome = self.insert(message, Direction::In, None, receipt);
                if let (Outcome::New { message }, Some(note)) = (&outcome, handed_on) {
                    self.step(*message, State::Delivered, None, at, note);
                }
                outcome
            }
            Unit::Submit { message, due } => self.insert(message, Direction::Out, Some(due), Bytes::new()),
            Unit::Process(process) => self.process(process),
            Unit::Attempt(attempt) => self.attempt(attempt),
            Unit::Pull(pull) => self.claim(&pull),
            Unit::Record(write) => match self.stale(&write) {
                Some(stale) => stale,
                None => {
                    self.write(write);
                    Outcome::Done { answers: Vec::new() }
                }
            },
        }
    }

    fn present(&self, message: &NewMessage, direction: Direction) -> Option<Outcome> {
        let name = (direction, message.id.clone(), message.from.clone());
        let key = *self.ids.get(&name)?;
        let row = self.row(key)?;
        let same = match direction {
            Direction::In => message.digests.starts_with(&row.message.digests),
            Direction::Out => message.digests == row.message.digests,
        };
        if !same {
            return Some(Outcome::Conflict { message: key });
        }
        let receipt = Some(row.receipt.clone()).filter(|octets| !octets.is_empty());
        Some(Outcome::Duplicate { message: key, receipt })
    }

    fn insert(&mut self, new: NewMessage, direction: Direction, due: Option<Timestamp>, receipt: Bytes) -> Outcome {
        if let Some(present) = self.present(&new, direction) {
            return present;
        }
        let key = Key(i64::try_from(self.rows.len()).unwrap_or(i64::MAX).saturating_add(1));
        let (state, at) = (State::first(direction), micros(new.at));
        self.ids.insert((direction, new.id.clone(), new.from.clone()), key);
        let message = Message {
            key,
            direction,
            id: new.id,
            from: new.from,
            to: new.to,
            conversation: new.conversation,
            ref_to: new.ref_to,
            pmode: new.pmode,
            service: new.service,
            action: new.action,
            pull: new.pull,
            state,
            attempts: 0,
            due: due.map(micros),
            created: at,
            changed: at,
            digests: new.digests,
        };
        self.rows.push(Row {
            message,
            parts: new.parts,
            history: vec![Event { at, state, note: String::new() }],
            envelope: new.envelope,
            header: new.header,
            receipt,
            waits: new.pull,
        });
        Outcome::New { message: key }
    }

    /// Why a message may not step to `next`.
    fn refuse(&self, key: Key, next: State, direction: Direction) -> Option<Outcome> {
        let Some(row) = self.row(key) else {
            return Some(Outcome::Unknown);
        };
        let state = row.message.state;
        let legal = state.may_become(next) && row.message.direction == direction;
        (!legal).then_some(Outcome::Illegal { state })
    }

    fn process(&mut self, process: Process) -> Outcome {
        if let Some(refused) = self.refuse(process.message, process.state, Direction::In) {
            return refused;
        }
        if let Some(stale) = self.first_stale(&process.records) {
            return stale;
        }
        let taken = process.answers.iter().find_map(|a| self.present(a, Direction::Out));
        if let Some(taken) = taken {
            return taken;
        }
        self.step(process.message, process.state, None, process.at, process.note);
        process.records.into_iter().for_each(|write| self.write(write));
        let mut answers = Vec::new();
        for answer in process.answers {
            let outcome = self.insert(answer, Direction::Out, Some(process.at), Bytes::new());
            if let Outcome::New { message } = outcome {
                answers.push(message);
            }
        }
        Outcome::Done { answers }
    }

    fn attempt(&mut self, attempt: Attempt) -> Outcome {
        let (key, at) = (attempt.message, attempt.at);
        let next = match attempt.sent {
            Sent::Receipted { .. } => State::Delivered,
            Sent::Retry { .. } => State::Retrying,
            Sent::Failed { .. } => State::Failed,
        };
        if let Some(refused) = self.refuse(key, next, Direction::Out) {
            return refused;
        }
        match attempt.sent {
            Sent::Receipted { receipt, envelope } => {
                self.step(key, next, None, at, String::new());
                if let Some(row) = self.row_mut(key) {
                    row.receipt = receipt;
                    if !envelope.is_empty() {
                        row.envelope = envelope;
                    }
                }
            }
            Sent::Retry { due, note } => self.step(key, next, Some(due), at, note),
            Sent::Failed { code, note } => {
                self.step(key, next, None, at, format!("{code} {note}"));
                let sequence = i64::try_from(self.notices.len()).unwrap_or(i64::MAX);
                if let Some(id) = self.row(key).map(|row| row.message.id.clone()) {
                    self.notices.push(Notice {
                        sequence: sequence.saturating_add(1),
                        message: key,
                        id,
                        at: micros(at),
                        code,
                        note,
                    });
                }
            }
        }
        if let Some(row) = self.row_mut(key).filter(|row| !row.message.pull) {
            row.message.attempts += 1;
        }
        Outcome::Done { answers: Vec::new() }
    }

    fn claim(&mut self, pull: &Pull) -> Outcome {
        let granted = |row: &Row| pull.grants.iter().find(|grant| grant.pmode == row.message.pmode);
        let due = |row: &&mut Row| row.waits && row.message.due.is_some_and(|due| due <= micros(pull.at));
        let found = self.rows.iter_mut().filter(due).find_map(|row| Some((granted(row)?, row)));
        let Some((grant, row)) = found else { return Outcome::Empty };
        row.message.attempts += 1;
        row.waits = row.message.attempts <= grant.retries;
        let key = row.message.key;
        self.step(key, State::Retrying, Some(grant.due), pull.at, PULLED.to_owned());
        Outcome::Pulled { message: key }
    }

    fn step(&mut self, key: Key, state: State, due: Option<Timestamp>, at: Timestamp, note: String) {
        if let Some(row) = self.row_mut(key) {
            row.message.state = state;
            row.message.due = due.map(micros);
            row.message.changed = micros(at);
            row.history.push(Event { at: micros(at), state, note });
        }
    }

    /// The first of several writes that does not find its version, each seeing those before it.
    fn first_stale(&self, writes: &[RecordWrite]) -> Option<Outcome> {
        let mut before = BTreeMap::new();
        writes.iter().find_map(|write| {
            let name = (write.registry.as_str(), write.key.as_str());
            let refused = match before.get(&name) {
                Some(version) => stale(write, *version),
                None => self.stale(write),
            };
            before.insert(name, write.expected_version.saturating_add(1));
            refused
        })
    }

    fn stale(&self, write: &RecordWrite) -> Option<Outcome> {
        let found = self.records.get(&(write.registry.clone(), write.key.clone())).map_or(0, |r| r.0);
        stale(write, found)
    }

    fn write(&mut self, write: RecordWrite) {
        let version = write.expected_version.saturating_add(1);
        self.records.insert((write.registry, write.key), (version, write.json));
    }
}

/// What a write makes of the version found.
fn stale(write: &RecordWrite, found: u64) -> Option<Outcome> {
    (found != write.expected_version).then(|| Outcome::Stale {
        registry: write.registry.clone(),
        key: write.key.clone(),
        found,
    })
}

/// Stores keep microseconds.
fn micros(time: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time)
}
