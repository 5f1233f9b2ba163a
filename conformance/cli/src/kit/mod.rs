//! `carnet kit`: what the operator of a node must install so that it can talk to a partner.
//!
//! The partner is the suite, or another subject (`--partner`). One folder is written: the agreement in words for a
//! person, P-Modes, anchors, certificates, revocation lists, and `kit.toml`, which names them all and which the
//! reference node reads. Keys of the suite stay with the suite.

mod agreement;
mod exchange;
mod from;
mod pmode;
mod product;
mod write;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use carnet_catalogue::exchange::Exchanges;
use carnet_catalogue::ics::{Binding, ReceptionAwareness, SignerBinding, TlsBinding};
use carnet_catalogue::subject::{Agreement, Party};
use carnet_certs::{Crl, UnixTime, file_stem};
use carnet_fixtures::Packs;
use carnet_harness::setup::SubjectFiles;

use crate::certs;
use crate::failure::Failure;
use crate::out;
pub(crate) use from::{with_partner, with_suite};
pub(crate) use pmode::{Leg, ServiceActions};
use product::{Export, PASSWORD, Product};
pub(crate) use write::write;

/// Write what the operator of a node must install to talk to the suite, or to another node.
///
/// The folder holds the agreement in words (agreement.md), P-Modes, trust anchors, certificates, revocation lists,
/// and kit.toml, which names them all and which the Carnet node reads. The suite's own keys are made on the first
/// call and stay in the folder that the subject file names as `suite.pki`; keep it for `carnet run`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The node that installs the kit.
    #[arg(long, value_name = "FILE")]
    subject: PathBuf,
    /// Write the kit for talking to this subject instead of the suite.
    #[arg(long, value_name = "FILE")]
    partner: Option<PathBuf>,
    /// Also write the files of another product, which is to be the node: its P-Modes, a key store and a trust store.
    #[arg(long = "for", value_name = "PRODUCT")]
    product: Option<Product>,
    /// Folder to write.
    #[arg(long, value_name = "DIR", default_value = "kit")]
    out: PathBuf,
    /// A pack of your own whose services the agreement shall name; repeatable.
    #[arg(long = "pack", value_name = "DIR")]
    packs: Vec<PathBuf>,
}

/// Runs `carnet kit`.
///
/// # Errors
/// A subject file that is wrong, a folder that cannot be written.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let packs = Packs::with_dirs(&args.packs).map_err(Failure::usage)?;
    let file = SubjectFiles::read(&args.subject).map_err(Failure::usage)?;
    let kits = match &args.partner {
        None => with_suite(&file, &packs, UnixTime::now())?,
        Some(path) => {
            let partner = SubjectFiles::read(path).map_err(Failure::usage)?;
            if partner.subject.party == file.subject.party {
                let what =
                    format!("{} and --partner are the same party, {}", args.subject.display(), file.subject.party.id);
                return Err(Failure::usage(what).help("give the subject.toml of the other party with --partner"));
            }
            let name = file_stem(&partner.subject.party.id).map_err(certs::failure)?;
            vec![(name, with_partner(&file, &partner, &packs)?)]
        }
    };
    for (name, kit) in &kits {
        let dir = args.out.join(name);
        let mut written = write(kit, &dir)?;
        if let Some(product) = args.product {
            export(&file, product, kit, args.partner.is_none(), &mut written)?;
        }
        out::println!("{}: what {} needs to talk to {}", written.dir.display(), kit.own.id, kit.partner.id);
        for name in &written.files {
            out::println!("  {name}");
        }
    }
    out::println!("Read agreement.md first.");
    Ok(ExitCode::SUCCESS)
}

/// Adds the product's folder to a kit. Keys are made only by the suite's test CA, so only for talking to the suite.
fn export(
    file: &SubjectFiles,
    product: Product,
    kit: &Kit,
    with_keys: bool,
    written: &mut Written,
) -> Result<(), Failure> {
    let keys = if with_keys { Some(from::own_keys(file, UnixTime::now())?) } else { None };
    // A store that is installed already keeps its password.
    let kept = std::fs::read_to_string(written.dir.join(product.folder()).join(PASSWORD)).ok();
    let password = match kept.as_deref().and_then(|text| text.lines().next()) {
        Some(password) if !password.is_empty() => password.to_owned(),
        _ => carnet_certs::fresh_password().map_err(Failure::ours)?,
    };
    let export = Export { product, kit, own_url: &file.subject.url, keys, password: &password };
    write::add(written, product.folder(), &export.files()?)
}

