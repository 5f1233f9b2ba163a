//! Reception awareness between processes: retries, giving up, restarts, failover, reload.

use crate::world::{Agreement, World, endpoint, free_ports};
use serde_json::json;

const SUBMIT: &str = "/v1/messages?to=TH&service=urn:test:service&action=anything";

#[test]
fn a_partner_that_comes_late_gets_the_message_once() {
    let world = World::new();
    let (ph, th) = world.pair(&Agreement { retry_count: 1000, ..Agreement::default() });
    let ph_node = ph.start();
    let submitted = ph_node.post(SUBMIT, "application/xml", b"<late/>").json();
    let key = submitted["key"].as_i64().unwrap();
    let before = ph_node.wait(&format!("/v1/messages/{key}"), |message| message["attempts"].as_u64() >= Some(2));
    assert_eq!(before["state"], "retrying");
    let envelope = ph_node.get(&format!("/v1/messages/{key}/envelope")).body;
    // The sender restarts too: the outbox is durable.
    ph_node.kill();
    let (ph_node, th_node) = (ph.start(), th.start());
    let after = ph_node.wait_state(key, "delivered");
    assert_eq!(after["message_id"], submitted["message_id"]);
    let page = th_node.wait("/v1/messages?state=delivered", |page| !page["items"].as_array().unwrap().is_empty());
    assert_eq!(page["items"].as_array().unwrap().len(), 1);
    let received = page["items"][0]["key"].as_i64().unwrap();
    assert_eq!(th_node.get(&format!("/v1/messages/{received}/envelope")).body, envelope, "a retry is the same message");
}

#[test]
fn the_producer_is_told_when_no_receipt_comes() {
    let world = World::new();
    let (ph, _) = world.pair(&Agreement { retry_interval: "50ms", retry_count: 2, ..Agreement::default() });
    let node = ph.start();
    let key = node.post(SUBMIT, "application/xml", b"<lost/>").json()["key"].as_i64().unwrap();
    let failed = node.wait_state(key, "failed");
    assert_eq!(failed["attempts"], 3, "{failed:#}");
    let notices = node.get("/v1/notices").json();
    assert_eq!(notices["items"][0]["code"], "EBMS:0301", "{notices:#}");
    assert_eq!(notices["items"][0]["key"], key);
    let again = node.get(&format!("/v1/notices?after={}", notices["items"][0]["sequence"])).json();
    assert_eq!(again, json!({"items": []}));
}

#[test]
fn the_second_endpoint_serves_when_the_first_is_down() {
    let world = World::new();
    let (ph, th) = world.pair(&Agreement::default());
    let [closed] = free_ports();
    let endpoints = [endpoint(closed), endpoint(th.port())];
    world.kit(&ph, &th, &endpoints, &Agreement::default());
    let (ph_node, _th_node) = (ph.start(), th.start());
    let key = ph_node.post(SUBMIT, "application/xml", b"<hello/>").json()["key"].as_i64().unwrap();
    assert_eq!(ph_node.wait_state(key, "delivered")["attempts"], 1);
}

#[test]
fn a_refusal_ends_the_sending_and_names_the_error() {
    let world = World::new();
    let (ph, th) = world.pair(&Agreement::default());
    // The partner never agreed to this action.
    let kit = th.folder.join("kits/PH");
    let theirs = std::fs::read_to_string(kit.join("in.toml")).unwrap();
    std::fs::write(kit.join("in.toml"), theirs.replace("\"anything\"", "\"nothing\"")).unwrap();
    let (ph_node, th_node) = (ph.start(), th.start());
    let key = ph_node.post(SUBMIT, "application/xml", b"<hello/>").json()["key"].as_i64().unwrap();
    let failed = ph_node.wait_state(key, "failed");
    assert_eq!(failed["attempts"], 1, "{failed:#}");
    assert_eq!(ph_node.get("/v1/notices").json()["items"][0]["code"], "EBMS:0001");
    // A reload of the partner agrees to it.
    std::fs::write(kit.join("in.toml"), theirs).unwrap();
    th_node.signal("-HUP");
    let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while !th.log().contains("put the new configuration in force") {
        assert!(std::time::Instant::now() < end, "{}", th.log());
        std::thread::yield_now();
    }
    let key = ph_node.post(SUBMIT, "application/xml", b"<hello/>").json()["key"].as_i64().unwrap();
    ph_node.wait_state(key, "delivered");
    // A configuration that cannot be used changes nothing.
    std::fs::write(th.config(), "format = 1\nwrong = 2\n").unwrap();
    th_node.signal("-HUP");
    while !th.log().contains("kept the old configuration") {
        assert!(std::time::Instant::now() < end, "{}", th.log());
        std::thread::yield_now();
    }
    let key = ph_node.post(SUBMIT, "application/xml", b"<hello/>").json()["key"].as_i64().unwrap();
    ph_node.wait_state(key, "delivered");
}

#[test]
fn a_message_of_another_party_is_not_taken_for_the_partners() {
    let world = World::new();
    let (ph, th) = world.pair(&Agreement { retry_count: 0, ..Agreement::default() });
    // A third party under the same authority presents itself as PH: same names in the header, keys of its own.
    let mallory = world.party("MY");
    for name in ["signing.pem", "signing.key"] {
        std::fs::copy(mallory.folder.join(name), ph.folder.join(name)).unwrap();
    }
    let (ph_node, th_node) = (ph.start(), th.start());
    let key = ph_node.post(SUBMIT, "application/xml", b"<hello/>").json()["key"].as_i64().unwrap();
    ph_node.wait_state(key, "failed");
    assert_eq!(ph_node.get("/v1/notices").json()["items"][0]["code"], "EBMS:0101");
    assert_eq!(th_node.get("/v1/messages").json(), json!({"items": []}));
}
