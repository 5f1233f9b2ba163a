//! How a command of the suite ends when it does not do what was asked: one message, a `help:` line, an exit code.

use std::fmt;
use std::path::Path;

use carnet_harness::ExitCode;

/// Why a command stopped, in words for the person who called it.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: u8,
    what: String,
    help: Option<String>,
}

impl Failure {
    /// An end of its own kind.
    #[must_use]
    pub(crate) fn of(exit: ExitCode, what: impl fmt::Display) -> Self {
        Self { exit: exit.code(), what: what.to_string(), help: None }
    }

    /// Wrong arguments, a wrong file, a wrong key: nothing was run. Exit code 2.
    #[must_use]
    pub(crate) fn usage(what: impl fmt::Display) -> Self {
        Self { exit: 2, what: what.to_string(), help: None }
    }

    /// Something of ours went wrong. Exit code 4.
    #[must_use]
    pub(crate) fn ours(what: impl fmt::Display) -> Self {
        Self { exit: 4, what: what.to_string(), help: None }
    }

    /// The same with what to do about it.
    #[must_use]
    pub(crate) fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    /// A file that could not be read or written, named as the caller named it.
    #[must_use]
    pub(crate) fn file(doing: &str, path: &Path, error: &std::io::Error) -> Self {
        let failure = Self::usage(format_args!("cannot {doing} {}: {}", path.display(), reason(error)));
        match error.kind() {
            std::io::ErrorKind::NotFound => failure.help("check the path; it counts from the current folder"),
            std::io::ErrorKind::PermissionDenied => failure.help("check who may read and write there"),
            std::io::ErrorKind::StorageFull => Self { exit: 4, ..failure }.help("free some space and run it again"),
            std::io::ErrorKind::AlreadyExists | std::io::ErrorKind::NotADirectory => {
                failure.help("name a folder, or a path at which one can be made: a file is there")
            }
            std::io::ErrorKind::IsADirectory => failure.help("name a file: a folder is there"),
            _ => failure.help("name another path"),
        }
    }

    /// Standard output does not take what is printed. Exit code 4.
    #[must_use]
    pub(crate) fn stdout(error: &std::io::Error) -> Self {
        let failure = Self::ours(format_args!("cannot write to standard output: {}", reason(error)));
        failure.help("free some space where it goes, or send it elsewhere; what the command writes itself is written")
    }

    /// The exit code.
    #[must_use]
    pub(crate) fn exit(&self) -> u8 {
        self.exit
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.what)?;
        match &self.help {
            Some(help) => write!(f, "\nhelp: {help}"),
            None => Ok(()),
        }
    }
}

/// The system's words for an error, without its number.
fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    let plain = text.split(" (os error").next().unwrap_or(&text);
    let mut letters = plain.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}
