//! Key pairs and the signatures the test PKI needs, including those a sound library refuses to make.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::encoding::{AsBigEndian as _, AsDer as _, Curve25519SeedBin};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair};
use aws_lc_rs::{agreement, digest};
use rustls_pki_types::PrivatePkcs8KeyDer;

use crate::{CertError, legacy};

/// The kinds of key that can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
pub enum KeyKind {
    /// RSA with a modulus of 1024 bits: too weak for any use but to be refused.
    #[serde(rename = "rsa-1024")]
    Rsa1024,
    /// RSA with a modulus of 2048 bits.
    #[serde(rename = "rsa-2048")]
    Rsa2048,
    /// RSA with a modulus of 3072 bits.
    #[serde(rename = "rsa-3072")]
    Rsa3072,
    /// RSA with a modulus of 4096 bits.
    #[serde(rename = "rsa-4096")]
    Rsa4096,
    /// ECDSA over NIST P-256.
    #[serde(rename = "p-256")]
    P256,
    /// Ed25519: signs.
    #[serde(rename = "ed25519")]
    Ed25519,
    /// X25519: agrees on keys, and signs nothing.
    #[serde(rename = "x25519")]
    X25519,
}

impl KeyKind {
    /// The kind's name as users write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rsa1024 => "rsa-1024",
            Self::Rsa2048 => "rsa-2048",
            Self::Rsa3072 => "rsa-3072",
            Self::Rsa4096 => "rsa-4096",
            Self::P256 => "p-256",
            Self::Ed25519 => "ed25519",
            Self::X25519 => "x25519",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        [Self::Rsa1024, Self::Rsa2048, Self::Rsa3072, Self::Rsa4096, Self::P256, Self::Ed25519, Self::X25519]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

/// Signature schemes, of certificates and of TLS `CertificateVerify`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RsaPkcs1Sha256,
    /// RSASSA-PKCS1-v1_5 with SHA-1, which RFC 8446 4.4.2.4 recommends to refuse.
    RsaPkcs1Sha1,
    /// RSASSA-PSS with SHA-256 and a salt of 32 bytes.
    RsaPssSha256,
    /// ECDSA over P-256 with SHA-256, the signature as DER.
    EcdsaP256Sha256,
    /// Ed25519.
    Ed25519,
}

impl Scheme {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::RsaPkcs1Sha256 => "rsa-pkcs1-sha256",
            Self::RsaPkcs1Sha1 => "rsa-pkcs1-sha1",
            Self::RsaPssSha256 => "rsa-pss-sha256",
            Self::EcdsaP256Sha256 => "ecdsa-p256-sha256",
            Self::Ed25519 => "ed25519",
        }
    }
}

/// A key pair: PKCS#8 v1 for the private half, SubjectPublicKeyInfo for the public half, both DER. Two are equal when
/// their public halves are.
pub struct Key {
    kind: KeyKind,
    pkcs8: PrivatePkcs8KeyDer<'static>,
    spki: Vec<u8>,
    pair: Pair,
    /// What was signed by RSASSA-PKCS1-v1_5 before, by the digest of what was signed; none where nothing is kept.
    made: Option<Arc<Mutex<Made>>>,
}

type Made = HashMap<Vec<u8>, Vec<u8>>;

/// A key as the library signs with it, read once: it tries a key whenever it reads one, which costs more than to sign.
#[derive(Clone)]
enum Pair {
    Rsa(Arc<RsaKeyPair>),
    P256(Arc<EcdsaKeyPair>),
    Ed25519(Arc<Ed25519KeyPair>),
    /// It signs nothing, or the library does not take it.
    None,
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.spki == other.spki
    }
}

impl Eq for Key {}

