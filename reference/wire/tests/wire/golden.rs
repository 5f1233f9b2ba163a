//! Recorded phase4 exchanges: what is genuine holds, what was tampered with is refused for its own reason.

use carnet_wire::gzip::{self, GzipError};
use carnet_wire::mime::MimeError;
use carnet_wire::signature::{Policy, SignatureAlgorithm, SignatureError};
use carnet_wire::trust::TrustError;
use carnet_wire::{Limits, token};

use super::support::{Stop, capture, chain, receive, receive_knowing, unpack};

fn request(name: &str) -> Result<usize, Stop> {
    receive(&capture(&format!("{name}.request")), &Policy::default()).map(|v| v.references.len())
}

#[test]
fn genuine_requests_hold() {
    let expected = [
        ("01-sign-x509v3", 3),
        ("02-sign-x509v3-gzip", 3),
        ("03-sign-pkipath-gzip", 3),
        ("04-gzip-two-attachments", 5),
        ("05-message-properties", 3),
        ("06-ping", 2),
        ("07-ping-with-payload", 3),
        ("08-duplicate-first", 3),
        ("09-duplicate-second", 3),
    ];
    for (name, references) in expected {
        assert_eq!(request(name), Ok(references), "{name}");
    }
}

#[test]
fn receipts_and_signed_errors_hold() {
    let names = [
        "01-sign-x509v3",
        "02-sign-x509v3-gzip",
        "03-sign-pkipath-gzip",
        "04-gzip-two-attachments",
        "05-message-properties",
        "06-ping",
        "07-ping-with-payload",
        "08-duplicate-first",
        "09-duplicate-second",
        "10-unsigned-refused",
        "11-payload-changed",
        "12-signature-changed",
        "13-messaging-changed",
        "14-body-not-signed",
        "15-not-gzip",
        "16-corrupt-gzip",
        "24-other-ca",
    ];
    for name in names {
        let result = receive(&capture(&format!("{name}.response")), &Policy::default());
        assert_eq!(result.map(|v| (v.elements.len(), v.parts.len())), Ok((2, 0)), "{name}");
    }
}

#[test]
fn tampered_requests_are_refused_for_their_own_reason() {
    let expected = [
        ("10-unsigned-refused", Stop::Xml(carnet_wire::xml::XmlError::Missing { name: "Security".to_owned() })),
        ("11-payload-changed", Stop::Part),
        ("12-signature-changed", Stop::Signature(SignatureError::Mismatch)),
        ("13-messaging-changed", Stop::Signature(SignatureError::Digest)),
        ("14-body-not-signed", Stop::Coverage("Body")),
        ("17-cut-short", Stop::Mime(MimeError::Truncated)),
        ("24-other-ca", Stop::Trust(TrustError::UnknownIssuer)),
        ("25-expired", Stop::Trust(TrustError::Expired)),
        ("27-edelivery2-ed25519-signed", Stop::Signature(SignatureError::Algorithm)),
    ];
    for (name, stop) in expected {
        assert_eq!(request(name), Err(stop), "{name}");
    }
}

#[test]
fn a_leaf_alone_needs_its_issuer_to_be_known() {
    let sent = capture("23-leaf-only-untrusted.request");
    let stop = receive_knowing(&sent, &Policy::default(), &[]);
    assert_eq!(stop, Err(Stop::Trust(TrustError::UnknownIssuer)));
    assert!(receive(&sent, &Policy::default()).is_ok());
}

#[test]
fn ed25519_holds_where_it_is_agreed() {
    let policy = Policy { signatures: vec![SignatureAlgorithm::Ed25519], ..Policy::default() };
    for side in ["request", "response"] {
        let result = receive(&capture(&format!("27-edelivery2-ed25519-signed.{side}")), &policy);
        assert!(result.is_ok(), "{side}: {result:?}");
    }
}

#[test]
fn parts_inflate_or_say_why_not() {
    let part = |name: &str| unpack(&capture(&format!("{name}.request"))).unwrap().1.remove(0).1;
    let limits = Limits::default();
    let inflated = gzip::inflate(&part("02-sign-x509v3-gzip"), &limits).unwrap();
    assert!(inflated.starts_with(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Declaration>"));
    assert_eq!(gzip::inflate(&part("15-not-gzip"), &limits), Err(GzipError::Corrupt));
    assert_eq!(gzip::inflate(&part("16-corrupt-gzip"), &limits), Err(GzipError::Corrupt));
}

#[test]
fn the_path_in_the_token_is_the_chain_leaf_first() {
    let verified = receive(&capture("03-sign-pkipath-gzip.request"), &Policy::default()).unwrap();
    assert_eq!(verified.parts.len(), 1);
    let path = token::pkipath(&chain("blue"));
    assert_eq!(token::read_pkipath(&path, 10).unwrap(), chain("blue"));
    assert_eq!(token::subject(&chain("blue")[0]).unwrap().rfc4514, "CN=blue,O=AS4 peer test,C=EU");
}
