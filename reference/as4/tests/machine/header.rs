//! Signed messages with one thing wrong: each ends in the refusal the rule asks for, and what is allowed passes.

use crate::driver::{Http, receive, told};
use crate::forge::{DOCUMENT, Forge};
use crate::parties::{customs, now, red};
use carnet_as4::inbound::{Accepted, Decision, Delivery};
use carnet_as4::ns;
use carnet_wire::gzip::deflate;
use carnet_wire::token::TokenType;
use carnet_wire::wss::Digest;
use std::sync::Arc;

fn decide(http: &Http) -> Decision {
    receive(&Arc::new(customs()), &[], http, now()).decision
}

fn accepted(forge: &Forge) -> Accepted {
    match decide(&forge.http()) {
        Decision::Accept(accepted) => *accepted,
        other => panic!("not accepted: {other:?}"),
    }
}

#[test]
fn the_forged_message_is_right_before_it_is_made_wrong() {
    let accepted = accepted(&Forge::new());
    assert_eq!(accepted.delivery, Delivery::Deliver);
    assert_eq!(accepted.parts[0].length, DOCUMENT.len() as u64);
}

//= CARNET-DUPLICATE-01 test
#[test]
fn another_header_over_the_same_payload_is_another_message() {
    let properties = |more: &str| {
        format!(
            "<eb:MessageProperties><eb:Property name=\"originalSender\">C1</eb:Property>{more}</eb:MessageProperties>\
             <eb:PayloadInfo>"
        )
    };
    let recipient = |value: &str| format!("<eb:Property name=\"finalRecipient\">{value}</eb:Property>");
    let first = Forge::new().edit("<eb:PayloadInfo>", &properties(&recipient("C4")));
    let of = |forge: &Forge| accepted(forge).fingerprint;
    let (id, part) = ("<eb:MessageId>forged-1@trader</eb:MessageId>", "<eb:PartProperties>");
    for (from, to) in [
        (">C4<", ">C5<"),
        ("\"finalRecipient\">", "\"finalRecipient\" type=\"urn:x\">"),
        ("<eb:Property name=\"finalRecipient\">C4</eb:Property>", ""),
        (">1</eb:ConversationId>", ">2</eb:ConversationId>"),
        (id, &format!("{id}<eb:RefToMessageId>other@trader</eb:RefToMessageId>")),
        (part, &format!("{part}<eb:Property name=\"page\">2</eb:Property>")),
        (">UTF-8<", ">ISO-8859-1<"),
        (">application/xml<", ">text/xml<"),
    ] {
        assert_ne!(of(&first.clone().edit(from, to)), of(&first), "{from} -> {to}");
    }
    // A retry that is made anew: its time, the name of its part and the order of its properties may be others.
    let again = first.clone().edit("15:59:00Z", "15:59:59Z");
    assert_eq!(of(&again), of(&first));
    let turned = format!("{}<eb:Property name=\"originalSender\">C1</eb:Property>", recipient("C4"));
    let turned = format!("<eb:MessageProperties>{turned}</eb:MessageProperties><eb:PayloadInfo>");
    assert_eq!(of(&Forge::new().edit("<eb:PayloadInfo>", &turned)), of(&first));
    let mut renamed = first.clone().edit("cid:doc@trader", "cid:again@trader");
    renamed.parts[0].0 = "again@trader".to_owned();
    renamed.signed_parts = vec!["again@trader".to_owned()];
    assert_eq!(of(&renamed), of(&first));
}

