//! `carnet doctor`: why nothing works yet. One line for each point, in order; the first break with its cause and fix.
//!
//! What is looked at, and what an answer means, is `carnet_harness::doctor`'s.

mod line;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use carnet_fixtures::Packs;
use carnet_harness::Setup;
use carnet_harness::doctor::{self, Finding, Point, Told};

use crate::choice::patience;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::out;
use crate::running;

/// Something breaks on the way to the subject: nothing about it is decided.
const BREAK: u8 = 3;
/// Something of ours is wrong, and nothing was tried.
const OURS: u8 = 2;

/// Find out why nothing works yet: the first thing that breaks between suite and node, its cause and the fix.
///
/// Looks at our own files, name, TCP, TLS, the clocks, the way back to us, our ping, a message of theirs, one document, in
/// this order. Stops at the first break. Exit code 0: all is well; 3: a break; 2: a file of ours is wrong, nothing was tried.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The node under test, see docs/test-your-node.md.
    #[arg(long, value_name = "FILE")]
    subject: PathBuf,
    /// A pack of your own; repeatable.
    #[arg(long = "pack", value_name = "DIR")]
    packs: Vec<PathBuf>,
    /// Multiply every waiting time, for a slow subject: 0.1 to 100.
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = patience)]
    patience: f64,
}

/// Runs `carnet doctor`.
///
/// # Errors
/// Wrong files, before anything is sent.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let packs = Packs::with_dirs(&args.packs).map_err(Failure::usage)?;
    let setup = Arc::new(Setup::load_with(&args.subject, packs).map_err(Failure::usage)?);
    out::println!("{} (party {}) at {}", setup.subject.name, setup.subject.party.id, setup.subject.url);
    let (mut desk, mut exit) = (Desk::default(), BREAK);
    let well = doctor::examine(&setup, args.patience, &mut |told| match told {
        Told::Line(one) => {
            if one.point == Point::Own && matches!(one.finding, Finding::Broken(_)) {
                exit = OURS;
            }
            out::print!("{}", line::render(&one));
        }
        Told::Prompt(prompt) => desk.ask(prompt),
        Told::Listening(_) => {}
    })
    .map_err(running::failure)?;
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::from(exit) })
}
