//! Keys that sign.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use rustls_pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::signature::SignatureAlgorithm;

/// Why a key could not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignerError {
    /// Not PKCS#8, another kind of key, or one that is too short.
    #[error("private key is not accepted")]
    Key,
    /// The operation failed.
    #[error("signing failed")]
    Failed,
}

/// Signs bytes. Implemented by keys in memory here; a hardware key can do the same.
pub trait Signer: Send + Sync {
    /// URI that stands in `SignatureMethod`.
    fn algorithm(&self) -> &str;
    /// The signature value over `bytes`.
    ///
    /// # Errors
    /// [`SignerError::Failed`].
    fn sign(&self, bytes: &[u8]) -> Result<Vec<u8>, SignerError>;
}

/// RSA PKCS#1 v1.5 with SHA-256.
pub struct RsaSigner {
    key: RsaKeyPair,
}

impl RsaSigner {
    /// Takes a PKCS#8 DER key of 2048 to 8192 bits.
    ///
    /// # Errors
    /// [`SignerError::Key`].
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, SignerError> {
        RsaKeyPair::from_pkcs8(der).map(|key| Self { key }).map_err(|_| SignerError::Key)
    }

    /// Whether the certificate carries this key's public half.
    pub fn fits(&self, certificate: &CertificateDer<'_>) -> bool {
        carries(certificate, self.key.public_key().as_ref())
    }
}

impl Signer for RsaSigner {
    fn algorithm(&self) -> &str {
        SignatureAlgorithm::RsaSha256.uri()
    }

    fn sign(&self, bytes: &[u8]) -> Result<Vec<u8>, SignerError> {
        let mut value = vec![0; self.key.public_modulus_len()];
        // The interface asks for a source of randomness; PKCS#1 v1.5 draws nothing from it.
        self.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), bytes, &mut value).map_err(|_| SignerError::Failed)?;
        Ok(value)
    }
}

/// Ed25519.
pub struct Ed25519Signer {
    key: Ed25519KeyPair,
}

impl Ed25519Signer {
    /// Takes a PKCS#8 DER key, with or without its public half.
    ///
    /// # Errors
    /// [`SignerError::Key`].
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, SignerError> {
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map(|key| Self { key }).map_err(|_| SignerError::Key)
    }

    /// Whether the certificate carries this key's public half.
    pub fn fits(&self, certificate: &CertificateDer<'_>) -> bool {
        carries(certificate, self.key.public_key().as_ref())
    }
}

impl Signer for Ed25519Signer {
    fn algorithm(&self) -> &str {
        SignatureAlgorithm::Ed25519.uri()
    }

    fn sign(&self, bytes: &[u8]) -> Result<Vec<u8>, SignerError> {
        Ok(self.key.sign(bytes).as_ref().to_vec())
    }
}

fn carries(certificate: &CertificateDer<'_>, public: &[u8]) -> bool {
    X509Certificate::from_der(certificate).is_ok_and(|(_, c)| c.public_key().subject_public_key.data.as_ref() == public)
}
