//! `coverage.csv`: one line a requirement of the catalogue, RFC 4180; for spreadsheets.

use crate::requirement::{Row, rows};
use crate::{Format, Source};

pub(crate) const FORMAT: Format = Format {
    name: "coverage",
    file: "coverage.csv",
    reader: "spreadsheets: a line for each requirement, tested or not",
    render: |source| Ok(render(source)),
};

const HEADER: [&str; 10] = [
    "requirement",
    "source",
    "clause",
    "level",
    "actor",
    "statement",
    "assertion",
    "cases",
    "verdict",
    "not tested because",
];

fn render(source: &Source<'_>) -> String {
    let header = HEADER.map(str::to_owned);
    std::iter::once(header).chain(rows(source).iter().map(fields)).map(|fields| line(&fields)).collect()
}

fn fields(row: &Row<'_>) -> [String; 10] {
    let requirement = row.requirement;
    let actor = match requirement.actor {
        carnet_catalogue::requirement::Actor::Sender => "sender",
        carnet_catalogue::requirement::Actor::Receiver => "receiver",
        carnet_catalogue::requirement::Actor::Both => "both",
    };
    [
        requirement.id.to_string(),
        requirement.source.clone(),
        requirement.clause.clone(),
        requirement.level.to_string(),
        actor.to_owned(),
        requirement.statement.clone(),
        requirement.assertion.clone().unwrap_or_default(),
        row.cases.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(" "),
        row.verdict.map_or(String::new(), |verdict| verdict.to_string()),
        row.not_tested.clone().unwrap_or_default(),
    ]
}

fn line(fields: &[String]) -> String {
    let fields: Vec<String> = fields.iter().map(|field| quote(field)).collect();
    fields.join(",") + "\r\n"
}

/// Quoted where RFC 4180 wants it. A field that a spreadsheet would take for a formula gets an apostrophe before it.
fn quote(field: &str) -> String {
    let formula = field.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let field = if formula { format!("'{field}") } else { field.to_owned() };
    if field.contains([',', '"', '\n', '\r']) { format!("\"{}\"", field.replace('"', "\"\"")) } else { field }
}

#[cfg(test)]
mod tests {
    use super::quote;

    #[test]
    fn fields_are_quoted_and_never_formulas() {
        assert_eq!(quote("plain 1.4.2"), "plain 1.4.2");
        assert_eq!(quote("a, \"b\"\nc"), "\"a, \"\"b\"\"\nc\"");
        assert_eq!(quote("=HYPERLINK(1,2)"), "\"'=HYPERLINK(1,2)\"");
    }
}
