//! Runs a plan: captures what happens, in the order that [`conductor`] keeps.
//!
//! The evidence is the only product; what is shown while it works comes from judging the same evidence early.

mod budget;
mod cell;
mod conductor;
mod dial;
mod exchange;
mod hook;
mod hub;
mod line;
mod lists;
mod operator;
mod pace;
mod publisher;
mod serving;
mod signer;
mod stop;
mod timing;
mod values;

pub(crate) use budget::Budget;
pub(crate) use cell::Runner;
pub(crate) use cell::pull::{LEFT, Owners};
pub(crate) use conductor::WAITING;
pub(crate) use dial::{Dial, dial, resolve};
pub(crate) use hub::Hub;
pub(crate) use lists::Lists;
pub use operator::Prompt;
pub(crate) use pace::Pace;
pub(crate) use signer::{ALGORITHMS, FOR_SUITE, OMITTED, WEAK};
pub(crate) use timing::Timing;

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use carnet_catalogue::subject::Suite;
use carnet_catalogue::{Catalogue, lock};
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::evidence::{Evidence, EvidenceError, Kind, Purpose, Recorder, Scope, Start};
use crate::fresh::Origin;
use crate::judge::run::Run;
use crate::judge::{Judge, Judged};
use crate::plan::{Plan, Selection, plan};
use crate::setup::{Setup, suite_url};
use conductor::Conductor;
use operator::Operator;
use publisher::Publisher;

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
    /// Whether each execution is judged as soon as it ends, for those who watch. Without it, only what the order of the
    /// run depends on is.
    pub tells: bool,
    /// Whether the run ends with a list of what became of its messages, when they have come to rest.
    pub settles: bool,
    /// The most messages and connections a second.
    pub rate: Option<u32>,
    /// No cell is begun after this long; the run is then not finished.
    pub longest: Option<Duration>,
    /// Decides at which byte, inside the part that a case names, a fault on the line strikes; ids and references follow
    /// from it, too, with the run's id.
    pub seed: u64,
    /// The id of the run; a new one where none is given. A subject takes each id once, unless it forgot the run of before.
    pub id: Option<String>,
    /// The time that the run's messages say; the machine's where none is given. With a seed and an id it makes a run whose
    /// messages, except what is encrypted, are the same as those of its like.
    pub time: Option<jiff::Timestamp>,
    /// Where runs share a machine: a cell begins with a permit of these, and whoever gives them out does so as the machine
    /// has time for one more.
    pub admission: Option<Arc<Semaphore>>,
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
            tells: true,
            settles: true,
            rate: None,
            longest: None,
            seed: 1,
            id: None,
            time: None,
            admission: None,
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
    /// The suite's publisher of service metadata takes questions at this address.
    Publishing(std::net::SocketAddr),
    /// The revocation lists of the suite's test CA are to be had at this address.
    PublishingLists(std::net::SocketAddr),
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
    /// The operator is asked to do something, and answered for.
    Prompt(Prompt),
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
    /// The suite's publisher cannot listen.
    #[error(
        "the suite's publisher cannot listen on {address}: {source}\nhelp: change exchange.discovery.listen in subject.toml, or end what uses the port"
    )]
    Publish {
        /// The address.
        address: String,
        /// Why.
        source: std::io::Error,
    },
    /// The revocation lists of the suite's test CA cannot be published.
    #[error(
        "the suite cannot publish its revocation lists on {address}: {source}\nhelp: change suite.lists.listen in subject.toml, or end what uses the port"
    )]
    Lists {
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
    /// Something could not be written down: the run ended there.
    #[error("{what}\nhelp: free some space and run again; `carnet judge {}` reads what was captured until then", .path.display())]
    Holes {
        /// What could not be written.
        what: String,
        /// The folder.
        path: PathBuf,
    },
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
    if let Some(what) = recorder.failure() {
        return Err(RunError::Holes { what, path: options.evidence.clone() });
    }
    // What it holds is read again from disk.
    drop(recorder);
    let run = crate::judge::judge(&options.evidence)?;
    events(Event::Finished(Box::new(run.clone())));
    Ok(run)
}

