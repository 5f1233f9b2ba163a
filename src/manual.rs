//! Completion scripts and manual pages, made from the same definitions that parse the arguments.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Command;

/// The exit code of wrong arguments, and of a file that cannot be written.
pub(crate) const USAGE: u8 = 2;
/// The exit code where standard output takes nothing.
const OURS: u8 = 4;

/// Print a completion script for a shell.
#[derive(Debug, clap::Args)]
pub(crate) struct CompletionsArgs {
    /// The shell.
    shell: clap_complete::Shell,
}

/// Write the manual as pages for `man`, one for each command.
///
/// Read one with `man DIR/carnet-run.1`, or put the folder's pages where `manpath` looks.
#[derive(Debug, clap::Args)]
pub(crate) struct ManArgs {
    /// Folder to write, made when it is not there.
    dir: PathBuf,
}

/// Runs `carnet completions`.
pub(crate) fn completions(args: &CompletionsArgs, command: &mut Command) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, command, "carnet", &mut script);
    let mut out = io::stdout();
    printed(out.write_all(&script).and_then(|()| out.flush()), ExitCode::SUCCESS)
}

/// The exit code of what printed: its own, also where the reader went away; [`OURS`] where standard output takes nothing.
pub(crate) fn printed(written: io::Result<()>, exit: ExitCode) -> ExitCode {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            let told =
                format!("cannot write to standard output: {error}\nhelp: send it elsewhere, or free some space\n");
            // Where standard error takes nothing either, nobody can be told.
            let _ = clap::Error::raw(clap::error::ErrorKind::Io, told).print();
            ExitCode::from(OURS)
        }
        _ => exit,
    }
}

/// Runs `carnet man`.
pub(crate) fn pages(args: &ManArgs, command: Command) -> ExitCode {
    match write(&args.dir, command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            clap::Error::raw(
                clap::error::ErrorKind::Io,
                format!("cannot write {}: {error}\nhelp: name a folder, or one that can be made\n", args.dir.display()),
            )
            .print()
            .ok();
            ExitCode::from(USAGE)
        }
    }
}

fn write(dir: &Path, command: Command) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    // The tree's own help command says what the pages say.
    clap_mangen::generate_to(command.disable_help_subcommand(true), dir)
}
