//! `subject.toml` with the `ics.toml` it names, read whole or refused with file and line, and the files both name.
//!
//! The one reader of these files: runs, kits and the doctor all start here.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use carnet_catalogue::error::Problem;
use carnet_catalogue::subject::{Hooks, IdentityFiles};
use carnet_catalogue::{Ics, Subject, read};
use carnet_certs::{Authority, CertError, Identity, Usage, certificates_from_pem, file_stem};
use rustls_pki_types::CertificateDer;

use super::{Address, SetupError};

/// Where the suite's keys are when `suite.pki` does not say.
const PKI: &str = "suite-pki";

/// What to do about an identity of the suite's that is not there.
const IDENTITY_HELP: &str =
    "`carnet kit` makes the suite's identities; or name your own under [suite.tls] and [suite.signing]";

/// A subject file with what it names; relative paths count from its folder.
#[derive(Debug, Clone)]
pub struct SubjectFiles {
    /// The file as the user named it.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
    /// Its content.
    pub subject: Subject,
    /// The statement it names.
    pub ics: Ics,
    /// The statement's text.
    pub ics_text: String,
}

impl SubjectFiles {
    /// Reads `path` and the ICS it names.
    ///
    /// # Errors
    /// A file that is missing or wrong, with file, line and what to write instead.
    pub fn read(path: &Path) -> Result<Self, SetupError> {
        let text = text(path, "name the file with --subject; docs/test-your-node.md shows a first one")?;
        let subject = Subject::read(&path.display().to_string(), &text)?;
        let ics_path = beside(path, &subject.ics);
        let ics_text = self::text(&ics_path, "`carnet ics` asks what the subject claims and writes ics.toml")?;
        let ics = Ics::read(&ics_path.display().to_string(), &ics_text)?;
        let files = Self { path: path.to_owned(), text, subject, ics, ics_text };
        files.address()?;
        if let Some((whose, party)) = twice(&files.subject) {
            let what = format!("{whose} is {party:?}, as another party of this file");
            let problem = read::at_text(&files.path.display().to_string(), &files.text, &format!("{party:?}"), what);
            return Err(problem
                .with_help("the subject and the parties of the suite are told apart by their ids")
                .into());
        }
        if let Some((name, what)) = unfit(&files.subject.hooks) {
            let problem = read::at_value(&files.path.display().to_string(), &files.text, &["hooks", name], what);
            let help = "write command = [\"program\", \"argument\"], or http = { method = \"POST\", url = \"http://host:port/path\" }";
            return Err(problem.with_help(help).into());
        }
        if let Err((key, what)) = files.subject.references.check() {
            return Err(files
                .wrong(key, what)
                .with_help("name a range that your registries keep free for tests")
                .into());
        }
        if let Some(listen) = &files.subject.suite.listen
            && listen.rsplit_once(':').is_none_or(|(host, port)| host.is_empty() || port.parse::<u16>().is_err())
        {
            let problem = files.wrong("listen", format!("got listen {listen:?}, expected host:port"));
            return Err(problem.with_help("write listen = \"0.0.0.0:8443\" to listen on every address").into());
        }
        if let Some(url) = &files.subject.suite.public_url
            && Address::parse(url).is_none()
        {
            let problem = files.wrong("public_url", format!("got public_url {url:?}, expected https://host:port/path"));
            let help = "write public_url = \"https://suite.example:8443/as4\", as the subject's network knows it";
            return Err(problem.with_help(help).into());
        }
        Ok(files)
    }

    /// The subject's address, taken apart.
    ///
    /// # Errors
    /// A URL that is none.
    pub fn address(&self) -> Result<Address, SetupError> {
        let url = &self.subject.url;
        Address::parse(url).ok_or_else(|| {
            self.wrong("url", format!("got url {url:?}, expected https://host:port/path"))
                .with_help("write the address at which the subject takes AS4 messages")
                .into()
        })
    }

    /// A fault of the subject file, at the first place where `key` stands in it.
    #[must_use]
    pub fn wrong(&self, key: &str, what: String) -> Problem {
        let line_start = format!("\n{key}");
        let file = self.path.display().to_string();
        match self.text.find(&line_start) {
            Some(offset) => read::at(&file, &self.text, offset + 1, what),
            None => read::at_text(&file, &self.text, key, what),
        }
    }

    /// A path of the file, counted from the file's folder.
    #[must_use]
    pub fn resolve(&self, path: &Path) -> PathBuf {
        beside(&self.path, path)
    }

    /// The folder that paths count from.
    #[must_use]
    pub fn base(&self) -> PathBuf {
        self.path.parent().map(Path::to_owned).unwrap_or_default()
    }

    /// The folder of the suite's keys.
    #[must_use]
    pub fn pki(&self) -> PathBuf {
        self.resolve(self.subject.suite.pki.as_deref().unwrap_or(Path::new(PKI)))
    }

    /// The content of a file that the subject file names.
    ///
    /// # Errors
    /// It cannot be read; `help` says what to do.
    pub fn bytes(&self, path: &Path, help: &'static str) -> Result<Vec<u8>, SetupError> {
        fs::read(self.resolve(path)).map_err(|source| self.unreadable(path, &source, help))
    }

    /// The text of a file that the subject file names.
    fn text_of(&self, path: &Path, help: &'static str) -> Result<String, SetupError> {
        utf8(&self.resolve(path), self.bytes(path, help)?)
    }

    /// A file that cannot be read, at the place where the subject file names it.
    fn unreadable(&self, path: &Path, source: &io::Error, help: &'static str) -> SetupError {
        let what = format!("{} cannot be read: {source}", self.resolve(path).display());
        let (file, quoted) = (self.path.display().to_string(), format!("\"{}\"", path.display()));
        read::at_text(&file, &self.text, &quoted, what).with_help(help).into()
    }