impl std::hash::Hash for Key {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.spki.hash(state);
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl Clone for Key {
    fn clone(&self) -> Self {
        Self {
            kind: self.kind,
            pkcs8: self.pkcs8.clone_key(),
            spki: self.spki.clone(),
            pair: self.pair.clone(),
            made: self.made.clone(),
        }
    }
}

impl Key {
    /// Makes a fresh key pair.
    ///
    /// # Errors
    /// [`CertError::Key`] when the library or its randomness fails.
    pub fn generate(kind: KeyKind) -> Result<Self, CertError> {
        use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, PKCS_RSA_SHA256, RsaKeySize};
        let pair = match kind {
            KeyKind::Rsa1024 => return Self::from_pkcs8(&legacy::generate_rsa_1024()?),
            KeyKind::Rsa2048 => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048),
            KeyKind::Rsa3072 => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_3072),
            KeyKind::Rsa4096 => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_4096),
            KeyKind::P256 => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256),
            KeyKind::Ed25519 => KeyPair::generate_for(&PKCS_ED25519),
            KeyKind::X25519 => {
                let key = agreement::PrivateKey::generate(&agreement::X25519).map_err(refused)?;
                let seed: Curve25519SeedBin<'_> = key.as_be_bytes().map_err(refused)?;
                return Self::from_pkcs8(&[X25519_PKCS8, seed.as_ref()].concat());
            }
        }?;
        Self::from_pkcs8(pair.serialized_der())
    }

    /// Reads a PKCS#8 private key: RSA of 1024 to 4096 bits, ECDSA P-256, Ed25519 or X25519.
    ///
    /// # Errors
    /// [`CertError::Key`] when it is none of them.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, CertError> {
        let pkcs8 = PrivatePkcs8KeyDer::from(der.to_vec());
        if let Ok(pair) = EcdsaKeyPair::from_pkcs8(&signature::ECDSA_P256_SHA256_ASN1_SIGNING, der) {
            let spki = pair.public_key().as_der().map_err(|_| refused("its public half has no DER form"))?;
            let spki = spki.as_ref().to_vec();
            return Ok(Self { kind: KeyKind::P256, pkcs8, spki, pair: Pair::P256(Arc::new(pair)), made: None });
        }
        if let Ok(pair) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der) {
            let spki = [ED25519_SPKI, pair.public_key().as_ref()].concat();
            return Ok(Self { kind: KeyKind::Ed25519, pkcs8, spki, pair: Pair::Ed25519(Arc::new(pair)), made: None });
        }
        if let Some(seed) = der.strip_prefix(X25519_PKCS8) {
            let key = agreement::PrivateKey::from_private_key(&agreement::X25519, seed).map_err(refused)?;
            let public = key.compute_public_key().map_err(refused)?;
            let spki = [X25519_SPKI, public.as_ref()].concat();
            return Ok(Self { kind: KeyKind::X25519, pkcs8, spki, pair: Pair::None, made: None });
        }
        let (bits, spki) = legacy::public_half(der)?;
        let kind = match bits {
            1024 => KeyKind::Rsa1024,
            2048 => KeyKind::Rsa2048,
            3072 => KeyKind::Rsa3072,
            4096 => KeyKind::Rsa4096,
            other => return Err(refused(format!("RSA of {other} bits, expected 1024, 2048, 3072 or 4096"))),
        };
        let pair = RsaKeyPair::from_pkcs8(der).map_or(Pair::None, |pair| Pair::Rsa(Arc::new(pair)));
        Ok(Self { kind, pkcs8, spki, pair, made: None })
    }

    /// The same key, which keeps what it signs by RSASSA-PKCS1-v1_5 with SHA-256 and hands it out again: such a signature
    /// follows from key and message alone (RFC 8017, 8.2.1). Its clones keep together. For those who sign the same
    /// messages again and again; what is kept goes with the last clone.
    #[must_use]
    pub fn remembering(self) -> Self {
        Self { made: Some(Arc::default()), ..self }
    }

    /// What kind of key this is.
    #[must_use]
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The private half, PKCS#8 DER.
    #[must_use]
    pub const fn pkcs8(&self) -> &PrivatePkcs8KeyDer<'static> {
        &self.pkcs8
    }

    /// The public half, SubjectPublicKeyInfo DER.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// The scheme this key signs certificates with.
    #[must_use]
    pub const fn certificate_scheme(&self) -> Scheme {
        match self.kind {
            KeyKind::P256 => Scheme::EcdsaP256Sha256,
            KeyKind::Ed25519 | KeyKind::X25519 => Scheme::Ed25519,
            _ => Scheme::RsaPkcs1Sha256,
        }
    }

    /// Signs `message`, hashing it first.
    ///
    /// # Errors
    /// [`CertError::Sign`] when the scheme does not fit the key, [`CertError::Key`] when the library fails.
    pub fn sign(&self, scheme: Scheme, message: &[u8]) -> Result<Vec<u8>, CertError> {
        let unfit = || CertError::Sign { scheme: scheme.name(), kind: self.kind.name() };
        match (scheme, self.kind, &self.pair) {
            (Scheme::EcdsaP256Sha256, _, Pair::P256(pair)) => {
                let signed = pair.sign(&SystemRandom::new(), message).map_err(refused)?;
                Ok(signed.as_ref().to_vec())
            }
            (Scheme::Ed25519, _, Pair::Ed25519(pair)) => Ok(pair.sign(message).as_ref().to_vec()),
            (_, KeyKind::P256 | KeyKind::Ed25519 | KeyKind::X25519, _)
            | (Scheme::EcdsaP256Sha256 | Scheme::Ed25519, ..) => Err(unfit()),
            (Scheme::RsaPkcs1Sha1, ..) | (_, KeyKind::Rsa1024, _) => {
                legacy::sign(self.pkcs8.secret_pkcs8_der(), scheme, message)
            }
            (Scheme::RsaPkcs1Sha256, ..) => self.rsa_pkcs1(message),
            (Scheme::RsaPssSha256, ..) => self.rsa_sign(&signature::RSA_PSS_SHA256, message),
        }
    }

    fn rsa_pkcs1(&self, message: &[u8]) -> Result<Vec<u8>, CertError> {
        let sign = || self.rsa_sign(&signature::RSA_PKCS1_SHA256, message);
        let Some(made) = &self.made else { return sign() };
        let of = digest::digest(&digest::SHA256, message).as_ref().to_vec();
        let made = || made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = made().get(&of) {
            return Ok(known.clone());
        }
        let signed = sign()?;
        made().insert(of, signed.clone());
        Ok(signed)
    }

    fn rsa_sign(&self, padding: &'static dyn signature::RsaEncoding, message: &[u8]) -> Result<Vec<u8>, CertError> {
        let Pair::Rsa(pair) = &self.pair else { return Err(refused("the library does not take it")) };
        let mut out = vec![0; pair.public_modulus_len()];
        pair.sign(padding, &SystemRandom::new(), message, &mut out).map_err(refused)?;
        Ok(out)
    }

    /// The same key as rcgen wants it.
    pub(crate) fn rcgen(&self) -> Result<rcgen::KeyPair, CertError> {
        let algorithm = match self.kind {
            KeyKind::P256 => &rcgen::PKCS_ECDSA_P256_SHA256,
            KeyKind::Ed25519 => &rcgen::PKCS_ED25519,
            _ => &rcgen::PKCS_RSA_SHA256,
        };
        Ok(rcgen::KeyPair::from_pkcs8_der_and_sign_algo(&self.pkcs8, algorithm)?)
    }
}

