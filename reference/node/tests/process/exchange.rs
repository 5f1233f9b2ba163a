//! Two nodes as processes exchange messages over mutual TLS.

use crate::world::{Agreement, World};

#[test]
fn a_message_is_committed_receipted_and_delivered() {
    let world = World::new();
    let (ph, th) = world.pair(&Agreement::default());
    let (ph_node, th_node) = (ph.start(), th.start());
    let document = b"<hello xmlns=\"urn:test\">world</hello>";
    let path = "/v1/messages?to=TH&service=urn:test:service&action=anything";
    let submitted = ph_node.post(path, "application/xml; charset=UTF-8", document);
    assert_eq!(submitted.status, 202, "{}", String::from_utf8_lossy(&submitted.body));
    let submitted = submitted.json();
    let sent = ph_node.wait_state(submitted["key"].as_i64().unwrap(), "delivered");
    assert_eq!(sent["attempts"], 1, "{sent:#}");
    assert_eq!(sent["has_receipt"], true);
    let received = th_node.wait("/v1/messages?direction=in&state=delivered", |page| {
        page["items"].as_array().is_some_and(|items| items.len() == 1)
    });
    let received = &received["items"][0];
    assert_eq!(received["message_id"], submitted["message_id"]);
    assert_eq!(received["conversation"], submitted["conversation"]);
    let key = received["key"].as_i64().unwrap();
    let payload = th_node.get(&format!("/v1/messages/{key}/parts/1"));
    assert_eq!(payload.body, document);
    assert_eq!(payload.header("content-type"), Some("application/xml; charset=UTF-8"));
    let sent_key = submitted["key"].as_i64().unwrap();
    let ours = ph_node.get(&format!("/v1/messages/{sent_key}/receipt"));
    let theirs = th_node.get(&format!("/v1/messages/{key}/receipt"));
    assert_eq!(ours.body, theirs.body, "the receipt that was stored is the one that arrived");
    assert_eq!(ph_node.stop(), Some(0));
    assert_eq!(th_node.stop(), Some(0));
}

/// Real declarations of HM Revenue & Customs' examples.
const EXPORT: &[u8] = include_bytes!("../../../../fixtures/packs/declaration/messages/valid/export-sea.xml");

#[test]
fn a_declaration_is_accepted_once_and_answered_in_its_conversation() {
    let world = World::new();
    let (ph, th) = world.pair(&Agreement::default());
    let (ph_node, th_node) = (ph.start(), th.start());
    let mut responses = Vec::new();
    // The same LRN of the same declarant a second time is refused.
    for _ in 0..2 {
        let submitted = ph_node.post("/v1/messages?to=TH", "application/xml", EXPORT);
        assert_eq!(submitted.status, 202, "{}", String::from_utf8_lossy(&submitted.body));
        let submitted = submitted.json();
        assert_eq!(submitted["action"], "declaration");
        let conversation = submitted["conversation"].as_str().unwrap();
        let answers = format!("/v1/messages?direction=in&state=delivered&conversation={conversation}");
        let answers = ph_node.wait(&answers, |page| page["items"].as_array().unwrap().len() == 1);
        let answer = &answers["items"][0];
        assert_eq!(answer["action"], "response", "{answer:#}");
        let body = ph_node.get(&format!("/v1/messages/{}/parts/1", answer["key"])).body;
        responses.push(String::from_utf8(body).unwrap());
    }
    let records = th_node.get("/v1/records/declaration?prefix=mrn/").json();
    let mrns = records["items"].as_array().unwrap();
    assert_eq!(mrns.len(), 1, "{records:#}");
    let mrn = mrns[0]["key"].as_str().unwrap().trim_start_matches("mrn/");
    assert!(responses[0].contains(mrn), "{}", responses[0]);
    // The record leads to the document that it was made from.
    let brought = &mrns[0]["value"]["history"][0]["message"];
    assert_eq!(th_node.get(&format!("/v1/messages/{brought}/parts/1")).body, EXPORT, "{records:#}");
    assert!(!responses[0].contains(">26<") && responses[1].contains(">26<"), "{}", responses[1]);
    let history = th_node.get("/v1/messages?direction=in&limit=1").json();
    let key = &history["items"][0]["key"];
    let detail = th_node.get(&format!("/v1/messages/{key}")).json();
    let steps: Vec<&str> =
        detail["history"].as_array().unwrap().iter().map(|step| step["state"].as_str().unwrap()).collect();
    assert_eq!(steps, ["received", "delivered"], "{detail:#}");
}