    /// The suite's test CA, where its folder has one.
    ///
    /// # Errors
    /// It is there and cannot be used.
    pub fn authority(&self) -> Result<Option<Authority>, SetupError> {
        let home = self.pki().join("authority");
        if !home.join("root.pem").exists() {
            return Ok(None);
        }
        Authority::load(&home).map(Some).map_err(certificate("the suite's test CA".to_owned()))
    }

    /// An identity of the suite: the user's own where files are named, else the one in the suite's folder.
    ///
    /// # Errors
    /// Files that are missing, or hold no such identity.
    pub fn identity(&self, own: Option<&IdentityFiles>, party: &str, usage: &str) -> Result<Identity, SetupError> {
        let what = || certificate(format!("the suite's {usage} identity"));
        match own {
            Some(IdentityFiles { pkcs12: Some(file), password_file, .. }) => {
                let bytes = self.bytes(file, IDENTITY_HELP)?;
                let password = match password_file {
                    Some(file) => self.text_of(file, IDENTITY_HELP)?.lines().next().unwrap_or_default().to_owned(),
                    None => String::new(),
                };
                Identity::from_pkcs12(&bytes, &password).map_err(what())
            }
            Some(IdentityFiles { chain: Some(chain), key: Some(key), .. }) => {
                let (chain, key) = (self.text_of(chain, IDENTITY_HELP)?, self.text_of(key, IDENTITY_HELP)?);
                Identity::from_pem(&chain, &key).map_err(what())
            }
            Some(_) => Err(self
                .wrong(&format!("[suite.{usage}]"), format!("[suite.{usage}] names neither pkcs12 nor chain with key"))
                .with_help("write pkcs12 and password_file, or chain and key")
                .into()),
            None => {
                let stem = self.pki().join(format!("{}-{usage}", file_stem(party).map_err(what())?));
                let file = |ending: &str| PathBuf::from(format!("{}{ending}", stem.display()));
                let (chain, key) = (text(&file(".pem"), IDENTITY_HELP)?, text(&file(".key.pem"), IDENTITY_HELP)?);
                Identity::from_pem(&chain, &key).map_err(what())
            }
        }
    }

    /// A further identity of the suite's party, by its use and kind of key.
    ///
    /// # Errors
    /// Files that are missing, or hold no such identity.
    pub fn further(&self, usage: Usage, kind: &str) -> Result<Identity, SetupError> {
        self.identity(None, &self.subject.suite.party.id, &format!("{}-{kind}", usage.name()))
    }

    /// The certificates of several PEM files.
    ///
    /// # Errors
    /// A file that cannot be read or holds no certificate.
    pub fn anchors(&self, files: &[PathBuf]) -> Result<Vec<CertificateDer<'static>>, SetupError> {
        let mut all = Vec::new();
        for file in files {
            let pem = self.text_of(file, "name a PEM file that is there; paths count from the folder of this file")?;
            let what = self.resolve(file).display().to_string();
            all.extend(certificates_from_pem(&pem).map_err(certificate(what))?);
        }
        Ok(all)
    }
}

/// A hook that could not be run, and why.
fn unfit(hooks: &Hooks) -> Option<(&'static str, String)> {
    let all = [
        ("send", &hooks.send),
        ("submit", &hooks.submit),
        ("reply", &hooks.reply),
        ("pull", &hooks.pull),
        ("delivered", &hooks.delivered),
        ("notified", &hooks.notified),
        ("restart", &hooks.restart),
        ("load_crl", &hooks.load_crl),
    ];
    all.into_iter().find_map(|(name, hook)| {
        let hook = hook.as_ref()?;
        let what = match (&hook.http, hook.command.is_empty()) {
            (None, true) => "neither a command nor a request".to_owned(),
            (Some(_), false) => "a command and a request as well, and only one can be run".to_owned(),
            (Some(http), true)
                if http.method.is_empty() || !http.method.bytes().all(|byte| byte.is_ascii_alphabetic()) =>
            {
                format!("the method {:?}, which is none of HTTP", http.method)
            }
            _ => return None,
        };
        Some((name, format!("the hook {name} names {what}")))
    })
}

/// A party that has the id of another one, and whose it is.
fn twice(subject: &Subject) -> Option<(&'static str, &str)> {
    let own = &subject.suite.party.id;
    let other = subject.suite.other_party.as_ref().map(|party| &party.id);
    if let Some(other) = other.filter(|other| [own, &subject.party.id].contains(other)) {
        return Some(("the id of [suite.other_party]", other));
    }
    (*own == subject.party.id).then_some(("the id of [suite.party]", own))
}

/// `path` as named by a file: counted from that file's folder.
fn beside(file: &Path, path: &Path) -> PathBuf {
    file.parent().map_or_else(|| path.to_owned(), |folder| folder.join(path))
}

fn text(path: &Path, help: &'static str) -> Result<String, SetupError> {
    let bytes = fs::read(path).map_err(|source| SetupError::File { path: path.to_owned(), source, help })?;
    utf8(path, bytes)
}

fn utf8(path: &Path, bytes: Vec<u8>) -> Result<String, SetupError> {
    String::from_utf8(bytes).map_err(|error| {
        let what = format!("is not UTF-8 from byte {} on", error.utf8_error().valid_up_to());
        Problem::of_file(&path.display().to_string(), what).with_help("save the file as UTF-8").into()
    })
}

fn certificate(what: String) -> impl FnOnce(CertError) -> SetupError {
    move |source| SetupError::Certificate { what, source }
}
