//! `summary.md`: the run on one page of Markdown, for the job summary of a pipeline or a merge request.
//!
//! Holds no time, host or port, and no event number, so that two runs that came to the same differ in nothing but
//! what the subject did. Text of the subject's is escaped: it can be neither markup nor a table's edge.

use std::fmt::Write as _;

use carnet_harness::judge::run::CellResult;
use carnet_harness::judge::{Ledger, baseline};
use carnet_harness::verdict::Verdict;

use crate::requirement::{rows, tally};
use crate::section::{arithmetic, by_reason, by_verdict, merged, name, sections};
use crate::{Format, Source};

pub(crate) const FORMAT: Format = Format {
    name: "summary",
    file: "summary.md",
    reader: "a pipeline's job summary, a merge request",
    render: |source| {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = fill(&mut text, source);
        Ok(text)
    },
};

/// Failures shown in full; a summary page that nobody can load helps nobody.
const LONGEST: usize = 100;

fn fill(text: &mut String, source: &Source<'_>) -> std::fmt::Result {
    let run = source.run;
    let subject = &run.subject;
    writeln!(text, "## {}: {}\n", run.verdict, escape(&subject.name))?;
    let product = format!("{} {}", subject.product, subject.version);
    writeln!(
        text,
        "Party `{}`, {}, profile `{}`. Carnet {}, suite lock `{}`.\n",
        code(&subject.party),
        escape(product.trim_end()),
        code(&subject.profile),
        run.suite.version,
        run.suite.lock.get(..12).unwrap_or(&run.suite.lock)
    )?;
    if let Some(other) = &run.suite.judged_with {
        writeln!(text, "Judged with other cases than it was captured with: `{other}`.\n")?;
    }
    writeln!(text, "| section | verdict | passed | attempted | left out |\n|---|---|--:|--:|--:|")?;
    for section in sections(source.cells()) {
        let attempted = section.cells.iter().filter(|cell| cell.attempted()).count();
        let passed = section.cells.iter().filter(|cell| cell.verdict == Verdict::Pass).count();
        let verdict = section.verdict.map_or("nothing attempted", Verdict::as_str);
        let left_out = section.cells.len() - attempted;
        writeln!(text, "| {} | {verdict} | {passed} | {attempted} | {left_out} |", section.title)?;
    }
    writeln!(text, "\n{}: {}.  ", arithmetic(run), by_verdict(run))?;
    writeln!(text, "{}.", tally(&rows(source)).arithmetic())?;
    for line in run.ledger.iter().flat_map(Ledger::lines) {
        writeln!(text, "\nMessages {}.", escape(&line))?;
    }
    for note in &run.notes {
        writeln!(text, "\n> {}", escape(note))?;
    }
    if let Some(seen) = &run.baseline {
        writeln!(text, "\nWith the baseline: {}; exit code {}.\n", seen.count(), seen.exit.code())?;
        for line in seen.lines() {
            writeln!(text, "- {}", escape(&line))?;
        }
        for (cell, why) in baseline::spent(run) {
            writeln!(text, "- **{}**: {}", escape(&cell), escape(&why))?;
        }
    }
    if !run.contradictions.is_empty() {
        writeln!(text, "\n### The ICS does not hold\n")?;
    }
    for claim in &run.contradictions {
        writeln!(
            text,
            "- it claims `{}` ({}), and `{}` shows otherwise: {}",
            code(&claim.capability),
            escape(&claim.means),
            claim.probe,
            escape(&claim.actual)
        )?;
    }
    let bad: Vec<&CellResult> =
        source.cells().filter(|cell| cell.attempted() && cell.verdict != Verdict::Pass).collect();
    if !bad.is_empty() {
        writeln!(text, "\n### What did not pass\n")?;
    }
    for cell in bad.iter().take(LONGEST) {
        show(text, cell)?;
    }
    if let Some(more) = bad.len().checked_sub(LONGEST).filter(|more| *more > 0) {
        writeln!(text, "\nAnd {more} more, see report.html.")?;
    }
    let excluded: Vec<&CellResult> = run.cells.iter().filter(|cell| !cell.attempted()).collect();
    if !excluded.is_empty() {
        writeln!(text, "\n### Left out\n\n| cells | verdict | because |\n|--:|---|---|")?;
        for (reason, cells) in by_reason(&excluded) {
            let verdict = cells.first().map_or("", |cell| cell.verdict.as_str());
            writeln!(text, "| {} | {verdict} | {} |", cells.len(), escape(reason))?;
        }
    }
    Ok(())
}

fn show(text: &mut String, cell: &CellResult) -> std::fmt::Result {
    writeln!(text, "- **{}** `{}` {}", cell.verdict, code(&name(cell)), escape(&cell.title))?;
    if let Some(reason) = &cell.reason {
        writeln!(text, "  - because: {}", escape(reason))?;
    }
    for (finding, checks) in merged(&cell.findings) {
        writeln!(text, "  - {} {}, check `{}`", finding.requirement, finding.level, code(&checks))?;
        writeln!(text, "    - expected: {}", escape(&finding.expected))?;
        writeln!(text, "    - actual: {}", escape(&finding.actual))?;
        writeln!(text, "    - **Fix**: {}", escape(&finding.fix))?;
    }
    if let Some(signature) = &cell.signature {
        writeln!(text, "  - signature `{signature}`")?;
    }
    Ok(())
}

/// Text as Markdown shows it, on one line.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '&' => out += "&amp;",
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '!' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// Text inside backquotes: what would end them, or a table's cell, is replaced.
fn code(text: &str) -> String {
    text.chars().map(|c| if c == '`' || c == '|' || c.is_control() { '\'' } else { c }).collect()
}
