//! Everything a run needs in hand: subject, ICS, identities, anchors, packs, the sample document.
//!
//! Reads the files that `subject.toml` names; after this nothing reads a configuration file again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use carnet_catalogue::error::Problem;
use carnet_catalogue::subject::IdentityFiles;
use carnet_catalogue::{Ics, Subject, read};
use carnet_certs::{Authority, CertError, Identity, Profile, UnixTime, Usage, certificates_from_pem, zoo};
use carnet_fixtures::{LoadError, Packs};
use rustls_pki_types::CertificateDer;

/// Why a run cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A configuration file is wrong.
    #[error(transparent)]
    Problem(#[from] Problem),
    /// A file that the configuration names cannot be read.
    #[error("{path} cannot be read: {source}\nhelp: {help}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
        /// What to do.
        help: &'static str,
    },
    /// An identity or anchor cannot be used.
    #[error("{what}: {source}")]
    Certificate {
        /// What it was to be.
        what: String,
        /// Why.
        source: CertError,
    },
    /// A pack does not load.
    #[error(transparent)]
    Pack(#[from] LoadError),
    /// A value of `subject.toml` does not fit.
    #[error("subject.toml: {what}\nhelp: {help}")]
    Value {
        /// What is wrong.
        what: String,
        /// What to write.
        help: &'static str,
    },
}

/// Who speaks in a step.
#[derive(Debug, Clone)]
pub struct Speaker {
    /// For TLS.
    pub tls: Identity,
    /// For signatures.
    pub signing: Identity,
}

/// A document with what is agreed about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Media type.
    pub mime: String,
    /// Service, type, action.
    pub service: String,
    /// Type of the service.
    pub service_type: Option<String>,
    /// Action.
    pub action: String,
    /// Pack and message type, when it is a pack's.
    pub message_type: Option<(String, String)>,
}

/// The subject's address, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Host as in the URL, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Path and query.
    pub path: String,
    /// The URL names `https`.
    pub tls: bool,
}

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
    /// The suite's test CA, for the zoo.
    pub authority: Option<Authority>,
    /// Who issues the subject's TLS certificates.
    pub tls_anchors: Vec<CertificateDer<'static>>,
    /// Who issues its signing certificates.
    pub signing_anchors: Vec<CertificateDer<'static>>,
    /// The message packs.
    pub packs: Packs,
    /// The sample document.
    pub sample: Option<Document>,
    made: Arc<Made>,
}

/// What is made for a run on first use, because it takes time.
#[derive(Debug, Default)]
struct Made {
    stranger: OnceLock<Speaker>,
    zoo: Mutex<BTreeMap<(String, &'static str), Identity>>,
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
        let base = path.parent().map(Path::to_owned).unwrap_or_default();
        let subject_text = text(path, "name the file with --subject; `carnet kit --example` writes one")?;
        let subject: Subject = read::read(&path.display().to_string(), &subject_text)?;
        let ics_path = base.join(&subject.ics);
        let ics_text = text(&ics_path, "state what the subject claims in ics.toml, see docs/subject.md")?;
        let ics: Ics = read::read(&ics_path.display().to_string(), &ics_text)?;
        let address = Address::parse(&subject.url).ok_or_else(|| SetupError::Value {
            what: format!("got url {:?}, expected https://host:port/path", subject.url),
            help: "write the address at which the subject takes AS4 messages",
        })?;
        let pki = subject.suite.pki.as_ref().map(|dir| base.join(dir));
        let authority = match &pki {
            Some(dir) if dir.join("authority/root.pem").exists() => {
                Some(Authority::load(&dir.join("authority")).map_err(certificate("the suite's test CA"))?)
            }
            _ => None,
        };
        let partner = Speaker {
            tls: identity(&base, pki.as_deref(), subject.suite.tls.as_ref(), &subject.suite.party.id, "tls")?,
            signing: identity(
                &base,
                pki.as_deref(),
                subject.suite.signing.as_ref(),
                &subject.suite.party.id,
                "signing",
            )?,
        };
        let other = match (&subject.suite.other_party, &pki) {
            (Some(party), Some(pki)) => Some(Speaker {
                tls: identity(&base, Some(pki), None, &party.id, "tls")?,
                signing: identity(&base, Some(pki), None, &party.id, "signing")?,
            }),
            _ => None,
        };
        let tls_anchors = anchors(&base, &subject.trust.tls)?;
        let signing_anchors = anchors(&base, &subject.trust.signing)?;
        let mut setup = Self {
            ics,
            subject_text,
            ics_text,
            base,
            address,
            partner,
            other,
            authority,
            tls_anchors,
            signing_anchors,
            packs,
            sample: None,
            made: Arc::default(),
            subject,
        };
        setup.sample = setup.read_sample()?;
        Ok(setup)
    }

    /// The same with the zoo and the stranger that `other` made, which must be a setup of the same `suite.pki`.
    #[must_use]
    pub fn sharing(self, other: &Self) -> Self {
        Self { made: Arc::clone(&other.made), ..self }
    }

