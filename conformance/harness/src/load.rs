//! Load with the judge on: so many messages at once, every receipt verified as in any other case.
//!
//! Nothing is kept but counts, times and the first findings: a million messages need no more memory than a hundred.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use carnet_catalogue::case::{Case, CaseId};
use carnet_catalogue::matrix::{self, Cell};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::evidence::{Event, Evidence, EvidenceError, Kind, Purpose, Recorder, Scope, Sink};
use crate::fresh::Origin;
use crate::judge::{Judge, Judged};
use crate::own;
use crate::plan::Plan;
use crate::runner::{Budget, Hub, Lists, Owners, Pace, Runner, begin};
use crate::setup::Setup;
use crate::verdict::Verdict;
use crate::{RunError, RunOptions};

const ID: &str = "load.message";

/// Findings that are kept, one for each kind.
const KINDS_KEPT: usize = 20;

/// How much load, and for how long.
#[derive(Debug, Clone)]
pub struct Load {
    /// Messages in all.
    pub count: u32,
    /// No message is begun after this long.
    pub longest: Duration,
    /// Messages under way at once.
    pub jobs: usize,
    /// The most messages a second.
    pub rate: Option<u32>,
    /// Waiting times are multiplied by this.
    pub patience: f64,
    /// Set from outside to stop after what is under way.
    pub stop: Arc<AtomicBool>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Loaded {
    /// Messages by verdict.
    pub verdicts: BTreeMap<&'static str, usize>,
    /// ERROR > FAIL > INCONCLUSIVE > PASS over all; none attempted is ERROR.
    pub verdict: Option<Verdict>,
    /// From the connection being up to its end, the receipt read; sorted, passed messages only.
    pub times: Vec<Duration>,
    /// From the first message to the last answer.
    pub took: Duration,
    /// What went wrong, each kind once, with how often it did.
    pub findings: BTreeMap<String, usize>,
}

impl Loaded {
    /// Messages that were sent.
    #[must_use]
    pub fn attempted(&self) -> usize {
        self.verdicts.values().sum()
    }

    /// The time within which this share of the messages that passed were answered, in per mille; none passed, none.
    #[must_use]
    pub fn percentile(&self, per_mille: usize) -> Option<Duration> {
        let last = self.times.len().checked_sub(1)?;
        self.times.get((last * per_mille).div_ceil(1000).min(last)).copied()
    }

