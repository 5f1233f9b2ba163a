//! The shipped data loads, fits its schemas, and what is wrong is named with its place.

use super::*;
use crate::matrix::Cell;

mod refused;

const SCHEMAS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/schemas");

fn schema(name: &str) -> jsonschema::Validator {
    let text = std::fs::read_to_string(format!("{SCHEMAS}/{name}-1.json")).unwrap();
    jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap()
}

fn json(toml: &str) -> serde_json::Value {
    serde_json::to_value(toml::from_str::<toml::Table>(toml).unwrap()).unwrap()
}

fn schema_of(path: &str) -> Option<&'static str> {
    match path.split('/').next() {
        Some("cases") => Some("case"),
        Some("requirements") => Some("requirement"),
        Some("mutants") => Some("mutant"),
        _ => None,
    }
}

const SUBJECT: &str = r#"format = 1
name = "Subject"
url = "https://localhost:1/as4"
[party]
id = "TH"
[suite.party]
id = "SUITE"
[suite.lists]
listen = "0.0.0.0:8080"
public_url = "http://lists.example"
[agreement]
[trust]
tls = []
signing = []
[hooks.delivered.http]
url = "http://127.0.0.1:1/"
"#;

const ICS: &str = r#"format = 1
product = "Node"
profile = "customs-c2c"
roles = ["responder"]
capabilities = ["as4.push"]
[reception_awareness]
retry_interval = "5s"
retry_count = 3
"#;

const BASELINE: &str = r#"format = 1
[[accept]]
case = "as4.push.accepted"
verdict = "FAIL"
signature = "0123456789abcdef"
reason = "known"
owner = "operations"
expires = "2027-01-01"
"#;

#[test]
fn the_embedded_catalogue_loads() {
    let catalogue = load().unwrap_or_else(|error| panic!("{error}"));
    assert!(catalogue.cases.len() >= 80, "{} cases", catalogue.cases.len());
    let of = |layer: &str| catalogue.cases.keys().filter(|id| id.layer() == layer).count();
    assert!(of("tls") >= 20 && of("as4") >= 35 && of("process") >= 5, "{} {} {}", of("tls"), of("as4"), of("process"));
}

#[test]
fn every_shipped_file_fits_its_schema_and_no_wrong_key_does() {
    for (path, text) in Files::embedded().toml() {
        let Some(name) = schema_of(path) else { continue };
        let schema = schema(name);
        let mut value = json(text.unwrap());
        let errors: Vec<String> = schema.iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{path}: {errors:?}");
        value["no_such_key"] = true.into();
        assert!(!schema.is_valid(&value), "{path}: a wrong key is accepted");
    }
}

#[test]
fn configuration_files_fit_their_schemas_and_no_wrong_key_does() {
    for (name, text) in [("subject", SUBJECT), ("ics", ICS), ("baseline", BASELINE)] {
        let schema = schema(name);
        let mut value = json(text);
        assert!(schema.is_valid(&value), "{name}");
        value["no_such_key"] = true.into();
        assert!(!schema.is_valid(&value), "{name}: a wrong key is accepted");
    }
    read::read::<Subject>("subject.toml", SUBJECT).unwrap();
    read::read::<Ics>("ics.toml", ICS).unwrap();
    read::read::<baseline::Baseline>("baseline.toml", BASELINE).unwrap();
}

#[test]
fn a_wrong_key_is_named_with_file_line_and_the_nearest_known_one() {
    let problem = read::read::<Ics>("ics.toml", &ICS.replace("profile", "profil")).unwrap_err();
    assert_eq!((problem.file.as_str(), problem.line), ("ics.toml", 3));
    assert_eq!(problem.help.as_deref(), Some("did you mean `profile`?"));
    let problem = read::read::<Ics>("ics.toml", &ICS.replace("format = 1", "format = 2")).unwrap_err();
    assert_eq!(
        problem.to_string(),
        "ics.toml:1:1: got format 2, expected 1\nhelp: write `format = 1`; CHANGELOG.md says what changed between formats"
    );
}

const CASE: &str = r#"format = 1
title = "t"
verifies = ["AS4-PUSH-01"]
level = "MUST"
role = "responder"
[[step]]
name = "first"
send = { ping = true }
[[check]]
name = "receipt.signed"
[explain]
why = "w"
fix = "f"
seen = "s"
"#;

