//! `carnet diff A B`: what differs between two runs, of one node at two times or of two nodes side by side.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use carnet_catalogue::matrix;
use carnet_harness::judge::run::CellResult;
use carnet_harness::{ExitCode as Exit, Run, Verdict};
use carnet_report::terminal;

use crate::failure::Failure;
use crate::ledger;
use crate::out;
use crate::recorded;

/// Show what differs between two runs: one node before and after a change, or two nodes before a cut-over.
///
/// Each of A and B is the folder of a run, which is judged again, or a run.json. Two cells differ when their verdicts
/// do, or when they fail in another way; two ledgers differ when one has more messages of a kind that do not add up.
/// Exit code 0: nothing differs; 1: something does.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The first run.
    a: PathBuf,
    /// The second run.
    b: PathBuf,
    /// Show cells that are alike, too.
    #[arg(long)]
    all: bool,
}

/// Runs `carnet diff`.
///
/// # Errors
/// Either is no run, or its evidence does not verify.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let (a, b) = (recorded::run(&args.a, None)?, recorded::run(&args.b, None)?);
    let differ = show(&a, &b, args.all);
    Ok(ExitCode::from(if differ { Exit::Fails } else { Exit::Conforms }.code()))
}

/// Prints the comparison; whether anything differs.
pub(crate) fn show(a: &Run, b: &Run, all: bool) -> bool {
    for (letter, run) in [("A", a), ("B", b)] {
        let subject = &run.subject;
        let product = format!("{} {}", subject.product, subject.version);
        let lock = run.suite.judged_with.as_ref().unwrap_or(&run.suite.lock);
        let lock = lock.get(..12).unwrap_or(lock);
        out::println!("{letter}  {} ({}), suite lock {lock}: {}", subject.name, product.trim_end(), run.verdict);
    }
    if a.suite.lock != b.suite.lock {
        out::println!("note: the two were captured with different cases");
    }
    let cells = paired(a, b);
    let (mut differing, mut alike) = (0, 0);
    out::println!();
    for ((case, cell), (left, right)) in &cells {
        let same = same(*left, *right);
        if same {
            alike += 1;
            if !all {
                continue;
            }
        } else {
            differing += 1;
        }
        let name = matrix::full_name(case, cell);
        out::println!("{}{}{name}", word(*left), word(*right));
        if !same {
            details("A", *left);
            details("B", *right);
        }
    }
    out::println!("{} cells = {alike} alike + {differing} different", cells.len());
    let ledgers_differ = show_ledgers(a, b, all);
    differing > 0 || ledgers_differ
}

/// Prints what the ledgers found; whether they differ in that.
fn show_ledgers(a: &Run, b: &Run, all: bool) -> bool {
    let kinds = ledger::kinds(a, b);
    let mut differing = 0;
    for (what, kind) in &kinds {
        let same = kind.a.len() == kind.b.len();
        differing += usize::from(!same);
        if !same || all {
            out::println!("ledger: {what}");
            for (letter, messages) in [("A", &kind.a), ("B", &kind.b)] {
                let ids = if messages.is_empty() { "none".to_owned() } else { messages.join(", ") };
                out::println!("  {letter}  {} messages: {ids}", messages.len());
            }
        }
    }
    if !kinds.is_empty() {
        let alike = kinds.len() - differing;
        out::println!("{} findings of the ledgers = {alike} alike + {differing} different", kinds.len());
    }
    differing > 0
}

type Pair<'a> = (Option<&'a CellResult>, Option<&'a CellResult>);

fn paired<'a>(a: &'a Run, b: &'a Run) -> BTreeMap<(&'a str, &'a str), Pair<'a>> {
    let mut cells: BTreeMap<(&str, &str), Pair<'_>> = BTreeMap::new();
    for cell in &a.cells {
        cells.entry((cell.case.as_str(), &cell.cell)).or_default().0 = Some(cell);
    }
    for cell in &b.cells {
        cells.entry((cell.case.as_str(), &cell.cell)).or_default().1 = Some(cell);
    }
    cells
}

/// The same verdict, and the same failure where it is one.
fn same(a: Option<&CellResult>, b: Option<&CellResult>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.verdict == b.verdict && a.signature == b.signature,
        _ => false,
    }
}

fn word(cell: Option<&CellResult>) -> String {
    cell.map_or_else(|| format!("{:<14}", "-"), |cell| terminal::verdict(cell.verdict))
}

fn details(letter: &str, cell: Option<&CellResult>) {
    let Some(cell) = cell else { return };
    for finding in &cell.findings {
        out::println!("  {letter}  {} {}: {}", finding.requirement, finding.level, finding.actual);
    }
    let told = !matches!(cell.verdict, Verdict::Pass | Verdict::Warn | Verdict::Fail);
    if let Some(reason) = cell.reason.as_ref().filter(|_| told) {
        out::println!("  {letter}  {reason}");
    }
}
