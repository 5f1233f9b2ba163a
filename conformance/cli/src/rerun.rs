//! `carnet rerun`: the cases that did not pass in an earlier run, again, and what changed since.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use carnet_catalogue::Filters;
use carnet_catalogue::case::CaseId;
use carnet_harness::evidence::Evidence;
use carnet_harness::judge::LedgerFinding;
use carnet_harness::{Run, Verdict};

use crate::choice::Choice;
use crate::conduct::{self, Conduct};
use crate::diff;
use crate::failure::Failure;
use crate::ledger;
use crate::out;
use crate::recorded;

/// Run again what did not pass in an earlier run, and show what changed.
///
/// Without `--failed` everything that was attempted runs again. The earlier run stays as it is; name another folder
/// with `--out`. The exit code is that of the new run; 2 where the earlier run's ledger found something that belongs to no
/// case, and nothing else is to run again.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder of the earlier run, or its run.json.
    dir: PathBuf,
    /// Only cases with a cell that did not pass (FAIL, WARN, INCONCLUSIVE, REVIEW, ERROR), and those with a message that
    /// the ledger found not to add up.
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
    // A run.json by itself has neither the seed nor the events.
    let evidence = Evidence::open(&args.dir).ok();
    let mut wanted = wanted(&before, args.failed);
    if args.failed {
        let (cases, of_none) = match &evidence {
            Some(evidence) => ledger::cases(&before, evidence),
            None => (BTreeSet::new(), ledger::findings(&before).iter().collect()),
        };
        wanted.extend(cases);
        left(&args.dir, &of_none, wanted.is_empty(), evidence.is_some())?;
    }
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
    let options = args.choice.options(catalogue, only, evidence.map(|evidence| evidence.start.seed))?;
    let (mut after, exit) = conduct::carry_out(options, args.choice.max_messages, &args.conduct)?;
    let mut before = before;
    for run in [&mut before, &mut after] {
        run.cells.retain(|cell| wanted.contains(&cell.case));
    }
    out::println!("\nA is the earlier run, B this one:");
    diff::show(&before, &after, true);
    Ok(exit)
}

/// The cases to run again for what came of their cells.
fn wanted(before: &Run, failed: bool) -> BTreeSet<CaseId> {
    let again = |verdict: Verdict| verdict.attempted() && (!failed || verdict != Verdict::Pass);
    before.cells.iter().filter(|cell| again(cell.verdict)).map(|cell| cell.case.clone()).collect()
}

/// Says what the ledger found that no case can be run again for.
///
/// # Errors
/// Nothing else is to run again.
fn left(dir: &Path, findings: &[&LedgerFinding], alone: bool, folder: bool) -> Result<(), Failure> {
    if findings.is_empty() {
        return Ok(());
    }
    let lines: String = findings.iter().map(|found| format!("\n  {}", ledger::line(found))).collect();
    let none = if folder { "belongs to no case" } else { "cannot be told to belong to a case" };
    let told = format!("the ledger of {} found what {none}:{lines}", dir.display());
    if !alone {
        out::println!("{told}");
        return Ok(());
    }
    let whole = "run everything again, without --failed";
    Err(Failure::usage(format_args!("every case passed, but {told}")).help(if folder {
        whole.to_owned()
    } else {
        format!("name the folder of the run instead of its run.json, or {whole}")
    }))
}