    /// Seconds since 1970.
    #[must_use]
    pub fn now() -> UnixTime {
        UnixTime::since_unix_epoch(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
    }

    /// The identity of a speaker as cases name it, for `tls` or for `signing`; `none` is `None`.
    ///
    /// # Errors
    /// In words: the name is unknown, or what it needs is not there.
    pub fn identity(&self, name: &str, usage: &'static str) -> Result<Option<Identity>, String> {
        let pick = |speaker: &Speaker| if usage == "tls" { speaker.tls.clone() } else { speaker.signing.clone() };
        match name {
            "none" => Ok(None),
            "partner" => Ok(Some(pick(&self.partner))),
            "other-partner" => self
                .other
                .as_ref()
                .map(|other| Some(pick(other)))
                .ok_or_else(|| "subject.toml names no suite.other_party".to_owned()),
            "stranger" => Ok(Some(pick(self.stranger()?))),
            _ => match name.strip_prefix("zoo:") {
                Some(slug) => self.zoo_identity(slug, usage).map(Some),
                None => {
                    Err(format!("got speaker {name:?}, expected none, partner, other-partner, stranger or zoo:KIND"))
                }
            },
        }
    }

    /// A message of a pack as the agreement has it.
    ///
    /// # Errors
    /// In words: there is no such pack or message, or a fact cannot be set.
    pub fn pack_message(&self, pack: &str, message: &str, set: &BTreeMap<String, String>) -> Result<Document, String> {
        let found = self.packs.pack(pack).ok_or_else(|| format!("there is no pack {pack:?}"))?;
        let entry = found.message(message).map_err(|error| error.to_string())?;
        let entry = entry.ok_or_else(|| format!("pack {pack} has no message {message:?}"))?;
        let kind =
            found.message_type(&entry.message_type).ok_or_else(|| format!("{message} is of no type of its pack"))?;
        let mut bytes = entry.bytes().map_err(|error| error.to_string())?.into_owned();
        for (fact, value) in set {
            bytes =
                carnet_fixtures::facts::set(kind, &bytes, fact, value).map_err(|error| format!("{fact}: {error}"))?;
        }
        let own = self.subject.service.iter().find(|service| service.pack == pack);
        Ok(Document {
            bytes,
            mime: "application/xml".to_owned(),
            service: own.and_then(|own| own.service.clone()).unwrap_or_else(|| kind.service.clone()),
            service_type: own.and_then(|own| own.service_type.clone()),
            action: own.and_then(|own| own.actions.get(&kind.name).cloned()).unwrap_or_else(|| kind.action.clone()),
            message_type: Some((pack.to_owned(), kind.name.clone())),
        })
    }

    /// The sample with the given facts set where it is a pack's message and has them.
    ///
    /// # Errors
    /// In words: there is no sample.
    pub fn sample(&self, set: &BTreeMap<String, String>) -> Result<Document, String> {
        let mut sample = self.sample.clone().ok_or_else(|| "subject.toml has no [sample]".to_owned())?;
        if let Some((pack, kind)) = &sample.message_type
            && let Some(kind) = self.packs.message_type(pack, kind)
        {
            for (fact, value) in set {
                if kind.fact(fact).is_some() {
                    sample.bytes = carnet_fixtures::facts::set(kind, &sample.bytes, fact, value)
                        .map_err(|e| format!("{fact}: {e}"))?;
                }
            }
        }
        Ok(sample)
    }

    /// Where the subject reaches the suite.
    #[must_use]
    pub fn suite_url(&self) -> Option<String> {
        let suite = &self.subject.suite;
        suite.public_url.clone().or_else(|| suite.listen.as_ref().map(|listen| format!("https://{listen}/as4")))
    }

    fn stranger(&self) -> Result<&Speaker, String> {
        if let Some(stranger) = self.made.stranger.get() {
            return Ok(stranger);
        }
        let made = (|| {
            let authority = Authority::new("Stranger", Self::now())?;
            let name = &self.subject.suite.party.id;
            let issue = |profile: Profile| authority.issue(&profile, Self::now());
            Ok(Speaker {
                tls: issue(Profile::tls(name).key(self.partner.tls.key.clone()))?,
                signing: issue(Profile::signing(name).key(self.partner.signing.key.clone()))?,
            })
        })()
        .map_err(|error: CertError| error.to_string())?;
        Ok(self.made.stranger.get_or_init(|| made))
    }

    fn zoo_identity(&self, slug: &str, usage: &'static str) -> Result<Identity, String> {
        let authority =
            self.authority.as_ref().ok_or("the zoo needs the suite's test CA, which suite.pki does not hold")?;
        let kind = zoo::kinds()
            .map_err(|error| error.to_string())?
            .iter()
            .find(|kind| kind.slug == slug)
            .ok_or_else(|| format!("the zoo has no kind {slug:?}"))?;
        let mut zoo = self.made.zoo.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = zoo.get(&(slug.to_owned(), usage)) {
            return Ok(made.clone());
        }
        let (own, usage_of) =
            if usage == "tls" { (&self.partner.tls, Usage::Tls) } else { (&self.partner.signing, Usage::Signing) };
        let profile = Profile::like(own, usage_of).map_err(|error| error.to_string())?;
        let made = zoo::make(kind, authority, &profile, Self::now()).map_err(|error| error.to_string())?;
        zoo.insert((slug.to_owned(), usage), made.clone());
        Ok(made)
    }

    fn read_sample(&self) -> Result<Option<Document>, SetupError> {
        let Some(sample) = &self.subject.sample else { return Ok(None) };
        let wrong = |what: String, help| SetupError::Value { what, help };
        let mut document = match (&sample.file, &sample.pack, &sample.message) {
            (Some(file), None, None) => {
                let path = self.base.join(file);
                let help = "name a document of your own under [sample], or a pack and a message";
                let bytes = std::fs::read(&path).map_err(|source| SetupError::File { path, source, help })?;
                let (service, action) = sample.service.clone().zip(sample.action.clone()).ok_or_else(|| {
                    wrong(
                        "[sample] has a file but no service and action".to_owned(),
                        "write the service and action it goes under",
                    )
                })?;
                Document { bytes, mime: sample.mime.clone(), service, service_type: None, action, message_type: None }
            }
            (None, Some(pack), Some(message)) => self
                .pack_message(pack, message, &BTreeMap::new())
                .map_err(|what| wrong(format!("[sample]: {what}"), "`carnet list --packs` lists packs and messages"))?,
            _ => {
                return Err(wrong("[sample] needs either file, or pack and message".to_owned(), "see docs/subject.md"));
            }
        };
        document.service = sample.service.clone().unwrap_or(document.service);
        document.action = sample.action.clone().unwrap_or(document.action);
        document.service_type = sample.service_type.clone().or(document.service_type);
        Ok(Some(document))
    }
}

impl Address {
    /// Takes `https://host:port/path` apart.
    #[must_use]
    pub fn parse(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let tls = match scheme {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
        let (host, port) = match authority.strip_prefix('[') {
            Some(v6) => {
                let (host, port) = v6.split_once(']')?;
                (host, port.strip_prefix(':'))
            }
            None => authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
        };
        let port = match port {
            Some(port) => port.parse().ok()?,
            None => {
                if tls {
                    443
                } else {
                    80
                }
            }
        };
        if host.is_empty() { None } else { Some(Self { host: host.to_owned(), port, path: path.to_owned(), tls }) }
    }

    /// The `Host` header.
    #[must_use]
    pub fn host_header(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        format!("{host}:{}", self.port)
    }
}

fn text(path: &Path, help: &'static str) -> Result<String, SetupError> {
    std::fs::read_to_string(path).map_err(|source| SetupError::File { path: path.to_owned(), source, help })
}

fn certificate(what: &str) -> impl FnOnce(CertError) -> SetupError {
    let what = what.to_owned();
    move |source| SetupError::Certificate { what, source }
}

fn anchors(base: &Path, files: &[PathBuf]) -> Result<Vec<CertificateDer<'static>>, SetupError> {
    let mut all = Vec::new();
    for file in files {
        let path = base.join(file);
        let pem = text(&path, "name PEM files under [trust]")?;
        all.extend(certificates_from_pem(&pem).map_err(certificate(&path.display().to_string()))?);
    }
    Ok(all)
}

fn identity(
    base: &Path,
    pki: Option<&Path>,
    files: Option<&IdentityFiles>,
    party: &str,
    usage: &str,
) -> Result<Identity, SetupError> {
    let help = "`carnet kit` makes the suite's identities; or name your own under [suite.tls] and [suite.signing]";
    let what = format!("the suite's {usage} identity");
    match (files, pki) {
        (Some(IdentityFiles { pkcs12: Some(file), password_file, .. }), _) => {
            let path = base.join(file);
            let bytes = std::fs::read(&path).map_err(|source| SetupError::File { path, source, help })?;
            let password = match password_file {
                Some(file) => text(&base.join(file), help)?.lines().next().unwrap_or_default().to_owned(),
                None => String::new(),
            };
            Identity::from_pkcs12(&bytes, &password).map_err(certificate(&what))
        }
        (Some(IdentityFiles { chain: Some(chain), key: Some(key), .. }), _) => {
            Identity::from_pem(&text(&base.join(chain), help)?, &text(&base.join(key), help)?)
                .map_err(certificate(&what))
        }
        (Some(_), _) => Err(SetupError::Value {
            what: format!("[suite.{usage}] names neither pkcs12 nor chain with key"),
            help: "write pkcs12 and password_file, or chain and key",
        }),
        (None, Some(pki)) => {
            let stem = format!("{}-{usage}", party.to_lowercase());
            let chain = text(&pki.join(format!("{stem}.pem")), help)?;
            let key = text(&pki.join(format!("{stem}.key.pem")), help)?;
            Identity::from_pem(&chain, &key).map_err(certificate(&what))
        }
        (None, None) => Err(SetupError::Value {
            what: format!("{what} is not named: there is neither suite.pki nor [suite.{usage}]"),
            help,
        }),
    }
}
