//! Opening a folder: one process, this program's, swept of what nobody names.

use std::{fs, io::Read, path::Path};

use carnet_exchange::*;
use carnet_store::{Config, OpenError, Opened, check, open};

use crate::support::*;

fn opened(dir: &Path) -> Opened {
    open(dir, Config::default()).unwrap()
}

fn spooled(spool: &dyn Spool, ticket: u128, octets: &[u8]) -> Part {
    let mut writer = spool.part(Ticket(ticket), 0).unwrap();
    writer.write(octets).unwrap();
    let held = writer.finish().unwrap();
    Part { held, ..inline("part@carnet.example", b"") }
}

#[test]
fn files_of_committed_messages_stay_and_orphans_go() {
    let dir = tempfile::tempdir().unwrap();
    let folder = opened(dir.path());
    let octets = vec![7; 200_000];
    let mut kept = message("kept");
    kept.parts = vec![spooled(&*folder.spool, 1, &octets)];
    let orphan = spooled(&*folder.spool, 2, &octets);
    let key = new(&*folder.store, Unit::Receive { message: kept, receipt: "r".into(), handed_on: None });
    fs::write(dir.path().join("payloads").join("half-written"), "x").unwrap();
    assert_eq!(fs::read_dir(dir.path().join("payloads")).unwrap().count(), 3);
    drop(folder);

    let folder = opened(dir.path());
    assert_eq!(folder.swept, 2);
    let part = folder.store.parts(key).unwrap().remove(0);
    let mut read = Vec::new();
    folder.spool.read(&part.held).unwrap().read_to_end(&mut read).unwrap();
    assert_eq!(read, octets);
    assert!(matches!(folder.spool.read(&orphan.held), Err(SpoolError::Missing { .. })));
}

#[test]
fn two_messages_never_share_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let folder = opened(dir.path());
    let part = spooled(&*folder.spool, 1, &vec![7; 200_000]);
    let mut first = message("first");
    first.parts = vec![part.clone()];
    new(&*folder.store, Unit::Receive { message: first, receipt: "r".into(), handed_on: None });
    let mut second = message("second");
    second.parts = vec![part];
    let unit = Unit::Receive { message: second, receipt: "r".into(), handed_on: None };
    let pending = [receive("before"), unit, receive("after")].map(|unit| folder.store.begin(vec![unit]));
    let [before, second, after] = pending.map(Pending::wait);
    assert!(matches!(second, Err(StoreError::Engine(_))));
    assert!(before.is_ok() && after.is_ok(), "neighbours in the same commit are kept");
    assert_eq!(folder.store.counts().unwrap()[0].messages, 3);
}

#[test]
fn a_folder_belongs_to_one_process() {
    let dir = tempfile::tempdir().unwrap();
    let folder = opened(dir.path());
    assert!(matches!(open(dir.path(), Config::default()), Err(OpenError::InUse { .. })));
    drop(folder);
    // A child that another test of this process starts holds what is open here until it runs its own program.
    let again = (0..200).find_map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(10));
        open(dir.path(), Config::default()).ok()
    });
    assert!(again.is_some());
}

#[test]
fn a_folder_that_cannot_be_made_says_which() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "x").unwrap();
    let Err(error) = open(&file, Config::default()) else { panic!("opened a file as a folder") };
    assert!(matches!(error, OpenError::Folder { .. }));
    assert!(error.to_string().contains("help:"));
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("carnet.sqlite"), vec![b'x'; 8192]).unwrap();
    assert!(matches!(check(dir.path()), Err(OpenError::Store { source: StoreError::Engine(_), .. })));
    assert!(matches!(open(dir.path(), Config::default()), Err(OpenError::Store { source: StoreError::Engine(_), .. })));
}

#[test]
fn a_look_finds_what_opening_would_and_leaves_everything_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    check(&at("deep/store")).unwrap();
    assert!(!at("deep").exists(), "nothing is made");

    let folder = opened(&at("ours ?#%41"));
    check(&at("ours ?#%41")).unwrap();
    drop(folder);
    check(&at("ours ?#%41")).unwrap();

    fs::write(at("file"), "x").unwrap();
    for below in ["file", "file/store"] {
        let error = check(&at(below)).unwrap_err();
        assert!(matches!(error, OpenError::Folder { .. }), "{error:?}");
        assert!(open(&at(below), Config::default()).is_err());
    }

    drop(opened(&at("newer")));
    fs::create_dir(at("theirs")).unwrap();
    for (name, script) in [("newer", "PRAGMA user_version = 99"), ("theirs", "CREATE TABLE theirs (x)")] {
        let database = at(name).join("carnet.sqlite");
        rusqlite::Connection::open(&database).unwrap().execute_batch(script).unwrap();
        let before = fs::read(&database).unwrap();
        let (looked, opened) = (check(&at(name)).unwrap_err(), open(&at(name), Config::default()).err().unwrap());
        assert_eq!(format!("{looked:?}"), format!("{opened:?}"));
        assert_eq!(fs::read(&database).unwrap(), before);
    }
}
