//! A node takes its keys as openssl writes them: PKCS#12, PKCS#1, SEC1.
//!
//! A missing openssl is a visible skip by hand and a failure where `CI` is set.

#![expect(clippy::unwrap_used, reason = "a helper of tests fails its test")]

use std::path::Path;
use std::process::Command;

use crate::world::{Agreement, Party, World};

#[test]
fn nodes_with_keys_in_every_form_exchange_messages() {
    if !Command::new("openssl").arg("version").output().is_ok_and(|output| output.status.success()) {
        assert!(std::env::var_os("CI").is_none(), "openssl is not installed");
        skip();
        return;
    }
    let world = World::new();
    let (ph, th) = world.pair(&Agreement::default());
    std::fs::write(ph.folder.join("p12.password"), "of the file\n").unwrap();
    for name in ["tls", "signing"] {
        let (key, chain, file) = (format!("{name}.key"), format!("{name}.pem"), format!("{name}.p12"));
        let export =
            ["pkcs12", "-export", "-inkey", &key, "-in", &chain, "-passout", "file:p12.password", "-out", &file];
        openssl(&ph.folder, &export);
        let pkcs12 = format!("pkcs12 = \"{file}\"\npassword_file = \"p12.password\"\n");
        replace(&ph, &format!("chain = \"{chain}\"\nkey = \"{key}\"\n"), &pkcs12);
    }
    openssl(&th.folder, &["ec", "-in", "tls.key", "-out", "tls.sec1"]);
    openssl(&th.folder, &["rsa", "-in", "signing.key", "-traditional", "-out", "signing.pkcs1"]);
    for (old, new, form) in [("tls.key", "tls.sec1", "EC"), ("signing.key", "signing.pkcs1", "RSA")] {
        let text = std::fs::read_to_string(th.folder.join(new)).unwrap();
        assert!(text.starts_with(&format!("-----BEGIN {form} PRIVATE KEY-----")), "{new}");
        replace(&th, &format!("key = \"{old}\""), &format!("key = \"{new}\""));
    }
    let (ph_node, th_node) = (ph.start(), th.start());
    for (from, to) in [(&ph_node, "TH"), (&th_node, "PH")] {
        let path = format!("/v1/messages?to={to}&service=urn:test:service&action=anything");
        let key = from.post(&path, "application/xml", b"<a/>").json()["key"].as_i64().unwrap();
        from.wait_state(key, "delivered");
    }
}

fn openssl(folder: &Path, arguments: &[&str]) {
    let output = Command::new("openssl").args(arguments).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn replace(party: &Party, old: &str, new: &str) {
    let text = std::fs::read_to_string(party.config()).unwrap();
    assert!(text.contains(old), "{old:?} is not in {text}");
    std::fs::write(party.config(), text.replace(old, new)).unwrap();
}

#[expect(clippy::print_stderr, reason = "a skipped test has to be seen")]
fn skip() {
    eprintln!("skipped: openssl is not installed");
}
