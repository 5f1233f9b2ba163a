//! Key usage along a certificate path, which webpki does not look at (RFC 5280 4.2.1.3 and 6.1.4 (n)).
//!
//! Signatures, dates and names are webpki's, and so is the path: it gets to build it of certificates that may stand in one.

use rustls::{CertificateError, Error};
use rustls_pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

/// Lets `verify` build a path of those intermediates whose keys may sign certificates; the leaf's key must be one that may
/// sign. A certificate without key usage may do either. Whichever certificates beside them bear an issuer's name, none that
/// may not sign is in the path.
///
/// # Errors
/// [`CertificateError::InvalidPurpose`] when the leaf may not sign, or when no path is left without an intermediate that
/// may not; [`CertificateError::BadEncoding`] for a leaf that does not parse; otherwise what `verify` says.
pub(crate) fn along_path<T>(
    leaf: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    verify: impl FnOnce(&[CertificateDer<'_>]) -> Result<T, Error>,
) -> Result<T, Error> {
    //= TLS-PATH-08
    let issuers: Vec<CertificateDer<'_>> =
        intermediates.iter().filter(|der| may_issue(der)).map(|der| CertificateDer::from(der.as_ref())).collect();
    let verified = verify(&issuers).map_err(|error| match error {
        Error::InvalidCertificate(CertificateError::UnknownIssuer) if issuers.len() < intermediates.len() => {
            CertificateError::InvalidPurpose.into()
        }
        error => error,
    })?;
    let (_, leaf) = X509Certificate::from_der(leaf).map_err(|_| CertificateError::BadEncoding)?;
    //= TLS-USAGE-02
    match leaf.key_usage().map_err(|_| CertificateError::BadEncoding)? {
        Some(usage) if !usage.value.digital_signature() => Err(CertificateError::InvalidPurpose.into()),
        _ => Ok(verified),
    }
}

/// Whether the key may sign certificates. What does not parse may not.
fn may_issue(der: &CertificateDer<'_>) -> bool {
    let Ok((_, certificate)) = X509Certificate::from_der(der) else { return false };
    certificate.key_usage().is_ok_and(|usage| usage.is_none_or(|usage| usage.value.key_cert_sign()))
}

#[cfg(test)]
mod tests;
