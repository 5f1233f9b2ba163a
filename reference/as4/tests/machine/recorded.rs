//! Messages that this machine made and an independent node receipted: the same input still makes the same bytes, and
//! the receipts that phase4 4.4.1 gave for them still prove reception.
//!
//! `fixtures/vectors/phase4-receipts/SOURCE.md` tells how they were recorded.

use crate::answers::submission;
use crate::driver::{Http, property};
use crate::forge::DOCUMENT;
use crate::parties::{blue, customs_as_partner, ics2, now};
use carnet_as4::id::{Action, ContentId, Service};
use carnet_as4::ns;
use carnet_as4::outbound::answer::{Answer, Response, check};
use carnet_as4::outbound::{OutPart, Sent, package};
use carnet_as4::pmode::TokenForm;
use carnet_wire::Limits;
use carnet_wire::digest::{Transform, part};
use carnet_wire::gzip::deflate;
use carnet_wire::mime::{PartHeader, Writer};

/// One message: its parts as media type and whether compressed, and the token it is signed under.
struct Case {
    name: &'static str,
    parts: &'static [(&'static str, bool)],
    token: TokenForm,
}

const CASES: &[Case] = &[
    Case { name: "gzip-pkipath", parts: &[("application/xml", true)], token: TokenForm::PkiPath },
    Case { name: "gzip-x509v3", parts: &[("application/xml", true)], token: TokenForm::X509v3 },
    Case { name: "plain-xml", parts: &[("application/xml", false)], token: TokenForm::PkiPath },
    Case { name: "plain-text", parts: &[("text/plain", false)], token: TokenForm::PkiPath },
    Case {
        name: "three-parts",
        parts: &[("application/xml", true), ("application/pdf", true), ("image/jpeg", false)],
        token: TokenForm::PkiPath,
    },
    Case { name: "ping", parts: &[], token: TokenForm::PkiPath },
];

/// The message of a case: HTTP body, and what is remembered of it.
fn made(case: &Case) -> (Http, Sent) {
    let mut pmode = ics2();
    pmode.security.token = case.token;
    let parts: Vec<(OutPart, Vec<u8>)> =
        case.parts.iter().enumerate().map(|(at, (media, compressed))| out_part(at, media, *compressed)).collect();
    let mut out = submission(&format!("{}@carnet", case.name), parts.iter().map(|(part, _)| part.clone()).collect());
    out.properties = vec![property("originalSender", "C1 & <x> \"y\" \u{e9}"), property("edges", " a ")];
    if case.parts.is_empty() {
        out.service = Service::new(ns::TEST_SERVICE, None).expect("service");
        out.action = Action::parse(ns::TEST_ACTION).expect("action");
    }
    let signed = package(&pmode, &out).expect("package").sign(&blue()).expect("signed");
    (packed(signed.envelope, &parts), signed.sent)
}

fn out_part(at: usize, media: &str, compressed: bool) -> (OutPart, Vec<u8>) {
    let bytes = if compressed { deflate(DOCUMENT) } else { DOCUMENT.to_vec() };
    let transported = if compressed { ns::GZIP_MEDIA } else { media };
    let part = OutPart {
        id: ContentId::parse(&format!("part-{at}@carnet")).expect("id"),
        mime_type: media.to_owned(),
        character_set: media.ends_with("xml").then(|| "UTF-8".to_owned()),
        compressed,
        filename: Some(format!("file {at}.bin")),
        properties: vec![property("note", "<kept>")],
        digest: part(Transform::of(transported), &bytes, &Limits::default()).expect("digest"),
    };
    (part, bytes)
}

fn packed(envelope: Vec<u8>, parts: &[(OutPart, Vec<u8>)]) -> Http {
    let soap = "application/soap+xml; charset=UTF-8";
    if parts.is_empty() {
        return Http { content_type: soap.to_owned(), body: envelope };
    }
    let mut writer = Writer::new("carnet-recorded").expect("boundary");
    let content_type = writer.content_type(ns::SOAP_MEDIA, Some("root@carnet")).expect("content type");
    let root = PartHeader { content_type: soap.to_owned(), content_id: "root@carnet".to_owned(), headers: Vec::new() };
    let mut body = writer.part(&root).expect("head").to_vec();
    body.extend_from_slice(&envelope);
    for (part, bytes) in parts {
        body.extend_from_slice(&writer.part(&part.header()).expect("head"));
        body.extend_from_slice(bytes);
    }
    body.extend_from_slice(&writer.close());
    Http { content_type, body }
}

/// What was recorded of a case: request and receipt.
fn recorded(name: &str) -> (&'static [u8], &'static [u8]) {
    macro_rules! pair {
        ($name:literal) => {
            (
                include_bytes!(concat!("../../../../fixtures/vectors/phase4-receipts/", $name, ".request")),
                include_bytes!(concat!("../../../../fixtures/vectors/phase4-receipts/", $name, ".receipt.xml")),
            )
        };
    }
    match name {
        "gzip-pkipath" => pair!("gzip-pkipath"),
        "gzip-x509v3" => pair!("gzip-x509v3"),
        "plain-xml" => pair!("plain-xml"),
        "plain-text" => pair!("plain-text"),
        "three-parts" => pair!("three-parts"),
        "ping" => pair!("ping"),
        other => panic!("nothing was recorded for {other}"),
    }
}

#[test]
fn the_same_input_still_makes_the_bytes_that_phase4_accepted() {
    for case in CASES {
        let (http, _) = made(case);
        let (request, _) = recorded(case.name);
        assert!(http.body == request, "{}:\n{}", case.name, String::from_utf8_lossy(&http.body));
    }
}

#[test]
fn the_receipts_that_phase4_gave_prove_reception() {
    for (at, case) in CASES.iter().enumerate() {
        let (_, sent) = made(case);
        let judge = |body: &[u8]| {
            let response = Response { status: 200, content_type: "application/soap+xml;charset=utf-8", body };
            check(&sent, &ics2(), &customs_as_partner(), &Limits::default(), response, now())
        };
        let (_, receipt) = recorded(case.name);
        assert!(matches!(judge(receipt), Ok(Answer::Receipt(_))), "{}: {:?}", case.name, judge(receipt));
        // That of the next case proves nothing for this one.
        let (_, other) = recorded(CASES[(at + 1) % CASES.len()].name);
        assert!(judge(other).is_err(), "{}", case.name);
    }
}
