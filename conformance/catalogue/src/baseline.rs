//! `baseline.toml`: deviations that are known and accepted for a time, each with a reason, an owner and an end.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::case::{Case, CaseId};
use crate::error::Problem;
use crate::matrix::{self, Cell};
use crate::read;

/// The accepted deviations of one subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// Always 1.
    pub format: u32,
    /// The rows.
    #[serde(default)]
    pub accept: Vec<Accept>,
}

impl Baseline {
    /// Sees to it that every row names a cell that exists, a verdict that can be accepted, a day, why and who.
    ///
    /// # Errors
    /// The first row that does not.
    pub fn check(&self, file: &str, text: &str, cases: &BTreeMap<CaseId, Case>) -> Result<(), Problem> {
        for (number, row) in self.accept.iter().enumerate() {
            row.check(cases).map_err(|Wrong { key, what, help }| {
                let number = number.to_string();
                let at = |key: &str| read::at_value(file, text, &["accept", &number, key], what.clone());
                // A key that is left out is wrong where the row names its case.
                let problem = Some(at(key)).filter(|problem| problem.line > 0).unwrap_or_else(|| at("case"));
                problem.with_help(help)
            })?;
        }
        Ok(())
    }
}

/// What is wrong with a row: under which key, in words, and what to write.
struct Wrong {
    key: &'static str,
    what: String,
    help: String,
}

impl Accept {
    fn check(&self, cases: &BTreeMap<CaseId, Case>) -> Result<(), Wrong> {
        let wrong = |key, what, help: &str| Err(Wrong { key, what, help: help.to_owned() });
        let Some(case) = cases.get(&self.case) else {
            let near = read::nearest(self.case.as_str(), cases.keys().map(CaseId::as_str));
            let help = near.map(|near| format!("did you mean {near}?"));
            let help = help.unwrap_or_else(|| "carnet list shows every case".to_owned());
            return wrong("case", format!("there is no case {}", self.case), &help);
        };
        let cells: Vec<String> = matrix::cells(case).iter().map(Cell::name).collect();
        if !cells.contains(&self.cell) {
            let what = format!("{} has no cell {:?}", self.case, self.cell);
            return wrong("cell", what, &format!("its cells are {}", cells.join("; ")));
        }
        if !VERDICTS.contains(&self.verdict.as_str()) {
            let what = format!("got verdict {:?}, expected one of {}", self.verdict, VERDICTS.join(", "));
            return wrong("verdict", what, "copy the row from what the run printed or from run.json");
        }
        for (key, text) in [("reason", &self.reason), ("owner", &self.owner)] {
            if text.trim().is_empty() {
                return wrong(key, format!("got an empty {key}"), "write why it is accepted, and who answers for it");
            }
        }
        if !is_day(&self.expires) {
            let what = format!("got expires {:?}, expected a day such as \"2027-01-31\"", self.expires);
            return wrong("expires", what, "a deviation is accepted for a time: write its last day");
        }
        Ok(())
    }
}

/// What a baseline can accept.
const VERDICTS: [&str; 4] = ["FAIL", "WARN", "INCONCLUSIVE", "REVIEW"];

/// `YYYY-MM-DD` in the calendar; days are compared as text.
fn is_day(text: &str) -> bool {
    let number = |text: &str, digits: usize| text.parse::<u32>().ok().filter(|_| text.len() == digits);
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts.as_slice() else { return false };
    let (Some(year), Some(month), Some(day)) = (number(year, 4), number(month, 2), number(day, 2)) else {
        return false;
    };
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let last = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    year > 0 && (1..=last).contains(&day)
}

/// One accepted deviation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accept {
    /// The case.
    pub case: CaseId,
    /// The cell, `-` without a matrix.
    #[serde(default = "dash")]
    pub cell: String,
    /// The verdict that is expected, for example `FAIL`.
    pub verdict: String,
    /// The failure's signature as the run prints it; another failure of the same case is not covered.
    pub signature: String,
    /// Why it is accepted.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// Last day it holds, `YYYY-MM-DD`.
    pub expires: String,
}

impl Accept {
    /// `case` or `case [cell]`.
    #[must_use]
    pub fn about(&self) -> String {
        matrix::full_name(self.case.as_str(), &self.cell)
    }

    /// What is accepted until when, by whom and why.
    #[must_use]
    pub fn says(&self) -> String {
        let Self { verdict, reason, owner, expires, .. } = self;
        format!("{verdict} accepted until {expires} by {owner}: {reason}")
    }
}

fn dash() -> String {
    "-".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_can_accept_nothing_is_named_with_its_place() {
        let cases = crate::load().unwrap().cases;
        let (id, case) = cases.iter().find(|(_, case)| case.matrix.contains_key("tls")).unwrap();
        let cell = matrix::cells(case).first().unwrap().name();
        let whole = format!(
            "format = 1\n[[accept]]\ncase = \"as4.ping.receipted\"\nverdict = \"FAIL\"\nsignature = \"0\"\nreason = \"r\"\n\
             owner = \"o\"\nexpires = \"2028-02-29\"\n[[accept]]\ncase = \"{id}\"\ncell = \"{cell}\"\nverdict = \"WARN\"\n\
             signature = \"1\"\nreason = \"known\"\nowner = \"p\"\nexpires = \"2027-01-31\"\n"
        );
        let checked = |text: &str| read::read::<Baseline>("b.toml", text).unwrap().check("b.toml", text, &cases);
        checked(&whole).unwrap();
        for (right, wrong, line, help) in [
            (cell.as_str(), "tls=9", 11, format!("its cells are {cell}")),
            (&format!("cell = \"{cell}\"\n"), "", 10, format!("its cells are {cell}")),
            ("verdict = \"FAIL\"", "cell = \"tls=1.3\"\nverdict = \"FAIL\"", 4, "its cells are -".to_owned()),
            ("2028-02-29", "2027-02-29", 8, "a deviation is accepted for a time".to_owned()),
            ("2027-01-31", "2027-02-31", 16, "a deviation is accepted for a time".to_owned()),
            ("2027-01-31", "2027-13-01", 16, "a deviation is accepted for a time".to_owned()),
            ("known", " ", 14, "write why it is accepted".to_owned()),
        ] {
            let problem = checked(&whole.replacen(right, wrong, 1)).unwrap_err();
            assert_eq!(problem.line, line, "{wrong}: {problem}");
            assert!(problem.help.as_deref().unwrap().starts_with(&help), "{wrong}: {problem}");
        }
    }
}
