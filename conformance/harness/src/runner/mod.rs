//! Runs a plan: controls first, then cells side by side, controls again after each batch, what must run alone alone.
//!
//! The evidence is the only product; what is shown while it works comes from judging the same evidence early.

mod cell;
mod exchange;
mod hook;
mod hub;
mod line;
mod signer;
mod values;

pub(crate) use line::{Dial, dial, resolve};

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use carnet_catalogue::case::{Case, CaseId};
use carnet_catalogue::matrix::Cell;
use carnet_catalogue::{Catalogue, Role, lock};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::evidence::{Evidence, EvidenceError, Kind, Purpose, Recorder, Scope, Sink, Start};
use crate::judge::run::Run;
use crate::judge::{Judge, Judged};
use crate::plan::{Plan, Planned, Selection, plan};
use crate::setup::Setup;
use crate::verdict::Verdict;
use cell::Runner;
use hub::Hub;

/// How many cells may wait for the subject's pushes at once; they sleep more than they work.
const WAITING: usize = 64;
/// Cells between two executions of their controls.
const BATCH: usize = 32;

/// What a run is asked to do.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// The subject and the suite's material.
    pub setup: Arc<Setup>,
    /// The cases.
    pub catalogue: Arc<Catalogue>,
    /// Which of them.
    pub selection: Selection,
    /// Folder for the evidence; must not hold any yet.
    pub evidence: PathBuf,
    /// Every waiting time is multiplied by this.
    pub patience: f64,
    /// Cells side by side.
    pub jobs: usize,
    /// How often a failing cell is executed in all.
    pub repeat: u32,
    /// Set from outside to stop after what is under way.
    pub stop: Arc<AtomicBool>,
}

impl RunOptions {
    /// Everything, eight at a time, failures twice.
    #[must_use]
    pub fn new(setup: Arc<Setup>, catalogue: Arc<Catalogue>, evidence: PathBuf) -> Self {
        Self {
            setup,
            catalogue,
            selection: Selection::default(),
            evidence,
            patience: 1.0,
            jobs: 8,
            repeat: 2,
            stop: Arc::new(AtomicBool::new(false)),
        }
    }
}

/// What is told while a run goes on.
#[derive(Debug, Clone)]
pub enum Event {
    /// The plan is made.
    Planned(Plan),
    /// The suite's endpoint takes pushes at this address.
    Listening(std::net::SocketAddr),
    /// A cell begins.
    Began {
        /// Which.
        scope: Scope,
        /// Why.
        purpose: Purpose,
    },
    /// A cell ended; controls are not yet considered.
    Ended {
        /// Which.
        scope: Scope,
        /// Why it was executed.
        purpose: Purpose,
        /// What came of it by itself.
        judged: Box<Judged>,
    },
    /// The operator is asked to do something.
    Prompt(String),
    /// All is captured and judged.
    Finished(Box<Run>),
}

/// Why a run could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The evidence cannot be written.
    #[error("evidence cannot be written to {path}: {source}\nhelp: name a folder that does not hold a run yet")]
    Evidence {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The suite's endpoint cannot listen.
    #[error(
        "the suite cannot listen on {address}: {source}\nhelp: change suite.listen in subject.toml, or end what uses the port"
    )]
    Listen {
        /// The address.
        address: String,
        /// Why.
        source: std::io::Error,
    },
    /// The runtime did not start.
    #[error("the runtime did not start")]
    Runtime(#[source] std::io::Error),
    /// What was captured does not read back.
    #[error(transparent)]
    Judge(#[from] EvidenceError),
    /// Something could not be written down: evidence with holes is none.
    #[error("{0}")]
    Holes(String),
}

/// Tells an operator what to do, through the run's events.
#[derive(Debug, Clone)]
pub(crate) struct Operator {
    events: mpsc::Sender<Event>,
}

impl Operator {
    pub(crate) fn ask(&self, text: &str) {
        let _ = self.events.send(Event::Prompt(text.to_owned()));
    }
}

/// Runs, captures and judges. Blocks; must not be called from inside a tokio runtime.
///
/// # Errors
/// See [`RunError`]; a subject that is not there is no error but a verdict.
pub fn run(options: &RunOptions, events: &mut dyn FnMut(Event)) -> Result<Run, RunError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(RunError::Runtime)?;
    let recorder = Recorder::create(&options.evidence)
        .map_err(|source| RunError::Evidence { path: options.evidence.clone(), source })?;
    let recorder = Arc::new(recorder);
    let (sender, receiver) = mpsc::channel();
    let task = {
        let (options, recorder) = (options.clone(), Arc::clone(&recorder));
        runtime.spawn(async move { capture(&options, recorder, sender).await })
    };
    for event in receiver {
        events(event);
    }
    runtime.block_on(task).map_err(|error| RunError::Runtime(std::io::Error::other(error)))??;
    runtime.shutdown_background();
    if let Some(failure) = recorder.failure() {
        return Err(RunError::Holes(failure));
    }
    let run = crate::judge::judge(&options.evidence)?;
    events(Event::Finished(Box::new(run.clone())));
    Ok(run)
}

