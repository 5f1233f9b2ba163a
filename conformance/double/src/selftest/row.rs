//! One node against its cases.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use carnet_catalogue::case::CaseId;
use carnet_catalogue::{Filters, Safety};
use carnet_harness::evidence::Evidence;
use carnet_harness::judge::run::CellResult;
use carnet_harness::judge::{Judge, PLAINEST};
use carnet_harness::plan::Selection;
use carnet_harness::{Event, ExitCode, RunOptions, Verdict, capture_in_memory};

use super::{Common, Need, Options, SelftestError, layers};
use crate::{Double, Mutation, Serving, peer};

/// What came of a node.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its name; [`DOUBLE`] for the double.
    pub name: String,
    /// Its layer; empty for the double.
    pub layer: String,
    /// Whether it is a null node.
    pub null: bool,
    /// The verdicts of each case that was attempted.
    pub cases: BTreeMap<CaseId, Verdicts>,
    /// What the run would have ended with; of the double and of null nodes, of whom the whole run is judged.
    pub exit: Option<ExitCode>,
    /// Cells that are no pass: case, cell, verdict, why.
    pub deviations: Vec<String>,
    /// Cells that were left out, with the reason; of the double only.
    pub excluded: Vec<(CaseId, String)>,
    /// How long it took.
    pub took: Duration,
    /// What killed it in an earlier run, where this is its second.
    pub before: Option<BTreeSet<CaseId>>,
}

/// The verdicts of a case's cells.
#[derive(Debug, Clone, Default)]
pub struct Verdicts(pub Vec<Verdict>);

impl Verdicts {
    /// A MUST or a SHOULD was found broken.
    #[must_use]
    pub fn kills(&self) -> bool {
        self.0.iter().any(|verdict| matches!(verdict, Verdict::Fail | Verdict::Warn))
    }

    /// Some cell passed.
    #[must_use]
    pub fn passes(&self) -> bool {
        self.0.contains(&Verdict::Pass)
    }
}

impl Row {
    /// The cases that kill it.
    pub fn killers(&self) -> impl Iterator<Item = &CaseId> {
        self.cases.iter().filter(|(_, verdicts)| verdicts.kills()).map(|(id, _)| id)
    }

    /// The cases that kill it in one of two runs.
    #[must_use]
    pub fn wavering(&self) -> Vec<CaseId> {
        let now: BTreeSet<CaseId> = self.killers().cloned().collect();
        self.before.iter().flat_map(|before| before.symmetric_difference(&now)).cloned().collect()
    }

    /// What came of its cells.
    fn take(&mut self, cells: &[CellResult]) {
        for cell in cells {
            if !cell.verdict.attempted() {
                self.excluded.push((cell.case.clone(), cell.reason.clone().unwrap_or_default()));
                continue;
            }
            self.cases.entry(cell.case.clone()).or_default().0.push(cell.verdict);
            if cell.verdict != Verdict::Pass {
                let found: Vec<String> = cell
                    .findings
                    .iter()
                    .map(|found| format!("{}: expected {}, got {}", found.check, found.expected, found.actual))
                    .chain(cell.reason.clone())
                    .collect();
                self.deviations.push(format!("{} {}: {}: {}", cell.case, cell.cell, cell.verdict, found.join("; ")));
            }
        }
    }
}