#[test]
fn one_wrong_thing_in_the_header_is_one_refusal() {
    let party =
        "<eb:PartyId type=\"urn:oasis:names:tc:ebcore:partyid-type:unregistered:eu-customs:EORI\">trader</eb:PartyId>";
    let second = format!("{party}{party}");
    let long = "x".repeat(300);
    let part = "<eb:PartInfo href=\"cid:doc@trader\">";
    let twice = "<eb:PayloadInfo><eb:PartInfo href=\"cid:doc@trader\"/>";
    let role = "<eb:Role>Trader</eb:Role>";
    let pmode = "<eb:AgreementRef pmode=\"other\" type=\"ics2-interface-version\">";
    let mime = "<eb:Property name=\"MimeType\">application/xml</eb:Property>";
    for (from, to, code, requirement) in [
        ("<eb:MessageId>forged-1@trader</eb:MessageId>", "", "EBMS:0009", "EBMS-HEADER-03"),
        ("forged-1@trader", "", "EBMS:0009", "EBMS-HEADER-03"),
        ("forged-1@trader", "with space@trader", "EBMS:0009", "EBMS-HEADER-03"),
        ("forged-1@trader", &long, "EBMS:0009", "EBMS-HEADER-03"),
        ("2026-11-23T15:59:00Z", "yesterday", "EBMS:0009", "EBMS-HEADER-03"),
        ("2026-11-23T15:59:00Z", "2026-11-23", "EBMS:0009", "EBMS-HEADER-03"),
        ("<eb:ConversationId>1</eb:ConversationId>", "", "EBMS:0009", "EBMS-HEADER-03"),
        (
            "<eb:Action>IE3F26</eb:Action>",
            "<eb:Action>IE3F26</eb:Action><eb:Action>x</eb:Action>",
            "EBMS:0009",
            "EBMS-HEADER-03",
        ),
        ("<eb:PayloadInfo>", "<eb:Invented/><eb:PayloadInfo>", "EBMS:0009", "EBMS-HEADER-03"),
        ("IE3F26", "<b>IE3F26</b>", "EBMS:0009", "EBMS-HEADER-03"),
        ("</eb:UserMessage>", "</eb:UserMessage><eb:UserMessage/>", "EBMS:0009", "EBMS-HEADER-03"),
        (" type=\"eu-customs-service-type\"", "", "EBMS:0003", "EBMS-HEADER-04"),
        (party, &second, "EBMS:0010", "AS4-PARTY-01"),
        (role, "<eb:Role>Owner</eb:Role>", "EBMS:0010", "EBMS-PMODE-01"),
        ("<eb:UserMessage>", "<eb:UserMessage mpc=\"urn:other\">", "EBMS:0010", "EBMS-PMODE-01"),
        ("<eb:AgreementRef type=\"ics2-interface-version\">", pmode, "EBMS:0010", "EBMS-PMODE-01"),
        (">EU-ICS2-TI-V2.0<", ">EU-ICS2-TI-V9.0<", "EBMS:0001", "EBMS-PMODE-02"),
        (">trader<", ">someone<", "EBMS:0001", "EBMS-PMODE-02"),
        (">sti-taxud<", ">sti-other<", "EBMS:0001", "EBMS-PMODE-02"),
        (">eu_ics2_t2c<", ">eu_ics2_c2t<", "EBMS:0001", "EBMS-PMODE-02"),
        (">IE3F26<", ">IE3F99<", "EBMS:0001", "EBMS-PMODE-02"),
        ("cid:doc@trader", "https://example.com/doc.xml", "EBMS:0011", "AS4-PAYLOAD-04"),
        ("cid:doc@trader", "#body", "EBMS:0010", "AS4-PAYLOAD-01"),
        (part, "<eb:PartInfo>", "EBMS:0010", "AS4-PAYLOAD-01"),
        ("<eb:PayloadInfo>", twice, "EBMS:0003", "EBMS-PAYLOAD-02"),
        (mime, "", "EBMS:0003", "AS4-COMPRESSION-04"),
        (mime, &format!("{mime}{mime}"), "EBMS:0003", "AS4-PROPERTY-02"),
        (">UTF-8<", ">!utf*<", "EBMS:0003", "AS4-COMPRESSION-06"),
        (">application/gzip<", ">application/zip<", "EBMS:0001", "AS4-COMPRESSION-02"),
        ("<S12:Body wsu:Id=\"body\">", "<S12:Body wsu:Id=\"body\"><x/>", "EBMS:0010", "AS4-PAYLOAD-01"),
        ("<S12:Body wsu:Id=\"body\">", "<S12:Body wsu:Id=\"body\">text", "EBMS:0010", "AS4-PAYLOAD-01"),
    ] {
        let decision = decide(&Forge::new().edit(from, to).http());
        assert_eq!(told(&decision), (code, requirement), "{from} -> {to}");
    }
}

