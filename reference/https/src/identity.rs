//! A certificate chain with its private key, read from PEM or PKCS#12.
//!
//! Where the bytes come from is the caller's business; a key never appears in an error, a log line or `Debug`.

use std::fmt;
use std::sync::Arc;

use p12_keystore::{KeyStore, Pkcs12ImportPolicy};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::{Error as PemError, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::pkcs8::pkcs8;
use crate::{TlsError, certificates_from_pem, provider};

/// A certificate chain, leaf first, and the private key of the leaf.
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    /// Takes a chain (leaf first) with the key of its leaf (PKCS#8, PKCS#1 or SEC1 DER); the key is kept as PKCS#8.
    ///
    /// # Errors
    /// When the chain is empty, the key unusable, or the key not that of the first certificate.
    pub fn new(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Self, TlsError> {
        let key = pkcs8(key).ok_or(TlsError::UnusableKey)?;
        let identity = Self { chain, key };
        identity.certified_key()?;
        Ok(identity)
    }

    /// Reads a chain (leaf first) and an unencrypted key, both PEM; one text may hold both.
    ///
    /// # Errors
    /// As [`Identity::new`], and when either text is not PEM of the right kind.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| match error {
            PemError::NoItemsFound => TlsError::NoKey,
            _ => TlsError::NotPem { expected: "PRIVATE KEY" },
        })?;
        Self::new(certificates_from_pem(chain)?, key)
    }

    /// Reads the first key with its chain from a PKCS#12 file.
    ///
    /// # Errors
    /// As [`Identity::new`], and when the password is wrong or the file holds no key with a certificate.
    pub fn from_pkcs12(file: &[u8], password: &str) -> Result<Self, TlsError> {
        let store = KeyStore::from_pkcs12(file, password, Pkcs12ImportPolicy::Strict).map_err(|_| TlsError::Pkcs12)?;
        let (_, entry) = store.private_key_chain().ok_or(TlsError::Pkcs12Empty)?;
        let chain =
            entry.certs().iter().map(|certificate| CertificateDer::from(certificate.as_der().to_vec())).collect();
        let key = PrivatePkcs8KeyDer::from(entry.key().as_der().to_vec());
        Self::new(chain, PrivateKeyDer::Pkcs8(key))
    }

    /// The chain, leaf first.
    #[must_use]
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// The certificate whose key this is.
    #[must_use]
    pub fn leaf(&self) -> &CertificateDer<'static> {
        // `new` refuses an empty chain.
        &self.chain[0]
    }

    /// The key, for a signer to take in: PKCS#8, however it was given.
    #[must_use]
    pub fn key(&self) -> &PrivateKeyDer<'static> {
        &self.key
    }

    pub(crate) fn certified_key(&self) -> Result<Arc<CertifiedKey>, TlsError> {
        if self.chain.is_empty() {
            return Err(TlsError::NoCertificate);
        }
        let signer =
            provider(&[])?.key_provider.load_private_key(self.key.clone_key()).map_err(|_| TlsError::UnusableKey)?;
        let certified = CertifiedKey::new(self.chain.clone(), signer);
        match certified.keys_match() {
            Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => Ok(Arc::new(certified)),
            Err(rustls::Error::InconsistentKeys(_)) => Err(TlsError::KeyMismatch),
            Err(_) => Err(TlsError::MalformedCertificate { position: 0 }),
        }
    }
}

impl Clone for Identity {
    fn clone(&self) -> Self {
        Self { chain: self.chain.clone(), key: self.key.clone_key() }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("certificates", &self.chain.len()).field("key", &"withheld").finish()
    }
}
