//! One unit, all or nothing, inside the writer's transaction.

use bytes::Bytes;
use carnet_exchange::{
    Attempt, Digest, Direction, Grant, Key, NewMessage, Outcome, Part, Place, Process, Pull, RecordWrite, Sent, State,
    StoreError, Unit,
};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::{
    ENVELOPE, FIRST_PART, HEADER, PULLED, RECEIPT, SLOTS,
    error::{damaged, engine},
    read,
    row::{direction_code, micros, state, state_code},
};

/// Applies `unit`, all or nothing.
///
/// Only a process can find out late that it must not happen, and needs a savepoint of its own; every other unit is
/// decided by its first statement, before anything is written.
pub(super) fn unit(connection: &Connection, unit: &Unit) -> Result<Outcome, StoreError> {
    match unit {
        Unit::Receive { message, receipt, handed_on } => {
            let state = handed_on.as_ref().map_or(State::Received, |_| State::Delivered);
            let outcome = insert(connection, message, &Entry { state, due: None, receipt })?;
            if let (Outcome::New { message: key }, Some(words)) = (&outcome, handed_on) {
                note(connection, key.0, 1, state, message.at, words)?;
            }
            Ok(outcome)
        }
        Unit::Submit { message, due } => submit(connection, message, *due),
        Unit::Process(process) if process.records.is_empty() && process.answers.is_empty() => {
            handed_on(connection, process)
        }
        Unit::Process(process) => in_savepoint(connection, || handed_on(connection, process)),
        Unit::Attempt(made) => attempt(connection, made),
        Unit::Pull(pull) => claim(connection, pull),
        Unit::Record(write) => Ok(stale(connection, write)?.unwrap_or_else(done)),
    }
}

/// Keeps what was written only when the unit was done.
fn in_savepoint(
    connection: &Connection,
    apply: impl FnOnce() -> Result<Outcome, StoreError>,
) -> Result<Outcome, StoreError> {
    let run = |sql| connection.prepare_cached(sql)?.execute([]);
    run("SAVEPOINT unit").map_err(engine)?;
    let outcome = apply()?;
    if !matches!(outcome, Outcome::Done { .. }) {
        run("ROLLBACK TO unit").map_err(engine)?;
    }
    run("RELEASE unit").map_err(engine)?;
    Ok(outcome)
}

fn done() -> Outcome {
    Outcome::Done { answers: Vec::new() }
}

/// How a message begins.
struct Entry<'a> {
    state: State,
    due: Option<Timestamp>,
    /// Empty for an outgoing message.
    receipt: &'a Bytes,
}

fn submit(connection: &Connection, message: &NewMessage, due: Timestamp) -> Result<Outcome, StoreError> {
    insert(connection, message, &Entry { state: State::Submitted, due: Some(due), receipt: &Bytes::new() })
}

/// The insert itself decides whether the message is new.
fn insert(connection: &Connection, message: &NewMessage, entry: &Entry<'_>) -> Result<Outcome, StoreError> {
    let direction = if entry.state == State::Submitted { Direction::Out } else { Direction::In };
    let digests = Digest::join(&message.digests);
    let inserted = connection
        .prepare_cached(
            "INSERT INTO message (direction, message_id, sender, sender_type, recipient, recipient_type, conversation,
             ref_to, pmode, service, action, state, attempts, due, created, changed, digests, pull)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 0, ?13, ?14, ?14, ?15, ?16)
             ON CONFLICT (message_id, sender, sender_type, direction) DO NOTHING",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                direction_code(direction),
                message.id.as_str(),
                message.from.id,
                message.from.kind,
                message.to.id,
                message.to.kind,
                message.conversation,
                message.ref_to.as_ref().map(carnet_exchange::MessageId::as_str),
                message.pmode,
                message.service,
                message.action,
                state_code(entry.state),
                entry.due.map(micros),
                micros(message.at),
                digests,
                i64::from(message.pull),
            ])
        })
        .map_err(engine)?;
    if inserted == 0 {
        return present(connection, message, direction, &digests);
    }
    let key = connection.last_insert_rowid();
    // In the order of their slots, so that each goes to the end of the table.
    for (slot, octets) in [(ENVELOPE, &message.envelope), (RECEIPT, entry.receipt), (HEADER, &message.header)] {
        // Empty bodies are not stored.
        if !octets.is_empty() {
            body(connection, key, slot, octets)?;
        }
    }
    for (ordinal, each) in (0_i64..).zip(&message.parts) {
        part(connection, key, ordinal, each)?;
    }
    Ok(Outcome::New { message: Key(key) })
}

