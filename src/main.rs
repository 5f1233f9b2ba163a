//! The program `carnet`: arguments and dispatch, nothing else.
//!
//! `carnet node` is the reference node (feature `node`); every other command belongs to the conformance
//! suite (feature `suite`). Each half parses and runs its own arguments; neither links the other's code. What tells a
//! shell or a reader about all of them is `manual`'s.

mod manual;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

/// A reference exchange node and a conformance suite for customs-to-customs data sharing over AS4.
///
/// Start with `carnet demo`: it needs no configuration, runs two nodes on this machine, exchanges a real
/// customs declaration between them and runs the suite against one of them.
#[derive(Parser)]
#[command(name = "carnet", version, propagate_version = true, max_term_width = 100)]
#[command(after_help = EXIT_CODES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a reference node until it is told to stop.
    #[cfg(feature = "node")]
    Node(carnet_node::Args),
    #[cfg(feature = "suite")]
    #[command(flatten)]
    Suite(Box<carnet_cli::Command>),
    /// Print a completion script for a shell: `carnet completions bash > /etc/bash_completion.d/carnet`.
    Completions(manual::CompletionsArgs),
    /// Write the manual as pages for `man`, one for each command.
    Man(manual::ManArgs),
}

/// The exit codes are part of the interface: pipelines decide by them.
const EXIT_CODES: &str = "\
Exit codes:
  0    the subject conforms, or the command did what was asked
  1    a requirement is broken, or a document is invalid
  2    usage or configuration: nothing was run
  3    not decided: the subject could not be judged
  4    an error of Carnet's own
  5    evidence does not verify
  130  interrupted";

fn main() -> ExitCode {
    match Arguments::parse().command {
        #[cfg(feature = "node")]
        Command::Node(arguments) => carnet_node::run(arguments),
        #[cfg(feature = "suite")]
        Command::Suite(command) => carnet_cli::run(*command),
        Command::Completions(arguments) => manual::completions(&arguments, &mut Arguments::command()),
        Command::Man(arguments) => manual::pages(&arguments, Arguments::command()),
    }
}
