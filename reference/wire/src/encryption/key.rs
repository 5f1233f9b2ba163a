//! The two ends of a key: a certificate that parts are encrypted for, and the private key that decrypts them.

use aws_lc_rs::agreement::PrivateKey;
use aws_lc_rs::rsa::{
    KeyPair, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey,
    PublicEncryptingKey,
};
use aws_lc_rs::signature::KeyPair as _;
use rustls_pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::agreement::{Agreement, Curve};
use super::{EncryptionError, KeyMethod};
use crate::der;

/// Why a key or certificate cannot be used for encryption.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Not a certificate, or its extensions are malformed.
    #[error("certificate is malformed")]
    Certificate,
    /// The certificate's key is none of RSA of 2048 to 8192 bits, X25519, P-256.
    #[error("certificate key is of a kind that nothing can be encrypted for")]
    Kind,
    /// The certificate has a key usage, and it does not allow this.
    #[error("certificate may not be used to encrypt for")]
    Usage,
    /// Not PKCS#8, or of another kind than the certificate's.
    #[error("private key is not accepted")]
    Key,
    /// The private key is not the certificate's.
    #[error("private key does not belong to the certificate")]
    OtherKey,
}

/// A certificate that parts are encrypted for.
pub struct Recipient {
    pub(super) certificate: CertificateDer<'static>,
    pub(super) key: PublicKey,
}

pub(super) enum PublicKey {
    Rsa(OaepPublicEncryptingKey),
    /// Curve and public key as the certificate holds it.
    Agreement(Curve, Vec<u8>),
}

/// A private key, and the certificate that senders name it by.
pub struct DecryptionKey {
    certificate: CertificateDer<'static>,
    key: Private,
}

enum Private {
    Rsa(OaepPrivateDecryptingKey),
    Agreement(Curve, PrivateKey),
}

impl Recipient {
    /// Takes the key of a certificate; its trust is the caller's question.
    ///
    /// # Errors
    /// [`KeyError::Certificate`], [`KeyError::Kind`], [`KeyError::Usage`].
    pub fn new(certificate: CertificateDer<'_>) -> Result<Self, KeyError> {
        let (kind, public) = read(&certificate)?;
        let key = match kind {
            Kind::Rsa => {
                let key = PublicEncryptingKey::from_der(&public.info)
                    .and_then(|key| OaepPublicEncryptingKey::new(key).map_err(aws_lc_rs::error::KeyRejected::from));
                PublicKey::Rsa(key.map_err(|_| KeyError::Kind)?)
            }
            Kind::Agreement(curve) => PublicKey::Agreement(curve, public.key),
        };
        Ok(Self { certificate: certificate.into_owned(), key })
    }

    /// How a key is handed over to it.
    pub fn method(&self) -> KeyMethod {
        match &self.key {
            PublicKey::Rsa(_) => KeyMethod::RsaOaep,
            PublicKey::Agreement(curve, _) => curve.method(),
        }
    }

    /// The certificate.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }
}

