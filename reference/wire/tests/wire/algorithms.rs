//! Signatures of every kind that can be agreed, with every token that can name their signer.

use carnet_wire::Limits;
use carnet_wire::namespace::{SOAP12, WSSE};
use carnet_wire::signature::{Policy, SignatureAlgorithm, SignatureError, Unverified, Verified};
use carnet_wire::token::{Token, TokenType};
use carnet_wire::wss::{
    Digest, SecurityIds, SignError, Signer, SignerError, Signing, SigningToken, sign_document, signer_for,
};
use carnet_wire::xml::Document;
use rustls_pki_types::CertificateDer;

use super::support::{pem, unsigned, vector};

const KINDS: [(SignatureAlgorithm, &str, &str); 3] = [
    (SignatureAlgorithm::RsaSha256, "phase4/keys/blue.key", "phase4/keys/blue-chain.pem"),
    (SignatureAlgorithm::Ed25519, "phase4/keys/blue-ed25519.key", "phase4/keys/blue-ed25519-chain.pem"),
    (SignatureAlgorithm::EcdsaP256Sha256, "encryption/keys/signer-p256.key", "encryption/keys/signer-p256.pem"),
];

fn all() -> Policy {
    Policy { signatures: KINDS.map(|(algorithm, _, _)| algorithm).into(), ..Policy::default() }
}

fn chain(path: &str) -> Vec<CertificateDer<'static>> {
    pem(path).into_iter().map(CertificateDer::from).collect()
}

fn signed(key: &str, certificates: &str, token: TokenType) -> String {
    signed_by(&chain(certificates), &pem(key)[0], token)
}

