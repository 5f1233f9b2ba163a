//! A node with more to do than it takes on says so, and keeps what it receipted.

#![expect(clippy::unwrap_used, reason = "a helper of tests fails its test")]

use std::io::Write;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use crate::world::peer::{Peer, Reply, Wire, read};
use crate::world::{Agreement, World};

/// Messages at the same moment.
const BURST: usize = 16;

#[test]
fn a_full_queue_is_answered_503_and_the_message_is_taken_later() {
    let world = World::new();
    let (ph, th) = world.pair(&Agreement::default());
    th.configure(th.port(), &["PH"], "[workers]\nthreads = 1\nqueue = 1\n");
    let node = th.start();
    let peer = Peer::new(&world, &ph, &th, node.as4);
    let (mut sent, mut turned_away) = (0, Vec::new());
    let end = Instant::now() + Duration::from_secs(30);
    // One burst is enough unless the node is faster than the bursts.
    while turned_away.is_empty() {
        assert!(Instant::now() < end, "the queue was never full: {}", th.log());
        let wires: Vec<Wire> = (sent..sent + BURST).map(|n| peer.message(&format!("busy-{n}@test"), b"<a/>")).collect();
        sent += BURST;
        for (wire, reply) in wires.iter().zip(at_once(&peer, &wires)) {
            if !reply.is_receipt() {
                assert_eq!(reply.refusal(), "503", "{reply:?}");
                assert!(reply.text.to_ascii_lowercase().contains("retry-after: 1"), "{reply:?}");
                turned_away.push(wire.clone());
            }
        }
    }
    let stored = || {
        let page = node.get("/v1/messages?direction=in&limit=1000").json();
        page["items"].as_array().unwrap().len()
    };
    assert_eq!(stored(), sent - turned_away.len(), "what was turned away is not kept, all else is");
    for wire in &turned_away {
        assert!(peer.send(wire).is_receipt(), "{}", th.log());
    }
    assert_eq!(stored(), sent);
}

/// Sends each on a connection of its own, all at the same moment.
fn at_once(peer: &Peer, wires: &[Wire]) -> Vec<Reply> {
    let ready = Barrier::new(wires.len());
    std::thread::scope(|scope| {
        let senders: Vec<_> = wires
            .iter()
            .map(|wire| {
                scope.spawn(|| {
                    let mut stream = peer.open();
                    stream.conn.complete_io(&mut stream.sock).unwrap();
                    ready.wait();
                    stream.write_all(&wire.request("")).unwrap();
                    read(&mut stream)
                })
            })
            .collect();
        senders.into_iter().map(|sender| sender.join().unwrap()).collect()
    })
}
