//! A disk without room.

use bytes::Bytes;
use carnet_exchange::*;
use carnet_store::{SqliteConfig, SqliteStore};

use crate::support::*;

#[test]
fn a_full_disk_refuses_and_what_is_there_stays() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("carnet.sqlite");
    let config = SqliteConfig { quota: Some(512 << 10), ..SqliteConfig::default() };
    let store = SqliteStore::open(&path, config).unwrap();
    let large = |n: usize| {
        let mut message = message(&n.to_string());
        message.envelope = Bytes::from(vec![b'x'; 20_000]);
        Unit::Receive { message, receipt: "receipt".into(), handed_on: None }
    };
    let mut kept = 0;
    let error = loop {
        match store.commit(vec![large(kept)]) {
            Ok(_) => kept += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, StoreError::Full), "{error:?}");
    assert!((10..26).contains(&kept), "{kept}");
    assert_eq!(store.counts().unwrap()[0].messages, kept as u64);
    assert_eq!(store.find(Direction::In, &id(&kept.to_string()), None).unwrap(), None);
    assert!(matches!(one(&store, large(0)), Outcome::Duplicate { .. }), "it goes on answering");
    drop(store);
    let store = SqliteStore::open(&path, SqliteConfig::default()).unwrap();
    new(&store, large(kept));
}
