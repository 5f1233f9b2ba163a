//! Captures of phase4 4.4.1, an independent node, pushed through the machine with a P-Mode that matches.

use crate::driver::{Http, Received, receive, signal, told};
use crate::parties::{
    anchored, anchors, chain, customs, customs_as_partner, customs_with, ics2, now, red, trader, vector,
};
use carnet_as4::header::SignalBody;
use carnet_as4::id::{ContentId, MessageId};
use carnet_as4::inbound::{Accepted, Decision, Delivery, Expect, Inbound, Partners};
use carnet_as4::outbound::Sent;
use carnet_as4::outbound::answer::{Answer, AnswerError, Response, check};
use carnet_as4::partner::{Partner, SignerBinding, TlsBinding};
use carnet_wire::Limits;
use carnet_wire::digest::PartDigest;
use std::sync::Arc;

macro_rules! request {
    ($name:literal) => {
        Http::recorded(vector!($name, ".request.http"))
    };
}
macro_rules! response {
    ($name:literal) => {
        Http::recorded(vector!($name, ".response.http"))
    };
}

fn push(http: &Http) -> Received {
    receive(&Arc::new(customs()), &[], http, now())
}

fn accepted(http: &Http) -> (Accepted, Vec<Vec<u8>>) {
    accepted_with(http, anchored("blue", true))
}

fn accepted_with(http: &Http, signer: SignerBinding) -> (Accepted, Vec<Vec<u8>>) {
    let received = receive(&customs_with(signer), &[], http, now());
    let parts = received.parts.into_iter().map(|(_, bytes)| bytes).collect();
    match received.decision {
        Decision::Accept(accepted) => (*accepted, parts),
        other => panic!("not accepted: {other:?}"),
    }
}

#[test]
fn signed_messages_are_accepted_with_all_that_is_in_them() {
    for (http, parts, compressed) in [
        (request!("01-sign-x509v3"), 1, false),
        (request!("02-sign-x509v3-gzip"), 1, true),
        (request!("03-sign-pkipath-gzip"), 1, true),
        (request!("04-gzip-two-attachments"), 3, true),
        (request!("05-message-properties"), 1, true),
        (request!("08-duplicate-first"), 1, true),
    ] {
        let (accepted, bytes) = accepted(&http);
        assert_eq!(accepted.delivery, Delivery::Deliver);
        assert_eq!(accepted.pmode.as_str(), "ics2.trader.customs");
        assert_eq!((accepted.parts.len(), bytes.len()), (parts, parts));
        assert_eq!(accepted.message.collaboration.action.as_str(), "IE3F26");
        assert_eq!(accepted.signer, chain(vector!("keys/blue-chain.pem"))[0]);
        for (info, part) in accepted.message.parts.iter().zip(&accepted.parts) {
            assert_eq!((&info.id, info.compressed), (&part.id, compressed));
            assert_eq!(part.length != part.digest.length, compressed);
        }
        // The receipt repeats what was signed: Messaging, Body, each part.
        let Some(SignalBody::Receipt(receipt)) = accepted.receipt.signal().map(|signal| &signal.body) else {
            panic!("no receipt drafted")
        };
        assert_eq!(receipt.parts.len(), parts + 2);
    }
}

#[test]
fn parts_keep_order_and_properties() {
    let (accepted, _) = accepted(&request!("04-gzip-two-attachments"));
    let parts = &accepted.message.parts;
    let types: Vec<_> = parts.iter().map(|part| part.mime_type.as_deref()).collect();
    assert_eq!(types, [Some("application/xml"), Some("application/pdf"), Some("image/jpeg")]);
    assert_eq!(parts[0].character_set.as_deref(), Some("UTF-8"));
    assert_eq!(parts[1].id.as_str(), "document.pdf@trader");
    // What the machine understands itself is no property any more.
    assert!(parts.iter().all(|part| part.properties.is_empty()));
}

#[test]
fn message_properties_are_read() {
    let (accepted, _) = accepted(&request!("05-message-properties"));
    let names: Vec<_> = accepted.message.properties.iter().map(|p| (p.name.as_str(), p.value.as_str())).collect();
    assert_eq!(names, [("originalSender", "C1"), ("finalRecipient", "C4")]);
}

