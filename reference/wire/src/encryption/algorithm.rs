//! The algorithms that may be agreed, by their URIs.

use crate::namespace;

/// How the key of a message is handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyMethod {
    /// RSA-OAEP with SHA-256 and MGF1-SHA-256.
    RsaOaep,
    /// X25519 with an ephemeral key, HKDF with HMAC-SHA-256, AES-128 key wrap.
    X25519,
    /// ECDH on P-256 with an ephemeral key, HKDF with HMAC-SHA-256, AES-128 key wrap.
    EcdhP256,
}

/// How a part is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ContentAlgorithm {
    /// AES-128-GCM.
    Aes128Gcm,
    /// AES-256-GCM.
    Aes256Gcm,
}

impl KeyMethod {
    /// The URI that stands for it in a P-Mode: of the transport or of the agreement.
    pub fn uri(self) -> &'static str {
        match self {
            Self::RsaOaep => namespace::RSA_OAEP,
            Self::X25519 => namespace::X25519,
            Self::EcdhP256 => namespace::ECDH_ES,
        }
    }

    /// The method of that URI, when it is one that can be agreed.
    pub fn from_uri(uri: &str) -> Option<Self> {
        [Self::RsaOaep, Self::X25519, Self::EcdhP256].into_iter().find(|m| m.uri() == uri)
    }
}

impl ContentAlgorithm {
    /// Its URI.
    pub fn uri(self) -> &'static str {
        match self {
            Self::Aes128Gcm => namespace::AES128_GCM,
            Self::Aes256Gcm => namespace::AES256_GCM,
        }
    }

    /// The algorithm of that URI, when it is one that can be agreed.
    pub fn from_uri(uri: &str) -> Option<Self> {
        [Self::Aes128Gcm, Self::Aes256Gcm].into_iter().find(|a| a.uri() == uri)
    }
}
