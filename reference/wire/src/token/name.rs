//! Who a certificate was issued to, as text and as parts.

use rustls_pki_types::CertificateDer;

use super::TokenError;

/// The subject of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Distinguished name as RFC 4514 text, most specific first: `CN=red,O=AS4 peer test,C=EU`.
    pub rfc4514: String,
    /// The common name, when there is exactly one.
    pub common_name: Option<String>,
}

/// Reads the subject.
///
/// # Errors
/// [`TokenError::Certificate`].
pub fn subject(certificate: &CertificateDer<'_>) -> Result<Subject, TokenError> {
    todo!("{certificate:?}")
}
