//! `carnet judge DIR`: the verdicts of a captured run, again, from nothing but its evidence.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use carnet_report::Format;

use crate::failure::Failure;
use crate::recorded;
use crate::reports;
use crate::running;

/// Judge a captured run again: same evidence, same verdicts, byte for byte.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder with events.jsonl and blobs.
    dir: PathBuf,
    /// Judge with these cases instead of those that were captured with it; the result says so.
    #[arg(long, value_name = "DIR")]
    cases: Option<PathBuf>,
    /// Write the result as run.json to this file.
    #[arg(long, value_name = "FILE")]
    run_json: Option<PathBuf>,
    /// Write these reports: html, summary, statement-page, statement, coverage, json, junit, tap, sarif, trl.
    #[arg(long = "report", value_name = "LIST", value_delimiter = ',', value_parser = reports::named)]
    reports: Vec<&'static Format>,
    /// Folder for the reports; without it, the folder of the evidence.
    #[arg(long, value_name = "DIR", requires = "reports")]
    out: Option<PathBuf>,
    /// A broken SHOULD changes the exit code, too.
    #[arg(long)]
    strict: bool,
    /// Show every case, not only those that did not pass.
    #[arg(long)]
    verbose: bool,
}

/// Runs `carnet judge`.
///
/// # Errors
/// A folder without evidence, a file that cannot be written.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    recorded::evidence(&args.dir)?;
    let run = recorded::run(&args.dir, args.cases.as_deref())?;
    if let Some(path) = &args.run_json {
        fs::write(path, run.to_json()).map_err(|error| Failure::file("write", path, &error))?;
    }
    if !args.reports.is_empty() {
        let out = args.out.as_deref().unwrap_or(&args.dir);
        fs::create_dir_all(out).map_err(|error| Failure::file("make", out, &error))?;
        reports::write(&run, &args.dir, out, &args.reports)?;
    }
    Ok(ExitCode::from(running::conclude(&run, args.verbose, args.strict).code()))
}
