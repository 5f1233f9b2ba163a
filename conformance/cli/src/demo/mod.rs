//! `carnet demo`: the main job end to end, on this machine, with nothing to configure.
//!
//! An ephemeral PKI, two reference nodes as processes, a real declaration from one to the other, then the suite
//! against the receiver. Whatever happens, also Ctrl-C, no process, port or temporary file is left.

mod backend;
mod exchange;
mod process;
mod suite;
mod world;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use carnet_fixtures::Packs;
use carnet_harness::local::Bell;
use carnet_report::FORMATS;

use crate::failure::Failure;
use crate::out;
use crate::stop::{INTERRUPTED, Signals};
use process::Node;
use world::{Administration, World};

/// The real declaration that is sent, and that the suite's messaging cases carry.
const SAMPLE: &str = "valid/export-sea-to-australia";

/// Show it all: two nodes, a real declaration between them, the suite against one of them.
///
/// Makes certificates for the occasion, starts two reference nodes as processes ("PH" and "TH") that are configured
/// only from what `carnet kit` writes, sends a real customs declaration over AS4 with mutual TLS, shows receipt,
/// business response and delivered document, runs the suite against TH and writes the reports.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder for the reports and the evidence.
    #[arg(long, value_name = "DIR", default_value = "carnet-demo")]
    out: PathBuf,
    /// Keep the temporary folder: certificates, kits, configurations, stores and logs of both nodes.
    #[arg(long)]
    keep: bool,
    /// Show every case, not only those that did not pass.
    #[arg(long)]
    verbose: bool,
}

/// Runs `carnet demo`.
///
/// # Errors
/// When the world cannot be laid out or a node fails.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::ours)?;
    runtime.block_on(async {
        let mut signals = Signals::heed()?;
        tokio::select! {
            done = all(args) => done,
            () = signals.next() => {
                out::eprintln!("interrupted: nodes stopped, temporary files removed");
                Ok(ExitCode::from(INTERRUPTED))
            }
        }
    })
}

/// Everything that is made here is undone when this future is dropped.
async fn all(args: &Args) -> Result<ExitCode, Failure> {
    say("1", "certificates, agreements and configuration for two administrations");
    let packs = Packs::embedded().map_err(Failure::ours)?;
    let world = World::lay_out(&packs)?;
    out::println!("    {} ({} at the end)", world.path().display(), if args.keep { "kept" } else { "removed" });

    say("2", "two nodes, each a process of its own");
    let ph = start(&world.ph).await?;
    let mut th = start(&world.th).await?;

    say("3", "one real declaration from PH to TH");
    let exchanged = exchange::declaration(&world, &packs, &ph, &th).await?;

    say("4", "the conformance suite against TH");
    let bell = Bell::hang().await.map_err(Failure::ours)?;
    world.write_subject(&world.th, Some(bell.address()))?;
    let exit = tokio::select! {
        exit = suite::run(&world, packs, &args.out, args.verbose) => exit?,
        failure = restarts(&bell, &world.th, &mut th) => return Err(failure),
    };

    ph.stop().await?;
    th.stop().await?;
    let folder = world.path().to_owned();
    world.leave(args.keep);
    if folder.exists() && !args.keep {
        return Err(Failure::ours(format_args!("{} could not be removed", folder.display())));
    }
    wrote(&args.out);
    Ok(if exchanged { exit } else { ExitCode::FAILURE })
}

async fn start(administration: &Administration) -> Result<Node, Failure> {
    let party = administration.party;
    let node = Node::start(party, &administration.config(), administration.log()).await?;
    let millis = node.took.as_millis();
    out::println!("    {party}  pid {}  {}  ready after {millis} ms", node.pid(), administration.url());
    Ok(node)
}

/// Restarts the node whenever its restart hook rings, without a warning, as a crash would; comes back with what failed.
async fn restarts(bell: &Bell, of: &Administration, node: &mut Node) -> Failure {
    loop {
        let ring = match bell.rung().await {
            Ok(ring) => ring,
            Err(error) => return Failure::ours(error),
        };
        let again = async {
            node.kill().await?;
            *node = Node::start(of.party, &of.config(), of.log()).await?;
            Ok(())
        };
        if let Err(failure) = again.await {
            ring.answer(Err(format!("{failure}"))).await;
            return failure;
        }
        ring.answer(Ok(())).await;
    }
}

fn wrote(out: &Path) {
    out::println!("\nWritten to {}:", out.display());
    let reports = FORMATS.iter().map(|format| (format.file, format.reader));
    let evidence = ("events.jsonl, blobs/", "the evidence: `carnet judge` gives the same verdicts from it");
    for (file, what) in reports.chain(std::iter::once(evidence)) {
        out::println!("    {file:<21} {what}");
    }
}

fn say(step: &str, what: &str) {
    let bold = anstyle::Style::new().bold();
    out::println!("{bold}{step}  {what}{bold:#}");
}
