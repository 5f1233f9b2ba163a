//! A Dynamic Receiver: a party that no kit names is taken when its certificate chains to the anchors, is issued under the
//! policies and names the From party; whatever is missing of this is an error.

#![expect(clippy::unwrap_used, reason = "a helper of tests fails its test")]

use crate::world::peer::Peer;
use crate::world::pki::Authority;
use crate::world::{Agreement, Node, Party, World, pmode};

/// 1.3.6.1.4.1.99999.1
const POLICY: &[u8] = &[0x06, 0x09, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x86, 0x8d, 0x1f, 0x01];

/// TH, which knows nobody by name.
fn receiver(world: &World, more: &str) -> (Party, Node) {
    let th = world.party("TH");
    let open = pmode("PH", "TH", &Agreement::default()).replacen("party = \"PH\"\n", "", 1);
    std::fs::write(th.folder.join("open.toml"), open).unwrap();
    std::fs::write(th.folder.join("anchors.pem"), world.authority.pem()).unwrap();
    let table = format!(
        "[[dynamic]]\ntls_anchors = \"anchors.pem\"\nsigning_anchors = \"anchors.pem\"\nsigning_subject = \"CN={{party}} signing\"\npmodes = [\"open.toml\"]\n{more}"
    );
    th.configure(0, &[], &table);
    let node = th.start();
    (th, node)
}

/// A party that speaks to TH as itself.
fn sender(world: &World, party: &Party, th: &Party, node: &Node) -> Peer {
    world.kit(party, th, &[], &Agreement::default());
    Peer::new(world, party, th, node.as4)
}

#[test]
fn an_unknown_party_is_taken_by_its_certificate() {
    let world = World::new();
    let (th, node) = receiver(&world, "");
    for id in ["PH", "VN"] {
        let party = world.party(id);
        let peer = sender(&world, &party, &th, &node);
        assert!(peer.send(&peer.message(&format!("{id}@test"), b"<a/>")).is_receipt(), "{}", th.log());
        assert!(peer.send(&peer.ping(&format!("{id}@ping"))).is_receipt(), "{}", th.log());
    }
    let page = node.wait("/v1/messages?direction=in&state=delivered", |page| {
        page["items"].as_array().is_some_and(|items| items.len() == 2)
    });
    assert_eq!(page["items"][0]["from"]["id"], "VN", "{page:#}");
}

#[test]
fn an_untrusted_anchor_or_another_subject_is_an_error() {
    let world = World::new();
    let (th, node) = receiver(&world, "");
    let mut ph = world.party("PH");
    ph.signing = Authority::new("another root").signing("PH signing");
    let peer = sender(&world, &ph, &th, &node);
    assert_eq!(peer.send(&peer.message("anchor@test", b"<a/>")).refusal(), "EBMS:0101");
    // Well chained, and somebody else's: the subject names another party than From does.
    ph.signing = world.authority.signing("MY signing");
    let peer = sender(&world, &ph, &th, &node);
    assert_eq!(peer.send(&peer.message("subject@test", b"<a/>")).refusal(), "EBMS:0101");
    let odd = world.party("P,O=x");
    let peer = sender(&world, &odd, &th, &node);
    assert_eq!(peer.send(&peer.message("odd@test", b"<a/>")).refusal(), "EBMS:0101", "a name within a name");
    assert!(node.get("/v1/messages").json()["items"].as_array().unwrap().is_empty());
}

#[test]
fn a_certificate_outside_the_policies_is_an_error() {
    let world = World::new();
    let (th, node) = receiver(&world, "signing_policies = [\"1.3.6.1.4.1.99999.1\"]\n");
    let mut ph = world.party("PH");
    let peer = sender(&world, &ph, &th, &node);
    let refused = peer.send(&peer.message("none@test", b"<a/>"));
    assert_eq!(refused.refusal(), "EBMS:0101");
    assert!(refused.text.contains("EDEL-DYNRECEIVER-02"), "{}", refused.text);
    let other = [&POLICY[..10], &[2]].concat();
    ph.signing = world.authority.signing_under("PH signing", &other);
    let peer = sender(&world, &ph, &th, &node);
    assert_eq!(peer.send(&peer.message("other@test", b"<a/>")).refusal(), "EBMS:0101");
    ph.signing = world.authority.signing_under("PH signing", POLICY);
    let peer = sender(&world, &ph, &th, &node);
    assert!(peer.send(&peer.message("good@test", b"<a/>")).is_receipt(), "{}", th.log());
}
