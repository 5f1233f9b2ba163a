//! `report.tap`: the Test Anything Protocol, version 13; for harnesses that read lines.
//!
//! A cell is a test point. PASS and WARN are `ok`, what was left out is `ok # SKIP reason`, everything else is
//! `not ok`: what could not be judged has not passed. Diagnostics are a YAML block of plain keys and quoted strings.

use std::fmt::Write as _;

use carnet_harness::judge::run::CellResult;
use carnet_harness::verdict::Verdict;

use crate::section::{arithmetic, by_verdict, name, one_line, sections};
use crate::{Format, Source};

pub(crate) const FORMAT: Format = Format {
    name: "tap",
    file: "report.tap",
    reader: "TAP harnesses (prove, tappy)",
    render: |source| Ok(render(source)),
};

fn render(source: &Source<'_>) -> String {
    let run = source.run;
    let sections = sections(source.cells());
    let mut text = format!("TAP version 13\n1..{}\n", source.cells().count());
    let mut number = 0;
    for section in &sections {
        let _ = writeln!(text, "# {}", one_line(section.title));
        for cell in &section.cells {
            number += 1;
            point(&mut text, number, cell);
        }
    }
    let _ = writeln!(text, "# {}: {}", arithmetic(run), by_verdict(run));
    let _ = writeln!(text, "# verdict: {}", run.verdict);
    text
}

fn point(text: &mut String, number: usize, cell: &CellResult) {
    let ok = matches!(cell.verdict, Verdict::Pass | Verdict::Warn) || !cell.verdict.attempted();
    let _ = write!(text, "{} {number} - {}", if ok { "ok" } else { "not ok" }, escape(&name(cell)));
    if !cell.verdict.attempted() {
        let reason = cell.reason.as_deref().unwrap_or_default();
        let _ = writeln!(text, " # SKIP {}: {}", cell.verdict, escape(reason));
        return;
    }
    text.push('\n');
    if cell.verdict == Verdict::Pass {
        return;
    }
    *text += "  ---\n";
    let _ = writeln!(text, "  verdict: {}", quote(cell.verdict.as_str()));
    let _ = writeln!(text, "  message: {}", quote(&cell.title));
    if let Some(reason) = &cell.reason {
        let _ = writeln!(text, "  reason: {}", quote(reason));
    }
    if !cell.findings.is_empty() {
        *text += "  findings:\n";
    }
    for finding in &cell.findings {
        let _ = writeln!(text, "    - requirement: {}", quote(finding.requirement.as_str()));
        let rest = [
            ("level", finding.level.to_string()),
            ("check", finding.check.clone()),
            ("expected", finding.expected.clone()),
            ("actual", finding.actual.clone()),
            ("fix", finding.fix.clone()),
        ];
        for (key, value) in rest {
            let _ = writeln!(text, "      {key}: {}", quote(&value));
        }
    }
    *text += "  ...\n";
}

/// A description: `#` begins a directive, a backslash escapes.
fn escape(text: &str) -> String {
    one_line(text).replace('\\', "\\\\").replace('#', "\\#")
}

/// A YAML string in double quotes.
fn quote(text: &str) -> String {
    format!("\"{}\"", one_line(text).replace('\\', "\\\\").replace('"', "\\\""))
}
