//! Verifying digests and signature value, once everything has been read and held against the policy.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm};
use webpki::EndEntityCert;

use super::{PartReference, Reference, SignatureAlgorithm, SignatureError, Transform, Unverified, Verified};
use crate::xml::NodeId;
use crate::{c14n, der};

/// Verifies with the key of `leaf`.
//= AS4-SIGN-03
pub(super) fn verify(unverified: &Unverified<'_>, leaf: &CertificateDer<'_>) -> Result<Verified, SignatureError> {
    if !unverified.token.names(leaf) {
        return Err(SignatureError::OtherCertificate);
    }
    let signed_info = canonical(unverified, unverified.signed_info.node, &unverified.signed_info.prefixes)?;
    // The value first: references cost work, and whoever cannot sign shall not have it done.
    verify_value(unverified.signed_info.algorithm, &unverified.value, &signed_info, leaf)?;
    let mut elements = unverified.elements.iter();
    let mut parts = Vec::new();
    for reference in &unverified.references {
        match (&reference.transform, reference.cid()) {
            (Transform::Exclusive { prefixes }, None) => {
                let element = elements.next().ok_or(SignatureError::Disagreement)?;
                let octets = canonical(unverified, element.node, prefixes)?;
                if reference.digest_method.digest(&octets) != reference.digest {
                    return Err(SignatureError::Digest);
                }
            }
            (Transform::AttachmentContent, Some(cid)) => {
                parts.push(PartReference { cid, digest: reference.digest.clone() });
            }
            _ => return Err(SignatureError::Disagreement),
        }
    }
    if elements.next().is_some() {
        return Err(SignatureError::Disagreement);
    }
    Ok(Verified {
        signature: unverified.signature,
        elements: unverified.elements.clone(),
        parts,
        references: unverified.references.iter().map(Reference::clone).collect(),
    })
}

fn canonical(unverified: &Unverified<'_>, node: NodeId, prefixes: &[String]) -> Result<Vec<u8>, SignatureError> {
    let prefixes: Vec<&str> = prefixes.iter().map(String::as_str).collect();
    c14n::exclusive(unverified.document, node, &prefixes).map_err(|_| SignatureError::Disagreement)
}

/// Verifies the signature value with the leaf's key, which must be of the algorithm's kind.
pub(super) fn verify_value(
    algorithm: SignatureAlgorithm,
    value: &[u8],
    signed_info: &[u8],
    leaf: &CertificateDer<'_>,
) -> Result<(), SignatureError> {
    let parsed = EndEntityCert::try_from(leaf).map_err(|_| SignatureError::Key)?;
    let spki = parsed.subject_public_key_info();
    let (identifier, key) = der::element(&spki)
        .and_then(|(_, content, _)| der::element(content))
        .map(|(_, identifier, key)| (identifier, key))
        .ok_or(SignatureError::Key)?;
    if identifier != verifier(algorithm).public_key_alg_id().as_ref() {
        return Err(SignatureError::Key);
    }
    match algorithm {
        // The value in XML is not the DER structure that certificates use.
        SignatureAlgorithm::EcdsaP256Sha256 => {
            let (_, bits, _) = der::element(key).ok_or(SignatureError::Key)?;
            let point = bits.strip_prefix(&[0]).ok_or(SignatureError::Key)?;
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                .verify(signed_info, value)
                .map_err(|_| SignatureError::Mismatch)
        }
        SignatureAlgorithm::RsaSha256 | SignatureAlgorithm::Ed25519 => {
            parsed.verify_signature(verifier(algorithm), signed_info, value).map_err(|_| SignatureError::Mismatch)
        }
    }
}

fn verifier(algorithm: SignatureAlgorithm) -> &'static dyn SignatureVerificationAlgorithm {
    match algorithm {
        SignatureAlgorithm::RsaSha256 => webpki::aws_lc_rs::RSA_PKCS1_2048_8192_SHA256,
        SignatureAlgorithm::Ed25519 => webpki::aws_lc_rs::ED25519,
        SignatureAlgorithm::EcdsaP256Sha256 => webpki::aws_lc_rs::ECDSA_P256_SHA256,
    }
}
