//! The write-ahead log is copied while the store is at work, beside the writer.

use std::fs;
use std::time::{Duration, Instant};

use carnet_exchange::*;
use carnet_store::{SqliteConfig, SqliteStore};

use crate::support::*;

#[test]
fn the_log_is_copied_before_the_writer_would() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("store.sqlite");
    let store = SqliteStore::open(&file, SqliteConfig::default()).unwrap();
    // Three times what wakes the copier, a third of what the writer would copy itself.
    for number in 0..24 {
        let mut message = message(&format!("m{number}"));
        message.parts = vec![inline("part@carnet.example", &vec![7; 1 << 20])];
        new(&store, Unit::Receive { message, receipt: "r".into(), handed_on: None });
    }
    let until = Instant::now() + Duration::from_secs(30);
    while fs::metadata(&file).unwrap().len() < 8 << 20 {
        assert!(Instant::now() < until, "nothing was copied from the log into the database");
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(store);
    let left = fs::metadata(dir.path().join("store.sqlite-wal")).map_or(0, |log| log.len());
    assert_eq!(left, 0, "a store that is closed leaves no log");
}
