//! Answers that xmlsec1 signed, whole and spoilt.

use rustls_pki_types::pem::PemObject as _;

use super::*;
use crate::AS4_TRANSPORT;

const INCLUSIVE: &str = include_str!("../../../../fixtures/vectors/smp/signed-inclusive.xml");
const EXCLUSIVE: &str = include_str!("../../../../fixtures/vectors/smp/signed-exclusive.xml");
const REDIRECT: &str = include_str!("../../../../fixtures/vectors/smp/signed-redirect.xml");
const ROOT: &[u8] = include_bytes!("../../../../fixtures/vectors/phase4/keys/root.pem");
const RED: &[u8] = include_bytes!("../../../../fixtures/vectors/phase4/keys/red-chain.pem");
const STRANGER: &[u8] = include_bytes!("../../../../fixtures/vectors/phase4/keys/stranger-chain.pem");

/// The day after the keys were made.
fn now() -> Timestamp {
    Timestamp::from_second(1_795_532_400).unwrap()
}

fn publisher(root: &[u8], subject: Option<&str>) -> Publisher {
    let root = CertificateDer::pem_slice_iter(root).last().unwrap().unwrap();
    let anchors = Anchors::new(&[root], &[], carnet_wire::trust::RevocationPolicy::default()).unwrap();
    Publisher { anchors: Arc::new(anchors), subject: subject.map(str::to_owned) }
}

fn question() -> Question {
    Question {
        participant: Identifier::new("iso6523-actorid-upis", "9915:red & CO"),
        document: Identifier::new("busdox-docid-qns", "urn:x::Invoice##1"),
        process: Identifier::new("cenbii-procid-ubl", "urn:red"),
        transport: AS4_TRANSPORT.to_owned(),
    }
}

fn ask(answer: &str, question: &Question) -> Result<Answer, MetadataError> {
    read(answer.as_bytes(), question, &publisher(ROOT, Some("blue")), &Limits::default(), now())
}

#[test]
fn answers_of_both_canonical_forms_hold() {
    let red = CertificateDer::from_pem_slice(RED).unwrap();
    for answer in [INCLUSIVE, EXCLUSIVE] {
        let Ok(Answer::Endpoint(found)) = ask(answer, &question()) else { panic!("{:?}", ask(answer, &question())) };
        assert_eq!(found.uri, "https://red.example/as4?a=1&b=2");
        assert_eq!(found.certificate, red);
        assert_eq!(found.expires, Some("2027-06-01T00:00:00Z".parse().unwrap()));
    }
    assert_eq!(ask(REDIRECT, &question()), Ok(Answer::Elsewhere("http://smp2.example/x/services/y".to_owned())));
}

#[test]
fn what_was_changed_after_signing_is_refused() {
    for answer in [INCLUSIVE, EXCLUSIVE] {
        let forged = answer.replace("https://red.example", "https://bad.example");
        assert_eq!(ask(&forged, &question()), Err(MetadataError::Signature(SignatureError::Digest)));
        let renamed = answer.replacen("xmldsig-more#rsa-sha256", "xmldsig-more#ecdsa-sha256", 1);
        assert!(matches!(ask(&renamed, &question()), Err(MetadataError::Signature(SignatureError::Key))));
        // A namespace that nothing uses is signed in the inclusive form, and means nothing in the exclusive one.
        let declared = ask(&answer.replace("urn:unused", "urn:other"), &question());
        assert_eq!(declared.is_ok(), answer == EXCLUSIVE, "{declared:?}");
        let (begin, end) = (answer.find("<ds:Signature ").unwrap(), answer.find("</ds:Signature>").unwrap() + 15);
        let unsigned = [&answer[..begin], &answer[end..]].concat();
        assert_eq!(ask(&unsigned, &question()), Err(MetadataError::Signature(SignatureError::Unsigned)));
        let twice = [&answer[..end], &answer[begin..]].concat();
        assert_eq!(ask(&twice, &question()), Err(MetadataError::Signature(SignatureError::SecondSignature)));
        let partial = answer.replace("<ds:Reference URI=\"\">", "<ds:Reference URI=\"#x\">");
        assert_eq!(ask(&partial, &question()), Err(MetadataError::Signature(SignatureError::ReferenceUri)));
    }
}

#[test]
fn a_comment_that_nobody_signed_splits_no_text() {
    let split = INCLUSIVE.replace("https://red.example/as4", "https://red.<!-- -->example/as4");
    let Ok(Answer::Endpoint(found)) = ask(&split, &question()) else { panic!("{:?}", ask(&split, &question())) };
    assert_eq!(found.uri, "https://red.example/as4?a=1&b=2");
}

#[test]
fn only_the_publisher_is_believed() {
    let with = |publisher: &Publisher, now| read(INCLUSIVE.as_bytes(), &question(), publisher, &Limits::default(), now);
    assert!(with(&publisher(ROOT, None), now()).is_ok());
    assert_eq!(with(&publisher(STRANGER, None), now()), Err(MetadataError::Untrusted(TrustError::UnknownIssuer)));
    let other = with(&publisher(ROOT, Some("CN=red,O=AS4 peer test,C=EU")), now());
    assert!(matches!(other, Err(MetadataError::Signer { .. })), "{other:?}");
    let late = Timestamp::from_second(4_000_000_000).unwrap();
    assert_eq!(with(&publisher(ROOT, None), late), Err(MetadataError::Untrusted(TrustError::Expired)));
}

#[test]
fn an_answer_to_another_question_is_none() {
    let mut other = question();
    other.participant.value = "9915:blue".to_owned();
    assert!(matches!(ask(INCLUSIVE, &other), Err(MetadataError::OtherParticipant(_))));
    let mut other = question();
    other.document.value = "urn:x::invoice##1".to_owned();
    assert!(matches!(ask(INCLUSIVE, &other), Err(MetadataError::OtherDocument(_))));
    let mut other = question();
    other.process.value = "urn:blue".to_owned();
    assert!(matches!(ask(INCLUSIVE, &other), Err(MetadataError::NoProcess(_))));
    let mut other = question();
    other.transport = "bdxr-transport-ebms3-as4-v9p9".to_owned();
    assert!(matches!(ask(INCLUSIVE, &other), Err(MetadataError::NoTransport(_))));
}

#[test]
fn an_endpoint_out_of_service_is_not_used() {
    let at = |text: &str| {
        let now = text.parse().unwrap();
        read(INCLUSIVE.as_bytes(), &question(), &publisher(ROOT, None), &Limits::default(), now)
    };
    assert_eq!(at("2027-06-01T00:00:00Z"), Err(MetadataError::NotInService(AS4_TRANSPORT.to_owned())));
    assert!(at("2027-05-31T23:59:59Z").is_ok());
}

#[test]
fn noise_is_refused() {
    for bytes in ["", "<a/>", "<SignedServiceMetadata/>", "\u{0}", "<!DOCTYPE a><a/>"] {
        assert!(ask(bytes, &question()).is_err(), "{bytes:?}");
    }
    for cut in (0..INCLUSIVE.len()).filter(|at| INCLUSIVE.is_char_boundary(*at)).step_by(37) {
        assert!(ask(&INCLUSIVE[..cut], &question()).is_err(), "{cut}");
    }
}
