//! Presents an identity as it is: the library's own checks of chain and key are passed by.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use carnet_certs::{Identity, Key, KeyKind, Scheme};
use rustls::client::ResolvesClientCert;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::{CertifiedKey, Signer, SigningKey};
use rustls::{Error, SignatureAlgorithm, SignatureScheme};
use rustls_pki_types::PrivateKeyDer;

/// What is presented, or nothing.
#[derive(Debug)]
pub(super) struct Present {
    certified: Option<Arc<CertifiedKey>>,
    /// Whether there is a certificate in it.
    shows: bool,
    asked: AtomicBool,
}

impl Present {
    /// # Errors
    /// When the library refuses a key that is not RSA.
    pub(super) fn new(identity: Option<&Identity>) -> Result<Self, Error> {
        let certified = match identity {
            Some(identity) => Some(Arc::new(CertifiedKey::new(identity.chain.clone(), signing_key(&identity.key)?))),
            None => None,
        };
        let shows = identity.is_some_and(|identity| !identity.chain.is_empty());
        Ok(Self { certified, shows, asked: AtomicBool::new(false) })
    }

    /// Whether the peer asked for a certificate of ours.
    pub(super) fn asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }
}

impl ResolvesClientCert for Present {
    fn resolve(&self, _hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.asked.store(true, Ordering::Relaxed);
        // A client without a certificate says so by the empty list, which the library makes.
        self.certified.clone().filter(|_| self.shows)
    }

    fn has_certs(&self) -> bool {
        self.shows
    }
}

impl ResolvesServerCert for Present {
    /// Without a certificate, the empty list that no server may send.
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.certified.clone()
    }
}

fn signing_key(key: &Key) -> Result<Arc<dyn SigningKey>, Error> {
    match key.kind() {
        KeyKind::P256 | KeyKind::Ed25519 | KeyKind::X25519 => {
            any_supported_type(&PrivateKeyDer::from(key.pkcs8().clone_key()))
        }
        // The library tries such a key whenever it reads one, which costs more than to sign; and it refuses short ones,
        // which the zoo signs with all the same.
        _ => Ok(Arc::new(RsaKey { key: key.clone() })),
    }
}

/// An RSA key of any length.
#[derive(Debug)]
struct RsaKey {
    key: Key,
}

impl SigningKey for RsaKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let known = [
            (SignatureScheme::RSA_PSS_SHA256, Scheme::RsaPssSha256),
            (SignatureScheme::RSA_PKCS1_SHA256, Scheme::RsaPkcs1Sha256),
        ];
        let (named, scheme) = known.into_iter().find(|(named, _)| offered.contains(named))?;
        Some(Box::new(RsaSigner { key: self.key.clone(), named, scheme }))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::RSA
    }
}

#[derive(Debug)]
struct RsaSigner {
    key: Key,
    named: SignatureScheme,
    scheme: Scheme,
}

impl Signer for RsaSigner {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        self.key.sign(self.scheme, message).map_err(|error| Error::General(error.to_string()))
    }

    fn scheme(&self) -> SignatureScheme {
        self.named
    }
}
