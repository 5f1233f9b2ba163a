//! `carnet certs`: a test PKI in a folder, and the zoo of broken certificates.

use std::path::PathBuf;
use std::process::ExitCode;

use carnet_certs::{Authority, FolderPlan, Profile, UnixTime, Usage, Written, write_folder, write_zoo, zoo};
use clap::{Subcommand, ValueEnum};

use crate::failure::Failure;

/// Make test certificates, and show or make the broken ones of the zoo.
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
        /// Also write PKCS#12 files under this password.
        #[arg(long)]
        pkcs12_password: Option<String>,
    },
    /// List the kinds of the zoo: each has exactly one fault.
    Zoo,
    /// Show one kind: its fault, the clause that refuses it, who can present it.
    Show {
        /// Name of the kind.
        kind: String,
    },
    /// Make kinds of the zoo as files, signed by an authority that `carnet certs make` wrote.
    MakeZoo {
        /// Folder to write.
        dir: PathBuf,
        /// Folder that `carnet certs make` wrote.
        #[arg(long)]
        pki: PathBuf,
        /// Common name of the certificates.
        #[arg(long, default_value = "SUITE")]
        party: String,
        /// What they are for.
        #[arg(long, value_enum, default_value = "tls")]
        usage: UsageName,
        /// Kinds to make; all that fit the usage when none is named.
        kinds: Vec<String>,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum UsageName {
    Tls,
    TlsServer,
    TlsClient,
    Signing,
}

impl From<UsageName> for Usage {
    fn from(name: UsageName) -> Self {
        match name {
            UsageName::Tls => Self::Tls,
            UsageName::TlsServer => Self::TlsServer,
            UsageName::TlsClient => Self::TlsClient,
            UsageName::Signing => Self::Signing,
        }
    }
}

/// Runs `carnet certs`.
///
/// # Errors
/// A folder that cannot be written, a kind that does not exist.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    match &args.action {
        Action::Make { dir, authority, parties, hosts, pkcs12_password } => {
            let plan = FolderPlan {
                authority: authority.clone(),
                parties: parties.clone(),
                hosts: hosts.clone(),
                pkcs12_password: pkcs12_password.clone(),
            };
            list(&write_folder(dir, &plan, UnixTime::now()).map_err(Failure::usage)?);
        }
        Action::Zoo => {
            for kind in zoo::kinds().map_err(Failure::ours)? {
                anstream::println!("{:<32} {:<7} {}", kind.slug, kind.side.name(), kind.fault);
            }
        }
        Action::Show { kind } => {
            let kind = zoo::kind(kind).map_err(Failure::usage)?;
            anstream::println!("{}\n  {}", kind.slug, kind.fault);
            anstream::println!("  presented by    {}", kind.side.name());
            anstream::println!(
                "  a sound peer    {}",
                match kind.expect {
                    zoo::Expect::Refused => "refuses it",
                    zoo::Expect::Accepted => "accepts it",
                    zoo::Expect::Either => "may do either",
                }
            );
            anstream::println!("  clause          {}", kind.clause);
            anstream::println!("  compared with   {}", kind.control);
            if !kind.differs.is_empty() {
                anstream::println!("  differs in      {}", kind.differs.join(", "));
            }
        }
        Action::MakeZoo { dir, pki, party, usage, kinds } => {
            let authority = Authority::load(&pki.join("authority")).map_err(|error| {
                Failure::usage(error).help("make a test PKI first: carnet certs make DIR --party NAME")
            })?;
            let profile = Profile::new(party, (*usage).into()).organisation(authority.name());
            list(&write_zoo(dir, &authority, &profile, kinds, UnixTime::now()).map_err(Failure::usage)?);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn list(written: &[Written]) {
    for file in written {
        anstream::println!("{}  {}", file.path.display(), file.what);
    }
}
