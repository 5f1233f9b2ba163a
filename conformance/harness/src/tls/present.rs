//! Presents an identity as it is: the library's own checks of chain and key are passed by.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use carnet_certs::{Identity, Key, KeyKind, Scheme};
use rustls::client::ResolvesClientCert;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::{CertifiedKey, Signer, SigningKey};
use rustls::{Error, SignatureAlgorithm, SignatureScheme};

/// What is presented, or nothing.
#[derive(Debug)]
pub(super) struct Present {
    certified: Option<Arc<CertifiedKey>>,
    /// Whether there is a certificate in it.
    shows: bool,
    asked: AtomicBool,
}

impl Present {
    pub(super) fn new(identity: Option<&Identity>) -> Self {
        let certified = identity.map(|identity| {
            let key = Arc::new(Held { key: identity.key.clone() });
            Arc::new(CertifiedKey::new(identity.chain.clone(), key))
        });
        let shows = identity.is_some_and(|identity| !identity.chain.is_empty());
        Self { certified, shows, asked: AtomicBool::new(false) }
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

/// A key that signs whatever it can: the library would try it whenever it reads one, which costs more than to sign, and
/// it refuses short ones, which the zoo signs with all the same.
#[derive(Debug)]
struct Held {
    key: Key,
}

impl SigningKey for Held {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let known: &[(SignatureScheme, Scheme)] = match self.key.kind() {
            KeyKind::P256 => &[(SignatureScheme::ECDSA_NISTP256_SHA256, Scheme::EcdsaP256Sha256)],
            KeyKind::Ed25519 => &[(SignatureScheme::ED25519, Scheme::Ed25519)],
            KeyKind::X25519 => &[],
            _ => &[
                (SignatureScheme::RSA_PSS_SHA256, Scheme::RsaPssSha256),
                (SignatureScheme::RSA_PKCS1_SHA256, Scheme::RsaPkcs1Sha256),
            ],
        };
        let &(named, scheme) = known.iter().find(|(named, _)| offered.contains(named))?;
        Some(Box::new(Signing { key: self.key.clone(), named, scheme }))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        match self.key.kind() {
            KeyKind::P256 => SignatureAlgorithm::ECDSA,
            KeyKind::Ed25519 | KeyKind::X25519 => SignatureAlgorithm::ED25519,
            _ => SignatureAlgorithm::RSA,
        }
    }
}

#[derive(Debug)]
struct Signing {
    key: Key,
    named: SignatureScheme,
    scheme: Scheme,
}

impl Signer for Signing {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        self.key.sign(self.scheme, message).map_err(|error| Error::General(error.to_string()))
    }

    fn scheme(&self) -> SignatureScheme {
        self.named
    }
}
