//! What a sender believes: only a receipt that its partner signed, for this message, with every digest it sent.

use crate::driver::signal;
use crate::forge::DOCUMENT;
use crate::parties::{blue, customs_as_partner, ics2, now, red};
use carnet_as4::error::{Ebms, Severity};
use carnet_as4::header::{ErrorSignal, PartDigest};
use carnet_as4::id::{Action, ContentId, ConversationId, MessageId, Service};
use carnet_as4::inbound::{Fault, Refusal};
use carnet_as4::outbound::answer::{Answer, AnswerError, Errors, Response, check};
use carnet_as4::outbound::{OutPart, Package, PackageError, Sent, Submission, package};
use carnet_as4::partner::Identity;
use carnet_as4::pmode::TokenForm;
use carnet_as4::respond::Draft;
use carnet_wire::Limits;
use carnet_wire::digest::{Transform, part};
use carnet_wire::gzip::deflate;

pub(crate) fn out_part(id: &str, bytes: &[u8]) -> (OutPart, Vec<u8>) {
    let compressed = deflate(bytes);
    let part = OutPart {
        id: ContentId::parse(id).expect("id"),
        mime_type: "application/xml".to_owned(),
        character_set: Some("UTF-8".to_owned()),
        compressed: true,
        filename: Some("declaration.xml".to_owned()),
        properties: Vec::new(),
        digest: part(Transform::of("application/gzip"), &compressed, &Limits::default()).expect("digest"),
    };
    (part, compressed)
}

pub(crate) fn submission(id: &str, parts: Vec<OutPart>) -> Submission {
    Submission {
        message_id: MessageId::parse(id).expect("id"),
        timestamp: now(),
        conversation: ConversationId::parse("c-1").expect("conversation"),
        ref_to: None,
        service: Service::new("eu_ics2_t2c", Some("eu-customs-service-type")).expect("service"),
        action: Action::parse("IE3F26").expect("action"),
        properties: Vec::new(),
        parts,
    }
}

fn sent() -> (Package, Sent) {
    let package =
        package(&ics2(), &submission("m-1@trader", vec![out_part("doc@trader", DOCUMENT).0])).expect("package");
    let signed = package.sign(&blue()).expect("signed");
    (package, signed.sent)
}

fn receipt(package: &Package, references: Vec<PartDigest>, identity: &Identity) -> Vec<u8> {
    let draft = Draft::receipt(package.message(), references, TokenForm::PkiPath, signal("r-1@customs", now()));
    draft.sign(identity).expect("signed").body
}

fn judge(sent: &Sent, status: u16, content_type: &str, body: &[u8]) -> Result<Answer, AnswerError> {
    let response = Response { status, content_type, body };
    check(sent, &ics2(), &customs_as_partner(), &Limits::default(), response, now())
}

const SOAP: &str = "application/soap+xml; charset=UTF-8";

#[test]
fn the_right_receipt_is_believed_alone_and_in_a_multipart() {
    let (package, sent) = sent();
    let body = receipt(&package, sent.references.clone(), &red());
    for answer in [
        judge(&sent, 200, SOAP, &body),
        judge(&sent, 202, SOAP, &body),
        judge(&sent, 200, "multipart/related; boundary=b; start=\"<two@x>\"", &multipart(&body)),
    ] {
        match answer {
            Ok(Answer::Receipt(receipted)) => {
                assert_eq!(
                    (receipted.message_id.as_str(), receipted.envelope.as_slice()),
                    ("r-1@customs", body.as_slice())
                );
            }
            other => panic!("{other:?}"),
        }
    }
}

fn multipart(root: &[u8]) -> Vec<u8> {
    let mut body = b"--b\r\nContent-ID: <one@x>\r\n\r\nnot this one\r\n--b\r\nContent-Type: application/soap+xml\r\nContent-ID: <two@x>\r\n\r\n".to_vec();
    body.extend_from_slice(root);
    body.extend_from_slice(b"\r\n--b--\r\n");
    body
}

#[test]
fn receipts_that_prove_something_else_are_not_believed() {
    let (package, sent) = sent();
    let with = |change: &dyn Fn(&mut Vec<PartDigest>)| {
        let mut references = sent.references.clone();
        change(&mut references);
        judge(&sent, 200, SOAP, &receipt(&package, references, &red()))
    };
    assert_eq!(sent.references.len(), 3);
    for left_out in 0..3 {
        assert!(matches!(with(&|list| drop(list.remove(left_out))), Err(AnswerError::NotCovered(_))));
        let other = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        assert!(matches!(with(&|list| list[left_out].value = other.to_owned()), Err(AnswerError::OtherDigest(_))));
    }
    assert!(matches!(with(&|list| list[0].algorithm = "urn:other".to_owned()), Err(AnswerError::OtherDigest(_))));
    let extra = |list: &mut Vec<PartDigest>| {
        let mut more = list[0].clone();
        more.uri = "#more".to_owned();
        list.push(more);
    };
    assert!(matches!(with(&extra), Err(AnswerError::NotSent(_))));
    assert!(matches!(with(&Vec::clear), Err(AnswerError::NoProof)));
}

