//! Two-Way/Push-and-Push between processes: the reply names its request and stays in its conversation, on both sides.

#![expect(clippy::unwrap_used, reason = "a helper of tests fails its test")]

use serde_json::Value;

use crate::world::peer::Peer;
use crate::world::{Agreement, Node, Party, World, pmode};

const EXPORT: &[u8] = include_bytes!("../../../../fixtures/packs/declaration/messages/valid/export-sea.xml");
const BACK: &str = "/v1/messages?to=PH&service=urn:test:service&action=anything";
const THERE: &str = "/v1/messages?to=TH&service=urn:test:service&action=anything";

/// PH asks, TH replies.
fn pair(world: &World) -> (Party, Party) {
    let agreement = Agreement::default();
    let (ph, th) = world.pair(&agreement);
    let one_way = pmode("PH", "TH", &agreement);
    let leg = |leg: &str| {
        let mep = format!("mep = \"two-way-push-and-push\"\nleg = \"{leg}\"");
        one_way.replace("mep = \"one-way-push\"", &mep).replace(".declaration\"", &format!(".{leg}\""))
    };
    World::agree(&ph, &th, &leg("request"), &leg("reply"));
    World::agree(&th, &ph, &leg("reply"), &leg("request"));
    (ph, th)
}

fn received(node: &Node, messages: usize) -> Vec<Value> {
    let page = node.wait("/v1/messages?direction=in&state=delivered", |page| {
        page["items"].as_array().is_some_and(|items| items.len() == messages)
    });
    page["items"].as_array().unwrap().clone()
}

#[test]
fn the_registry_replies_to_the_request() {
    let world = World::new();
    let (ph, th) = pair(&world);
    let (ph_node, _th_node) = (ph.start(), th.start());
    let submitted = ph_node.post("/v1/messages?to=TH", "application/xml", EXPORT).json();
    let reply = &received(&ph_node, 1)[0];
    assert_eq!(reply["action"], "response", "{reply:#}");
    assert_eq!(reply["ref_to"], submitted["message_id"]);
    assert_eq!(reply["conversation"], submitted["conversation"]);
    assert_eq!(reply["pmode"], "customs-c2c.PH.TH.reply");
}

#[test]
fn the_back_end_replies_only_to_what_came() {
    let world = World::new();
    let (ph, th) = pair(&world);
    let (ph_node, th_node) = (ph.start(), th.start());
    let xml = "application/xml";
    let request = ph_node.post(THERE, xml, b"<question/>").json();
    let (id, conversation) = (request["message_id"].as_str().unwrap(), request["conversation"].as_str().unwrap());
    received(&th_node, 1);
    for (path, why) in [
        (BACK.to_owned(), "no request"),
        (format!("{BACK}&ref_to=unknown@test"), "an unknown request"),
        (format!("{BACK}&ref_to={id}&conversation=other"), "another conversation"),
    ] {
        let refused = th_node.post(&path, xml, b"<answer/>");
        assert_eq!(refused.status, 422, "{why}");
        assert_eq!(refused.json()["type"], "urn:carnet:problem:not-agreed", "{why}");
    }
    let reply = th_node.post(&format!("{BACK}&ref_to={id}"), xml, b"<answer/>");
    assert_eq!(reply.status, 202, "{}", String::from_utf8_lossy(&reply.body));
    assert_eq!(reply.json()["conversation"], conversation);
    let reply = &received(&ph_node, 1)[0];
    assert_eq!((reply["ref_to"].as_str(), reply["conversation"].as_str()), (Some(id), Some(conversation)));
}

#[test]
fn a_reply_to_nothing_or_to_something_else_is_refused() {
    let world = World::new();
    let (ph, th) = pair(&world);
    let node = ph.start();
    let peer = Peer::new(&world, &th, &ph, node.as4);
    // The same parties and roles under a P-Mode that asks for no request.
    let roles = |text: &str| {
        let text = text.replace("/initiator\"", "/other\"").replace("/responder\"", "/initiator\"");
        text.replace("/other\"", "/responder\"")
    };
    let one_way = roles(&pmode("TH", "PH", &Agreement::default()));
    World::agree(&th, &ph, &one_way, &one_way);
    let bare = Peer::new(&world, &th, &ph, node.as4);
    let request = node.post(&format!("{THERE}&conversation=c1"), "application/xml", b"<question/>").json();
    let id = request["message_id"].as_str().unwrap();
    let other = node.post(&format!("{THERE}&conversation=c2"), "application/xml", b"<question/>").json();
    let other = other["message_id"].as_str().unwrap();
    assert_eq!(bare.send(&bare.reply("none@test", None)).refusal(), "EBMS:0003");
    assert_eq!(peer.send(&peer.reply("unknown@test", Some("unknown@test"))).refusal(), "EBMS:0003");
    assert_eq!(peer.send(&peer.reply("elsewhere@test", Some(other))).refusal(), "EBMS:0003");
    assert!(node.get("/v1/messages?direction=in").json()["items"].as_array().unwrap().is_empty());
    let good = peer.reply("good@test", Some(id));
    assert!(peer.send(&good).is_receipt(), "{}", ph.log());
    assert!(peer.send(&good).is_receipt(), "a duplicate is receipted too");
    assert!(peer.send(&peer.ping("ping@test")).is_receipt(), "a ping answers nothing: {}", ph.log());
    assert_eq!(received(&node, 1)[0]["ref_to"], id);
}
