//! The receipt of a real exchange under another tool: xmlsec1 verifies it as it was sent.
//!
//! A missing xmlsec1 is a visible skip by hand and a failure where `CI` is set.

#![expect(clippy::unwrap_used, reason = "a helper of tests fails its test")]

use std::path::Path;
use std::process::Command;

use crate::world::{Agreement, World};

#[test]
fn xmlsec1_verifies_the_receipt_that_was_sent() {
    if !Command::new("xmlsec1").arg("--version").output().is_ok_and(|output| output.status.success()) {
        assert!(std::env::var_os("CI").is_none(), "xmlsec1 is not installed");
        skip();
        return;
    }
    let world = World::new();
    let (ph, th) = world.pair(&Agreement::default());
    let (ph_node, _th_node) = (ph.start(), th.start());
    let path = "/v1/messages?to=TH&service=urn:test:service&action=anything";
    let key = ph_node.post(path, "application/xml", b"<a/>").json()["key"].as_i64().unwrap();
    ph_node.wait_state(key, "delivered");
    let receipt = String::from_utf8(ph_node.get(&format!("/v1/messages/{key}/receipt")).body).unwrap();
    assert!(receipt.contains("NonRepudiationInformation"), "{receipt}");
    let (theirs, ours) = (th.folder.join("signing.pem"), ph.folder.join("signing.pem"));
    assert!(verifies(world.folder.path(), &receipt, &theirs));
    assert!(!verifies(world.folder.path(), &receipt, &ours), "verified by a key that did not sign");
    let body = receipt.replacen("</S12:Body>", " </S12:Body>", 1);
    assert!(body != receipt && !verifies(world.folder.path(), &body, &theirs), "the empty Body is not signed");
    let digest = receipt.replacen("<ebbp:MessagePartNRInformation>", "<ebbp:MessagePartNRInformation> ", 1);
    assert!(digest != receipt && !verifies(world.folder.path(), &digest, &theirs), "the digests are not signed");
}

fn verifies(folder: &Path, envelope: &str, certificate: &Path) -> bool {
    // xmlsec1 does not follow a SecurityTokenReference; without KeyInfo it takes the certificate it is given. Nothing
    // that is signed changes by that.
    let (before, rest) = envelope.split_once("<ds:KeyInfo").unwrap();
    let (_, after) = rest.split_once("</ds:KeyInfo>").unwrap();
    let file = folder.join("envelope.xml");
    std::fs::write(&file, format!("{before}{after}")).unwrap();
    let output = Command::new("xmlsec1")
        .args(["--verify", "--pubkey-cert-pem"])
        .arg(certificate)
        .args(["--id-attr:Id", &format!("{}:Messaging", carnet_as4::ns::EBMS)])
        .args(["--id-attr:Id", &format!("{}:Body", carnet_as4::ns::SOAP12)])
        .arg(&file)
        .output()
        .unwrap();
    output.status.success()
}

#[expect(clippy::print_stderr, reason = "a skipped test has to be seen")]
fn skip() {
    eprintln!("skipped: xmlsec1 is not installed");
}