#[test]
fn what_the_header_may_vary_passes() {
    for (from, to) in [
        ("2026-11-23T15:59:00Z", "2026-11-23T15:59:00.123"),
        ("2026-11-23T15:59:00Z", "2026-11-23T16:59:00+01:00"),
        ("<eb:ConversationId>1<", "<eb:ConversationId><"),
        (">IE3F26<", ">\n  IE3F26\n<"),
        (">IE3F26<", ">IE3<!-- split -->F26<"),
        (">IE3F26<", "><![CDATA[IE3F26]]><"),
        (
            "<eb:PayloadInfo>",
            "<eb:MessageProperties><eb:Property name=\"a\" type=\"t\">1</eb:Property><eb:Property name=\"b\"/></eb:MessageProperties><eb:PayloadInfo>",
        ),
        ("<eb:PartProperties>", "<eb:Schema location=\"urn:a\"/><eb:Schema location=\"urn:b\"/><eb:PartProperties>"),
        (">application/gzip<", ">APPLICATION/GZIP<"),
        ("<eb:Property name=\"CharacterSet\">UTF-8</eb:Property>", ""),
    ] {
        assert_eq!(accepted(&Forge::new().edit(from, to)).message.collaboration.action.as_str(), "IE3F26", "{to}");
    }
}

#[test]
fn a_byte_order_mark_before_a_plain_envelope_is_taken() {
    let mut http = ping().http();
    http.body.splice(0..0, *b"\xef\xbb\xbf");
    assert!(matches!(decide(&http), Decision::Accept(_)));
}

#[test]
fn the_test_service_takes_its_action_only() {
    assert_eq!(accepted(&ping()).delivery, Delivery::Test);
    let other = ping().edit(ns::TEST_ACTION, "IE3F26");
    assert_eq!(told(&decide(&other.http())), ("EBMS:0001", "EBMS-PMODE-02"));
}

#[test]
fn an_uncompressed_part_is_taken_as_it_is() {
    let mut forge = Forge::new().edit("<eb:Property name=\"CompressionType\">application/gzip</eb:Property>", "");
    forge.parts = vec![("doc@trader".into(), "application/xml".into(), DOCUMENT.to_vec())];
    let part = accepted(&forge).parts[0].clone();
    assert_eq!((part.length, part.digest.length), (DOCUMENT.len() as u64, DOCUMENT.len() as u64));
}

#[test]
fn parts_that_are_missing_doubled_or_not_signed() {
    let mut missing = Forge::new();
    missing.parts[0].0 = "other@trader".into();
    assert_eq!(told(&decide(&missing.http())), ("EBMS:0007", "EBMS-PAYLOAD-01"));

    let mut unsigned = Forge::new();
    unsigned.signed_parts.clear();
    assert_eq!(told(&decide(&unsigned.http())), ("EBMS:0103", "AS4-SIGN-02"));

    let mut doubled = Forge::new();
    let again = doubled.parts[0].clone();
    doubled.parts.push(again);
    assert_eq!(told(&decide(&doubled.http())).0, "EBMS:0007");

    // Signed and not listed: still hashed, so its absence breaks the signature; present it is no payload.
    let mut absent = Forge::new();
    absent.signed_parts.push("extra@trader".into());
    assert_eq!(told(&decide(&absent.http())), ("EBMS:0007", "EBMS-PAYLOAD-01"));
    absent.parts.push(("extra@trader".into(), "text/plain".into(), b"extra".to_vec()));
    assert_eq!(accepted(&absent).parts.len(), 1);
}

#[test]
fn a_part_that_nothing_names_is_outside_the_message() {
    let mut forge = Forge::new();
    forge.parts.push(("stray@trader".into(), "application/xml".into(), b"<Evil/>".to_vec()));
    let received = receive(&Arc::new(customs()), &[], &forge.http(), now());
    assert!(matches!(&received.decision, Decision::Accept(accepted) if accepted.parts.len() == 1));
    assert!(received.parts.iter().all(|(id, _)| id.as_str() == "doc@trader"));
}