#[test]
fn a_case_is_refused_with_its_place_when_it_makes_no_sense() {
    Case::read("x.toml", CASE).unwrap();
    let refused = |from: &str, to: &str| Case::read("x.toml", &CASE.replace(from, to)).unwrap_err().to_string();
    assert!(refused("{ ping = true }", "{ ping = true, sample = true }").contains("exactly one of"));
    assert!(refused("send = { ping = true }", "send = { ping = true }\nawait = \"receipt\"").contains("one action"));
    assert!(refused("send = { ping = true }", "within = \"1s\"").contains("a step has one of"));
    assert!(refused("name = \"receipt.signed\"", "name = \"receipt.signed\"\nstep = \"second\"").contains("not there"));
    assert!(refused("\"AS4-PUSH-01\"", "\"AS4-1\"").contains("SET-TOPIC-nn"));
    let unknown =
        refused("{ ping = true }", "{ ping = true, property = [{ name = \"n\", value = \"${fresh.lnr}\" }] }");
    assert!(unknown.contains("${fresh.lrn}"), "{unknown}");
}

fn with_case(path: &str, text: &str) -> Result<Catalogue, CatalogueError> {
    let mut files = Files::embedded();
    files.insert(path, text.as_bytes().to_vec());
    from_files(files)
}

#[test]
fn names_that_do_not_exist_and_twins_are_refused() {
    let error = with_case(
        "cases/as4/x.toml",
        &CASE.replace("[[step]]", "needs = [\"as4.pusch\"]\nkills = [\"null-404\"]\n[[step]]"),
    );
    let error = error.unwrap_err().to_string();
    assert!(error.contains("capability as4.pusch") && error.contains("did you mean `as4.push`"), "{error}");
    assert!(error.contains("mutant null-404"), "{error}");
    let error = with_case("cases/as4/x.toml", &CASE.replace("AS4-PUSH-01", "AS4-PUSH-77")).unwrap_err().to_string();
    assert!(error.contains("requirement AS4-PUSH-77 is not in the catalogue"), "{error}");
    let aside = "[[check]]\nname = \"error.well-formed\"\nwith = { requirement = \"AS4-ERROR-92\" }\n[explain]";
    let error = with_case("cases/as4/x.toml", &CASE.replace("[explain]", aside)).unwrap_err().to_string();
    assert!(error.contains("requirement AS4-ERROR-92 is not in the catalogue"), "{error}");
    let twin = String::from_utf8(Files::embedded().bytes("cases/as4/push/accepted.toml").unwrap().to_vec()).unwrap();
    let error = with_case("cases/as4/push/twin.toml", &twin.replace("title = \"", "title = \"Other: ")).unwrap_err();
    assert!(error.to_string().contains("has the same stimulus and checks as as4.push.accepted"), "{error}");
    let wish = CASE.replace("AS4-PUSH-01", "PROC-MRN-01");
    let error = with_case("cases/as4/x.toml", &wish).unwrap_err().to_string();
    assert!(error.contains("got level MUST, expected at most SHOULD"), "{error}");
}

#[test]
fn faults_of_a_users_own_case_name_the_file_as_the_user_has_it() {
    let dir = tempfile::tempdir().unwrap();
    let own = dir.path().join("as4/house");
    std::fs::create_dir_all(&own).unwrap();
    let file = own.join("mine.toml");
    let said = |text: &[u8]| {
        std::fs::write(&file, text).unwrap();
        load_with(dir.path()).unwrap_err().to_string()
    };
    let here = file.display().to_string();
    // A wrong key, a wrong cross-reference and a twin are found at three different places.
    let wrong_key = said(CASE.replace("title", "titel").as_bytes());
    assert!(wrong_key.starts_with(&format!("{here}:2:")) && wrong_key.contains("did you mean `title`?"), "{wrong_key}");
    let unknown = said(CASE.replace("AS4-PUSH-01", "AS4-PUSH-77").as_bytes());
    assert!(unknown.starts_with(&format!("{here}:")), "{unknown}");
    let twin = Files::embedded().bytes("cases/as4/push/accepted.toml").unwrap().to_vec();
    assert!(said(&twin).contains(&format!("{here}: has the same stimulus")), "{}", said(&twin));
    let bytes = said(b"format = 1\n\xff");
    assert!(bytes.contains(&format!("{here}: is not UTF-8 from byte 11 on")), "{bytes}");
    std::fs::remove_file(&file).unwrap();
    let empty = load_with(dir.path()).unwrap_err().to_string();
    assert!(empty.contains("holds no case file") && empty.contains("help:"), "{empty}");
}

