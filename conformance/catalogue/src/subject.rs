//! `subject.toml`: where the node under test is, who it is, and what was agreed with it.
//!
//! No Service, Action, role, PartyId, agreement or MPC stands in a case: all of them come from here.

mod check;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::Problem;
use crate::exchange::Exchanges;
use crate::read;

/// The node under test and the suite's side of the agreement; paths count from the file's folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// Always 1.
    pub format: u32,
    /// What reports call it.
    pub name: String,
    /// Where the suite sends: `https://host:port/path`.
    pub url: String,
    /// Address to connect to when it is not the URL's (`host:port`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect: Option<String>,
    /// HTTP proxy for outbound connections (`host:port`), by CONNECT.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
    /// The statement of what it claims.
    #[serde(default = "ics_file")]
    pub ics: PathBuf,
    /// Its party.
    pub party: Party,
    /// The suite's side.
    pub suite: Suite,
    /// What was agreed.
    pub agreement: Agreement,
    /// What was agreed beside the plain exchange.
    #[serde(default)]
    pub exchange: Exchanges,
    /// Further agreements between the same two parties, by the name that cases ask for: `encrypted`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub agreements: BTreeMap<String, Agreement>,
    /// The document that plain messaging cases carry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<Sample>,
    /// How the suite verifies the subject.
    pub trust: Trust,
    /// Services of packs, where they are not the packs' own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub service: Vec<Service>,
    /// Ranges that references of the suite's own messages stay in.
    #[serde(default)]
    pub references: References,
    /// How the subject is driven and observed; all optional.
    #[serde(default)]
    pub hooks: Hooks,
}

impl Subject {
    /// The agreement that a case runs under: a further one by its name, or the main one. A case whose agreement is not
    /// there is not planned.
    #[must_use]
    pub fn agreed(&self, name: Option<&str>) -> &Agreement {
        name.and_then(|name| self.agreements.get(name)).unwrap_or(&self.agreement)
    }

    /// Reads `subject.toml` from its text; `file` is used in messages only.
    ///
    /// # Errors
    /// As [`read::read`], and a word that is none of those that can stand where it does.
    pub fn read(file: &str, text: &str) -> Result<Self, Problem> {
        let subject = read::read(file, text)?;
        check::words(&subject, file, text).map(|()| subject)
    }

    /// Every agreement, the main one first and without a name.
    pub fn all_agreed(&self) -> impl Iterator<Item = (Option<&str>, &Agreement)> {
        let further = self.agreements.iter().map(|(name, agreement)| (Some(name.as_str()), agreement));
        std::iter::once((None, &self.agreement)).chain(further)
    }
}

/// A party and its role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Party {
    /// PartyId.
    pub id: String,
    /// Its type attribute; left out when empty.
    #[serde(default = "party_type", rename = "type")]
    pub kind: String,
    /// Its role when it initiates.
    #[serde(default = "initiator")]
    pub initiator_role: String,
    /// Its role when it responds.
    #[serde(default = "responder")]
    pub responder_role: String,
}

/// The suite's own side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    /// The suite's party.
    pub party: Party,
    /// A second party under the same anchors, for cases of mistaken identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_party: Option<Party>,
    /// Address the suite's endpoint listens on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listen: Option<String>,
    /// The URL under which the subject reaches it, when it is not the listen address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,
    /// Folder of the suite's keys and its test CA, as `carnet kit` writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pki: Option<PathBuf>,
    /// Where its test CA's revocation lists are to be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lists: Option<Lists>,
    /// TLS identity of one's own instead of the kit's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<IdentityFiles>,
    /// Signing identity of one's own instead of the kit's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signing: Option<IdentityFiles>,
    /// RSA identity of one's own that the subject encrypts for, instead of the kit's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<IdentityFiles>,
}

/// Where the suite publishes its test CA's revocation lists, over plain HTTP, for subjects that follow distribution points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lists {
    /// Address that they are served at while the suite runs.
    pub listen: String,
    /// Its base URL as the subject reaches it, when it is not the listen address; each certificate of the test CA names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,
}

/// A key with its chain: PEM files, or one PKCS#12 file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityFiles {
    /// PEM: the chain, leaf first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<PathBuf>,
    /// PEM: the private key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
    /// PKCS#12 with both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pkcs12: Option<PathBuf>,
    /// File whose first line is the PKCS#12 password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
}

/// What was agreed between the suite's party and the subject's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agreement {
    /// AgreementRef; left out of messages when empty.
    #[serde(default)]
    pub name: String,
    /// Its type attribute.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Its pmode attribute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pmode: Option<String>,
    /// MPC attribute of user messages; left out when empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mpc: Option<String>,
    /// A fixed ConversationId, where the agreement ignores it; without it each case has its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    /// The profile it is of, as P-Modes name it.
    #[serde(default = "profile")]
    pub profile: String,
    /// The curve of the suite's keys where version 2.0 leaves a choice: `p-256` in the place of Ed25519 and X25519.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub curve: Option<String>,
    /// PEM: the certificate that payloads for the subject are encrypted for, where the profile encrypts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption_certificate: Option<PathBuf>,
    /// Token the suite sends: `x509-pkipath`, `x509-v3`, `ski` or `issuer-serial`.
    #[serde(default = "token")]
    pub token: String,
    /// Payloads are compressed.
    #[serde(default = "yes")]
    pub compress: bool,
    /// Message properties every message carries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub property: Vec<crate::step::Property>,
}

