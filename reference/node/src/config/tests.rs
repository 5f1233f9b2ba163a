//! What a wrong configuration is answered with, and that schema and reader agree.

use std::path::Path;

use rcgen::{CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, PKCS_RSA_SHA256};

use super::*;

const PMODE: &str = r#"format = 1
id = "one"
profile = "customs-c2c"
mep = "one-way-push"
agreement = "urn:test:agreement"
[initiator]
party = "PH"
party_type = "urn:test:type"
role = "urn:test:initiator"
[responder]
party = "TH"
party_type = "urn:test:type"
role = "urn:test:responder"
[[service]]
name = "urn:test:service"
actions = ["act"]
"#;

const KIT: &str = r#"format = 1
[self]
party = "PH"
[partner]
party = "TH"
party_type = "urn:test:type"
endpoints = ["https://localhost:1/as4"]
tls_anchors = "ca.pem"
tls_binding = "anchor"
signing_anchors = "ca.pem"
signing_binding = "anchored"
signing_subject = "CN=TH"
pmodes = ["pmode.toml"]
"#;

const NODE: &str = r#"format = 1
kits = ["kit.toml"]
[party]
id = "PH"
type = "urn:test:type"
[listen]
as4 = "127.0.0.1:0"
[tls]
chain = "leaf.pem"
key = "leaf.key"
[signing]
chain = "leaf.pem"
key = "leaf.key"
[store]
dir = "store"
[api]
listen = "127.0.0.1:0"
token_file = "token"
"#;

const DISCOVERY: &str = r#"[[discovery]]
smp = "http://localhost:1/smp"
smp_signing_anchors = "ca.pem"
tls_anchors = "ca.pem"
signing_anchors = "ca.pem"
pmodes = ["found.toml"]
"#;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "ca");
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
        let leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &*ca).unwrap();
        let (ca, leaf, key) = (ca.pem(), leaf.pem(), key.serialize_pem());
        let elliptic = KeyPair::generate().unwrap().serialize_pem();
        let files = [
            ("ca.pem", ca.as_str()),
            ("leaf.pem", &leaf),
            ("leaf.key", &key),
            ("other.key", &elliptic),
            ("token", "0123456789abcdef\n"),
            ("short", "tiny"),
            ("pmode.toml", PMODE),
            ("found.toml", &PMODE.replace("id = \"one\"", "id = \"two\"").replace("party = \"TH\"\n", "")),
            ("kit.toml", KIT),
            ("node.toml", NODE),
        ];
        for (name, text) in files {
            folder.write(name, text);
        }
        folder
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.path().join(name), text).unwrap();
    }

    fn read(&self) -> Result<Installed, ConfigError> {
        Installed::read(&self.0.path().join("node.toml"))
    }

    /// What is said of a configuration where one text stands for another, without the folder's name.
    fn refusal(&self, file: &str, old: &str, new: &str) -> String {
        let text = if file == "kit.toml" { KIT } else { NODE };
        assert!(text.contains(old), "{old:?} is not in {file}");
        self.write(file, &text.replacen(old, new, 1));
        let said = self.read().expect_err(new).to_string();
        self.write(file, text);
        said.replace(&format!("{}/", self.0.path().display()), "")
    }
}

#[test]
fn a_good_configuration_is_read() {
    let installed = Folder::new().read().unwrap();
    assert_eq!(installed.us.value(), "PH");
    assert_eq!(installed.partners.keys().collect::<Vec<_>>(), ["TH"]);
    assert_eq!(installed.pmodes.iter().count(), 1);
    assert_eq!(installed.path, "/as4");
    assert_eq!(installed.country, "PH");
}

#[test]
fn a_wrong_configuration_names_place_expectation_and_help() {
    let folder = Folder::new();
    let said = [
        ("node.toml", "dir = \"store\"", "dirr = \"store\""),
        ("node.toml", "format = 1", "format = 2"),
        ("node.toml", "format = 1\n", ""),
        ("node.toml", "[store]\ndir = \"store\"", ""),
        ("node.toml", "127.0.0.1:0", "localhost"),
        ("node.toml", "listen = \"127.0.0.1:0\"", "listen = \"0.0.0.0:0\""),
        ("node.toml", "key = \"leaf.key\"", "key = \"other.key\""),
        ("node.toml", "key = \"leaf.key\"", "key = \"missing.key\""),
        ("node.toml", "key = \"leaf.key\"", "pkcs12 = \"x\""),
        ("node.toml", "chain = \"leaf.pem\"", "chain = \"token\""),
        ("node.toml", "\"token\"", "\"short\""),
        ("node.toml", "\"kit.toml\"", "\"kit.toml\", \"kit.toml\""),
        ("node.toml", "\"kit.toml\"", "\"no.toml\""),
        ("node.toml", "id = \"PH\"", "id = \"PHL\""),
        ("node.toml", "[store]", "[limits]\nhandshake_timeout = \"soon\"\n[store]"),
        ("node.toml", "[store]", "[[store"),
        ("node.toml", "[store]", "[registry]\npacks = [\"nowhere\"]\n[store]"),
        ("node.toml", "[store]", "[log]\nfilter = \"a=b=c\"\n[store]"),
        ("kit.toml", "party = \"TH\"", "party = \"DE\""),
        ("node.toml", "[tls]", "[tls]\nsuites = [\"TLS_RSA_WITH_RC4_128_MD5\"]"),
        ("kit.toml", "tls_binding = \"anchor\"", "tls_binding = \"exact\""),
        ("kit.toml", "tls_binding = \"anchor\"", "tls_binding = \"loose\""),
        ("kit.toml", "signing_subject = \"CN=TH\"\n", ""),
        ("kit.toml", "https://", "http://"),
        ("kit.toml", "party = \"PH\"", "party = \"MY\""),
        ("kit.toml", "\"ca.pem\"", "\"token\""),
        ("kit.toml", "signing_subject = \"CN=TH\"", "signing_subject = \"TH\""),
    ]
    .map(|(file, old, new)| format!("## {old:?} -> {new:?}\n{}", folder.refusal(file, old, new)));
    insta::assert_snapshot!(said.join("\n\n"));
}