#[test]
fn a_case_of_ones_own_takes_no_place_of_the_suites_and_lies_where_its_id_says() {
    let dir = tempfile::tempdir().unwrap();
    let said = |path: &str| {
        let file = dir.path().join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, CASE).unwrap();
        let error = load_with(dir.path()).unwrap_err().to_string();
        std::fs::remove_file(&file).unwrap();
        assert!(error.starts_with(&file.display().to_string()) && error.contains("help:"), "{error}");
        error
    };
    let taken = said("as4/push/accepted.toml");
    assert!(taken.contains("as4.push.accepted (cases/as4/push/accepted.toml)"), "{taken}");
    for path in ["y.toml", "as4/y.toml", "as4/house/deep/y.toml", "as4/house/y.z.toml"] {
        let misplaced = said(path);
        assert!(misplaced.contains(&format!("got {path} in ")), "{misplaced}");
        assert!(misplaced.contains("expected LAYER/TOPIC/SLUG.toml"), "{misplaced}");
    }
}

#[test]
fn the_scenarios_of_a_pack_in_a_folder_are_cases() {
    let dir = tempfile::tempdir().unwrap();
    let pack = |name: &str, id: &str| {
        let pack = dir.path().join(name);
        std::fs::create_dir_all(pack.join("scenarios")).unwrap();
        std::fs::write(pack.join("pack.toml"), format!("format = 1\nid = \"{id}\"\n")).unwrap();
        std::fs::write(pack.join("scenarios/berthed.toml"), CASE).unwrap();
        pack
    };
    let catalogue = load_own(None, &[pack("one", "berth")]).unwrap();
    let own: Vec<&str> = catalogue.own_cases().map(|(id, _)| id.as_str()).collect();
    assert_eq!(own, ["process.berth.berthed"]);
    // A pack takes the place of the one of its id, and so do its scenarios.
    let catalogue = load_own(None, &[pack("two", "declaration")]).unwrap();
    let process = |id: &&CaseId| id.as_str().starts_with("process.declaration.");
    let left: Vec<&CaseId> = catalogue.cases.keys().filter(process).collect();
    assert!(left.iter().any(|id| id.as_str() == "process.declaration.berthed"), "{left:?}");
    assert!(!left.iter().any(|id| id.as_str() == "process.declaration.cancelled-twice"), "{left:?}");
}

#[test]
fn a_text_has_one_name() {
    let catalogue = load().unwrap();
    let of_oasis = |row: &&Requirement| row.source.contains("AS4") && !row.source.starts_with("eDelivery");
    let names: std::collections::BTreeSet<&str> =
        catalogue.requirements.values().filter(of_oasis).map(|row| row.source.as_str()).collect();
    assert_eq!(names.len(), 1, "coverage counts them apart: {names:?}");
}

#[test]
fn a_matrix_makes_a_cell_of_each_combination() {
    let axes = "[matrix]\na = [\"1\", \"2\"]\nb = [\"x\", \"y\", \"z\"]\n[[step]]\nas = \"${matrix.a}${matrix.b}\"";
    let text = CASE.replace("[[step]]", axes);
    let cells = matrix::cells(&Case::read("x.toml", &text).unwrap());
    assert_eq!(cells.len(), 6);
    assert_eq!(cells[1].name(), "a=1,b=y");
    assert_eq!(Cell::parse("a=1,b=y"), cells[1]);
}

#[test]
fn the_lock_changes_with_every_byte() {
    let mut files = Files::embedded();
    let before = lock::hash(&files);
    files.insert("cases/as4/x.bin", vec![0]);
    let with = lock::hash(&files);
    files.insert("cases/as4/x.bin", vec![1]);
    assert!(before != with && with != lock::hash(&files));
}

#[test]
fn a_control_stands_for_a_cell_unless_it_has_one_of_its_own_for_it() {
    let catalogue = load().unwrap();
    let stands = |control: &str, shown: &str, rests: &str| {
        let case = &catalogue.cases[&CaseId::new(control)];
        matrix::stands_for(case, &Cell::parse(shown), &Cell::parse(rests))
    };
    assert!(stands("tls.certificate.accepted", "tls=1.2", "kind=expired,tls=1.2"));
    assert!(!stands("tls.certificate.accepted", "tls=1.3", "kind=expired,tls=1.2"));
    assert!(stands("tls.certificate.accepted", "tls=1.3", "-"));
    // Kinds that are not the control's are what the cell is about.
    assert!(stands("tls.server.accepted", "kind=valid", "kind=expired"));
    assert!(stands("as4.push.accepted", "-", "tls=1.2"));
}

