//! Signature wrapping: the genuine, signed elements of a real envelope are kept somewhere, others are put where a reader
//! would look. Each must end in a refusal, and for the reason that it was made for.

use crate::driver::{Http, receive};
use crate::parties::{customs, now, vector};
use carnet_as4::inbound::{Decision, Fault};
use carnet_as4::{SecurityError, SoapError, ns};
use carnet_wire::signature::SignatureError;
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

    /// An envelope of that header content and body.
    fn assembled(&self, header: &str, body: &str) -> Decision {
        let text = format!(
            "<S12:Envelope xmlns:S12=\"{}\"><S12:Header>{header}</S12:Header>{body}</S12:Envelope>",
            ns::SOAP12
        );
        decide(&Http { content_type: self.http.content_type.clone(), body: text.into_bytes() })
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
    let header = format!("{}{}", genuine.security, genuine.messaging);
    assert!(matches!(genuine.assembled(&header, &genuine.body), Decision::Accept(_)));
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
    let (open, rest) = security.split_at(security.find("<ds:Signature").expect("signature"));
    let (signature, close) = rest.split_at(rest.find("</ds:Signature>").expect("end") + "</ds:Signature>".len());
    let bound = format!("<ds:Signature xmlns:wsse=\"{}\" xmlns:wsu=\"{}\"", ns::WSSE, ns::WSU);
    let signature = signature.replacen("<ds:Signature", &bound, 1);
    let in_security = |inner: &str| format!("{open}{signature}{inner}{close}");
    let kept = wrapped(messaging);
    let twice = |which: &'static str| move |fault: &Fault| matches!(fault, Fault::Soap(SoapError::Repeated(name)) if *name == which);
    let shape = |fault: &Fault| matches!(fault, Fault::Soap(SoapError::Shape));
    let uncovered = |which: &'static str| move |fault: &Fault| matches!(fault, Fault::Security(SecurityError::NotCovered(name)) if *name == which);
    let signature_says = |error: SignatureError| move |fault: &Fault| matches!(fault, Fault::Security(SecurityError::Signature(found)) if *found == error);
    type Says<'a> = Box<dyn Fn(&Fault) -> bool + 'a>;
    let attacks: Vec<(&str, String, String, Says<'_>)> = vec![
        ("second header before", format!("{security}{evil}{messaging}"), body.into(), Box::new(twice("Messaging"))),
        ("second header after", format!("{security}{messaging}{evil}"), body.into(), Box::new(twice("Messaging"))),
        ("header kept in a block", format!("{security}{kept}{evil}"), body.into(), Box::new(uncovered("Messaging"))),
        ("the same, evil has no id", format!("{security}{kept}{no_id}"), body.into(), Box::new(uncovered("Messaging"))),
        ("the same, evil first", format!("{evil}{kept}{security}"), body.into(), Box::new(uncovered("Messaging"))),
        (
            "header kept in Security",
            format!("{}{evil}", in_security(messaging)),
            body.into(),
            Box::new(uncovered("Messaging")),
        ),
        (
            "header kept in an Object of the signature",
            format!("{security}{evil}")
                .replace("</ds:Signature>", &format!("<ds:Object>{messaging}</ds:Object></ds:Signature>")),
            body.into(),
            Box::new(|fault| matches!(fault, Fault::Security(SecurityError::Signature(SignatureError::Shape { .. })))),
        ),
        (
            "header kept, same id",
            format!("{security}{kept}{same_id}"),
            body.into(),
            Box::new(signature_says(SignatureError::DuplicateId)),
        ),
        (
            "header kept, evil same id first",
            format!("{security}{same_id}{kept}"),
            body.into(),
            Box::new(signature_says(SignatureError::DuplicateId)),
        ),
        (
            "header kept, same plain Id",
            format!("{security}{kept}{plain_id}"),
            body.into(),
            Box::new(signature_says(SignatureError::DuplicateId)),
        ),
        (
            "body kept in a block",
            format!("{security}{messaging}{}", wrapped(body)),
            evil_body.into(),
            Box::new(uncovered("Body")),
        ),
        (
            "header and body kept",
            format!("{security}{evil}{}", wrapped(&format!("{messaging}{body}"))),
            evil_body.into(),
            Box::new(uncovered("Messaging")),
        ),
        (
            "header kept in Body",
            format!("{security}{evil}"),
            format!("<S12:Body>{messaging}{body}</S12:Body>"),
            Box::new(uncovered("Messaging")),
        ),
        (
            "body inside a body",
            format!("{security}{messaging}"),
            format!("<S12:Body>{body}<Evil/></S12:Body>"),
            Box::new(uncovered("Body")),
        ),
        ("second body", format!("{security}{messaging}"), format!("{body}{evil_body}"), Box::new(shape)),
        ("second body first", format!("{security}{messaging}"), format!("{evil_body}{body}"), Box::new(shape)),
        (
            "second header element",
            format!("{evil}</S12:Header><S12:Header>{security}{messaging}"),
            body.into(),
            Box::new(shape),
        ),
        (
            "signature beside Security",
            format!("{open}{close}{signature}{messaging}"),
            body.into(),
            Box::new(signature_says(SignatureError::Misplaced)),
        ),
        (
            "signature kept in a block",
            format!("{open}{}{close}{messaging}", wrapped(&signature)),
            body.into(),
            Box::new(signature_says(SignatureError::Misplaced)),
        ),
        (
            "two signatures",
            format!("{open}{signature}{signature}{close}{messaging}"),
            body.into(),
            Box::new(signature_says(SignatureError::SecondSignature)),
        ),
        ("two Security headers", format!("{security}{security}{messaging}"), body.into(), Box::new(twice("Security"))),
    ];
    for (name, header, body, says) in attacks {
        match g.assembled(&header, &body) {
            Decision::Refuse(refused) => assert!(says(&refused.refusal.fault), "{name}: {:?}", refused.refusal.fault),
            other => panic!("{name}: not refused: {other:?}"),
        }
    }
    // The whole genuine envelope inside the Body of another.
    let inner = g.text.split_once("?>").expect("declaration").1;
    match g.assembled(&evil, &format!("<S12:Body>{inner}</S12:Body>")) {
        Decision::Refuse(refused) => {
            assert!(matches!(refused.refusal.fault, Fault::Security(SecurityError::Unsigned)), "{:?}", refused.refusal);
        }
        other => panic!("not refused: {other:?}"),
    }
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
        other => panic!("not accepted: {other:?}"),
    }
}

/// Header blocks have no order; the genuine header behind the message is genuine.
#[test]
fn a_security_header_behind_messaging_is_taken() {
    let g = genuine();
    let apart =
        g.text.replacen(&g.security, "", 1).replacen(&g.messaging, &format!("{}{}", g.messaging, g.security), 1);
    assert!(matches!(g.with(&g.text, &apart), Decision::Accept(_)));
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