#[test]
fn a_publisher_is_configured_or_refused() {
    let folder = Folder::new();
    let with = |old: &str, new: &str| {
        assert!(DISCOVERY.contains(old), "{old}");
        folder.write("node.toml", &format!("{NODE}{}", DISCOVERY.replacen(old, new, 1)));
        folder.read()
    };
    let installed = with("smp", "smp").unwrap();
    assert_eq!((installed.discoveries.len(), installed.pmodes.iter().count()), (1, 2));
    let said = [
        ("http://localhost:1/smp", "localhost"),
        ("http://localhost:1/smp", "http://localhost:1/smp?a"),
        ("http://", "https://"),
        ("\"ca.pem\"", "\"token\""),
        ("found.toml", "pmode.toml"),
        ("pmodes", "cache = \"never\"\npmodes"),
        ("pmodes", "transport = \"x\"\npmodes"),
    ]
    .map(|(old, new)| {
        let said = with(old, new).expect_err(new).to_string();
        format!("## {old:?} -> {new:?}\n{}", said.replace(&format!("{}/", folder.0.path().display()), ""))
    });
    insta::assert_snapshot!(said.join("\n\n"));
    // A P-Mode that leaves a party open belongs in no kit.
    folder.write("node.toml", NODE);
    assert!(folder.refusal("kit.toml", "pmode.toml", "found.toml").contains("name both parties"));
}

#[test]
fn schema_and_reader_agree() {
    let folder = Folder::new();
    let schemas = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schemas");
    for (file, schema, text) in [("node.toml", "node-1.json", NODE), ("kit.toml", "kit-1.json", KIT)] {
        let schema: serde_json::Value = serde_json::from_slice(&std::fs::read(schemas.join(schema)).unwrap()).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let valid =
            |text: &str| validator.is_valid(&serde_json::to_value(text.parse::<toml::Table>().unwrap()).unwrap());
        assert!(valid(text), "{file}");
        for line in text.lines().filter(|line| line.contains(" = ")) {
            let misspelt = text.replacen(line, &format!("x{line}"), 1);
            assert!(!valid(&misspelt), "{file}: the schema takes x{line}");
            folder.write(file, &misspelt);
            assert!(folder.read().is_err(), "{file}: the reader takes x{line}");
            folder.write(file, text);
        }
    }
    let page = std::fs::read_to_string(schemas.join("../node.md")).unwrap();
    let shown = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let schema: serde_json::Value =
        serde_json::from_slice(&std::fs::read(schemas.join("node-1.json")).unwrap()).unwrap();
    let shown: toml::Table = shown.parse().unwrap();
    let shown = serde_json::to_value(&shown).unwrap();
    assert!(jsonschema::validator_for(&schema).unwrap().is_valid(&shown), "the page shows what the schema refuses");
    let known: Vec<String> = keys(&schema["properties"]);
    for table in known {
        assert!(shown.get(&table).is_some(), "docs/node.md does not show `{table}`");
        for key in keys(&schema["properties"][&table]["properties"]) {
            assert!(page.contains(&key), "docs/node.md does not name `{table}.{key}`");
        }
    }
}

#[test]
fn numbers_out_of_range_are_refused_by_schema_and_reader() {
    let folder = Folder::new();
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schemas/node-1.json");
    let schema: serde_json::Value = serde_json::from_slice(&std::fs::read(schema).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let whole = ["queue", "sends", "connections", "handshakes", "requests_per_connection", "parts", "body_rate"];
    let bytes = ["body_bytes", "envelope_bytes", "encrypted_bytes", "inflated_bytes"];
    let zero = whole.iter().chain(&bytes).map(|key| (*key, "0"));
    let many = whole.iter().map(|key| (*key, "9000000000000000000"));
    let others = [("header_bytes", "8191"), ("threads", "-1"), ("threads", "100000"), ("body_bytes", "-1")];
    for (key, number) in zero.chain(many).chain(others) {
        let table = if ["queue", "sends", "threads"].contains(&key) { "workers" } else { "limits" };
        let text = format!("{NODE}\n[{table}]\n{key} = {number}\n");
        let read: toml::Table = text.parse().unwrap();
        assert!(!validator.is_valid(&serde_json::to_value(read).unwrap()), "the schema takes {key} = {number}");
        folder.write("node.toml", &text);
        let said = folder.read().expect_err(key).to_string();
        assert!(said.contains("expected a whole number from"), "{key} = {number}: {said}");
    }
}

fn keys(value: &serde_json::Value) -> Vec<String> {
    value.as_object().map(|object| object.keys().cloned().collect()).unwrap_or_default()
}