/// Captures without writing anything to disk; blocks, as [`run`] does.
///
/// # Errors
/// See [`RunError`].
pub(crate) fn capture_in_memory(
    options: &RunOptions,
    events: &mut dyn FnMut(Event),
) -> Result<Arc<Recorder>, RunError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(RunError::Runtime)?;
    let recorder = Arc::new(Recorder::in_memory());
    let (sender, receiver) = mpsc::channel();
    let task = {
        let (options, recorder) = (options.clone(), Arc::clone(&recorder));
        runtime.spawn(async move { capture(&options, recorder, sender).await })
    };
    for event in receiver {
        events(event);
    }
    runtime.block_on(task).map_err(|error| RunError::Runtime(std::io::Error::other(error)))??;
    runtime.shutdown_background();
    Ok(recorder)
}

async fn capture(options: &RunOptions, recorder: Arc<Recorder>, events: mpsc::Sender<Event>) -> Result<(), RunError> {
    let planned = plan(&options.catalogue, &options.setup, &options.selection);
    let _ = events.send(Event::Planned(planned.clone()));
    begin(options, &recorder, &planned);
    let judge = Judge::new(&Evidence::of(&recorder)?, None)?;
    let hub = Hub::new(Arc::clone(&options.setup), Arc::clone(&recorder));
    let mut serving = None;
    if let Some(address) = &options.setup.subject.suite.listen {
        let (bound, task) =
            hub.serve(address).await.map_err(|source| RunError::Listen { address: address.clone(), source })?;
        let _ = events.send(Event::Listening(bound));
        serving = Some(task);
    }
    let operator = options.setup.subject.hooks.operator.then(|| Operator { events: events.clone() });
    let runner = Runner { setup: Arc::clone(&options.setup), hub, patience: options.patience, prompt: operator };
    let conductor = Arc::new(Conductor {
        options: options.clone(),
        recorder: Arc::clone(&recorder),
        judge,
        runner,
        events: Mutex::new(events),
        attempts: Mutex::default(),
        failed_controls: Mutex::default(),
    });
    conductor.all(&planned).await;
    if !options.stop.load(Ordering::Relaxed) {
        recorder.event(None, None, None, Kind::Finished);
    }
    drop(serving);
    Ok(())
}

/// The first event: all that judging needs.
fn begin(options: &RunOptions, recorder: &Recorder, planned: &Plan) {
    let setup = &options.setup;
    let ders = |certificates: &[rustls_pki_types::CertificateDer<'static>]| {
        certificates.iter().map(|certificate| recorder.blob(certificate)).collect()
    };
    let files = &options.catalogue.files;
    let start = Start {
        format: 1,
        run: Uuid::now_v7().to_string(),
        suite: env!("CARGO_PKG_VERSION").to_owned(),
        lock: recorder.blob(lock::text(files).as_bytes()),
        subject: recorder.blob(setup.subject_text.as_bytes()),
        ics: recorder.blob(setup.ics_text.as_bytes()),
        files: files.iter().map(|(path, bytes)| (path.to_owned(), recorder.blob(bytes))).collect(),
        plan: recorder.blob(serde_json::to_string(planned).unwrap_or_default().as_bytes()),
        tls_anchors: ders(&setup.tls_anchors),
        signing_anchors: ders(&setup.signing_anchors),
        clock: Setup::now().as_secs(),
    };
    recorder.event(None, None, None, Kind::Run(Box::new(start)));
}

