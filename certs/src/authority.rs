//! The test PKI: a root, the CA that issues, and two CAs that only the zoo needs.

use std::fs;
use std::path::Path;

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};

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
/// published before any bad certificate is made, and are the same each time.
#[derive(Debug, Clone)]
pub struct Authority {
    name: String,
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
        format!("{}.crl", self.name)
    }
}

impl Authority {
    /// Makes an authority of RSA-2048 keys whose certificates are good from a day before `now`, for ten years.
    ///
    /// # Errors
    /// When the system has no randomness or `name` does not fit a certificate.
    pub fn new(name: &str, now: UnixTime) -> Result<Self, CertError> {
        let key = || Key::generate(KeyKind::Rsa2048);
        let root = Ca::new(name, &format!("{name} Root CA"), key()?, None, now)?;
        let issuing = Ca::new(name, &format!("{name} Issuing CA"), key()?, Some(&root), now)?;
        let lower = Ca::new(name, &format!("{name} Lower CA"), Key::generate(KeyKind::P256)?, Some(&issuing), now)?;
        let lapsed = Ca::new(name, &format!("{name} Lapsed CA"), Key::generate(KeyKind::P256)?, Some(&root), now)?;
        Ok(Self { name: name.to_owned(), root, issuing, lower, lapsed })
    }

    /// The name it was made with: the organisation of its CAs.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
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
        let other = Ca::new(&self.name, &mislisted, Key::generate(KeyKind::P256)?, None, now)?;
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

    /// Reads what [`Authority::save`] wrote.
    ///
    /// # Errors
    /// [`CertError::File`] naming the file that is missing, or why its content does not fit.
    pub fn load(dir: &Path) -> Result<Self, CertError> {
        let ca = |name: &str| -> Result<Ca, CertError> {
            let chain = read(&dir.join(format!("{name}.pem")))?;
            let key = read(&dir.join(format!("{name}.key.pem")))?;
            let Identity { mut chain, key } = Identity::from_pem(&chain, &key)?;
            Ok(Ca { key, der: chain.swap_remove(0) })
        };
        let root = ca("root")?;
        let name = organisation(&root.der)?;
        Ok(Self { name, root, issuing: ca("issuing")?, lower: ca("lower")?, lapsed: ca("lapsed")? })
    }

    fn cas(&self) -> [(&'static str, &Ca); 4] {
        [("root", &self.root), ("issuing", &self.issuing), ("lower", &self.lower), ("lapsed", &self.lapsed)]
    }
}

fn organisation(der: &CertificateDer<'_>) -> Result<String, CertError> {
    let missing = CertError::NoField { field: "organisation in its subject" };
    let Ok((_, cert)) = x509_parser::parse_x509_certificate(der) else { return Err(missing) };
    let found = cert.subject().iter_organization().next().and_then(|name| name.as_str().ok()).map(str::to_owned);
    found.ok_or(missing)
}

pub(crate) fn write(path: &Path, text: &str) -> Result<(), CertError> {
    fs::write(path, text).map_err(|source| CertError::File { path: path.to_owned(), source })
}

fn read(path: &Path) -> Result<String, CertError> {
    fs::read_to_string(path).map_err(|source| CertError::File { path: path.to_owned(), source })
}
