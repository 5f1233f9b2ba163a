//! Tests of the spool.

use std::{
    fs,
    io::{self, Read},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use aws_lc_rs::digest::{SHA256, digest};
use carnet_exchange::{Digest, Held, PartWriter, Place, Spool, SpoolError, Ticket};
use proptest::prelude::*;
use tempfile::TempDir;

use super::{DiskSpool, SpoolConfig};

fn spool(config: SpoolConfig) -> (TempDir, DiskSpool) {
    let dir = tempfile::tempdir().unwrap();
    let spool = DiskSpool::open(dir.path(), config).unwrap();
    (dir, spool)
}

fn small() -> SpoolConfig {
    SpoolConfig { memory: 100, budget: 250, reserve: 0, ..SpoolConfig::default() }
}

fn files(dir: &TempDir) -> usize {
    fs::read_dir(dir.path()).unwrap().count()
}

fn take(spool: &DiskSpool, ticket: u128, octets: &[u8]) -> Held {
    let mut writer = spool.part(Ticket(ticket), 0).unwrap();
    octets.chunks(33).for_each(|chunk| writer.write(chunk).unwrap());
    writer.finish().unwrap()
}

fn read(spool: &DiskSpool, held: &Held) -> io::Result<Vec<u8>> {
    let mut octets = Vec::new();
    spool.read(held).map_err(io::Error::other)?.read_to_end(&mut octets)?;
    Ok(octets)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_goes_in_comes_out(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..12)) {
        let (dir, spool) = spool(small());
        let octets = chunks.concat();
        let mut writer = spool.part(Ticket(1), 0).unwrap();
        for chunk in &chunks {
            let blocks = writer.blocks(chunk.len());
            writer.write(chunk).unwrap();
            prop_assert_eq!(blocks, writer.finish_blocks());
        }
        let held = writer.finish().unwrap();
        prop_assert_eq!(held.length, octets.len() as u64);
        let expected = digest(&SHA256, &octets);
        prop_assert_eq!(held.sha256.as_ref(), expected.as_ref());
        prop_assert_eq!(matches!(held.place, Place::File(_)), octets.len() > 100);
        prop_assert_eq!(files(&dir), usize::from(octets.len() > 100));
        prop_assert_eq!(read(&spool, &held).unwrap(), octets);
        spool.discard(&held);
        prop_assert_eq!(files(&dir), 0);
    }
}

#[test]
fn a_file_is_named_by_message_and_part() {
    let (_dir, spool) = spool(small());
    let mut writer = spool.part(Ticket(0xab), 3).unwrap();
    writer.write(&[0; 101]).unwrap();
    let name = "000000000000000000000000000000ab.3".to_owned();
    assert_eq!(writer.finish().unwrap().place, Place::File(name));
}

#[test]
fn a_part_dropped_unfinished_leaves_no_file() {
    let (dir, spool) = spool(small());
    let mut writer = spool.part(Ticket(1), 0).unwrap();
    writer.write(&[0; 1000]).unwrap();
    assert_eq!(files(&dir), 1);
    drop(writer);
    assert_eq!(files(&dir), 0);
}

#[test]
fn parts_go_to_files_when_memory_is_spent_and_back_when_it_is_free() {
    let (_dir, spool) = spool(small());
    let held: Vec<_> = (0..4).map(|ticket| take(&spool, ticket, &[1; 80])).collect();
    let in_file = |held: &Held| matches!(held.place, Place::File(_));
    assert_eq!(held.iter().map(in_file).collect::<Vec<_>>(), [false, false, false, true]);
    drop(held);
    assert!(!in_file(&take(&spool, 9, &[1; 80])));
}

#[test]
fn an_altered_file_is_not_read_to_its_end() {
    let (dir, spool) = spool(small());
    let held = take(&spool, 1, &[5; 500]);
    let path = fs::read_dir(dir.path()).unwrap().next().unwrap().unwrap().path();
    let mut octets = fs::read(&path).unwrap();
    octets[250] ^= 1;
    fs::write(&path, octets).unwrap();
    let error = read(&spool, &held).unwrap_err();
    let inner = error.into_inner().unwrap().downcast::<SpoolError>().unwrap();
    assert!(matches!(*inner, SpoolError::Altered { .. }));
}

#[test]
fn a_name_never_leads_out_of_the_folder() {
    let (dir, spool) = spool(small());
    fs::write(dir.path().join("ff.txt"), "x").unwrap();
    for name in ["../secret", "/etc/passwd", "..", ".", "", "ff.txt", "a/b"] {
        let place = Place::File(name.to_owned());
        let held = Held { length: 1, sha256: Digest([0; 32]), place };
        assert!(matches!(spool.read(&held), Err(SpoolError::Missing { .. })), "{name}");
        spool.discard(&held);
    }
    assert_eq!(files(&dir), 1);
}

#[test]
fn the_reserve_is_kept_while_a_part_grows() {
    let free = Arc::new(AtomicU64::new(1 << 30));
    let seen = Arc::clone(&free);
    let config = SpoolConfig { reserve: 1 << 20, free: Box::new(move |_| Ok(seen.load(Ordering::SeqCst))), ..small() };
    let (dir, spool) = spool(config);
    let mut writer = spool.part(Ticket(1), 0).unwrap();
    let chunk = vec![0; 1 << 20];
    writer.write(&chunk).unwrap();
    free.store(1000, Ordering::SeqCst);
    let error = (0..20).find_map(|_| writer.write(&chunk).err()).unwrap();
    assert!(matches!(error, SpoolError::Full { free: 1000, needed: 1_048_576 }), "{error:?}");
    drop(writer);
    assert_eq!(files(&dir), 0);
    let mut next = spool.part(Ticket(2), 0).unwrap();
    next.write(&[0; 100]).unwrap();
    assert!(matches!(next.write(&[0; 1]), Err(SpoolError::Full { .. })));
}

#[test]
fn what_is_announced_has_to_fit_beside_the_reserve() {
    let config = SpoolConfig { reserve: 1000, free: Box::new(|_| Ok(5000)), ..small() };
    let (_dir, spool) = spool(config);
    assert!(spool.room(4000).is_ok());
    assert!(matches!(spool.room(4001), Err(SpoolError::Full { free: 5000, needed: 5001 })));
    assert!(spool.room(u64::MAX).is_err());
}

#[test]
fn a_disk_that_refuses_is_full_not_broken() {
    let (_dir, spool) = spool(small());
    let refused = fs::write("/dev/full", "x").unwrap_err();
    assert!(matches!(spool.0.refused(refused), SpoolError::Full { free: 0, .. }));
}

/// `ci/disk-full` mounts a small disk and names it; without one there is nothing to fill.
#[test]
fn a_small_disk_fills_up_and_empties_again() {
    let Some(disk) = std::env::var_os("CARNET_SMALL_DISK") else { return };
    let dir = tempfile::tempdir_in(disk).unwrap();
    let spool = DiskSpool::open(dir.path(), small()).unwrap();
    for round in 0..3 {
        let mut writer: Box<dyn PartWriter> = spool.part(Ticket(round), 0).unwrap();
        let error = (0..100).find_map(|_| writer.write(&[1; 100_000]).err()).unwrap();
        assert!(matches!(error, SpoolError::Full { .. }), "{error:?}");
        drop(writer);
        assert_eq!(files(&dir), 0);
    }
    take(&spool, 9, &[1; 100_000]);
}
