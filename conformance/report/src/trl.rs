//! `gitb-trl.xml`: a conformance statement report in the GITB Test Reporting Language, for the EU Interoperability
//! Test Bed and what reads its reports. Keeps to `gitb_tr.xsd` and `gitb_core.xsd` of the GITB types 1.25.
//!
//! TRL knows SUCCESS, FAILURE, WARNING and UNDEFINED. What could not be judged and what was left out is UNDEFINED and
//! counts as incomplete; a left out cell is disabled. Times are those of the evidence.

use carnet_catalogue::Level;
use carnet_harness::judge::run::{CellResult, Finding};
use carnet_harness::verdict::Verdict;

use crate::section::{Section, name, sections};
use crate::xml::Element;
use crate::{Format, Source};

pub(crate) const FORMAT: Format = Format {
    name: "trl",
    file: "gitb-trl.xml",
    reader: "the GITB test bed: a conformance statement report",
    render: |source| Ok(render(source)),
};

fn render(source: &Source<'_>) -> String {
    let run = source.run;
    let sections = sections(source.cells());
    Element::new("ConformanceStatementReport")
        .attr("xmlns", "http://www.gitb.com/tr/v1/")
        .attr("xmlns:gitb", "http://www.gitb.com/core/v1/")
        .attr("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance")
        .child(Element::new("metadata").child(Element::text("reportTime", source.ended())))
        .child(
            Element::new("statement")
                .attr("id", &run.run)
                .child(definition(source))
                .child(summary(source))
                .child(Element::text("lastUpdate", source.ended()))
                .child(Element::new("testOverview").children(sections.iter().map(suite)))
                .child(
                    Element::new("testDetails")
                        .children(sections.iter().flat_map(|section| &section.cells).map(|cell| details(source, cell))),
                ),
        )
        .document()
}

fn definition(source: &Source<'_>) -> Element {
    let subject = &source.run.subject;
    let system = Element::new("system").child(Element::text("name", &subject.product));
    let system =
        if subject.version.is_empty() { system } else { system.child(Element::text("version", &subject.version)) };
    let item = |tag, name: &str, description: String| {
        Element::new(tag).child(Element::text("name", name)).child(Element::text("description", description))
    };
    let roles: Vec<String> = source.ics.roles.iter().map(|role| format!("{role:?}").to_lowercase()).collect();
    Element::new("definition")
        .child(
            Element::new("party")
                .child(Element::new("organisation").child(Element::text("name", &subject.name)))
                .child(system.child(Element::text("description", format!("party {}", subject.party)))),
        )
        .child(item("domain", "Customs to customs", format!("Carnet {}", source.run.suite.version)))
        .child(item("specification", &subject.profile, format!("suite lock {}", source.run.suite.lock)))
        .child(item("actor", "Node", format!("roles: {}", roles.join(", "))))
}

/// The counts: what is left out is ignored, as the test bed does with disabled test cases.
fn summary(source: &Source<'_>) -> Element {
    let count = |attempted, results: &[&str]| {
        let counted =
            |cell: &&CellResult| cell.verdict.attempted() == attempted && results.contains(&result(cell.verdict));
        source.cells().filter(counted).count()
    };
    Element::new("summary")
        .child(Element::text("status", result(source.run.verdict)))
        .child(Element::text("succeeded", count(true, &["SUCCESS", "WARNING"])))
        .child(Element::text("failed", count(true, &["FAILURE"])))
        .child(Element::text("incomplete", count(true, &["UNDEFINED"])))
        .child(Element::text("succeededIgnored", 0))
        .child(Element::text("failedIgnored", 0))
        .child(Element::text("incompleteIgnored", count(false, &["UNDEFINED"])))
}

