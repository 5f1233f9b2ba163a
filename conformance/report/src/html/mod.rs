//! `report.html`: one self-contained page for people; it works from a USB stick and fetches nothing.
//!
//! What came of each case, its sequence diagram and its findings are plain markup. The messages themselves are
//! compressed into the page ([`wire`]) and unpacked when a reader opens one.

mod case;
mod sequence;
mod wire;

use askama::Template;
use carnet_harness::judge::run::{Contradiction, Finding, Run};
use carnet_harness::judge::{Ledger, baseline};
use carnet_harness::verdict::Verdict;

use crate::requirement::{Row, rows, tally};
use crate::section::{arithmetic, by_verdict, name, sections};
use crate::{Format, ReportError, Source};
use case::CaseView;
use wire::Messages;

pub(crate) const FORMAT: Format =
    Format { name: "html", file: "report.html", reader: "people: open it in a browser", render };

/// Up to this many failures are open when the page is.
const OPEN: usize = 8;

fn render(source: &Source<'_>) -> Result<String, ReportError> {
    let run = source.run;
    let mut messages = Messages::default();
    let mut open = OPEN;
    let sections: Vec<SectionView<'_>> = sections(source.cells())
        .into_iter()
        .map(|section| SectionView {
            layer: section.layer,
            title: section.title,
            verdict: section.verdict.map(Badge::of),
            passed: section.cells.iter().filter(|cell| cell.verdict == Verdict::Pass).count(),
            attempted: section.cells.iter().filter(|cell| cell.attempted()).count(),
            cases: section
                .cells
                .iter()
                .map(|cell| {
                    let shown = matches!(cell.verdict, Verdict::Fail | Verdict::Error) && open > 0;
                    open -= usize::from(shown);
                    CaseView::new(source, cell, shown, &mut messages)
                })
                .collect(),
        })
        .collect();
    let rows = rows(source);
    let page = Page {
        run,
        arithmetic: arithmetic(run),
        by_verdict: by_verdict(run),
        requirements: tally(&rows).arithmetic(),
        verdict: Badge::of(run.verdict),
        claims: claims(source),
        repairs: repairs(source),
        ledger: run.ledger.iter().flat_map(Ledger::lines).collect(),
        spent: baseline::spent(run),
        sections,
        sources: clauses(rows),
        messages: messages.packed()?,
    };
    Ok(page.render()?)
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    run: &'a Run,
    arithmetic: String,
    by_verdict: String,
    requirements: String,
    verdict: Badge,
    /// What the ICS claims in vain, with the anchor of the cell that shows it.
    claims: Vec<(&'a Contradiction, String)>,
    repairs: Vec<Repair<'a>>,
    /// The conservation of messages, a line for each direction.
    ledger: Vec<String>,
    /// Rows of the baseline that hold no more: the cell, and why.
    spent: Vec<(String, String)>,
    sections: Vec<SectionView<'a>>,
    sources: Vec<Clauses<'a>>,
    messages: String,
}

/// A verdict with its style class.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Badge {
    pub(crate) text: &'static str,
    pub(crate) class: &'static str,
}

impl Badge {
    pub(crate) fn of(verdict: Verdict) -> Self {
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
    cases: Vec<CaseView<'a>>,
}

/// One thing to mend, with every case that asks for it.
struct Repair<'a> {
    finding: &'a Finding,
    verdict: Badge,
    /// Name of each cell and its anchor.
    cases: Vec<(String, String)>,
}

fn claims<'a>(source: &'a Source<'_>) -> Vec<(&'a Contradiction, String)> {
    let shows = |claim: &Contradiction| {
        source.cells().find(|cell| cell.case == claim.probe && cell.verdict == Verdict::Fail).map(case::anchor)
    };
    source.run.contradictions.iter().map(|claim| (claim, shows(claim).unwrap_or_default())).collect()
}

/// Findings by requirement and fix, broken MUSTs first, then what most cases ask for.
fn repairs<'a>(source: &'a Source<'_>) -> Vec<Repair<'a>> {
    let mut repairs: Vec<Repair<'a>> = Vec::new();
    for cell in source.cells() {
        for finding in &cell.findings {
            let known = repairs
                .iter_mut()
                .find(|repair| repair.finding.requirement == finding.requirement && repair.finding.fix == finding.fix);
            let case = (name(cell), case::anchor(cell));
            match known {
                Some(repair) if repair.cases.contains(&case) => {}
                Some(repair) => repair.cases.push(case),
                None => repairs.push(Repair { finding, verdict: Badge::of(cell.verdict), cases: vec![case] }),
            }
        }
    }
    repairs.sort_by_key(|repair| (std::cmp::Reverse(repair.finding.level), std::cmp::Reverse(repair.cases.len())));
    repairs
}

/// The requirements that one text asks for.
struct Clauses<'a> {
    source: &'a str,
    summary: String,
    rows: Vec<ClauseView<'a>>,
}

struct ClauseView<'a> {
    row: Row<'a>,
    level: String,
    verdict: Option<Badge>,
}

fn clauses(rows: Vec<Row<'_>>) -> Vec<Clauses<'_>> {
    let mut sources: Vec<Clauses<'_>> = Vec::new();
    for row in rows {
        let source = row.requirement.source.as_str();
        let view = ClauseView { level: row.requirement.level.to_string(), verdict: row.verdict.map(Badge::of), row };
        match sources.iter_mut().find(|known| known.source == source) {
            Some(known) => known.rows.push(view),
            None => sources.push(Clauses { source, summary: String::new(), rows: vec![view] }),
        }
    }
    // Our own wishes come last; before them what asks for most.
    sources.sort_by_key(|clauses| (clauses.source == "carnet", std::cmp::Reverse(clauses.rows.len())));
    for clauses in &mut sources {
        let judged = |view: &&ClauseView<'_>| view.row.is_judged();
        let passed = clauses.rows.iter().filter(|view| view.row.verdict == Some(Verdict::Pass)).count();
        let judged = clauses.rows.iter().filter(judged).count();
        clauses.summary = format!("{} requirements, {judged} judged, {passed} passed", clauses.rows.len());
    }
    sources
}