/// The document that plain messaging cases carry: a file, or a message of a pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// A file of one's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// Its media type.
    #[serde(default = "xml")]
    pub mime: String,
    /// A pack that the message comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pack: Option<String>,
    /// The message of that pack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Service; without it, the pack's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Its type attribute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_type: Option<String>,
    /// Action; without it, the pack's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
}

/// How the suite verifies what the subject presents and signs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trust {
    /// PEM files: who issues the subject's TLS certificates.
    pub tls: Vec<PathBuf>,
    /// PEM files: who issues its signing certificates.
    pub signing: Vec<PathBuf>,
    /// PEM: its signing certificate with the issuers, for tokens that name it without carrying it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signing_certificates: Vec<PathBuf>,
    /// Common name its signing certificate carries; without it, any under the anchors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signing_subject: Option<String>,
    /// The subject was given the suite's own test CA as an anchor; cases that need it are not applicable otherwise.
    #[serde(default)]
    pub subject_trusts_suite_ca: bool,
    /// The subject's operator declares the suite's CRL to be loaded.
    #[serde(default)]
    pub subject_loaded_crl: bool,
}

/// What every reference that the suite makes up begins with, so that live systems can tell them from real ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct References {
    /// Local reference numbers: at most 10 characters of A-Z and 0-9; 22 in all.
    pub lrn: String,
    /// Movement reference numbers: two digits of a year, a country, at most 6 more; 18 in all.
    pub mrn: String,
    /// Unique consignment references: a digit of a year, a country, then at most 18 more; 35 in all.
    pub ucr: String,
}

impl Default for References {
    fn default() -> Self {
        Self { lrn: "CT".to_owned(), mrn: "26GB".to_owned(), ucr: "6GB123456789000-".to_owned() }
    }
}

impl References {
    /// Sees to it that what is made up can be valid.
    ///
    /// # Errors
    /// The key that is wrong, and what is expected there.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        let plain = |text: &str| text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        let dated = |text: &str, digits: usize| {
            text.len() >= digits + 2
                && text.bytes().take(digits).all(|b| b.is_ascii_digit())
                && text.bytes().skip(digits).take(2).all(|b| b.is_ascii_uppercase())
        };
        let wrong = |key, text: &str, expected: &str| Err((key, format!("got {key} {text:?}, expected {expected}")));
        if !plain(&self.lrn) || self.lrn.len() > 10 {
            return wrong("lrn", &self.lrn, "at most 10 characters of A-Z and 0-9");
        }
        if !plain(&self.mrn) || self.mrn.len() > 10 || !dated(&self.mrn, 2) {
            return wrong(
                "mrn",
                &self.mrn,
                "two digits of a year, a country code, at most 6 of A-Z and 0-9, as in 26GB9",
            );
        }
        let rest = self.ucr.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b"-/()".contains(&b));
        if !rest || self.ucr.len() > 21 || !dated(&self.ucr, 1) {
            return wrong(
                "ucr",
                &self.ucr,
                "a digit of a year, a country code, at most 18 more, as in 6GB123456789000-",
            );
        }
        Ok(())
    }
}

/// Service and actions that replace a pack's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// The pack.
    pub pack: String,
    /// Service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Its type attribute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_type: Option<String>,
    /// Action by message type.
    #[serde(default)]
    pub actions: BTreeMap<String, String>,
}

/// Means to drive and observe the subject.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hooks {
    /// Makes it send one document to the suite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send: Option<Hook>,
    /// Makes it submit one document of another exchange: pushed, or queued to be pulled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submit: Option<Hook>,
    /// Makes it send the reply to a request of the suite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<Hook>,
    /// Makes it pull from the suite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull: Option<Hook>,
    /// Lists delivered MessageIds: its output is searched for the id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered: Option<Hook>,
    /// Lists what the producer was told: its output is searched for the id and `EBMS:0301`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notified: Option<Hook>,
    /// Restarts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart: Option<Hook>,
    /// Makes it load the suite's CRL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_crl: Option<Hook>,
    /// An operator sits at the terminal and can be prompted.
    #[serde(default)]
    pub operator: bool,
}

/// A command, or an HTTP request; `${...}` as in cases.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hook {
    /// Program and arguments; the document comes on standard input.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// A request over plain HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpHook>,
}

/// An HTTP request template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpHook {
    /// Method.
    #[serde(default = "get")]
    pub method: String,
    /// `http://host:port/path?query`.
    pub url: String,
    /// Headers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// File whose first line is sent as bearer token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    /// The body; `${document}` is the document's bytes, `${document.base64}` the same in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

fn ics_file() -> PathBuf {
    PathBuf::from("ics.toml")
}

fn party_type() -> String {
    "urn:oasis:names:tc:ebcore:partyid-type:unregistered:customs".to_owned()
}

fn initiator() -> String {
    "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/initiator".to_owned()
}

fn responder() -> String {
    "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/responder".to_owned()
}

fn profile() -> String {
    "customs-c2c".to_owned()
}

fn token() -> String {
    "x509-pkipath".to_owned()
}

fn xml() -> String {
    "application/xml".to_owned()
}

fn get() -> String {
    "GET".to_owned()
}

fn yes() -> bool {
    true
}
