//! The general path: signs any envelope that is given as text.

use super::{SecurityIds, SignError, Signer, SigningToken};
use crate::Limits;
use crate::signature::PartReference;

/// How the elements are hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Digest {
    /// SHA-1: for the suite, to see it refused.
    Sha1,
    /// SHA-256.
    #[default]
    Sha256,
    /// SHA-512.
    Sha512,
}

/// Everything about one signature but the envelope.
pub struct Signing<'s> {
    /// Token that is put in.
    pub token: &'s SigningToken,
    /// Identifiers of the header.
    pub ids: SecurityIds<'s>,
    /// The key.
    pub signer: &'s dyn Signer,
    /// Digest method of every reference; the digests of `parts` must be made with it.
    pub digest: Digest,
    /// What the envelope may be; the suite raises it to sign what a node must refuse.
    pub limits: Limits,
}

/// Signs the elements with these `wsu:Id` or `Id` values, in that order, and the parts, and puts the security header
/// in as the first child of the SOAP header. Where two elements carry an identifier, the first is signed.
///
/// All other bytes of `xml` stay as they are.
///
/// # Errors
/// See [`SignError`].
pub fn sign_document(
    xml: &str,
    ids: &[&str],
    parts: &[PartReference],
    signing: &Signing<'_>,
) -> Result<String, SignError> {
    todo!("{xml}{ids:?}{parts:?}{}", signing.signer.algorithm())
}