#[test]
fn a_ping_is_receipted_and_not_delivered() {
    for (http, parts) in [(request!("06-ping"), 0), (request!("07-ping-with-payload"), 1)] {
        let (accepted, _) = accepted(&http);
        assert_eq!((accepted.delivery, accepted.parts.len()), (Delivery::Test, parts));
        assert!(accepted.receipt.signal().is_some());
    }
}

#[test]
fn the_same_message_again_has_the_same_fingerprint() {
    let (first, _) = accepted(&request!("08-duplicate-first"));
    let (second, _) = accepted(&request!("09-duplicate-second"));
    let (other, _) = accepted(&request!("03-sign-pkipath-gzip"));
    assert_eq!(first.message.info.message_id, second.message.info.message_id);
    assert_eq!(first.fingerprint, second.fingerprint);
    assert_ne!(first.fingerprint, other.fingerprint);
}

/// Stores hold the first hash alone of what older versions received: it may not change. Made by Python's hashlib over the
/// texts of the capture, each behind its length in eight octets, and the digest of its part.
#[test]
fn what_older_versions_stored_of_a_message_is_compared_still() {
    let (accepted, _) = accepted(&request!("08-duplicate-first"));
    let hex = accepted.fingerprint[0].iter().fold(String::new(), |hex, octet| hex + &format!("{octet:02x}"));
    assert_eq!(hex, "cb5a55d064e396241d42fdd29d0451be0ce0219699dd54d460c08bcff21dd225");
}

#[test]
fn each_broken_capture_ends_in_its_own_refusal() {
    let (bad_signature, policy) = ("EBMS:0101", "EBMS:0103");
    for (name, http, code, requirement) in [
        ("10", request!("10-unsigned-refused"), policy, "AS4-SIGN-01"),
        ("11", request!("11-payload-changed"), bad_signature, "AS4-SIGN-04"),
        ("12", request!("12-signature-changed"), bad_signature, "AS4-SIGN-03"),
        ("13", request!("13-messaging-changed"), bad_signature, "AS4-SIGN-03"),
        ("14", request!("14-body-not-signed"), policy, "AS4-SIGN-02"),
        ("15", request!("15-not-gzip"), "EBMS:0303", "AS4-COMPRESSION-07"),
        ("16", request!("16-corrupt-gzip"), "EBMS:0303", "AS4-COMPRESSION-07"),
        ("17", request!("17-cut-short"), "EBMS:0007", "AS4-SOAP-02"),
        ("18", request!("18-pull-empty"), "EBMS:0001", "EDEL-PULL-02"),
        ("21", request!("21-not-xml"), "EBMS:0009", "EBMS-SOAP-01"),
        ("22", request!("22-soap-without-messaging"), "EBMS:0009", "EBMS-HEADER-01"),
        ("23", request!("23-leaf-only-untrusted"), bad_signature, "EDEL-TRUST-01"),
        ("24", request!("24-other-ca"), bad_signature, "EDEL-TRUST-01"),
        ("25", request!("25-expired"), bad_signature, "EDEL-TRUST-01"),
        ("26", request!("26-encrypted-rsa-oaep"), policy, "CARNET-ENCRYPT-01"),
        ("27", request!("27-edelivery2-ed25519-signed"), policy, "EDEL-ALGORITHM-01"),
    ] {
        assert_eq!(told(&push(&http).decision), (code, requirement), "capture {name}");
    }
}

#[test]
fn a_refusal_names_the_message_and_keeps_its_cause_to_itself() {
    let Decision::Refuse(refused) = push(&request!("24-other-ca")).decision else { panic!("accepted") };
    assert_eq!(refused.status, 200);
    let answer = refused.answer.expect("an answer").sign(&red()).expect("signed");
    let text = String::from_utf8(answer.body).expect("utf-8");
    let id = refused.refusal.message_id.expect("an id");
    assert!(text.contains(&format!("refToMessageInError=\"{id}\"")));
    assert!(text.contains("errorCode=\"EBMS:0101\"") && text.contains(">EDEL-TRUST-01</"));
    // The log has the chain of causes, the peer has not.
    let mut chain = format!("{}", refused.refusal.fault);
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(&refused.refusal.fault);
    while let Some(error) = cause {
        chain.push_str(&format!(": {error}"));
        cause = error.source();
    }
    assert!(chain.contains("issuer is unknown"), "{chain}");
    assert!(!text.contains("issuer"));
}

