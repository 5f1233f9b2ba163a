//! What `run`, `rerun` and `plan` have in common: which subject, which cases, how much of everything.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use carnet_catalogue::span::SpanError;
use carnet_catalogue::{Catalogue, Filters, Safety, Span};
use carnet_fixtures::Packs;
use carnet_harness::plan::Selection;
use carnet_harness::{RunOptions, Setup};
use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::catalogue::{self, Own};
use crate::failure::Failure;

/// Which cases, named by filters, on which subject.
#[derive(Debug, clap::Args)]
pub(crate) struct Filtered {
    /// Only these cases: `as4.**`, `req:AS4-RECEIPT-*`, `tag:smoke`, `level:MUST`, `layer:tls`, `role:initiator`. Filters
    /// of one kind are alternatives, different kinds must all hold. The controls of what is chosen run with it.
    #[arg(value_name = "FILTER")]
    filters: Vec<String>,
    #[command(flatten)]
    pub choice: Choice,
}

impl Filtered {
    /// See [`Choice::options`].
    ///
    /// # Errors
    /// Also a filter that no case passes.
    pub(crate) fn options(&self) -> Result<RunOptions, Failure> {
        let catalogue = self.choice.catalogue()?;
        let only = catalogue::filters(&catalogue, &self.filters)?;
        self.choice.options(catalogue, only, None)
    }
}

/// The subject, and bounds on what is done to it.
#[derive(Debug, clap::Args)]
pub(crate) struct Choice {
    /// The node under test, see docs/test-your-node.md.
    #[arg(long, value_name = "FILE")]
    pub subject: PathBuf,
    /// Leave cases out, with the reason that reports will show: `CASE=REASON`, CASE may be a pattern; repeatable.
    #[arg(long, value_name = "CASE=REASON")]
    skip: Vec<String>,
    #[command(flatten)]
    own: Own,
    /// The most that a case may do to the subject: leave nothing behind, leave test messages in it, or restart it and
    /// use something of it up.
    #[arg(long, value_name = "CLASS", default_value = "test-data", value_parser = safety())]
    pub safety: Safety,
    /// Multiply every waiting time, for a slow subject: 0.1 to 100.
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = patience)]
    patience: f64,
    /// Cells side by side: 1 to 64.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=64))]
    jobs: u8,
    /// How often a failing cell is executed in all: 1 to 10. It is shown as 1/2, never as passed.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=10))]
    repeat_failed: u32,
    /// The most messages and connections a second that the suite opens: 1 to 10000. Without it, as fast as they go.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: Option<u32>,
    /// Decides at which byte a fault on the line strikes; the same number gives the same faults. Without it 1, and for
    /// `rerun` that of the earlier run.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Gives the run this id, such as an earlier run's. With the same seed, all ids and references that the suite makes up
    /// are then those of that run: only for a subject that has forgotten it.
    #[arg(long, value_name = "ID", value_parser = run_id)]
    run_id: Option<String>,
    /// Begin no cell after this long: `30m`; what was not begun leaves the run undecided.
    #[arg(long, value_name = "SPAN", default_value = "120m", value_parser = length)]
    max_time: Span,
    /// Refuse to run when more messages and connections than this could be needed.
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub max_messages: usize,
}

impl Choice {
    /// The seed where none is named.
    const SEED: u64 = 1;

    /// The catalogue with the user's own cases.
    ///
    /// # Errors
    /// Every fault of these, with file and line.
    pub(crate) fn catalogue(&self) -> Result<Catalogue, Failure> {
        catalogue::load(&self.own)
    }

    /// Everything read and put together; the evidence has no folder yet. A seed that is not named is the `earlier` run's.
    ///
    /// # Errors
    /// A file that is wrong, a case to skip that does not exist: nothing was sent.
    pub(crate) fn options(
        &self,
        catalogue: Catalogue,
        only: Filters,
        earlier: Option<u64>,
    ) -> Result<RunOptions, Failure> {
        let skip = self.skip.iter().map(|text| skip(&catalogue, text)).collect::<Result<_, _>>()?;
        let packs = Packs::with_dirs(&self.own.packs).map_err(Failure::usage)?;
        let setup = Setup::load_with(&self.subject, packs).map_err(Failure::usage)?;
        Ok(RunOptions {
            selection: Selection { only, skip, safety: self.safety },
            patience: self.patience,
            jobs: usize::from(self.jobs),
            repeat: self.repeat_failed,
            rate: self.rate,
            seed: self.seed.or(earlier).unwrap_or(Self::SEED),
            id: self.run_id.clone(),
            longest: Some(self.max_time.0),
            ..RunOptions::new(Arc::new(setup), Arc::new(catalogue), PathBuf::new())
        })
    }
}

/// Reads the id of a run: it names files, and stands in reports.
fn run_id(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if (1..=64).contains(&text.len()) && text.chars().all(fits) {
        Ok(text.to_owned())
    } else {
        Err("expected 1 to 64 letters, digits, - _ and .".to_owned())
    }
}

/// Reads a length of time in which something is to be done.
pub(crate) fn length(text: &str) -> Result<Span, String> {
    let span: Span = text.parse().map_err(|error: SpanError| error.to_string())?;
    if span.0 > Duration::ZERO { Ok(span) } else { Err("expected more than no time, such as 30m".to_owned()) }
}

/// Reads a factor for waiting times.
pub(crate) fn patience(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "expected a number such as 2 or 0.5".to_owned())?;
    if (0.1..=100.0).contains(&number) { Ok(number) } else { Err("expected a number from 0.1 to 100".to_owned()) }
}

/// Reads a safety class; help names all of them.
fn safety() -> impl TypedValueParser<Value = Safety> {
    PossibleValuesParser::new(Safety::ALL.map(Safety::as_str))
        .map(|text| Safety::ALL.into_iter().find(|class| class.as_str() == text).unwrap_or_default())
}

fn skip(catalogue: &Catalogue, text: &str) -> Result<(String, String), Failure> {
    let Some((pattern, reason)) = text.split_once('=').filter(|(_, reason)| !reason.trim().is_empty()) else {
        return Err(Failure::usage(format_args!("got --skip {text:?}, expected CASE=REASON"))
            .help("a case is left out only with a reason; reports show it"));
    };
    catalogue::filters(catalogue, &[pattern.to_owned()])?;
    Ok((pattern.to_owned(), reason.trim().to_owned()))
}
