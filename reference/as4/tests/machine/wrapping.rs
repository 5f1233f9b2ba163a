//! Signature wrapping: the genuine, signed elements of a real envelope are kept somewhere, others are put where a reader
//! would look. Each must end in a refusal.

use crate::driver::{Http, receive};
use crate::parties::{customs, now, vector};
use carnet_as4::inbound::Decision;
use std::sync::Arc;

/// The texts of a real envelope.
struct Genuine {
    http: Http,
    text: String,
    security: String,
    messaging: String,
    body: String,
}

fn genuine() -> Genuine {
    let http = Http::recorded(vector!("06-ping.request.http"));
    let text = String::from_utf8(http.body.clone()).expect("utf-8");
    let cut = |from: &str, to: &str| {
        let start = text.find(from).unwrap_or_else(|| panic!("no {from}"));
        let end = start + text[start..].find(to).unwrap_or_else(|| panic!("no {to}")) + to.len();
        text[start..end].to_owned()
    };
    let security = cut("<wsse:Security", "</wsse:Security>");
    let messaging = cut("<eb:Messaging", "</eb:Messaging>");
    let body = cut("<S12:Body", "/>");
    Genuine { security, messaging, body, text, http }
}

impl Genuine {
    /// The header as an attacker wants it read: another message id, no identifier that the signature knows.
    fn evil_messaging(&self) -> String {
        let id = attribute(&self.messaging, "wsu:Id");
        let at = self.messaging.find("<eb:MessageId>").expect("id") + "<eb:MessageId>".len();
        let mut evil = self.messaging.clone();
        evil.insert_str(at, "evil-");
        evil.replace(&format!("wsu:Id=\"{id}\""), "wsu:Id=\"evil\"")
    }

    fn with(&self, from: &str, to: &str) -> Decision {
        assert!(self.text.contains(from));
        let body = self.text.replacen(from, to, 1).into_bytes();
        decide(&Http { content_type: self.http.content_type.clone(), body })
    }
}

fn decide(http: &Http) -> Decision {
    receive(&Arc::new(customs()), &[], http, now()).decision
}

fn attribute(element: &str, name: &str) -> String {
    let start = element.find(&format!("{name}=\"")).expect("attribute") + name.len() + 2;
    element[start..start + element[start..].find('"').expect("quote")].to_owned()
}

fn wrapped(inner: &str) -> String {
    format!("<x:keep xmlns:x=\"urn:x\">{inner}</x:keep>")
}

#[test]
fn the_genuine_envelope_passes() {
    let genuine = genuine();
    assert!(matches!(genuine.with(&genuine.body, &genuine.body), Decision::Accept(_)));
}

#[test]
fn no_wrapping_gets_another_header_read() {
    let g = genuine();
    let (messaging, body, security) = (g.messaging.as_str(), g.body.as_str(), g.security.as_str());
    let evil = g.evil_messaging();
    let same_id = evil.replace("wsu:Id=\"evil\"", &format!("wsu:Id=\"{}\"", attribute(messaging, "wsu:Id")));
    let plain_id = evil.replace("wsu:Id=\"evil\"", &format!("Id=\"{}\"", attribute(messaging, "wsu:Id")));
    let no_id = evil.replace(" wsu:Id=\"evil\"", "");
    let evil_body = "<S12:Body><Evil/></S12:Body>";
    let signature_start = security.find("<ds:Signature").expect("signature");
    let (before, signature) = security.split_at(signature_start);
    let (signature, after) =
        signature.split_at(signature.find("</ds:Signature>").expect("end") + "</ds:Signature>".len());
    let inside_security = security.replace("</wsse:Security>", &format!("{messaging}</wsse:Security>"));
    for (name, from, to) in [
        ("second header before", messaging, format!("{evil}{messaging}")),
        ("second header after", messaging, format!("{messaging}{evil}")),
        ("header kept in a block", messaging, format!("{}{evil}", wrapped(messaging))),
        ("header kept in a block, no id", messaging, format!("{}{no_id}", wrapped(messaging))),
        ("header kept in a block, same id", messaging, format!("{}{same_id}", wrapped(messaging))),
        ("header kept in a block, same plain id", messaging, format!("{}{plain_id}", wrapped(messaging))),
        ("evil first, same id", messaging, format!("{same_id}{}", wrapped(messaging))),
        ("header and body kept", "</S12:Header>", format!("{}</S12:Header>", wrapped(&format!("{messaging}{body}")))),
        ("body kept in a block", body, evil_body.to_owned()),
        ("second body", body, format!("{body}{evil_body}")),
        ("body inside a body", body, format!("<S12:Body>{body}<Evil/></S12:Body>")),
        ("signature beside security", security, format!("{before}{after}{signature}")),
        ("signature kept in a block", security, format!("{before}{}{after}", wrapped(signature))),
        ("two signatures", security, format!("{before}{signature}{signature}{after}")),
        ("two security headers", security, format!("{security}{security}")),
        (
            "empty security first",
            security,
            format!("{}{after}{security}", before.split("<wsse:Binary").next().expect("start")),
        ),
        ("second header element", "<S12:Header>", format!("<S12:Header>{evil}</S12:Header><S12:Header>")),
        ("foreign element in the envelope", "<S12:Header>", format!("{}<S12:Header>", wrapped(&evil))),
    ] {
        let decision = g.with(from, &to);
        assert!(matches!(decision, Decision::Refuse(_)), "{name}");
    }
    // Messaging moved into Security, another in its place: two edits at once.
    let text = g.text.replacen(messaging, &evil, 1).replacen(security, &inside_security, 1);
    let moved = Http { content_type: g.http.content_type.clone(), body: text.into_bytes() };
    assert!(matches!(decide(&moved), Decision::Refuse(_)));
    // The whole genuine envelope inside the Body of another.
    let inner = g.text.split_once("?>").expect("declaration").1;
    let outer = format!(
        "<S12:Envelope xmlns:S12=\"http://www.w3.org/2003/05/soap-envelope\"><S12:Header>{evil}</S12:Header><S12:Body>{inner}</S12:Body></S12:Envelope>"
    );
    let nested = Http { content_type: g.http.content_type.clone(), body: outer.into_bytes() };
    assert!(matches!(decide(&nested), Decision::Refuse(_)));
}

#[test]
fn a_comment_in_the_message_id_changes_nothing_that_is_read() {
    let g = genuine();
    let id_at = g.messaging.find("<eb:MessageId>").expect("id") + "<eb:MessageId>".len();
    let mut commented = g.messaging.clone();
    commented.insert_str(id_at + 4, "<!-- cut here -->");
    let id = &g.messaging[id_at..id_at + g.messaging[id_at..].find('<').expect("end")];
    match g.with(&g.messaging, &commented) {
        Decision::Accept(accepted) => assert_eq!(accepted.message.info.message_id.as_str(), id),
        Decision::Refuse(refused) => panic!("refused: {:?}", refused.refusal),
    }
}

#[test]
fn a_token_swapped_for_another_certificate_is_refused() {
    let g = genuine();
    let other = Http::recorded(vector!("24-other-ca.request.http"));
    let text = String::from_utf8_lossy(&other.body).into_owned();
    let token = |text: &str| {
        let start = text.find("<wsse:BinarySecurityToken").expect("token");
        let open = start + text[start..].find('>').expect("open") + 1;
        text[open..open + text[open..].find('<').expect("close")].to_owned()
    };
    assert!(matches!(g.with(&token(&g.text), &token(&text)), Decision::Refuse(_)));
}
