//! The key that a certificate carries, read once for the many signatures that one signer makes.
//!
//! What is remembered is how a key reads, never that it is trusted or that a signature held: both are asked each time.

use std::cell::RefCell;
use std::collections::VecDeque;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, VerificationAlgorithm,
};
use rustls_pki_types::{AlgorithmIdentifier, CertificateDer, alg_id};
use webpki::EndEntityCert;

use super::{SignatureAlgorithm, SignatureError};
use crate::der;

/// Keys that a thread remembers.
const REMEMBERED: usize = 16;

/// Tag of BIT STRING.
const BIT_STRING: u8 = 3;

struct Known {
    certificate: CertificateDer<'static>,
    algorithm: SignatureAlgorithm,
    key: ParsedPublicKey,
}

thread_local! {
    static KNOWN: RefCell<VecDeque<Known>> = const { RefCell::new(VecDeque::new()) };
}

/// Verifies the signature value with the leaf's key, which must be of the algorithm's kind.
pub(super) fn verify_value(
    algorithm: SignatureAlgorithm,
    value: &[u8],
    signed_info: &[u8],
    leaf: &CertificateDer<'_>,
) -> Result<(), SignatureError> {
    KNOWN.with_borrow_mut(|known| {
        let found = known.iter().position(|known| known.algorithm == algorithm && known.certificate == *leaf);
        let at = match found {
            Some(at) => at,
            None => {
                let key = read(algorithm, leaf)?;
                known.truncate(REMEMBERED - 1);
                known.push_front(Known { certificate: leaf.clone().into_owned(), algorithm, key });
                0
            }
        };
        let known = known.get(at).ok_or(SignatureError::Key)?;
        known.key.verify_sig(signed_info, value).map_err(|_| SignatureError::Mismatch)
    })
}

fn read(algorithm: SignatureAlgorithm, leaf: &CertificateDer<'_>) -> Result<ParsedPublicKey, SignatureError> {
    let parsed = EndEntityCert::try_from(leaf).map_err(|_| SignatureError::Key)?;
    let spki = parsed.subject_public_key_info();
    let (_, content, _) = der::element(&spki).ok_or(SignatureError::Key)?;
    let Some((der::SEQUENCE, identifier, key)) = der::element(content) else { return Err(SignatureError::Key) };
    let Some((BIT_STRING, bits, [])) = der::element(key) else { return Err(SignatureError::Key) };
    let (expected, verifier) = kind(algorithm);
    if identifier != expected.as_ref() {
        return Err(SignatureError::Key);
    }
    // The first octet counts the bits that the last one leaves unused.
    let key = bits.strip_prefix(&[0]).ok_or(SignatureError::Key)?;
    // What is no key verifies nothing.
    ParsedPublicKey::new(verifier, key).map_err(|_| SignatureError::Mismatch)
}

/// How a certificate names the kind of key, and what verifies with it. An ECDSA value in XML is not the DER structure
/// that certificates use.
fn kind(algorithm: SignatureAlgorithm) -> (AlgorithmIdentifier, &'static dyn VerificationAlgorithm) {
    match algorithm {
        SignatureAlgorithm::RsaSha256 => (alg_id::RSA_ENCRYPTION, &RSA_PKCS1_2048_8192_SHA256),
        SignatureAlgorithm::Ed25519 => (alg_id::ED25519, &ED25519),
        SignatureAlgorithm::EcdsaP256Sha256 => (alg_id::ECDSA_P256, &ECDSA_P256_SHA256_FIXED),
    }
}
