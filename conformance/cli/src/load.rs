//! `carnet load`: many messages at once, with the judge on.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use carnet_catalogue::Span;
use carnet_fixtures::Packs;
use carnet_harness::load::{self, Load, Loaded};
use carnet_harness::{ExitCode as Exit, Setup, Verdict};

use crate::choice::{length, patience};
use crate::failure::Failure;
use crate::out;
use crate::running;
use crate::stop;

/// Send the sample document many times at once, verify every receipt, show rates and times.
///
/// Each message has its own id, its own reference number and its own connection; its receipt must refer to it, be
/// signed and carry its digests, as in any case. The load ends with the count or with the time, whichever comes first.
/// Exit code 0: every message was receipted well; 1: one was not; 3: the subject could not be reached; 4: none was sent.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The node under test, see docs/test-your-node.md.
    #[arg(long, value_name = "FILE")]
    subject: PathBuf,
    /// Messages in all: 1 to 1000000.
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    count: u32,
    /// Begin no message after this long.
    #[arg(long, value_name = "SPAN", default_value = "60s", value_parser = length)]
    max_time: Span,
    /// Messages under way at once: 1 to 256.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: u16,
    /// The most messages a second: 1 to 10000. Without it, as fast as they go.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: Option<u32>,
    /// Multiply every waiting time, for a slow subject: 0.1 to 100.
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = patience)]
    patience: f64,
    /// A pack of your own; repeatable.
    #[arg(long = "pack", value_name = "DIR")]
    packs: Vec<PathBuf>,
}

/// Runs `carnet load`.
///
/// # Errors
/// Wrong files, before anything is sent; a port that cannot be had.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let packs = Packs::with_dirs(&args.packs).map_err(Failure::usage)?;
    let setup = Arc::new(Setup::load_with(&args.subject, packs).map_err(Failure::usage)?);
    if setup.sample.is_none() {
        return Err(Failure::usage(format_args!("{} has no [sample] to send", args.subject.display()))
            .help("name a document of your own under [sample], or a pack and a message"));
    }
    running::ours_first(&setup)?;
    let load = Load {
        count: args.count,
        longest: args.max_time.0,
        jobs: usize::from(args.jobs),
        rate: args.rate,
        patience: args.patience,
        stop: stop::on_interrupt()?,
    };
    let rate = args.rate.map_or_else(String::new, |rate| format!(", at most {rate} a second"));
    out::println!(
        "to {} (party {}) as {}: up to {} messages, {} at once{rate}, for at most {}",
        setup.subject.url,
        setup.subject.party.id,
        setup.subject.suite.party.id,
        args.count,
        args.jobs,
        args.max_time
    );
    let on_terminal = std::io::stdout().is_terminal();
    let told = |done: usize| {
        if on_terminal {
            out::print!("\r\x1b[2K{done} of {}", args.count);
            // A terminal that takes no more lines will say so at the next full one.
            let _ = std::io::stdout().flush();
        }
    };
    let loaded = load::load(&setup, &load, &told).map_err(running::failure)?;
    if on_terminal {
        out::print!("\r\x1b[2K");
    }
    out::print!("{}", report(&loaded));
    let exit = if stop::was_interrupted(&load.stop) {
        Exit::Interrupted
    } else {
        Exit::of(loaded.verdict.unwrap_or(Verdict::Error), false)
    };
    Ok(ExitCode::from(exit.code()))
}

fn report(loaded: &Loaded) -> String {
    let seconds = loaded.took.as_secs_f64();
    let verdicts: Vec<String> = loaded.verdicts.iter().map(|(verdict, times)| format!("{times} {verdict}")).collect();
    let mut text = format!("{} messages = {}\n", loaded.attempted(), verdicts.join(" + "));
    let passed = loaded.times.len();
    text += &format!("{seconds:.1} s, {:.1} well receipted a second\n", rate(passed, loaded.took));
    if passed > 0 {
        let at = |per_mille| loaded.percentile(per_mille).map(milliseconds).unwrap_or_default();
        text += &format!(
            "answered within, ms: p50 {}, p90 {}, p99 {}, longest {} (connection up to receipt read)\n",
            at(500),
            at(900),
            at(990),
            at(1000)
        );
    }
    for (what, times) in &loaded.findings {
        text += &format!("  {times} times: {what}\n");
    }
    text += &format!("verdict: {}\n", loaded.verdict.unwrap_or(Verdict::Error));
    text
}

fn rate(messages: usize, took: Duration) -> f64 {
    let messages = u32::try_from(messages).map_or(f64::MAX, f64::from);
    if took.is_zero() { 0.0 } else { messages / took.as_secs_f64() }
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1000.0)
}
