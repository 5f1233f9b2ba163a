//! `junit.xml`: a suite per layer, a test case per cell; for CI systems.
//!
//! JUnit knows success, failure, error and skipped. A FAIL is a failure; what could not be judged is an error, so
//! that no reader counts it as passed; what was left out is skipped, with its reason; a WARN is a success whose
//! output names the finding. What the operator's baseline accepts is skipped with its row, never a success, and a row
//! that holds no more is a failure of its own, as the run ends with exit 1. Keeps to the schema of Jenkins' xUnit plugin (`junit-10.xsd`).

use std::fmt::Write as _;

use carnet_catalogue::baseline::Accept;
use carnet_harness::judge::baseline;
use carnet_harness::judge::run::CellResult;
use carnet_harness::verdict::Verdict;

use crate::section::{Section, merged, name, sections};
use crate::xml::Element;
use crate::{Format, Source};

pub(crate) const FORMAT: Format = Format {
    name: "junit",
    file: "junit.xml",
    reader: "CI systems that show tests (Jenkins, GitLab)",
    render: |source| Ok(render(source)),
};

fn render(source: &Source<'_>) -> String {
    let suites = sections(source.cells());
    let spent = baseline::spent(source.run);
    let count = |outcome| source.cells().filter(|cell| Outcome::of(source, cell) == outcome).count();
    Element::new("testsuites")
        .attr("name", format!("carnet: {}", source.run.subject.name))
        .attr("tests", source.cells().count() + spent.len())
        .attr("failures", count(Outcome::Failure) + spent.len())
        .attr("errors", count(Outcome::Error))
        .attr("time", seconds(source.cells().filter_map(|cell| source.took(cell)).sum()))
        .children(suites.iter().map(|section| suite(source, section)))
        .children(Some(&spent).filter(|spent| !spent.is_empty()).map(|spent| rows(spent)))
        .document()
}

/// What JUnit can say.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Success,
    Failure,
    Error,
    Skipped,
}

impl Outcome {
    fn of(source: &Source<'_>, cell: &CellResult) -> Self {
        if source.accepted(cell).is_some() {
            return Self::Skipped;
        }
        match cell.verdict {
            Verdict::Pass | Verdict::Warn => Self::Success,
            Verdict::Fail => Self::Failure,
            Verdict::Inconclusive | Verdict::Review | Verdict::Error => Self::Error,
            Verdict::NotApplicable | Verdict::Skipped => Self::Skipped,
        }
    }
}

fn suite(source: &Source<'_>, section: &Section<'_>) -> Element {
    let count = |outcome| section.cells.iter().filter(|cell| Outcome::of(source, cell) == outcome).count();
    let counts = [count(Outcome::Failure), count(Outcome::Error), count(Outcome::Skipped)];
    let took = section.cells.iter().filter_map(|cell| source.took(cell)).sum();
    test_suite(section.layer, counts, took, section.cells.iter().map(|cell| test_case(source, cell)).collect())
}

/// A suite with so many failures, errors and skipped, that took so many microseconds.
fn test_suite(name: &str, [failures, errors, skipped]: [usize; 3], took: u64, cases: Vec<Element>) -> Element {
    Element::new("testsuite")
        .attr("name", name)
        .attr("tests", cases.len())
        .attr("failures", failures)
        .attr("errors", errors)
        .attr("skipped", skipped)
        .attr("time", seconds(took))
        .children(cases)
}

fn test_case(source: &Source<'_>, cell: &CellResult) -> Element {
    let case = Element::new("testcase")
        .attr("name", name(cell))
        .attr("classname", format!("carnet.{}", cell.layer))
        .attr("time", seconds(source.took(cell).unwrap_or_default()));
    let told = |tag| {
        let first = cell.findings.first().map(|finding| finding.actual.clone());
        Element::text(tag, details(cell))
            .attr("message", cell.reason.clone().or(first).unwrap_or_else(|| cell.title.clone()))
            .attr("type", cell.verdict)
    };
    match Outcome::of(source, cell) {
        Outcome::Success if cell.verdict == Verdict::Warn => case.child(Element::text("system-out", details(cell))),
        Outcome::Success => case,
        Outcome::Failure => case.child(told("failure")),
        Outcome::Error => case.child(told("error")),
        Outcome::Skipped => {
            let left_out = || format!("{}: {}", cell.verdict, cell.reason.as_deref().unwrap_or_default());
            let row = source.accepted(cell);
            let skipped = Element::new("skipped").attr("message", row.map_or_else(left_out, Accept::says));
            case.child(skipped).children(row.map(|_| Element::text("system-out", details(cell))))
        }
    }
}

/// Rows of the baseline that hold no more.
fn rows(spent: &[(String, String)]) -> Element {
    let case = |(cell, why): &(String, String)| {
        let failure = Element::text("failure", why).attr("message", why).attr("type", Verdict::Fail);
        Element::new("testcase")
            .attr("name", cell)
            .attr("classname", "carnet.baseline")
            .attr("time", seconds(0))
            .child(failure)
    };
    test_suite("baseline", [spent.len(), 0, 0], 0, spent.iter().map(case).collect())
}

/// Microseconds as JUnit writes them.
fn seconds(micros: u64) -> String {
    format!("{}.{:03}", micros / 1_000_000, micros % 1_000_000 / 1_000)
}

fn details(cell: &CellResult) -> String {
    let mut text = format!("{}\n", cell.title);
    for (finding, checks) in merged(&cell.findings) {
        let _ = write!(
            text,
            "{} {} ({})\n  expected: {}\n  actual: {}\n  fix: {}\n",
            finding.requirement, finding.level, checks, finding.expected, finding.actual, finding.fix
        );
    }
    text
}
