//! `report.tap`: the Test Anything Protocol, version 13; for harnesses that read lines.
//!
//! A cell is a test point. PASS and WARN are `ok`, what was left out is `ok # SKIP reason`, everything else is
//! `not ok`: what could not be judged has not passed. What the operator's baseline accepts is `not ok # todo` with its row,
//! and a row that holds no more is `not ok` as a test point of its own. Diagnostics are a YAML block of plain keys and quoted strings.

use std::fmt::Write as _;

use carnet_harness::judge::baseline;
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
    let spent = baseline::spent(run);
    let mut text = format!("TAP version 13\n1..{}\n", source.cells().count() + spent.len());
    let mut number = 0;
    for section in &sections {
        let _ = writeln!(text, "# {}", one_line(section.title));
        for cell in &section.cells {
            number += 1;
            point(&mut text, number, source, cell);
        }
    }
    if !spent.is_empty() {
        text += "# Baseline: rows that hold no more\n";
    }
    for (cell, why) in &spent {
        number += 1;
        let _ = writeln!(text, "not ok {number} - baseline: {}", escape(cell));
        let _ = write!(text, "  ---\n  message: {}\n  ...\n", quote(why));
    }
    let _ = writeln!(text, "# {}: {}", arithmetic(run), by_verdict(run));
    let _ = writeln!(text, "# verdict: {}", run.verdict);
    text
}

fn point(text: &mut String, number: usize, source: &Source<'_>, cell: &CellResult) {
    let accepted = source.accepted(cell);
    let fine = matches!(cell.verdict, Verdict::Pass | Verdict::Warn) || !cell.verdict.attempted();
    let ok = fine && accepted.is_none();
    let _ = write!(text, "{} {number} - {}", if ok { "ok" } else { "not ok" }, escape(&name(cell)));
    if !cell.verdict.attempted() {
        let reason = cell.reason.as_deref().unwrap_or_default();
        let _ = writeln!(text, " # SKIP {}: {}", cell.verdict, escape(reason));
        return;
    }
    if let Some(row) = accepted {
        let _ = write!(text, " # todo {}", escape(&row.says()));
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
