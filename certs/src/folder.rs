//! What `carnet certs` writes: a test PKI in a folder, and kinds of the zoo as files.

use std::fs;
use std::path::{Path, PathBuf};

use rustls_pki_types::UnixTime;

use crate::authority::{write, write_secret};
use crate::zoo::Kind;
use crate::{Authority, CertError, Identity, KeyKind, Profile, Usage, crl_to_pem, file_stem, to_pem, zoo};

/// What a test PKI folder shall hold besides the authority.
#[derive(Debug, Clone)]
pub struct FolderPlan {
    /// The authority's name; ignored when the folder already has one.
    pub authority: String,
    /// The parties; each gets a TLS and a signing identity.
    pub parties: Vec<String>,
    /// Host names and addresses of the parties' nodes; loopback when empty.
    pub hosts: Vec<String>,
    /// The kind of the TLS keys. Messages are signed with RSA-2048; other kinds come from [`write_further`].
    pub tls_key: KeyKind,
    /// The address below which the authority's revocation lists are to be had, for all its certificates to name. An authority
    /// that the folder already has must name the same.
    pub lists: Option<String>,
    /// Also writes each identity as PKCS#12 under this password.
    pub pkcs12_password: Option<String>,
}

impl FolderPlan {
    /// Nodes on this machine with RSA-2048 in TLS, and no PKCS#12.
    #[must_use]
    pub fn new(authority: impl Into<String>, parties: Vec<String>) -> Self {
        Self {
            authority: authority.into(),
            parties,
            hosts: Vec::new(),
            tls_key: KeyKind::Rsa2048,
            lists: None,
            pkcs12_password: None,
        }
    }
}

/// A file that was written, and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Where it is.
    pub path: PathBuf,
    /// What it is, in a few words.
    pub what: String,
}

/// Makes a test PKI: `authority/` (kept when it is there), `anchors.pem`, `crls/`, and for each party
/// `PARTY-tls.pem`, `PARTY-tls.key.pem`, `PARTY-signing.pem`, `PARTY-signing.key.pem`.
///
/// # Errors
/// [`CertError::Name`], [`CertError::SameFiles`] and [`CertError::Lists`] before anything is written, [`CertError::File`] naming the file, otherwise
/// as [`Authority::issue`].
pub fn write_folder(dir: &Path, plan: &FolderPlan, now: UnixTime) -> Result<Vec<Written>, CertError> {
    let stems = stems(&plan.parties)?;
    let home = dir.join("authority");
    let authority = if home.join("root.pem").exists() {
        let there = Authority::load(&home)?;
        plan.lists.as_deref().map_or(Ok(()), |lists| there.publishes_at(lists))?;
        there
    } else {
        let made = match &plan.lists {
            Some(lists) => Authority::with_lists_at(&plan.authority, lists, now)?,
            None => Authority::new(&plan.authority, now)?,
        };
        made.save(&home)?;
        made
    };
    let mut written = vec![Written { path: home, what: "the authority's certificates and keys".to_owned() }];
    let mut put = |path: PathBuf, text: &str, what: String| -> Result<(), CertError> {
        write(&path, text)?;
        written.push(Written { path, what });
        Ok(())
    };
    put(dir.join("anchors.pem"), &authority.anchors_pem(), "the trust anchor".to_owned())?;
    make_dir(&dir.join("crls"))?;
    for crl in authority.crls(now)? {
        let fault = crl.fault.map_or_else(String::new, |fault| format!(", {fault} on purpose"));
        let path = dir.join("crls").join(format!("{}.crl.pem", crl.name));
        put(path, &crl_to_pem(&crl.der), format!("revocation list of the {} CA{fault}", crl.name))?;
    }
    let mut bundles = Vec::new();
    for (party, stem) in plan.parties.iter().zip(stems) {
        let mut tls = Profile::tls(party).organisation(authority.name()).key_kind(plan.tls_key);
        if !plan.hosts.is_empty() {
            tls = tls.hosts(plan.hosts.clone());
        }
        for profile in [tls, Profile::signing(party).organisation(authority.name())] {
            let stem = format!("{stem}-{}", profile.usage.name());
            let identity = authority.issue(&profile, now)?;
            put(
                dir.join(format!("{stem}.pem")),
                &identity.chain_pem(),
                format!("{party}: {} chain", profile.usage.name()),
            )?;
            put(
                dir.join(format!("{stem}.key.pem")),
                &identity.key_pem(),
                format!("{party}: {} key", profile.usage.name()),
            )?;
            bundles.push((stem, identity));
        }
    }
    if let Some(password) = &plan.pkcs12_password {
        for (stem, identity) in bundles {
            let path = dir.join(format!("{stem}.p12"));
            write_secret(&path, &identity.to_pkcs12(&stem, password)?)?;
            written.push(Written { path, what: "chain and key as PKCS#12".to_owned() });
        }
    }
    Ok(written)
}

