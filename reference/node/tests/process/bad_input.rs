//! What is not a good message ends in the right error or a closed connection: nothing is stored, nothing delivered,
//! and the node goes on serving.

#![expect(clippy::unwrap_used, reason = "a helper of tests fails its test")]

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use crate::world::peer::{Peer, Wire, read};
use crate::world::{Agreement, Node, Party, World};

struct Stage {
    _world: World,
    party: Party,
    node: Node,
    peer: Peer,
}

/// A declaration of HM Revenue & Customs' examples, as real as input gets.
const REAL: &[u8] = include_bytes!("../../../../fixtures/packs/declaration/messages/valid/amendment-item-price.xml");

fn stage(more: &str) -> Stage {
    let world = World::new();
    let (ph, th) = world.pair(&Agreement::default());
    // The node takes less than its partner would send.
    let agreement = Agreement { max_bytes: 1 << 20, ..Agreement::default() };
    world.kit(&th, &ph, &[crate::world::endpoint(ph.port())], &agreement);
    th.configure(0, &["PH"], more);
    let node = th.start();
    let peer = Peer::new(&world, &ph, &th, node.as4);
    Stage { _world: world, party: th, node, peer }
}

impl Stage {
    /// Nothing was kept, and a good message is still taken.
    fn unharmed(self, good: &str) {
        let page = self.node.get("/v1/messages").json();
        assert_eq!(page["items"].as_array().unwrap().len(), 0, "{page:#}");
        let files = std::fs::read_dir(self.party.folder.join("store/payloads")).unwrap().count();
        assert_eq!(files, 0, "payload files were left");
        let reply = self.peer.send(&self.peer.message(good, REAL));
        assert!(reply.is_receipt(), "{reply:?}\n{}", self.party.log());
        self.node
            .wait("/v1/messages?direction=in&state=delivered", |page| page["items"].as_array().unwrap().len() == 1);
        assert!(!self.party.log().contains("panicked"), "{}", self.party.log());
    }
}

#[test]
fn broken_messages_are_answered_with_their_error() {
    let stage = stage("");
    let peer = &stage.peer;
    let good = peer.message("broken@test", REAL);
    let with = |content_type: &str, body: &[u8]| Wire { content_type: content_type.to_owned(), body: body.to_vec() };
    let soap = "application/soap+xml; charset=UTF-8";
    let ping = String::from_utf8(peer.ping("broken-ping@test").body).unwrap();
    let deep = format!("{}{}", "<a>".repeat(5000), "</a>".repeat(5000));
    let bomb = carnet_wire::gzip::deflate(&vec![0; 64 << 20]);
    let end = good.body.len();
    let start = good.body.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let parts: Vec<usize> = positions(&good.body, b"--test-boundary");
    let cases: Vec<(&str, Wire, &[&str])> = vec![
        ("truncated MIME", Wire { body: good.body[..end - 20].to_vec(), ..good.clone() }, &["EBMS:0007"]),
        ("truncated in the envelope", Wire { body: good.body[..start + 100].to_vec(), ..good.clone() }, &["EBMS:0007"]),
        ("wrong boundary", with(&good.content_type.replace("test-boundary", "other"), &good.body), &["EBMS:0007"]),
        ("no boundary", with("multipart/related; type=\"application/soap+xml\"", &good.body), &["EBMS:0007"]),
        (
            "missing part",
            with(&good.content_type, &[&good.body[..parts[1]], b"--test-boundary--\r\n"].concat()),
            &["EBMS:0007", "EBMS:0009"],
        ),
        (
            "no root",
            with(&good.content_type.replace("root@test", "none@test"), &good.body),
            &["EBMS:0007", "EBMS:0009"],
        ),
        ("two roots", with(soap, format!("{ping}{ping}").as_bytes()), &["EBMS:0009"]),
        ("part twice", with(&good.content_type, &twice(&good.body, &parts)), &["EBMS:0007"]),
        ("DTD", with(soap, format!("<!DOCTYPE a [<!ENTITY b \"c\">]>{ping}").as_bytes()), &["EBMS:0009"]),
        ("deep nesting", with(soap, deep.as_bytes()), &["EBMS:0009"]),
        (
            "deep nesting in the header",
            with(soap, ping.replacen("<eb:UserMessage", &format!("{deep}<eb:UserMessage"), 1).as_bytes()),
            &["EBMS:0009"],
        ),
        (
            "huge part header",
            good.replace(
                "Content-Transfer-Encoding",
                &format!("X: {}\r\nContent-Transfer-Encoding", "a".repeat(64 << 10)),
            ),
            &["EBMS:0007"],
        ),
        ("huge envelope", with(soap, format!("{ping}{}", " ".repeat(2 << 20)).as_bytes()), &["EBMS:0009"]),
        ("gzip bomb", peer.packed("bomb@test", &bomb), &["EBMS:0303"]),
        ("corrupt gzip", peer.packed("corrupt@test", b"\x1f\x8b\x08\x00 this is not deflate"), &["EBMS:0303"]),
        ("gzip cut short", peer.packed("short@test", &carnet_wire::gzip::deflate(REAL)[..200]), &["EBMS:0303"]),
        ("wrong content type", with("text/plain", &good.body), &["EBMS:0007"]),
        ("broken content type", with(";;;", &good.body), &["EBMS:0007"]),
        (
            "root that is no SOAP",
            good.replace("application/soap+xml; charset=UTF-8", "text/html; charset=UTF-8"),
            &["EBMS:0007"],
        ),
        (
            "base64",
            good.replace("Content-Transfer-Encoding: binary", "Content-Transfer-Encoding: base64"),
            &["EBMS:0007"],
        ),
        ("not UTF-8", with(soap, &[b"\xff\xfe", ping.as_bytes()].concat()), &["EBMS:0009"]),
        (
            "not UTF-8 inside",
            with(soap, &[&ping.as_bytes()[..200], b"\xc3\x28", &ping.as_bytes()[200..]].concat()),
            &["EBMS:0009"],
        ),
        ("empty body", with(soap, b""), &["EBMS:0009"]),
        ("empty multipart", with(&good.content_type, b""), &["EBMS:0007"]),
        ("1 MB of zeros", with(soap, &vec![0; 1_000_000]), &["EBMS:0009"]),
        ("1 MB of zeros as multipart", with(&good.content_type, &vec![0; 1_000_000]), &["EBMS:0007"]),
        ("not XML", with(soap, b"hello"), &["EBMS:0009"]),
        ("unsigned", with(soap, unsigned(&ping).as_bytes()), &["EBMS:0103"]),
        ("header altered", good.replace("<eb:ConversationId>c1<", "<eb:ConversationId>c2<"), &["EBMS:0101"]),
        ("payload altered", flipped(&good, parts[2] - 10), &["EBMS:0101"]),
        ("unknown party", good.replace(">PH<", ">XX<"), &["EBMS:0001"]),
        ("other receiver", good.replace(">TH<", ">XX<"), &["EBMS:0001"]),
        ("not agreed", good.replace(">anything<", ">everything<"), &["EBMS:0001"]),
    ];
    for (what, wire, expected) in &cases {
        let reply = peer.send(wire);
        assert!(expected.contains(&reply.refusal().as_str()), "{what}: {} {}", reply.refusal(), reply.text);
        let closed = peer.raw(&wire.chunked(1000));
        assert!(
            expected.contains(&closed.refusal().as_str()),
            "{what}, in chunks: {} {}",
            closed.refusal(),
            closed.text
        );
    }
    // The id of a refused message is not spent.
    stage.unharmed("broken@test");
}

