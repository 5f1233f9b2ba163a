//! The fast path: a security header from digests that are already known.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::CertificateDer;

use super::{SignError, Signer};
use crate::token::TokenType;

/// Identifiers of one security header; each must be unique in the envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecurityIds<'i> {
    /// `wsu:Id` of the token.
    pub token: &'i str,
    /// `Id` of the signature.
    pub signature: &'i str,
}

/// A token, encoded once for many messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningToken {
    pub(super) value_type: &'static str,
    pub(super) base64: String,
}

impl SigningToken {
    /// The token of that type for a chain, leaf first: X509v3 carries the leaf, X509PKIPathv1 the whole chain.
    ///
    /// # Errors
    /// [`SignError::Token`] for another type or an empty chain.
    pub fn new(kind: TokenType, chain: &[CertificateDer<'_>]) -> Result<Self, SignError> {
        let leaf = chain.first().ok_or(SignError::Token)?;
        let (value_type, bytes) = match kind {
            TokenType::X509V3 => (crate::namespace::X509_V3, leaf.to_vec()),
            TokenType::X509PkiPath => (
                crate::namespace::X509_PKIPATH_V1,
                crate::token::pkipath(chain),
            ),
            TokenType::Ski | TokenType::IssuerSerial => return Err(SignError::Token),
        };
        Ok(Self {
            value_type,
            base64: STANDARD.encode(bytes),
        })
    }
}

/// What is signed: an element of the envelope or a part, with the digest of its canonical form or content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignedReference<'r> {
    /// The element with that `wsu:Id`, hashed in exclusive canonical form with an empty prefix list.
    Element {
        /// The identifier, without `#`.
        id: &'r str,
        /// SHA-256.
        sha256: [u8; 32],
    },
    /// The part with that Content-ID, hashed as its media type says.
    Part {
        /// Content-ID, without `cid:` and angle brackets.
        cid: &'r str,
        /// SHA-256.
        sha256: [u8; 32],
    },
}

/// A `wsse:Security` element in canonical form, with token and signature, `mustUnderstand` set.
///
/// It declares what it uses and can stand in any SOAP 1.2 header.
///
/// # Errors
/// [`SignError::Nothing`], [`SignError::Emit`], [`SignError::Signer`].
pub fn security_header(
    token: &SigningToken,
    ids: &SecurityIds<'_>,
    references: &[SignedReference<'_>],
    signer: &dyn Signer,
) -> Result<String, SignError> {
    todo!("{token:?}{ids:?}{references:?}{}", signer.algorithm())
}
