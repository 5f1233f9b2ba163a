//! `report.sarif`: SARIF 2.1.0, a result for each finding; for code scanning and for issue trackers that import it.
//!
//! SARIF's kinds are the suite's verdicts: a FAIL or WARN is `fail`, INCONCLUSIVE is `open`, REVIEW is `review`. An
//! ERROR is the tool's own and becomes a notification. Cells that passed or were left out are not results, since
//! importers would show each of them as an alert; `properties.count` has their numbers. What the operator's baseline
//! accepts is a result that is suppressed; a row that holds no more is a notification of the configuration. A location is the line of
//! `events.jsonl` that shows the finding, with the bytes of the blob beside it.

use carnet_catalogue::{Level, RequirementId};
use carnet_harness::evidence::Kind;
use carnet_harness::judge::baseline;
use carnet_harness::judge::run::{CellResult, Finding};
use carnet_harness::verdict::Verdict;
use serde_json::{Value, json};

use crate::section::name;
use crate::{Format, Source};

pub(crate) const FORMAT: Format = Format {
    name: "sarif",
    file: "report.sarif",
    reader: "code scanning and issue trackers that import SARIF",
    render: |source| {
        let mut text = serde_json::to_string_pretty(&render(source))?;
        text.push('\n');
        Ok(text)
    },
};

fn render(source: &Source<'_>) -> Value {
    let run = source.run;
    let mut rules: Vec<&RequirementId> =
        run.requirements.keys().chain(source.cells().flat_map(|cell| &cell.verifies)).collect();
    rules.sort();
    rules.dedup();
    let results: Vec<Value> = source
        .cells()
        .flat_map(|cell| results(source, cell, &rules).into_iter().map(|result| suppressed(source, cell, result)))
        .collect();
    let notifications: Vec<Value> =
        run.cells.iter().filter(|cell| cell.verdict == Verdict::Error).map(failure).collect();
    let spent: Vec<Value> =
        baseline::spent(run).iter().map(|(cell, why)| notification(format!("baseline, {cell}: {why}"))).collect();
    json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "Carnet",
                "version": run.suite.version,
                "rules": rules.iter().map(|id| rule(source, id)).collect::<Vec<_>>(),
            } },
            "automationDetails": { "id": format!("carnet/{}/{}", run.subject.name, run.subject.profile) },
            "originalUriBaseIds": { "EVIDENCE": {
                "description": { "text": "the folder that the run wrote its evidence to" },
            } },
            "invocations": [{
                "executionSuccessful": run.verdict != Verdict::Error,
                "exitCode": u8::from(run.exit),
                "startTimeUtc": source.began(),
                "endTimeUtc": source.ended(),
                "toolExecutionNotifications": notifications,
                "toolConfigurationNotifications": spent,
            }],
            "results": results,
            "columnKind": "unicodeCodePoints",
            "properties": {
                "verdict": run.verdict,
                "count": run.count,
                "suiteLock": run.suite.lock,
                "subject": run.subject,
            },
        }],
    })
}

fn rule(source: &Source<'_>, id: &RequirementId) -> Value {
    let Some(row) = source.catalogue.requirements.get(id) else { return json!({ "id": id }) };
    json!({
        "id": id,
        "shortDescription": { "text": row.statement },
        "help": { "text": format!("{} {} ({})", row.source, row.clause, row.level) },
        "defaultConfiguration": { "level": if row.level == Level::Must { "error" } else { "warning" } },
        "properties": { "source": row.source, "clause": row.clause, "level": row.level, "assertion": row.assertion },
    })
}

fn results(source: &Source<'_>, cell: &CellResult, rules: &[&RequirementId]) -> Vec<Value> {
    match cell.verdict {
        Verdict::Pass | Verdict::NotApplicable | Verdict::Skipped | Verdict::Error => Vec::new(),
        Verdict::Fail | Verdict::Warn => {
            cell.findings.iter().map(|finding| failed(source, cell, finding, rules)).collect()
        }
        Verdict::Inconclusive | Verdict::Review => {
            let kind = if cell.verdict == Verdict::Review { "review" } else { "open" };
            let rule = cell.verifies.first();
            vec![json!({
                "ruleId": rule,
                "ruleIndex": rule.and_then(|id| rules.iter().position(|known| *known == id)),
                "kind": kind,
                "level": "none",
                "message": { "text": format!("{}: {}", cell.title, cell.reason.as_deref().unwrap_or("undecided")) },
                "locations": [location(cell, cell.events.first().map_or(1, |(begin, _)| *begin))],
                "properties": { "verdict": cell.verdict },
            })]
        }
    }
}

/// With the row of the baseline that accepts it, where one does.
fn suppressed(source: &Source<'_>, cell: &CellResult, mut result: Value) -> Value {
    if let Some(row) = source.accepted(cell) {
        result["suppressions"] = json!([{ "kind": "external", "status": "accepted", "justification": row.says() }]);
    }
    result
}

fn failed(source: &Source<'_>, cell: &CellResult, finding: &Finding, rules: &[&RequirementId]) -> Value {
    let level = if finding.level == Level::Must { "error" } else { "warning" };
    let line = finding.range.map(|range| range.event).or_else(|| finding.events.last().copied()).unwrap_or(1);
    let mut result = json!({
        "ruleId": finding.requirement,
        "kind": "fail",
        "level": level,
        "message": { "text": format!(
            "{}.\nExpected: {}\nActual: {}\nFix: {}", cell.title, finding.expected, finding.actual, finding.fix
        ) },
        "locations": [location(cell, line)],
        "properties": {
            "verdict": cell.verdict,
            "check": finding.check,
            "events": finding.events,
            "xpath": finding.xpath,
        },
    });
    if let Some(index) = rules.iter().position(|known| **known == finding.requirement) {
        result["ruleIndex"] = json!(index);
    }
    if let Some(signature) = &cell.signature {
        result["partialFingerprints"] = json!({ "carnetFailure/v1": format!("{}:{signature}", name(cell)) });
    }
    if let Some(related) = bytes(source, finding) {
        result["relatedLocations"] = json!([related]);
    }
    result
}

/// The line of `events.jsonl` that shows it; the case is the logical place.
fn location(cell: &CellResult, line: u64) -> Value {
    json!({
        "physicalLocation": {
            "artifactLocation": { "uri": "events.jsonl", "uriBaseId": "EVIDENCE" },
            "region": { "startLine": line },
        },
        "logicalLocations": [{ "fullyQualifiedName": name(cell), "kind": "function" }],
    })
}

/// The bytes of the message that show it.
fn bytes(source: &Source<'_>, finding: &Finding) -> Option<Value> {
    let range = finding.range?;
    let Kind::Bytes { blob, .. } = &source.event(range.event)?.kind else { return None };
    Some(json!({
        "id": 1,
        "message": { "text": format!("bytes {}-{} of event {}", range.start, range.end, range.event) },
        "physicalLocation": {
            "artifactLocation": { "uri": format!("blobs/sha256/{}", blob.sha256), "uriBaseId": "EVIDENCE" },
            "region": { "byteOffset": range.start, "byteLength": range.end.saturating_sub(range.start) },
        },
    }))
}

fn failure(cell: &CellResult) -> Value {
    notification(format!("{}: {}", name(cell), cell.reason.as_deref().unwrap_or("the suite failed")))
}

fn notification(text: String) -> Value {
    json!({ "level": "error", "message": { "text": text } })
}