#[test]
fn broken_requests_end_and_leave_nothing() {
    let stage = stage(
        "[limits]\nbody_grace = \"300ms\"\nbody_rate = 1000000\nheader_timeout = \"500ms\"\nbody_bytes = 3000000\n",
    );
    let peer = &stage.peer;
    let good = peer.message("request@test", REAL);
    let header = format!("X-Big: {}\r\n", "a".repeat(64 << 10));
    // The rest of the head may still be on its way when the node closes: the answer is then lost to a reset.
    let too_large = |octets: &[u8]| ["431", "closed"].contains(&peer.raw(octets).refusal().as_str());
    assert!(too_large(&good.request(&header)));
    let many: String = (0..1000).map(|n| format!("X-{n}: y\r\n")).collect();
    assert!(too_large(&good.request(&many)));
    let other = String::from_utf8_lossy(&good.request("")).replace("POST /as4", "POST /other").into_bytes();
    assert_eq!(peer.raw(&other[..good.request("").len().min(other.len())]).refusal(), "404");
    assert_eq!(peer.raw(b"GET /as4 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").refusal(), "405");
    assert_eq!(
        peer.raw(b"POST /as4 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: x\r\n\r\n").refusal(),
        "400"
    );
    assert_eq!(peer.raw(b"\0\0\0\0\r\n\r\n").refusal(), "400");
    let large = Wire { content_type: "application/soap+xml".to_owned(), body: vec![b' '; 4_000_000] };
    assert!(["413", "EBMS:0009", "closed"].contains(&peer.send(&large).refusal().as_str()));
    // Two lengths for one body.
    let smuggled = peer.raw(&good.request("Transfer-Encoding: chunked\r\n"));
    assert!(!smuggled.is_receipt(), "{smuggled:?}");
    // A slow drip: one byte at a time, never stopping, until the node has enough of it.
    let mut stream = peer.open();
    let request = good.request("");
    let begun = Instant::now();
    let mut sent = 0;
    while let Some(byte) = request.get(sent) {
        if begun.elapsed() > Duration::from_secs(10) || stream.write_all(&[*byte]).is_err() {
            break;
        }
        sent += 1;
        if sent > 400 {
            // Waits for the node's verdict as a dripping peer would wait between two bytes.
            stream.sock.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
            let mut answer = [0; 1];
            if stream.read(&mut answer).is_ok() {
                break;
            }
        }
    }
    assert!(sent < request.len() && begun.elapsed() < Duration::from_secs(10), "the drip went through: {sent}");
    // A head that never ends.
    let mut stream = peer.open();
    stream.write_all(b"POST /as4 HT").unwrap();
    let reply = read(&mut stream);
    assert!(["closed", "408"].contains(&reply.refusal().as_str()), "{reply:?}");
    stage.unharmed("request@test");
}

