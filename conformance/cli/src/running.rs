//! Carrying a run out: progress on the terminal while it works, the verdict when it is done.

use std::fs;
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;

use carnet_harness::evidence::Purpose;
use carnet_harness::{Event, ExitCode, Run, RunError, RunOptions, Verdict};
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
    run.map_err(|error| match error {
        RunError::Listen { .. } | RunError::Evidence { .. } => Failure::usage(error),
        other => Failure::ours(other),
    })
}

/// Makes room for a run in `dir`: what an earlier run wrote there is removed, anything else stays.
///
/// # Errors
/// A file that cannot be removed.
pub(crate) fn clear(dir: &Path) -> Result<(), Failure> {
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
