//! What a report is made from: the judged run, and what the evidence holds beside it.

use std::collections::BTreeMap;

use carnet_catalogue::baseline::Accept;
use carnet_catalogue::{Catalogue, Ics, read};
use carnet_harness::evidence::{Event, Evidence, EvidenceError, Kind, Scope};
use carnet_harness::judge::run::{CellResult, Run};

use crate::section;

/// A judged run with its evidence.
#[derive(Debug)]
pub struct Source<'a> {
    pub(crate) run: &'a Run,
    pub(crate) evidence: &'a Evidence,
    pub(crate) catalogue: Catalogue,
    pub(crate) ics: Ics,
    ledger: Option<CellResult>,
    executions: BTreeMap<&'a Scope, Vec<&'a Event>>,
}

impl<'a> Source<'a> {
    /// Takes catalogue and claims out of the evidence that `run` was judged from.
    ///
    /// # Errors
    /// A recorded document is missing or does not read.
    pub fn new(run: &'a Run, evidence: &'a Evidence) -> Result<Self, EvidenceError> {
        let catalogue = carnet_catalogue::from_files(evidence.files()?)?;
        let ics = read::read("ics.toml", evidence.text("ics", &evidence.start.ics)?)
            .map_err(|problem| EvidenceError::Document { name: "ics", what: problem.to_string() })?;
        let mut executions: BTreeMap<&Scope, Vec<&Event>> = BTreeMap::new();
        for event in &evidence.events {
            if let Some(scope) = &event.scope {
                executions.entry(scope).or_default().push(event);
            }
        }
        let fetched = evidence.events.iter().filter(|event| matches!(event.kind, Kind::Fetched { .. }));
        let fetched: Vec<&Event> = fetched.collect();
        for own in executions.values_mut().filter(|_| !fetched.is_empty()) {
            let (begin, end) = (own.first().map_or(0, |event| event.seq), own.last().map_or(0, |event| event.seq));
            own.extend(fetched.iter().filter(|event| (begin..end).contains(&event.seq)));
            own.sort_by_key(|event| event.seq);
        }
        let ledger = section::ledger(run, &catalogue);
        Ok(Self { run, evidence, catalogue, ics, ledger, executions })
    }

    /// The cells of the run, and what its ledger found as one more.
    pub(crate) fn cells(&self) -> impl Iterator<Item = &CellResult> {
        self.run.cells.iter().chain(&self.ledger)
    }

    /// The row of the operator's baseline that accepts what came of a cell.
    pub(crate) fn accepted(&self, cell: &CellResult) -> Option<&Accept> {
        self.run.baseline.as_ref()?.accepts(cell)
    }

    /// The execution of a cell that its result speaks of: the one its findings point into, else the last. With it goes what
    /// was fetched from the suite meanwhile, for whichever case.
    pub(crate) fn execution(&self, cell: &CellResult) -> &[&'a Event] {
        let shown = cell.findings.iter().flat_map(|finding| &finding.events).next();
        let own = |seq: u64| shown.is_none_or(|shown| *shown >= seq);
        let begin = cell.events.iter().rev().find(|(begin, _)| own(*begin)).or(cell.events.last());
        let scope = begin.and_then(|(begin, _)| self.event(*begin)).and_then(|event| event.scope.as_ref());
        scope.and_then(|scope| self.executions.get(scope)).map_or(&[], Vec::as_slice)
    }

    /// The event of that number.
    pub(crate) fn event(&self, seq: u64) -> Option<&'a Event> {
        let index = usize::try_from(seq).ok()?.checked_sub(1)?;
        self.evidence.events.get(index)
    }

    /// When the run began, RFC 3339 UTC.
    pub(crate) fn began(&self) -> &'a str {
        self.evidence.events.first().map_or("1970-01-01T00:00:00Z", |event| event.at.as_str())
    }

    /// When the run ended, RFC 3339 UTC.
    pub(crate) fn ended(&self) -> &'a str {
        self.evidence.events.last().map_or(self.began(), |event| event.at.as_str())
    }

    /// Microseconds that all executions of a cell took; none when it was left out.
    pub(crate) fn took(&self, cell: &CellResult) -> Option<u64> {
        let one = |(begin, end): &(u64, u64)| Some(self.event(*end)?.mono.saturating_sub(self.event(*begin)?.mono));
        cell.events.iter().map(one).sum::<Option<u64>>().filter(|_| !cell.events.is_empty())
    }
}
