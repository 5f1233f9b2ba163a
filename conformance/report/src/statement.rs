//! `statement.json` and `statement.html`: the implementation conformance statement. What the subject claims, what came
//! of each requirement, and numbers that add up; for those who must sign or file it.
//!
//! The statement names `run.json` by its digest, so that it cannot be put beside another run. Schema:
//! `docs/schemas/statement-1.json`.

use askama::Template;
use carnet_catalogue::{Ics, Level};
use carnet_harness::judge::Ledger;
use carnet_harness::judge::run::{Contradiction, Count, SubjectSeen, SuiteSeen};
use carnet_harness::verdict::{ExitCode, Verdict};
use serde::Serialize;

use crate::html::Badge;
use crate::requirement::{Row, Tally, rows, tally};
use crate::section::{arithmetic, by_verdict};
use crate::{Format, ReportError, Source};

pub(crate) const FORMAT: Format = Format {
    name: "statement",
    file: "statement.json",
    reader: "registers of conformance: claims, and a verdict for each requirement",
    render: |source| {
        let rows = rows(source);
        let mut text = serde_json::to_string_pretty(&Statement::new(source, &rows))?;
        text.push('\n');
        Ok(text)
    },
};

pub(crate) const PAGE: Format = Format {
    name: "statement-page",
    file: "statement.html",
    reader: "people who sign or file it: the statement, to be printed",
    render: page,
};

#[derive(Debug, Serialize)]
struct Statement<'a> {
    format: u32,
    run: &'a str,
    /// SHA-256 of the bytes of `run.json`.
    run_json: String,
    began: &'a str,
    suite: &'a SuiteSeen,
    subject: &'a SubjectSeen,
    claims: &'a Ics,
    verdict: Verdict,
    exit: ExitCode,
    count: &'a Count,
    requirement_count: Tally,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    contradictions: &'a [Contradiction],
    #[serde(skip_serializing_if = "Option::is_none")]
    ledger: Option<&'a Ledger>,
    requirements: Vec<Stated<'a>>,
}

#[derive(Debug, Serialize)]
struct Stated<'a> {
    id: &'a str,
    source: &'a str,
    clause: &'a str,
    level: Level,
    statement: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    assertion: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<Verdict>,
    cases: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_tested_because: Option<&'a str>,
}

impl<'a> Statement<'a> {
    fn new(source: &'a Source<'_>, rows: &'a [Row<'a>]) -> Self {
        let run = source.run;
        Self {
            format: 1,
            run: &run.run,
            run_json: hex::encode(carnet_wire::digest::sha256(run.to_json().as_bytes())),
            began: source.began(),
            suite: &run.suite,
            subject: &run.subject,
            claims: &source.ics,
            verdict: run.verdict,
            exit: run.exit,
            count: &run.count,
            requirement_count: tally(rows),
            contradictions: &run.contradictions,
            ledger: run.ledger.as_ref(),
            requirements: rows.iter().map(Stated::new).collect(),
        }
    }
}

impl<'a> Stated<'a> {
    fn new(row: &'a Row<'a>) -> Self {
        Self {
            id: row.requirement.id.as_str(),
            source: &row.requirement.source,
            clause: &row.requirement.clause,
            level: row.requirement.level,
            statement: &row.requirement.statement,
            assertion: row.requirement.assertion.as_deref(),
            verdict: row.verdict,
            cases: row.cases.iter().map(|id| id.as_str()).collect(),
            not_tested_because: row.not_tested.as_deref(),
        }
    }
}

#[derive(Template)]
#[template(path = "statement.html")]
struct Page<'a> {
    statement: Statement<'a>,
    verdict: Badge,
    means: &'static str,
    arithmetic: String,
    by_verdict: String,
    requirements: String,
    /// The conservation of messages, a line for each direction.
    ledger: Vec<String>,
    roles: String,
    rows: Vec<(&'a Row<'a>, Option<Badge>)>,
}

fn page(source: &Source<'_>) -> Result<String, ReportError> {
    let rows = rows(source);
    let roles: Vec<String> = source.ics.roles.iter().map(|role| format!("{role:?}").to_lowercase()).collect();
    let page = Page {
        statement: Statement::new(source, &rows),
        verdict: Badge::of(source.run.verdict),
        means: means(source.run.exit),
        arithmetic: arithmetic(source.run),
        by_verdict: by_verdict(source.run),
        requirements: tally(&rows).arithmetic(),
        ledger: source.run.ledger.iter().flat_map(Ledger::lines).collect(),
        roles: roles.join(", "),
        rows: rows.iter().map(|row| (row, row.verdict.map(Badge::of))).collect(),
    };
    Ok(page.render()?)
}

/// What an exit code says of the subject.
fn means(exit: ExitCode) -> &'static str {
    match exit {
        ExitCode::Conforms => "The subject conforms to every requirement that this run judged.",
        ExitCode::Fails => "The subject does not conform: at least one requirement that is a MUST is broken.",
        ExitCode::Undecided => "Not decided: at least one requirement could not be judged.",
        ExitCode::Usage | ExitCode::Harness | ExitCode::Evidence | ExitCode::Interrupted => {
            "No statement can be made: the run itself failed."
        }
    }
}
