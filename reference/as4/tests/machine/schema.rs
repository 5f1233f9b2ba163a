//! The published schemas against the files: what ships is accepted by both, and what the reader refuses for its shape the
//! schema refuses too.

use carnet_as4::pmode::{Open, PMode, Profile};
use jsonschema::Validator;
use serde_json::Value;

const EXAMPLE: &str = include_str!("../../examples/customs-c2c.toml");

macro_rules! profiles {
    ($($id:literal),+) => { &[$(($id, include_str!(concat!("../../profiles/", $id, ".toml")))),+] };
}

const PROFILES: &[(&str, &str)] = profiles!(
    "customs-c2c",
    "ics2-trader",
    "edelivery-1.15",
    "edelivery-1.15-encrypted",
    "edelivery-2.0",
    "four-corner"
);

fn schema(text: &str) -> Validator {
    let schema: Value = serde_json::from_str(text).expect("a schema is JSON");
    jsonschema::meta::validate(&schema).expect("a schema is a schema");
    jsonschema::validator_for(&schema).expect("a schema compiles")
}

fn pmode_schema() -> Validator {
    schema(include_str!("../../../../docs/schemas/pmode-1.json"))
}

fn json(text: &str) -> Value {
    let value: toml::Value = toml::from_str(text).expect("TOML");
    serde_json::to_value(value).expect("JSON")
}

#[test]
fn files_that_ship_are_accepted() {
    let schema = pmode_schema();
    for text in [EXAMPLE, include_str!("ics2.toml"), documented()] {
        assert!(schema.is_valid(&json(text)), "{:?}", schema.validate(&json(text)));
        assert!(PMode::read("a.toml", text).is_ok());
    }
    let profiles = self::schema(include_str!("../../../../docs/schemas/profile-1.json"));
    assert!(Profile::names().eq(PROFILES.iter().map(|(id, _)| *id)));
    for (id, text) in PROFILES {
        let profile = json(text);
        assert!(profiles.is_valid(&profile), "{id}: {:?}", profiles.validate(&profile));
        assert_eq!(profile["id"], *id);
        let text = EXAMPLE.replacen("\"customs-c2c\"", &format!("\"{id}\""), 1);
        assert!(schema.is_valid(&json(&text)), "the schema of P-Modes does not know {id}");
    }
    let profile = json(include_str!("../../profiles/customs-c2c.toml"));
    let mut wrong = profile;
    wrong["security"]["encrypt"] = Value::Bool(false);
    assert!(!profiles.is_valid(&wrong));
}

/// The file that `docs/pmode.md` shows.
fn documented() -> &'static str {
    let page = include_str!("../../../../docs/pmode.md");
    let start = page.find("```toml\n").expect("an example") + "```toml\n".len();
    &page[start..start + page[start..].find("```").expect("its end")]
}

#[test]
fn what_the_schema_refuses_the_reader_refuses_too() {
    let schema = pmode_schema();
    for (from, to) in [
        ("format = 1", "format = 2"),
        ("format = 1", "formats = 1"),
        ("profile = \"customs-c2c\"", "profile = \"other\""),
        ("mep = \"one-way-push\"", "mep = \"two-way\""),
        ("[responder]", "[responders]"),
        ("role = ", "rolle = "),
        ("name = \"urn:carnet:service:declaration:1\"", ""),
        ("[\"declaration\", \"amendment\", \"cancellation\"]", "[]"),
        ("[\"declaration\", \"amendment\", \"cancellation\"]", "[\"a\", \"a\"]"),
        ("token = \"x509-pkipath\"", "token = \"pkcs7\""),
        ("compress = true", "compress = \"yes\""),
        ("max_bytes = 1073741824", "max_bytes = 0"),
        ("retry_interval = \"5s\"", "retry_interval = \"0s\""),
        ("retry_count = 3", "retry_count = -1"),
        ("[mpc]", "[mpcs]"),
    ] {
        let text = EXAMPLE.replacen(from, to, 1);
        assert_ne!(text, EXAMPLE, "{from}");
        assert!(!schema.is_valid(&json(&text)), "the schema takes {to}");
        assert!(PMode::read("a.toml", &text).is_err(), "the reader takes {to}");
    }
}

#[test]
fn one_party_may_be_left_open_where_one_message_is_pushed() {
    let schema = pmode_schema();
    let (ph, th) = ("party = \"PH\"\n", "party = \"TH\"\n");
    let pull = ("\"one-way-push\"", "\"one-way-pull\"");
    for (left_out, (from, to), open) in [
        (vec![ph], ("", ""), Some(Some(Open::Initiator))),
        (vec![th], ("", ""), Some(Some(Open::Responder))),
        (vec![ph, th], ("", ""), None),
        (vec![ph], pull, None),
        (vec![th], pull, None),
    ] {
        let text = left_out.iter().fold(EXAMPLE.replacen(from, to, 1), |text, party| text.replacen(party, "", 1));
        let text = text.replace("defaultMPC", "aChannel");
        let read = PMode::read("a.toml", &text);
        assert_eq!(schema.is_valid(&json(&text)), read.is_ok(), "{read:?}\n{text}");
        assert_eq!(read.ok().map(|pmode| pmode.open), open, "{text}");
    }
}

#[test]
fn every_requirement_a_peer_is_told_is_in_the_catalogue() {
    let source = include_str!("../../src/inbound/refusal.rs");
    let told: Vec<&str> = source.split('"').filter(|text| is_requirement(text)).collect();
    assert!(told.len() > 25, "{told:?}");
    let catalogue = [
        include_str!("../../../../conformance/catalogue/requirements/as4.toml"),
        include_str!("../../../../conformance/catalogue/requirements/ebms.toml"),
        include_str!("../../../../conformance/catalogue/requirements/edel.toml"),
        include_str!("../../../../conformance/catalogue/requirements/carnet.toml"),
    ];
    for id in told {
        assert!(catalogue.iter().any(|rows| rows.contains(&format!("id = \"{id}\""))), "{id}");
    }
}

fn is_requirement(text: &str) -> bool {
    let set = ["AS4-", "EBMS-", "EDEL-", "CARNET-"].iter().any(|set| text.starts_with(set));
    set && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-')
}
