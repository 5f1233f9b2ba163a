//! A folder of evidence under a signature: what it holds, who vouches for it, and what was taken out of it since.
//!
//! `manifest.json` names every file with its SHA-256; `manifest.sig` is the Ed25519 signature of that very file (RFC
//! 8032, 64 bytes), `signer.pem` the public key. `redactions.json` says which blobs were replaced by their digest, and
//! why: it stands outside the manifest, so a redaction breaks no signature and cannot hide. One file to hand over is
//! [`super::archive`]'s.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer};
use serde::{Deserialize, Serialize};

use super::event::Kind;
use super::read::{Evidence, EvidenceError, references};

/// Names every file.
pub const MANIFEST: &str = "manifest.json";
/// The signature of the manifest.
pub const SIGNATURE: &str = "manifest.sig";
/// The public key it verifies with.
pub const SIGNER: &str = "signer.pem";
/// What was taken out.
pub const REDACTIONS: &str = "redactions.json";

/// SubjectPublicKeyInfo of an Ed25519 key up to the key's 32 bytes (RFC 8410).
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// Every file of the folder with its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Always 1.
    pub format: u32,
    /// Id of the run.
    pub run: String,
    /// Digest and length by path, `/` between folders.
    pub files: BTreeMap<String, FileDigest>,
}

/// What a file must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileDigest {
    /// SHA-256, hexadecimal.
    pub sha256: String,
    /// Length in bytes.
    pub length: u64,
}

/// What was taken out of a folder.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redactions {
    /// Always 1.
    pub format: u32,
    /// The blobs, in order of their digests.
    pub redacted: BTreeMap<String, Redaction>,
}

/// One blob that is no longer there; its name is its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redaction {
    /// Length it had, in bytes.
    pub length: u64,
    /// Why it was taken out.
    pub reason: String,
}

/// What a verified bundle says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Id of the run.
    pub run: String,
    /// Files whose digests hold.
    pub files: usize,
    /// SHA-256 of the signer's public key (SubjectPublicKeyInfo), hexadecimal.
    pub signer: String,
    /// What was taken out, by digest.
    pub redacted: BTreeMap<String, Redaction>,
}

/// Why a bundle cannot be made, verified or redacted.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// A file cannot be read or written.
    #[error("{path} cannot be {doing}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// `read` or `written`.
        doing: &'static str,
        /// Why.
        source: io::Error,
    },
    /// A key is none.
    #[error(
        "{path} holds no Ed25519 {kind} key in PEM\nhelp: `openssl genpkey -algorithm ed25519 -out key.pem` makes one, `openssl pkey -in key.pem -pubout` its public half"
    )]
    Key {
        /// The file.
        path: PathBuf,
        /// `private` or `public`.
        kind: &'static str,
    },
    /// A private key lies in the folder that is to be signed.
    #[error(
        "{path} holds a private key: evidence never does\nhelp: move it elsewhere; if it was captured, throw the evidence away and the key with it"
    )]
    PrivateKey {
        /// The file.
        path: PathBuf,
    },
    /// The folder bears no signature.
    #[error("{0} is not signed\nhelp: `carnet sign DIR --key key.pem` signs it")]
    Unsigned(PathBuf),
    /// It was signed, or should be, and lacks what would prove it.
    #[error("it lacks {}, without which no signature can be verified", .0.join(" and "))]
    Lacking(Vec<&'static str>),
    /// It bears the signature of another key than the one that counts.
    #[error("another key signed it: got signer {signer}, expected {wanted}")]
    OtherSigner {
        /// Fingerprint of the signer's key.
        signer: String,
        /// Fingerprint of the key that counts.
        wanted: String,
    },
    /// It bears one, and it does not hold.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// The blob is not there to be redacted, or judging needs it.
    #[error(
        "{sha256} cannot be redacted: {why}\nhelp: only bytes that went over a connection and answers of hooks can be taken out"
    )]
    NotRedactable {
        /// Its digest as asked for.
        sha256: String,
        /// Why not.
        why: &'static str,
    },
    /// The evidence itself does not read.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
}

/// Every way in which a folder is not what was signed.
#[derive(Debug, Clone, PartialEq, Eq, Default, thiserror::Error)]
pub struct Broken {
    /// The signature does not fit the manifest.
    pub signature: Option<String>,
    /// Files with other bytes.
    pub changed: Vec<String>,
    /// Files that are gone and were not redacted.
    pub missing: Vec<String>,
    /// Files that were not there when it was signed.
    pub added: Vec<String>,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines: Vec<String> = self.signature.iter().cloned().collect();
        for (word, names) in [("changed", &self.changed), ("missing", &self.missing), ("added", &self.added)] {
            lines.extend(names.iter().map(|name| format!("{word}: {name}")));
        }
        f.write_str(&lines.join("\n"))
    }
}

