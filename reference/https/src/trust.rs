//! Whom a side believes: trust anchors, revocation lists, and what to do when a list is missing or stale.
//!
//! Lists are fixed once a verifier is built, so a reload builds a new one (see [`crate::Reload`]).

use std::fmt;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::time_provider::{DefaultTimeProvider, TimeProvider};
use rustls_pki_types::pem::{Error as PemError, PemObject};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};

use crate::TlsError;

/// Anchors and revocation lists for the peers of one side.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// Certificates of the authorities that issue peers' certificates.
    pub anchors: Vec<CertificateDer<'static>>,
    /// Complete revocation lists of any of those authorities.
    pub lists: Vec<CertificateRevocationListDer<'static>>,
    /// What a missing or stale list means.
    pub revocation: Revocation,
}

/// What a missing or stale revocation list means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// Whether a certificate whose issuer has no list here is let through.
    pub allow_unlisted: bool,
    /// Whether a list past its `nextUpdate` still counts; if not, every certificate it covers is refused.
    pub allow_stale: bool,
}

impl Default for Revocation {
    /// Issuers without a list pass, stale lists do not: an authority that publishes none cannot be waited for,
    /// one that publishes must be heard in time.
    fn default() -> Self {
        Self { allow_unlisted: true, allow_stale: false }
    }
}

impl Trust {
    pub(crate) fn roots(&self) -> Result<Arc<RootCertStore>, TlsError> {
        let mut roots = RootCertStore::empty();
        for (position, anchor) in self.anchors.iter().enumerate() {
            roots.add(anchor.clone()).map_err(|_| TlsError::UnusableAnchor { position })?;
        }
        if roots.is_empty() {
            return Err(TlsError::NoAnchor);
        }
        Ok(Arc::new(roots))
    }
}

/// The wall clock that certificates are judged by; tests fix it.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> UnixTime + Send + Sync>);

impl Clock {
    /// A clock that asks `now` each time.
    pub fn new(now: impl Fn() -> UnixTime + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    pub(crate) fn now(&self) -> UnixTime {
        (self.0)()
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new(|| DefaultTimeProvider.current_time().unwrap_or_else(UnixTime::now))
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(self.now())
    }
}

/// Reads every CERTIFICATE block of a PEM text, in order.
///
/// # Errors
/// When the text is not PEM or holds no certificate.
pub fn certificates_from_pem(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|_| TlsError::NotPem { expected: "CERTIFICATE" })?;
    if certificates.is_empty() {
        return Err(TlsError::NoCertificate);
    }
    for (position, certificate) in certificates.iter().enumerate() {
        x509_parser::parse_x509_certificate(certificate).map_err(|_| TlsError::MalformedCertificate { position })?;
    }
    Ok(certificates)
}

/// Reads revocation lists: every `X509 CRL` block of a PEM text, or one DER list.
///
/// # Errors
/// When the bytes are neither, or a list is not one that can be used.
pub fn revocation_lists(bytes: &[u8]) -> Result<Vec<CertificateRevocationListDer<'static>>, TlsError> {
    let lists = if bytes.first() == Some(&0x30) {
        vec![CertificateRevocationListDer::from(bytes.to_vec())]
    } else {
        CertificateRevocationListDer::pem_slice_iter(bytes)
            .collect::<Result<Vec<_>, PemError>>()
            .map_err(|_| TlsError::NotPem { expected: "X509 CRL" })?
    };
    if lists.is_empty() {
        return Err(TlsError::RevocationList);
    }
    for list in &lists {
        webpki::BorrowedCertRevocationList::from_der(list).map_err(|_| TlsError::RevocationList)?;
    }
    Ok(lists)
}