#[test]
fn receipts_of_others_are_not_believed() {
    let (package, sent) = sent();
    // Signed by the sender's own key, as a copy sent back would be.
    let echoed = receipt(&package, sent.references.clone(), &blue());
    assert!(matches!(judge(&sent, 200, SOAP, &echoed), Err(AnswerError::Security(_))));
    // Not signed.
    let text = String::from_utf8(receipt(&package, sent.references.clone(), &red())).expect("utf-8");
    let (from, to) = (text.find("<wsse:Security").expect("start"), text.find("</wsse:Security>").expect("end"));
    let unsigned = format!("{}{}", &text[..from], &text[to + "</wsse:Security>".len()..]);
    let result = judge(&sent, 200, SOAP, unsigned.as_bytes());
    assert!(matches!(&result, Err(error) if error.ebms() == Ebms::InvalidReceipt), "{result:?}");
    // Signed, then changed in one character.
    let changed = text.replacen("r-1@customs", "r-2@customs", 1);
    assert!(matches!(judge(&sent, 200, SOAP, changed.as_bytes()), Err(AnswerError::Security(_))));
    // For another message.
    let mut other = sent.clone();
    other.message_id = MessageId::parse("m-2@trader").expect("id");
    assert!(matches!(judge(&other, 200, SOAP, text.as_bytes()), Err(AnswerError::OtherMessage { .. })));
    // Under a status that denies it.
    assert!(matches!(judge(&sent, 500, SOAP, text.as_bytes()), Err(AnswerError::Status(500))));
}

#[test]
fn an_echo_of_the_message_is_no_receipt() {
    let (package, sent) = sent();
    let echo = package.sign(&red()).expect("signed").envelope;
    let result = judge(&sent, 200, SOAP, &echo);
    assert!(matches!(&result, Err(error @ AnswerError::NotASignal) if error.ebms() == Ebms::MissingReceipt));
}

#[test]
fn errors_are_final_only_from_the_partner_and_only_where_time_does_not_heal() {
    let (_, sent) = sent();
    let error = |fault: Fault, identity: &Identity| {
        let refusal = Refusal { message_id: Some(sent.message_id.clone()), fault };
        let draft = Draft::error(&refusal, TokenForm::X509v3, signal("e-1@customs", now()));
        let answer = draft.sign(identity).expect("signed");
        match judge(&sent, answer.status, SOAP, &answer.body) {
            Ok(Answer::Errors(errors)) => {
                let is_final = errors.final_failure().is_some();
                (errors.errors[0].code.clone(), errors.authentic, is_final)
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(error(Fault::BodyNotEmpty, &red()), ("EBMS:0010".to_owned(), true, true));
    assert_eq!(error(Fault::BodyNotEmpty, &blue()), ("EBMS:0010".to_owned(), false, false));
    assert_eq!(error(Fault::Unavailable, &red()), ("EBMS:0202".to_owned(), true, false));
}

#[test]
fn what_made_errors_final_is_told_whatever_stands_before_it() {
    let error = |ebms: Ebms, severity| ErrorSignal {
        code: ebms.code().to_owned(),
        severity,
        category: None,
        short_description: None,
        ref_to: None,
        description: None,
        detail: None,
    };
    let warning = error(Ebms::FeatureNotSupported, Severity::Warning);
    let heals = error(Ebms::DeliveryFailure, Severity::Failure);
    let last = error(Ebms::ValueInconsistent, Severity::Failure);
    let told = |errors: &[&ErrorSignal], authentic| {
        let errors = Errors { errors: errors.iter().copied().cloned().collect(), authentic };
        errors.final_failure().map(|error| error.code.clone())
    };
    assert_eq!(told(&[&warning, &heals, &last], true).as_deref(), Some("EBMS:0003"));
    assert_eq!(told(&[&warning, &heals, &last], false), None);
    assert_eq!(told(&[&warning, &heals], true), None);
}

#[test]
fn a_soap_fault_is_told_from_an_error() {
    let (_, sent) = sent();
    let refusal = Refusal { message_id: None, fault: Fault::Soap(carnet_as4::SoapError::NotUnderstood(Vec::new())) };
    let answer = Draft::error(&refusal, TokenForm::PkiPath, signal("e-1@customs", now())).sign(&red()).expect("signed");
    match judge(&sent, answer.status, SOAP, &answer.body) {
        Err(AnswerError::Fault { code, .. }) => assert_eq!(code, "S12:MustUnderstand"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_submission_outside_the_agreement_is_not_packaged() {
    let (part, _) = out_part("doc@trader", DOCUMENT);
    let mut other = submission("m-1@trader", vec![part.clone()]);
    other.action = Action::parse("IE3F99").expect("action");
    assert!(matches!(package(&ics2(), &other), Err(PackageError::NotAgreed { .. })));
    let mut empty = submission("m-1@trader", vec![part.clone()]);
    empty.properties = vec![crate::driver::property("note", "")];
    assert!(matches!(package(&ics2(), &empty), Err(PackageError::Property { .. })));
    let twice = submission("m-1@trader", vec![part.clone(), part.clone()]);
    assert!(matches!(package(&ics2(), &twice), Err(PackageError::SamePart(_))));
    let mut strange = part.clone();
    strange.id = ContentId::parse("a%b@trader").expect("id");
    assert!(matches!(package(&ics2(), &submission("m-1@trader", vec![strange])), Err(PackageError::ContentId(_))));
    let mut pmode = ics2();
    pmode.payload.max_bytes = 3;
    let large = package(&pmode, &submission("m-1@trader", vec![part.clone()]));
    assert!(matches!(large, Err(PackageError::PartTooLarge { .. })));
    pmode.payload.max_parts = 0;
    assert!(matches!(package(&pmode, &submission("m-1@trader", vec![part])), Err(PackageError::TooManyParts { .. })));
}

#[test]
fn what_was_sent_survives_being_stored() {
    let (_, sent) = sent();
    let stored = serde_json::to_string(&sent).expect("json");
    assert_eq!(serde_json::from_str::<Sent>(&stored).expect("sent"), sent);
    let wrong = stored.replacen("m-1@trader", "not an id", 1);
    assert!(serde_json::from_str::<Sent>(&wrong).is_err());
}
