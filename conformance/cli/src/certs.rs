//! `carnet certs`: a test PKI in a folder.

use std::path::PathBuf;
use std::process::ExitCode;

use carnet_certs::{FolderPlan, KeyKind, UnixTime, Written, write_folder};
use clap::Subcommand;

use crate::failure::Failure;

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
        /// Kind of the TLS keys: rsa-2048, rsa-3072, rsa-4096, p-256 or ed25519.
        #[arg(long, value_name = "KIND", default_value = "rsa-2048", value_parser = tls_key)]
        tls_key: KeyKind,
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
        Action::Make { dir, authority, parties, hosts, tls_key, pkcs12_password } => {
            let plan = FolderPlan {
                authority: authority.clone(),
                parties: parties.clone(),
                hosts: hosts.clone(),
                tls_key: *tls_key,
                pkcs12_password: pkcs12_password.clone(),
            };
            list(&write_folder(dir, &plan, UnixTime::now()).map_err(Failure::usage)?);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A kind of key that proves itself in a handshake and is not broken on purpose.
fn tls_key(name: &str) -> Result<KeyKind, String> {
    KeyKind::by_name(name)
        .filter(|kind| !matches!(kind, KeyKind::Rsa1024 | KeyKind::X25519))
        .ok_or_else(|| "the kinds are rsa-2048, rsa-3072, rsa-4096, p-256 and ed25519".to_owned())
}

/// Prints what was written.
pub(crate) fn list(written: &[Written]) {
    for file in written {
        anstream::println!("{}  {}", file.path.display(), file.what);
    }
}
