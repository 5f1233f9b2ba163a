//! The suite on itself: the double, every mutant and every null node against the cases, and whether each is caught by
//! the cases that say so.
//!
//! A case *kills* a node when one of its cells comes out as FAIL or WARN. A named check of the judge is *needed* when
//! a node that it alone catches would live without it; that is tried by judging the same evidence with the check
//! forced to pass. Everything runs in this process, and nothing is written but the files of the subjects.

mod admission;
mod bless;
mod matrix;
mod row;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use carnet_catalogue::mutant::Mutant;
use carnet_catalogue::{Catalogue, CatalogueError};
use carnet_certs::UnixTime;
use carnet_harness::RunError;
use carnet_harness::evidence::EvidenceError;

pub use bless::bless;
pub use matrix::{Fault, Matrix, Need};
pub use row::{Row, Verdicts};

use crate::{DoubleError, Ground, GroundError, check};
use admission::Admission;

/// The name of the unmutated double.
pub const DOUBLE: &str = "the-double";

/// Nodes side by side, where nothing else is asked: most of them wait.
pub const JOBS: usize = 24;

/// So many nodes are run a second time at most.
const MOST_AGAIN: usize = 24;

/// What is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Each mutant against every case, not only those of its layer.
    pub full: bool,
    /// Only these mutants; empty means all.
    pub only: Vec<String>,
    /// Nodes side by side.
    pub jobs: usize,
    /// Every waiting time is multiplied by this.
    pub patience: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self { full: false, only: Vec::new(), jobs: JOBS, patience: 1.0 }
    }
}

/// Why the suite cannot be tried on itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SelftestError {
    /// A mutant names what does not exist.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// No keys, packs or threads.
    #[error(transparent)]
    Ground(#[from] GroundError),
    /// A node cannot be made.
    #[error(transparent)]
    Node(#[from] DoubleError),
    /// A run cannot be carried out.
    #[error(transparent)]
    Run(#[from] RunError),
    /// What was captured does not judge.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// A mutant that was asked for does not exist.
    #[error("there is no mutant {0}")]
    Unknown(String),
}

/// What all runs have in common.
struct Common {
    ground: Arc<Ground>,
    catalogue: Arc<Catalogue>,
    admission: Admission,
    /// What is known of the judge's checks so far.
    needs: Mutex<BTreeMap<String, Need>>,
}

/// Runs it; `tell` hears of each node that was run. `dir` is for the files of the subjects.
///
/// # Errors
/// See [`SelftestError`]; a mutant that survives is no error but a fault of the [`Matrix`].
pub fn run(
    catalogue: &Arc<Catalogue>,
    dir: &Path,
    options: &Options,
    tell: &mut dyn FnMut(&Row),
) -> Result<Matrix, SelftestError> {
    check(catalogue)?;
    if let Some(unknown) = options.only.iter().find(|name| !catalogue.mutants.contains_key(*name)) {
        return Err(SelftestError::Unknown(unknown.clone()));
    }
    let ground = Arc::new(Ground::new(dir, UnixTime::now())?);
    let admission = Admission::open(&ground);
    let common = Common { ground, catalogue: Arc::clone(catalogue), admission, needs: Mutex::default() };
    let chosen = |name: &str| options.only.is_empty() || options.only.iter().any(|only| only == name);
    let mutants = catalogue.mutants.iter().filter(|(name, _)| chosen(name));
    let names: Vec<String> = std::iter::once(DOUBLE.to_owned()).chain(in_order(mutants)).collect();
    let mut rows = nodes(&common, &names, options, tell)?;
    // Time matters to some cases, and a machine that runs many nodes at once has little of it: what differs from what
    // is known is run once more with few beside it, and that counts; what one run saw and the other did not is told.
    // Where many differ it is the cases that changed.
    let differs = |row: &&Row| matrix::differs(catalogue, row, options.full);
    let again: Vec<String> = rows.iter().filter(differs).map(|row| row.name.clone()).collect();
    if again.len() <= MOST_AGAIN {
        let calm = Options { patience: options.patience * 2.0, jobs: options.jobs.div_ceil(4), ..options.clone() };
        let mut calm = nodes(&common, &again, &calm, tell)?;
        for row in &mut calm {
            let before = rows.iter().find(|before| before.name == row.name);
            row.before = before.map(|before| before.killers().cloned().collect());
        }
        rows.retain(|row| !again.contains(&row.name));
        rows.extend(calm);
    }
    rows.sort_by(|one, other| one.name.cmp(&other.name));
    let needs = common.needs.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(Matrix::new(catalogue, rows, needs, options))
}

/// Runs nodes side by side, and gives their rows as they come.
fn nodes(
    common: &Common,
    names: &[String],
    options: &Options,
    tell: &mut dyn FnMut(&Row),
) -> Result<Vec<Row>, SelftestError> {
    let queue = Mutex::new(names.iter());
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..options.jobs.max(1) {
            let (sender, queue) = (sender.clone(), &queue);
            scope.spawn(move || {
                loop {
                    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some(name) = next else { return };
                    if sender.send(row::row(common, name, options)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let told = receiver.into_iter().inspect(|row| row.iter().for_each(&mut *tell));
        told.collect()
    })
}

/// The layer whose cases wait for nothing: its nodes are soon done.
const SOON_DONE: &str = "document";

/// The order in which nodes begin. First the null nodes, which wait longest. Then the layers side by side, since nodes of
/// one work while those of another wait. Last those that are soon done: at the end nobody is waited for alone.
fn in_order<'c>(mutants: impl Iterator<Item = (&'c String, &'c Mutant)>) -> Vec<String> {
    let mut by_layer: BTreeMap<&str, Vec<(&String, &Mutant)>> = BTreeMap::new();
    for (name, mutant) in mutants {
        by_layer.entry(&mutant.layer).or_default().push((name, mutant));
    }
    let mut placed = Vec::new();
    for (layer, mutants) in by_layer {
        let soon = layer == SOON_DONE;
        for (at, (name, mutant)) in mutants.iter().enumerate() {
            placed.push((mutant.null.is_none(), soon, at * 1000 / mutants.len(), *name));
        }
    }
    placed.sort();
    placed.into_iter().map(|(.., name)| name.clone()).collect()
}

/// The layers of the catalogue's cases.
fn layers(catalogue: &Catalogue) -> BTreeSet<String> {
    catalogue.cases.keys().map(|id| id.layer().to_owned()).collect()
}
