//! `baseline.toml`: deviations that are known and accepted for a time, each with a reason, an owner and an end.

use serde::{Deserialize, Serialize};

use crate::case::CaseId;
use crate::error::Problem;
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
    /// Sees to it that every row names a case that exists, a verdict that can be accepted, and a day.
    ///
    /// # Errors
    /// The first row that does not.
    pub fn check<'a>(
        &self,
        file: &str,
        text: &str,
        cases: impl Iterator<Item = &'a CaseId> + Clone,
    ) -> Result<(), Problem> {
        for row in &self.accept {
            if !cases.clone().any(|id| *id == row.case) {
                let what = format!("there is no case {}", row.case);
                let problem = read::at_text(file, text, row.case.as_str(), what);
                return Err(match read::nearest(row.case.as_str(), cases.map(CaseId::as_str)) {
                    Some(near) => problem.with_help(format!("did you mean {near}?")),
                    None => problem.with_help("carnet list shows every case"),
                });
            }
            if !VERDICTS.contains(&row.verdict.as_str()) {
                let what = format!("got verdict {:?}, expected one of {}", row.verdict, VERDICTS.join(", "));
                let problem = read::at_text(file, text, &row.verdict, what);
                return Err(problem.with_help("copy the row from what the run printed or from run.json"));
            }
            if !is_day(&row.expires) {
                let what = format!("got expires {:?}, expected a day such as \"2027-01-31\"", row.expires);
                let problem = read::at_text(file, text, &row.expires, what);
                return Err(problem.with_help("a deviation is accepted for a time: write its last day"));
            }
        }
        Ok(())
    }
}

/// What a baseline can accept.
const VERDICTS: [&str; 4] = ["FAIL", "WARN", "INCONCLUSIVE", "REVIEW"];

/// `YYYY-MM-DD`, by form: days are compared as text.
fn is_day(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts.as_slice() else { return false };
    let number = |text: &str, digits: usize, most: u32| {
        text.len() == digits && text.parse::<u32>().is_ok_and(|number| (1..=most).contains(&number))
    };
    number(year, 4, 9999) && number(month, 2, 12) && number(day, 2, 31)
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

fn dash() -> String {
    "-".to_owned()
}
