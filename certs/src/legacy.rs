//! Keys and signatures that aws-lc refuses to make, by RustCrypto `rsa`: RSA-1024 and SHA-1. The zoo's only.

use aws_lc_rs::digest;
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use rsa::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, EncodePublicKey as _};
use rsa::rand_core::{TryCryptoRng, TryRng};
use rsa::sha2::Sha256;
use rsa::traits::PublicKeyParts as _;
use rsa::{Pkcs1v15Sign, PrivateKey};

use crate::key::refused;
use crate::{CertError, Scheme};

/// DigestInfo up to the digest itself (RFC 8017 9.2, note 1).
const SHA1_INFO: [u8; 15] = [0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14];
const SHA256_INFO: [u8; 19] =
    [0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20];

/// A fresh RSA-1024 key as PKCS#8 DER.
pub(crate) fn generate_rsa_1024() -> Result<Vec<u8>, CertError> {
    let key = PrivateKey::new(&mut Random, 1024).map_err(refused)?;
    Ok(key.to_pkcs8_der().map_err(refused)?.as_bytes().to_vec())
}

/// The modulus size in bits and the SubjectPublicKeyInfo of an RSA key of any size.
pub(crate) fn public_half(pkcs8: &[u8]) -> Result<(usize, Vec<u8>), CertError> {
    let key = PrivateKey::from_pkcs8_der(pkcs8)
        .map_err(|_| refused("neither RSA, ECDSA P-256, Ed25519 nor X25519 in PKCS#8"))?;
    let spki = key.to_public_key().to_public_key_der().map_err(refused)?;
    Ok((key.size() * 8, spki.as_bytes().to_vec()))
}

pub(crate) fn sign(pkcs8: &[u8], scheme: Scheme, message: &[u8]) -> Result<Vec<u8>, CertError> {
    let key = PrivateKey::from_pkcs8_der(pkcs8).map_err(refused)?;
    let (algorithm, info): (_, &[u8]) = match scheme {
        Scheme::RsaPkcs1Sha1 => (&digest::SHA1_FOR_LEGACY_USE_ONLY, &SHA1_INFO),
        Scheme::RsaPkcs1Sha256 => (&digest::SHA256, &SHA256_INFO),
        Scheme::RsaPssSha256 => return key.pss_sign_with_rng::<Sha256, _>(&mut Random, message).map_err(refused),
        Scheme::EcdsaP256Sha256 | Scheme::Ed25519 => {
            return Err(CertError::Sign { scheme: scheme.name(), kind: "rsa" });
        }
    };
    let hashed = digest::digest(algorithm, message);
    let padding = Pkcs1v15Sign { hash_len: Some(hashed.as_ref().len()), prefix: info.into() };
    key.sign_with_rng(&mut Random, padding, hashed.as_ref()).map_err(refused)
}

/// aws-lc's randomness behind the trait that `rsa` asks for.
struct Random;

impl TryRng for Random {
    type Error = NoRandomness;

    fn try_next_u32(&mut self) -> Result<u32, NoRandomness> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, NoRandomness> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), NoRandomness> {
        SystemRandom::new().fill(out).map_err(|_| NoRandomness)
    }
}

impl TryCryptoRng for Random {}

/// The system handed out no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("no randomness from the system")]
struct NoRandomness;
