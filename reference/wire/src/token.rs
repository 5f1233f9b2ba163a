//! X.509 security tokens of WS-Security: what a signature names its signer by.
//!
//! Reads `BinarySecurityToken` as X509v3 and X509PKIPathv1, `KeyIdentifier` with the subject key identifier, and
//! `X509IssuerSerial`, and writes all four. It does not decide whether to trust: that is [`crate::trust`]. Implements the
//! WS-Security X.509 certificate token profile 1.1.1, 3.1 and 3.2, and PkiPath of X.509 (2000), 18.2.

mod name;
mod path;
mod read;
mod write;

pub(crate) use name::subject_of;
pub use name::{Subject, is_self_issued, policies, subject};
pub use path::{pkipath, read_pkipath};

use rustls_pki_types::CertificateDer;

/// Why a token was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// `ds:KeyInfo` has no security token reference, or more than one.
    #[error("the signature names no single security token")]
    Reference,
    /// The reference points at no token of this header, or not at a token.
    #[error("the security token reference points at no token")]
    NotFound,
    /// A token type that is not one of the four.
    #[error("security token type is not supported")]
    Type,
    /// An encoding other than base64.
    #[error("security token encoding is not base64")]
    Encoding,
    /// Not base64, or not the structure that the type says.
    #[error("security token is malformed")]
    Malformed,
    /// A certificate that is not DER X.509.
    #[error("a certificate in the token is malformed")]
    Certificate,
    /// A path without certificates.
    #[error("certificate path is empty")]
    EmptyPath,
    /// More certificates than the limit.
    #[error("certificate path has more than {limit} certificates")]
    TooMany {
        /// Certificates allowed.
        limit: usize,
    },
    /// Neighbours in the path did not issue one another, in either order.
    #[error("certificate path is not in order")]
    Order,
}

/// Token types, as P-Modes name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenType {
    /// `x509-v3`: the leaf alone.
    X509V3,
    /// `x509-pkipath`: the path, root first.
    X509PkiPath,
    /// `ski`: the subject key identifier.
    Ski,
    /// `issuer-serial`: issuer name and serial number.
    IssuerSerial,
    /// `thumbprint-sha1`: SHA-1 of the certificate.
    Thumbprint,
}

/// What a signature names its signer by.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Token {
    /// The leaf.
    X509V3(CertificateDer<'static>),
    /// The path, turned: leaf first.
    X509PkiPath(Vec<CertificateDer<'static>>),
    /// Value of the subject key identifier extension.
    Ski(Vec<u8>),
    /// Issuer as written (RFC 2253 text) and serial number in decimal digits.
    IssuerSerial {
        /// Distinguished name of the issuer.
        issuer: String,
        /// Serial number in decimal digits.
        serial: String,
    },
    /// SHA-1 of the whole certificate; names the recipient of a key only.
    Thumbprint(Vec<u8>),
}

impl Token {
    /// Which of the types it is.
    pub fn token_type(&self) -> TokenType {
        match self {
            Self::X509V3(_) => TokenType::X509V3,
            Self::X509PkiPath(_) => TokenType::X509PkiPath,
            Self::Ski(_) => TokenType::Ski,
            Self::IssuerSerial { .. } => TokenType::IssuerSerial,
            Self::Thumbprint(_) => TokenType::Thumbprint,
        }
    }

    /// The certificates that the token itself carries, leaf first; none for the types that only name one.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        match self {
            Self::X509V3(leaf) => std::slice::from_ref(leaf),
            Self::X509PkiPath(chain) => chain,
            Self::Ski(_) | Self::IssuerSerial { .. } | Self::Thumbprint(_) => &[],
        }
    }

    /// Whether the token names that certificate: it carries it as leaf, or its identifier or issuer and serial match.
    pub fn names(&self, certificate: &CertificateDer<'_>) -> bool {
        read::names(self, certificate)
    }
}

pub(crate) use path::certificate;
pub(crate) use read::{read, read_recipient};
pub(crate) use write::{Naming, name};

#[cfg(test)]
mod tests;
