//! The program `carnet`: arguments and dispatch, nothing else.
//!
//! `carnet node` is the reference node (feature `node`); every other command belongs to the conformance
//! suite (feature `suite`). Each half parses and runs its own arguments; neither links the other's code. What tells a
//! shell or a reader about all of them is `manual`'s.

mod manual;

use std::process::ExitCode;

use clap::error::ErrorKind;
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
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return refused(&error),
    };
    match arguments.command {
        #[cfg(feature = "node")]
        Command::Node(arguments) => carnet_node::run(arguments),
        #[cfg(feature = "suite")]
        Command::Suite(command) => carnet_cli::run(*command),
        Command::Completions(arguments) => manual::completions(&arguments, &mut Arguments::command()),
        Command::Man(arguments) => manual::pages(&arguments, Arguments::command()),
    }
}

/// Prints what is wrong with the arguments, with the `help:` line that every error of the program has.
fn refused(error: &clap::Error) -> ExitCode {
    let whole =
        [ErrorKind::DisplayHelp, ErrorKind::DisplayVersion, ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand];
    let printed = if whole.contains(&error.kind()) { error.print() } else { with_help(error).print() };
    let exit = ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(manual::USAGE));
    if error.use_stderr() { exit } else { manual::printed(printed, exit) }
}

/// The parser's tip as our help; without a tip, where help is to be had.
fn with_help(error: &clap::Error) -> clap::Error {
    let told = error.to_string();
    let kept = told.trim_start_matches("error: ").lines().filter(|line| !line.starts_with("For more information, try"));
    let mut text: String = kept.map(|line| line.replacen("  tip: ", "help: ", 1) + "\n").collect();
    text.truncate(text.trim_end().len());
    if !text.contains("\nhelp: ") {
        text += &format!("\nhelp: `{} --help` says what it takes", command(error.kind()));
    }
    clap::Error::raw(error.kind(), text + "\n")
}

/// The command that was meant, as far as it was named rightly.
fn command(wrong: ErrorKind) -> String {
    let named = std::env::args().nth(1).filter(|word| wrong != ErrorKind::InvalidSubcommand && !word.starts_with('-'));
    named.map_or_else(|| "carnet".to_owned(), |name| format!("carnet {name}"))
}
