//! Everything a run needs in hand: subject, ICS, identities, anchors, packs, the sample document.
//!
//! After this nothing reads a configuration file again. The files are `files`'s, who speaks is `speaker`'s, what is
//! sent is `document`'s.

mod address;
mod document;
mod error;
mod files;
mod security;
mod speaker;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use carnet_catalogue::step::Forge;
use carnet_catalogue::subject::Agreement;
use carnet_catalogue::{Ics, Subject, read};
use carnet_certs::{Authority, Identity, KeyKind, UnixTime, Usage};
use carnet_fixtures::Packs;
use carnet_wire::encryption::DecryptionKey;
use rustls_pki_types::CertificateDer;

use crate::forge::{self, Draft, Encryption, ForgeError, Signing, Written};

pub use address::{Address, lists_url, publisher_url, suite_url};
pub use document::Document;
pub use error::SetupError;
pub use files::SubjectFiles;
pub use security::Security;
pub(crate) use speaker::speaker_names;
pub use speaker::{Speaker, publisher_name};

/// What a run needs in hand.
#[derive(Debug)]
pub struct Setup {
    /// The subject.
    pub subject: Subject,
    /// What it claims.
    pub ics: Ics,
    /// `subject.toml` as read.
    pub subject_text: String,
    /// `ics.toml` as read.
    pub ics_text: String,
    /// Folder that paths count from.
    pub base: PathBuf,
    /// The subject's address.
    pub address: Address,
    /// The suite's party.
    pub partner: Speaker,
    /// The second party of the suite.
    pub other: Option<Speaker>,
    /// Who signs what the suite's publisher of service metadata says; none where nobody is looked up.
    pub publisher: Option<Identity>,
    /// The suite's test CA, for the zoo.
    pub authority: Option<Authority>,
    /// Who issues the subject's TLS certificates.
    pub tls_anchors: Vec<CertificateDer<'static>>,
    /// Who issues its signing certificates.
    pub signing_anchors: Vec<CertificateDer<'static>>,
    /// The certificates that the subject's tokens may name without carrying them, each followed by its issuers.
    pub known: Vec<CertificateDer<'static>>,
    /// The keys of further agreements, by the agreement's name.
    pub further: BTreeMap<String, Security>,
    /// The keys of the main agreement.
    pub main: Security,
    /// The message packs.
    pub packs: Packs,
    /// The sample document.
    pub sample: Option<Document>,
    made: Arc<Made>,
    kept: Option<Arc<Kept>>,
}

/// What is made for a run on first use, because it takes time.
#[derive(Debug, Default)]
struct Made {
    stranger: OnceLock<Speaker>,
    zoo: Mutex<BTreeMap<(String, &'static str), Identity>>,
}

/// What runs build alike that send the same to many subjects.
#[derive(Debug, Default)]
struct Kept {
    messages: forge::Kept,
    samples: Mutex<BTreeMap<BTreeMap<String, String>, Document>>,
}

impl Setup {
    /// Reads `subject.toml` and all that it names.
    ///
    /// # Errors
    /// See [`SetupError`]: the command line's exit code is 2.
    pub fn load(path: &Path) -> Result<Self, SetupError> {
        let packs = Packs::embedded()?;
        Self::load_with(path, packs)
    }

    /// As [`Setup::load`], with packs of one's own.
    ///
    /// # Errors
    /// See [`SetupError`].
    pub fn load_with(path: &Path, packs: Packs) -> Result<Self, SetupError> {
        let files = SubjectFiles::read(path)?;
        packs_are_there(&files, &packs)?;
        let suite = &files.subject.suite;
        let speaker = |party: &str, own: bool| -> Result<Speaker, SetupError> {
            let (tls, signing) = if own { (suite.tls.as_ref(), suite.signing.as_ref()) } else { (None, None) };
            Ok(Speaker { tls: files.identity(tls, party, "tls")?, signing: files.identity(signing, party, "signing")? })
        };
        let partner = speaker(&suite.party.id, true)?;
        let other = match &suite.other_party {
            Some(party) if files.pki().exists() => Some(speaker(&party.id, false)?),
            _ => None,
        };
        let publisher = files.subject.exchange.discovery.as_ref().map(|_| {
            let usage = format!("{}-{}", Usage::Signing.name(), KeyKind::Rsa2048.name());
            files.identity(None, &publisher_name(&files.subject), &usage)
        });
        let further = |(name, agreement): (&String, &Agreement)| {
            Ok((name.clone(), Security::read(&files, &format!("agreements.{name}"), agreement)?))
        };
        let mut setup = Self {
            further: files.subject.agreements.iter().map(further).collect::<Result<_, SetupError>>()?,
            main: Security::read(&files, "agreement", &files.subject.agreement)?,
            address: files.address()?,
            base: files.base(),
            authority: files.authority()?,
            tls_anchors: files.anchors(&files.subject.trust.tls)?,
            signing_anchors: files.anchors(&files.subject.trust.signing)?,
            known: files.anchors(&files.subject.trust.signing_certificates)?,
            subject: files.subject.clone(),
            ics: files.ics.clone(),
            subject_text: files.text.clone(),
            ics_text: files.ics_text.clone(),
            partner,
            other,
            publisher: publisher.transpose()?,
            packs,
            sample: None,
            made: Arc::default(),
            kept: None,
        };
        setup.sample = setup.read_sample(&files)?;
        Ok(setup)
    }

