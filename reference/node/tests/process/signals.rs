//! What a reload changes and what it leaves, and what a stop does for who waits.

use std::thread;

use crate::encrypted::reload;
use crate::world::http::request;
use crate::world::{Agreement, World};

#[test]
fn what_needs_a_restart_is_told_and_left_as_it_was() {
    let world = World::new();
    let (ph, th) = world.pair(&Agreement::default());
    let (ph_node, _th_node) = (ph.start(), th.start());
    let before = std::fs::read_to_string(ph.config()).unwrap();
    let after = before.replace("ready_file = \"ready.json\"", "ready_file = \"other.json\"")
        + "[workers]\nsends = 1\n[registry]\nenabled = false\n[log]\nfilter = \"warn\"\n[limits]\nhandshakes = 7\nbody_bytes = 1000\n";
    std::fs::write(ph.config(), after).unwrap();
    reload(&ph, &ph_node);
    let log = ph.log();
    for table in ["[workers]", "[registry]", "[log]", "[limits] handshakes", "ready_file"] {
        let told = format!("a change needs a restart and was left as it was table=\"{table}\"");
        assert!(log.contains(&told), "{told} is not in {log}");
    }
    assert_eq!(log.matches("needs a restart").count(), 5, "{log}");
    // Other limits are in force, for the back end as well.
    let long =
        request(ph_node.api, "POST", "/v1/messages?to=TH", &[("content-type", "application/xml")], &[b' '; 1001]);
    assert_eq!(long.status, 413, "{}", long.head);
    std::fs::write(ph.config(), before.replace("[store]", "[log]\nfilter = \"a=b=c\"\n[store]")).unwrap();
    ph_node.signal("-HUP");
    let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while !ph.log().contains("kept the old configuration") {
        assert!(std::time::Instant::now() < end, "never refused: {}", ph.log());
        thread::yield_now();
    }
    let ping = request(ph_node.api, "POST", "/v1/pings?to=TH", &[("prefer", "respond-async, Wait=\"20\"")], b"");
    assert_eq!((ping.status, &ping.json()["state"]), (200, &"delivered".into()));
    assert_eq!(ph_node.stop(), Some(0));
}

#[test]
fn who_waits_is_answered_when_the_node_stops() {
    let world = World::new();
    let (ph, _) = world.pair(&Agreement::default());
    let node = ph.start();
    let api = node.api;
    // Its partner does not run: the message waits for its next attempt, and the producer with it.
    let waiting = thread::spawn(move || request(api, "POST", "/v1/pings?to=TH", &[("prefer", "wait=60")], b""));
    let items = |list: &serde_json::Value| list["items"].as_array().is_some_and(|items| !items.is_empty());
    node.wait("/v1/messages?direction=out", items);
    assert_eq!(node.stop(), Some(0));
    let answer = waiting.join().unwrap();
    assert_eq!((answer.status, &answer.json()["state"]), (202, &"submitted".into()));
}
