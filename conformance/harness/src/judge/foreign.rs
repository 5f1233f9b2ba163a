//! Messages and receipts that another product made are read as good, in the forms that it gives them: prefix lists in
//! canonical forms, chunked bodies, a Security header before Messaging, receipts as bare SOAP, paths with the root first.

use std::path::Path;

use super::ebms::{self, Ebms};
use crate::http::{self, Message};
use crate::root::{self, Package};

/// Pairs of `fixtures/vectors/phase4` whose receipts are good, with the token of the request.
const GOOD: [(&str, &str); 8] = [
    ("01-sign-x509v3", "x509-v3"),
    ("02-sign-x509v3-gzip", "x509-v3"),
    ("03-sign-pkipath-gzip", "x509-pkipath"),
    ("04-gzip-two-attachments", "x509-pkipath"),
    ("05-message-properties", "x509-pkipath"),
    ("06-ping", "x509-pkipath"),
    ("07-ping-with-payload", "x509-pkipath"),
    ("27-edelivery2-ed25519-signed", "x509-v3"),
];

fn read(name: &str) -> (Message, Package, Ebms) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/vectors/phase4");
    let bytes = std::fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let message = http::read(&bytes).unwrap();
    let package = root::package(&message).unwrap();
    let ebms = ebms::read(&package.envelope).unwrap_or_else(|error| panic!("{name}: {error}"));
    (message, package, ebms)
}

#[test]
fn what_phase4_sends_and_receipts_is_found_good() {
    for (name, token) in GOOD {
        let (request, package, sent) = read(&format!("{name}.request.http"));
        let (response, alone, receipt) = read(&format!("{name}.response.http"));
        for (what, ebms) in [("request", &sent), ("response", &receipt)] {
            let signature = &ebms.signature;
            assert_eq!(signature.fault, None, "{name}, {what}");
            assert!(signature.messaging && signature.body && ebms.must_understand, "{name}, {what}");
        }
        assert_eq!(sent.signature.token, Some(token), "{name}");
        assert_eq!(sent.signature.covers_parts(&package), Ok(()), "{name}");
        assert_eq!(receipt.refers_to.as_ref(), Some(&sent.message_id), "{name}");
        assert_eq!(receipt.receipt.as_ref(), Some(&sent.signature.references), "{name}");
        assert!(request.complete && response.complete && alone.parts.is_empty(), "{name}");
    }
}

/// The vectors hold the forms that the test above is about.
#[test]
fn the_forms_of_other_products_are_among_them() {
    let (request, package, sent) = read("04-gzip-two-attachments.request.http");
    let (response, ..) = read("04-gzip-two-attachments.response.http");
    let text = package.text().unwrap();
    assert_eq!(request.header("transfer-encoding"), Some("chunked"));
    assert!(text.contains("PrefixList=") && text.find("<wsse:Security") < text.find(":Messaging"));
    assert!(response.header("content-type").unwrap().starts_with("application/soap+xml"));
    let parts = &sent.user.unwrap().parts;
    let named = |name: &str| parts.iter().all(|(_, properties)| properties.iter().any(|(key, _)| key == name));
    assert!(parts.len() == 3 && named("MimeType") && named("CompressionType"), "{parts:?}");
    // The path is read from its definition, root first, and given leaf first.
    let chain = &sent.signature.chain;
    let subjects: Vec<_> = chain.iter().map(carnet_certs::common_name).collect();
    assert!(chain.len() > 1 && subjects.first() == Some(&Some("blue".to_owned())), "{subjects:?}");
}

/// Before Messaging, as it was recorded, or behind it: neither is found wrong.
#[test]
fn a_security_header_may_stand_in_either_place() {
    let (_, package, _) = read("03-sign-pkipath-gzip.request.http");
    let text = package.text().unwrap();
    let (start, end) = (text.find("<wsse:Security").unwrap(), text.find("</wsse:Security>").unwrap() + 16);
    let header = text.find(":Header>").unwrap();
    let last = text.rfind(":Header>").map(|at| text[..at].rfind("</").unwrap()).unwrap();
    assert!(header < start && end < last);
    let moved = [&text[..start], &text[end..last], &text[start..end], &text[last..]].concat();
    let signature = ebms::read(moved.as_bytes()).unwrap().signature;
    assert_eq!(signature.fault, None);
    assert!(signature.messaging && signature.body && moved.find(":Messaging") < moved.find("<wsse:Security"));
}

#[test]
fn an_accepted_status_with_an_empty_body_is_read_to_its_end() {
    for head in [
        "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ] {
        let message = http::read(head.as_bytes()).unwrap();
        assert!(message.complete && message.body.is_empty() && message.status() == Some(202), "{head}");
    }
}
