//! Keeps the order of a run: controls first, then lanes of cells side by side, controls again after each batch, what must
//! run alone one by one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use carnet_catalogue::Role;
use carnet_catalogue::case::{Case, CaseId};
use carnet_catalogue::matrix::{Cell, stands_for};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::cell::Runner;
use super::hook::Outcome;
use super::{Event, RunOptions};
use crate::evidence::{Evidence, Kind, Purpose, Recorder, Scope, Sink};
use crate::judge::{Judge, stands};
use crate::plan::{Batch, Plan, Planned, runs_alone, schedule};
use crate::verdict::Verdict;

/// How many cells may wait for the subject's pushes at once; they sleep more than they work.
pub(crate) const WAITING: usize = 64;
/// Between two looks at whether messages have come to rest.
const PAUSE: Duration = Duration::from_millis(500);

/// Keeps the order: controls, batches, what runs alone.
#[derive(Debug)]
pub(super) struct Conductor {
    options: RunOptions,
    until: Option<Instant>,
    recorder: Arc<Recorder>,
    judge: Judge,
    runner: Runner,
    events: Mutex<mpsc::Sender<Event>>,
    attempts: Mutex<BTreeMap<(CaseId, String), u32>>,
    /// Cases that others rest on.
    controls: BTreeSet<CaseId>,
    failed_controls: Mutex<BTreeSet<(CaseId, String)>>,
    /// For cells that work.
    working: Arc<Semaphore>,
    /// For cells that wait.
    waiting: Arc<Semaphore>,
    /// For cells that exclude each other, by what they name.
    locks: BTreeMap<String, Arc<tokio::sync::Mutex<()>>>,
}

impl Conductor {
    pub(super) fn new(
        options: RunOptions,
        recorder: Arc<Recorder>,
        judge: Judge,
        runner: Runner,
        events: mpsc::Sender<Event>,
    ) -> Self {
        let exclusive = options.catalogue.cases.values().filter_map(|case| case.exclusive.of());
        Self {
            locks: exclusive.map(|name| (name.to_owned(), Arc::default())).collect(),
            working: Arc::new(Semaphore::new(options.jobs.max(1))),
            waiting: Arc::new(Semaphore::new(WAITING)),
            until: options.longest.map(|longest| Instant::now() + longest),
            controls: options.catalogue.cases.values().filter_map(|case| case.control.clone()).collect(),
            options,
            recorder,
            judge,
            runner,
            events: Mutex::new(events),
            attempts: Mutex::default(),
            failed_controls: Mutex::default(),
        }
    }
}

impl Conductor {
    /// Carries the plan out.
    pub(super) async fn all(self: &Arc<Self>, plan: &Plan) {
        let order = schedule(plan, &self.options.catalogue);
        self.together_then_alone(&order.first, Purpose::Case).await;
        let mut lanes = JoinSet::new();
        for lane in order.lanes {
            let conductor = Arc::clone(self);
            lanes.spawn(async move {
                for batch in &lane {
                    conductor.batch(batch).await;
                }
            });
        }
        while lanes.join_next().await.is_some() {}
        self.together_then_alone(&order.first_alone, Purpose::Case).await;
        for batch in &order.alone {
            self.batch(batch).await;
        }
        self.settle().await;
    }

