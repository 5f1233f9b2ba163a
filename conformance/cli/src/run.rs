//! `carnet run`: the suite against a subject.

use std::process::ExitCode;

use crate::choice::Filtered;
use crate::conduct::{self, Conduct};
use crate::failure::Failure;

/// Run the suite against a node, capture the evidence, judge it, write the reports.
///
/// What will be sent is printed before anything is. On a terminal the run then asks whether to go on; with `--yes`, or
/// where no terminal is, it goes on, but never beyond `--safety test-data` without `--yes`. A case that fails is
/// executed again and shown as 1/2: nothing is ever retried until it passes.
///
/// Exit code 0: the subject conforms to what was attempted; 1: a MUST is broken, or the baseline is stale or expired;
/// 2: a file or flag is wrong and nothing was sent; 3: not decided; 4: an error of the suite's own, or nothing was
/// attempted; 130: interrupted.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    filtered: Filtered,
    #[command(flatten)]
    conduct: Conduct,
}

/// Runs `carnet run`.
///
/// # Errors
/// Wrong files or filters, before anything is sent; a port or a disk that cannot be had.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let options = args.filtered.options()?;
    conduct::carry_out(options, args.filtered.choice.max_messages, &args.conduct).map(|(_, exit)| exit)
}
