//! What a kit holds, against the schemas that its readers publish.

use super::*;
use carnet_catalogue::Span;

fn party(id: &str) -> Party {
    toml::from_str(&format!("id = {id:?}")).expect("a party")
}

pub(super) fn kit() -> Kit {
    Kit {
        own: party("TH"),
        own_name: "Node TH".to_owned(),
        partner: party("SUITE"),
        endpoints: vec!["https://localhost:9443/as4".to_owned()],
        tls_anchors: "anchors\n".to_owned(),
        tls_certificate: Some("certificate\n".to_owned()),
        signing_anchors: "anchors\n".to_owned(),
        signing_intermediates: Some("issuer\n".to_owned()),
        signing_certificate: Some("certificate\n".to_owned()),
        signing_subject: Some("CN=SUITE".to_owned()),
        encryption_certificate: None,
        rsa_encryption_certificate: None,
        further: Vec::new(),
        crls: vec![Crl { name: "root", der: vec![0x30, 0].into(), fault: None }],
        lists_at: None,
        binding: Binding { tls: TlsBinding::Exact, signer: SignerBinding::Anchored },
        agreement: (default_agreement("TH", "SUITE"), None),
        token: "x509-pkipath".to_owned(),
        compress: true,
        mpc: None,
        reception_awareness: ReceptionAwareness {
            retry_interval: Span(std::time::Duration::from_secs(5)),
            retry_count: 3,
            answer_timeout: Span(std::time::Duration::from_secs(10)),
        },
        services: vec![ServiceActions {
            name: "urn:carnet:service:declaration:1".to_owned(),
            kind: None,
            actions: vec!["declaration".to_owned(), "response".to_owned()],
        }],
        exchanges: Exchanges::default(),
        publisher: None,
        publisher_certificate: None,
    }
}

/// The published schema of a file, and the file as JSON, for the library that compares them.
fn agrees(schema: &str, toml_text: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let schema = std::fs::read_to_string(root.join("docs/schemas").join(schema)).expect("a published schema");
    let schema: serde_json::Value = serde_json::from_str(&schema).expect("json");
    let file: serde_json::Value = toml::from_str(toml_text).expect("toml");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let faults: Vec<String> =
        validator.iter_errors(&file).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(faults.is_empty(), "{faults:#?}\n{toml_text}");
}

#[test]
fn the_files_are_those_whose_schemas_are_published() {
    let dir = tempfile::tempdir().expect("a folder");
    let written = write(&kit(), dir.path()).expect("written");
    for name in &written.files {
        assert!(dir.path().join(name).is_file(), "{name} was named but not written");
    }
    let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).expect(name);
    agrees("kit-1.json", &read("kit.toml"));
    agrees("pmode-1.json", &read("pmodes/th-to-suite.toml"));
    agrees("pmode-1.json", &read("pmodes/suite-to-th.toml"));
}

/// The kit with a further agreement that encrypts.
fn encrypting() -> Kit {
    let text = "name = \"urn:test:encrypted\"\nprofile = \"edelivery-1.15-encrypted\"";
    let agreement: Agreement = toml::from_str(text).expect("an agreement");
    Kit {
        encryption_certificate: Some("certificate\n".to_owned()),
        further: vec![("encrypted".to_owned(), agreement)],
        ..kit()
    }
}

#[test]
fn a_further_agreement_has_p_modes_of_its_own() {
    let dir = tempfile::tempdir().expect("a folder");
    write(&encrypting(), dir.path()).expect("written");
    let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).expect(name);
    agrees("kit-1.json", &read("kit.toml"));
    assert!(read("kit.toml").contains("encryption_certificate = \"partner-encryption.pem\""));
    for name in ["pmodes/th-to-suite-encrypted.toml", "pmodes/suite-to-th-encrypted.toml"] {
        let pmode = read(name);
        agrees("pmode-1.json", &pmode);
        assert!(pmode.contains("profile = \"edelivery-1.15-encrypted\""), "{pmode}");
        assert!(pmode.contains("agreement = \"urn:test:encrypted\"") && !pmode.contains("accept_tokens"), "{pmode}");
    }
    let sheet = agreement::sheet(&encrypting());
    assert!(sheet.contains("| `urn:test:encrypted` | `edelivery-1.15-encrypted` | RSA-SHA256 |"), "{sheet}");
    assert!(!agreement::sheet(&kit()).contains("Further agreements"));
}

