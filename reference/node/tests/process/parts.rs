//! Parts that travel uncompressed, before their envelope and behind it: what they cost is bounded in both places.

#![expect(clippy::unwrap_used, reason = "a helper of tests fails its test")]

use carnet_wire::mime::PartHeader;

use crate::world::peer::{Peer, in_order, multipart, root};
use crate::world::{Agreement, Node, Party, World};

const MIB: usize = 1 << 20;

/// What the node takes before it knows the envelope.
const BEFORE_ROOT: usize = 16 * MIB;

struct Stage {
    _world: World,
    party: Party,
    node: Node,
    peer: Peer,
}

fn stage() -> Stage {
    let world = World::new();
    let (ph, th) = world.pair(&Agreement::default());
    let node = th.start();
    let peer = Peer::new(&world, &ph, &th, node.as4);
    Stage { _world: world, party: th, node, peer }
}

impl Stage {
    fn payload_files(&self) -> usize {
        std::fs::read_dir(self.party.folder.join("store/payloads")).unwrap().count()
    }
}

/// XML of that length.
fn xml(length: usize) -> Vec<u8> {
    [b"<a>", "x".repeat(length - 7).as_bytes(), b"</a>"].concat()
}

fn stray(id: &str) -> PartHeader {
    PartHeader { content_type: "application/xml".to_owned(), content_id: id.to_owned(), headers: vec![] }
}

#[test]
fn parts_before_the_envelope_are_hashed_as_it_asks_once_it_is_known() {
    let stage = stage();
    // In files and in memory, in every form that is hashed; a comment is not part of the canonical form.
    let document = [b"<!-- a -->".as_slice(), &xml(MIB)].concat();
    let lines = b"one\ntwo\r\n".repeat(20_000);
    let octets = vec![7; 100_000];
    let parts = [
        ("application/xml", &document[..]),
        ("text/plain", &lines[..]),
        ("application/octet-stream", &octets[..]),
        ("application/xml", b"<b  c='d'/>"),
    ];
    let (envelope, payloads) = stage.peer.uncompressed("early@test", &parts);
    let wire = in_order(&[payloads, vec![(root(), &envelope[..])]].concat());
    let reply = stage.peer.send(&wire);
    assert!(reply.is_receipt(), "{reply:?}\n{}", stage.party.log());
    let (envelope, payloads) = stage.peer.uncompressed("altered@test", &parts);
    let wire = in_order(&[payloads, vec![(root(), &envelope[..])]].concat()).replace("one\ntwo", "one\nTwo");
    assert_eq!(stage.peer.send(&wire).refusal(), "EBMS:0101");
    assert_eq!(stage.payload_files(), 3);
}

#[test]
fn what_comes_before_the_envelope_is_bounded() {
    let stage = stage();
    let half = xml(BEFORE_ROOT / 2);
    let strays = [(stray("a@test"), &half[..]), (stray("b@test"), &half[..])];
    let one_more = (stray("c@test"), &b"x"[..]);
    let wire = |id: &str, early: &[(PartHeader, &[u8])]| {
        let (envelope, payloads) = stage.peer.uncompressed(id, &[("application/xml", b"<a/>")]);
        in_order(&[early, &[(root(), &envelope[..])], &payloads].concat())
    };
    let refused = stage.peer.send(&wire("late@test", &[&strays[..], &[one_more]].concat()));
    assert_eq!((refused.status, refused.refusal().as_str()), (Some(400), "EBMS:0007"));
    assert_eq!(stage.node.get("/v1/messages").json()["items"].as_array().unwrap().len(), 0);
    let reply = stage.peer.send(&wire("late@test", &strays));
    assert!(reply.is_receipt(), "{reply:?}\n{}", stage.party.log());
    assert_eq!(stage.payload_files(), 0);
}

#[cfg(target_os = "linux")]
#[test]
fn many_signed_xml_parts_cost_the_memory_of_one() {
    const PARTS: usize = 16;
    let stage = stage();
    let peer = &stage.peer;
    assert!(peer.send(&peer.message("first@test", b"<a/>")).is_receipt());
    let idle = stage.node.peak();
    let document = xml(8 * MIB);
    let (envelope, payloads) = peer.uncompressed("many@test", &[("application/xml", &document[..]); PARTS]);
    let reply = peer.send(&multipart(&envelope, &payloads));
    assert!(reply.is_receipt(), "{reply:?}\n{}", stage.party.log());
    let more = (stage.node.peak() - idle) / MIB;
    assert!(more < PARTS * 8 / 2, "{more} MiB for {PARTS} parts of 8 MiB");
}