#[test]
fn every_probe_is_a_case_that_needs_what_it_probes() {
    let catalogue = load().unwrap();
    let probes: Vec<_> = catalogue.capabilities.values().filter_map(|one| Some((one, one.probe.as_ref()?))).collect();
    assert!(probes.len() >= 15, "{} probes", probes.len());
    for (capability, probe) in probes {
        let case = catalogue.cases.get(probe).unwrap_or_else(|| panic!("{} has no case {probe}", capability.name));
        assert!(case.needs.contains(&capability.name), "{probe} does not need {}", capability.name);
    }
}

#[test]
fn what_every_positive_and_negative_case_must_have() {
    let catalogue = load().unwrap();
    // Sanity first: what a subject does with a kind of the zoo says nothing before a good certificate passes. The cases
    // with that certificate, and the one that ends with it, are their own.
    let kinds = zoo::presented(&catalogue);
    let presents = |id: &CaseId| {
        !["tls.certificate.another", "tls.server.accepted", "tls.server.recovers"].contains(&id.as_str())
            && kinds.values().any(|kind| kind.to_server.contains(id) || kind.to_client.contains(id))
    };
    for (id, case) in &catalogue.cases {
        // A refusal is a client's to make, too: the suite's endpoint shows it another face, or its publisher says what must
        // not be used. A case that goes on until the message arrives is its own control.
        let arrives = case.step.iter().any(|step| step.awaits == Some(step::Awaited::Message));
        let shown = case.check.iter().any(|check| check.name == "tls.server-refused") && !arrives;
        let nothing = case.step.iter().any(|step| step.awaits == Some(step::Awaited::Nothing));
        let said = case.step.iter().any(|step| step.publish.is_some()) && nothing && !arrives;
        // What delivers nothing at all does not deliver what it must not, either.
        let kept = case.check.iter().any(|check| check.name == "delivered.not");
        let wanted = case.is_negative() || shown || said || kept || presents(id);
        assert_eq!(case.control.is_some(), wanted, "{id}");
        for allow in &case.allow {
            assert!(!allow.clause.is_empty() && allow.code.iter().all(|code| !code.starts_with('2')), "{id}");
        }
    }
}

#[test]
fn every_requirement_is_verified_by_a_case_or_says_why_not() {
    let catalogue = load().unwrap();
    let open: Vec<&str> = catalogue
        .requirements
        .values()
        .filter(|row| catalogue.verifies(&row.id) == row.not_tested_because.is_some())
        .map(|row| row.id.as_str())
        .collect();
    assert!(open.is_empty(), "neither verified nor excused, or both: {open:?}");
}

/// The Test Assertions of the European Commission: 46 of the Common Profile, 12 of its enhancements. That each is
/// verified or excused is what the test above asks of every row.
#[test]
fn every_test_assertion_has_one_row() {
    let sets = [("CP", 46), ("4CT", 3), ("SBDH", 2), ("DR", 4), ("DS", 3)];
    let known: Vec<String> =
        sets.iter().flat_map(|(set, last)| (1..=*last).map(move |number| format!("AS4_{set}_TA{number:02}"))).collect();
    assert_eq!(known.len(), 58);
    let catalogue = load().unwrap();
    let rows: Vec<_> = catalogue.requirements.values().filter(|row| row.assertion.is_some()).collect();
    for assertion in &known {
        let of: Vec<_> = rows.iter().filter(|row| row.assertion.as_ref() == Some(assertion)).collect();
        assert_eq!(of.len(), 1, "{assertion}");
        // Marked not testable by their authors, as TA18 is, of which what is seen on the wire is judged all the same.
        let testable = !["AS4_CP_TA11", "AS4_CP_TA46"].contains(&assertion.as_str());
        assert_eq!(of[0].testable, testable, "{assertion}");
    }
    assert_eq!(rows.len(), known.len());
}

#[test]
fn what_a_check_finds_beside_its_case_has_a_fix_of_its_own() {
    let catalogue = load().unwrap();
    for (id, case) in &catalogue.cases {
        for name in case.asides() {
            let row = catalogue.requirements.values().find(|row| row.id.as_str() == name).unwrap();
            assert!(row.fix.is_some(), "{id}: {name} says nothing on how to mend it");
        }
    }
}