/// Adds a further identity of a party to a test PKI, where it is not there yet: `PARTY-USAGE-KIND.pem` and
/// `PARTY-USAGE-KIND.key.pem`, such as `suite-encryption-x25519.pem`.
///
/// # Errors
/// [`CertError::File`] naming the file, otherwise as [`Authority::issue`].
pub fn write_further(dir: &Path, party: &str, usage: Usage, kind: KeyKind, now: UnixTime) -> Result<(), CertError> {
    let stem = format!("{}-{}-{}", file_stem(party)?, usage.name(), kind.name());
    if dir.join(format!("{stem}.pem")).exists() {
        return Ok(());
    }
    let authority = Authority::load(&dir.join("authority"))?;
    let profile = Profile::new(party, usage).organisation(authority.name()).key_kind(kind);
    let identity = authority.issue(&profile, now)?;
    write(&dir.join(format!("{stem}.key.pem")), &identity.key_pem())?;
    write(&dir.join(format!("{stem}.pem")), &identity.chain_pem())
}

/// Makes kinds of the zoo for a party: `SLUG.pem` (what is presented) and `SLUG.key.pem` (the key it is presented
/// with). A certificate that is no DER is written all the same. Without slugs, every kind that fits the profile.
///
/// # Errors
/// [`CertError::UnknownKind`], [`CertError::Side`], [`CertError::File`], otherwise as [`Authority::issue`].
pub fn write_zoo(
    dir: &Path,
    authority: &Authority,
    profile: &Profile,
    slugs: &[String],
    now: UnixTime,
) -> Result<Vec<Written>, CertError> {
    make_dir(dir)?;
    let all = slugs.is_empty();
    let chosen: Vec<&Kind> = if all {
        zoo::kinds()?.iter().collect()
    } else {
        slugs.iter().map(|slug| zoo::kind(slug)).collect::<Result<_, _>>()?
    };
    let mut written = Vec::new();
    for kind in chosen {
        let Identity { chain, key } = match zoo::make(kind, authority, profile, now) {
            Err(CertError::Side { .. }) if all => continue,
            made => made?,
        };
        let path = dir.join(format!("{}.pem", kind.slug));
        write(&path, &chain.iter().map(|der| to_pem("CERTIFICATE", der)).collect::<String>())?;
        write(&dir.join(format!("{}.key.pem", kind.slug)), &to_pem("PRIVATE KEY", key.pkcs8().secret_pkcs8_der()))?;
        written.push(Written { path, what: kind.fault.clone() });
    }
    Ok(written)
}

/// What the files of each party begin with.
fn stems(parties: &[String]) -> Result<Vec<String>, CertError> {
    let mut stems: Vec<String> = Vec::new();
    for party in parties {
        let stem = file_stem(party)?;
        let same = stems.iter().position(|known| *known == stem).and_then(|at| parties.get(at));
        if let Some(one) = same.filter(|one| *one != party) {
            return Err(CertError::SameFiles { one: one.clone(), other: party.clone() });
        }
        stems.push(stem);
    }
    Ok(stems)
}

fn make_dir(dir: &Path) -> Result<(), CertError> {
    fs::create_dir_all(dir).map_err(|source| CertError::File { path: dir.to_owned(), source })
}
