//! `baseline.toml`: deviations that are known and accepted for a time, each with a reason, an owner and an end.

use serde::{Deserialize, Serialize};

use crate::case::CaseId;

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