/// Runs a node.
pub(super) fn row(common: &Common, name: &str, options: &Options) -> Result<Row, SelftestError> {
    let Common { ground, catalogue, .. } = common;
    let began = Instant::now();
    let mutant = catalogue.mutants.get(name);
    let layer = mutant.map(|mutant| mutant.layer.clone()).unwrap_or_default();
    let null = mutant.and_then(|mutant| mutant.null.clone());
    let whole = options.full || mutant.is_none();
    let layers = if whole { layers(catalogue) } else { BTreeSet::from([layer.clone()]) };
    let capture = |setup, patience: f64, tell: &mut dyn FnMut(Event)| {
        let mut run = RunOptions::new(setup, Arc::clone(catalogue), PathBuf::new());
        let only = Filters::ids(layers.iter().map(String::as_str).chain(PLAINEST));
        run.selection = Selection { only, safety: Safety::Destructive, ..Selection::default() };
        run.repeat = 1;
        // Other nodes are sent the same: most of it is signed once.
        (run.id, run.time) = (Some("selftest".to_owned()), Some(ground.time));
        // Nobody watches, and no case is judged by the ledger.
        (run.tells, run.settles) = (false, mutant.is_none());
        run.jobs = 16;
        run.patience = options.patience * patience;
        run.admission = Some(common.admission.permits());
        capture_in_memory(&run, tell)
    };
    let recorder = match &null {
        Some(null) => {
            let serving = Serving::start(peer(null)?, ground.identities().clone(), "127.0.0.1:0")?;
            let setup = ground.setup(name, serving.address(), None)?;
            // Waiting for what never comes is what takes time; what does come, comes soon.
            capture(setup, 0.3, &mut |_| {})?
        }
        None => {
            let double = Double::start(ground, mutant.map(Mutation::of).unwrap_or_default())?;
            let setup = ground.setup(name, double.address(), Some(double.hooks()))?;
            capture(setup, 1.0, &mut |event| match event {
                Event::Listening(address) => double.partner_at(address),
                Event::Publishing(address) => double.publisher_at(address),
                _ => {}
            })?
        }
    };
    let evidence = Evidence::of(&recorder)?;
    let judge = Judge::knowing(&evidence, catalogue)?;
    let mut row = Row {
        name: name.to_owned(),
        layer,
        null: null.is_some(),
        cases: BTreeMap::new(),
        exit: None,
        deviations: Vec::new(),
        excluded: Vec::new(),
        took: Duration::ZERO,
        before: None,
    };
    if mutant.is_some() && null.is_none() {
        let cells = judge.cells(&evidence, &|_| true);
        prove(&judge, &evidence, &cells, name, &common.needs);
        row.take(&cells);
    } else {
        let run = judge.all(&evidence);
        row.exit = Some(run.exit);
        row.take(&run.cells);
    }
    row.took = began.elapsed();
    Ok(row)
}
/// Checks that alone catch this node, or alone catch it in some case, are forced to pass, and the evidence is judged
/// again.
fn prove(judge: &Judge, evidence: &Evidence, cells: &[CellResult], name: &str, needs: &Mutex<BTreeMap<String, Need>>) {
    let mut by_case: BTreeMap<&CaseId, BTreeSet<&str>> = BTreeMap::new();
    for cell in cells.iter().filter(|cell| matches!(cell.verdict, Verdict::Fail | Verdict::Warn)) {
        by_case.entry(&cell.case).or_default().extend(cell.findings.iter().map(|found| found.check.as_str()));
    }
    let all: BTreeSet<&str> = by_case.values().flatten().copied().collect();
    let wanted = |check: &str, strength: &Need| {
        let known = needs.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(check).is_none_or(|need| need.rank() < strength.rank())
    };
    for check in all.iter().copied() {
        let alone: Vec<&CaseId> = by_case
            .iter()
            .filter(|(_, checks)| checks.len() == 1 && checks.contains(check))
            .map(|(id, _)| *id)
            .collect();
        let Some(first) = alone.first() else { continue };
        let need = match all.len() {
            1 => Need::Lives { mutant: name.to_owned() },
            _ => Need::Escapes { mutant: name.to_owned(), case: (*first).clone() },
        };
        if !wanted(check, &need) {
            continue;
        }
        let asked = |id: &CaseId| match &need {
            Need::Lives { .. } => by_case.contains_key(id),
            Need::Escapes { case, .. } => id == case,
        };
        let forced = judge.forcing(check).cells(evidence, &asked);
        if !forced.iter().any(|cell| matches!(cell.verdict, Verdict::Fail | Verdict::Warn)) {
            needs.lock().unwrap_or_else(PoisonError::into_inner).insert(check.to_owned(), need);
        }
    }
}
