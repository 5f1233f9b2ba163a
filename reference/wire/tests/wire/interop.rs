//! Both ways with xmlsec1: it verifies what is signed here, and what it signed holds here.

use std::io::Write as _;

use carnet_wire::Limits;
use carnet_wire::digest;
use carnet_wire::namespace::WSSE;
use carnet_wire::signature::{PartReference, Policy, SignatureError, Unverified};
use carnet_wire::token::TokenType;
use carnet_wire::wss::{Digest, SecurityIds, Signing, SigningToken, sign_document};
use carnet_wire::xml::Document;

use super::support::{Stop, blue, chain, run, signed, unsigned, vector, vectors, verify};

fn general(message_id: &str, digest: Digest, parts: &[PartReference]) -> String {
    let token = SigningToken::new(TokenType::X509PkiPath, &chain("blue")).unwrap();
    let signer = blue();
    let signing = Signing {
        token: &token,
        ids: SecurityIds { token: "token", signature: "signature" },
        signer: &signer,
        digest,
        limits: Limits::default(),
    };
    sign_document(&unsigned(message_id), &["messaging", "body"], parts, &signing).unwrap()
}

/// xmlsec1 knows no attachments, so this asks it about messages without parts; none when it is not installed.
fn xmlsec1_accepts(envelope: &str) -> Option<bool> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(envelope.as_bytes()).unwrap();
    let mut leaf = tempfile::NamedTempFile::with_suffix(".der").unwrap();
    leaf.write_all(&chain("blue")[0]).unwrap();
    let output = run(
        "xmlsec1",
        &[
            "--verify",
            "--enabled-key-data",
            "key-name",
            "--pubkey-cert-der",
            leaf.path().to_str().unwrap(),
            "--id-attr:Id",
            "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/:Messaging",
            "--id-attr:Id",
            "http://www.w3.org/2003/05/soap-envelope:Body",
            file.path().to_str().unwrap(),
        ],
    )?;
    Some(output.status.success())
}

#[test]
fn xmlsec1_verifies_the_general_path() {
    let envelope = general("message@test", Digest::Sha256, &[]);
    assert!(verify(envelope.as_bytes(), &Policy::default()).is_ok());
    let Some(accepted) = xmlsec1_accepts(&envelope) else { return };
    assert!(accepted);
    assert_eq!(xmlsec1_accepts(&envelope.replace("message@test", "forged@test")), Some(false));
}

#[test]
fn xmlsec1_verifies_the_fast_path() {
    // Without the part: the reference to it is something xmlsec1 cannot resolve.
    let Some(accepted) = xmlsec1_accepts(&super::support::signed_without_parts("message@test")) else { return };
    assert!(accepted);
}

#[test]
fn what_xmlsec1_signed_holds() {
    let envelope = vector("xmlsec1/signed-envelope.xml");
    let verified = verify(&envelope, &Policy::default()).unwrap();
    assert_eq!(verified.elements.len(), 2);
    let text = String::from_utf8(envelope).unwrap();
    let forged = text.replace("xmlsec1@test", "forged@test");
    assert_ne!(forged, text);
    assert_eq!(verify(forged.as_bytes(), &Policy::default()), Err(Stop::Signature(SignatureError::Digest)));
}

#[test]
fn what_xmlsec1_signs_today_holds() {
    let template = vectors().join("xmlsec1/template.xml");
    let key = vectors().join("phase4/keys/blue.key");
    let Some(output) = run(
        "xmlsec1",
        &[
            "--sign",
            "--privkey-pem",
            key.to_str().unwrap(),
            "--id-attr:Id",
            "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/:Messaging",
            "--id-attr:Id",
            "http://www.w3.org/2003/05/soap-envelope:Body",
            template.to_str().unwrap(),
        ],
    ) else {
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(verify(&output.stdout, &Policy::default()).is_ok());
}

#[test]
fn both_paths_sign_the_same() {
    let part = PartReference { cid: "part-1@test".to_owned(), digest: digest::sha256(b"part one").to_vec() };
    // RSA PKCS#1 v1.5 is deterministic, so equal SignedInfo means equal text.
    assert_eq!(general("message@test", Digest::Sha256, &[part]), signed("message@test"));
}

#[test]
fn a_weak_digest_can_be_written_and_is_refused() {
    let envelope = general("message@test", Digest::Sha1, &[]);
    assert_eq!(verify(envelope.as_bytes(), &Policy::default()), Err(Stop::Signature(SignatureError::DigestAlgorithm)));
    let Some(accepted) = xmlsec1_accepts(&envelope) else { return };
    assert!(accepted, "the digest is weak, not wrong");
}

#[test]
fn other_tokens_are_read() {
    use carnet_wire::token::Token;
    let envelope = String::from_utf8(vector("xmlsec1/signed-envelope.xml")).unwrap();
    let from = envelope.find("<wsse:Reference ").unwrap();
    let to = from + envelope[from..].find("/>").unwrap() + 2;
    let token_of = |reference: &str| {
        let text = format!("{}{reference}{}", &envelope[..from], &envelope[to..]);
        let document = Document::parse(text.as_bytes(), &Limits::default()).unwrap();
        let security = document.elements().find(|e| e.is(WSSE, "Security")).unwrap().id();
        let unverified = Unverified::read(&document, security, &Policy::default()).unwrap();
        // The token is not signed: the signature holds with whatever names the right certificate.
        let verified = unverified.verify(&chain("blue")[0]).map(|v| v.elements.len());
        (unverified.token().clone(), verified)
    };
    let serial = "<ds:X509Data><ds:X509IssuerSerial>\
        <ds:X509IssuerName>CN=Test intermediate CA, O=AS4 peer test, C=EU</ds:X509IssuerName>\
        <ds:X509SerialNumber>389527115534801465455881871087276438365052751697</ds:X509SerialNumber>\
        </ds:X509IssuerSerial></ds:X509Data>";
    let (token, verified) = token_of(serial);
    assert!(matches!(token, Token::IssuerSerial { .. }));
    assert_eq!(verified, Ok(2));
    let (_, other) = token_of(&serial.replace("389527", "389528"));
    assert_eq!(other, Err(SignatureError::OtherCertificate));
    let ski = "<wsse:KeyIdentifier \
        ValueType=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509SubjectKeyIdentifier\">\
        LMwtmOuqQOGAtBv5gCWow157Wd0=</wsse:KeyIdentifier>";
    let (token, verified) = token_of(ski);
    assert!(matches!(token, Token::Ski(_)));
    assert_eq!(verified, Ok(2));
}
