//! Writing WS-Security headers.
//!
//! The fast path ([`security_header`]) takes digests that were made while the envelope was emitted and writes the
//! header in canonical form: one hash of `SignedInfo` and one signature. The general path ([`sign_document`]) takes
//! any envelope as text, hashes the elements named by their identifiers and puts a header in; the suite signs edited
//! envelopes with it. Keys stay behind [`Signer`]; identifiers come in, there is no randomness here. Implements
//! WS-Security 1.1.1 (6, 7, 8), its X.509 token profile 1.1.1 (3.1) and SwA profile 1.1.1 (5.4).

mod document;
mod header;
mod signer;

pub(crate) use document::insert_first;
pub use document::{Digest, Signing, sign_document};
pub use header::{SecurityIds, SignedReference, SigningToken, security_header};
pub use signer::{EcdsaP256Signer, Ed25519Signer, RsaSigner, Signer, SignerError, signer_for};

use crate::c14n::C14nError;
use crate::emit::EmitError;
use crate::xml::XmlError;

/// Why a message could not be signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The key refused.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// An identifier or value cannot be written.
    #[error(transparent)]
    Emit(#[from] EmitError),
    /// The envelope cannot be read.
    #[error("envelope cannot be signed")]
    Envelope(#[from] XmlError),
    /// An element has no canonical form.
    #[error("element cannot be signed")]
    Canonical(#[from] C14nError),
    /// No element carries that identifier.
    #[error("no element has the identifier {id}")]
    UnknownId {
        /// The identifier that was asked for.
        id: String,
    },
    /// The token type cannot be written for this chain.
    #[error("token cannot be written")]
    Token,
    /// Nothing to sign.
    #[error("nothing to sign")]
    Nothing,
}

#[cfg(test)]
mod tests;