#[test]
fn without_a_registry_documents_wait_for_the_back_end() {
    let world = World::new();
    let (ph, th) = world.pair(&Agreement::default());
    th.configure(th.port(), &["PH"], "[registry]\nenabled = false\n");
    let (ph_node, th_node) = (ph.start(), th.start());
    let key = ph_node.post("/v1/messages?to=TH", "application/xml", EXPORT).json()["key"].as_i64().unwrap();
    ph_node.wait_state(key, "delivered");
    let page = th_node.wait("/v1/messages?state=delivered", |page| !page["items"].as_array().unwrap().is_empty());
    let detail = th_node.get(&format!("/v1/messages/{}", page["items"][0]["key"])).json();
    assert_eq!(detail["history"][1]["note"], "handed to the back end", "{detail:#}");
    assert_eq!(th_node.get("/v1/records/declaration").json()["items"], serde_json::json!([]));
    assert_eq!(th_node.get("/v1/messages?direction=out").json()["items"], serde_json::json!([]));
}

#[test]
fn an_invalid_document_never_leaves() {
    let world = World::new();
    let (ph, _) = world.pair(&Agreement::default());
    let node = ph.start();
    let text = String::from_utf8(EXPORT.to_vec()).unwrap();
    let broken = text.replacen("FunctionCode>9<", "FunctionCode>nine-is-far-too-long<", 1);
    assert_ne!(broken, text);
    let refused = node.post(
        "/v1/messages?to=TH&service=urn:carnet:service:declaration:1&action=declaration",
        "application/xml",
        broken.as_bytes(),
    );
    assert_eq!(refused.status, 422);
    assert_eq!(refused.header("content-type"), Some("application/problem+json"));
    let problem = refused.json();
    assert_eq!(problem["type"], "urn:carnet:problem:invalid-document", "{problem:#}");
    assert!(problem["findings"][0]["pointer"].as_str().unwrap().starts_with('/'), "{problem:#}");
    assert_eq!(node.get("/v1/messages").json()["items"], serde_json::json!([]));
}

#[test]
fn pings_are_receipted_and_not_delivered() {
    let world = World::new();
    let (ph, th) = world.pair(&Agreement::default());
    let (ph_node, th_node) = (ph.start(), th.start());
    let key = ph_node.post("/v1/pings?to=TH", "text/plain", b"").json()["key"].as_i64().unwrap();
    ph_node.wait_state(key, "delivered");
    assert_eq!(th_node.get("/v1/messages").json()["items"], serde_json::json!([]));
}

#[test]
fn attachments_travel_with_their_names() {
    let world = World::new();
    let (ph, th) = world.pair(&Agreement { compress: false, ..Agreement::default() });
    let (ph_node, th_node) = (ph.start(), th.start());
    let large = crate::world::noise(3_000_000);
    let mut body = b"--b\r\nContent-Type: application/xml\r\n\r\n<a  b='1'/>\r\n--b\r\nContent-Type: image/jpeg\r\nContent-Disposition: attachment; filename=\"seal.jpg\"\r\n\r\n".to_vec();
    body.extend_from_slice(&large);
    body.extend_from_slice(b"\r\n--b--\r\n");
    let path = "/v1/messages?to=TH&service=urn:test:service&action=anything";
    let submitted = ph_node.post(path, "multipart/related; boundary=b", &body);
    assert_eq!(submitted.status, 202, "{}", String::from_utf8_lossy(&submitted.body));
    ph_node.wait_state(submitted.json()["key"].as_i64().unwrap(), "delivered");
    let page = th_node.wait("/v1/messages?state=delivered", |page| !page["items"].as_array().unwrap().is_empty());
    let key = page["items"][0]["key"].as_i64().unwrap();
    let detail = th_node.get(&format!("/v1/messages/{key}")).json();
    assert_eq!(detail["parts"][1]["filename"], "seal.jpg", "{detail:#}");
    assert_eq!(th_node.get(&format!("/v1/messages/{key}/parts/1")).body, b"<a  b='1'/>");
    let image = th_node.get(&format!("/v1/messages/{key}/parts/2"));
    assert_eq!(image.header("content-type"), Some("image/jpeg"));
    assert_eq!(image.header("content-disposition"), Some("attachment; filename=\"seal.jpg\""));
    assert!(image.body == large, "the image changed on its way");
    assert_eq!(th_node.get(&format!("/v1/messages/{key}/parts/3")).status, 404);
}
