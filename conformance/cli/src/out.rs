//! What commands print: the one way to standard output and to standard error.
//!
//! A reader that went away ends nothing: what a command does, it does to the end. Any other fault of standard output, such
//! as a full disk, is kept and told once when the command is done, so that evidence and reports are written all the same.

use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write};
use std::sync::OnceLock;

use crate::failure::Failure;

/// The first fault of standard output.
static FAULT: OnceLock<io::Error> = OnceLock::new();

/// Prints to standard output.
macro_rules! print {
    ($($what:tt)*) => { $crate::out::stdout(format_args!($($what)*)) };
}

/// Prints a line to standard output.
macro_rules! println {
    () => { $crate::out::stdout(format_args!("\n")) };
    ($($what:tt)*) => { $crate::out::stdout(format_args!("{}\n", format_args!($($what)*))) };
}

/// Prints a line to standard error.
macro_rules! eprintln {
    ($($what:tt)*) => { $crate::out::stderr(format_args!("{}\n", format_args!($($what)*))) };
}

pub(crate) use {eprintln, print, println};

/// Writes to standard output, until it takes no more.
pub(crate) fn stdout(what: Arguments<'_>) {
    if FAULT.get().is_none() {
        kept(anstream::stdout().write_fmt(what), &FAULT);
    }
}

/// Writes to standard error; where that takes nothing, nobody can be told.
pub(crate) fn stderr(what: Arguments<'_>) {
    let _ = anstream::stderr().write_fmt(what);
}

/// Sees to it that all that was printed arrived.
///
/// # Errors
/// It did not, and not for want of a reader.
pub(crate) fn arrived() -> Result<(), Failure> {
    if FAULT.get().is_none() {
        kept(io::stdout().flush(), &FAULT);
    }
    FAULT.get().map_or(Ok(()), |error| Err(Failure::stdout(error)))
}

fn kept(written: io::Result<()>, fault: &OnceLock<io::Error>) {
    if let Err(error) = written
        && error.kind() != ErrorKind::BrokenPipe
    {
        // Only the first counts.
        let _ = fault.set(error);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_went_away_is_no_fault_and_the_first_fault_stays() {
        let fault = OnceLock::new();
        for kind in [ErrorKind::BrokenPipe, ErrorKind::StorageFull, ErrorKind::BrokenPipe, ErrorKind::Other] {
            kept(Err(kind.into()), &fault);
        }
        assert_eq!(fault.get().unwrap().kind(), ErrorKind::StorageFull);
    }
}