/// Everything that one party must know of another, whoever they are.
#[derive(Debug, Clone)]
pub(crate) struct Kit {
    /// Who installs it.
    pub own: Party,
    /// What reports call the node that installs it.
    pub own_name: String,
    /// Whom it lets the party talk to.
    pub partner: Party,
    /// The partner's AS4 addresses, first choice first.
    pub endpoints: Vec<String>,
    /// Who issues the partner's TLS certificates: PEM.
    pub tls_anchors: String,
    /// The partner's TLS certificate, when the binding is exact: PEM.
    pub tls_certificate: Option<String>,
    /// Who issues the partner's signing certificates: PEM.
    pub signing_anchors: String,
    /// Issuing certificates between those anchors and the signer, for tokens that carry the leaf alone: PEM.
    pub signing_intermediates: Option<String>,
    /// The partner's signing certificate, when it is pinned: PEM.
    pub signing_certificate: Option<String>,
    /// Subject that the partner's signing certificate must name, RFC 4514: `CN=TH`.
    pub signing_subject: Option<String>,
    /// Revocation lists.
    pub crls: Vec<Crl>,
    /// The URL below which they are to be had while the suite runs.
    pub lists_at: Option<String>,
    /// Whom payloads for the partner are encrypted for, where an agreement encrypts: PEM, one for each kind of key.
    pub encryption_certificate: Option<String>,
    /// The one of them that is RSA.
    pub rsa_encryption_certificate: Option<String>,
    /// How certificates are bound to the partner.
    pub binding: Binding,
    /// AgreementRef with its type.
    pub agreement: (String, Option<String>),
    /// Token that messages of both carry.
    pub token: String,
    /// Payloads are compressed.
    pub compress: bool,
    /// MPC of user messages, when it is not the default.
    pub mpc: Option<String>,
    /// How a message without a receipt is sent again.
    pub reception_awareness: ReceptionAwareness,
    /// What may be exchanged, in both directions.
    pub services: Vec<ServiceActions>,
    /// Exchanges beside the plain one.
    pub exchanges: Exchanges,
    /// Who says where parties receive that are looked up: the name in its certificate.
    pub publisher: Option<String>,
    /// That certificate with its issuers: PEM.
    pub publisher_certificate: Option<String>,
    /// Further agreements between the two, by name: same parties, services and actions, another profile.
    pub further: Vec<(String, Agreement)>,
}

impl Kit {
    /// Both directions: what the installing party initiates, and what it responds to.
    #[must_use]
    pub(crate) fn legs(&self) -> [Leg<'_>; 2] {
        [
            Leg { kit: self, further: None, initiator: &self.own, responder: &self.partner },
            Leg { kit: self, further: None, initiator: &self.partner, responder: &self.own },
        ]
    }

    /// Both directions of each further agreement.
    pub(crate) fn further_legs(&self) -> impl Iterator<Item = Leg<'_>> {
        let further = self.further.iter().map(|(name, agreement)| (name.as_str(), agreement));
        further.flat_map(|further| self.legs().map(|leg| Leg { further: Some(further), ..leg }))
    }

    fn tls_binding(&self) -> &'static str {
        match self.binding.tls {
            TlsBinding::Exact => "exact",
            TlsBinding::Anchor => "anchor",
            TlsBinding::Off => "off",
        }
    }

    fn signing_binding(&self) -> &'static str {
        match self.binding.signer {
            SignerBinding::Pinned => "pinned",
            SignerBinding::Anchored | SignerBinding::Off => "anchored",
        }
    }
}

/// A common name as the text of a subject (RFC 4514, 2.4).
#[must_use]
pub(crate) fn subject_of(common_name: &str) -> String {
    let last = common_name.chars().count().saturating_sub(1);
    let mut text = String::from("CN=");
    for (at, c) in common_name.chars().enumerate() {
        let edge = (at == 0 && matches!(c, ' ' | '#')) || (at == last && c == ' ');
        if edge || matches!(c, ',' | '+' | '"' | '\\' | '<' | '>' | ';') {
            text.push('\\');
        }
        text.push(c);
    }
    text
}

/// The agreement two parties use when nothing else was agreed; the same seen from either side.
#[must_use]
pub(crate) fn default_agreement(one: &str, other: &str) -> String {
    let (first, second) = if one <= other { (one, other) } else { (other, one) };
    format!("urn:carnet:agreement:{first}-{second}:1")
}

/// Where a kit was written, for the message that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    /// The folder.
    pub dir: PathBuf,
    /// The files in it, in reading order.
    pub files: Vec<String>,
}

impl Written {
    fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), files: Vec::new() }
    }
}

#[cfg(test)]
mod tests;
