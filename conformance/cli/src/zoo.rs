//! `carnet zoo`: the kinds of broken certificates, listed, explained, made as files.

use std::path::PathBuf;
use std::process::ExitCode;

use carnet_certs::{Authority, Profile, UnixTime, Usage, write_zoo, zoo};
use clap::{Subcommand, ValueEnum};

use crate::certs;
use crate::failure::Failure;

/// List, show or make the kinds of the certificate zoo: each has exactly one fault.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the kinds: name, who can present it, what is wrong with it.
    List,
    /// Show one kind: its fault, the clause that refuses it, what other validators say of it.
    Show {
        /// Name of the kind.
        kind: String,
    },
    /// Make kinds as files, signed by an authority that `carnet certs make` or `carnet kit` wrote.
    Make {
        /// Folder to write.
        dir: PathBuf,
        /// Folder that `carnet certs make` wrote.
        #[arg(long)]
        pki: PathBuf,
        /// Common name of the certificates.
        #[arg(long, default_value = "SUITE")]
        party: String,
        /// Host name or address for TLS certificates; repeatable. Loopback names when left out.
        #[arg(long = "host")]
        hosts: Vec<String>,
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

/// Runs `carnet zoo`.
///
/// # Errors
/// A folder that cannot be written, a kind that does not exist.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    match &args.action {
        Action::List => {
            for kind in zoo::kinds().map_err(Failure::ours)? {
                anstream::println!("{:<36} {:<7} {}", kind.slug, kind.side.name(), kind.fault);
            }
        }
        Action::Show { kind } => {
            show(zoo::kind(kind).map_err(|error| Failure::usage(error).help("`carnet zoo list` names the kinds"))?);
        }
        Action::Make { dir, pki, party, hosts, usage, kinds } => {
            let authority = Authority::load(&pki.join("authority")).map_err(|error| {
                Failure::usage(error).help("make a test PKI first: carnet certs make DIR --party NAME")
            })?;
            let mut profile = Profile::new(party, (*usage).into()).organisation(authority.name());
            if !hosts.is_empty() {
                profile = profile.hosts(hosts.clone());
            }
            certs::list(&write_zoo(dir, &authority, &profile, kinds, UnixTime::now()).map_err(Failure::usage)?);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn show(kind: &zoo::Kind) {
    let line = |name: &str, what: &str| anstream::println!("  {name:<15} {what}");
    anstream::println!("{}\n  {}", kind.slug, kind.fault);
    line("presented by", kind.side.name());
    line(
        "a sound peer",
        match kind.expect {
            zoo::Expect::Refused => "refuses it",
            zoo::Expect::Accepted => "accepts it",
            zoo::Expect::Either => "may do either",
        },
    );
    line("clause", &kind.clause);
    line("compared with", &kind.control);
    if !kind.differs.is_empty() {
        line("differs in", &kind.differs.join(", "));
    }
    if kind.clock == zoo::Clock::Exact {
        line("clock", "needs a peer whose clock is fixed to the second");
    }
    line("rustls-webpki", &kind.webpki);
    line("openssl verify", &if kind.openssl == 0 { "ok".to_owned() } else { format!("error {}", kind.openssl) });
}
