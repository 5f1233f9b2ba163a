//! Many callers at once.

use std::{sync::Barrier, thread};

use carnet_exchange::*;
use carnet_store::{SqliteConfig, SqliteStore};

use crate::support::*;

#[test]
fn of_many_equal_messages_at_once_one_is_new() {
    one_is_new(OnSqlite::new().store());
    one_is_new(InMemory::new().store());
}

fn one_is_new(store: &dyn Store) {
    for round in 0..20 {
        let name = format!("round{round}");
        let together = Barrier::new(8);
        let outcomes: Vec<Outcome> = thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        together.wait();
                        one(store, receive(&name))
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let new = outcomes.iter().filter(|o| matches!(o, Outcome::New { .. })).count();
        let duplicate = outcomes.iter().filter(|o| matches!(o, Outcome::Duplicate { .. })).count();
        assert_eq!((new, duplicate), (1, 7));
    }
}

#[test]
fn a_counter_written_by_many_loses_no_step() {
    let subject = OnSqlite::new();
    let store = subject.store();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    loop {
                        let found = store.record("declaration", "counter").unwrap();
                        let (version, value) = found.map_or((0, 0), |r| (r.version, r.json["value"].as_i64().unwrap()));
                        let write = write("counter", version, value + 1);
                        if one(store, Unit::Record(write)) == DONE {
                            break;
                        }
                    }
                }
            });
        }
    });
    let record = store.record("declaration", "counter").unwrap().unwrap();
    assert_eq!((record.version, record.json["value"].as_i64()), (200, Some(200)));
}

#[test]
fn readers_see_whole_messages_while_the_writer_writes() {
    let subject = OnSqlite::new();
    let store = subject.store();
    thread::scope(|scope| {
        let writing = scope.spawn(|| {
            for n in 0..300 {
                new(store, receive(&n.to_string()));
            }
        });
        while !writing.is_finished() {
            for message in store.list(&Query { limit: 5, ..Query::default() }).unwrap() {
                assert_eq!(store.parts(message.key).unwrap().len(), 1);
                assert!(store.receipt(message.key).unwrap().is_some());
            }
        }
    });
    assert_eq!(store.counts().unwrap()[0].messages, 300);
}

#[test]
fn a_full_queue_is_busy_and_dropping_the_store_finishes_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("carnet.sqlite");
    let config = SqliteConfig { queue: 1, group: 1, ..SqliteConfig::default() };
    let store = SqliteStore::open(&path, config).unwrap();
    let pending: Vec<_> = (0..200).map(|n| store.begin(vec![receive(&n.to_string())])).collect();
    drop(store);
    let answers: Vec<_> = pending.into_iter().map(Pending::wait).collect();
    let kept = answers.iter().filter(|answer| answer.is_ok()).count();
    let busy = answers.iter().filter(|a| matches!(a, Err(StoreError::Busy))).count();
    assert_eq!(kept + busy, 200);
    assert!(busy > 0 && kept > 0, "kept {kept}, busy {busy}");
    let store = SqliteStore::open(&path, SqliteConfig::default()).unwrap();
    assert_eq!(store.counts().unwrap()[0].messages, kept as u64);
}