#[test]
fn messaging_and_body_must_both_be_covered() {
    for signed in [vec!["msg"], vec!["body"]] {
        let mut forge = Forge::new();
        forge.signed = signed;
        assert_eq!(told(&decide(&forge.http())), ("EBMS:0103", "AS4-SIGN-02"));
    }
}

#[test]
fn algorithms_and_tokens_outside_the_agreement_are_refused() {
    for digest in [Digest::Sha1, Digest::Sha512] {
        let mut forge = ping();
        forge.digest = digest;
        assert_eq!(told(&decide(&forge.http())), ("EBMS:0103", "EDEL-ALGORITHM-01"));
    }
    let mut agreements = customs();
    let mut pmode = crate::parties::ics2();
    pmode.security.accept_tokens = vec![carnet_as4::pmode::TokenForm::X509v3];
    agreements.pmodes = carnet_as4::pmode::PModes::new(vec![pmode]).expect("P-Modes");
    let forge = Forge::new();
    assert_eq!(forge.token, TokenType::X509PkiPath);
    let decision = receive(&Arc::new(agreements), &[], &forge.http(), now()).decision;
    assert_eq!(told(&decision), ("EBMS:0103", "EDEL-TOKEN-01"));
}

#[test]
fn sizes_are_those_agreed() {
    let with = |bytes: u64, parts: usize| {
        let mut agreements = customs();
        let mut pmode = crate::parties::ics2();
        (pmode.payload.max_bytes, pmode.payload.max_parts) = (bytes, parts);
        agreements.pmodes = carnet_as4::pmode::PModes::new(vec![pmode]).expect("P-Modes");
        Arc::new(agreements)
    };
    let http = Forge::new().http();
    let small = receive(&with(10, 9), &[], &http, now()).decision;
    assert_eq!(told(&small), ("EBMS:0010", "EBMS-PAYLOAD-03"));
    let mut two = Forge::new().edit("</eb:PayloadInfo>", "<eb:PartInfo href=\"cid:b@trader\"/></eb:PayloadInfo>");
    two.parts.push(("b@trader".into(), "text/plain".into(), b"b".to_vec()));
    two.signed_parts.push("b@trader".into());
    assert_eq!(told(&receive(&with(1000, 1), &[], &two.http(), now()).decision), ("EBMS:0010", "EBMS-PAYLOAD-03"));
    assert!(matches!(receive(&with(1000, 2), &[], &two.http(), now()).decision, Decision::Accept(_)));

    let mut bomb = Forge::new();
    bomb.parts[0].2 = deflate(&vec![0; 4 << 20]);
    assert_eq!(
        told(&receive(&with(1 << 20, 9), &[], &bomb.http(), now()).decision),
        ("EBMS:0303", "AS4-COMPRESSION-07")
    );
}

#[test]
fn soap_level_faults_are_answered_as_soap_faults() {
    let block = "<S12:Header><x:Route xmlns:x=\"urn:x\" S12:mustUnderstand=\"true\"/>";
    let not_understood = Forge::new().edit("<S12:Header>", block).http();
    let old = Http {
        content_type: "application/soap+xml".into(),
        body: format!("<s:Envelope xmlns:s=\"{}\"><s:Body/></s:Envelope>", ns::SOAP11).into_bytes(),
    };
    for (http, code) in [(not_understood, "S12:MustUnderstand"), (old, "S12:VersionMismatch")] {
        let Decision::Refuse(refused) = decide(&http) else { panic!("accepted") };
        assert_eq!(refused.status, 500);
        let draft = refused.answer.expect("an answer");
        assert!(draft.signal().is_none());
        let answer = draft.sign(&red()).expect("signed");
        let text = String::from_utf8(answer.body).expect("utf-8");
        assert!(text.contains(&format!("<S12:Value>{code}</S12:Value>")) && !text.contains("Messaging"));
        assert!(!text.contains("Route"));
    }
    // The same block for someone else is none of our business.
    let elsewhere = block.replace("S12:mustUnderstand", "S12:role=\"urn:elsewhere\" S12:mustUnderstand");
    assert!(matches!(decide(&Forge::new().edit("<S12:Header>", &elsewhere).http()), Decision::Accept(_)));
}

