//! Writing what names a certificate: the security token reference in `ds:KeyInfo`, and the binary token it points at.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{TokenError, TokenType, name as distinguished, path, read};
use crate::emit::{Canonical, Name};
use crate::namespace::{BASE64_BINARY, DS, WSSE, WSSE11, WSU, X509_PKIPATH_V1, X509_SKI, X509_V3};

/// How a certificate is named, encoded once for many messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Naming {
    /// By a binary token in the same header.
    Binary { value_type: &'static str, base64: String },
    /// By its subject key identifier.
    Ski(String),
    /// By issuer and serial number.
    IssuerSerial { issuer: String, serial: String },
}

impl Naming {
    /// The naming of that type for a chain, leaf first.
    ///
    /// # Errors
    /// [`TokenError::EmptyPath`], [`TokenError::Certificate`]; [`TokenError::Type`] for a certificate without subject
    /// key identifier, or a type that is only read.
    pub(crate) fn new(kind: TokenType, chain: &[CertificateDer<'_>]) -> Result<Self, TokenError> {
        let leaf = chain.first().ok_or(TokenError::EmptyPath)?;
        let parsed = || X509Certificate::from_der(leaf).map(|(_, c)| c).map_err(|_| TokenError::Certificate);
        Ok(match kind {
            TokenType::X509V3 => Self::Binary { value_type: X509_V3, base64: STANDARD.encode(leaf) },
            TokenType::X509PkiPath => {
                Self::Binary { value_type: X509_PKIPATH_V1, base64: STANDARD.encode(path::pkipath(chain)) }
            }
            TokenType::Ski => Self::Ski(STANDARD.encode(read::ski(&parsed()?).ok_or(TokenError::Type)?)),
            TokenType::IssuerSerial => {
                let parsed = parsed()?;
                Self::IssuerSerial {
                    issuer: distinguished::rfc4514(parsed.issuer()),
                    serial: parsed.tbs_certificate.serial.to_string(),
                }
            }
            TokenType::Thumbprint => return Err(TokenError::Type),
        })
    }

    /// Writes the binary token, where there is one, with that `wsu:Id`.
    pub(crate) fn token(&self, out: &mut Canonical, id: &str) {
        let Self::Binary { value_type, base64 } = self else { return };
        out.leaf(
            wsse("BinarySecurityToken"),
            &[
                (Name::local("EncodingType"), BASE64_BINARY),
                (Name::local("ValueType"), value_type),
                (Name::new("wsu", WSU, "Id"), id),
            ],
            base64,
        );
    }

    /// Writes the security token reference; `id` is the one of the binary token.
    pub(crate) fn reference(&self, out: &mut Canonical, id: &str) {
        match self {
            Self::Binary { value_type, .. } => {
                let kind = (Name::new("wsse11", WSSE11, "TokenType"), *value_type);
                out.start(wsse("SecurityTokenReference"), &[kind]);
                let uri = format!("#{id}");
                out.leaf(wsse("Reference"), &[(Name::local("URI"), &uri), (Name::local("ValueType"), value_type)], "");
            }
            Self::Ski(identifier) => {
                out.start(wsse("SecurityTokenReference"), &[]);
                let attributes = [(Name::local("EncodingType"), BASE64_BINARY), (Name::local("ValueType"), X509_SKI)];
                out.leaf(wsse("KeyIdentifier"), &attributes, identifier);
            }
            Self::IssuerSerial { issuer, serial } => {
                out.start(wsse("SecurityTokenReference"), &[]);
                out.start(ds("X509Data"), &[]).start(ds("X509IssuerSerial"), &[]);
                out.leaf(ds("X509IssuerName"), &[], issuer).leaf(ds("X509SerialNumber"), &[], serial);
                out.end().end();
            }
        }
        out.end();
    }
}

/// Names the recipient of a key: by its subject key identifier, where it has none by issuer and serial number.
pub(crate) fn name(out: &mut Canonical, certificate: &CertificateDer<'_>) -> Result<(), TokenError> {
    let chain = std::slice::from_ref(certificate);
    let naming = Naming::new(TokenType::Ski, chain).or_else(|_| Naming::new(TokenType::IssuerSerial, chain))?;
    naming.reference(out, "");
    Ok(())
}

const fn wsse(local: &str) -> Name<'_> {
    Name::new("wsse", WSSE, local)
}

const fn ds(local: &str) -> Name<'_> {
    Name::new("ds", DS, local)
}