/// What the message that is there makes of one with the same sender and id.
fn present(
    connection: &Connection,
    message: &NewMessage,
    direction: Direction,
    digests: &[u8],
) -> Result<Outcome, StoreError> {
    let (key, stored): (i64, Vec<u8>) = connection
        .prepare_cached(
            "SELECT id, digests FROM message
             WHERE message_id = ?1 AND sender = ?2 AND sender_type = ?3 AND direction = ?4",
        )
        .and_then(|mut statement| {
            statement.query_row(
                params![message.id.as_str(), message.from.id, message.from.kind, direction_code(direction)],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
        })
        .map_err(engine)?;
    let same = match direction {
        Direction::In => digests.starts_with(&stored),
        Direction::Out => digests == stored,
    };
    if !same {
        return Ok(Outcome::Conflict { message: Key(key) });
    }
    Ok(Outcome::Duplicate { message: Key(key), receipt: read::receipt(connection, Key(key))? })
}

fn body(connection: &Connection, key: i64, slot: i64, octets: &[u8]) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT INTO body (id, octets) VALUES (?1, ?2)")
        .and_then(|mut statement| statement.execute(params![key * SLOTS + slot, octets]))
        .map_err(engine)?;
    Ok(())
}

fn part(connection: &Connection, key: i64, ordinal: i64, part: &Part) -> Result<(), StoreError> {
    let file = match &part.held.place {
        Place::Inline(octets) => {
            body(connection, key, FIRST_PART + ordinal, octets)?;
            None
        }
        Place::File(name) => Some(name),
    };
    let properties = serde_json::to_string(&part.properties).map_err(|_| damaged("part properties"))?;
    let length = i64::try_from(part.held.length).map_err(|_| damaged("part length"))?;
    connection
        .prepare_cached(
            "INSERT INTO part (message, ordinal, cid, media_type, properties, digest, length, sha256, file)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                key,
                ordinal,
                part.cid,
                part.media_type,
                properties,
                part.digest.0,
                length,
                part.held.sha256.0,
                file
            ])
        })
        .map_err(engine)?;
    Ok(())
}

fn handed_on(connection: &Connection, process: &Process) -> Result<Outcome, StoreError> {
    let (key, next, note) = (process.message, process.state, process.note.as_str());
    let step = Step { key, next, due: None, at: process.at, note, receipt: None };
    if let Some(refused) = take_step(connection, Direction::In, &step)? {
        return Ok(refused);
    }
    for write in &process.records {
        if let Some(refused) = stale(connection, write)? {
            return Ok(refused);
        }
    }
    let mut answers = Vec::with_capacity(process.answers.len());
    for answer in &process.answers {
        match submit(connection, answer, process.at)? {
            Outcome::New { message } => answers.push(message),
            taken => return Ok(taken),
        }
    }
    Ok(Outcome::Done { answers })
}

fn attempt(connection: &Connection, attempt: &Attempt) -> Result<Outcome, StoreError> {
    let told;
    let (next, due, note, receipt) = match &attempt.sent {
        Sent::Receipted { receipt, .. } => (State::Delivered, None, "", Some(receipt)),
        Sent::Retry { due, note } => (State::Retrying, Some(*due), note.as_str(), None),
        Sent::Failed { code, note } => {
            told = format!("{code} {note}");
            (State::Failed, None, told.as_str(), None)
        }
    };
    let key = attempt.message;
    let step = Step { key, next, due, at: attempt.at, note, receipt: receipt.filter(|receipt| !receipt.is_empty()) };
    if let Some(refused) = take_step(connection, Direction::Out, &step)? {
        return Ok(refused);
    }
    match &attempt.sent {
        Sent::Receipted { envelope, .. } if !envelope.is_empty() => {
            connection
                .prepare_cached("INSERT OR REPLACE INTO body (id, octets) VALUES (?1, ?2)")
                .and_then(|mut statement| statement.execute(params![key.0 * SLOTS + ENVELOPE, &envelope[..]]))
                .map_err(engine)?;
        }
        Sent::Receipted { .. } | Sent::Retry { .. } => {}
        Sent::Failed { code, note } => {
            connection
                .prepare_cached("INSERT INTO notice (message, at, code, note) VALUES (?1, ?2, ?3, ?4)")
                .and_then(|mut statement| statement.execute(params![key.0, micros(attempt.at), code, note]))
                .map_err(engine)?;
        }
    }
    Ok(done())
}

/// Takes the oldest message that waits under a grant. Every pull is decided here, one after the other, so that no two get
/// the same message.
fn claim(connection: &Connection, pull: &Pull) -> Result<Outcome, StoreError> {
    let mut oldest: Option<(i64, i64, &Grant)> = None;
    for grant in &pull.grants {
        let found: Option<(i64, i64)> = connection
            .prepare_cached(
                "SELECT id, attempts FROM message WHERE pmode = ?1 AND pull = 1 AND due <= ?2 ORDER BY id LIMIT 1",
            )
            .and_then(|mut statement| {
                let parameters = params![grant.pmode, micros(pull.at)];
                statement.query_row(parameters, |row| Ok((row.get(0)?, row.get(1)?))).optional()
            })
            .map_err(engine)?;
        if let Some((key, attempts)) = found
            && oldest.is_none_or(|(other, ..)| key < other)
        {
            oldest = Some((key, attempts, grant));
        }
    }
    let Some((key, attempts, grant)) = oldest else { return Ok(Outcome::Empty) };
    let waits = if attempts < i64::from(grant.retries) { 1 } else { 2 };
    connection
        .prepare_cached("UPDATE message SET state = ?2, due = ?3, attempts = ?4, changed = ?5, pull = ?6 WHERE id = ?1")
        .and_then(|mut statement| {
            let (state, due) = (state_code(State::Retrying), micros(grant.due));
            statement.execute(params![key, state, due, attempts + 1, micros(pull.at), waits])
        })
        .map_err(engine)?;
    note(connection, key, 2 * attempts + 1, State::Retrying, pull.at, PULLED)?;
    Ok(Outcome::Pulled { message: Key(key) })
}