#[test]
fn signals_on_their_own_are_not_taken_for_messages() {
    let start = ping().envelope;
    let (head, tail) = (start.find("<eb:UserMessage>").expect("start"), start.find("</eb:Messaging>").expect("end"));
    let info = "<eb:MessageInfo><eb:Timestamp>2026-11-23T15:59:00Z</eb:Timestamp><eb:MessageId>s@t</eb:MessageId></eb:MessageInfo>";
    let signal = |inner: &str| {
        let mut forge = ping();
        forge.envelope =
            format!("{}<eb:SignalMessage>{info}{inner}</eb:SignalMessage>{}", &start[..head], &start[tail..]);
        decide(&forge.http())
    };
    assert_eq!(told(&signal("<eb:PullRequest/>")), ("EBMS:0001", "EDEL-PULL-02"));
    assert_eq!(told(&signal("<eb:PullRequest mpc='urn:other'/>")), ("EBMS:0001", "EBMS-PULL-01"));
    assert_eq!(told(&signal("<eb:Receipt/>")), ("EBMS:0010", "AS4-RECEIPT-06"));
    assert_eq!(told(&signal("")), ("EBMS:0009", "EBMS-HEADER-03"));
    let Decision::Signal(error) = signal("<eb:Error errorCode=\"EBMS:0004\" severity=\"failure\"/>") else {
        panic!("not a signal")
    };
    assert_eq!(error.returned.errors, ["EBMS:0004"]);
    let fault = error.returned.loose();
    let refused = error.refused(fault);
    assert!(refused.answer.is_none() && refused.status == 202, "an error is not answered with an error");
}

#[test]
fn a_receipt_may_stand_beside_a_message_and_a_pull_request_may_not() {
    let info = "<eb:MessageInfo><eb:Timestamp>2026-11-23T15:59:00Z</eb:Timestamp><eb:MessageId>s@t</eb:MessageId><eb:RefToMessageId>pulled@customs</eb:RefToMessageId></eb:MessageInfo>";
    let bundle = |inner: &[&str]| {
        let signals: String =
            inner.iter().map(|one| format!("<eb:SignalMessage>{info}{one}</eb:SignalMessage>")).collect();
        decide(&Forge::new().edit("</eb:Messaging>", &format!("{signals}</eb:Messaging>")).http())
    };
    let warning = "<eb:Error errorCode=\"EBMS:0006\" severity=\"warning\"/>";
    let Decision::Accept(accepted) = bundle(&[warning, "<eb:Receipt/>"]) else { panic!("not accepted") };
    let returned = accepted.bundled.expect("the receipt");
    assert_eq!(returned.about.as_ref().map(carnet_as4::id::MessageId::as_str), Some("pulled@customs"));
    assert!(returned.errors.is_empty(), "a receipt counts more than a warning");
    assert_eq!(told(&bundle(&["<eb:PullRequest/>"])), ("EBMS:0009", "EBMS-HEADER-03"));
    assert_eq!(told(&bundle(&["<eb:Receipt/>", "<eb:Receipt/>"])), ("EBMS:0009", "EBMS-HEADER-03"));
}

#[test]
fn content_types_of_others_are_refused() {
    for content_type in
        ["text/xml", "application/json", "", "multipart/form-data; boundary=x", "application/soap+xml;;="]
    {
        let http = Http { content_type: content_type.into(), body: ping().http().body };
        assert_eq!(told(&decide(&http)).0, "EBMS:0007", "{content_type}");
    }
}

/// A signed ping, without parts.
fn ping() -> Forge {
    let mut forge = Forge::new()
        .edit(" type=\"eu-customs-service-type\">eu_ics2_t2c<", &format!(">{}<", ns::TEST_SERVICE))
        .edit(">IE3F26<", &format!(">{}<", ns::TEST_ACTION));
    let (from, to) = (forge.envelope.find("<eb:PayloadInfo>"), forge.envelope.find("</eb:UserMessage>"));
    forge.envelope.replace_range(from.expect("start")..to.expect("end"), "");
    forge.parts.clear();
    forge.signed_parts.clear();
    forge
}
