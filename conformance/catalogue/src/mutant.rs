//! `mutants/*.toml`: nodes that are broken on purpose, each with one fault. What runs them, and the rules and habits
//! they may name, are those of `carnet-double`.

use serde::{Deserialize, Serialize};

use crate::error::Problem;
use crate::read;
use crate::step::{EncryptChoice, Forge, SignChoice};

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
    /// Rules the double leaves out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skip: Vec<String>,
    /// What the double does beyond that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub does: Vec<String>,
    /// The certificate it presents as a TLS server: `other-partner`, `stranger` or `zoo:KIND`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub presents: Option<String>,
    /// How it signs what it sends, where that differs.
    #[serde(default, skip_serializing_if = "Signs::is_empty")]
    pub sign: Signs,
    /// How it encrypts the messages it pushes, where that differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypt: Option<EncryptChoice>,
    /// What is done to what it sends.
    #[serde(default, skip_serializing_if = "Forges::is_empty")]
    pub forge: Forges,
}

/// Signatures of a mutant by what they stand on. `identity` is `none`, `other-partner` or `stranger`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signs {
    /// On receipts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<SignChoice>,
    /// On errors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<SignChoice>,
    /// On messages it pushes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<SignChoice>,
}

/// Operations on what a mutant sends. The stage `http` reaches the response too: `request-line` is its status line.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forges {
    /// On receipts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub receipt: Vec<Forge>,
    /// On receipts for a message that was received before, instead of `receipt`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repeated_receipt: Vec<Forge>,
    /// On errors.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub error: Vec<Forge>,
    /// On messages it pushes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub message: Vec<Forge>,
}

impl Mutant {
    /// Reads one file.
    ///
    /// # Errors
    /// As [`read::read`], and an operation that cannot be carried out wherever it is.
    pub fn read(file: &str, text: &str) -> Result<Self, Problem> {
        let mutant: Self = read::read(file, text)?;
        for (on, forges) in mutant.forge.all() {
            for (index, forge) in forges.iter().enumerate() {
                forge.check(&forge.place).map_err(|(key, wrong)| {
                    let problem = read::at_value(file, text, &["forge", on, &index.to_string(), key], wrong.what);
                    Problem { help: wrong.help, ..problem }
                })?;
            }
        }
        Ok(mutant)
    }
}

impl Signs {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Forges {
    fn all(&self) -> [(&'static str, &[Forge]); 4] {
        [
            ("receipt", &self.receipt),
            ("repeated_receipt", &self.repeated_receipt),
            ("error", &self.error),
            ("message", &self.message),
        ]
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// `mutants/x.toml` is `x`.
#[must_use]
pub fn name_of(path: &str) -> String {
    path.trim_start_matches("mutants/").trim_end_matches(".toml").to_owned()
}
