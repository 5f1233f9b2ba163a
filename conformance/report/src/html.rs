//! `report.html`: one self-contained page for people. Styles and script are inline; nothing is fetched.

use askama::Template;
use carnet_catalogue::Catalogue;
use carnet_harness::evidence::Evidence;
use carnet_harness::judge::run::{CellResult, Run};
use carnet_harness::verdict::Verdict;

use crate::ReportError;
use crate::section::{arithmetic, by_verdict, name, sections};
use crate::wire::{Row, rows};

/// The page. The catalogue gives clauses and statements, the evidence what went over the wire.
///
/// # Errors
/// When the template does not render.
pub fn render(run: &Run, catalogue: &Catalogue, evidence: &Evidence) -> Result<String, ReportError> {
    let page = Page {
        run,
        arithmetic: arithmetic(run),
        by_verdict: by_verdict(run),
        verdict: Badge::of(run.verdict),
        sections: sections(run)
            .into_iter()
            .map(|section| SectionView {
                layer: section.layer,
                title: section.title,
                verdict: section.verdict.map(Badge::of),
                passed: section.cells.iter().filter(|cell| cell.verdict == Verdict::Pass).count(),
                attempted: section.cells.iter().filter(|cell| cell.verdict.attempted()).count(),
                cells: section.cells.iter().map(|cell| CellView::new(cell, catalogue, evidence)).collect(),
            })
            .collect(),
        clauses: clauses(run, catalogue),
    };
    Ok(page.render()?)
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    run: &'a Run,
    arithmetic: String,
    by_verdict: String,
    verdict: Badge,
    sections: Vec<SectionView<'a>>,
    clauses: Vec<Clause<'a>>,
}

/// A verdict with its style class.
struct Badge {
    text: &'static str,
    class: &'static str,
}

impl Badge {
    fn of(verdict: Verdict) -> Self {
        let class = match verdict {
            Verdict::Pass => "pass",
            Verdict::Warn | Verdict::Review => "warn",
            Verdict::Fail | Verdict::Error => "fail",
            Verdict::Inconclusive => "open",
            Verdict::NotApplicable | Verdict::Skipped => "none",
        };
        Self { text: verdict.as_str(), class }
    }
}

struct SectionView<'a> {
    layer: &'a str,
    title: &'static str,
    verdict: Option<Badge>,
    passed: usize,
    attempted: usize,
    cells: Vec<CellView<'a>>,
}

struct CellView<'a> {
    cell: &'a CellResult,
    name: String,
    verdict: Badge,
    role: &'static str,
    refusal: Option<String>,
    why: Option<&'a str>,
    rows: Vec<Row>,
}

impl<'a> CellView<'a> {
    fn new(cell: &'a CellResult, catalogue: &'a Catalogue, evidence: &Evidence) -> Self {
        let case = catalogue.cases.get(&cell.case);
        Self {
            cell,
            name: name(cell),
            verdict: Badge::of(cell.verdict),
            role: match cell.role {
                carnet_catalogue::Role::Responder => "responder",
                carnet_catalogue::Role::Initiator => "initiator",
                carnet_catalogue::Role::Both => "both",
            },
            refusal: cell.refusal.as_ref().map(|refusal| format!("{}: {}", refusal.layer, refusal.codes.join(", "))),
            why: case.map(|case| case.explain.why.as_str()),
            rows: rows(evidence, cell),
        }
    }
}

/// A requirement that the run has something to say about.
struct Clause<'a> {
    id: &'a str,
    level: String,
    source: &'a str,
    clause: &'a str,
    statement: &'a str,
    verdict: Badge,
}

fn clauses<'a>(run: &'a Run, catalogue: &'a Catalogue) -> Vec<Clause<'a>> {
    let row = |(id, verdict): (&'a carnet_catalogue::RequirementId, &Verdict)| {
        let row = catalogue.requirements.get(id)?;
        Some(Clause {
            id: id.as_str(),
            level: row.level.to_string(),
            source: &row.source,
            clause: &row.clause,
            statement: &row.statement,
            verdict: Badge::of(*verdict),
        })
    };
    run.requirements.iter().filter_map(row).collect()
}
