//! Judges evidence. A verdict is a pure function of what was captured: same evidence, same bytes out.
//!
//! No clock, no network, no file but the evidence itself. Certificates are judged at the recorded clock. What a check
//! looks at is in [`checks`], what a refusal is in [`answer`], what comes out in [`run`].

pub mod answer;
pub mod baseline;
pub mod checks;
pub mod ebms;
pub mod reading;
pub mod run;
pub mod view;

mod claims;
mod control;
mod ledger;
mod one;
mod refusal;
mod revocation;

#[cfg(test)]
mod foreign;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use carnet_catalogue::case::CaseId;
use carnet_catalogue::files::Files;
use carnet_catalogue::{Catalogue, Ics, Subject, lock, read};
use rustls_pki_types::{CertificateDer, UnixTime};

use crate::evidence::{BlobRef, Event, Evidence, EvidenceError, Kind};
use crate::named;
use crate::plan::Plan;
use run::{CellResult, Run};
use view::Attempt;

/// What judging needs beside the events: all of it comes out of the evidence.
#[derive(Debug, Clone)]
pub struct Judge {
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) subject: Subject,
    pub(crate) ics: Ics,
    pub(crate) plan: Plan,
    pub(crate) tls_anchors: Vec<CertificateDer<'static>>,
    pub(crate) signing_anchors: Vec<CertificateDer<'static>>,
    pub(crate) known: Vec<CertificateDer<'static>>,
    pub(crate) clock: UnixTime,
    pub(crate) suite: run::SuiteSeen,
    pub(crate) forced: Option<String>,
}

/// Judges a folder of evidence with the cases recorded in it.
///
/// # Errors
/// See [`EvidenceError`]: the command line's exit code is 5.
pub fn judge(dir: &Path) -> Result<Run, EvidenceError> {
    judge_with(dir, None)
}

/// Judges a folder of evidence; `cases` replace the recorded catalogue's cases, and the run says so.
///
/// # Errors
/// See [`EvidenceError`].
pub fn judge_with(dir: &Path, cases: Option<&Path>) -> Result<Run, EvidenceError> {
    let evidence = Evidence::open(dir)?;
    let judge = Judge::new(&evidence, cases)?;
    Ok(judge.all(&evidence))
}

impl Judge {
    /// Takes everything but the events out of the evidence.
    ///
    /// # Errors
    /// A recorded document does not read.
    pub fn new(evidence: &Evidence, cases: Option<&Path>) -> Result<Self, EvidenceError> {
        let mut files: Files = evidence.files()?;
        let recorded = lock::hash(&files);
        if let Some(dir) = cases {
            files.overlay_cases(dir).map_err(EvidenceError::Cases)?;
        }
        let judged_with = lock::hash(&files);
        let loaded = carnet_catalogue::from_files(files);
        let catalogue = Arc::new(match cases {
            Some(_) => loaded.map_err(EvidenceError::Cases)?,
            None => loaded?,
        });
        // What was recorded is judged as it is.
        named::check(&catalogue, catalogue.own_cases())?;
        let mut judge = Self::knowing(evidence, &catalogue)?;
        judge.suite.judged_with = (judged_with != recorded).then_some(judged_with);
        judge.suite.lock = recorded;
        Ok(judge)
    }

    /// As [`Judge::new`], for whoever has at hand the catalogue that the evidence was captured with.
    ///
    /// # Errors
    /// A recorded document does not read.
    pub fn knowing(evidence: &Evidence, catalogue: &Arc<Catalogue>) -> Result<Self, EvidenceError> {
        let start = &evidence.start;
        let document = |name: &'static str| move |what: String| EvidenceError::Document { name, what };
        let subject = read::read("subject.toml", evidence.text("subject", &start.subject)?)
            .map_err(|problem| document("subject")(problem.to_string()))?;
        let ics = read::read("ics.toml", evidence.text("ics", &start.ics)?)
            .map_err(|problem| document("ics")(problem.to_string()))?;
        let plan = serde_json::from_str(evidence.text("plan", &start.plan)?)
            .map_err(|error| document("plan")(error.to_string()))?;
        let certificates = |references: &[BlobRef]| {
            references
                .iter()
                .map(|reference| evidence.blob(reference).map(|der| CertificateDer::from(der.to_vec())))
                .collect::<Result<Vec<_>, _>>()
        };
        Ok(Self {
            catalogue: Arc::clone(catalogue),
            subject,
            ics,
            plan,
            tls_anchors: certificates(&start.tls_anchors)?,
            signing_anchors: certificates(&start.signing_anchors)?,
            known: certificates(&start.known)?,
            clock: UnixTime::since_unix_epoch(std::time::Duration::from_secs(start.clock)),
            suite: run::SuiteSeen {
                version: start.suite.clone(),
                // The lock's own digest is the hash over all files.
                lock: start.lock.sha256.clone(),
                judged_with: None,
            },
            forced: None,
        })
    }

