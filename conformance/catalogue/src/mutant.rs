//! `mutants/*.toml`: nodes that are broken on purpose, each with one fault. What runs them is `carnet-double`.

use serde::{Deserialize, Serialize};

use crate::step::Forge;

/// One known-bad node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mutant {
    /// Always 1.
    pub format: u32,
    /// One sentence: what is wrong with it.
    pub title: String,
    /// A null node knows no protocol; its behaviour is named here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub null: Option<String>,
    /// The layer whose cases it is run against.
    pub layer: String,
    /// Checks the double leaves out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skip: Vec<String>,
    /// What is done to the double's answers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forge: Vec<Forge>,
}

/// `mutants/x.toml` is `x`.
#[must_use]
pub fn name_of(path: &str) -> String {
    path.trim_start_matches("mutants/").trim_end_matches(".toml").to_owned()
}