fn suite(section: &Section<'_>) -> Element {
    Element::new("testSuite")
        .child(
            Element::new("metadata")
                .child(Element::text("gitb:name", section.layer))
                .child(Element::text("gitb:description", section.title)),
        )
        .child(Element::text("result", section.verdict.map_or("UNDEFINED", result)))
        .child(Element::new("testCases").children(section.cells.iter().map(|cell| {
            Element::new("testCase")
                .attr("optional", cell.level != Level::Must)
                .attr("disabled", !cell.verdict.attempted())
                .attr("ref", name(cell))
                .child(metadata(cell))
                .child(Element::text("result", result(cell.verdict)))
        })))
}

fn metadata(cell: &CellResult) -> Element {
    Element::new("metadata")
        .child(Element::text("gitb:name", name(cell)))
        .child(Element::text("gitb:type", "CONFORMANCE"))
        .child(Element::text("gitb:description", &cell.title))
}

fn details(source: &Source<'_>, cell: &CellResult) -> Element {
    let at = |seq: u64| source.event(seq).map_or_else(|| source.began(), |event| event.at.as_str());
    let start = cell.events.first().map_or_else(|| source.began(), |(begin, _)| at(*begin));
    let case =
        Element::new("testCase").attr("id", name(cell)).child(metadata(cell)).child(Element::text("startTime", start));
    let case = match cell.events.last() {
        Some((_, end)) => case.child(Element::text("endTime", at(*end))),
        None => case,
    };
    let case = case.child(Element::text("result", result(cell.verdict)));
    let case = match &cell.reason {
        Some(reason) => case.child(Element::text("message", format!("{}: {reason}", cell.verdict))),
        None => case,
    };
    let end = cell.events.last().map_or(start, |(_, end)| at(*end));
    case.child(Element::new("steps").children(cell.checks.iter().map(|check| step(cell, check, end))))
}

/// A check of the case with what it found.
fn step(cell: &CellResult, check: &str, at: &str) -> Element {
    let found: Vec<&Finding> = cell.findings.iter().filter(|finding| finding.check == check).collect();
    let broken = found.iter().any(|finding| finding.level == Level::Must);
    let result = match found.as_slice() {
        // What a case does not decide, none of its checks has passed.
        [] if matches!(cell.verdict, Verdict::Inconclusive | Verdict::Review | Verdict::Error) => "UNDEFINED",
        [] => "SUCCESS",
        _ if broken => "FAILURE",
        _ => "WARNING",
    };
    let errors = found.iter().filter(|finding| finding.level == Level::Must).count();
    let mut report = Element::new("report")
        .attr("xsi:type", "TAR")
        .attr("name", check)
        .child(Element::text("date", at))
        .child(Element::text("result", result))
        .child(
            Element::new("counters")
                .child(Element::text("nrOfAssertions", found.len().max(1)))
                .child(Element::text("nrOfErrors", errors))
                .child(Element::text("nrOfWarnings", found.len() - errors)),
        );
    if !found.is_empty() {
        report = report.child(Element::new("reports").children(found.into_iter().map(assertion)));
    }
    Element::new("step").attr("id", check).child(Element::text("description", check)).child(report)
}

fn assertion(finding: &Finding) -> Element {
    let tag = if finding.level == Level::Must { "error" } else { "warning" };
    let place = finding
        .xpath
        .clone()
        .or_else(|| finding.range.map(|range| format!("event {}, bytes {}-{}", range.event, range.start, range.end)));
    let report = Element::new(tag)
        .attr("xsi:type", "BAR")
        .child(Element::text("assertionID", &finding.requirement))
        .child(Element::text("description", format!("expected: {}; fix: {}", finding.expected, finding.fix)));
    let report = match place {
        Some(place) => report.child(Element::text("location", place)),
        None => report,
    };
    report.child(Element::text("value", &finding.actual))
}

fn result(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "SUCCESS",
        Verdict::Fail => "FAILURE",
        Verdict::Warn => "WARNING",
        Verdict::Inconclusive | Verdict::Review | Verdict::Error | Verdict::NotApplicable | Verdict::Skipped => {
            "UNDEFINED"
        }
    }
}
