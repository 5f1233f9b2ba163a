//! The run on a terminal, section by section; a failure shows requirement, expected, actual and fix.
//!
//! The short form holds no time, host, port or event number, so that two runs can be compared line by line; the full
//! form adds where in the evidence each finding shows.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use carnet_harness::judge::run::{CellResult, Finding, Run};
use carnet_harness::verdict::Verdict;

use crate::section::{Section, arithmetic, by_reason, by_verdict, merged, name, one_line, sections};

/// How much is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Detail {
    /// One line a section, and every case that did not pass.
    #[default]
    Short,
    /// Every case, and the events that show each finding.
    Full,
}

/// The whole text, with terminal styles; `anstream` drops them where they do not belong.
#[must_use]
pub fn render(run: &Run, detail: Detail) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = fill(&mut text, run, detail);
    text
}

/// One case as it ends, for a run that is under way.
#[must_use]
pub fn verdict(verdict: Verdict) -> String {
    let style = style(verdict);
    format!("{style}{:<14}{style:#}", verdict.as_str())
}

fn coloured(verdict: Verdict) -> String {
    let style = style(verdict);
    format!("{style}{verdict}{style:#}")
}

fn fill(text: &mut String, run: &Run, detail: Detail) -> std::fmt::Result {
    let subject = &run.subject;
    let product = format!("{} {}", subject.product, subject.version);
    writeln!(
        text,
        "{} (party {}), {}",
        one_line(&subject.name),
        one_line(&subject.party),
        one_line(product.trim_end())
    )?;
    writeln!(text, "profile {}, suite {} lock {}", subject.profile, run.suite.version, short(&run.suite.lock))?;
    if let Some(other) = &run.suite.judged_with {
        writeln!(text, "judged with other cases than it was captured with: {}", short(other))?;
    }
    for section in sections(&run.cells) {
        show_section(text, &section, detail)?;
    }
    if !run.contradictions.is_empty() {
        writeln!(text, "\nThe ICS does not hold")?;
    }
    for claim in &run.contradictions {
        writeln!(text, "  it claims {} ({}), and {} shows otherwise", claim.capability, claim.means, claim.probe)?;
        writeln!(text, "    actual  {}", claim.actual)?;
        writeln!(text, "    Fix     mend the node, or deny {} in ics.toml", claim.capability)?;
    }
    for note in &run.notes {
        writeln!(text, "\nnote: {note}")?;
    }
    if let Some(ledger) = &run.ledger {
        writeln!(text)?;
        for line in ledger.lines() {
            writeln!(text, "{line}")?;
        }
        for found in &ledger.findings {
            writeln!(text, "  {} ({}): message {}: {}", found.requirement, found.level, found.message, found.what)?;
        }
    }
    writeln!(text, "\n{}", arithmetic(run))?;
    writeln!(text, "{}", by_verdict(run))?;
    let bold = Style::new().bold();
    writeln!(text, "{bold}verdict:{bold:#} {}", coloured(run.verdict))
}

fn show_section(text: &mut String, section: &Section<'_>, detail: Detail) -> std::fmt::Result {
    let attempted = section.cells.iter().filter(|cell| cell.attempted()).count();
    let passed = section.cells.iter().filter(|cell| cell.verdict == Verdict::Pass).count();
    let bold = Style::new().bold();
    let roll_up = section.verdict.map_or_else(|| "nothing attempted".to_owned(), coloured);
    writeln!(text, "\n{bold}{}{bold:#}  {passed} of {attempted} passed  {roll_up}", section.title)?;
    for cell in &section.cells {
        match cell.verdict {
            Verdict::Pass if detail == Detail::Short => {}
            _ if detail == Detail::Short && !cell.attempted() => {}
            _ => show_cell(text, cell, detail)?,
        }
    }
    let excluded: Vec<&CellResult> = section.cells.iter().copied().filter(|cell| !cell.attempted()).collect();
    if detail == Detail::Short && !excluded.is_empty() {
        for (reason, cells) in by_reason(&excluded) {
            writeln!(text, "  not run, {}: {reason}", cells.len())?;
            for cell in cells {
                writeln!(text, "    {} {}", cell.verdict, name(cell))?;
            }
        }
    }
    Ok(())
}

fn show_cell(text: &mut String, cell: &CellResult, detail: Detail) -> std::fmt::Result {
    let repeated = cell.passed.as_deref().filter(|passed| *passed != "1/1" && *passed != "0/1");
    let times = repeated.map_or_else(String::new, |passed| format!("  passed {passed}"));
    let taken = match cell.taken {
        Some(true) => "  left open: taken",
        Some(false) => "  left open: refused",
        None => "",
    };
    writeln!(text, "  {}{}{times}{taken}", verdict(cell.verdict), name(cell))?;
    if cell.verdict == Verdict::Pass {
        return Ok(());
    }
    writeln!(text, "    {}", cell.title)?;
    if let Some(reason) = &cell.reason {
        writeln!(text, "    because: {}", one_line(reason))?;
    }
    if let Some(refusal) = &cell.refusal {
        writeln!(text, "    refused at layer {}: {}", refusal.layer, one_line(&refusal.codes.join(", ")))?;
    }
    for (finding, checks) in merged(&cell.findings) {
        show_finding(text, finding, &checks, detail)?;
    }
    if let Some(signature) = &cell.signature {
        writeln!(text, "    signature {signature}")?;
    }
    Ok(())
}

fn show_finding(text: &mut String, finding: &Finding, checks: &str, detail: Detail) -> std::fmt::Result {
    let bold = Style::new().bold();
    writeln!(text, "    {} {} ({})", finding.requirement, finding.level, checks)?;
    writeln!(text, "      expected  {}", one_line(&finding.expected))?;
    writeln!(text, "      actual    {}", one_line(&finding.actual))?;
    writeln!(text, "      {bold}Fix{bold:#}       {}", one_line(&finding.fix))?;
    if let Some(xpath) = &finding.xpath {
        writeln!(text, "      at        {xpath}")?;
    }
    let events: Vec<String> = finding.events.iter().map(ToString::to_string).collect();
    if detail == Detail::Short || events.is_empty() {
        return Ok(());
    }
    let range = finding
        .range
        .map_or_else(String::new, |range| format!(", bytes {}-{} of event {}", range.start, range.end, range.event));
    writeln!(text, "      evidence  events {}{range}", events.join(", "))
}

fn style(verdict: Verdict) -> Style {
    let colour = match verdict {
        Verdict::Pass => AnsiColor::Green,
        Verdict::Warn | Verdict::Review => AnsiColor::Yellow,
        Verdict::Fail | Verdict::Error => AnsiColor::Red,
        Verdict::Inconclusive => AnsiColor::Magenta,
        Verdict::NotApplicable | Verdict::Skipped => AnsiColor::BrightBlack,
    };
    Style::new().fg_color(Some(colour.into())).bold()
}

fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}