fn exchanges() -> Exchanges {
    let exchanges = toml::from_str::<toml::Table>(include_str!("../demo/exchanges.toml")).expect("toml");
    exchanges.get("exchange").cloned().expect("tables").try_into().expect("exchanges")
}

#[test]
fn what_is_pulled_has_a_pmode_of_the_agreement_that_encrypts_behind_the_plain_one() {
    let dir = tempfile::tempdir().expect("a folder");
    write(&Kit { exchanges: Exchanges { discovery: None, ..exchanges() }, ..encrypting() }, dir.path())
        .expect("written");
    let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).expect(name);
    for (plain, encrypted) in [
        ("pmodes/th-to-suite-pull.toml", "pmodes/th-to-suite-encrypted-pull.toml"),
        ("pmodes/suite-to-th-pull.toml", "pmodes/suite-to-th-encrypted-pull.toml"),
    ] {
        agrees("pmode-1.json", &read(encrypted));
        let [one, other] = [plain, encrypted].map(|name| toml::from_str::<toml::Table>(&read(name)).expect("toml"));
        assert_eq!([&one["mpc"], &one["service"], &one["mep"]], [&other["mpc"], &other["service"], &other["mep"]]);
        assert_eq!(other["agreement"].as_str(), Some("urn:test:encrypted"));
        let kit = read("kit.toml");
        assert!(kit.find(plain).expect("named") < kit.find(encrypted).expect("named"), "{kit}");
    }
}

#[test]
fn each_further_exchange_has_its_pmodes() {
    let exchanges = exchanges();
    let publisher_certificate = Some("certificate\n".to_owned());
    let kit = Kit { exchanges, publisher: Some("SUITE-SMP".to_owned()), publisher_certificate, ..kit() };
    let dir = tempfile::tempdir().expect("a folder");
    let written = write(&kit, dir.path()).expect("written");
    let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).expect(name);
    let mut ids = std::collections::BTreeSet::new();
    let pmodes: Vec<&String> = written.files.iter().filter(|name| name.starts_with("pmodes/")).collect();
    assert_eq!(pmodes.len(), 2 * 5 + 2, "{pmodes:?}");
    for name in pmodes {
        agrees("pmode-1.json", &read(name));
        let file: toml::Table = toml::from_str(&read(name)).expect("toml");
        assert!(ids.insert(file["id"].to_string()), "{name} has the id of another");
    }
    // What TH hands out waits in its own channel: the partner, which initiates, pulls it.
    let pulled: toml::Table = toml::from_str(&read("pmodes/suite-to-th-pull.toml")).expect("toml");
    assert_eq!(pulled["mpc"]["name"].as_str(), Some("urn:carnet:mpc:PARTY:SUITE"));
    let open: toml::Table = toml::from_str(&read("pmodes/anyone.toml")).expect("toml");
    assert!(open["initiator"].get("party").is_none());
    let table: toml::Table = toml::from_str(&read("dynamic.toml")).expect("toml");
    let table = &table["dynamic"][0];
    assert_eq!(table["signing_subject"].as_str(), Some("CN={party}"));
    let there = |name: &toml::Value| dir.path().join(name.as_str().expect("a name")).is_file();
    assert!([&table["tls_anchors"], &table["crls"][0], &table["pmodes"][0]].into_iter().all(there), "{table}");
    let open: toml::Table = toml::from_str(&read("pmodes/to-anyone.toml")).expect("toml");
    assert!(open["responder"].get("party").is_none() && open["initiator"]["party"].as_str() == Some("TH"));
    let table: toml::Table = toml::from_str(&read("discovery.toml")).expect("toml");
    let table = &table["discovery"][0];
    assert_eq!(table["smp_signing_subject"].as_str(), Some("SUITE-SMP"));
    let files = ["tls_anchors", "signing_anchors", "smp_signing_anchors", "signing_intermediates"];
    assert!(files.map(|name| &table[name]).into_iter().chain([&table["pmodes"][0]]).all(there), "{table}");
    assert_eq!(read("publisher-signing.pem"), "certificate\n");
    assert!(agreement::sheet(&kit).contains("common name `SUITE-SMP` (`publisher-signing.pem`)"));
}

