//! Nodes as processes exchange encrypted messages, and change their keys while they do.

#![expect(clippy::unwrap_used, reason = "a helper of tests fails its test")]

use crate::world::pki::Issued;
use crate::world::{Agreement, Node, Party, World, noise, pmode};

/// What a node logs once a reload is in force.
const RELOADED: &str = "put the new configuration in force";
const ANYTHING: &str = "/v1/messages?to=TH&service=urn:test:service&action=anything";

/// A pair under a profile that encrypts: RSA, or Ed25519 with P-256.
fn pair(world: &World, profile: &str) -> (Party, Party) {
    let agreement = Agreement::default();
    let (ph, th) = world.pair(&agreement);
    let rsa = profile == "edelivery-1.15-encrypted";
    for (us, partner) in [(&ph, &th), (&th, &ph)] {
        if !rsa {
            let signing = world.authority.signing_ed25519(&format!("{} signing", us.id));
            std::fs::write(us.folder.join("signing.pem"), &signing.chain).unwrap();
            std::fs::write(us.folder.join("signing.key"), &signing.key).unwrap();
        }
        let text = |from: &Party, to: &Party| {
            pmode(&from.id, &to.id, &agreement).replace("\"customs-c2c\"", &format!("\"{profile}\""))
        };
        World::agree(us, partner, &text(us, partner), &text(partner, us));
        encrypt_for(world, us, partner, "first", rsa);
        decrypt_with(us, partner, &["first"]);
    }
    (ph, th)
}

/// Makes an encryption key of that name for `us`, and tells the partner.
fn encrypt_for(world: &World, us: &Party, partner: &Party, name: &str, rsa: bool) {
    let Issued { chain, key } = world.authority.encryption(&format!("{} {name}", us.id), rsa);
    std::fs::write(us.folder.join(format!("{name}.pem")), &chain).unwrap();
    std::fs::write(us.folder.join(format!("{name}.key")), &key).unwrap();
    let folder = partner.folder.join("kits").join(&us.id);
    std::fs::write(folder.join("encryption.pem"), &chain).unwrap();
    let kit = std::fs::read_to_string(folder.join("kit.toml")).unwrap();
    if !kit.contains("encryption_certificate") {
        let kit = kit.replace("pmodes = ", "encryption_certificate = \"encryption.pem\"\npmodes = ");
        std::fs::write(folder.join("kit.toml"), kit).unwrap();
    }
}

fn decrypt_with(us: &Party, partner: &Party, names: &[&str]) {
    us.configure(us.port(), &[&partner.id], &decryption(names));
}

fn decryption(names: &[&str]) -> String {
    let tables = names.iter().map(|name| format!("[[decryption]]\nchain = \"{name}.pem\"\nkey = \"{name}.key\"\n"));
    format!("{}[limits]\nencrypted_bytes = 1000000\n", tables.collect::<String>())
}

fn deliver(from: &Node, to: &Node, document: &[u8], count: usize) {
    let submitted = from.post(ANYTHING, "application/octet-stream", document);
    assert_eq!(submitted.status, 202, "{}", String::from_utf8_lossy(&submitted.body));
    let sent = from.wait_state(submitted.json()["key"].as_i64().unwrap(), "delivered");
    assert_eq!(sent["attempts"], 1, "{sent:#}");
    let page = to.wait("/v1/messages?direction=in&state=delivered", |page| {
        page["items"].as_array().is_some_and(|items| items.len() == count)
    });
    let keys = page["items"].as_array().unwrap().iter().map(|item| item["key"].as_i64().unwrap());
    let payload = to.get(&format!("/v1/messages/{}/parts/1", keys.max().unwrap()));
    assert!(payload.body == document, "another document arrived");
}

#[test]
fn encrypted_documents_arrive_small_and_large() {
    for profile in ["edelivery-1.15-encrypted", "edelivery-2.0"] {
        let world = World::new();
        let (ph, th) = pair(&world, profile);
        let (ph_node, th_node) = (ph.start(), th.start());
        deliver(&ph_node, &th_node, b"a secret", 1);
        // Beyond what is judged in one go and what the spool keeps in memory.
        deliver(&ph_node, &th_node, &noise(700_000), 2);
        // A part that does not fit memory is refused before anything is stored.
        let refused = ph_node.post(ANYTHING, "application/octet-stream", &noise(1_100_000));
        assert!((400..500).contains(&refused.status), "{}", refused.status);
        assert_eq!(ph_node.stop(), Some(0));
        assert_eq!(th_node.stop(), Some(0));
    }
}

/// PH offers, TH pulls: what is pulled is decrypted, and its receipt settles it.
#[test]
fn encrypted_documents_are_pulled_small_and_large() {
    for profile in ["edelivery-1.15-encrypted", "edelivery-2.0"] {
        let world = World::new();
        let (ph, th) = pair(&world, profile);
        let pull = pmode("TH", "PH", &Agreement::default()).replace("\"customs-c2c\"", &format!("\"{profile}\""));
        let pull = pull.replace("one-way-push", "one-way-pull").replace(".declaration\"", ".pull\"");
        let pull = pull.replace("ns/core/200704/defaultMPC", "ns/core/200704/th");
        std::fs::write(ph.folder.join("kits/TH/out.toml"), &pull).unwrap();
        std::fs::write(th.folder.join("kits/PH/in.toml"), &pull).unwrap();
        let pulls = format!("{}[pull]\ninterval = \"100ms\"\n", decryption(&["first"]));
        th.configure(th.port(), &["PH"], &pulls);
        let (ph_node, th_node) = (ph.start(), th.start());
        deliver(&ph_node, &th_node, b"a secret", 1);
        deliver(&ph_node, &th_node, &noise(700_000), 2);
        let waited = ph_node.get("/v1/messages?direction=out").json();
        assert_eq!(waited["items"][0]["pmode"], "customs-c2c.TH.PH.pull", "{waited:#}");
        assert_eq!((ph_node.stop(), th_node.stop()), (Some(0), Some(0)));
    }
}

#[test]
fn keys_roll_over_by_reload_while_messages_pass() {
    let world = World::new();
    let (ph, th) = pair(&world, "edelivery-2.0");
    let (ph_node, th_node) = (ph.start(), th.start());
    deliver(&ph_node, &th_node, b"under the first key", 1);
    // The receiver knows both keys before its partner encrypts for the second.
    encrypt_for(&world, &th, &ph, "second", false);
    decrypt_with(&th, &ph, &["second", "first"]);
    reload(&th, &th_node);
    deliver(&ph_node, &th_node, b"still under the first key", 2);
    reload(&ph, &ph_node);
    decrypt_with(&th, &ph, &["second"]);
    reload(&th, &th_node);
    deliver(&ph_node, &th_node, b"under the second key", 3);
}

/// Reloads and waits until the node says so.
pub(crate) fn reload(party: &Party, node: &Node) {
    let before = party.log().matches(RELOADED).count();
    node.signal("-HUP");
    let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while party.log().matches(RELOADED).count() == before {
        assert!(std::time::Instant::now() < end, "never reloaded: {}", party.log());
        std::thread::yield_now();
    }
}
