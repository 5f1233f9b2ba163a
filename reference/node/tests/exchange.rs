//! Two nodes as processes exchange messages over mutual TLS.

mod world;

use world::{Agreement, World};

#[test]
fn a_message_is_committed_receipted_and_delivered() {
    let world = World::new();
    let (ph, th, _) = world.pair(&Agreement::default());
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