/// What stands before the 32 bytes of a private X25519 key in PKCS#8 (RFC 8410, 7).
const X25519_PKCS8: &[u8] = &[0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x6e, 4, 0x22, 4, 0x20];
/// What stands before the 32 bytes of a public key in SubjectPublicKeyInfo (RFC 8410, 4).
const X25519_SPKI: &[u8] = &[0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x6e, 3, 0x21, 0];
const ED25519_SPKI: &[u8] = &[0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];

pub(crate) fn refused(reason: impl ToString) -> CertError {
    CertError::Key { reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_remembers_signs_as_it_would_anyway() {
        let key = Key::generate(KeyKind::Rsa2048).unwrap();
        let keeps = key.clone().remembering();
        let sign = |key: &Key, scheme, message: &str| key.sign(scheme, message.as_bytes()).unwrap();
        for message in ["one", "another", "one"] {
            let signed = sign(&keeps.clone(), Scheme::RsaPkcs1Sha256, message);
            assert_eq!(signed, sign(&key, Scheme::RsaPkcs1Sha256, message));
        }
        assert_eq!(keeps.made.as_ref().unwrap().lock().unwrap().len(), 2);
        // Whatever is salted stays salted, and another padding is another signature.
        assert_ne!(sign(&keeps, Scheme::RsaPssSha256, "one"), sign(&keeps, Scheme::RsaPssSha256, "one"));
        assert_ne!(sign(&keeps, Scheme::RsaPkcs1Sha1, "one"), sign(&keeps, Scheme::RsaPkcs1Sha256, "one"));
    }
}
