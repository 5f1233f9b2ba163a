//! The id of a case, which is the path of its file.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The id of a case: its path with dots, for example `as4.receipt.digest-covers-payload`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CaseId(String);

impl CaseId {
    /// `cases/as4/receipt/x.toml` is `as4.receipt.x`; other paths are no cases.
    #[must_use]
    pub fn from_path(path: &str) -> Option<Self> {
        let inner = path.strip_prefix("cases/")?.strip_suffix(".toml")?;
        Some(Self(inner.replace('/', ".")))
    }

    /// An id from its text, as reports and command lines carry it.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first segment: `tls`, `as4`, `document`, `process`, `resilience` or `performance`.
    #[must_use]
    pub fn layer(&self) -> &str {
        self.0.split('.').next().unwrap_or_default()
    }

    /// The path of the file that defines it.
    #[must_use]
    pub fn path(&self) -> String {
        format!("cases/{}.toml", self.0.replace('.', "/"))
    }
}

impl fmt::Display for CaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
