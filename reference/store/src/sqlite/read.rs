//! Questions, on connections that can only read.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;
use carnet_exchange::{
    Counts, Direction, Event, Key, Message, MessageId, Notice, Part, Party, Query, Record, State, StoreError,
};
use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Params, Row, params};

use super::{
    FIRST_PART, RECEIPT, SLOTS,
    error::{damaged, engine},
    row::{self, COLUMNS, at, direction, direction_code, micros, state, state_code, time},
};

/// Idle connections kept for the next reader.
const IDLE: usize = 8;

/// Connections for reading, opened as they are needed.
pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), idle: Mutex::default() }
    }

    /// Runs one question on a connection of its own.
    pub(super) fn with<T>(&self, ask: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let taken = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match taken {
            Some(connection) => connection,
            None => self.connect().map_err(engine)?,
        };
        let answer = ask(&connection)?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE {
            idle.push(connection);
        }
        Ok(answer)
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.set_prepared_statement_cache_capacity(32);
        connection.pragma_update(None, "cache_size", -1024)?;
        Ok(connection)
    }
}

pub(super) fn message(connection: &Connection, key: Key) -> Result<Option<Message>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM message WHERE id = ?1");
    Ok(all(connection, &sql, [key.0], row::message)?.pop())
}

pub(super) fn find(
    connection: &Connection,
    direction: Direction,
    id: &MessageId,
    from: Option<&Party>,
) -> Result<Option<Message>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM message WHERE message_id = ?1 AND direction = ?2
         AND (?3 IS NULL OR sender = ?3 AND sender_type = ?4) ORDER BY id DESC LIMIT 1"
    );
    let (sender, kind) = from.map_or((None, None), |p| (Some(&p.id), Some(&p.kind)));
    let found = all(connection, &sql, params![id.as_str(), direction_code(direction), sender, kind], row::message)?;
    Ok(found.into_iter().next())
}

pub(super) fn list(connection: &Connection, query: &Query) -> Result<Vec<Message>, StoreError> {
    // A condition is in the text only when it is asked for, so that the engine can pick the index that serves it.
    let mut sql = format!("SELECT {COLUMNS} FROM message WHERE id < ?1");
    for (asked, condition) in [
        (query.direction.is_some(), " AND direction = ?2"),
        (query.state.is_some(), " AND state = ?3"),
        (query.state.is_some_and(|state| state != State::Delivered), " AND state <> 3"),
        (query.conversation.is_some(), " AND conversation = ?4"),
    ] {
        if asked {
            sql.push_str(condition);
        }
    }
    sql.push_str(" ORDER BY id DESC LIMIT ?5");
    let parameters = params![
        query.before.map_or(i64::MAX, |key| key.0),
        query.direction.map(direction_code),
        query.state.map(state_code),
        query.conversation,
        clamp(query.limit)
    ];
    all(connection, &sql, parameters, row::message)
}

pub(super) fn history(connection: &Connection, key: Key) -> Result<Vec<Event>, StoreError> {
    let sql = "SELECT created, CASE direction WHEN 0 THEN 0 ELSE 1 END, '', 0 AS step FROM message WHERE id = ?1
               UNION ALL SELECT at, state, note, step FROM history WHERE message = ?1 ORDER BY step";
    all(connection, sql, [key.0], row::event)
}

pub(super) fn parts(connection: &Connection, key: Key) -> Result<Vec<Part>, StoreError> {
    let sql = format!(
        "SELECT cid, media_type, properties, digest, length, sha256, file, octets FROM part
         LEFT JOIN body ON body.id = message * {SLOTS} + {FIRST_PART} + ordinal WHERE message = ?1 ORDER BY ordinal"
    );
    all(connection, &sql, [key.0], row::part)
}

pub(super) fn body(connection: &Connection, key: Key, slot: i64) -> Result<Option<Bytes>, StoreError> {
    let octets: Option<Vec<u8>> = connection
        .prepare_cached("SELECT octets FROM body WHERE id = ?1")
        .and_then(|mut s| s.query_row([key.0.saturating_mul(SLOTS).saturating_add(slot)], |r| r.get(0)).optional())
        .map_err(engine)?;
    Ok(octets.map(Bytes::from))
}

/// The receipt that stands with an incoming message, or that came for an outgoing one.
pub(super) fn receipt(connection: &Connection, key: Key) -> Result<Option<Bytes>, StoreError> {
    let sql = format!(
        "SELECT coalesce(receipt.octets, body.octets) FROM message LEFT JOIN receipt ON receipt.id = message.receipt
         LEFT JOIN body ON body.id = message.id * {SLOTS} + {RECEIPT} WHERE message.id = ?1"
    );
    let found: Option<Vec<u8>> = all(connection, &sql, [key.0], |row| at(row, 0))?.pop().flatten();
    Ok(found.map(Bytes::from))
}

