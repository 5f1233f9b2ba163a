//! The algorithms that may be agreed, by their URIs.

use crate::namespace;

/// How `SignedInfo` is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SignatureAlgorithm {
    /// RSA PKCS#1 v1.5 with SHA-256.
    RsaSha256,
    /// Ed25519.
    Ed25519,
    /// ECDSA on P-256 with SHA-256; the value is both numbers as they are, 64 bytes.
    EcdsaP256Sha256,
}

impl SignatureAlgorithm {
    /// Its URI.
    pub fn uri(self) -> &'static str {
        match self {
            Self::RsaSha256 => namespace::RSA_SHA256,
            Self::Ed25519 => namespace::ED25519,
            Self::EcdsaP256Sha256 => namespace::ECDSA_SHA256,
        }
    }

    /// The algorithm of that URI, when it is one that can be agreed.
    pub fn from_uri(uri: &str) -> Option<Self> {
        [Self::RsaSha256, Self::Ed25519, Self::EcdsaP256Sha256].into_iter().find(|a| a.uri() == uri)
    }
}

/// How a reference is hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DigestAlgorithm {
    /// SHA-256.
    Sha256,
}

impl DigestAlgorithm {
    /// Its URI.
    pub fn uri(self) -> &'static str {
        match self {
            Self::Sha256 => namespace::SHA256,
        }
    }

    /// The algorithm of that URI, when it is one that can be agreed.
    pub fn from_uri(uri: &str) -> Option<Self> {
        (uri == Self::Sha256.uri()).then_some(Self::Sha256)
    }

    /// The digest of `bytes`.
    pub fn digest(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => crate::digest::sha256(bytes).to_vec(),
        }
    }

    /// Bytes of a digest.
    pub fn length(self) -> usize {
        match self {
            Self::Sha256 => 32,
        }
    }
}
