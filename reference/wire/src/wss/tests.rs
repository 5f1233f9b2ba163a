//! The general path on envelopes of every shape, and keys.

use super::*;
use crate::token::TokenType;
use crate::{Limits, namespace};
use rcgen::{CertificateParams, KeyPair, PKCS_ED25519, PKCS_RSA_SHA256};
use rustls_pki_types::CertificateDer;

fn ed25519() -> (Ed25519Signer, CertificateDer<'static>) {
    let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let der = CertificateParams::default().self_signed(&key).unwrap().der().clone();
    (Ed25519Signer::from_pkcs8(&key.serialize_der()).unwrap(), der)
}

fn sign(xml: &str, ids: &[&str]) -> Result<String, SignError> {
    let (signer, der) = ed25519();
    let token = SigningToken::new(TokenType::X509V3, &[der])?;
    let signing = Signing {
        token: &token,
        ids: SecurityIds { token: "t", signature: "s" },
        signer: &signer,
        digest: Digest::Sha256,
        limits: Limits::default(),
    };
    sign_document(xml, ids, &[], &signing)
}

const NS: &str = namespace::SOAP12;

#[test]
fn the_header_goes_in_first_and_all_else_stays() {
    let open = format!("<?xml version='1.0'?>\n<e:Envelope xmlns:e='{NS}'><!-- <e:Header> --><e:Header a='>'>");
    let tail = "<x Id='x'/></e:Header><e:Body/></e:Envelope>\n";
    let signed = sign(&format!("{open}{tail}"), &["x"]).unwrap();
    assert!(signed.starts_with(&format!("{open}<wsse:Security ")));
    assert!(signed.ends_with(&format!("</wsse:Security>{tail}")));
}

#[test]
fn an_empty_header_is_opened() {
    let text = format!("<e:Envelope xmlns:e='{NS}'><e:Header /><e:Body Id='b'/></e:Envelope>");
    let signed = sign(&text, &["b"]).unwrap();
    assert!(signed.contains("<e:Header ><wsse:Security "));
    assert!(signed.ends_with("</wsse:Security></e:Header><e:Body Id='b'/></e:Envelope>"));
    let default = format!("<Envelope xmlns='{NS}'><Header/><Body Id='b'/></Envelope>");
    assert!(sign(&default, &["b"]).unwrap().contains("</wsse:Security></Header><Body"));
}

#[test]
fn what_cannot_be_signed() {
    let text = format!("<e:Envelope xmlns:e='{NS}'><e:Header/><e:Body Id='b'/></e:Envelope>");
    assert_eq!(sign(&text, &["x"]), Err(SignError::UnknownId { id: "x".to_owned() }));
    assert_eq!(sign(&text, &[]), Err(SignError::Nothing));
    assert!(matches!(sign("<a", &["x"]), Err(SignError::Envelope(_))));
    assert!(matches!(sign("<a><Header/></a>", &["x"]), Err(SignError::Envelope(_))));
    let inner = format!("<a><e:Envelope xmlns:e='{NS}'><e:Header/></e:Envelope></a>");
    assert!(matches!(sign(&inner, &["x"]), Err(SignError::Envelope(_))));
}

#[test]
fn keys() {
    let rsa = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
    let der = CertificateParams::default().self_signed(&rsa).unwrap().der().clone();
    let signer = RsaSigner::from_pkcs8(&rsa.serialize_der()).unwrap();
    assert!(signer.fits(&der));
    assert_eq!(signer.algorithm(), namespace::RSA_SHA256);
    assert_eq!(signer.sign(b"x").unwrap().len(), 256);
    let (other, other_der) = ed25519();
    assert!(other.fits(&other_der));
    assert!(!other.fits(&der) && !signer.fits(&other_der));
    assert_eq!(RsaSigner::from_pkcs8(b"noise").map(drop), Err(SignerError::Key));
    assert_eq!(Ed25519Signer::from_pkcs8(&rsa.serialize_der()).map(drop), Err(SignerError::Key));
}

#[test]
fn tokens_that_cannot_be_written() {
    let (_, der) = ed25519();
    assert_eq!(SigningToken::new(TokenType::X509V3, &[]), Err(SignError::Token));
    // This certificate has no subject key identifier.
    assert_eq!(SigningToken::new(TokenType::Ski, std::slice::from_ref(&der)), Err(SignError::Token));
    assert_eq!(SigningToken::new(TokenType::Thumbprint, &[der]), Err(SignError::Token));
}

#[test]
fn identifiers_cannot_be_broken_out_of() {
    let (signer, der) = ed25519();
    let token = SigningToken::new(TokenType::X509V3, &[der]).unwrap();
    let ids = SecurityIds { token: "t\"><x>", signature: "s" };
    let references = [SignedReference::Element { id: "a\"/>", sha256: [0; 32] }];
    let header = security_header(&token, &ids, &references, &signer).unwrap();
    assert!(header.contains("wsu:Id=\"t&quot;>&lt;x>\""), "{header}");
    assert!(header.contains("URI=\"#a&quot;/>\""));
}