pub(super) fn due(
    connection: &Connection,
    now: Timestamp,
    limit: usize,
    except: &BTreeSet<Key>,
) -> Result<Vec<Message>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM message WHERE due <= ?1 AND pull <> 1 ORDER BY due, id LIMIT ?2");
    let most = clamp(limit.saturating_add(except.len()));
    // What is left out is not read: with many under way that is nearly all.
    let wanted = |row: &Row<'_>| match except.contains(&Key(at(row, 0)?)) {
        true => Ok(None),
        false => row::message(row).map(Some),
    };
    let mut found: Vec<_> = all(connection, &sql, params![micros(now), most], wanted)?.into_iter().flatten().collect();
    found.truncate(limit);
    Ok(found)
}

pub(super) fn next_due(connection: &Connection, except: &BTreeSet<Key>) -> Result<Option<Timestamp>, StoreError> {
    let sql = "SELECT due, id FROM message WHERE due IS NOT NULL AND pull <> 1 ORDER BY due, id LIMIT ?1";
    let most = clamp(except.len().saturating_add(1));
    let found = all(connection, sql, [most], |row| Ok((time(at(row, 0)?)?, Key(at(row, 1)?))))?;
    Ok(found.into_iter().find(|(_, key)| !except.contains(key)).map(|(due, _)| due))
}

pub(super) fn unprocessed(connection: &Connection, after: Key, limit: usize) -> Result<Vec<Message>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM message WHERE state = 0 AND state <> 3 AND id > ?1 ORDER BY id LIMIT ?2");
    all(connection, &sql, params![after.0, clamp(limit)], row::message)
}

pub(super) fn notices(connection: &Connection, after: i64, limit: usize) -> Result<Vec<Notice>, StoreError> {
    let sql = "SELECT sequence, message, message_id, at, code, note FROM notice
               JOIN message ON message.id = notice.message WHERE sequence > ?1 ORDER BY sequence LIMIT ?2";
    all(connection, sql, params![after, clamp(limit)], |row| {
        Ok(Notice {
            sequence: at(row, 0)?,
            message: Key(at(row, 1)?),
            id: row::id(at(row, 2)?)?,
            at: time(at(row, 3)?)?,
            code: at(row, 4)?,
            note: at(row, 5)?,
        })
    })
}

pub(super) fn record(connection: &Connection, registry: &str, key: &str) -> Result<Option<Record>, StoreError> {
    let sql = "SELECT key, version, json FROM record WHERE registry = ?1 AND key = ?2";
    Ok(all(connection, sql, params![registry, key], read_record)?.pop())
}

pub(super) fn records(
    connection: &Connection,
    registry: &str,
    prefix: &str,
    after: &str,
    limit: usize,
) -> Result<Vec<Record>, StoreError> {
    let sql = "SELECT key, version, json FROM record WHERE registry = ?1
               AND key >= ?2 AND key < ?3 AND key > ?4 ORDER BY key LIMIT ?5";
    let past = format!("{prefix}{}", char::MAX);
    all(connection, sql, params![registry, prefix, past, after, clamp(limit)], read_record)
}

pub(super) fn counts(connection: &Connection) -> Result<Vec<Counts>, StoreError> {
    let sql = "SELECT direction, state, count(*) FROM message GROUP BY direction, state ORDER BY direction, state";
    all(connection, sql, [], |row| {
        let messages: i64 = at(row, 2)?;
        Ok(Counts {
            direction: direction(at(row, 0)?)?,
            state: state(at(row, 1)?)?,
            messages: u64::try_from(messages).unwrap_or(0),
        })
    })
}

pub(super) fn names_file(connection: &Connection, name: &str) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM part WHERE file = ?1 AND file IS NOT NULL";
    Ok(!all(connection, sql, [name], |row| at::<i64>(row, 0))?.is_empty())
}

fn read_record(row: &Row<'_>) -> Result<Record, StoreError> {
    let version: i64 = at(row, 1)?;
    let json: String = at(row, 2)?;
    Ok(Record {
        key: at(row, 0)?,
        version: u64::try_from(version).map_err(|_| damaged("record version"))?,
        json: serde_json::from_str(&json).map_err(|_| damaged("record"))?,
    })
}

fn all<T>(
    connection: &Connection,
    sql: &str,
    parameters: impl Params,
    mut read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut statement = connection.prepare_cached(sql).map_err(engine)?;
    let mut rows = statement.query(parameters).map_err(engine)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(engine)? {
        found.push(read(row)?);
    }
    Ok(found)
}

fn clamp(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
