//! `carnet rerun`: the cases that did not pass in an earlier run, again, and what changed since.

use std::path::PathBuf;
use std::process::ExitCode;

use carnet_catalogue::Filters;
use carnet_catalogue::case::CaseId;
use carnet_harness::{Run, Verdict};

use crate::choice::Choice;
use crate::conduct::{self, Conduct};
use crate::diff;
use crate::failure::Failure;
use crate::out;
use crate::recorded;

/// Run again what did not pass in an earlier run, and show what changed.
///
/// Without `--failed` everything that was attempted runs again. The earlier run stays as it is; name another folder
/// with `--out`. The exit code is that of the new run.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder of the earlier run, or its run.json.
    dir: PathBuf,
    /// Only cases with a cell that did not pass: FAIL, WARN, INCONCLUSIVE, REVIEW, ERROR.
    #[arg(long)]
    failed: bool,
    #[command(flatten)]
    choice: Choice,
    #[command(flatten)]
    conduct: Conduct,
}

/// Runs `carnet rerun`.
///
/// # Errors
/// As `carnet run`; no earlier run there, nothing in it that did not pass, a case that is no longer there.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let before = recorded::run(&args.dir, None)?;
    let wanted = wanted(&before, args.failed);
    if wanted.is_empty() {
        out::println!("every case of {} that was attempted passed: nothing to run again", args.dir.display());
        return Ok(ExitCode::SUCCESS);
    }
    let catalogue = args.choice.catalogue()?;
    if let Some(gone) = wanted.iter().find(|id| !catalogue.cases.contains_key(id)) {
        return Err(Failure::usage(format_args!("{} ran {gone}, which is no longer a case", args.dir.display()))
            .help("name the folder of its own cases with --cases, or run the suite anew"));
    }
    let only = Filters::ids(wanted.iter().map(CaseId::as_str));
    let options = args.choice.options(catalogue, only, recorded::seed(&args.dir))?;
    let (mut after, exit) = conduct::carry_out(options, args.choice.max_messages, &args.conduct)?;
    let mut before = before;
    for run in [&mut before, &mut after] {
        run.cells.retain(|cell| wanted.contains(&cell.case));
    }
    out::println!("\nA is the earlier run, B this one:");
    diff::show(&before, &after, true);
    Ok(exit)
}

fn wanted(before: &Run, failed: bool) -> Vec<CaseId> {
    let again = |verdict: Verdict| verdict.attempted() && (!failed || verdict != Verdict::Pass);
    let mut wanted: Vec<CaseId> =
        before.cells.iter().filter(|cell| again(cell.verdict)).map(|cell| cell.case.clone()).collect();
    wanted.dedup();
    wanted
}
