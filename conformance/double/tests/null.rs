//! The whole suite against each null node: none conforms, none hangs the run, no refusal passes on "403 to
//! everything", no positive case on "200 to everything", and each case that names a null node as killed catches it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use carnet_certs::UnixTime;
use carnet_double::{Serving, Stage, peer, peers};
use carnet_harness::{ExitCode, Run, RunOptions, Setup, Verdict};

/// The longest that a run against a node that never answers may take.
const LONGEST: Duration = Duration::from_secs(240);

/// One set of keys for all tests.
fn stage() -> &'static (tempfile::TempDir, Stage) {
    static STAGE: OnceLock<(tempfile::TempDir, Stage)> = OnceLock::new();
    STAGE.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let stage = Stage::new(dir.path(), UnixTime::now()).unwrap();
        (dir, stage)
    })
}

/// Runs every case against a null node.
fn run(name: &str) -> Run {
    let stage = &stage().1;
    let serving = Serving::start(peer(name).unwrap(), stage.identities().clone(), "127.0.0.1:0").unwrap();
    let subject = stage.subject(name, serving.address()).unwrap();
    let setup = Arc::new(Setup::load(&subject).unwrap());
    let catalogue = Arc::new(carnet_catalogue::load().unwrap());
    let evidence = tempfile::tempdir().unwrap();
    let mut options = RunOptions::new(setup, catalogue, evidence.path().join("run"));
    options.repeat = 1;
    options.jobs = 16;
    // Waiting for what never comes is what takes time; what does come may come late on a busy machine.
    options.patience = if matches!(name, "null-hang" | "null-drip") { 1.0 } else { 4.0 };
    let began = Instant::now();
    let run = carnet_harness::run(&options, &mut |_| {}).unwrap();
    assert!(began.elapsed() < LONGEST, "{name} held the run for {:?}", began.elapsed());
    run
}

fn passed(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Pass)
}

/// Verdicts by case, the worst of its cells.
fn verdicts(run: &Run) -> BTreeMap<String, Vec<Verdict>> {
    let mut found = BTreeMap::<String, Vec<Verdict>>::new();
    for cell in &run.cells {
        found.entry(cell.case.as_str().to_owned()).or_default().push(cell.verdict);
    }
    found
}

/// What must hold of any run against a null node.
fn judge(name: &str) -> Run {
    let run = run(name);
    let catalogue = carnet_catalogue::load().unwrap();
    assert_ne!(run.exit, ExitCode::Conforms, "{name} conforms");
    assert_ne!(run.verdict, Verdict::Pass, "{name} passes");
    let mut wrong = Vec::new();
    for (id, verdicts) in verdicts(&run) {
        let case = catalogue.cases.iter().find(|(found, _)| found.as_str() == id).unwrap().1;
        let judged: Vec<_> = verdicts.iter().filter(|verdict| verdict.attempted()).collect();
        if case.kills.iter().any(|kill| kill == name) && judged.iter().any(|verdict| passed(**verdict)) {
            wrong.push(format!("{id} names {name} as killed and passes: {verdicts:?}"));
        }
        if verdicts.contains(&Verdict::Error) {
            let reasons: Vec<_> =
                run.cells.iter().filter(|cell| cell.case.as_str() == id).map(|cell| &cell.reason).collect();
            wrong.push(format!("{id} is our own error against {name}: {reasons:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    run
}

#[test]
fn refuses() {
    let run = judge("null-refuse");
    assert_eq!(run.exit, ExitCode::Undecided);
    assert!(run.cells.iter().all(|cell| !passed(cell.verdict)));
}

#[test]
fn hangs() {
    let run = judge("null-hang");
    assert!(run.cells.iter().all(|cell| !passed(cell.verdict)));
}

#[test]
fn closes() {
    judge("null-close");
}

#[test]
fn says_200_to_everything() {
    let run = judge("null-200");
    let catalogue = carnet_catalogue::load().unwrap();
    for cell in &run.cells {
        let case = &catalogue.cases[&cell.case];
        // A handshake is sound whatever comes after it.
        let handshake = case.step.iter().all(|step| step.send.is_none());
        assert!(case.is_negative() || handshake || !passed(cell.verdict), "{} passes on 200 to everything", cell.case);
    }
}

#[test]
fn says_403_to_everything() {
    let run = judge("null-403");
    let catalogue = carnet_catalogue::load().unwrap();
    let mut refusals = 0;
    for cell in run.cells.iter().filter(|cell| catalogue.cases[&cell.case].control.is_some()) {
        refusals += 1;
        assert!(!passed(cell.verdict), "{} passes on 403 to everything", cell.case);
    }
    assert!(refusals > 50, "{refusals} refusals were looked at");
}

#[test]
fn says_500_to_everything() {
    judge("null-500");
}

#[test]
fn echoes() {
    judge("null-echo");
}

#[test]
fn drips() {
    judge("null-drip");
}

#[test]
fn always_sends_a_receipt() {
    let run = judge("null-always-receipt");
    assert_eq!(run.exit, ExitCode::Fails);
}

#[test]
fn takes_any_certificate() {
    let run = judge("null-any-certificate");
    assert_eq!(run.exit, ExitCode::Fails);
    let catalogue = carnet_catalogue::load().unwrap();
    let controls: Vec<_> = run.cells.iter().filter(|cell| cell.case.as_str() == "tls.certificate.accepted").collect();
    assert!(controls.iter().all(|cell| passed(cell.verdict)), "its control fails, so it kills nothing: {controls:?}");
    let mut caught = 0;
    for cell in &run.cells {
        let case = &catalogue.cases[&cell.case];
        if case.kills.iter().any(|kill| kill == "null-any-certificate") && cell.verdict.attempted() {
            assert!(
                matches!(cell.verdict, Verdict::Fail | Verdict::Warn),
                "{} is {:?}, and should catch it: {:?}",
                cell.case,
                cell.verdict,
                cell.reason
            );
            caught += 1;
        }
    }
    assert!(caught > 40, "{caught} cells caught it");
}

#[test]
fn catalogue_and_table_name_the_same_null_nodes() {
    let catalogue = carnet_catalogue::load().unwrap();
    let named: Vec<_> = catalogue.mutants.iter().filter(|(_, mutant)| mutant.null.is_some()).collect();
    let table: BTreeMap<_, _> = peers().unwrap().iter().map(|peer| (peer.name.clone(), peer.title.clone())).collect();
    let mutants: BTreeMap<_, _> = named.iter().map(|(name, mutant)| ((*name).clone(), mutant.title.clone())).collect();
    assert_eq!(table, mutants, "peers.toml of the double and mutants/ of the catalogue differ");
    assert!(peer("null-nothing").unwrap_err().to_string().contains("null-hang"));
}

#[test]
fn the_table_fits_its_schema_and_a_wrong_key_does_not() {
    let schema = serde_json::from_str(include_str!("../../../docs/schemas/null-peers-1.json")).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let table: toml::Value = toml::from_str(carnet_double::TABLE).unwrap();
    let mut table = serde_json::to_value(table).unwrap();
    assert!(schema.is_valid(&table));
    table["peer"][0]["dor"] = "refuse".into();
    assert!(!schema.is_valid(&table));
}
