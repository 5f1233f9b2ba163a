//! A run by sections, in the order a message goes through them.

use carnet_catalogue::case::{CaseId, Level, Role};
use carnet_catalogue::{Catalogue, RequirementId, matrix};
use carnet_harness::judge::LedgerFinding;
use carnet_harness::judge::run::{CellResult, Finding, Run};
use carnet_harness::verdict::Verdict;

/// One layer of the catalogue with its cells.
#[derive(Debug)]
pub(crate) struct Section<'a> {
    /// `tls`, `as4`, ...
    pub(crate) layer: &'a str,
    /// For people.
    pub(crate) title: &'static str,
    /// Its cells in the order of the plan.
    pub(crate) cells: Vec<&'a CellResult>,
    /// Its roll-up; none when nothing in it was attempted.
    pub(crate) verdict: Option<Verdict>,
}

/// The layer of the cell that [`ledger`] makes.
pub(crate) const LEDGER: &str = "ledger";

const ORDER: [(&str, &str); 7] = [
    ("tls", "TLS: who may connect"),
    ("as4", "AS4: messages, receipts, errors"),
    ("document", "Documents: schema, code lists, rules"),
    ("process", "Process: what customs answer"),
    ("resilience", "Resilience: faults on the line"),
    ("performance", "Performance"),
    (LEDGER, "Ledger: no message lost, none twice"),
];

/// What the run's ledger found, as a cell: it decides the run's verdict, so no reader may miss it. None where the
/// messages add up.
pub(crate) fn ledger(run: &Run, catalogue: &Catalogue) -> Option<CellResult> {
    let found = &run.ledger.as_ref().filter(|ledger| !ledger.findings.is_empty())?.findings;
    let fix = |id| {
        let row = catalogue.requirements.get(id);
        row.map_or_else(String::new, |row| row.fix.clone().unwrap_or_else(|| row.statement.clone()))
    };
    let findings: Vec<Finding> = found
        .iter()
        .map(|found| Finding {
            check: LEDGER.to_owned(),
            requirement: found.requirement.clone(),
            level: found.level,
            expected: "each message is delivered once, refused, or reported lost".to_owned(),
            actual: format!("message {}: {}", found.message, found.what),
            fix: fix(&found.requirement),
            events: found.events.clone(),
            range: None,
            xpath: None,
        })
        .collect();
    let mut verifies: Vec<RequirementId> = findings.iter().map(|finding| finding.requirement.clone()).collect();
    verifies.sort();
    verifies.dedup();
    Some(CellResult {
        case: CaseId::new("ledger.conservation"),
        cell: "-".to_owned(),
        title: "Every message of the run is delivered once, refused, or reported lost".to_owned(),
        layer: LEDGER.to_owned(),
        role: Role::Both,
        level: Level::Must,
        verifies,
        verdict: Verdict::roll_up(found.iter().map(LedgerFinding::verdict)),
        passed: Some("0/1".to_owned()),
        reason: None,
        refusal: None,
        taken: None,
        control: None,
        checks: vec![LEDGER.to_owned()],
        findings,
        signature: None,
        events: Vec::new(),
    })
}

/// The sections that have cells; layers of a user's own come last.
pub(crate) fn sections<'a>(cells: impl IntoIterator<Item = &'a CellResult>) -> Vec<Section<'a>> {
    let mut sections: Vec<Section<'_>> = Vec::new();
    for cell in cells {
        match sections.iter_mut().find(|section| section.layer == cell.layer) {
            Some(section) => section.cells.push(cell),
            None => sections.push(Section {
                layer: &cell.layer,
                title: ORDER
                    .iter()
                    .find(|(layer, _)| *layer == cell.layer)
                    .map_or("Cases of your own", |(_, title)| title),
                cells: vec![cell],
                verdict: None,
            }),
        }
    }
    sections.sort_by_key(|section| ORDER.iter().position(|(layer, _)| *layer == section.layer).unwrap_or(ORDER.len()));
    for section in &mut sections {
        let attempted: Vec<Verdict> = section.cells.iter().map(|cell| cell.verdict).filter(|v| v.attempted()).collect();
        section.verdict = (!attempted.is_empty()).then(|| Verdict::roll_up(attempted));
    }
    sections
}

/// `case` or `case [cell]`.
pub(crate) fn name(cell: &CellResult) -> String {
    matrix::full_name(cell.case.as_str(), &cell.cell)
}

/// Cells under the reason they share, in the order in which the reasons first come.
pub(crate) fn by_reason<'a>(cells: &[&'a CellResult]) -> Vec<(&'a str, Vec<&'a CellResult>)> {
    let mut groups: Vec<(&str, Vec<&CellResult>)> = Vec::new();
    for cell in cells {
        let reason = cell.reason.as_deref().unwrap_or("no reason recorded");
        match groups.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, group)) => group.push(cell),
            None => groups.push((reason, vec![cell])),
        }
    }
    groups
}

/// Findings of a cell as people want them: checks that found the same are one finding with all their names.
pub(crate) fn merged(findings: &[Finding]) -> Vec<(&Finding, String)> {
    let mut merged: Vec<(&Finding, String)> = Vec::new();
    for finding in findings {
        let same = |known: &Finding| {
            (&known.requirement, known.level, &known.expected, &known.actual, &known.fix)
                == (&finding.requirement, finding.level, &finding.expected, &finding.actual, &finding.fix)
        };
        match merged.iter_mut().find(|(known, _)| same(known)) {
            Some((_, checks)) => *checks += &format!(", {}", finding.check),
            None => merged.push((finding, finding.check.clone())),
        }
    }
    merged
}

/// Text on one line: what would move a cursor or end a line is a space. Subjects write part of what reports show.
pub(crate) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// `80 planned = 78 attempted + 2 excluded`.
pub(crate) fn arithmetic(run: &Run) -> String {
    let count = &run.count;
    format!("{} planned = {} attempted + {} excluded", count.planned, count.attempted, count.excluded)
}

/// `76 PASS, 2 WARN`, in the order of rank.
pub(crate) fn by_verdict(run: &Run) -> String {
    let shown = |verdict: Verdict| {
        run.count.by_verdict.get(verdict.as_str()).filter(|n| **n > 0).map(|n| format!("{n} {verdict}"))
    };
    let all = [
        Verdict::Pass,
        Verdict::Warn,
        Verdict::Review,
        Verdict::Inconclusive,
        Verdict::Fail,
        Verdict::Error,
        Verdict::Skipped,
        Verdict::NotApplicable,
    ];
    all.into_iter().filter_map(shown).collect::<Vec<_>>().join(", ")
}
