//! Verifying digests and signature value, once everything has been read and held against the policy.

use bergshamra::keys::KeysManager;
use bergshamra::{DsigContext, VerifiedReference, VerifyResult};
use kryptering::{HashAlgorithm, SignatureAlgorithm as EngineAlgorithm};
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm};
use webpki::EndEntityCert;

use super::{PartReference, Reference, SignatureAlgorithm, SignatureError, Unverified, Verified};
use crate::der;

/// Verifies with the key of `leaf`.
pub(super) fn verify(unverified: &Unverified<'_>, leaf: &CertificateDer<'_>) -> Result<Verified, SignatureError> {
    if !unverified.token.names(leaf) {
        return Err(SignatureError::OtherCertificate);
    }
    let key = LeafKey::new(unverified.algorithm, leaf)?;
    // Positions are the caller's check, and parts are hashed outside: both of the engine's own rules would refuse
    // every genuine message. Its third rule, keys of the document are never used, is kept by giving it the verifier.
    let context = DsigContext::new(KeysManager::new())
        .with_strict_verification(false)
        .with_require_reference_digests(false)
        .with_hsm_verifier(Box::new(key));
    let document = unverified.document;
    let result = bergshamra::dsig::verify::verify_document(&context, &document.tree);
    match result {
        Ok(VerifyResult::Valid { signature_node, references, .. }) => {
            if signature_node != unverified.signature.0 {
                return Err(SignatureError::Disagreement);
            }
            covered(unverified, &references)
        }
        Ok(VerifyResult::Invalid { reason }) if reason.starts_with("Reference digest") => Err(SignatureError::Digest),
        Ok(VerifyResult::Invalid { .. }) => Err(SignatureError::Mismatch),
        Err(_) => Err(SignatureError::Disagreement),
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

/// The leaf's public key, as the engine asks for it.
struct LeafKey {
    algorithm: SignatureAlgorithm,
    leaf: CertificateDer<'static>,
}

impl LeafKey {
    fn new(algorithm: SignatureAlgorithm, leaf: &CertificateDer<'_>) -> Result<Self, SignatureError> {
        let parsed = EndEntityCert::try_from(leaf).map_err(|_| SignatureError::Key)?;
        let spki = parsed.subject_public_key_info();
        let fits = der::element(&spki)
            .and_then(|(_, content, _)| der::element(content))
            .is_some_and(|(_, identifier, _)| identifier == engine(algorithm).public_key_alg_id().as_ref());
        if !fits {
            return Err(SignatureError::Key);
        }
        Ok(Self { algorithm, leaf: leaf.clone().into_owned() })
    }
}

impl kryptering::Verifier for LeafKey {
    fn algorithm(&self) -> EngineAlgorithm {
        match self.algorithm {
            SignatureAlgorithm::RsaSha256 => EngineAlgorithm::RsaPkcs1v15(HashAlgorithm::Sha256),
            SignatureAlgorithm::Ed25519 => EngineAlgorithm::Ed25519,
        }
    }

    fn verify(&self, data: &[u8], signature: &[u8]) -> kryptering::Result<bool> {
        let leaf = EndEntityCert::try_from(&self.leaf).map_err(|_| kryptering::Error::Key("leaf".to_owned()))?;
        Ok(leaf.verify_signature(engine(self.algorithm), data, signature).is_ok())
    }
}

fn engine(algorithm: SignatureAlgorithm) -> &'static dyn SignatureVerificationAlgorithm {
    match algorithm {
        SignatureAlgorithm::RsaSha256 => webpki::aws_lc_rs::RSA_PKCS1_2048_8192_SHA256,
        SignatureAlgorithm::Ed25519 => webpki::aws_lc_rs::ED25519,
    }
}
