//! `carnet certs`: a test PKI in a folder.

use std::path::PathBuf;
use std::process::ExitCode;

use carnet_certs::{CertError, FolderPlan, KeyKind, UnixTime, Written, write_folder};
use carnet_harness::setup::Address;
use clap::Subcommand;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::failure::Failure;
use crate::out;

/// Make test certificates.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a test authority and an identity for TLS and for signing for each party.
    ///
    /// Keys are written unencrypted: none of this is fit for production.
    Make {
        /// Folder to write; an authority that is there already is kept.
        dir: PathBuf,
        /// Name of the authority.
        #[arg(long, default_value = "Carnet test")]
        authority: String,
        /// A party to issue for; repeatable.
        #[arg(long = "party", required = true)]
        parties: Vec<String>,
        /// Host name or address for the TLS certificates; repeatable. Loopback names when left out.
        #[arg(long = "host")]
        hosts: Vec<String>,
        /// Kind of the TLS keys.
        #[arg(long, value_name = "KIND", default_value = KeyKind::Rsa2048.name(), value_parser = tls_key())]
        tls_key: KeyKind,
        /// Say in each certificate that the authority's revocation lists are below this URL (`http://`).
        #[arg(long, value_name = "URL", value_parser = lists_at)]
        lists_at: Option<String>,
        /// Also write PKCS#12 files under this password.
        #[arg(long)]
        pkcs12_password: Option<String>,
    },
}

/// Runs `carnet certs`.
///
/// # Errors
/// A folder that cannot be written.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    match &args.action {
        Action::Make { dir, authority, parties, hosts, tls_key, lists_at, pkcs12_password } => {
            let plan = FolderPlan {
                authority: authority.clone(),
                parties: parties.clone(),
                hosts: hosts.clone(),
                tls_key: *tls_key,
                lists: lists_at.clone(),
                pkcs12_password: pkcs12_password.clone(),
            };
            list(&write_folder(dir, &plan, UnixTime::now()).map_err(failure)?);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Why certificates could not be made, with what to do about it.
pub(crate) fn failure(error: CertError) -> Failure {
    match error {
        CertError::File { path, source } => Failure::file("use", &path, &source),
        CertError::UnknownKind { near: None, .. } => Failure::usage(error).help("`carnet zoo list` names the kinds"),
        CertError::Name { .. } => Failure::usage(error).help("name the party as its agreements do"),
        CertError::Lists { .. } => Failure::usage(error)
            .help("move its folder away, so that it is made anew, and hand out again what is made from it"),
        CertError::SameFiles { .. } => Failure::usage(error).help("make them in folders of their own"),
        other => Failure::usage(other),
    }
}

/// Reads a kind of key that proves itself in a handshake and is not broken on purpose; help names all of them.
fn tls_key() -> impl TypedValueParser<Value = KeyKind> {
    const KINDS: [KeyKind; 5] = [KeyKind::Rsa2048, KeyKind::Rsa3072, KeyKind::Rsa4096, KeyKind::P256, KeyKind::Ed25519];
    PossibleValuesParser::new(KINDS.map(KeyKind::name)).map(|name| KeyKind::by_name(&name).unwrap_or(KeyKind::Rsa2048))
}

/// Reads the URL below which revocation lists are: TLS would ask for one of them first.
fn lists_at(text: &str) -> Result<String, String> {
    let plain = Address::parse(text).is_some_and(|address| !address.tls);
    if plain { Ok(text.to_owned()) } else { Err("expected http://host:port".to_owned()) }
}

/// Prints what was written.
pub(crate) fn list(written: &[Written]) {
    for file in written {
        out::println!("{}  {}", file.path.display(), file.what);
    }
}
