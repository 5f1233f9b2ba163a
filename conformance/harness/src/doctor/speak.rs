//! The points that speak AS4: each is a small case, carried out by the runner and judged by the judge.

use std::path::PathBuf;
use std::sync::Arc;

use carnet_catalogue::case::CaseId;

use super::{Break, Finding, Told, cause, push};
use crate::evidence::{Evidence, EvidenceError, Side};
use crate::judge::Judge;
use crate::judge::view::{self, Attempt};
use crate::own;
use crate::runner::{Event, capture_in_memory};
use crate::setup::Setup;
use crate::{RunError, RunOptions, Verdict};

/// A case of the doctor's own: its id and its text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Own {
    id: &'static str,
    text: &'static str,
}

pub(super) const OUR_PING: Own = Own { id: "doctor.our-ping", text: include_str!("our-ping.toml") };
pub(super) const THEIR_MESSAGE: Own = Own { id: "doctor.their-message", text: include_str!("their-message.toml") };
pub(super) const DOCUMENT: Own = Own { id: "doctor.document", text: include_str!("document.toml") };
pub(super) const DOCUMENT_ANSWERED: Own =
    Own { id: "doctor.document-answered", text: include_str!("document-answered.toml") };

/// Carries the case out and says what came of it.
pub(super) fn look(
    setup: &Arc<Setup>,
    case: Own,
    patience: f64,
    tell: &mut dyn FnMut(Told),
) -> Result<Finding, RunError> {
    let catalogue = own::catalogue(case.id, case.text).map_err(EvidenceError::Catalogue)?;
    let options =
        RunOptions { patience, repeat: 1, ..RunOptions::new(Arc::clone(setup), Arc::new(catalogue), PathBuf::new()) };
    let recorder = capture_in_memory(&options, &mut |event| match event {
        Event::Listening(address) => tell(Told::Listening(address)),
        Event::Prompt(prompt) => tell(Told::Prompt(prompt)),
        _ => {}
    })?;
    let evidence = Evidence::of(&recorder)?;
    let run = Judge::new(&evidence, None)?.all(&evidence);
    let Some(cell) = run.cells.into_iter().find(|cell| cell.case == CaseId::new(case.id)) else {
        return Ok(Finding::NotTried("it was not planned".to_owned()));
    };
    if matches!(cell.verdict, Verdict::NotApplicable | Verdict::Skipped) {
        return Ok(Finding::NotTried(cell.reason.unwrap_or_default()));
    }
    let blob = |reference: &crate::evidence::BlobRef| Arc::new(evidence.blob(reference).unwrap_or_default().to_vec());
    let attempt = view::attempts(&evidence.events, &blob).into_iter().next_back();
    let Some(attempt) = attempt else { return Ok(Finding::NotTried("it was not carried out".to_owned())) };
    Ok(of_attempt(setup, &evidence, &attempt, &cell, patience).into())
}

fn of_attempt(
    setup: &Setup,
    evidence: &Evidence,
    attempt: &Attempt,
    cell: &crate::judge::run::CellResult,
    patience: f64,
) -> Result<String, Break> {
    if let Some((_, reason)) = &attempt.broken {
        return Err(Break::new(format!("we could not carry it out: {reason}"), "correct subject.toml accordingly"));
    }
    let ours = attempt.exchanges.iter().find(|exchange| exchange.side == Side::Suite);
    if let Some(broken) = ours.and_then(|exchange| cause::of_exchange(setup, exchange)) {
        return Err(broken);
    }
    let awaited = attempt.waits.values().next();
    if awaited.is_some_and(|(_, arrived)| !arrived) {
        return Err(push::missing(setup, evidence, attempt, setup.ics.business_within.stretched(patience)));
    }
    match (cell.verdict, cell.findings.first()) {
        (Verdict::Pass | Verdict::Warn, _) => Ok(seen(attempt)),
        (_, Some(finding)) => Err(cause::of_finding(setup, ours, finding)),
        (_, None) => Err(Break::new(
            cell.reason.clone().unwrap_or_else(|| format!("it came to {}", cell.verdict)),
            "run the cases of layer as4 with `carnet run` and look at the report",
        )),
    }
}

fn seen(attempt: &Attempt) -> String {
    let mut seen: Vec<String> = Vec::new();
    seen.extend(attempt.exchanges.iter().find(|exchange| exchange.side == Side::Suite).map(cause::seen));
    if let Some(push) = attempt.pushes().next() {
        let tls = push.tls.as_ref().map_or("plain TCP".to_owned(), |(version, _)| format!("TLS {version}"));
        let by = attempt.prompted.as_deref().map_or(String::new(), |by| format!(", prompted by {}", prompted(by)));
        seen.push(format!("their message came over {tls}{by}, and holds"));
    }
    seen.join("; ")
}

fn prompted(by: &str) -> &str {
    match by {
        "business" => "a document that obliges an answer",
        "hook" => "the `send` hook",
        "operator" => "the operator",
        other => other,
    }
}