#[test]
fn a_leaf_alone_is_taken_where_its_issuer_is_known() {
    let http = request!("23-leaf-only-untrusted");
    assert_eq!(accepted_with(&http, anchored("blue", true)).0.delivery, Delivery::Deliver);
}

#[test]
fn a_pinned_certificate_needs_no_issuer_and_admits_no_other() {
    let pinned = |pem: &[u8]| SignerBinding::Pinned { certificates: vec![chain(pem)[0].clone()], anchors: None };
    let http = request!("23-leaf-only-untrusted");
    assert_eq!(accepted_with(&http, pinned(vector!("keys/blue-chain.pem"))).0.delivery, Delivery::Deliver);
    let other = receive(&customs_with(pinned(vector!("keys/red-chain.pem"))), &[], &http, now());
    assert_eq!(told(&other.decision), ("EBMS:0101", "EDEL-TRUST-01"));
    let later = "2037-01-01T00:00:00Z".parse().expect("time");
    let expired = receive(&customs_with(pinned(vector!("keys/blue-chain.pem"))), &[], &http, later);
    assert_eq!(told(&expired.decision), ("EBMS:0101", "EDEL-TRUST-01"));
}

#[test]
fn another_party_under_the_same_authority_cannot_sign_for_the_sender() {
    let http = request!("03-sign-pkipath-gzip");
    let received = receive(&customs_with(anchored("red", true)), &[], &http, now());
    assert_eq!(told(&received.decision), ("EBMS:0101", "EDEL-TRUST-01"));
}

fn sent_by(http: &Http) -> Sent {
    let (accepted, _) = accepted(http);
    let Some(SignalBody::Receipt(receipt)) = accepted.receipt.signal().map(|signal| signal.body.clone()) else {
        panic!("no receipt drafted")
    };
    Sent { message_id: accepted.message.info.message_id, pmode: accepted.pmode.to_string(), references: receipt.parts }
}

fn judge(sent: &Sent, http: &Http, status: u16) -> Result<Answer, AnswerError> {
    let response = Response { status, content_type: &http.content_type, body: &http.body };
    check(sent, &ics2(), &customs_as_partner(), &Limits::default(), response, now())
}