/// Signs the folder with the key in `key` (PEM, PKCS#8); says how the signer is known.
///
/// # Errors
/// See [`BundleError`]; evidence that does not verify is not signed.
pub fn sign(dir: &Path, key: &Path) -> Result<Verified, BundleError> {
    let pair = private(key)?;
    let run = Evidence::open(dir)?.start.run;
    let redactions = redactions(dir)?;
    let files = listed(dir)?;
    for path in files.keys() {
        no_private_key(&dir.join(path))?;
    }
    let manifest = Manifest { format: 1, run, files };
    let text = json(&manifest);
    let signer = [SPKI.as_slice(), pair.public_key().as_ref()].concat();
    write(&dir.join(MANIFEST), text.as_bytes())?;
    write(&dir.join(SIGNATURE), pair.sign(text.as_bytes()).as_ref())?;
    write(&dir.join(SIGNER), carnet_certs::to_pem("PUBLIC KEY", &signer).as_bytes())?;
    Ok(Verified {
        run: manifest.run,
        files: manifest.files.len(),
        signer: fingerprint(&signer),
        redacted: redactions.redacted,
    })
}

/// Verifies the folder; with `key`, only that signer counts.
///
/// # Errors
/// [`BundleError::Broken`] names everything that is not as it was signed. [`BundleError::Unsigned`] only where nothing says
/// that it ever was and no key is asked for.
pub fn verify(dir: &Path, key: Option<&Path>) -> Result<Verified, BundleError> {
    let wanted = key.map(public).transpose()?;
    let all = [MANIFEST, SIGNATURE, SIGNER];
    let lacking: Vec<&'static str> = all.into_iter().filter(|name| !dir.join(name).exists()).collect();
    if lacking.len() == all.len() && wanted.is_none() {
        return Err(BundleError::Unsigned(dir.to_owned()));
    }
    if !lacking.is_empty() {
        return Err(BundleError::Lacking(lacking));
    }
    let mut broken = Broken::default();
    let (text, signature) = (read(&dir.join(MANIFEST))?, read(&dir.join(SIGNATURE))?);
    let holds = |signer: &[u8]| {
        let key = signer.get(SPKI.len()..).unwrap_or_default();
        UnparsedPublicKey::new(&ED25519, key).verify(&text, &signature).is_ok()
    };
    let named = match public(&dir.join(SIGNER)) {
        Err(BundleError::Key { .. }) => None,
        other => Some(other?),
    };
    // The key that counts proves the signature also where the one in the folder is not the signer's any more.
    let signer = match (wanted, named) {
        (Some(wanted), Some(named)) if wanted != named && !holds(&wanted) => {
            return Err(BundleError::OtherSigner { signer: fingerprint(&named), wanted: fingerprint(&wanted) });
        }
        (Some(wanted), named) => {
            if named.as_ref() != Some(&wanted) {
                broken.changed.push(SIGNER.to_owned());
            }
            wanted
        }
        (None, Some(named)) => named,
        (None, None) => {
            broken.changed.push(SIGNER.to_owned());
            return Err(broken.into());
        }
    };
    if !holds(&signer) {
        broken.signature = Some(format!("{SIGNATURE} is not the signer's signature of {MANIFEST}"));
    }
    let manifest: Option<Manifest> = serde_json::from_slice(&text).ok();
    let Some(manifest) = manifest.filter(|manifest| manifest.format == 1) else {
        broken.changed.push(MANIFEST.to_owned());
        return Err(broken.into());
    };
    let redacted = redactions(dir)?.redacted;
    let found = listed(dir)?;
    for (path, digest) in &manifest.files {
        match found.get(path) {
            Some(now) if now == digest => {}
            Some(_) => broken.changed.push(path.clone()),
            None if path.strip_prefix("blobs/sha256/").is_some_and(|name| redacted.contains_key(name)) => {}
            None => broken.missing.push(path.clone()),
        }
    }
    broken.added = found.keys().filter(|path| !manifest.files.contains_key(*path)).cloned().collect();
    if broken != Broken::default() {
        return Err(broken.into());
    }
    Ok(Verified { run: manifest.run, files: found.len(), signer: fingerprint(&signer), redacted })
}

