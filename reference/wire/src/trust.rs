//! Whether a certificate chain leads to an anchor, at a given time.
//!
//! A thin layer over rustls-webpki: same path building as TLS, one variant per reason. Extended key usage is not
//! looked at, because AS4 profiles demand none of a signing certificate; key usage is, when present, along the whole path.
//! Who the leaf must belong to is the caller's question. Implements RFC 5280, 6.

use std::sync::{Arc, Mutex, PoisonError};

use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, TrustAnchor, UnixTime};
use webpki::{
    CertRevocationList, EndEntityCert, ExpirationPolicy, ExtendedKeyUsageValidator, KeyPurposeIdIter,
    RevocationCheckDepth, RevocationOptions, RevocationOptionsBuilder, UnknownStatusPolicy,
};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::token::{self, Subject};

/// How revocation lists are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RevocationPolicy {
    /// Refuse a certificate whose issuer has no list here.
    pub require_status: bool,
    /// Refuse when the list's next update has passed.
    pub enforce_expiration: bool,
    /// Check the issuing authorities too, not the leaf alone.
    pub whole_chain: bool,
}

impl Default for RevocationPolicy {
    fn default() -> Self {
        Self { require_status: false, enforce_expiration: true, whole_chain: true }
    }
}

/// Why a chain is not trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// No certificate to check.
    #[error("certificate chain is empty")]
    EmptyChain,
    /// A certificate, anchor or extension that is not well-formed.
    #[error("certificate is malformed")]
    Malformed,
    /// A revocation list that is not well-formed or not supported.
    #[error("revocation list is malformed or not supported")]
    MalformedCrl,
    /// No path to an anchor.
    #[error("certificate issuer is unknown")]
    UnknownIssuer,
    /// A certificate of the path is past its end.
    #[error("certificate has expired")]
    Expired,
    /// A certificate of the path is before its beginning.
    #[error("certificate is not valid yet")]
    NotYetValid,
    /// A certificate of the path ends before it begins.
    #[error("certificate validity is void")]
    Validity,
    /// A certificate of the path is on its issuer's list.
    #[error("certificate is revoked")]
    Revoked,
    /// No list tells about a certificate and one is required.
    #[error("certificate revocation status is unknown")]
    UnknownStatus,
    /// The list's next update has passed.
    #[error("revocation list has expired")]
    CrlExpired,
    /// The list is not signed by the issuer it names.
    #[error("revocation list signature is wrong")]
    CrlSignature,
    /// The key may not sign, or an authority's certificate is used as a leaf.
    #[error("certificate may not be used to sign messages")]
    WrongUsage,
    /// A certificate of the path is no authority's, or its key may not sign certificates.
    #[error("certificate was issued by one that may not issue certificates")]
    NotAuthority,
    /// A name outside the constraints of an authority.
    #[error("certificate name violates a constraint of its issuer")]
    NameConstraint,
    /// A path longer than an authority or the builder allows.
    #[error("certificate path is too long")]
    PathLength,
    /// A critical extension that is not understood.
    #[error("certificate has an unknown critical extension")]
    CriticalExtension,
    /// A certificate is not signed by the issuer it names.
    #[error("certificate signature is wrong")]
    Signature,
    /// A signature or key algorithm that is not accepted: SHA-1, MD5, RSA under 2048 bits.
    #[error("certificate uses an algorithm or key that is not accepted")]
    Algorithm,
}

/// Trust anchors and revocation lists.
pub struct Anchors {
    anchors: Vec<TrustAnchor<'static>>,
    crls: Vec<CertRevocationList<'static>>,
    policy: RevocationPolicy,
    trusted: Mutex<Trusted>,
}

