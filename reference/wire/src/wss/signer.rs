//! Keys that sign.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
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
    /// The private key is not the certificate's.
    #[error("private key does not belong to the certificate")]
    OtherKey,
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

/// ECDSA on P-256 with SHA-256.
pub struct EcdsaP256Signer {
    key: EcdsaKeyPair,
}

impl EcdsaP256Signer {
    /// Takes a PKCS#8 DER key.
    ///
    /// # Errors
    /// [`SignerError::Key`].
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, SignerError> {
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der)
            .map(|key| Self { key })
            .map_err(|_| SignerError::Key)
    }

    /// Whether the certificate carries this key's public half.
    pub fn fits(&self, certificate: &CertificateDer<'_>) -> bool {
        carries(certificate, self.key.public_key().as_ref())
    }
}

impl Signer for EcdsaP256Signer {
    fn algorithm(&self) -> &str {
        SignatureAlgorithm::EcdsaP256Sha256.uri()
    }

    fn sign(&self, bytes: &[u8]) -> Result<Vec<u8>, SignerError> {
        // The engine takes its own randomness; a signature that repeats one gives the key away.
        let value = self.key.sign(&SystemRandom::new(), bytes).map_err(|_| SignerError::Failed)?;
        Ok(value.as_ref().to_vec())
    }
}

/// The key as whichever of the three it is.
///
/// # Errors
/// [`SignerError::Key`] when it is none of them, [`SignerError::OtherKey`].
pub fn signer_for(certificate: &CertificateDer<'_>, pkcs8: &[u8]) -> Result<Box<dyn Signer>, SignerError> {
    if let Ok(signer) = RsaSigner::from_pkcs8(pkcs8) {
        return fitting(signer.fits(certificate), signer);
    }
    if let Ok(signer) = Ed25519Signer::from_pkcs8(pkcs8) {
        return fitting(signer.fits(certificate), signer);
    }
    let signer = EcdsaP256Signer::from_pkcs8(pkcs8)?;
    fitting(signer.fits(certificate), signer)
}

fn fitting(fits: bool, signer: impl Signer + 'static) -> Result<Box<dyn Signer>, SignerError> {
    if fits { Ok(Box::new(signer)) } else { Err(SignerError::OtherKey) }
}

fn carries(certificate: &CertificateDer<'_>, public: &[u8]) -> bool {
    X509Certificate::from_der(certificate).is_ok_and(|(_, c)| c.public_key().subject_public_key.data.as_ref() == public)
}
