//! What a node does with a revocation list past its next update: what `[tls.revocation]` says.

#![expect(clippy::unwrap_used, reason = "a helper of tests fails its test")]

use crate::encrypted::reload;
use crate::world::{Agreement, Node, Party, World};

/// Sends one document; whether it was delivered, or its producer told that it was not.
fn arrives(from: &Node) -> bool {
    let path = "/v1/messages?to=TH&service=urn:test:service&action=anything";
    let key = from.post(path, "application/xml", b"<a/>").json()["key"].as_i64().unwrap();
    let settled = from.wait(&format!("/v1/messages/{key}"), |message| {
        message["state"] == "delivered" || message["state"] == "failed"
    });
    settled["state"] == "delivered"
}

/// Puts the list into the kit that lets `us` talk to `partner`.
fn load(us: &Party, partner: &Party, list: &str) {
    let folder = us.folder.join("kits").join(&partner.id);
    std::fs::write(folder.join("authority.crl"), list).unwrap();
    let kit = std::fs::read_to_string(folder.join("kit.toml")).unwrap();
    if !kit.contains("crls") {
        std::fs::write(folder.join("kit.toml"), kit.replace("pmodes = ", "crls = [\"authority.crl\"]\npmodes = "))
            .unwrap();
    }
}

#[test]
fn a_stale_list_keeps_partners_out_until_a_fresh_one_is_loaded_or_stale_ones_are_allowed() {
    let world = World::new();
    let agreement = Agreement { retry_count: 0, ..Agreement::default() };
    let (ph, th) = world.pair(&agreement);
    let (stale, fresh) = (world.authority.list(2001), world.authority.list(4000));
    load(&th, &ph, &stale);
    let (ph_node, th_node) = (ph.start(), th.start());
    assert!(!arrives(&ph_node), "nobody knows what a list of 2001 says today");
    load(&th, &ph, &fresh);
    reload(&th, &th_node);
    assert!(arrives(&ph_node), "the list is fresh");
    load(&th, &ph, &stale);
    reload(&th, &th_node);
    assert!(!arrives(&ph_node), "a connection that is kept is asked again");
    th.configure(th.port(), &["PH"], "[tls.revocation]\nstale = \"allow\"\n");
    reload(&th, &th_node);
    assert!(arrives(&ph_node), "stale lists are allowed");
}
