//! Large payloads pass through in small pieces; one that the disk has no room for is refused before it is sent, and one that
//! is cut off leaves nothing. `ci/large` does the same with a gigabyte.

#![expect(clippy::unwrap_used, reason = "a helper of tests fails its test")]

use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use crate::world::peer::{Peer, Stream, Wire};
use crate::world::{Agreement, Party, TOKEN, World, http, noise};

const SUBMIT: &str = "/v1/messages?to=TH&service=urn:test:service&action=anything";
const MIB: usize = 1 << 20;
const PAYLOAD: usize = 64 * MIB;
/// Submitted at the same moment.
const AT_ONCE: usize = 3;

fn agreement() -> Agreement {
    Agreement { retry_interval: "60s", max_bytes: 128 << 20, ..Agreement::default() }
}

fn payload_files(party: &Party) -> usize {
    std::fs::read_dir(party.folder.join("store/payloads")).unwrap().count()
}

fn wait_for_files(party: &Party, expected: usize) {
    let end = Instant::now() + Duration::from_secs(20);
    while payload_files(party) != expected {
        assert!(Instant::now() < end, "{} payload files, expected {expected}", payload_files(party));
        std::thread::yield_now();
    }
}

/// The answer as far as it names an error.
fn error_code(stream: &mut Stream) -> String {
    let (mut text, mut piece) = (String::new(), [0; 1024]);
    loop {
        let read = stream.read(&mut piece).unwrap();
        assert_ne!(read, 0, "no error in {text}");
        text.push_str(&String::from_utf8_lossy(&piece[..read]));
        if let Some((_, code)) = text.split_once("errorCode=\"").filter(|(_, code)| code.contains('"')) {
            return format!("{} {}", &text[9..12], code.split('"').next().unwrap());
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn several_large_payloads_at_once_cost_little_memory() {
    let world = World::new();
    let (ph, th) = world.pair(&agreement());
    let (ph_node, th_node) = (ph.start(), th.start());
    let prefer = [("content-type", "application/octet-stream"), ("prefer", "wait=60")];
    let submit = |document: &[u8]| {
        let told = http::request(ph_node.api, "POST", SUBMIT, &prefer, document);
        assert!([200, 202].contains(&told.status), "{}", String::from_utf8_lossy(&told.body));
        ph_node.wait_state(told.json()["key"].as_i64().unwrap(), "delivered");
    };
    submit(b"the first costs what it costs");
    let idle = [ph_node.peak(), th_node.peak()];
    let payload = noise(PAYLOAD);
    std::thread::scope(|scope| (0..AT_ONCE).for_each(|_| drop(scope.spawn(|| submit(&payload)))));
    let page = th_node.get("/v1/messages?direction=in&state=delivered").json();
    let mut keys: Vec<_> = page["items"].as_array().unwrap().iter().map(|item| item["key"].as_i64().unwrap()).collect();
    keys.sort_unstable();
    assert_eq!(keys.len(), AT_ONCE + 1);
    for key in &keys[1..] {
        let part = th_node.get(&format!("/v1/messages/{key}/parts/1"));
        assert!(part.body == payload, "another payload arrived");
    }
    for (name, idle, peak) in [("sender", idle[0], ph_node.peak()), ("receiver", idle[1], th_node.peak())] {
        let (idle, peak) = (idle / MIB, peak / MIB);
        assert!(peak - idle < PAYLOAD / MIB / 2 && peak < 150, "{name}: {peak} MiB after {idle} MiB");
    }
    // What was taken in for sending is gone, what was sent and received is kept.
    assert_eq!((payload_files(&ph), payload_files(&th)), (AT_ONCE, AT_ONCE));
}

#[test]
fn a_large_transfer_that_is_cut_leaves_no_file() {
    let world = World::new();
    let (ph, th) = world.pair(&agreement());
    let node = th.start();
    let peer = Peer::new(&world, &ph, &th, node.as4);
    let wire = peer.message("cut@test", &noise(8 * MIB));
    let request = wire.request("");
    let half = |peer: &Peer| {
        let mut stream = peer.open();
        stream.write_all(&request[..request.len() / 2]).unwrap();
        stream.flush().unwrap();
        wait_for_files(&th, 1);
        stream
    };
    drop(half(&peer));
    wait_for_files(&th, 0);
    // The node itself ends in the middle: its next start clears up.
    let stream = half(&peer);
    node.kill();
    drop(stream);
    assert_eq!(payload_files(&th), 1);
    let node = th.start();
    assert_eq!(payload_files(&th), 0);
    assert_eq!(node.get("/v1/messages").json()["items"].as_array().unwrap().len(), 0);
    let peer = Peer::new(&world, &ph, &th, node.as4);
    assert!(peer.send(&wire).is_receipt(), "its id is not spent: {}", th.log());
    assert_eq!(payload_files(&th), 1);
}

#[test]
fn what_the_disk_has_no_room_for_is_refused_before_it_is_sent() {
    let world = World::new();
    let (ph, th) = world.pair(&agreement());
    let node = th.start();
    let peer = Peer::new(&world, &ph, &th, node.as4);
    let wire = peer.message("announced@test", &noise(MIB));
    let head = |wire: &Wire, length: u64| {
        format!(
            "POST /as4 HTTP/1.1\r\nHost: localhost\r\nContent-Type: {}\r\nContent-Length: {length}\r\n\r\n",
            wire.content_type
        )
    };
    // Of a petabyte that is announced, the envelope and the first bytes.
    let mut stream = peer.open();
    stream.write_all(head(&wire, 1 << 50).as_bytes()).unwrap();
    stream.write_all(&wire.body[..wire.body.len() / 2]).unwrap();
    stream.flush().unwrap();
    assert_eq!(error_code(&mut stream), "503 EBMS:0202");
    assert_eq!(payload_files(&th), 0);
    assert!(peer.send(&wire).is_receipt(), "{}", th.log());
}

#[test]
fn a_reserve_is_kept_from_partners_and_back_end_alike() {
    let world = World::new();
    let (ph, th) = world.pair(&agreement());
    let store = "[store]\ndir = \"store\"\n";
    let config = std::fs::read_to_string(th.config()).unwrap();
    assert!(config.contains(store));
    // More than any disk has.
    std::fs::write(th.config(), config.replace(store, &format!("{store}reserve_bytes = {}\n", 1_u64 << 60))).unwrap();
    let node = th.start();
    let peer = Peer::new(&world, &ph, &th, node.as4);
    let large = noise(MIB);
    let chunked = peer.raw(&peer.message("chunked@test", &large).chunked(100_000));
    assert_eq!(chunked.refusal(), "EBMS:0202", "{chunked:?}");
    let submit = SUBMIT.replace("to=TH", "to=PH");
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/octet-stream")];
    let told = http::begun(node.api, "POST", &submit, &headers, large.len(), b"");
    assert_eq!((told.status, &told.json()["type"]), (507, &serde_json::json!("urn:carnet:problem:full")));
    assert_eq!(payload_files(&th), 0);
    // What stays in memory needs no room.
    assert!(peer.send(&peer.message("small@test", b"<a/>")).is_receipt(), "{}", th.log());
    assert_eq!(node.post(&submit, "application/octet-stream", b"small").status, 202);
}
