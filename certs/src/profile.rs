//! What a certificate is asked to say.

use std::net::{Ipv4Addr, Ipv6Addr};

use rustls_pki_types::CertificateDer;
use x509_parser::extensions::GeneralName;
use x509_parser::x509::AttributeTypeAndValue as X509Attribute;

use crate::{CertError, Identity, Key, KeyKind};

/// What a certificate is for; decides key usage and extended key usage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usage {
    /// A node's TLS certificate, used as server and as client.
    Tls,
    /// TLS server only.
    TlsServer,
    /// TLS client only.
    TlsClient,
    /// Message signing: digital signature and non-repudiation, no extended key usage.
    Signing,
    /// What payloads are encrypted for: key encipherment or key agreement, whichever the key can do.
    Encryption,
}

impl Usage {
    /// The usage as users write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::TlsServer => "tls-server",
            Self::TlsClient => "tls-client",
            Self::Signing => "signing",
            Self::Encryption => "encryption",
        }
    }
}

/// What to issue. The issuer, the serial number and the dates are the authority's.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Common name of the subject.
    pub common_name: String,
    /// Organisation of the subject.
    pub organisation: Option<String>,
    /// ISO 3166-1 alpha-2 country of the subject.
    pub country: Option<String>,
    /// What the certificate is for.
    pub usage: Usage,
    /// Host names and IP addresses, as text; addresses become iPAddress entries.
    pub hosts: Vec<String>,
    /// Certificate policies, by OID.
    pub policies: Vec<String>,
    /// The kind of key to make when none is given.
    pub key_kind: KeyKind,
    /// The key to certify, when there is one already.
    pub key: Option<Key>,
    /// The certificate already issued for this profile and key. Zoo kinds whose fault lies outside the leaf present it.
    pub issued: Option<CertificateDer<'static>>,
    /// How many days the certificate is good for, from a day before now.
    pub days: u32,
}

impl Profile {
    /// The names under which a node on this machine is reached.
    pub const LOOPBACK: [&'static str; 3] = ["localhost", "127.0.0.1", "::1"];

    /// A profile of RSA-2048 for one year, with the loopback names for TLS and none for signing.
    #[must_use]
    pub fn new(common_name: impl Into<String>, usage: Usage) -> Self {
        let hosts = match usage {
            Usage::Signing | Usage::Encryption => Vec::new(),
            _ => Self::LOOPBACK.map(str::to_owned).to_vec(),
        };
        Self {
            common_name: common_name.into(),
            organisation: None,
            country: None,
            usage,
            hosts,
            policies: Vec::new(),
            key_kind: KeyKind::Rsa2048,
            key: None,
            issued: None,
            days: 365,
        }
    }

    /// A node's TLS certificate.
    #[must_use]
    pub fn tls(common_name: impl Into<String>) -> Self {
        Self::new(common_name, Usage::Tls)
    }

    /// A message-signing certificate.
    #[must_use]
    pub fn signing(common_name: impl Into<String>) -> Self {
        Self::new(common_name, Usage::Signing)
    }

    /// The same with an organisation.
    #[must_use]
    pub fn organisation(mut self, organisation: impl Into<String>) -> Self {
        self.organisation = Some(organisation.into());
        self
    }

    /// The same with a country.
    #[must_use]
    pub fn country(mut self, country: impl Into<String>) -> Self {
        self.country = Some(country.into());
        self
    }

    /// The same with other hosts.
    #[must_use]
    pub fn hosts<T: Into<String>>(mut self, hosts: impl IntoIterator<Item = T>) -> Self {
        self.hosts = hosts.into_iter().map(Into::into).collect();
        self
    }

    /// The same under certificate policies, by OID.
    #[must_use]
    pub fn policies(mut self, policies: Vec<String>) -> Self {
        self.policies = policies;
        self
    }

    /// The same over a key that exists.
    #[must_use]
    pub fn key(mut self, key: Key) -> Self {
        self.key = Some(key);
        self
    }

    /// The same over an identity that exists: its key, and its leaf as the certificate issued.
    #[must_use]
    pub fn of(mut self, identity: &Identity) -> Self {
        self.key = Some(identity.key.clone());
        self.issued = identity.leaf().cloned();
        self
    }

    /// What would be issued again for an identity that exists: its names, its key, its leaf as the certificate issued.
    ///
    /// # Errors
    /// [`CertError::NoField`] when the identity has no leaf that can be read, or the leaf no common name.
    pub fn like(identity: &Identity, usage: Usage) -> Result<Self, CertError> {
        let unread = || CertError::NoField { field: "leaf that can be read" };
        let leaf = identity.leaf().ok_or_else(unread)?;
        let (_, leaf) = x509_parser::parse_x509_certificate(leaf).map_err(|_| unread())?;
        let subject = leaf.subject();
        let first = |mut found: Box<dyn Iterator<Item = &X509Attribute<'_>> + '_>| {
            found.next().and_then(|name| name.as_str().ok()).map(str::to_owned)
        };
        let common_name = first(Box::new(subject.iter_common_name()));
        let names = leaf.subject_alternative_name().ok().flatten().map(|names| names.value.general_names.clone());
        Ok(Self {
            organisation: first(Box::new(subject.iter_organization())),
            country: first(Box::new(subject.iter_country())),
            hosts: names.unwrap_or_default().iter().filter_map(host).collect(),
            ..Self::new(common_name.ok_or(CertError::NoField { field: "common name" })?, usage).of(identity)
        })
    }

    /// The same with a fresh key of that kind.
    #[must_use]
    pub fn key_kind(mut self, kind: KeyKind) -> Self {
        self.key_kind = kind;
        self
    }
}

/// A DNS name or an address of four or sixteen bytes, as text.
fn host(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => <[u8; 4]>::try_from(*bytes)
            .map(|bytes| Ipv4Addr::from(bytes).to_string())
            .or_else(|_| <[u8; 16]>::try_from(*bytes).map(|bytes| Ipv6Addr::from(bytes).to_string()))
            .ok(),
        _ => None,
    }
}
