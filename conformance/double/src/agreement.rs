//! The agreements of the double with each partner, by what they agree on; and the keys that these need.

use std::path::Path;

use carnet_certs::{CertError, Identity, KeyKind, UnixTime, Usage, write_further};
use carnet_wire::encryption::{DecryptionKey, KeyError, KeyMethod, Policy};
use carnet_wire::signature;
use carnet_wire::signature::SignatureAlgorithm;
use rustls_pki_types::CertificateDer;

use crate::GroundError;

/// What is agreed beyond parties, services and actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Agreement {
    /// Signed by RSA, the token a path or the leaf.
    Main,
    /// The token may also name the certificate only.
    Tokens,
    /// Payloads are encrypted by RSA-OAEP and AES-128-GCM.
    Encrypted,
    /// eDelivery AS4 2.0: Ed25519, X25519, AES-128-GCM.
    Second,
    /// The same on the curve P-256.
    Curve,
    /// As the main one, the token names the certificate by its subject key identifier.
    Ski,
    /// As the main one, the token names the certificate by issuer and serial number.
    IssuerSerial,
}

impl Agreement {
    pub(crate) const ALL: [Self; 7] =
        [Self::Main, Self::Tokens, Self::Encrypted, Self::Second, Self::Curve, Self::Ski, Self::IssuerSerial];

    /// Its name with a partner.
    pub(crate) fn with(self, partner: &str) -> String {
        format!("urn:carnet:agreement:DOUBLE-{partner}:{}", self.last())
    }

    /// The agreement of that name, whoever the partner is; the main one when there is none.
    pub(crate) fn named(name: Option<&str>) -> Self {
        let last = name.and_then(|name| name.rsplit(':').next()).unwrap_or_default();
        Self::ALL.into_iter().find(|agreement| agreement.last() == last).unwrap_or(Self::Main)
    }

    pub(crate) const fn encrypts(self) -> bool {
        matches!(self, Self::Encrypted | Self::Second | Self::Curve)
    }

    /// Whether a token may name its certificate without carrying it.
    pub(crate) const fn takes_names(self) -> bool {
        !matches!(self, Self::Main)
    }

    /// What signatures are held against.
    pub(crate) fn signatures(self) -> signature::Policy {
        let signatures = match self {
            Self::Second => vec![SignatureAlgorithm::Ed25519],
            Self::Curve => vec![SignatureAlgorithm::EcdsaP256Sha256],
            _ => vec![SignatureAlgorithm::RsaSha256],
        };
        signature::Policy { signatures, ..signature::Policy::default() }
    }

    /// The token of what the double sends.
    pub(crate) const fn token(self) -> &'static str {
        match self {
            Self::Ski => "ski",
            Self::IssuerSerial => "issuer-serial",
            _ => "x509-pkipath",
        }
    }

    /// How a key is agreed on, where that is agreed; by RSA otherwise.
    pub(crate) const fn key(self) -> Option<KeyMethod> {
        match self {
            Self::Second => Some(KeyMethod::X25519),
            Self::Curve => Some(KeyMethod::EcdhP256),
            _ => None,
        }
    }

    const fn last(self) -> &'static str {
        match self {
            Self::Main => "1",
            Self::Tokens => "tokens",
            Self::Encrypted => "encrypted",
            Self::Second => "2.0",
            Self::Curve => "2.0-p-256",
            Self::Ski => "ski",
            Self::IssuerSerial => "issuer-serial",
        }
    }
}

/// What the agreements need beside the usual identities.
#[derive(Debug)]
pub(crate) struct Keys {
    /// What partners encrypt for by RSA.
    pub(crate) rsa: Identity,
    /// What partners agree on a key with: X25519, P-256.
    pub(crate) agreed: [DecryptionKey; 2],
    /// What version 2.0 is signed with, on either curve.
    pub(crate) ed25519: Identity,
    pub(crate) p256: Identity,
    /// Signing certificates of both parties of the suite, for tokens that name one.
    pub(crate) known: Vec<CertificateDer<'static>>,
    /// Whom answers are encrypted for: by RSA, by agreement on either curve.
    pub(crate) recipients: [CertificateDer<'static>; 3],
}

impl Keys {
    /// Makes what is not there yet in the folder of the PKI.
    pub(crate) fn open(
        pki: &Path,
        now: UnixTime,
        read: impl Fn(&str) -> Result<Identity, GroundError>,
    ) -> Result<Self, GroundError> {
        const FURTHER: [(Usage, KeyKind); 5] = [
            (Usage::Encryption, KeyKind::P256),
            (Usage::Signing, KeyKind::P256),
            (Usage::Encryption, KeyKind::Rsa2048),
            (Usage::Encryption, KeyKind::X25519),
            (Usage::Signing, KeyKind::Ed25519),
        ];
        for party in ["DOUBLE", "SUITE"] {
            for (usage, kind) in FURTHER {
                write_further(pki, party, usage, kind, now)?;
            }
        }
        let leaf = |stem: &str| -> Result<CertificateDer<'static>, GroundError> {
            read(stem)?.leaf().cloned().ok_or(GroundError::Certificates(CertError::Pem { wanted: "certificate" }))
        };
        let key = |error: KeyError| GroundError::Certificates(CertError::Key { reason: error.to_string() });
        let agreed = |kind: &str| -> Result<DecryptionKey, GroundError> {
            let stem = format!("double-encryption-{kind}");
            DecryptionKey::new(read(&stem)?.key.pkcs8().secret_pkcs8_der(), leaf(&stem)?).map_err(key)
        };
        Ok(Self {
            rsa: read("double-encryption-rsa-2048")?,
            agreed: [agreed("x25519")?, agreed("p-256")?],
            p256: read("double-signing-p-256")?,
            ed25519: read("double-signing-ed25519")?,
            known: ["suite-signing", "suite-signing-ed25519", "suite-signing-p-256", "other-signing"]
                .into_iter()
                .map(leaf)
                .collect::<Result<_, _>>()?,
            recipients: [
                leaf("suite-encryption-rsa-2048")?,
                leaf("suite-encryption-x25519")?,
                leaf("suite-encryption-p-256")?,
            ],
        })
    }

    /// Whom an answer is encrypted for; none where nothing is encrypted.
    pub(crate) fn recipient(&self, agreement: Agreement) -> Option<&CertificateDer<'static>> {
        match agreement {
            Agreement::Encrypted => self.recipients.first(),
            Agreement::Second => self.recipients.get(1),
            Agreement::Curve => self.recipients.last(),
            _ => None,
        }
    }
}

/// What is encrypted by agreement on a key, as `carnet-wire` reads it.
pub(crate) fn by_agreement(agreement: Agreement) -> Policy {
    let keys = agreement.key().map_or_else(|| vec![KeyMethod::X25519, KeyMethod::EcdhP256], |key| vec![key]);
    Policy { keys, ..Policy::default() }
}
