//! `carnet zoo`: the kinds of broken certificates, listed, explained, made as files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::ExitCode;

use carnet_catalogue::CaseId;
use carnet_catalogue::zoo::{Presented, presented};
use carnet_certs::zoo::Side;
use carnet_certs::{Authority, Profile, UnixTime, Usage, write_zoo, zoo};
use clap::{Subcommand, ValueEnum};

use crate::catalogue::{self, Own};
use crate::certs;
use crate::failure::Failure;
use crate::out;

/// List, show or make the kinds of the certificate zoo: each has exactly one fault.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the kinds: name, what is wrong with it, and the cases that present it to the subject as server and as client,
    /// or why none does.
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
            let catalogue = catalogue::load(&Own::default())?;
            out::print!("{}", list(zoo::kinds().map_err(Failure::ours)?, &presented(&catalogue)));
        }
        Action::Show { kind } => {
            show(zoo::kind(kind).map_err(certs::failure)?);
        }
        Action::Make { dir, pki, party, hosts, usage, kinds } => {
            let authority = Authority::load(&pki.join("authority")).map_err(|error| {
                Failure::usage(error).help("make a test PKI first: carnet certs make DIR --party NAME")
            })?;
            let mut profile = Profile::new(party, (*usage).into()).organisation(authority.name());
            if !hosts.is_empty() {
                profile = profile.hosts(hosts.clone());
            }
            certs::list(&write_zoo(dir, &authority, &profile, kinds, UnixTime::now()).map_err(certs::failure)?);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A side on which a kind is presented: the subject's.
const SIDES: [(&str, Side); 2] = [("server", Side::Client), ("client", Side::Server)];

/// Every kind with the cases that present it.
fn list(kinds: &[zoo::Kind], presented: &BTreeMap<String, Presented>) -> String {
    let mut text = String::new();
    let none = Presented::default();
    for kind in kinds {
        let by = presented.get(&kind.slug).unwrap_or(&none);
        text += &format!("{:<36} {}\n", kind.slug, kind.fault);
        for ((subject, suite), cases) in SIDES.into_iter().zip([&by.to_server, &by.to_client]) {
            text += &format!("    the subject as {subject}: {}\n", said(kind, suite, cases));
        }
        if !by.as_signer.is_empty() {
            text += &format!("    the suite as signer: {}\n", names(&by.as_signer));
        }
    }
    let live = |suite: Side| kinds.iter().filter(|kind| absent(kind, suite).is_none()).count();
    text += &format!(
        "{} kinds, {} for the subject as server, {} for the subject as client\n",
        kinds.len(),
        live(Side::Client),
        live(Side::Server)
    );
    text
}

/// The cases that present a kind to one side of the subject, or why none does.
fn said(kind: &zoo::Kind, suite: Side, cases: &BTreeSet<CaseId>) -> String {
    match (cases.is_empty(), absent(kind, suite)) {
        (false, _) => names(cases),
        (true, Some(reason)) => format!("none, {reason}"),
        (true, None) => "none".to_owned(),
    }
}

/// Why no case presents a kind where the suite is that side.
fn absent(kind: &zoo::Kind, suite: Side) -> Option<&'static str> {
    match (kind.clock, kind.side) {
        (zoo::Clock::Exact, _) => Some("its fault is a matter of a second, and a live node's clock need not be ours"),
        (_, Side::Any | Side::Tls) => None,
        (_, side) if side == suite => None,
        (_, Side::Client) => Some("only a client can present it"),
        (_, Side::Server) => Some("only a server can present it"),
    }
}

fn names(cases: &BTreeSet<CaseId>) -> String {
    cases.iter().map(CaseId::as_str).collect::<Vec<_>>().join(", ")
}

fn show(kind: &zoo::Kind) {
    let line = |name: &str, what: &str| out::println!("  {name:<15} {what}");
    out::println!("{}\n  {}", kind.slug, kind.fault);
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Each kind meets the subject in both roles, but where its side or its clock says why not; no case names another.
    #[test]
    fn every_kind_has_a_case_or_a_reason_in_either_role() {
        let kinds = zoo::kinds().unwrap();
        let presented = presented(&carnet_catalogue::load().unwrap());
        let unknown: Vec<_> = presented.keys().filter(|name| kinds.iter().all(|kind| kind.slug != **name)).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
        let none = Presented::default();
        for kind in kinds {
            let by = presented.get(&kind.slug).unwrap_or(&none);
            for ((subject, suite), cases) in SIDES.into_iter().zip([&by.to_server, &by.to_client]) {
                let reason = absent(kind, suite);
                assert_eq!(cases.is_empty(), reason.is_some(), "{} to a {subject}: {reason:?}", kind.slug);
            }
        }
        let said = list(kinds, &presented);
        for line in [
            "    the subject as server: tls.certificate.expired\n",
            "    the subject as client: none, only a client can present it\n",
            "75 kinds, 64 for the subject as server, 70 for the subject as client\n",
        ] {
            assert!(said.contains(line), "{line}: {said}");
        }
    }
}
