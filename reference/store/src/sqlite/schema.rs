//! The tables, and how a file of an older version becomes one of this.

use std::path::Path;

use carnet_exchange::StoreError;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::error::engine;

/// `Crnt`: marks the file as Carnet's.
const APPLICATION_ID: i64 = 0x4372_6e74;

/// Octets of a page, of a file that is made anew: an envelope takes two, and a commit writes half as many.
const PAGE: i64 = 8192;

/// The writer's page cache: holds the inner pages and the busy leaves of the indexes at 10^5 messages.
const CACHE_KIB: i64 = 16 << 10;

/// Pages in the log at which the writer copies them itself: the copier does most of it, but the log begins anew only
/// when nothing is left to copy.
const CHECKPOINT_PAGES: i64 = 8_000;

/// Step `n` takes version `n` to `n + 1`. Steps are added, never changed.
const STEPS: &[&str] = &[VERSION_1, VERSION_2, VERSION_3];

/// Rows that are large (`body`) stay out of rows that are searched (`message`). Partial indexes hold only what still
/// has to be done, so that looking for it does not grow with what is settled. States: 0 received, 1 submitted,
/// 2 retrying, 3 delivered, 4 failed. Directions: 0 in, 1 out. Times: microseconds since 1970.
const VERSION_1: &str = "
CREATE TABLE message (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    direction INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    sender TEXT NOT NULL,
    sender_type TEXT NOT NULL,
    recipient TEXT NOT NULL,
    recipient_type TEXT NOT NULL,
    conversation TEXT NOT NULL,
    ref_to TEXT,
    pmode TEXT NOT NULL,
    service TEXT NOT NULL,
    action TEXT NOT NULL,
    state INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    due INTEGER,
    created INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    digests BLOB NOT NULL,
    UNIQUE (message_id, sender, sender_type, direction)
) STRICT;
CREATE INDEX message_due ON message (due, id) WHERE due IS NOT NULL;
CREATE INDEX message_unsettled ON message (state, id) WHERE state <> 3;
CREATE TABLE body (
    id INTEGER PRIMARY KEY,
    octets BLOB NOT NULL
) STRICT;
CREATE TABLE part (
    message INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    cid TEXT NOT NULL,
    media_type TEXT NOT NULL,
    properties TEXT NOT NULL,
    digest BLOB NOT NULL,
    length INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    file TEXT,
    PRIMARY KEY (message, ordinal)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX part_file ON part (file) WHERE file IS NOT NULL;
CREATE TABLE history (
    message INTEGER NOT NULL,
    step INTEGER NOT NULL,
    at INTEGER NOT NULL,
    state INTEGER NOT NULL,
    note TEXT NOT NULL,
    PRIMARY KEY (message, step)
) STRICT, WITHOUT ROWID;
CREATE TABLE notice (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    message INTEGER NOT NULL,
    at INTEGER NOT NULL,
    code TEXT NOT NULL,
    note TEXT NOT NULL
) STRICT;
CREATE TABLE record (
    registry TEXT NOT NULL,
    key TEXT NOT NULL,
    version INTEGER NOT NULL,
    json TEXT NOT NULL,
    UNIQUE (registry, key)
) STRICT;
";

/// Messages that wait to be pulled: 0 sent when due, 1 waiting for its receiver, 2 pulled for the last time. In the order
/// of submission, as the oldest is pulled first; the few that are pulled and not receipted are passed over.
const VERSION_2: &str = "
ALTER TABLE message ADD COLUMN pull INTEGER NOT NULL DEFAULT 0;
DROP INDEX message_due;
CREATE INDEX message_due ON message (due, id) WHERE due IS NOT NULL AND pull <> 1;
CREATE INDEX message_pull ON message (pmode, id) WHERE due IS NOT NULL AND pull = 1;
";

/// Receipts of what was sent, which come after the message stands: in a table of their own, each at its end. Between the
/// bodies of messages a receipt would split a page and have its neighbours written again.
const VERSION_3: &str = "
ALTER TABLE message ADD COLUMN receipt INTEGER;
CREATE TABLE receipt (
    id INTEGER PRIMARY KEY,
    octets BLOB NOT NULL
) STRICT;
";

/// Opens the writer's connection, making or migrating the file.
pub(super) fn connect(path: &Path, quota: Option<u64>) -> Result<Connection, StoreError> {
    let mut connection = Connection::open(path).map_err(engine)?;
    connection.set_prepared_statement_cache_capacity(64);
    // Another program's file is refused before its journal is made another.
    recognize(&connection, version(STEPS))?;
    let set = || {
        connection.pragma_update(None, "page_size", PAGE)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
        connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
        if let Some(quota) = quota {
            let page: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
            let pages = i64::try_from(quota).unwrap_or(i64::MAX) / page.max(1);
            connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
        }
        Ok(())
    };
    set().map_err(engine)?;
    migrate(&mut connection, STEPS)?;
    Ok(connection)
}

/// Looks at a file as it lies on the disk, without a lock and without its log, and changes nothing.
pub(super) fn look(path: &Path) -> Result<(), StoreError> {
    let escaped = path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(format!("file:{escaped}?immutable=1"), flags).map_err(engine)?;
    recognize(&connection, version(STEPS)).map(|_| ())
}

/// The version of a file that is ours and not newer than `known`; 0 when it is empty.
fn recognize(connection: &Connection, known: i64) -> Result<i64, StoreError> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let found = pragma("user_version").map_err(engine)?;
    let application = pragma("application_id").map_err(engine)?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(engine)?;
    if application != APPLICATION_ID && (tables > 0 || application != 0) {
        return Err(StoreError::NotOurs { found: application, expected: APPLICATION_ID });
    }
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    Ok(found)
}

/// The version that steps end with.
fn version(steps: &[&str]) -> i64 {
    i64::try_from(steps.len()).unwrap_or(i64::MAX)
}

/// Brings the file to the version `steps` ends with, in one transaction.
fn migrate(connection: &mut Connection, steps: &[&str]) -> Result<(), StoreError> {
    let known = version(steps);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(engine)?;
    let found = recognize(&transaction, known)?;
    let done = usize::try_from(found).unwrap_or(0);
    let run = || {
        for step in steps.iter().skip(done) {
            transaction.execute_batch(step)?;
        }
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", known)
    };
    run().map_err(engine)?;
    transaction.commit().map_err(engine)
}

#[cfg(test)]
mod tests;
