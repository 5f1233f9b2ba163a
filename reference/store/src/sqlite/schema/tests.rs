//! Tests of making and migrating the file.

use carnet_exchange::{Key, StoreError};
use rusqlite::Connection;

use super::super::read;
use super::{STEPS, VERSION_1, VERSION_2, connect, migrate};

fn pragma(connection: &Connection, name: &str) -> i64 {
    connection.pragma_query_value(None, name, |row| row.get(0)).unwrap()
}

#[test]
fn a_new_file_has_the_newest_version_and_is_durable() {
    let dir = tempfile::tempdir().unwrap();
    let connection = connect(&dir.path().join("x.sqlite"), None).unwrap();
    assert_eq!(pragma(&connection, "user_version"), STEPS.len() as i64);
    assert_eq!(pragma(&connection, "synchronous"), 2, "FULL");
    let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
}

#[test]
fn a_newer_file_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.sqlite");
    let connection = connect(&path, None).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    let error = connect(&path, None).unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 99, known: 3 }), "{error:?}");
    assert!(error.to_string().contains("help: start the newer program"));
    assert_eq!(pragma(&Connection::open(&path).unwrap(), "user_version"), 99);
}

#[test]
fn another_programs_database_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.sqlite");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
    assert!(matches!(connect(&path, None), Err(StoreError::NotOurs { found: 0, .. })));
    let tables: i64 =
        Connection::open(&path).unwrap().query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap();
    assert_eq!(tables, 1);
}

#[test]
fn an_older_file_takes_the_steps_it_lacks_and_keeps_its_rows() {
    let mut connection = Connection::open_in_memory().unwrap();
    let first = "CREATE TABLE t (x); INSERT INTO t VALUES (7);";
    let second = "ALTER TABLE t ADD COLUMN y DEFAULT 8;";
    migrate(&mut connection, &[first]).unwrap();
    migrate(&mut connection, &[first, second]).unwrap();
    migrate(&mut connection, &[first, second]).unwrap();
    let row: (i64, i64) = connection.query_row("SELECT x, y FROM t", [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    assert_eq!(row, (7, 8));
    assert_eq!(pragma(&connection, "user_version"), 2);
}

#[test]
fn a_step_that_fails_changes_nothing() {
    let mut connection = Connection::open_in_memory().unwrap();
    let first = "CREATE TABLE t (x);";
    migrate(&mut connection, &[first]).unwrap();
    let broken = "CREATE TABLE u (x); CREATE TABLE t (x);";
    assert!(migrate(&mut connection, &[first, broken]).is_err());
    assert_eq!(pragma(&connection, "user_version"), 1);
    assert!(connection.prepare("SELECT * FROM u").is_err());
}

#[test]
fn messages_of_the_first_version_stay_due() {
    let mut connection = Connection::open_in_memory().unwrap();
    migrate(&mut connection, &[VERSION_1]).unwrap();
    let row =
        "INSERT INTO message (direction, message_id, sender, sender_type, recipient, recipient_type, conversation,
        pmode, service, action, state, attempts, due, created, changed, digests)
        VALUES (1, 'a@b', 'PH', '', 'TH', '', 'c', 'p', 's', 'x', 1, 0, 5, 4, 4, x'')";
    connection.execute(row, []).unwrap();
    migrate(&mut connection, STEPS).unwrap();
    let plan = "SELECT id, pull FROM message WHERE due <= 9 AND pull <> 1 ORDER BY due, id";
    let found: (i64, i64) = connection.query_row(plan, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    assert_eq!(found, (1, 0));
    for (query, index) in [
        (plan, "message_due"),
        ("SELECT id FROM message WHERE pmode = 'p' AND pull = 1 AND due <= 9 ORDER BY id LIMIT 1", "message_pull"),
    ] {
        let explained = format!("EXPLAIN QUERY PLAN {query}");
        let detail: String = connection.query_row(&explained, [], |row| row.get(3)).unwrap();
        assert!(detail.contains(index) && !detail.contains("TEMP B-TREE"), "{detail}");
    }
}

#[test]
fn receipts_of_the_second_version_are_still_found() {
    let mut connection = Connection::open_in_memory().unwrap();
    migrate(&mut connection, &[VERSION_1, VERSION_2]).unwrap();
    let rows = "INSERT INTO message (id, direction, message_id, sender, sender_type, recipient, recipient_type,
        conversation, pmode, service, action, state, attempts, created, changed, digests)
        VALUES (7, 1, 'a@b', 'PH', '', 'TH', '', 'c', 'p', 's', 'x', 3, 1, 4, 4, x'');
        INSERT INTO body VALUES (7 * 256, x'aa'), (7 * 256 + 1, x'bb');";
    connection.execute_batch(rows).unwrap();
    migrate(&mut connection, STEPS).unwrap();
    assert_eq!(read::receipt(&connection, Key(7)).unwrap().as_deref(), Some(&[0xbb][..]));
    assert_eq!(read::receipt(&connection, Key(8)).unwrap(), None);
}