impl DecryptionKey {
    /// Puts together a PKCS#8 DER key and its certificate.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn new(pkcs8: &[u8], certificate: CertificateDer<'_>) -> Result<Self, KeyError> {
        let (kind, public) = read(&certificate)?;
        let (key, ours) = match kind {
            Kind::Rsa => {
                let pair = KeyPair::from_pkcs8(pkcs8).map_err(|_| KeyError::Key)?;
                let key = PrivateDecryptingKey::from_pkcs8(pkcs8).map_err(|_| KeyError::Key)?;
                let key = OaepPrivateDecryptingKey::new(key).map_err(|_| KeyError::Key)?;
                (Private::Rsa(key), pair.public_key().as_ref().to_vec())
            }
            Kind::Agreement(curve) => {
                let key = private(curve, pkcs8).ok_or(KeyError::Key)?;
                let ours = key.compute_public_key().map_err(|_| KeyError::Key)?;
                (Private::Agreement(curve, key), ours.as_ref().to_vec())
            }
        };
        if ours != public.key {
            return Err(KeyError::OtherKey);
        }
        Ok(Self { certificate: certificate.into_owned(), key })
    }

    /// The certificate.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// How a key is handed over to it.
    pub fn method(&self) -> KeyMethod {
        match &self.key {
            Private::Rsa(_) => KeyMethod::RsaOaep,
            Private::Agreement(curve, _) => curve.method(),
        }
    }

    /// The key of a message by RSA-OAEP.
    pub(super) fn unwrap(&self, wrapped: &[u8]) -> Result<Vec<u8>, EncryptionError> {
        let Private::Rsa(key) = &self.key else { return Err(EncryptionError::Failed) };
        let mut out = vec![0; key.min_output_size()];
        let opened = key.decrypt(&OAEP_SHA256_MGF1SHA256, wrapped, &mut out, None);
        opened.map(|key| key.to_vec()).map_err(|_| EncryptionError::Failed)
    }

    /// The key-encryption key of an agreement.
    pub(super) fn agree(&self, agreement: &Agreement) -> Result<[u8; 16], EncryptionError> {
        match &self.key {
            Private::Agreement(curve, key) if *curve == agreement.curve => agreement.kek(key),
            _ => Err(EncryptionError::Failed),
        }
    }
}

impl std::fmt::Debug for Recipient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Recipient").field(&self.method()).finish()
    }
}

impl std::fmt::Debug for DecryptionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("DecryptionKey").field(&self.method()).finish()
    }
}

enum Kind {
    Rsa,
    Agreement(Curve),
}

struct Public {
    /// SubjectPublicKeyInfo, DER.
    info: Vec<u8>,
    /// What its BIT STRING holds.
    key: Vec<u8>,
}

fn read(certificate: &CertificateDer<'_>) -> Result<(Kind, Public), KeyError> {
    let (_, parsed) = X509Certificate::from_der(certificate).map_err(|_| KeyError::Certificate)?;
    let info = parsed.public_key();
    let parameters = info.algorithm.parameters.as_ref().and_then(|p| p.as_oid().ok()).map(|oid| oid.to_id_string());
    let kind = match (info.algorithm.algorithm.to_id_string().as_str(), parameters.as_deref()) {
        ("1.2.840.113549.1.1.1", _) => Kind::Rsa,
        ("1.3.101.110", _) => Kind::Agreement(Curve::X25519),
        ("1.2.840.10045.2.1", Some("1.2.840.10045.3.1.7")) => Kind::Agreement(Curve::P256),
        _ => return Err(KeyError::Kind),
    };
    let allowed = match (parsed.key_usage().map_err(|_| KeyError::Certificate)?, &kind) {
        (None, _) => true,
        (Some(usage), Kind::Rsa) => usage.value.key_encipherment(),
        (Some(usage), Kind::Agreement(_)) => usage.value.key_agreement(),
    };
    if !allowed {
        return Err(KeyError::Usage);
    }
    Ok((kind, Public { info: info.raw.to_vec(), key: info.subject_public_key.data.to_vec() }))
}

fn private(curve: Curve, pkcs8: &[u8]) -> Option<PrivateKey> {
    match curve {
        Curve::P256 => PrivateKey::from_private_key_der(curve.algorithm(), pkcs8).ok(),
        // RFC 8410, 7: version, algorithm, and the 32 bytes as an OCTET STRING inside an OCTET STRING.
        Curve::X25519 => {
            let (der::SEQUENCE, key, _) = der::element(pkcs8)? else { return None };
            let (_, _, rest) = der::element(key)?;
            let (_, identifier, rest) = der::element(rest)?;
            let (_, oid, _) = der::element(identifier)?;
            let (OCTET_STRING, octets, _) = der::element(rest)? else { return None };
            let (OCTET_STRING, seed, []) = der::element(octets)? else { return None };
            (oid == X25519_OID).then(|| PrivateKey::from_private_key(curve.algorithm(), seed).ok())?
        }
    }
}

const OCTET_STRING: u8 = 0x04;
/// 1.3.101.110.
const X25519_OID: &[u8] = &[0x2b, 0x65, 0x6e];
