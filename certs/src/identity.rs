//! A certificate chain with its key, and its PEM form.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use x509_parser::extensions::{DistributionPointName, GeneralName, ParsedExtension};

use crate::{CertError, Key, pkcs12};

/// A certificate chain, leaf first and without the root, and the key of its leaf.
///
/// The zoo also makes identities whose chain is empty, broken or does not fit the key: that is their fault.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The chain as it is presented, leaf first.
    pub chain: Vec<CertificateDer<'static>>,
    /// The key that signs for the leaf.
    pub key: Key,
}

impl Identity {
    /// The leaf, unless the chain is empty.
    #[must_use]
    pub fn leaf(&self) -> Option<&CertificateDer<'static>> {
        self.chain.first()
    }

    /// The chain as PEM, leaf first.
    #[must_use]
    pub fn chain_pem(&self) -> String {
        self.chain.iter().map(|der| to_pem("CERTIFICATE", der)).collect()
    }

    /// The key as PEM, PKCS#8, not encrypted.
    #[must_use]
    pub fn key_pem(&self) -> String {
        to_pem("PRIVATE KEY", self.key.pkcs8().secret_pkcs8_der())
    }

    /// Reads a chain and a PKCS#8 key from PEM; both may stand in one text, given twice.
    ///
    /// # Errors
    /// [`CertError::Pem`] when either is missing, [`CertError::Key`] when the key is of no known kind.
    pub fn from_pem(chain: &str, key: &str) -> Result<Self, CertError> {
        let chain = certificates_from_pem(chain)?;
        let key = match PrivateKeyDer::from_pem_slice(key.as_bytes()) {
            Ok(PrivateKeyDer::Pkcs8(der)) => Key::from_pkcs8(der.secret_pkcs8_der())?,
            _ => return Err(CertError::Pem { wanted: "PKCS#8 private key" }),
        };
        Ok(Self { chain, key })
    }

    /// Reads a PKCS#12 file, of the modern (PBES2, AES) or the old (3DES, RC2) kind.
    ///
    /// # Errors
    /// [`CertError::Pkcs12`] for a wrong password or a broken file, [`CertError::Pkcs12Empty`] when no key with its
    /// certificate is inside.
    pub fn from_pkcs12(bytes: &[u8], password: &str) -> Result<Self, CertError> {
        pkcs12::read(bytes, password)
    }

    /// Writes a PKCS#12 file (PBES2 with AES-256, HMAC-SHA-256).
    ///
    /// # Errors
    /// [`CertError::Pkcs12`] when the chain is empty or holds what is not a certificate.
    pub fn to_pkcs12(&self, alias: &str, password: &str) -> Result<Vec<u8>, CertError> {
        pkcs12::write(self, alias, password)
    }
}

/// Every certificate of a PEM text, in its order.
///
/// # Errors
/// [`CertError::Pem`] when there is none or one is cut short.
pub fn certificates_from_pem(text: &str) -> Result<Vec<CertificateDer<'static>>, CertError> {
    let wanted = CertError::Pem { wanted: "certificate" };
    match CertificateDer::pem_slice_iter(text.as_bytes()).collect::<Result<Vec<_>, _>>() {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(wanted),
    }
}

/// The common name of a certificate's subject, when it has one that is text.
#[must_use]
pub fn common_name(certificate: &CertificateDer<'_>) -> Option<String> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
    parsed.subject().iter_common_name().next()?.as_str().ok().map(str::to_owned)
}

/// The URLs at which a certificate says that its issuer's revocation list is (RFC 5280, 4.2.1.13).
#[must_use]
pub fn distribution_points(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok((_, certificate)) = x509_parser::parse_x509_certificate(certificate) else { return Vec::new() };
    let mut found = Vec::new();
    for extension in certificate.extensions() {
        let ParsedExtension::CRLDistributionPoints(points) = extension.parsed_extension() else { continue };
        for point in &points.points {
            let Some(DistributionPointName::FullName(names)) = &point.distribution_point else { continue };
            found.extend(names.iter().filter_map(|name| match name {
                GeneralName::URI(uri) => Some((*uri).to_owned()),
                _ => None,
            }));
        }
    }
    found
}

/// A revocation list as PEM.
#[must_use]
pub fn crl_to_pem(crl: &CertificateRevocationListDer<'_>) -> String {
    to_pem("X509 CRL", crl)
}

/// DER as PEM under a label, 64 characters to the line (RFC 7468).
#[must_use]
pub fn to_pem(label: &str, der: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in der.chunks(48) {
        text.push_str(&STANDARD.encode(line));
        text.push('\n');
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}
