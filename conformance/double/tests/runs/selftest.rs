//! The double passes every case, and a few known-bad nodes are caught. `carnet selftest --full` runs all of them and
//! holds who catches whom against what the cases say.

use std::collections::BTreeMap;
use std::sync::Arc;

use carnet_double::selftest::{self, DOUBLE, Fault, Matrix, Options, SelftestError};
use carnet_double::{peer, peers};

fn run(only: &[&str]) -> Result<Matrix, SelftestError> {
    let catalogue = Arc::new(carnet_catalogue::load().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let only = only.iter().map(|&name| name.to_owned()).collect();
    // What does come may come late on a busy machine.
    let options = Options { only, patience: 2.0, ..Options::default() };
    selftest::run(&catalogue, dir.path(), &options, &mut |_| {})
}

#[test]
fn the_double_passes_every_case_and_known_bad_nodes_are_caught() {
    // The last two give nothing that a later step of some cases builds on: that is no error of the suite's own.
    let names = ["client-expired", "unsigned", "no-rules", "mrn-unknown", "null-403", "no-mrn", "message-unsigned"];
    let matrix = run(&names).unwrap();
    // Whether all the cases that say so catch a node is for `carnet selftest --full`, on a machine of its own.
    let whole = |fault: &&Fault| matches!(fault, Fault::Escapes(..));
    let faults: Vec<String> = matrix.faults.iter().filter(|fault| !whole(fault)).map(Fault::to_string).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let double = matrix.rows.iter().find(|row| row.name == DOUBLE).unwrap();
    assert!(double.deviations.is_empty() && double.cases.len() > 200, "{:?}", double.deviations);
    for row in matrix.rows.iter().filter(|row| row.name != DOUBLE && !row.null) {
        assert!(row.killers().count() > 0, "{} is caught by nobody", row.name);
    }
}

#[test]
fn a_mutant_that_does_not_exist_is_refused() {
    assert!(matches!(run(&["client-expird"]), Err(SelftestError::Unknown(name)) if name == "client-expird"));
}

#[test]
fn catalogue_and_table_name_the_same_null_nodes() {
    let catalogue = carnet_catalogue::load().unwrap();
    let named: Vec<_> = catalogue.mutants.iter().filter(|(_, mutant)| mutant.null.is_some()).collect();
    let table: BTreeMap<_, _> = peers().unwrap().iter().map(|peer| (peer.name.clone(), peer.title.clone())).collect();
    let mutants: BTreeMap<_, _> = named.iter().map(|(name, mutant)| ((*name).clone(), mutant.title.clone())).collect();
    assert_eq!(table, mutants, "peers.toml of the double and mutants/ of the catalogue differ");
    assert_eq!(table.len(), 10);
    assert!(peer("null-nothing").unwrap_err().to_string().contains("null-hang"));
}

#[test]
fn the_table_fits_its_schema_and_a_wrong_key_does_not() {
    let schema = serde_json::from_str(include_str!("../../../../docs/schemas/null-peers-1.json")).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let table: toml::Value = toml::from_str(carnet_double::TABLE).unwrap();
    let mut table = serde_json::to_value(table).unwrap();
    assert!(schema.is_valid(&table));
    table["peer"][0]["dor"] = "refuse".into();
    assert!(!schema.is_valid(&table));
}