/// Keeps the order: controls, batches, what runs alone.
#[derive(Debug)]
struct Conductor {
    options: RunOptions,
    recorder: Arc<Recorder>,
    judge: Judge,
    runner: Runner,
    events: Mutex<mpsc::Sender<Event>>,
    attempts: Mutex<BTreeMap<(CaseId, String), u32>>,
    failed_controls: Mutex<BTreeSet<CaseId>>,
}

impl Conductor {
    async fn all(self: &Arc<Self>, plan: &Plan) {
        let cells: Vec<&Planned> = plan.cells.iter().filter(|cell| cell.excluded.is_none()).collect();
        let controls: BTreeSet<CaseId> = cells.iter().filter_map(|cell| self.control_of(&cell.case)).collect();
        let (first, rest): (Vec<&Planned>, Vec<&Planned>) =
            cells.into_iter().partition(|cell| controls.contains(&cell.case));
        self.side_by_side(&first, Purpose::Case).await;
        let (alone, mut together): (Vec<&Planned>, Vec<&Planned>) =
            rest.into_iter().partition(|cell| self.case(&cell.case).is_some_and(runs_alone));
        // What waits for the subject starts first, so that it waits while others work.
        together.sort_by_key(|cell| self.case(&cell.case).is_some_and(|case| case.role == Role::Responder));
        for batch in together.chunks(BATCH) {
            self.batch(batch).await;
        }
        for cell in alone {
            self.batch(&[cell]).await;
        }
    }

    /// Cells whose control failed are not begun; after the others their controls are executed again.
    async fn batch(self: &Arc<Self>, cells: &[&Planned]) {
        let runnable: Vec<&Planned> = cells
            .iter()
            .copied()
            .filter(|cell| self.control_of(&cell.case).is_none_or(|control| !self.failed(&control)))
            .collect();
        self.side_by_side(&runnable, Purpose::Case).await;
        let controls: BTreeSet<CaseId> = runnable.iter().filter_map(|cell| self.control_of(&cell.case)).collect();
        let again: Vec<Planned> = controls
            .into_iter()
            .filter_map(|id| {
                let case = self.case(&id)?;
                let cell = carnet_catalogue::matrix::cells(case).first().map(Cell::name)?;
                Some(Planned { case: id, cell, excluded: None })
            })
            .collect();
        self.side_by_side(&again.iter().collect::<Vec<_>>(), Purpose::Control).await;
    }

    async fn side_by_side(self: &Arc<Self>, cells: &[&Planned], purpose: Purpose) {
        let working = Arc::new(Semaphore::new(self.options.jobs.max(1)));
        let waiting = Arc::new(Semaphore::new(WAITING));
        let mut tasks = JoinSet::new();
        for cell in cells.iter().map(|cell| (*cell).clone()) {
            let responder = self.case(&cell.case).is_some_and(|case| case.role == Role::Responder);
            let permits = Arc::clone(if responder { &working } else { &waiting });
            let conductor = Arc::clone(self);
            tasks.spawn(async move {
                let Ok(_permit) = permits.acquire_owned().await else { return };
                conductor.repeated(&cell, purpose).await;
            });
        }
        while tasks.join_next().await.is_some() {}
    }

    /// Executes a cell, and again when it fails: shown as 2/3, never as a pass.
    async fn repeated(&self, planned: &Planned, purpose: Purpose) {
        let mut purpose = purpose;
        for _ in 0..self.options.repeat.max(1) {
            if self.options.stop.load(Ordering::Relaxed) {
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
        let judged = self.judge.attempt(&self.recorder.events_of(&scope), &self.recorder.blobs())?;
        let verdict = judged.verdict;
        if !matches!(verdict, Verdict::Pass | Verdict::Warn) {
            self.failed_controls.lock().unwrap_or_else(PoisonError::into_inner).insert(planned.case.clone());
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

    fn failed(&self, control: &CaseId) -> bool {
        self.failed_controls.lock().unwrap_or_else(PoisonError::into_inner).contains(control)
    }

    fn tell(&self, event: Event) {
        let _ = self.events.lock().unwrap_or_else(PoisonError::into_inner).send(event);
    }
}

fn runs_alone(case: &Case) -> bool {
    case.exclusive || case.step.iter().any(|step| step.restart || step.listen.is_some())
}