/// Captures without writing anything to disk; blocks, as [`run`] does.
///
/// # Errors
/// See [`RunError`].
pub fn capture_in_memory(options: &RunOptions, events: &mut dyn FnMut(Event)) -> Result<Arc<Recorder>, RunError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(RunError::Runtime)?;
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
    let id = options.id.clone().unwrap_or_else(|| Uuid::now_v7().to_string());
    begin(options, &id, &recorder, &planned);
    let judge = Judge::knowing(&Evidence::of(&recorder)?, &options.catalogue)?;
    let budget = Arc::new(Budget::default());
    let origin = Origin { run: id, seed: options.seed, time: options.time };
    let hub = Hub::new(Arc::clone(&options.setup), Arc::clone(&recorder), Arc::clone(&budget), origin.fresh(None));
    let (mut serving, mut publisher, mut endpoint) = (Vec::new(), None, String::new());
    let suite = &options.setup.subject.suite;
    if let Some((bound, task)) = Lists::serve(&options.setup, Arc::clone(&recorder), Arc::clone(&budget)).await? {
        let _ = events.send(Event::PublishingLists(bound));
        serving.push(task);
    }
    if let Some(address) = &suite.listen {
        let (bound, task) =
            hub.serve(address).await.map_err(|source| RunError::Listen { address: address.clone(), source })?;
        let _ = events.send(Event::Listening(bound));
        serving.push(task);
        endpoint = suite_url(&Suite { listen: Some(bound.to_string()), ..suite.clone() }).unwrap_or_default();
        let published = Publisher::serve(&options.setup, endpoint.clone()).await;
        let address = options.setup.subject.exchange.discovery.as_ref().map(|agreed| agreed.listen.clone());
        let published =
            published.map_err(|source| RunError::Publish { address: address.unwrap_or_default(), source })?;
        if let Some((made, bound, task)) = published {
            let _ = events.send(Event::Publishing(bound));
            serving.push(task);
            publisher = Some(made);
        }
    }
    let runner = Runner {
        setup: Arc::clone(&options.setup),
        hub,
        endpoint,
        publisher,
        budget,
        patience: options.patience,
        origin,
        prompt: options.setup.subject.hooks.operator.then(|| Operator::new(events.clone())),
        pace: Pace::new(options.rate),
        owners: Owners::default(),
    };
    let conductor = Conductor::new(options.clone(), Arc::clone(&recorder), judge, runner, events);
    let conductor = Arc::new(conductor);
    conductor.all(&planned).await;
    if !conductor.stops() {
        recorder.event(None, None, None, Kind::Finished);
    }
    drop(serving);
    Ok(())
}

/// The first event: all that judging needs.
pub(crate) fn begin(options: &RunOptions, id: &str, recorder: &Recorder, planned: &Plan) {
    let setup = &options.setup;
    let ders = |certificates: &[rustls_pki_types::CertificateDer<'static>]| {
        certificates.iter().map(|certificate| recorder.blob(certificate)).collect()
    };
    let files = &options.catalogue.files;
    let start = Start {
        format: 1,
        run: id.to_owned(),
        suite: env!("CARGO_PKG_VERSION").to_owned(),
        lock: recorder.blob(lock::text(files).as_bytes()),
        subject: recorder.blob(setup.subject_text.as_bytes()),
        ics: recorder.blob(setup.ics_text.as_bytes()),
        files: files.iter().map(|(path, bytes)| (path.to_owned(), recorder.blob(bytes))).collect(),
        plan: recorder.blob(serde_json::to_string(planned).unwrap_or_default().as_bytes()),
        tls_anchors: ders(&setup.tls_anchors),
        signing_anchors: ders(&setup.signing_anchors),
        known: ders(&[setup.known.as_slice(), &setup.partner.signing.chain].concat()),
        clock: Setup::now().as_secs(),
        seed: options.seed,
    };
    recorder.event(None, None, None, Kind::Run(Box::new(start)));
}
