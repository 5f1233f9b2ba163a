//! Verifying digests and signature value, once everything has been read and held against the policy.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use bergshamra::keys::KeysManager;
use bergshamra::{DsigContext, VerifiedReference, VerifyResult};
use kryptering::{EcCurve, HashAlgorithm, SignatureAlgorithm as EngineAlgorithm};
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm};
use webpki::EndEntityCert;

use super::{PartReference, Reference, SignatureAlgorithm, SignatureError, Unverified, Verified};
use crate::{c14n, der};

/// Verifies with the key of `leaf`.
//= AS4-SIGN-03
pub(super) fn verify(unverified: &Unverified<'_>, leaf: &CertificateDer<'_>) -> Result<Verified, SignatureError> {
    if !unverified.token.names(leaf) {
        return Err(SignatureError::OtherCertificate);
    }
    let document = unverified.document;
    let prefixes: Vec<&str> = unverified.signed_info.prefixes.iter().map(String::as_str).collect();
    let signed_info =
        c14n::exclusive(document, unverified.signed_info.node, &prefixes).map_err(|_| SignatureError::Disagreement)?;
    // The value first: references cost work, and whoever cannot sign shall not have it done.
    let checked = Checked::new(unverified, signed_info, leaf)?;
    // Positions are the caller's check, and parts are hashed outside: both of the engine's own rules would refuse
    // every genuine message. Its third rule, keys of the document are never used, is kept by giving it the verifier.
    let context = DsigContext::new(KeysManager::new())
        .with_strict_verification(false)
        .with_require_reference_digests(false)
        .with_hsm_verifier(Box::new(checked));
    let result = bergshamra::dsig::verify::verify_document(&context, &document.tree);
    match result {
        Ok(VerifyResult::Valid { signature_node, references, .. }) => {
            if signature_node != unverified.signature.0 {
                return Err(SignatureError::Disagreement);
            }
            covered(unverified, &references)
        }
        Ok(VerifyResult::Invalid { reason }) if reason.starts_with("Reference digest") => Err(SignatureError::Digest),
        Ok(VerifyResult::Invalid { .. }) | Err(_) => Err(SignatureError::Disagreement),
    }
}

/// Holds what the engine covered against what was read: same references, same nodes, every element hashed.
fn covered(unverified: &Unverified<'_>, verified: &[VerifiedReference]) -> Result<Verified, SignatureError> {
    if verified.len() != unverified.references.len() {
        return Err(SignatureError::Disagreement);
    }
    let mut elements = unverified.elements.iter();
    let mut parts = Vec::new();
    for (read, seen) in unverified.references.iter().zip(verified) {
        let agrees = match read.cid() {
            Some(cid) => {
                parts.push(PartReference { cid, digest: read.digest.clone() });
                seen.resolved_node.is_none() && !seen.digest_verified
            }
            None => {
                let node = elements.next().map(|e| e.node.0);
                node.is_some() && seen.resolved_node == node && seen.digest_verified
            }
        };
        if !agrees || seen.uri != read.uri {
            return Err(SignatureError::Disagreement);
        }
    }
    Ok(Verified {
        signature: unverified.signature,
        elements: unverified.elements.clone(),
        parts,
        references: unverified.references.iter().map(Reference::clone).collect(),
    })
}

/// A signature value that was verified: the engine asks about it again, and gets the same answer for the same bytes.
struct Checked {
    algorithm: SignatureAlgorithm,
    signed_info: Vec<u8>,
    value: Vec<u8>,
}

impl Checked {
    fn new(
        unverified: &Unverified<'_>,
        signed_info: Vec<u8>,
        leaf: &CertificateDer<'_>,
    ) -> Result<Self, SignatureError> {
        let algorithm = unverified.signed_info.algorithm;
        let parsed = EndEntityCert::try_from(leaf).map_err(|_| SignatureError::Key)?;
        let spki = parsed.subject_public_key_info();
        let (identifier, key) = der::element(&spki)
            .and_then(|(_, content, _)| der::element(content))
            .map(|(_, identifier, key)| (identifier, key))
            .ok_or(SignatureError::Key)?;
        if identifier != verifier(algorithm).public_key_alg_id().as_ref() {
            return Err(SignatureError::Key);
        }
        let value = &unverified.value;
        match algorithm {
            // The value in XML is not the DER structure that certificates use.
            SignatureAlgorithm::EcdsaP256Sha256 => {
                let (_, bits, _) = der::element(key).ok_or(SignatureError::Key)?;
                let point = bits.strip_prefix(&[0]).ok_or(SignatureError::Key)?;
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                    .verify(&signed_info, value)
                    .map_err(|_| SignatureError::Mismatch)?;
            }
            SignatureAlgorithm::RsaSha256 | SignatureAlgorithm::Ed25519 => parsed
                .verify_signature(verifier(algorithm), &signed_info, value)
                .map_err(|_| SignatureError::Mismatch)?,
        }
        Ok(Self { algorithm, signed_info, value: unverified.value.clone() })
    }
}

impl kryptering::Verifier for Checked {
    fn algorithm(&self) -> EngineAlgorithm {
        match self.algorithm {
            SignatureAlgorithm::RsaSha256 => EngineAlgorithm::RsaPkcs1v15(HashAlgorithm::Sha256),
            SignatureAlgorithm::Ed25519 => EngineAlgorithm::Ed25519,
            SignatureAlgorithm::EcdsaP256Sha256 => EngineAlgorithm::Ecdsa(EcCurve::P256, HashAlgorithm::Sha256),
        }
    }

    fn verify(&self, data: &[u8], signature: &[u8]) -> kryptering::Result<bool> {
        Ok(data == self.signed_info && signature == self.value)
    }
}

fn verifier(algorithm: SignatureAlgorithm) -> &'static dyn SignatureVerificationAlgorithm {
    match algorithm {
        SignatureAlgorithm::RsaSha256 => webpki::aws_lc_rs::RSA_PKCS1_2048_8192_SHA256,
        SignatureAlgorithm::Ed25519 => webpki::aws_lc_rs::ED25519,
        SignatureAlgorithm::EcdsaP256Sha256 => webpki::aws_lc_rs::ECDSA_P256_SHA256,
    }
}