fn signed_by(chain: &[CertificateDer<'static>], key: &[u8], token: TokenType) -> String {
    let signer = signer_for(&chain[0], key).unwrap();
    let signing = Signing {
        token: &SigningToken::new(token, chain).unwrap(),
        ids: SecurityIds { token: "token", signature: "signature" },
        signer: &*signer,
        digest: Digest::Sha256,
        limits: Limits::default(),
    };
    sign_document(&unsigned("algorithms@test"), &["messaging", "body"], &[], &signing).unwrap()
}

/// Verifies with the leaf, whoever issued it.
fn verified(envelope: &[u8], policy: &Policy, leaf: &CertificateDer<'_>) -> Result<(Token, Verified), SignatureError> {
    let document = Document::parse(envelope, &Limits::default()).unwrap();
    let security = document.by_path(&[(SOAP12, "Envelope"), (SOAP12, "Header"), (WSSE, "Security")]).unwrap().id();
    let unverified = Unverified::read(&document, security, policy)?;
    Ok((unverified.token().clone(), unverified.verify(leaf)?))
}

#[test]
fn each_algorithm_signs_with_each_token() {
    for (algorithm, key, certificates) in KINDS {
        for token in [TokenType::X509V3, TokenType::X509PkiPath, TokenType::Ski, TokenType::IssuerSerial] {
            let envelope = signed(key, certificates, token);
            let leaf = &chain(certificates)[0];
            let (found, holds) = verified(envelope.as_bytes(), &all(), leaf).unwrap();
            assert_eq!((found.token_type(), holds.elements.len()), (token, 2), "{algorithm:?}");
            // A token that only names its signer leaves the certificate out.
            let carried = envelope.contains("BinarySecurityToken");
            assert_eq!(carried, matches!(token, TokenType::X509V3 | TokenType::X509PkiPath), "{algorithm:?}");
            let forged = envelope.replace("algorithms@test", "elsewhere@test");
            assert_eq!(verified(forged.as_bytes(), &all(), leaf).map(drop), Err(SignatureError::Digest));
        }
    }
}

#[test]
fn a_list_admits_its_own_and_no_other() {
    for (algorithm, key, certificates) in KINDS {
        let envelope = signed(key, certificates, TokenType::X509V3);
        for (other, _, _) in KINDS {
            let policy = Policy { signatures: vec![other], ..Policy::default() };
            let result = verified(envelope.as_bytes(), &policy, &chain(certificates)[0]).map(drop);
            let expected = if other == algorithm { Ok(()) } else { Err(SignatureError::Algorithm) };
            assert_eq!(result, expected, "{algorithm:?} where {other:?} is agreed");
        }
    }
}

#[test]
fn a_signature_under_another_algorithm_than_its_key_is_refused() {
    let names = KINDS.map(|(algorithm, _, _)| algorithm.uri());
    for (algorithm, key, certificates) in KINDS {
        let envelope = signed(key, certificates, TokenType::X509V3);
        for other in names.into_iter().filter(|uri| *uri != algorithm.uri()) {
            let forged = envelope.replace(algorithm.uri(), other);
            let result = verified(forged.as_bytes(), &all(), &chain(certificates)[0]).map(drop);
            assert_eq!(result, Err(SignatureError::Key), "{algorithm:?} as {other}");
        }
    }
}

/// More signers than a thread remembers the keys of, in turn: each is verified with its own.
#[test]
fn a_key_that_was_read_before_verifies_for_its_own_certificate_only() {
    let signers: Vec<_> = (0..20)
        .map(|_| {
            let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
            let leaf = rcgen::CertificateParams::default().self_signed(&key).unwrap().der().clone();
            let envelope = signed_by(std::slice::from_ref(&leaf), &key.serialize_der(), TokenType::X509V3);
            (leaf, envelope)
        })
        .collect();
    for round in 0..2 {
        for (number, (leaf, envelope)) in signers.iter().enumerate() {
            let (_, other) = &signers[(number + 1) % signers.len()];
            let forged = envelope.replace(value_of(envelope), value_of(other));
            let (genuine, forged) =
                [envelope, &forged].map(|text| verified(text.as_bytes(), &all(), leaf).map(drop)).into();
            assert_eq!((genuine, forged), (Ok(()), Err(SignatureError::Mismatch)), "{number} in round {round}");
        }
    }
}

fn value_of(envelope: &str) -> &str {
    let (_, from) = envelope.split_once("SignatureValue>").unwrap();
    from.split_once('<').unwrap().0
}

#[test]
fn what_xmlsec1_signed_with_p256_holds() {
    let envelope = vector("encryption/ecdsa-p256.xml");
    let leaf = &chain("encryption/keys/signer-p256.pem")[0];
    let policy = Policy { signatures: vec![SignatureAlgorithm::EcdsaP256Sha256], ..Policy::default() };
    assert_eq!(verified(&envelope, &policy, leaf).map(|(_, v)| v.elements.len()), Ok(2));
    let text = String::from_utf8(envelope).unwrap();
    let forged = text.replace("xmlsec1@test", "forged@test");
    assert_ne!(forged, text);
    assert_eq!(verified(forged.as_bytes(), &policy, leaf).map(drop), Err(SignatureError::Digest));
}

#[test]
fn keys_and_tokens_must_fit_their_certificate() {
    let leaf = &chain("phase4/keys/red-chain.pem")[0];
    let kind = |key: &str| signer_for(leaf, &pem(key)[0]).map(|signer: Box<dyn Signer>| signer.algorithm().to_owned());
    assert_eq!(kind("phase4/keys/red.key").as_deref(), Ok(SignatureAlgorithm::RsaSha256.uri()));
    assert_eq!(kind("phase4/keys/blue.key"), Err(SignerError::OtherKey));
    assert_eq!(kind("phase4/keys/red-ed25519.key"), Err(SignerError::OtherKey));
    assert_eq!(kind("phase4/keys/red-x25519.key"), Err(SignerError::Key));
    assert_eq!(SigningToken::new(TokenType::Thumbprint, std::slice::from_ref(leaf)), Err(SignError::Token));
    assert_eq!(SigningToken::new(TokenType::Ski, &[]), Err(SignError::Token));
}
