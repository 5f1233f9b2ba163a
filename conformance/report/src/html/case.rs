//! One cell of the run on the page: verdict, reason, findings with the bytes that show them, what it is known to catch.

use carnet_harness::evidence::Kind;
use carnet_harness::judge::run::{CellResult, Finding};
use carnet_harness::verdict::Verdict;

use super::Badge;
use super::sequence::{self, Line};
use super::wire::{self, Messages, Piece};
use crate::Source;
use crate::section::{merged, name};

/// A cell for the template.
pub(super) struct CaseView<'a> {
    pub(super) cell: &'a CellResult,
    pub(super) anchor: String,
    pub(super) name: String,
    pub(super) verdict: Badge,
    pub(super) open: bool,
    pub(super) role: &'static str,
    /// The line under the title where something is wrong: what was found first, or why it was not judged.
    pub(super) headline: Option<&'a str>,
    pub(super) refusal: Option<String>,
    pub(super) control: Option<String>,
    pub(super) why: Option<&'a str>,
    pub(super) seen: Option<&'a str>,
    /// Known-bad nodes that this case catches: name and what is wrong with it.
    pub(super) kills: Vec<(&'a str, &'a str)>,
    pub(super) findings: Vec<FindingView<'a>>,
    pub(super) lines: Vec<Line>,
}

/// A finding with the bytes around what it points at.
pub(super) struct FindingView<'a> {
    pub(super) finding: &'a Finding,
    pub(super) number: usize,
    pub(super) checks: String,
    pub(super) events: Vec<u64>,
    pub(super) range: Option<String>,
    pub(super) excerpt: Vec<Piece>,
}

impl<'a> CaseView<'a> {
    pub(super) fn new(source: &'a Source<'_>, cell: &'a CellResult, open: bool, messages: &mut Messages) -> Self {
        let case = source.catalogue.cases.get(&cell.case);
        let mutants = &source.catalogue.mutants;
        let kills = case.map_or(&[][..], |case| &case.kills).iter();
        Self {
            cell,
            anchor: anchor(cell),
            name: name(cell),
            verdict: Badge::of(cell.verdict),
            open,
            role: match cell.role {
                carnet_catalogue::Role::Responder => "responder",
                carnet_catalogue::Role::Initiator => "initiator",
                carnet_catalogue::Role::Both => "both",
            },
            headline: headline(cell),
            refusal: cell.refusal.as_ref().map(|refusal| format!("{}: {}", refusal.layer, refusal.codes.join(", "))),
            control: cell.control.as_ref().map(|control| {
                let said = |verdict: Option<Verdict>| verdict.map_or("not run", Verdict::as_str);
                format!("{}: {} before, {} after", control.case, said(control.before), said(control.after))
            }),
            why: case.map(|case| case.explain.why.as_str()),
            seen: case.map(|case| case.explain.seen.as_str()).filter(|_| !cell.findings.is_empty()),
            kills: kills
                .map(|kill| (kill.as_str(), mutants.get(kill).map_or("", |mutant| mutant.title.as_str())))
                .collect(),
            findings: merged(&cell.findings)
                .into_iter()
                .zip(1..)
                .map(|(one, number)| view(source, number, one))
                .collect(),
            lines: sequence::lines(source, cell, messages),
        }
    }
}

/// The id of a cell's element.
pub(super) fn anchor(cell: &CellResult) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' };
    format!("case-{}", name(cell).chars().map(safe).collect::<String>())
}

fn headline(cell: &CellResult) -> Option<&str> {
    let first = || cell.findings.first().map(|finding| finding.actual.as_str());
    if cell.verdict == Verdict::Pass { None } else { cell.reason.as_deref().or_else(first) }
}

fn view<'a>(source: &Source<'_>, number: usize, (finding, checks): (&'a Finding, String)) -> FindingView<'a> {
    let mut events = finding.events.clone();
    events.dedup();
    let excerpt = finding.range.and_then(|range| match &source.event(range.event)?.kind {
        Kind::Bytes { blob, .. } => {
            let bytes = source.evidence.blob(blob).ok()?;
            Some(wire::around(bytes, range.start..range.end))
        }
        _ => None,
    });
    FindingView {
        finding,
        number,
        checks,
        events,
        range: finding.range.map(|range| format!("bytes {} to {} of event {}", range.start, range.end, range.event)),
        excerpt: excerpt.unwrap_or_default(),
    }
}