#[test]
fn a_connection_cut_anywhere_leaves_nothing() {
    let stage = stage("");
    let good = stage.peer.message("cut@test", REAL);
    let request = good.request("");
    let chunked = good.chunked(700);
    for octets in [&request, &chunked] {
        for end in (0..octets.len()).step_by(10) {
            let mut stream = stage.peer.open();
            stream.write_all(&octets[..end]).unwrap();
            stream.flush().unwrap();
            // Dropped without a word: neither TLS nor HTTP was ended.
        }
    }
    stage.unharmed("cut@test");
}

#[test]
fn large_messages_are_judged_before_their_parts_are_read() {
    let stage = stage("");
    let peer = &stage.peer;
    let noise = crate::world::noise(600_000);
    let good = peer.message("large@test", &noise);
    assert!(good.body.len() > 300_000);
    // A bad envelope is answered though most of the body never comes.
    let bad = good.replace("<eb:ConversationId>c1<", "<eb:ConversationId>c2<");
    let request = bad.request("");
    let mut stream = peer.open();
    let part = positions(&request, b"--test-boundary")[1];
    stream.write_all(&request[..part + 2000]).unwrap();
    stream.flush().unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    drop(stream);
    assert_eq!(flip_reply(peer, &good), "EBMS:0101");
    // So little more than is allowed that the node reads it to its end: else a reset may overtake the answer.
    let oversized: Vec<u8> = crate::world::noise(3 << 19);
    let reply = peer.send(&peer.packed("oversized@test", &oversized));
    assert_eq!(reply.refusal(), "EBMS:0010", "{reply:?}");
    assert!(peer.raw(&good.chunked(50_000)).is_receipt());
    let page = stage.node.get("/v1/messages").json();
    assert_eq!(page["items"].as_array().unwrap().len(), 1);
    let key = page["items"][0]["key"].as_i64().unwrap();
    assert_eq!(stage.node.get(&format!("/v1/messages/{key}/parts/1")).body, noise);
    let files = std::fs::read_dir(stage.party.folder.join("store/payloads")).unwrap().count();
    assert_eq!(files, 1);
}

#[test]
fn duplicates_are_receipted_again_and_conflicts_refused() {
    let stage = stage("");
    let peer = &stage.peer;
    let first = peer.message("twice@test", REAL);
    assert!(peer.send(&first).is_receipt());
    assert!(peer.send(&first).is_receipt(), "the same bytes again");
    assert!(peer.send(&peer.message("twice@test", REAL)).is_receipt(), "made anew with the same content");
    let other = peer.send(&peer.message("twice@test", b"<other/>"));
    assert_ne!(other.refusal(), "closed");
    let page = stage.node.wait("/v1/messages?state=delivered", |page| !page["items"].as_array().unwrap().is_empty());
    assert_eq!(page["items"].as_array().unwrap().len(), 1, "{page:#}");
    assert!(peer.send(&peer.ping("ping@test")).is_receipt(), "{}", stage.party.log());
    let page = stage.node.get("/v1/messages").json();
    assert_eq!(page["items"].as_array().unwrap().len(), 1, "a ping was delivered: {page:#}");
}

fn flip_reply(peer: &Peer, good: &Wire) -> String {
    peer.send(&flipped(good, good.body.len() / 2)).refusal()
}

fn flipped(wire: &Wire, at: usize) -> Wire {
    let mut wire = wire.clone();
    wire.body[at] ^= 1;
    wire
}

fn positions(body: &[u8], needle: &[u8]) -> Vec<usize> {
    body.windows(needle.len()).enumerate().filter(|(_, window)| *window == needle).map(|(at, _)| at).collect()
}

fn twice(body: &[u8], parts: &[usize]) -> Vec<u8> {
    [&body[..parts[2]], &body[parts[1]..]].concat()
}

/// The envelope without its security header.
fn unsigned(envelope: &str) -> String {
    let (from, to) = (envelope.find("<wsse:Security").unwrap(), envelope.find("</wsse:Security>").unwrap());
    format!("{}{}", &envelope[..from], &envelope[to + "</wsse:Security>".len()..])
}
