//! Our signatures under another tool: xmlsec1 verifies every kind of envelope this machine signs, as it was sent.
//!
//! A missing xmlsec1 is a visible skip by hand and a failure where `CI` is set. xmlsec1 knows no SwA attachments, so
//! envelopes without parts are given to it whole; the part's own reference is checked by phase4 and in `answers`.

#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "runs another program on files of its own")]

use crate::answers::submission;
use crate::driver::signal;
use crate::parties::{ics2, now, red, vector};
use carnet_as4::header::{PartDigest, Transform};
use carnet_as4::id::{Action, Service};
use carnet_as4::inbound::{Fault, Refusal};
use carnet_as4::ns;
use carnet_as4::outbound::package;
use carnet_as4::pmode::TokenForm;
use carnet_as4::respond::Draft;
use std::process::Command;

#[test]
fn xmlsec1_verifies_what_this_machine_signs() {
    if !present() {
        assert!(std::env::var_os("CI").is_none(), "xmlsec1 is not installed");
        eprintln_skip();
        return;
    }
    for (name, envelope) in envelopes() {
        assert!(verifies(&envelope), "{name}: {}", String::from_utf8_lossy(&envelope));
        // The judge can say no: one character changed in the header or body breaks it.
        let text = String::from_utf8(envelope).expect("utf-8");
        let broken = text.replacen("</S12:Body>", " </S12:Body>", 1);
        assert!(!verifies(broken.as_bytes()), "{name} broken");
    }
}

fn envelopes() -> Vec<(&'static str, Vec<u8>)> {
    let mut ping = submission("ping-1@trader", Vec::new());
    ping.service = Service::new(ns::TEST_SERVICE, None).expect("service");
    ping.action = Action::parse(ns::TEST_ACTION).expect("action");
    ping.properties = vec![crate::driver::property("text <&> \"quoted\"", "a\tb\r\nc & <d> \u{e9}")];
    let package = package(&ics2(), &ping).expect("package");
    let transform = Transform { algorithm: "urn:t".to_owned(), prefixes: vec!["S12".to_owned(), "eb".to_owned()] };
    let digest = PartDigest {
        uri: "#a".to_owned(),
        algorithm: ns::SHA256.to_owned(),
        value: "AAAA".to_owned(),
        transforms: vec![transform],
    };
    let refusal = |fault| Refusal { message_id: Some(ping.message_id.clone()), fault };
    let form = TokenForm::X509v3;
    let soap = refusal(Fault::Soap(carnet_as4::SoapError::Version));
    let draft = |draft: Draft| draft.sign(&red()).expect("signed").body;
    vec![
        ("message", package.sign(&red()).expect("signed").envelope),
        ("receipt", draft(Draft::receipt(package.message(), vec![digest], TokenForm::PkiPath, signal("r@x", now())))),
        ("error", draft(Draft::error(&refusal(Fault::BodyNotEmpty), form, signal("e@x", now())))),
        ("fault", draft(Draft::error(&soap, form, signal("f@x", now())))),
    ]
}

fn verifies(envelope: &[u8]) -> bool {
    let folder = tempfile::tempdir().expect("folder");
    let (file, certificate) = (folder.path().join("envelope.xml"), folder.path().join("signer.pem"));
    // xmlsec1 does not follow a SecurityTokenReference; without KeyInfo it takes the certificate it is given. Nothing
    // that is signed changes by that.
    let mut text = String::from_utf8(envelope.to_vec()).expect("utf-8");
    let from = text.find("<ds:KeyInfo").expect("KeyInfo");
    let to = text.find("</ds:KeyInfo>").expect("KeyInfo") + "</ds:KeyInfo>".len();
    text.replace_range(from..to, "");
    std::fs::write(&file, text).expect("write");
    std::fs::write(&certificate, vector!("keys/red-chain.pem")).expect("write");
    let output = Command::new("xmlsec1")
        .args(["--verify", "--pubkey-cert-pem"])
        .arg(&certificate)
        .args(["--id-attr:Id", &format!("{}:Messaging", ns::EBMS)])
        .args(["--id-attr:Id", &format!("{}:Body", ns::SOAP12)])
        .arg(&file)
        .output()
        .expect("xmlsec1 runs");
    output.status.success()
}

fn present() -> bool {
    Command::new("xmlsec1").arg("--version").output().is_ok_and(|output| output.status.success())
}

#[expect(clippy::print_stderr, reason = "a skipped test has to be seen")]
fn eprintln_skip() {
    eprintln!("skipped: xmlsec1 is not installed");
}