#[test]
fn phase4_receipts_prove_what_phase4_sent() {
    for (request, response) in [
        (request!("01-sign-x509v3"), response!("01-sign-x509v3")),
        (request!("03-sign-pkipath-gzip"), response!("03-sign-pkipath-gzip")),
        (request!("04-gzip-two-attachments"), response!("04-gzip-two-attachments")),
        (request!("06-ping"), response!("06-ping")),
    ] {
        let sent = sent_by(&request);
        match judge(&sent, &response, 200) {
            Ok(Answer::Receipt(receipted)) => assert_eq!(receipted.envelope, response.body),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_receipt_for_another_message_proves_nothing() {
    let response = response!("04-gzip-two-attachments");
    let mut sent = sent_by(&request!("03-sign-pkipath-gzip"));
    assert!(matches!(judge(&sent, &response, 200), Err(AnswerError::OtherMessage { .. })));
    // The right id with other digests does not help.
    sent.message_id = MessageId::parse("f72255e4-dfb8-449f-9689-3ef92425145e@phase4").expect("id");
    assert!(matches!(judge(&sent, &response, 200), Err(AnswerError::NotCovered(_))));
}

#[test]
fn phase4_errors_are_read_and_known_as_authentic() {
    let sent = sent_by(&request!("09-duplicate-second"));
    match judge(&sent, &response!("09-duplicate-second"), 200) {
        Ok(Answer::Errors(errors)) => {
            assert!(errors.authentic && errors.final_failure().is_some());
            assert_eq!(errors.errors[0].code, "EBMS:0004");
        }
        other => panic!("{other:?}"),
    }
    // Unsigned, and about another message: nobody's word.
    match judge(&sent, &response!("18-pull-empty"), 200) {
        Ok(Answer::Errors(errors)) => assert!(!errors.authentic && errors.final_failure().is_none()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn answers_that_are_no_message_are_told_apart() {
    let sent = sent_by(&request!("03-sign-pkipath-gzip"));
    let response = response!("17-cut-short");
    assert!(matches!(judge(&sent, &response, 500), Err(AnswerError::ContentType { status: 500, .. })));
    let empty = Http { content_type: String::new(), body: Vec::new() };
    assert!(matches!(judge(&sent, &empty, 204), Err(AnswerError::Empty { status: 204 })));
}

#[test]
fn the_connection_must_be_the_senders_as_far_as_was_agreed() {
    let http = request!("03-sign-pkipath-gzip");
    let (blue, red) = (chain(vector!("keys/blue-chain.pem")), chain(vector!("keys/red-chain.pem")));
    let stranger = chain(vector!("keys/stranger-chain.pem"));
    let exact = TlsBinding::Exact(blue[0].clone());
    let anchor = TlsBinding::Anchor(anchors(false));
    for (tls, peer, taken) in [
        (&exact, &blue[..], true),
        (&exact, &red[..], false),
        (&exact, &[], false),
        (&anchor, &blue[..], true),
        (&anchor, &red[..], true),
        (&anchor, &stranger[..], false),
        (&anchor, &[], false),
        (&TlsBinding::Off, &stranger[..], true),
        (&TlsBinding::Off, &[], true),
    ] {
        let mut agreements = customs();
        let partner = agreements.partner(&trader()).expect("partner").into_owned();
        agreements.partners = std::iter::once(Partner { tls: tls.clone(), ..partner }).collect();
        let decision = receive(&Arc::new(agreements), peer, &http, now()).decision;
        match (&decision, taken) {
            (Decision::Accept(_), true) => {}
            (Decision::Refuse(_), false) => assert_eq!(told(&decision), ("EBMS:0101", "EDEL-TLS-04")),
            _ => panic!("{tls:?} with {} certificates: {decision:?}", peer.len()),
        }
    }
}

#[test]
fn a_party_without_partner_is_refused() {
    let mut agreements = customs();
    agreements.partners = Partners::default();
    let decision = receive(&Arc::new(agreements), &[], &request!("03-sign-pkipath-gzip"), now()).decision;
    assert_eq!(told(&decision), ("EBMS:0101", "EDEL-TLS-04"));
}

#[test]
fn the_machine_misused_refuses_and_does_not_panic() {
    let empty = Inbound::new(Arc::new(customs()), Vec::new()).finish(signal("a@b", now()));
    assert_eq!(told(&empty), ("EBMS:0009", "EBMS-SOAP-01"));
    let http = request!("06-ping");
    let mut inbound = Inbound::new(Arc::new(customs()), Vec::new());
    let stray = ContentId::parse("stray@x").expect("id");
    inbound.inflated(&stray, Ok(1));
    inbound.envelope(&http.body, now());
    assert_eq!(inbound.envelope(b"again", now()), Expect::Nothing);
    inbound.part(&stray, Ok(PartDigest { sha256: [0; 32], length: 1 }));
    assert!(matches!(inbound.finish(signal("a@b", now())), Decision::Accept(_)));
    // A compressed part that the driver never inflates is not taken on trust.
    let received = request!("03-sign-pkipath-gzip");
    let text = String::from_utf8_lossy(&received.body).into_owned();
    let (from, to) = (text.find("<?xml").expect("start"), text.find("</S12:Envelope>").expect("end") + 15);
    let mut inbound = Inbound::new(Arc::new(customs()), Vec::new());
    let Expect::Parts(parts) = inbound.envelope(&text.as_bytes()[from..to], now()) else { panic!("no parts") };
    let claimed = accepted(&received).0.parts[0].digest;
    inbound.part(&parts[0].id, Ok(claimed));
    assert_eq!(told(&inbound.finish(signal("a@b", now()))), ("EBMS:0303", "AS4-COMPRESSION-07"));
}