    /// The keys of the agreement that a case runs under.
    ///
    /// # Errors
    /// In words: there is no such agreement.
    pub fn security(&self, agreement: Option<&str>) -> Result<&Security, String> {
        match agreement {
            None => Ok(&self.main),
            Some(name) => self.further.get(name).ok_or_else(|| format!("subject.toml has no [agreements.{name}]")),
        }
    }

    /// The name of the agreement that a message refers to; none for the main one, and for what is not known.
    #[must_use]
    pub fn named(&self, agreement_ref: &str) -> Option<&str> {
        let mut further = self.subject.agreements.iter();
        further.find(|(_, agreement)| agreement.name == agreement_ref).map(|(name, _)| name.as_str())
    }

    /// Every key of the suite's that payloads may be encrypted for.
    pub fn decryption(&self) -> impl Iterator<Item = &DecryptionKey> {
        self.further.values().chain([&self.main]).filter_map(|security| security.decryption.as_ref())
    }

    /// Whom payloads for the subject are encrypted for under that agreement; where it agrees on no encryption, under
    /// the first other one whose certificate fits.
    ///
    /// # Errors
    /// In words: none encrypts.
    pub fn recipient(
        &self,
        agreement: Option<&str>,
        fits: impl Fn(&CertificateDer<'static>) -> bool,
    ) -> Result<&CertificateDer<'static>, String> {
        if let Some(agreed) = &self.security(agreement)?.recipient {
            return Ok(agreed);
        }
        let mut all = self.further.values().chain([&self.main]).filter_map(|security| security.recipient.as_ref());
        let found = all.find(|certificate| fits(certificate));
        found.ok_or_else(|| "no agreement of subject.toml names a certificate to encrypt for".to_owned())
    }

    /// The same with the keys of `other`, the zoo and the stranger that it made, and what it keeps; both must be of the
    /// same `suite.pki`, and have the same sample.
    #[must_use]
    pub fn sharing(self, other: &Self) -> Self {
        let (made, kept) = (Arc::clone(&other.made), other.kept.clone());
        Self { made, kept, partner: other.partner.clone(), other: other.other.clone(), ..self }
    }

    /// The same, which keeps the messages that it writes, and whose partner keeps what it signs: for runs that send the same.
    #[must_use]
    pub fn remembering(mut self) -> Self {
        self.partner.signing.key = self.partner.signing.key.remembering();
        self.kept = Some(Arc::default());
        self
    }

    /// Writes a message, if it is not kept.
    pub(crate) fn write(
        &self,
        draft: Draft,
        signing: Option<&Signing<'_>>,
        encryption: Option<&Encryption>,
        edits: &[Forge],
    ) -> Result<Written, ForgeError> {
        match &self.kept {
            Some(kept) => kept.messages.write(draft, signing, encryption, edits),
            None => forge::write(draft, signing, encryption, edits),
        }
    }

    /// Seconds since 1970.
    #[must_use]
    pub fn now() -> UnixTime {
        UnixTime::since_unix_epoch(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
    }

    /// Where the subject reaches the suite.
    #[must_use]
    pub fn suite_url(&self) -> Option<String> {
        suite_url(&self.subject.suite)
    }
}

/// A pack that the ICS claims must be one that documents can come from.
fn packs_are_there(files: &SubjectFiles, packs: &Packs) -> Result<(), SetupError> {
    let claimed = files.ics.capabilities.iter().filter_map(|name| name.strip_prefix("pack."));
    let Some(missing) = claimed.into_iter().find(|name| packs.pack(name).is_none()) else { return Ok(()) };
    let ics = files.resolve(&files.subject.ics).display().to_string();
    let known: Vec<&str> = packs.iter().map(|pack| pack.id.as_str()).collect();
    let what = format!("there is no pack {missing}");
    let problem = read::at_text(&ics, &files.ics_text, &format!("pack.{missing}"), what);
    Err(problem.with_help(format!("packs here: {}; name one of your own with --pack DIR", known.join(", "))).into())
}