/// Replaces blobs by their digests and a reason; a beginning of the digest is enough where only one blob has it.
///
/// # Errors
/// [`BundleError::NotRedactable`]: nothing was taken out.
pub fn redact(dir: &Path, digests: &[String], reason: &str) -> Result<Redactions, BundleError> {
    let evidence = Evidence::open(dir)?;
    let mut redactions = redactions(dir)?;
    redactions.format = 1;
    let needed: BTreeSet<&str> = evidence.needed().map(|blob| blob.sha256.as_str()).collect();
    let mut lengths: BTreeMap<&str, u64> = BTreeMap::new();
    for event in &evidence.events {
        if let Kind::Bytes { .. }
        | Kind::Hook { .. }
        | Kind::ContentKey { .. }
        | Kind::Asked { .. }
        | Kind::Fetched { .. } = &event.kind
        {
            lengths.extend(references(event).into_iter().map(|blob| (blob.sha256.as_str(), blob.length)));
        }
    }
    let mut chosen = Vec::new();
    for asked in digests {
        let refuse = |why| BundleError::NotRedactable { sha256: asked.clone(), why };
        let mut alike = lengths.keys().filter(|name| name.starts_with(asked.as_str()));
        let name = *alike.next().ok_or_else(|| refuse("no event of the run names such bytes"))?;
        if alike.next().is_some() {
            return Err(refuse("more than one blob begins like that"));
        }
        if needed.contains(name) {
            return Err(refuse("judging needs it"));
        }
        chosen.push(name.to_owned());
    }
    for name in &chosen {
        let length = lengths.get(name.as_str()).copied().unwrap_or_default();
        redactions.redacted.insert(name.clone(), Redaction { length, reason: reason.to_owned() });
    }
    // First what explains the gap, then the gap.
    write(&dir.join(REDACTIONS), json(&redactions).as_bytes())?;
    for name in &chosen {
        let path = dir.join("blobs/sha256").join(name);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(BundleError::File { path, doing: "removed", source });
            }
            _ => {}
        }
    }
    Ok(redactions)
}

/// What was taken out of the folder; nothing where it says nothing.
///
/// # Errors
/// The file is there and does not read.
pub fn redactions(dir: &Path) -> Result<Redactions, EvidenceError> {
    let path = dir.join(REDACTIONS);
    if !path.exists() {
        return Ok(Redactions { format: 1, ..Redactions::default() });
    }
    let unreadable = |source| EvidenceError::Unreadable { name: REDACTIONS.to_owned(), source };
    let text = fs::read_to_string(path).map_err(unreadable)?;
    serde_json::from_str(&text)
        .map_err(|error| EvidenceError::Document { name: "list of redactions", what: error.to_string() })
}

/// Every file below `dir` but the signature's own and the redactions, with its digest.
fn listed(dir: &Path) -> Result<BTreeMap<String, FileDigest>, BundleError> {
    let mut files = BTreeMap::new();
    for path in super::archive::files(dir).map_err(|source| file(dir, "read")(source))? {
        if [MANIFEST, SIGNATURE, SIGNER, REDACTIONS].contains(&path.as_str()) {
            continue;
        }
        let bytes = read(&dir.join(&path))?;
        let sha256 = hex::encode(carnet_wire::digest::sha256(&bytes));
        files.insert(path, FileDigest { sha256, length: bytes.len() as u64 });
    }
    Ok(files)
}

fn no_private_key(path: &Path) -> Result<(), BundleError> {
    let bytes = read(path)?;
    // The words in two halves, so that no program that looks for keys finds one here.
    let word = concat!("PRIVATE ", "KEY-----");
    let found = bytes.windows(word.len()).any(|window| window == word.as_bytes());
    if found { Err(BundleError::PrivateKey { path: path.to_owned() }) } else { Ok(()) }
}

fn private(path: &Path) -> Result<Ed25519KeyPair, BundleError> {
    let bytes = read(path)?;
    let wrong = || BundleError::Key { path: path.to_owned(), kind: "private" };
    let der = PrivatePkcs8KeyDer::from_pem_slice(&bytes).map_err(|_| wrong())?;
    Ed25519KeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(|_| wrong())
}

/// SubjectPublicKeyInfo of the Ed25519 key in a PEM file.
fn public(path: &Path) -> Result<Vec<u8>, BundleError> {
    let bytes = read(path)?;
    let wrong = || BundleError::Key { path: path.to_owned(), kind: "public" };
    let der = SubjectPublicKeyInfoDer::from_pem_slice(&bytes).map_err(|_| wrong())?;
    let fits = der.len() == SPKI.len() + 32 && der.starts_with(&SPKI);
    if fits { Ok(der.to_vec()) } else { Err(wrong()) }
}

/// How a signer is known: SHA-256 of the public key.
fn fingerprint(key: &[u8]) -> String {
    hex::encode(carnet_wire::digest::sha256(key))
}

fn json<T: Serialize>(value: &T) -> String {
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}

fn file(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> BundleError {
    let path = path.to_owned();
    move |source| BundleError::File { path, doing, source }
}

fn read(path: &Path) -> Result<Vec<u8>, BundleError> {
    fs::read(path).map_err(file(path, "read"))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), BundleError> {
    fs::write(path, bytes).map_err(file(path, "written"))
}
