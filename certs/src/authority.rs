//! The test PKI: a root, the CA that issues, and two CAs that only the zoo needs.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};

use crate::identity::distribution_points;
use crate::issue::{Ca, DAY};
use crate::key::refused;
use crate::{CertError, Identity, Key, KeyKind, Profile, to_pem, zoo};

/// How long a revocation list is good.
const CRL_DAYS: i64 = 30;

/// A root CA and the CAs below it, with their keys.
///
/// ```text
/// root ── issuing ── every ordinary certificate
///   │        └────── lower ── zoo kinds that need a path of three
///   └─ lapsed ── zoo kinds whose CA stopped renewing its revocation list
/// ```
/// Only the root is a trust anchor. Which serial numbers are revoked follows from the zoo's table, so the lists can be
/// published before any bad certificate is made, and are the same each time. Where they are published at an address, each
/// certificate names that of its issuer's list.
#[derive(Debug, Clone)]
pub struct Authority {
    name: String,
    lists: Option<String>,
    pub(crate) root: Ca,
    pub(crate) issuing: Ca,
    pub(crate) lower: Ca,
    pub(crate) lapsed: Ca,
}

/// A revocation list and which CA signed it.
#[derive(Debug, Clone)]
pub struct Crl {
    /// `root`, `issuing`, `lower`, `lapsed` or `mislisted`; fit for a file name.
    pub name: &'static str,
    /// The list.
    pub der: CertificateRevocationListDer<'static>,
    /// What is wrong with it on purpose; such a list is of a CA that issues kinds of the zoo and nothing else.
    pub fault: Option<&'static str>,
}

impl Crl {
    /// The name of its file, as DER.
    #[must_use]
    pub fn file(&self) -> String {
        list_file(self.name)
    }
}

/// The name of the file of a revocation list, as DER: the last segment of its address.
#[must_use]
pub fn list_file(name: &str) -> String {
    format!("{name}.crl")
}

impl Authority {
    /// Makes an authority of RSA-2048 keys whose certificates are good from a day before `now`, for ten years.
    ///
    /// # Errors
    /// When the system has no randomness or `name` does not fit a certificate.
    pub fn new(name: &str, now: UnixTime) -> Result<Self, CertError> {
        Self::make(name, None, now)
    }

    /// The same, whose certificates say that its revocation lists are below `lists`, such as `http://suite.example:8080`.
    ///
    /// # Errors
    /// As [`Authority::new`]; also when `lists` does not fit a certificate.
    pub fn with_lists_at(name: &str, lists: &str, now: UnixTime) -> Result<Self, CertError> {
        Self::make(name, Some(lists.trim_end_matches('/')), now)
    }

    fn make(name: &str, lists: Option<&str>, now: UnixTime) -> Result<Self, CertError> {
        let ca = |slug: &str, word: &str, kind: KeyKind, parent: Option<&Ca>| {
            Ca::new(name, &format!("{name} {word} CA"), Key::generate(kind)?, address(lists, slug), parent, now)
        };
        let root = ca("root", "Root", KeyKind::Rsa2048, None)?;
        let issuing = ca("issuing", "Issuing", KeyKind::Rsa2048, Some(&root))?;
        let lower = ca("lower", "Lower", KeyKind::P256, Some(&issuing))?;
        let lapsed = ca("lapsed", "Lapsed", KeyKind::P256, Some(&root))?;
        Ok(Self { name: name.to_owned(), lists: lists.map(str::to_owned), root, issuing, lower, lapsed })
    }

    /// The name it was made with: the organisation of its CAs.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The address below which its certificates say that its revocation lists are; none where they say nothing.
    #[must_use]
    pub fn lists(&self) -> Option<&str> {
        self.lists.as_deref()
    }

    /// Sees to it that its certificates name that address of its lists.
    ///
    /// # Errors
    /// [`CertError::Lists`].
    pub fn publishes_at(&self, lists: &str) -> Result<(), CertError> {
        if self.lists() == Some(lists.trim_end_matches('/')) {
            return Ok(());
        }
        Err(CertError::Lists { got: self.lists.clone(), expected: lists.to_owned() })
    }

    /// The address of one of its lists.
    pub(crate) fn list(&self, name: &str) -> Option<String> {
        address(self.lists(), name)
    }