/// Chains that were trusted at one moment. Time counts in seconds here, so within a second the answer is the same
/// whoever asks, and a partner sends many messages in one.
#[derive(Default)]
struct Trusted {
    at: u64,
    chains: Vec<(Vec<CertificateDer<'static>>, Arc<Subject>)>,
}

impl Trusted {
    /// Whom the leaf of a chain names that is remembered.
    fn leaf_of(&self, chain: &[CertificateDer<'_>]) -> Option<Arc<Subject>> {
        self.chains.iter().find(|(known, _)| known.as_slice() == chain).map(|(_, leaf)| Arc::clone(leaf))
    }
}

/// Most chains remembered.
const REMEMBERED: usize = 64;

impl Anchors {
    /// Prepares anchors and lists for many checks.
    ///
    /// # Errors
    /// [`TrustError::Malformed`], [`TrustError::MalformedCrl`].
    pub fn new(
        anchors: &[CertificateDer<'_>],
        crls: &[CertificateRevocationListDer<'_>],
        policy: RevocationPolicy,
    ) -> Result<Self, TrustError> {
        let anchors = anchors
            .iter()
            .map(|der| webpki::anchor_from_trusted_cert(der).map(|a| a.to_owned()).map_err(|_| TrustError::Malformed))
            .collect::<Result<_, _>>()?;
        let crls = crls
            .iter()
            .map(|der| {
                webpki::OwnedCertRevocationList::from_der(der)
                    .map(CertRevocationList::Owned)
                    .map_err(|_| TrustError::MalformedCrl)
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { anchors, crls, policy, trusted: Mutex::default() })
    }

    /// Whether the chain, leaf first, leads to an anchor at that time, and its key may sign messages.
    ///
    /// # Errors
    /// See [`TrustError`].
    pub fn verify(&self, chain: &[CertificateDer<'_>], now: UnixTime) -> Result<(), TrustError> {
        self.leaf(chain, now).map(drop)
    }

    /// As [`Anchors::verify`], and whom the leaf names.
    ///
    /// # Errors
    /// See [`TrustError`].
    pub fn leaf(&self, chain: &[CertificateDer<'_>], now: UnixTime) -> Result<Arc<Subject>, TrustError> {
        {
            let trusted = self.trusted.lock().unwrap_or_else(PoisonError::into_inner);
            if trusted.at == now.as_secs()
                && let Some(leaf) = trusted.leaf_of(chain)
            {
                return Ok(leaf);
            }
        }
        let leaf = Arc::new(self.verify_anew(chain, now)?);
        let mut trusted = self.trusted.lock().unwrap_or_else(PoisonError::into_inner);
        if trusted.at != now.as_secs() {
            *trusted = Trusted { at: now.as_secs(), chains: Vec::new() };
        }
        if trusted.chains.len() < REMEMBERED {
            let known = chain.iter().map(|der| der.clone().into_owned()).collect();
            trusted.chains.push((known, Arc::clone(&leaf)));
        }
        Ok(leaf)
    }

    fn verify_anew(&self, chain: &[CertificateDer<'_>], now: UnixTime) -> Result<Subject, TrustError> {
        if self.policy.require_status && self.crls.is_empty() {
            return Err(TrustError::UnknownStatus);
        }
        let (leaf, issuers) = chain.split_first().ok_or(TrustError::EmptyChain)?;
        let entity = EndEntityCert::try_from(leaf).map_err(|e| reason(&e))?;
        let crls: Vec<&CertRevocationList<'_>> = self.crls.iter().collect();
        // Whichever certificates bear an issuer's name, the path is built of those whose keys may sign certificates.
        let known = issuers;
        let issuers: Vec<CertificateDer<'_>> =
            known.iter().filter(|der| may_issue(der)).map(|der| CertificateDer::from(der.as_ref())).collect();
        entity
            .verify_for_usage(
                webpki::ALL_VERIFICATION_ALGS,
                &self.anchors,
                &issuers,
                now,
                AnyPurpose,
                self.revocation(&crls),
                None,
            )
            .map_err(|e| match reason(&e) {
                TrustError::UnknownIssuer if issuers.len() < known.len() => TrustError::NotAuthority,
                reason => reason,
            })?;
        may_sign(leaf)
    }

    fn revocation<'r>(&self, crls: &'r [&'r CertRevocationList<'r>]) -> Option<RevocationOptions<'r>> {
        // The builder refuses an empty slice: without lists there is nothing to check, unless a status is required.
        let builder = match RevocationOptionsBuilder::new(crls) {
            Ok(builder) => builder,
            Err(_) => return None,
        };
        let depth = if self.policy.whole_chain { RevocationCheckDepth::Chain } else { RevocationCheckDepth::EndEntity };
        let unknown = if self.policy.require_status { UnknownStatusPolicy::Deny } else { UnknownStatusPolicy::Allow };
        let expiration =
            if self.policy.enforce_expiration { ExpirationPolicy::Enforce } else { ExpirationPolicy::Ignore };
        Some(builder.with_depth(depth).with_status_policy(unknown).with_expiration_policy(expiration).build())
    }
}

impl std::fmt::Debug for Anchors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let counts = (self.anchors.len(), self.crls.len());
        f.debug_struct("Anchors").field("anchors", &counts.0).field("lists", &counts.1).finish_non_exhaustive()
    }
}

/// Whether the certificate is within its validity period at that time; for a pinned certificate, which needs no path.
///
/// # Errors
/// [`TrustError::Malformed`], [`TrustError::Expired`], [`TrustError::NotYetValid`].
pub fn within_validity(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), TrustError> {
    let (_, parsed) = X509Certificate::from_der(certificate).map_err(|_| TrustError::Malformed)?;
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let validity = parsed.validity();
    if now < validity.not_before.timestamp() {
        return Err(TrustError::NotYetValid);
    }
    if now > validity.not_after.timestamp() {
        return Err(TrustError::Expired);
    }
    Ok(())
}

/// Whether the key may sign certificates: its key usage, when it has one, says so. What does not parse may not.
fn may_issue(der: &CertificateDer<'_>) -> bool {
    let Ok((_, certificate)) = X509Certificate::from_der(der) else { return false };
    certificate.key_usage().is_ok_and(|usage| usage.is_none_or(|usage| usage.value.key_cert_sign()))
}

/// Whom the leaf names; its key usage, when it has one, must let it sign messages.
fn may_sign(leaf: &CertificateDer<'_>) -> Result<Subject, TrustError> {
    let (_, parsed) = X509Certificate::from_der(leaf).map_err(|_| TrustError::Malformed)?;
    match parsed.key_usage() {
        Ok(None) => Ok(token::subject_of(&parsed)),
        Ok(Some(usage)) if usage.value.digital_signature() || usage.value.non_repudiation() => {
            Ok(token::subject_of(&parsed))
        }
        Ok(Some(_)) => Err(TrustError::WrongUsage),
        Err(_) => Err(TrustError::Malformed),
    }
}

/// Any extended key usage, and none.
struct AnyPurpose;

impl ExtendedKeyUsageValidator for AnyPurpose {
    fn validate(&self, mut purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        purposes.try_for_each(|purpose| purpose.map(drop))
    }
}

fn reason(error: &webpki::Error) -> TrustError {
    use webpki::Error as E;
    #[expect(deprecated, reason = "the old names may still be given")]
    match error {
        E::UnknownIssuer | E::MaximumPathBuildCallsExceeded | E::MaximumSignatureChecksExceeded => {
            TrustError::UnknownIssuer
        }
        E::CertExpired { .. } => TrustError::Expired,
        E::CertNotValidYet { .. } => TrustError::NotYetValid,
        E::InvalidCertValidity => TrustError::Validity,
        E::CertRevoked | E::CertDistrusted => TrustError::Revoked,
        E::UnknownRevocationStatus => TrustError::UnknownStatus,
        E::CrlExpired { .. } => TrustError::CrlExpired,
        E::InvalidCrlSignatureForPublicKey
        | E::IssuerNotCrlSigner
        | E::UnsupportedCrlSignatureAlgorithm
        | E::UnsupportedCrlSignatureAlgorithmContext(_)
        | E::UnsupportedCrlSignatureAlgorithmForPublicKey
        | E::UnsupportedCrlSignatureAlgorithmForPublicKeyContext(_) => TrustError::CrlSignature,
        E::CaUsedAsEndEntity => TrustError::WrongUsage,
        E::EndEntityUsedAsCa => TrustError::NotAuthority,
        E::NameConstraintViolation | E::MaximumNameConstraintComparisonsExceeded | E::UnsupportedNameType => {
            TrustError::NameConstraint
        }
        E::PathLenConstraintViolated | E::MaximumPathDepthExceeded => TrustError::PathLength,
        E::UnsupportedCriticalExtension => TrustError::CriticalExtension,
        E::InvalidSignatureForPublicKey => TrustError::Signature,
        E::SignatureAlgorithmMismatch
        | E::UnsupportedSignatureAlgorithm
        | E::UnsupportedSignatureAlgorithmContext(_)
        | E::UnsupportedSignatureAlgorithmForPublicKey
        | E::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => TrustError::Algorithm,
        _ => TrustError::Malformed,
    }
}

#[cfg(test)]
mod tests;