fn note(
    connection: &Connection,
    key: i64,
    number: i64,
    state: State,
    at: Timestamp,
    note: &str,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT INTO history (message, step, at, state, note) VALUES (?1, ?2, ?3, ?4, ?5)")
        .and_then(|mut statement| statement.execute(params![key, number, micros(at), state_code(state), note]))
        .map_err(engine)?;
    Ok(())
}

/// A step a message is to take.
struct Step<'a> {
    key: Key,
    next: State,
    due: Option<Timestamp>,
    at: Timestamp,
    note: &'a str,
    /// What came of it, for an outgoing message.
    receipt: Option<&'a Bytes>,
}

/// Takes the step and notes it in the history, or says why the message may not take it.
///
/// The first step, into the store, is in the message's own row. An incoming message takes one more, an outgoing one
/// takes one with each attempt, so the attempts number the steps.
fn take_step(connection: &Connection, direction: Direction, step: &Step<'_>) -> Result<Option<Outcome>, StoreError> {
    let stored: Option<(i64, i64, i64, i64)> = connection
        .prepare_cached("SELECT state, direction, attempts, pull FROM message WHERE id = ?1")
        .and_then(|mut statement| {
            let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
            statement.query_row([step.key.0], read).optional()
        })
        .map_err(engine)?;
    let Some((code, of, attempts, pull)) = stored else { return Ok(Some(Outcome::Unknown)) };
    let now = state(code)?;
    if !now.may_become(step.next) || of != direction_code(direction) {
        return Ok(Some(Outcome::Illegal { state: now }));
    }
    let attempts = attempts + i64::from(direction == Direction::Out && pull == 0);
    let receipt = step.receipt.map(|receipt| late(connection, receipt)).transpose()?;
    connection
        .prepare_cached(
            "UPDATE message SET state = ?2, due = ?3, attempts = ?4, changed = ?5, receipt = ?6 WHERE id = ?1",
        )
        .and_then(|mut statement| {
            let due = step.due.map(micros);
            statement.execute(params![step.key.0, state_code(step.next), due, attempts, micros(step.at), receipt])
        })
        .map_err(engine)?;
    // Each pull is a step of its own, and what came of it is another.
    let number = if pull == 0 { attempts.max(1) } else { 2 * attempts };
    note(connection, step.key.0, number, step.next, step.at, step.note)?;
    Ok(None)
}

/// Stores a receipt that came after its message; where it stands.
fn late(connection: &Connection, receipt: &[u8]) -> Result<i64, StoreError> {
    connection
        .prepare_cached("INSERT INTO receipt (octets) VALUES (?1)")
        .and_then(|mut statement| statement.insert([receipt]))
        .map_err(engine)
}

/// Writes a record, or says what version is there instead of the one expected.
fn stale(connection: &Connection, write: &RecordWrite) -> Result<Option<Outcome>, StoreError> {
    let json = write.json.to_string();
    let expected = i64::try_from(write.expected_version).map_err(|_| damaged("record version"))?;
    let changed = if expected == 0 {
        connection
            .prepare_cached(
                "INSERT INTO record (registry, key, version, json) VALUES (?1, ?2, 1, ?3)
                 ON CONFLICT (registry, key) DO NOTHING",
            )
            .and_then(|mut statement| statement.execute(params![write.registry, write.key, json]))
    } else {
        connection
            .prepare_cached(
                "UPDATE record SET version = version + 1, json = ?3
                 WHERE registry = ?1 AND key = ?2 AND version = ?4",
            )
            .and_then(|mut statement| statement.execute(params![write.registry, write.key, json, expected]))
    }
    .map_err(engine)?;
    if changed > 0 {
        return Ok(None);
    }
    let found: Option<i64> = connection
        .prepare_cached("SELECT version FROM record WHERE registry = ?1 AND key = ?2")
        .and_then(|mut statement| statement.query_row(params![write.registry, write.key], |row| row.get(0)).optional())
        .map_err(engine)?;
    Ok(Some(Outcome::Stale {
        registry: write.registry.clone(),
        key: write.key.clone(),
        found: u64::try_from(found.unwrap_or(0)).map_err(|_| damaged("record version"))?,
    }))
}