    /// The trust anchor.
    #[must_use]
    pub fn root(&self) -> &CertificateDer<'static> {
        &self.root.der
    }

    /// The CA certificate that ordinary chains carry.
    #[must_use]
    pub fn issuing(&self) -> &CertificateDer<'static> {
        &self.issuing.der
    }

    /// The trust anchors as PEM.
    #[must_use]
    pub fn anchors_pem(&self) -> String {
        to_pem("CERTIFICATE", &self.root.der)
    }

    /// Issues a certificate; the chain is the leaf and the issuing CA.
    ///
    /// # Errors
    /// [`CertError::Issue`] when a name or host does not fit a certificate, [`CertError::Key`] when no key can be made.
    pub fn issue(&self, profile: &Profile, now: UnixTime) -> Result<Identity, CertError> {
        let key = match &profile.key {
            Some(key) => key.clone(),
            None => Key::generate(profile.key_kind)?,
        };
        let mut serial = [0; 16];
        SystemRandom::new().fill(&mut serial).map_err(refused)?;
        if let Some(first) = serial.first_mut() {
            *first = (*first & 0x3f) | 0x40;
        }
        let leaf = self.issuing.issue(profile, &key, &serial, now)?;
        Ok(Identity { chain: vec![leaf, self.issuing.der.clone()], key })
    }

    /// The revocation lists of all its CAs. The `lapsed` one is stale on purpose; the `mislisted` one bears the name of
    /// a CA of the zoo and is signed by a key that is not that CA's.
    ///
    /// # Errors
    /// [`CertError::Table`] when the zoo's table is broken, [`CertError::Issue`] when a list cannot be signed.
    pub fn crls(&self, now: UnixTime) -> Result<Vec<Crl>, CertError> {
        let revoked = zoo::revoked(&self.name)?;
        let fresh = CRL_DAYS * DAY;
        let mislisted = format!("{} {}", self.name, zoo::MISLISTED);
        let other = Ca::new(&self.name, &mislisted, Key::generate(KeyKind::P256)?, None, None, now)?;
        Ok(vec![
            Crl { name: "root", der: self.root.crl(&revoked.by_root, now, fresh)?, fault: None },
            Crl { name: "issuing", der: self.issuing.crl(&revoked.by_issuing, now, fresh)?, fault: None },
            Crl { name: "lower", der: self.lower.crl(&[], now, fresh)?, fault: None },
            Crl { name: "lapsed", der: self.lapsed.crl(&[], now, -DAY)?, fault: Some("stale") },
            Crl { name: "mislisted", der: other.crl(&[], now, fresh)?, fault: Some("signed by another key") },
        ])
    }

    /// Writes certificates and unencrypted keys as `NAME.pem` and `NAME.key.pem` for each CA.
    ///
    /// # Errors
    /// [`CertError::File`] naming the file.
    pub fn save(&self, dir: &Path) -> Result<(), CertError> {
        fs::create_dir_all(dir).map_err(|source| CertError::File { path: dir.to_owned(), source })?;
        for (name, ca) in self.cas() {
            write(&dir.join(format!("{name}.pem")), &to_pem("CERTIFICATE", &ca.der))?;
            write(&dir.join(format!("{name}.key.pem")), &to_pem("PRIVATE KEY", ca.key.pkcs8().secret_pkcs8_der()))?;
        }
        Ok(())
    }

    /// Reads what [`Authority::save`] wrote. Where its lists are, its own certificates say.
    ///
    /// # Errors
    /// [`CertError::File`] naming the file that is missing, or why its content does not fit.
    pub fn load(dir: &Path) -> Result<Self, CertError> {
        let mut lists: Option<String> = None;
        let mut ca = |name: &str| -> Result<Ca, CertError> {
            let chain = read(&dir.join(format!("{name}.pem")))?;
            let key = read(&dir.join(format!("{name}.key.pem")))?;
            let Identity { mut chain, key } = Identity::from_pem(&chain, &key)?;
            let der = chain.swap_remove(0);
            lists = lists.take().or_else(|| base(&der, &list_file("root")));
            Ok(Ca { key, der, list: None })
        };
        let (root, issuing, lower, lapsed) = (ca("root")?, ca("issuing")?, ca("lower")?, ca("lapsed")?);
        let listed = |ca: Ca, name| Ca { list: address(lists.as_deref(), name), ..ca };
        Ok(Self {
            name: organisation(&root.der)?,
            root: listed(root, "root"),
            issuing: listed(issuing, "issuing"),
            lower: listed(lower, "lower"),
            lapsed: listed(lapsed, "lapsed"),
            lists,
        })
    }

    fn cas(&self) -> [(&'static str, &Ca); 4] {
        [("root", &self.root), ("issuing", &self.issuing), ("lower", &self.lower), ("lapsed", &self.lapsed)]
    }
}

/// The address of a list below that of all.
fn address(lists: Option<&str>, name: &str) -> Option<String> {
    lists.map(|lists| format!("{lists}/{}", list_file(name)))
}

/// The address below which the list of a certificate's issuer is, when its file has that name.
fn base(der: &CertificateDer<'_>, file: &str) -> Option<String> {
    let points = distribution_points(der);
    points.iter().find_map(|uri| uri.strip_suffix(file)?.strip_suffix('/')).map(str::to_owned)
}

fn organisation(der: &CertificateDer<'_>) -> Result<String, CertError> {
    let missing = CertError::NoField { field: "organisation in its subject" };
    let Ok((_, cert)) = x509_parser::parse_x509_certificate(der) else { return Err(missing) };
    let found = cert.subject().iter_organization().next().and_then(|name| name.as_str().ok()).map(str::to_owned);
    found.ok_or(missing)
}

/// Writes PEM; a private key as a secret.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), CertError> {
    if text.contains("PRIVATE KEY") {
        return write_secret(path, text.as_bytes());
    }
    fs::write(path, text).map_err(|source| CertError::File { path: path.to_owned(), source })
}

/// Writes a private key, a key store, or its password: only the owner may read a file that is made for it.
///
/// # Errors
/// [`CertError::File`] naming the file.
pub fn write_secret(path: &Path, bytes: &[u8]) -> Result<(), CertError> {
    let opened = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    let written = opened.and_then(|mut file| file.write_all(bytes));
    written.map_err(|source| CertError::File { path: path.to_owned(), source })
}

fn read(path: &Path) -> Result<String, CertError> {
    fs::read_to_string(path).map_err(|source| CertError::File { path: path.to_owned(), source })
}
