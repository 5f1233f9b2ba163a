//! `carnet watch`: a run as it is captured, read from its evidence alone.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use carnet_catalogue::{Span, matrix};
use carnet_harness::evidence::{self, Event, Evidence, Follower, Kind};
use carnet_harness::judge::Judge;
use carnet_harness::plan::Plan;
use carnet_harness::{ExitCode as Exit, Verdict};
use carnet_report::terminal;

use crate::failure::Failure;
use crate::ledger;
use crate::out;
use crate::recorded;

/// Watch a run as it is captured, or see a recorded one go by.
///
/// Reads the folder that `carnet run --out` writes, from another terminal or another machine, and judges each
/// execution as it ends, and the messages of the whole run when it has finished; controls are considered only in the run's
/// own result. Ends with the run: exit code 0 when it finished, 3 when nothing came for `--patience`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder of the run.
    dir: PathBuf,
    /// Show what is there and end, instead of waiting for more.
    #[arg(long)]
    once: bool,
    /// End when nothing comes for this long.
    #[arg(long, value_name = "SPAN", default_value = "10m")]
    patience: Span,
}

/// Runs `carnet watch`.
///
/// # Errors
/// No evidence there, or it does not read.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    const PAUSE: Duration = Duration::from_millis(200);
    recorded::evidence(&args.dir)?;
    let mut follower = Follower::new(&args.dir);
    let mut view: Option<View> = None;
    let mut last = Instant::now();
    loop {
        let events = follower.more().map_err(unreadable)?;
        if !events.is_empty() {
            last = Instant::now();
        }
        for event in events {
            match &mut view {
                None => view = Some(View::begin(&follower, &event)?),
                Some(view) => view.take(&follower, event)?,
            }
        }
        let finished = view.as_ref().is_some_and(|view| view.finished);
        if finished || args.once || last.elapsed() >= args.patience.0 {
            if let Some(view) = &mut view {
                view.end(&args.dir)?;
            }
            return Ok(ExitCode::from(if finished || args.once { Exit::Conforms } else { Exit::Undecided }.code()));
        }
        thread::sleep(PAUSE);
    }
}

fn unreadable(error: evidence::EvidenceError) -> Failure {
    Failure::of(Exit::Evidence, format_args!("the evidence does not verify: {error}"))
}

/// What was seen so far.
struct View {
    judge: Judge,
    planned: usize,
    open: Vec<Event>,
    ended: usize,
    bad: usize,
    running: Vec<String>,
    finished: bool,
}

impl View {
    fn begin(follower: &Follower, first: &Event) -> Result<Self, Failure> {
        let begun = follower.begun(first).map_err(unreadable)?;
        let judge = Judge::new(&begun, None).map_err(unreadable)?;
        let plan: Plan = begun
            .text("plan", &begun.start.plan)
            .ok()
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default();
        let planned = plan.cells.iter().filter(|cell| cell.excluded.is_none()).count();
        out::println!("run {} since {}: {planned} cells to run", begun.start.run, first.at);
        Ok(Self { judge, planned, open: Vec::new(), ended: 0, bad: 0, running: Vec::new(), finished: false })
    }

    fn take(&mut self, follower: &Follower, event: Event) -> Result<(), Failure> {
        let case = event.scope.as_ref().map(|scope| scope.case.clone());
        match (&event.kind, case) {
            (Kind::Finished, _) => self.finished = true,
            (Kind::Begin { .. }, Some(case)) => self.running.push(case),
            (Kind::End, Some(case)) => {
                if let Some(at) = self.running.iter().position(|running| *running == case) {
                    self.running.remove(at);
                }
            }
            _ => {}
        }
        self.open.push(event);
        for (scope, events) in evidence::ended(&mut self.open) {
            let blobs = follower.blobs(&events).map_err(unreadable)?;
            let Some(judged) =
                self.judge.attempt(&events, &|blob| blobs.get(&blob.sha256).cloned().unwrap_or_default())
            else {
                continue;
            };
            self.ended += 1;
            self.bad += usize::from(judged.verdict != Verdict::Pass);
            self.clear();
            let name = matrix::full_name(&scope.case, &scope.cell);
            out::println!("{}{name}", terminal::verdict(judged.verdict));
            for finding in &judged.findings {
                out::println!("  {} {}: {}", finding.requirement, finding.level, finding.actual);
            }
        }
        self.status();
        Ok(())
    }

    fn status(&self) {
        if std::io::stdout().is_terminal() {
            let running = self.running.first().map_or("", String::as_str);
            let more = self.running.len().saturating_sub(1);
            out::print!(
                "\r\x1b[2K{} executions of {} cells ended, {} not passed; {running} (+{more})",
                self.ended,
                self.planned,
                self.bad
            );
            // A terminal that takes no more will say so at the next full line.
            let _ = std::io::stdout().flush();
        }
    }

    fn clear(&self) {
        if std::io::stdout().is_terminal() {
            out::print!("\r\x1b[2K");
        }
    }

    /// Says how it ended. What becomes of messages is known only when a run has listed its deliveries, at its end.
    fn end(&mut self, dir: &Path) -> Result<(), Failure> {
        self.clear();
        let (ended, planned, bad) = (self.ended, self.planned, self.bad);
        if !self.finished {
            out::println!("not finished: {ended} executions of {planned} cells ended, {bad} not passed");
            return Ok(());
        }
        let ledger = self.judge.ledger(&Evidence::open(dir).map_err(unreadable)?);
        for found in &ledger.findings {
            out::println!("{}", ledger::line(found));
        }
        let lost = match ledger.findings.len() {
            0 => String::new(),
            messages => format!("; {messages} messages do not add up"),
        };
        out::println!("finished: {ended} executions of {planned} cells ended, {bad} not passed{lost}");
        Ok(())
    }
}
