//! The suite's commands: arguments in, exit code out.
//!
//! Each command has a module of its own. What they do is done elsewhere: running and judging in `carnet-harness`,
//! documents in `carnet-fixtures`, certificates in `carnet-certs`, reports in `carnet-report`.

mod catalogue;
mod certs;
mod demo;
mod doctor;
mod explain;
mod failure;
mod files;
mod judge;
mod kit;
mod list;
mod reports;
mod run;
mod running;
mod selftest;
mod stop;
mod validate;
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
    /// Find out why nothing works yet: the first thing that breaks between suite and node, its cause and the fix.
    Doctor(doctor::Args),
    /// Judge a captured run again: same evidence, same verdicts, byte for byte.
    Judge(judge::Args),
    /// List the cases of the suite.
    List(list::Args),
    /// Explain one case: requirement and clause, steps, accepted outcomes, how to fix a node that fails it.
    Explain(explain::Args),
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
        Command::Doctor(args) => doctor::run(&args),
        Command::Judge(args) => judge::run(&args),
        Command::List(args) => list::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Kit(args) => kit::run(&args),
        Command::Validate(args) => validate::run(&args),
        Command::Selftest(args) => selftest::run(&args),
        Command::Certs(args) => certs::run(&args),
        Command::Zoo(args) => zoo::run(&args),
    };
    match done {
        Ok(exit) => exit,
        Err(failure) => {
            anstream::eprintln!("error: {failure}");
            ExitCode::from(failure.exit())
        }
    }
}
