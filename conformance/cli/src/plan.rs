//! `carnet plan`: what a run would do, as arithmetic, before anything is sent.

use std::process::ExitCode;
use std::time::Duration;

use carnet_harness::plan::{self, Estimate, Plan};
use carnet_harness::{ExitCode as Exit, RunOptions};

use crate::choice::Filtered;
use crate::failure::Failure;
use crate::out;

/// Show what a run would do: which cases, what is left out and why, what is sent, how long it can take at most.
///
/// Takes the same filters and bounds as `carnet run`, and sends nothing. Exit code 0: there is something to run;
/// 2: it could send more than `--max-messages`; 3: nothing would be attempted.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    filtered: Filtered,
    /// Name every case, not only those that are left out.
    #[arg(long)]
    verbose: bool,
}

/// Runs `carnet plan`.
///
/// # Errors
/// Wrong files or filters.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let options = args.filtered.options()?;
    let (plan, estimate) = of(&options);
    if args.verbose {
        for cell in plan.cells.iter().filter(|cell| cell.excluded.is_none()) {
            out::println!("  {}", cell.name());
        }
    }
    out::print!("{}", excluded(&estimate));
    out::print!("{}", arithmetic(&options, &estimate));
    out::print!("{}", wanting(&estimate));
    bounded(&estimate, args.filtered.choice.max_messages)?;
    Ok(ExitCode::from(if estimate.attempted == 0 { Exit::Undecided } else { Exit::Conforms }.code()))
}

/// The plan and its sums.
pub(crate) fn of(options: &RunOptions) -> (Plan, Estimate) {
    let plan = plan::plan(&options.catalogue, &options.setup, &options.selection);
    let estimate = plan::estimate(options, &plan);
    (plan, estimate)
}

/// Sees to it that a run needs no more than it may.
///
/// # Errors
/// It could: exit 2, with what to do.
pub(crate) fn bounded(estimate: &Estimate, most: usize) -> Result<(), Failure> {
    if estimate.most <= most {
        return Ok(());
    }
    Err(Failure::usage(format_args!("up to {} messages and connections, more than {most}", estimate.most))
        .help("choose fewer cases, or raise --max-messages"))
}

/// What is left out, by reason.
fn excluded(estimate: &Estimate) -> String {
    let mut text = String::new();
    for ((verdict, reason), cells) in &estimate.excluded {
        text += &format!("{} {verdict}: {reason}\n", cells.len());
        text.extend(cells.iter().map(|cell| format!("  {cell}\n")));
    }
    text
}

/// What will be sent, to whom, and for how long.
pub(crate) fn arithmetic(options: &RunOptions, estimate: &Estimate) -> String {
    let setup = &options.setup;
    let left_out = estimate.planned - estimate.attempted;
    let mut text = format!("{} planned = {} attempted + {left_out} excluded\n", estimate.planned, estimate.attempted);
    text += &format!(
        "to {} (party {}) as {}, in {} executions:\n{:>5} messages of the suite\n",
        setup.subject.url,
        setup.subject.party.id,
        setup.subject.suite.party.id,
        estimate.executions,
        estimate.sent(),
    );
    for (what, times) in &estimate.messages {
        text += &format!("  {times:>5}  {what}\n");
    }
    text += &format!("{:>5} connections of the suite without a message\n", estimate.connections);
    text += &format!("{:>5} messages that the subject is made to send\n", estimate.prompted);
    let rate = options.rate.map_or_else(String::new, |rate| format!(", {rate} a second"));
    text += &format!(
        "at most {} messages and connections if everything fails and is repeated{rate}; at most {}; seed {}\n",
        estimate.most,
        span(options.longest.map_or(estimate.longest, |longest| longest.min(estimate.longest))),
        options.seed
    );
    if estimate.asked > 0 {
        text += &format!("a person at the terminal will be asked to act {} times\n", estimate.asked);
    }
    text
}

/// What would let more cases run.
pub(crate) fn wanting(estimate: &Estimate) -> String {
    let mut text = String::new();
    for (means, cells) in &estimate.means {
        text += &format!("{} cells could not run for want of {}\n", cells.len(), means.describe());
    }
    text
}

/// Hours, minutes and seconds.
fn span(length: Duration) -> String {
    let seconds = length.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}