    /// Lists once more what was delivered and what producers were told, when messages have had the time to come to rest.
    async fn settle(&self) {
        if self.stops() || !self.options.settles {
            return;
        }
        let sink = Sink { recorder: Arc::clone(&self.recorder), scope: None };
        let deadline = tokio::time::Instant::now() + self.runner.rest();
        let mut before = None;
        loop {
            let listed = self.runner.list().await;
            // The ledger is drawn up again when something is known that was not.
            let known = (listed, self.recorder.count());
            let settled = before.as_ref() != Some(&known) && self.all_rest(&known.0);
            if settled || tokio::time::Instant::now() >= deadline || self.stops() {
                for (name, outcome) in known.0 {
                    let output = sink.blob(&outcome.output);
                    sink.event(None, None, Kind::Hook { name: name.to_owned(), success: outcome.success, output });
                }
                return;
            }
            before = Some(known);
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Whether every message came to rest, by what was listed last.
    fn all_rest(&self, listed: &[(&'static str, Outcome)]) -> bool {
        let now = listed.iter().map(|(name, outcome)| (*name, outcome.success, outcome.output.as_slice()));
        let seen = Evidence::of(&self.recorder).map(|seen| seen.with_hooks(now));
        seen.is_ok_and(|seen| self.judge.ledger(&seen).findings.is_empty())
    }

    /// Cells whose control failed are not begun; after the others their controls are executed again.
    async fn batch(self: &Arc<Self>, batch: &Batch) {
        let runnable =
            |cell: &&Planned| self.control_of(&cell.case).is_none_or(|control| !self.failed(&control, &cell.cell));
        let runnable: Vec<Planned> = batch.cells.iter().filter(runnable).cloned().collect();
        self.together_then_alone(&runnable, Purpose::Case).await;
        let wanted: BTreeSet<CaseId> = runnable.iter().filter_map(|cell| self.control_of(&cell.case)).collect();
        let controls: Vec<Planned> =
            batch.controls.iter().filter(|cell| wanted.contains(&cell.case)).cloned().collect();
        self.together_then_alone(&controls, Purpose::Control).await;
    }

    /// Whether nothing more is to be begun: stopped from outside, out of time, or the evidence cannot be written.
    pub(super) fn stops(&self) -> bool {
        self.options.stop.load(Ordering::Relaxed)
            || self.until.is_some_and(|until| Instant::now() >= until)
            || self.recorder.failure().is_some()
    }

    async fn together_then_alone(self: &Arc<Self>, cells: &[Planned], purpose: Purpose) {
        let (alone, together): (Vec<&Planned>, Vec<&Planned>) =
            cells.iter().partition(|cell| self.case(&cell.case).is_some_and(runs_alone));
        self.side_by_side(&together, purpose).await;
        for cell in alone {
            self.side_by_side(&[cell], purpose).await;
        }
    }

    async fn side_by_side(self: &Arc<Self>, cells: &[&Planned], purpose: Purpose) {
        let mut tasks = JoinSet::new();
        for cell in cells.iter().map(|cell| (*cell).clone()) {
            let case = self.case(&cell.case);
            let responder = case.is_some_and(|case| case.role == Role::Responder);
            let permits = Arc::clone(if responder { &self.working } else { &self.waiting });
            let lock = case.and_then(|case| self.locks.get(case.exclusive.of()?)).cloned();
            let conductor = Arc::clone(self);
            tasks.spawn(async move {
                let _alone = match &lock {
                    Some(lock) => Some(lock.lock().await),
                    None => None,
                };
                let Ok(_permit) = permits.acquire_owned().await else { return };
                conductor.admitted().await;
                conductor.repeated(&cell, purpose).await;
            });
        }
        while tasks.join_next().await.is_some() {}
    }

    /// Waits until the machine has time for one more cell, where it is shared.
    async fn admitted(&self) {
        if let Some(admission) = &self.options.admission
            && let Ok(permit) = admission.acquire().await
        {
            permit.forget();
        }
    }

    /// Executes a cell, and again when it fails: shown as 2/3, never as a pass.
    async fn repeated(&self, planned: &Planned, purpose: Purpose) {
        let mut purpose = purpose;
        for _ in 0..self.options.repeat.max(1) {
            if self.stops() {
                return;
            }
            let verdict = self.once(planned, purpose).await;
            if verdict != Some(Verdict::Fail) || purpose == Purpose::Control {
                return;
            }
            purpose = Purpose::Repeat;
        }
    }

    async fn once(&self, planned: &Planned, purpose: Purpose) -> Option<Verdict> {
        let case = self.case(&planned.case)?;
        let attempt = {
            let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
            let attempt = attempts.entry((planned.case.clone(), planned.cell.clone())).or_default();
            *attempt += 1;
            *attempt
        };
        let scope = Scope { case: planned.case.to_string(), cell: planned.cell.clone(), attempt };
        self.tell(Event::Began { scope: scope.clone(), purpose });
        let sink = Sink { recorder: Arc::clone(&self.recorder), scope: Some(scope.clone()) };
        self.runner.run(case, &Cell::parse(&planned.cell), sink, purpose).await;
        if !self.options.tells && self.options.repeat <= 1 && !self.controls.contains(&planned.case) {
            return None;
        }
        let judged = self.judge.attempt(&self.recorder.events_of(&scope), &|blob| self.recorder.bytes(blob))?;
        let verdict = judged.verdict;
        if !stands(Some(case), verdict) {
            let control = (planned.case.clone(), planned.cell.clone());
            self.failed_controls.lock().unwrap_or_else(PoisonError::into_inner).insert(control);
        }
        self.tell(Event::Ended { scope, purpose, judged: Box::new(judged) });
        Some(verdict)
    }

    fn case(&self, id: &CaseId) -> Option<&Case> {
        self.options.catalogue.cases.get(id)
    }

    fn control_of(&self, id: &CaseId) -> Option<CaseId> {
        self.case(id)?.control.clone()
    }

    /// Whether a control failed in a cell that stands for this one.
    fn failed(&self, control: &CaseId, cell: &str) -> bool {
        let Some(case) = self.case(control) else { return false };
        let (failed, cell) = (self.failed_controls.lock().unwrap_or_else(PoisonError::into_inner), Cell::parse(cell));
        failed.iter().any(|(id, shown)| id == control && stands_for(case, &Cell::parse(shown), &cell))
    }

    fn tell(&self, event: Event) {
        let _ = self.events.lock().unwrap_or_else(PoisonError::into_inner).send(event);
    }
}
