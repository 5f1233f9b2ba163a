//! `carnet run`: the suite against a subject.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use carnet_fixtures::Packs;
use carnet_harness::plan::Selection as Chosen;
use carnet_harness::{RunOptions, Setup};
use carnet_report::Format;

use crate::catalogue::{self, Selection};
use crate::failure::Failure;
use crate::reports;
use crate::running;
use crate::stop;

/// Run the suite against a node, capture the evidence, judge it, write the reports.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The node under test, see docs/test-your-node.md.
    #[arg(long, value_name = "FILE")]
    subject: PathBuf,
    /// Folder for the evidence and the reports.
    #[arg(long, value_name = "DIR", default_value = "carnet-result")]
    out: PathBuf,
    /// Replace what an earlier run wrote to that folder.
    #[arg(long)]
    replace: bool,
    /// Only these cases: `as4.**`, `req:AS4-RECEIPT-*`, `level:MUST`, `role:initiator`. Their controls run with them.
    #[arg(value_name = "FILTER")]
    filters: Vec<String>,
    /// Leave a case out, with the reason that reports will show: `CASE=REASON`; repeatable.
    #[arg(long, value_name = "CASE=REASON")]
    skip: Vec<String>,
    /// A folder with cases of your own beside the suite's.
    #[arg(long, value_name = "DIR")]
    cases: Option<PathBuf>,
    /// A pack of your own; repeatable.
    #[arg(long = "pack", value_name = "DIR")]
    packs: Vec<PathBuf>,
    /// Also run cases that restart the subject or use something of it up.
    #[arg(long)]
    allow_destructive: bool,
    /// Multiply every waiting time, for a slow subject.
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    patience: f64,
    /// Cells side by side.
    #[arg(long, value_name = "N", default_value_t = 8)]
    jobs: usize,
    /// How often a failing cell is executed in all; it is shown as 1/2, never as passed.
    #[arg(long, value_name = "N", default_value_t = 2)]
    repeat_failed: u32,
    /// Only these reports, by name: html, summary, statement-page, statement, coverage, json, junit, tap, sarif, trl;
    /// without it, all of them. See docs/reports.md.
    #[arg(long = "report", value_name = "LIST", value_delimiter = ',', value_parser = reports::named)]
    reports: Vec<&'static Format>,
    /// A broken SHOULD changes the exit code, too.
    #[arg(long)]
    strict: bool,
    /// Show every case, not only those that did not pass.
    #[arg(long)]
    verbose: bool,
}

/// Runs `carnet run`.
///
/// # Errors
/// Wrong files or filters, before anything is sent; a port or a disk that cannot be had.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let catalogue = catalogue::load(args.cases.as_deref())?;
    let selection = Chosen {
        only: if args.filters.is_empty() {
            Vec::new()
        } else {
            let chosen = Selection::parse(&args.filters)?;
            chosen.cases(&catalogue)?.into_iter().map(|(id, _)| id.to_string()).collect()
        },
        skip: args.skip.iter().map(|text| skip(&catalogue, text)).collect::<Result<_, _>>()?,
        destructive: args.allow_destructive,
    };
    let packs = Packs::with_dirs(&args.packs).map_err(Failure::usage)?;
    let setup = Setup::load_with(&args.subject, packs).map_err(Failure::usage)?;
    if args.out.join("events.jsonl").exists() && !args.replace {
        return Err(Failure::usage(format_args!("{} holds the evidence of a run", args.out.display()))
            .help("name another folder with --out, or add --replace"));
    }
    running::clear(&args.out)?;
    let options = RunOptions {
        selection,
        patience: args.patience,
        jobs: args.jobs.max(1),
        repeat: args.repeat_failed.max(1),
        stop: stop::on_interrupt()?,
        ..RunOptions::new(Arc::new(setup), Arc::new(catalogue), args.out.clone())
    };
    let run = running::execute(&options)?;
    reports::write(&run, &args.out, &args.out, &args.reports)?;
    let exit = running::conclude(&run, args.verbose, args.strict);
    anstream::println!("\nreports and evidence: {}", args.out.display());
    Ok(if stop::was_interrupted(&options.stop) { ExitCode::from(stop::INTERRUPTED) } else { exit })
}

fn skip(catalogue: &carnet_catalogue::Catalogue, text: &str) -> Result<(String, String), Failure> {
    let Some((case, reason)) = text.split_once('=').filter(|(_, reason)| !reason.trim().is_empty()) else {
        return Err(Failure::usage(format_args!("got --skip {text:?}, expected CASE=REASON"))
            .help("a case is left out only with a reason; reports show it"));
    };
    catalogue::case(catalogue, case)?;
    Ok((case.to_owned(), reason.trim().to_owned()))
}