    fn take(&mut self, judged: Option<Judged>, time: Option<Duration>) {
        let verdict = judged.as_ref().map_or(Verdict::Error, |judged| judged.verdict);
        *self.verdicts.entry(verdict.as_str()).or_default() += 1;
        self.verdict = Some(Verdict::roll_up(self.verdict.into_iter().chain([verdict])));
        if verdict == Verdict::Pass {
            self.times.extend(time);
            return;
        }
        let Some(judged) = judged else { return };
        let first = judged.findings.first().map(|found| format!("{}: {}", found.requirement, found.actual));
        let what = first.or(judged.reason).unwrap_or_default();
        if self.findings.contains_key(&what) || self.findings.len() < KINDS_KEPT {
            *self.findings.entry(what).or_default() += 1;
        }
    }
}

/// Sends the messages and judges each answer; `told` hears how many are done. Blocks; must not be called from inside a
/// tokio runtime.
///
/// # Errors
/// The suite itself cannot work: see [`RunError`].
pub fn load(setup: &Arc<Setup>, load: &Load, told: &(dyn Fn(usize) + Sync)) -> Result<Loaded, RunError> {
    let catalogue = Arc::new(own::catalogue(ID, include_str!("load.toml")).map_err(EvidenceError::Catalogue)?);
    let options = RunOptions::new(Arc::clone(setup), Arc::clone(&catalogue), std::path::PathBuf::new());
    let first = Recorder::in_memory();
    begin(&options, ID, &first, &Plan { format: 1, cells: Vec::new() });
    let judge = Judge::knowing(&Evidence::of(&first)?, &catalogue)?;
    let case = catalogue.cases.get(&CaseId::new(ID)).cloned().ok_or_else(|| RunError::Holes {
        what: "the load's own case is gone".to_owned(),
        path: std::path::PathBuf::new(),
    })?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(RunError::Runtime)?;
    let loaded = runtime.block_on(all(setup, load, judge, case, told))?;
    runtime.shutdown_background();
    Ok(loaded)
}

async fn all(
    setup: &Arc<Setup>,
    load: &Load,
    judge: Judge,
    case: Case,
    told: &(dyn Fn(usize) + Sync),
) -> Result<Loaded, RunError> {
    // Pushes that come after their message was judged belong to nothing that is kept.
    let budget = Arc::new(Budget::default());
    let origin = Origin { run: uuid::Uuid::now_v7().to_string(), seed: 0, time: None };
    let hub = Hub::new(Arc::clone(setup), Arc::new(Recorder::nowhere()), Arc::clone(&budget), origin.fresh(None));
    let lists = Lists::serve(setup, Arc::new(Recorder::nowhere()), Arc::clone(&budget)).await?;
    let mut serving = None;
    if let Some(address) = &setup.subject.suite.listen {
        let served = hub.serve(address).await;
        serving = Some(served.map_err(|source| RunError::Listen { address: address.clone(), source })?);
    }
    let runner = Runner {
        publisher: None,
        setup: Arc::clone(setup),
        hub,
        endpoint: setup.suite_url().unwrap_or_default(),
        budget,
        patience: load.patience,
        origin,
        prompt: None,
        // A message waits for its turn before it is begun.
        pace: Pace::default(),
        owners: Owners::default(),
    };
    let work = Arc::new(Work {
        runner,
        judge,
        cell: matrix::cells(&case).into_iter().next().unwrap_or_default(),
        case,
        pace: Pace::new(load.rate),
        until: Instant::now() + load.longest,
        stop: Arc::clone(&load.stop),
        left: Mutex::new(load.count),
        loaded: Mutex::default(),
    });
    let began = Instant::now();
    let mut workers = JoinSet::new();
    for _ in 0..load.jobs.max(1) {
        let work = Arc::clone(&work);
        workers.spawn(async move { while work.one().await {} });
    }
    let mut ticks = tokio::time::interval(Duration::from_millis(500));
    loop {
        tokio::select! {
            ended = workers.join_next() => if ended.is_none() { break },
            _ = ticks.tick() => told(work.loaded.lock().unwrap_or_else(PoisonError::into_inner).attempted()),
        }
    }
    drop((serving, lists));
    let mut loaded = std::mem::take(&mut *work.loaded.lock().unwrap_or_else(PoisonError::into_inner));
    loaded.took = began.elapsed();
    loaded.times.sort_unstable();
    Ok(loaded)
}

struct Work {
    runner: Runner,
    judge: Judge,
    case: Case,
    cell: Cell,
    pace: Pace,
    until: Instant,
    stop: Arc<AtomicBool>,
    left: Mutex<u32>,
    loaded: Mutex<Loaded>,
}

impl Work {
    fn left(&self) -> MutexGuard<'_, u32> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends and judges one message; false when there is none left.
    async fn one(&self) -> bool {
        let goes_on = || !self.stop.load(Ordering::Relaxed) && *self.left() > 0;
        if !self.pace.turn_before(self.until, goes_on).await {
            return false;
        }
        let number = {
            let mut left = self.left();
            let Some(number) = left.checked_sub(1) else { return false };
            *left = number;
            number
        };
        let scope = Scope { case: ID.to_owned(), cell: self.cell.name(), attempt: number + 1 };
        let recorder = Arc::new(Recorder::in_memory());
        let sink = Sink { recorder: Arc::clone(&recorder), scope: Some(scope) };
        self.runner.run(&self.case, &self.cell, sink, Purpose::Case).await;
        let events = recorder.events();
        let judged = self.judge.attempt(&events, &|blob| recorder.bytes(blob));
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner).take(judged, answered(&events));
        true
    }
}

/// From the connection being up to its end.
fn answered(events: &[Event]) -> Option<Duration> {
    let at = |wanted: fn(&Kind) -> bool| events.iter().find(|event| wanted(&event.kind)).map(|event| event.mono);
    let up = at(|kind| matches!(kind, Kind::Connected { .. }))?;
    let end = at(|kind| matches!(kind, Kind::Ended { .. }))?;
    Some(Duration::from_micros(end.saturating_sub(up)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let times: Vec<Duration> = (1..=100).map(Duration::from_millis).collect();
        let loaded = Loaded { times, ..Loaded::default() };
        assert_eq!(loaded.percentile(0), Some(Duration::from_millis(1)));
        assert_eq!(loaded.percentile(500), Some(Duration::from_millis(51)));
        assert_eq!(loaded.percentile(990), Some(Duration::from_millis(100)));
        assert_eq!(Loaded::default().percentile(500), None);
    }
}
