//! Judges evidence. A verdict is a pure function of what was captured: same evidence, same bytes out.
//!
//! No clock, no network, no file but the evidence itself. Certificates are judged at the recorded clock. What a check
//! looks at is in [`checks`], what a refusal is in [`answer`], what comes out in [`run`].

pub mod answer;
pub mod baseline;
pub mod checks;
pub mod ebms;
pub mod run;
pub mod view;

mod claims;
mod control;
mod ledger;
mod one;
mod refusal;

#[cfg(test)]
mod foreign;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use carnet_catalogue::files::Files;
use carnet_catalogue::{Catalogue, Ics, Subject, lock, read};
use rustls_pki_types::{CertificateDer, UnixTime};

use crate::evidence::{BlobRef, Event, Evidence, EvidenceError};
use crate::plan::Plan;
use run::Run;

/// What judging needs beside the events: all of it comes out of the evidence.
#[derive(Debug)]
pub struct Judge {
    pub(crate) catalogue: Catalogue,
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
        let start = &evidence.start;
        let mut files: Files = evidence.files()?;
        let recorded = lock::hash(&files);
        if let Some(dir) = cases {
            files.overlay_cases(dir).map_err(|problem| EvidenceError::Catalogue(problem.into()))?;
        }
        let judged_with = lock::hash(&files);
        let catalogue = carnet_catalogue::from_files(files)?;
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
            catalogue,
            subject,
            ics,
            plan,
            tls_anchors: certificates(&start.tls_anchors)?,
            signing_anchors: certificates(&start.signing_anchors)?,
            known: certificates(&start.known)?,
            clock: UnixTime::since_unix_epoch(std::time::Duration::from_secs(start.clock)),
            suite: run::SuiteSeen {
                version: start.suite.clone(),
                lock: recorded.clone(),
                judged_with: (judged_with != recorded).then_some(judged_with),
            },
            forced: None,
        })
    }

    /// The same with one named check forced to pass: how the suite finds out what that check is good for.
    #[must_use]
    pub fn forcing(self, check: &str) -> Self {
        Self { forced: Some(check.to_owned()), ..self }
    }

    /// Judges all events.
    #[must_use]
    pub fn all(&self, evidence: &Evidence) -> Run {
        let mut attempts =
            view::attempts(&evidence.events, &|reference| evidence.shared(reference).unwrap_or_default());
        for event in evidence.events.iter().filter(|_| !evidence.redacted.is_empty()) {
            let Some((scope, reason)) = event.scope.as_ref().zip(evidence.redaction_of(event)) else { continue };
            for attempt in attempts.iter_mut().filter(|attempt| attempt.scope == *scope) {
                attempt.redacted = Some(reason.to_owned());
            }
        }
        let ledger = self.ledger(evidence);
        control::run(self, &evidence.start.run, &attempts, ledger, is_finished(&evidence.events))
    }

    /// Counts the messages of a run.
    #[must_use]
    pub fn ledger(&self, evidence: &Evidence) -> Ledger {
        let blob = |reference: &BlobRef| evidence.shared(reference).unwrap_or_default();
        let attempts = view::attempts(&evidence.events, &blob);
        ledger::ledger(self, &attempts, &view::run_itself(&evidence.events, &blob))
    }

    /// Judges one execution by itself, without its controls.
    #[must_use]
    pub fn attempt(&self, events: &[Event], blobs: &BTreeMap<String, Arc<Vec<u8>>>) -> Option<Judged> {
        let blob = |reference: &BlobRef| blobs.get(&reference.sha256).cloned().unwrap_or_default();
        let attempts = view::attempts(events, &blob);
        attempts.first().map(|attempt| one::judge(self, attempt))
    }
}

pub(crate) use control::stands;
pub use ledger::{Delivery, FromSubject, Ledger, LedgerFinding, ToSubject};
pub use one::Judged;

fn is_finished(events: &[Event]) -> bool {
    matches!(events.last().map(|event| &event.kind), Some(crate::evidence::Kind::Finished))
}
