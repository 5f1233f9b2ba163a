//! Carrying a run out: progress on the terminal while it works, the verdict when it is done.

use std::fs;
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;

use carnet_harness::doctor;
use carnet_harness::evidence::Purpose;
use carnet_harness::{Event, ExitCode, Run, RunError, RunOptions, Setup, Verdict};
use carnet_report::FORMATS;
use carnet_report::terminal::{self, Detail};

use crate::desk::Desk;
use crate::failure::Failure;
use crate::out;

/// Runs the suite, showing progress; blocks.
///
/// # Errors
/// When the run cannot be carried out: a port, the disk.
pub(crate) fn execute(options: &RunOptions) -> Result<Run, Failure> {
    let mut progress = Progress::default();
    let run = carnet_harness::run(options, &mut |event| progress.show(event));
    progress.clear();
    run.map_err(failure)
}

/// Whose fault it is that a run, the doctor or load could not be carried out: an address that is taken is the user's.
pub(crate) fn failure(error: RunError) -> Failure {
    match error {
        RunError::Listen { .. } | RunError::Lists { .. } => Failure::usage(error),
        RunError::Evidence { path, source } => Failure::file("write the evidence to", &path, &source),
        RunError::Holes { what, path } => holes(&what, &path),
        other => Failure::ours(other),
    }
}

/// Why a run ended whose evidence in `dir` could not be written on, and what is left of it.
fn holes(what: &str, dir: &Path) -> Failure {
    // Without the run's first event there is nothing to judge.
    let begun = fs::metadata(dir.join("events.jsonl")).is_ok_and(|events| events.len() > 0);
    let left = format!("; `carnet judge {}` reads what was captured until then", dir.display());
    Failure::ours(what).help(format!("free some space and run again{}", if begun { left.as_str() } else { "" }))
}

/// Refuses a run that would fail by what is ours, before a folder is touched and anything is sent.
///
/// # Errors
/// What is wrong, and what to change.
pub(crate) fn ours_first(setup: &Setup) -> Result<(), Failure> {
    doctor::before_a_run(setup).map_err(|broken| Failure::usage(broken.cause).help(broken.fix))
}

/// Makes room for a run in `dir`, which is made where it is not there: what an earlier run wrote there is removed, anything
/// else stays.
///
/// # Errors
/// A folder that cannot be made, a file that cannot be removed.
pub(crate) fn clear(dir: &Path) -> Result<(), Failure> {
    fs::create_dir_all(dir).map_err(|error| Failure::file("make the folder", dir, &error))?;
    for name in std::iter::once("events.jsonl").chain(FORMATS.iter().map(|format| format.file)) {
        let path = dir.join(name);
        if path.exists() {
            fs::remove_file(&path).map_err(|error| Failure::file("replace", &path, &error))?;
        }
    }
    let blobs = dir.join("blobs");
    if blobs.exists() {
        fs::remove_dir_all(&blobs).map_err(|error| Failure::file("replace", &blobs, &error))?;
    }
    Ok(())
}

/// Prints the run and gives the exit code it means.
pub(crate) fn conclude(run: &Run, verbose: bool, strict: bool) -> ExitCode {
    let detail = if verbose { Detail::Full } else { Detail::Short };
    out::print!("\n{}", terminal::render(run, detail));
    run.exit(strict)
}

/// A line that changes on a terminal; elsewhere a line now and then.
#[derive(Debug, Default)]
struct Progress {
    planned: usize,
    ended: usize,
    bad: usize,
    shown: bool,
    desk: Desk,
}

impl Progress {
    const EVERY: usize = 20;

    fn show(&mut self, event: Event) {
        match event {
            Event::Planned(plan) => {
                self.planned = plan.cells.iter().filter(|cell| cell.excluded.is_none()).count();
                out::println!("{} cells to run, {} left out", self.planned, plan.cells.len() - self.planned);
            }
            Event::Publishing(address) => out::println!("the suite's publisher listens on {address}"),
            Event::PublishingLists(address) => {
                out::println!("the revocation lists of the suite's test CA are at {address}");
            }
            Event::Listening(address) => out::println!("the suite's endpoint listens on {address}"),
            Event::Began { scope, .. } => self.line(&scope.case),
            Event::Ended { scope, purpose, judged } if purpose != Purpose::Control => {
                if purpose == Purpose::Case {
                    self.ended += 1;
                }
                if !matches!(judged.verdict, Verdict::Pass | Verdict::NotApplicable | Verdict::Skipped) {
                    self.bad += 1;
                    self.clear();
                    out::println!("{}{}", terminal::verdict(judged.verdict), scope.case);
                }
                self.line(&scope.case);
                if !std::io::stdout().is_terminal()
                    && purpose == Purpose::Case
                    && self.ended.is_multiple_of(Self::EVERY)
                {
                    out::println!("{} of {} done", self.ended, self.planned);
                }
            }
            Event::Prompt(prompt) => {
                self.clear();
                self.desk.ask(prompt);
            }
            Event::Ended { .. } | Event::Finished(_) => {}
        }
    }

    fn line(&mut self, case: &str) {
        if std::io::stdout().is_terminal() {
            self.shown = true;
            out::print!("\r\x1b[2K{}/{}  {case}", self.ended, self.planned);
            // A terminal that takes no more lines will say so at the next full one.
            let _ = std::io::stdout().flush();
        }
    }

    fn clear(&mut self) {
        if self.shown {
            self.shown = false;
            out::print!("\r\x1b[2K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_a_run_is_promised_only_where_something_is() {
        let dir = tempfile::tempdir().unwrap();
        let events = dir.path().join("events.jsonl");
        fs::write(&events, "").unwrap();
        let nothing = holes("events.jsonl could not be written", dir.path());
        assert_eq!(nothing.exit(), 4);
        assert!(nothing.to_string().ends_with("\nhelp: free some space and run again"), "{nothing}");
        fs::write(&events, "{}\n").unwrap();
        assert!(holes("x", dir.path()).to_string().contains("carnet judge"));
    }
}
