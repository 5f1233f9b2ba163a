//! Verifying digests and signature value, once everything has been read and held against the policy.

use rustls_pki_types::CertificateDer;

use super::key::verify_value;
use super::{PartReference, Reference, SignatureError, Transform, Unverified, Verified};
use crate::c14n;
use crate::xml::NodeId;

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
