//! The published schema accepts the shipped table and refuses what the reader refuses.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::{Value, json};

fn valid(table: &Value) -> bool {
    let schema: Value = serde_json::from_str(include_str!("../../docs/schemas/zoo-1.json")).unwrap();
    jsonschema::validator_for(&schema).unwrap().is_valid(table)
}

#[test]
fn the_shipped_table_fits_its_schema_and_a_wrong_key_does_not() {
    let table: toml::Value = toml::from_str(carnet_certs::zoo::TABLE).unwrap();
    let table = serde_json::to_value(table).unwrap();
    assert!(valid(&table));
    for (pointer, key, value) in [
        ("", "formats", json!(1)),
        ("/kind/0", "slugg", json!("x")),
        ("/kind/0", "expect", json!("perhaps")),
        ("/kind/0", "leaf", json!([{ "op": "validity", "from": 1 }])),
        ("/kind/0", "leaf", json!([{ "op": "no-such-edit" }])),
    ] {
        let mut wrong = table.clone();
        wrong.pointer_mut(pointer).unwrap()[key] = value.clone();
        assert!(!valid(&wrong), "{pointer} {key} {value}");
    }
}