#[test]
fn kit_toml_names_only_files_that_are_there() {
    let dir = tempfile::tempdir().expect("a folder");
    write(&kit(), dir.path()).expect("written");
    let text = std::fs::read_to_string(dir.path().join("kit.toml")).expect("kit.toml");
    let file: toml::Table = toml::from_str(&text).expect("toml");
    let partner = file.get("partner").and_then(toml::Value::as_table).expect("partner");
    let keys = ["tls_anchors", "tls_certificate", "signing_anchors", "signing_intermediates", "signing_certificate"];
    let mut named: Vec<&str> = keys.iter().filter_map(|key| partner.get(*key)?.as_str()).collect();
    for key in ["crls", "pmodes"] {
        named.extend(
            partner.get(key).and_then(toml::Value::as_array).expect(key).iter().filter_map(toml::Value::as_str),
        );
    }
    assert_eq!(named.len(), 8);
    for name in named {
        assert!(dir.path().join(name).is_file(), "{name}");
    }
}

#[test]
fn each_direction_has_its_initiator() {
    let kit = kit();
    let [out, back] = kit.legs().map(|leg| leg.to_toml().expect("toml").parse::<toml::Table>().expect("toml"));
    let party = |file: &toml::Table, side: &str| file[side]["party"].as_str().map(str::to_owned);
    assert_eq!(party(&out, "initiator").as_deref(), Some("TH"));
    assert_eq!(party(&out, "responder").as_deref(), Some("SUITE"));
    assert_eq!(party(&back, "initiator").as_deref(), Some("SUITE"));
    assert_eq!(out["agreement"], back["agreement"]);
}

#[test]
fn both_sides_arrive_at_the_same_agreement() {
    assert_eq!(default_agreement("PH", "TH"), default_agreement("TH", "PH"));
}

#[test]
fn the_sheet_reads_well() {
    insta::assert_snapshot!(agreement::sheet(&kit()));
}

#[test]
fn where_lists_are_published_the_certificates_and_the_sheet_say_so() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("subject.toml");
    let ics = "format = 1\nproduct = \"Node\"\nprofile = \"customs-c2c\"\nroles = [\"responder\"]\ncapabilities = []\n\
        [reception_awareness]\nretry_interval = \"5s\"\nretry_count = 3\n";
    std::fs::write(dir.path().join("ics.toml"), ics).expect("written");
    let kits = |lists: &str| {
        let text = format!(
            "format = 1\nname = \"Node TH\"\nurl = \"https://th.example/as4\"\n[party]\nid = \"TH\"\n[suite]\n\
             listen = \"0.0.0.0:9443\"\n[suite.lists]\n{lists}\n[suite.party]\nid = \"SUITE\"\n[agreement]\n\
             [trust]\ntls = []\nsigning = []\n"
        );
        std::fs::write(&path, text).expect("written");
        let file = SubjectFiles::read(&path).expect("a subject");
        with_suite(&file, &Packs::embedded().expect("packs"), UnixTime::now())
    };
    let named = "listen = \"0.0.0.0:8080\"\npublic_url = \"http://suite.example:8080\"";
    for _ in 0..2 {
        let kits = kits(named).expect("kits");
        let sheet = agreement::sheet(&kits[0].1);
        assert!(sheet.contains("`http://suite.example:8080/NAME.crl`") && sheet.contains("`issuing.crl`"), "{sheet}");
    }
    let authority = carnet_certs::Authority::load(&dir.path().join("suite-pki/authority")).expect("a CA");
    assert_eq!(authority.lists(), Some("http://suite.example:8080"));
    let moved = kits("listen = \"0.0.0.0:8080\"").expect_err("the CA names another address");
    let said = "certificates name http://suite.example:8080, expected http://localhost:8080";
    assert!(moved.to_string().contains(said), "{moved}");
}

#[test]
fn a_common_name_is_escaped_as_the_text_of_a_subject() {
    assert_eq!(subject_of("TH"), "CN=TH");
    assert_eq!(subject_of(" Customs, TH "), "CN=\\ Customs\\, TH\\ ");
}
