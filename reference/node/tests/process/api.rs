//! The back-end API as a client sees it, and what a node says about itself.

use std::process::Command;
use std::time::Instant;

use crate::world::http::bare;
use crate::world::{Agreement, TOKEN, World, program};

#[test]
fn only_the_token_opens_it_and_errors_are_problems() {
    let world = World::new();
    let (ph, _) = world.pair(&Agreement::default());
    let node = ph.start();
    for headers in [vec![], vec![("authorization", "Bearer wrong")], vec![("authorization", TOKEN)]] {
        let answer = bare(node.api, "GET", "/v1/messages", &headers, b"");
        assert_eq!(answer.status, 401);
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        assert_eq!(answer.json()["type"], "urn:carnet:problem:unauthorized");
    }
    let xml = "application/xml";
    let problems = [
        (node.get("/v1/nothing"), 404, "not-found"),
        (node.get("/v1/messages/1"), 404, "not-found"),
        (node.get("/v1/messages/one"), 400, "bad-request"),
        (node.get("/v1/messages?colour=red"), 400, "bad-request"),
        (node.get("/v1/messages?state=lost"), 400, "bad-request"),
        (node.get("/v1/pings"), 405, "method"),
        (node.post("/v1/messages", xml, b"<a/>"), 400, "bad-request"),
        (node.post("/v1/messages?to=XX", xml, b"<a/>"), 422, "unknown-partner"),
        (node.post("/v1/messages?to=TH", xml, b"<a/>"), 422, "unknown-document"),
        (node.post("/v1/messages?to=TH&service=urn:x&action=y", xml, b"<a/>"), 422, "not-agreed"),
        (node.post("/v1/messages?to=TH&service=urn:x", xml, b"<a/>"), 400, "bad-request"),
        (node.post("/v1/messages?to=TH", "nonsense", b"<a/>"), 415, "media-type"),
        (node.post("/v1/messages?to=TH", "multipart/related; boundary=b", b"--b\r\n"), 400, "bad-request"),
    ];
    for (answer, status, kind) in problems {
        let problem = answer.json();
        assert_eq!(
            (answer.status, problem["type"].as_str()),
            (status, Some(format!("urn:carnet:problem:{kind}").as_str())),
            "{problem:#}"
        );
        assert_eq!(problem["status"], status);
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    }
}

#[test]
fn it_describes_itself_and_its_state() {
    let world = World::new();
    let (ph, _) = world.pair(&Agreement::default());
    let node = ph.start();
    assert_eq!(bare(node.api, "GET", "/health", &[], b"").json()["status"], "alive");
    assert_eq!(bare(node.api, "GET", "/ready", &[], b"").json()["status"], "ready");
    let document = bare(node.api, "GET", "/openapi.json", &[], b"").json();
    let paths: Vec<&str> = document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    for path in ["/v1/messages", "/v1/messages/{key}", "/v1/messages/{key}/parts/{number}", "/v1/pings", "/ready"] {
        assert!(paths.contains(&path), "{path} is not in {paths:?}");
    }
    for (path, operations) in document["paths"].as_object().unwrap() {
        for parameter in operations.as_object().unwrap().values().flat_map(|one| one["parameters"].as_array()).flatten()
        {
            let name = parameter["name"].as_str().unwrap();
            let stands = path.contains(&format!("{{{name}}}"));
            assert_eq!(parameter["in"] == "path", stands, "{path}: {parameter:#}");
        }
    }
    assert_eq!(document["paths"]["/v1/messages"]["get"]["parameters"][0]["in"], "query");
    assert_eq!(document["components"]["securitySchemes"]["token"]["scheme"], "bearer");
    let file: serde_json::Value =
        serde_json::from_slice(&std::fs::read(ph.folder.join("ready.json")).unwrap()).unwrap();
    assert_eq!(file, node.ready);
    let schema = include_bytes!("../../../../docs/schemas/ready-1.json");
    let schema = jsonschema::validator_for(&serde_json::from_slice(schema).unwrap()).unwrap();
    assert!(schema.is_valid(&file), "{file:#}");
    let mut wrong = file.clone();
    wrong["colour"] = "red".into();
    assert!(!schema.is_valid(&wrong));
    assert_eq!(file["pid"], node.child.id());
    assert_eq!(node.stop(), Some(0));
    assert!(!ph.folder.join("ready.json").exists());
}

#[test]
fn a_node_is_ready_at_once() {
    let world = World::new();
    let (ph, _) = world.pair(&Agreement::default());
    ph.start().kill();
    let begun = Instant::now();
    let node = ph.start();
    // Not a measurement: a node that compiled its schemas first would take seconds.
    assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
    drop(node);
}

#[test]
fn two_nodes_do_not_share_a_store() {
    let world = World::new();
    let (ph, _) = world.pair(&Agreement::default());
    let _node = ph.start();
    ph.configure(0, &["TH"], "");
    let second = Command::new(program()).args(["--config", ph.config().to_str().unwrap()]).output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("in use by another process"));
}

#[test]
fn check_reads_everything_and_runs_nothing() {
    let world = World::new();
    let (ph, _) = world.pair(&Agreement::default());
    let check =
        || Command::new(program()).args(["--check", "--config", ph.config().to_str().unwrap()]).output().unwrap();
    let good = check();
    assert_eq!(good.status.code(), Some(0), "{}", String::from_utf8_lossy(&good.stderr));
    assert_eq!(String::from_utf8_lossy(&good.stdout), "configuration of PH is good: 2 P-Modes with TH\n");
    assert!(!ph.folder.join("store").exists());
    std::fs::write(ph.folder.join("store"), "").unwrap();
    let no_folder = check();
    assert_eq!(no_folder.status.code(), Some(1));
    let said = String::from_utf8_lossy(&no_folder.stderr);
    assert!(said.contains("failed to open store folder") && said.contains("help: "), "{said}");
    std::fs::write(ph.folder.join("kits/TH/anchors.pem"), "not PEM").unwrap();
    let bad = check();
    assert_eq!(bad.status.code(), Some(2));
    let said = String::from_utf8_lossy(&bad.stderr);
    assert!(said.contains("kit.toml:8:") && said.contains("anchors.pem") && said.contains("help: "), "{said}");
}