    /// The same with one named check forced to pass: how the suite finds out what that check is good for.
    #[must_use]
    pub fn forcing(&self, check: &str) -> Self {
        Self { forced: Some(check.to_owned()), ..self.clone() }
    }

    /// Judges all events.
    #[must_use]
    pub fn all(&self, evidence: &Evidence) -> Run {
        let attempts = attempts(evidence, |_| true);
        let ledger = self.count(evidence, &attempts);
        control::run(self, &evidence.start.run, &attempts, ledger, is_finished(&evidence.events))
    }

    /// Judges the cells of some cases; a case is judged with its control, wherever that is.
    #[must_use]
    pub fn cells(&self, evidence: &Evidence, of: &dyn Fn(&CaseId) -> bool) -> Vec<CellResult> {
        let chosen: BTreeSet<&CaseId> = self.catalogue.cases.keys().filter(|id| of(id)).collect();
        let controls = chosen.iter().filter_map(|id| self.catalogue.cases.get(*id)?.control.as_ref());
        let needed: BTreeSet<&str> = chosen.iter().copied().chain(controls).map(CaseId::as_str).collect();
        let attempts = attempts(evidence, |attempt| needed.contains(attempt.scope.case.as_str()));
        control::cells(self, &attempts, |planned| chosen.contains(&planned.case))
    }

    /// Counts the messages of a run.
    #[must_use]
    pub fn ledger(&self, evidence: &Evidence) -> Ledger {
        self.count(evidence, &attempts(evidence, |_| true))
    }

    fn count(&self, evidence: &Evidence, attempts: &[Attempt]) -> Ledger {
        let counts =
            |event: &&Event| matches!(event.kind, Kind::Bytes { .. } | Kind::ContentKey { .. } | Kind::Hook { .. });
        let redacted = evidence.events.iter().filter(counts).filter(|event| evidence.redaction_of(event).is_some());
        ledger::ledger(self, attempts, &view::run_itself(&evidence.events, &blobs(evidence)), redacted.count())
    }

    /// Judges one execution by itself, without its controls; `blob` gives the bytes that its events name.
    #[must_use]
    pub fn attempt(&self, events: &[Event], blob: &impl Fn(&BlobRef) -> Arc<Vec<u8>>) -> Option<Judged> {
        let attempts = view::attempts(events, blob);
        attempts.first().map(|attempt| one::judge(self, attempt))
    }
}

pub use control::PLAINEST;
pub(crate) use control::stands;
pub use ledger::{Delivery, FromSubject, Ledger, LedgerFinding, ToSubject};
pub use one::Judged;
pub(crate) use revocation::LOADS;

/// The executions that `of` chooses, each with the reason why bytes of it are gone, where they are.
fn attempts(evidence: &Evidence, of: impl Fn(&Attempt) -> bool) -> Vec<Attempt> {
    let mut attempts = view::attempts(&evidence.events, &blobs(evidence));
    attempts.retain(of);
    for event in evidence.events.iter().filter(|_| !evidence.redacted.is_empty()) {
        let Some((scope, reason)) = event.scope.as_ref().zip(evidence.redaction_of(event)) else { continue };
        for attempt in attempts.iter_mut().filter(|attempt| attempt.scope == *scope) {
            attempt.redacted = Some(reason.to_owned());
        }
    }
    attempts
}

fn blobs(evidence: &Evidence) -> impl Fn(&BlobRef) -> Arc<Vec<u8>> {
    |reference| evidence.shared(reference).unwrap_or_default()
}

fn is_finished(events: &[Event]) -> bool {
    matches!(events.last().map(|event| &event.kind), Some(Kind::Finished))
}
