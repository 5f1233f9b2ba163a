//! The suite's commands: arguments in, exit code out.
//!
//! Each command has a module of its own. What they do is done elsewhere: running and judging in `carnet-harness`,
//! documents in `carnet-fixtures`, certificates in `carnet-certs`, reports in `carnet-report`.

mod catalogue;
mod certs;
mod choice;
mod conduct;
mod coverage;
mod demo;
mod desk;
mod diff;
mod doctor;
mod explain;
mod failure;
mod ics;
mod judge;
mod kit;
mod ledger;
mod list;
mod load;
mod out;
mod plan;
mod recorded;
mod reports;
mod rerun;
mod run;
mod running;
mod seal;
mod selftest;
mod stop;
mod validate;
mod watch;
mod zoo;

use std::process::ExitCode;

use clap::Subcommand;

/// The commands of the conformance suite.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show it all: two nodes, a real declaration between them, the suite against one of them.
    Demo(demo::Args),
    /// Run the suite against a node, capture the evidence, judge it, write the reports.
    Run(run::Args),
    /// Show what a run would do: which cases, what is left out and why, what is sent, how long it can take at most.
    Plan(plan::Args),
    /// Run again what did not pass in an earlier run, and show what changed.
    Rerun(rerun::Args),
    /// Watch a run as it is captured, or see a recorded one go by.
    Watch(watch::Args),
    /// Send the sample document many times at once, verify every receipt, show rates and times.
    Load(load::Args),
    /// Find out why nothing works yet: the first thing that breaks between suite and node, its cause and the fix.
    Doctor(doctor::Args),
    /// Judge a captured run again: same evidence, same verdicts, byte for byte.
    Judge(judge::Args),
    /// Show what differs between two runs: one node before and after a change, or two nodes before a cut-over.
    Diff(diff::Args),
    /// Show how many requirements are verified, by source and level, and name those that are not.
    Coverage(coverage::Args),
    /// Sign a folder of evidence with an Ed25519 key.
    Sign(seal::SignArgs),
    /// Verify signed evidence, offline: a folder, or the file that `carnet bundle` wrote.
    Verify(seal::VerifyArgs),
    /// Take bytes out of evidence, leaving their digest and a reason; a signature over the folder still holds.
    Redact(seal::RedactArgs),
    /// Write a folder of evidence into one file, the same bytes each time.
    Bundle(seal::BundleArgs),
    /// List the cases of the suite.
    List(list::Args),
    /// Explain one case: requirement and clause, steps, accepted outcomes, how to fix a node that fails it.
    Explain(explain::Args),
    /// Ask what a node does, and write it down as ics.toml: the statement that chooses the cases.
    Ics(ics::Args),
    /// Write what the operator of a node must install to talk to the suite, or to another node.
    Kit(kit::Args),
    /// Check one document against the pack that knows it.
    Validate(validate::Args),
    /// Try the suite on itself: a conformant node of its own, and nodes broken on purpose.
    Selftest(selftest::Args),
    /// Make test certificates.
    Certs(certs::Args),
    /// List, show or make the kinds of the certificate zoo: each has exactly one fault.
    Zoo(zoo::Args),
}

/// Runs a command; messages go to the terminal, the exit code says how it ended.
#[must_use]
pub fn run(command: Command) -> ExitCode {
    let done = match command {
        Command::Demo(args) => demo::run(&args),
        Command::Run(args) => run::run(&args),
        Command::Plan(args) => plan::run(&args),
        Command::Rerun(args) => rerun::run(&args),
        Command::Watch(args) => watch::run(&args),
        Command::Load(args) => load::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Judge(args) => judge::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Coverage(args) => coverage::run(&args),
        Command::Sign(args) => seal::sign(&args),
        Command::Verify(args) => seal::verify(&args),
        Command::Redact(args) => seal::redact(&args),
        Command::Bundle(args) => seal::pack(&args),
        Command::List(args) => list::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Ics(args) => ics::run(&args),
        Command::Kit(args) => kit::run(&args),
        Command::Validate(args) => validate::run(&args),
        Command::Selftest(args) => selftest::run(&args),
        Command::Certs(args) => certs::run(&args),
        Command::Zoo(args) => zoo::run(&args),
    };
    match done.and_then(|exit| out::arrived().map(|()| exit)) {
        Ok(exit) => exit,
        Err(failure) => {
            out::eprintln!("error: {failure}");
            ExitCode::from(failure.exit())
        }
    }
}
