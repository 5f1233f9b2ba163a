//! Each named check ships one recorded folder where it passes and one where it fails; none lacks either.
//!
//! `examples/record.rs` records them again. Judging is the same code as for any run.

use std::path::{Path, PathBuf};

use carnet_harness::evidence::Evidence;
use carnet_harness::judge::{Judge, checks};
use carnet_harness::{Run, judge};

/// What was recorded for a check, where it passes or where it fails.
pub(crate) fn folder(check: &str, which: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/evidence").join(check).join(which)
}

fn findings<'r>(run: &'r Run, check: &'r str) -> impl Iterator<Item = &'r str> {
    run.cells.iter().flat_map(|cell| &cell.findings).filter(move |f| f.check == check).map(|f| f.actual.as_str())
}

#[test]
fn no_check_lacks_its_evidence() {
    let lacking: Vec<String> = checks::all()
        .flat_map(|check| ["pass", "fail"].map(|which| (check.name, which)))
        .filter(|(check, which)| !folder(check, which).join("events.jsonl").is_file())
        .map(|(check, which)| format!("{check}/{which}"))
        .collect();
    assert!(lacking.is_empty(), "record these with examples/record.rs: {lacking:?}");
}

#[test]
fn each_check_passes_and_fails_on_its_evidence() {
    for check in checks::all() {
        let run = judge(&folder(check.name, "pass")).unwrap_or_else(|error| panic!("{}: {error}", check.name));
        assert!(run.cells.iter().any(|cell| cell.checks.iter().any(|name| name == check.name)), "{}", check.name);
        assert_eq!(findings(&run, check.name).count(), 0, "{}: {:#?}", check.name, run.cells);
        let run = judge(&folder(check.name, "fail")).unwrap_or_else(|error| panic!("{}: {error}", check.name));
        assert!(findings(&run, check.name).count() > 0, "{}: {:#?}", check.name, run.cells);
    }
}

#[test]
fn a_check_that_is_forced_to_pass_finds_nothing_and_the_others_find_what_they_did() {
    for check in checks::all() {
        let evidence = Evidence::open(&folder(check.name, "fail")).unwrap();
        let judged = Judge::new(&evidence, None).unwrap().all(&evidence);
        let forced = Judge::new(&evidence, None).unwrap().forcing(check.name).all(&evidence);
        assert_eq!(findings(&forced, check.name).count(), 0, "{}", check.name);
        let others = |run: &Run| run.cells.iter().flat_map(|c| &c.findings).filter(|f| f.check != check.name).count();
        assert_eq!(others(&forced), others(&judged), "{}", check.name);
    }
}

#[test]
fn judging_again_gives_the_same_bytes() {
    for check in checks::all() {
        let dir = folder(check.name, "fail");
        assert_eq!(judge(&dir).unwrap().to_json(), judge(&dir).unwrap().to_json(), "{}", check.name);
    }
}
