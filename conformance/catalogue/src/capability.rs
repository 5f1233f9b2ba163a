//! What a subject may claim in its `ics.toml` and a case may need: a closed list, kept as data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::case::CaseId;
use crate::error::Problem;
use crate::files::Files;
use crate::read;

/// One thing a node can or cannot do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Capability {
    /// Name, for example `as4.gzip`.
    pub name: String,
    /// What claiming it means, for the operator who fills in the statement.
    pub means: String,
    /// The case that shows whether a claim is true: when it fails, the statement does not hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<CaseId>,
}

/// The capabilities that this suite knows, by name.
///
/// # Errors
/// Its own list does not read.
pub fn known() -> Result<BTreeMap<String, Capability>, Problem> {
    let text = Files::capabilities();
    read::read::<CapabilityFile>("capabilities.toml", &text).map(CapabilityFile::by_name)
}

/// `capabilities.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CapabilityFile {
    /// Always 1.
    pub format: u32,
    /// The list.
    pub capability: Vec<Capability>,
}

impl CapabilityFile {
    /// The list by name.
    #[must_use]
    pub fn by_name(self) -> BTreeMap<String, Capability> {
        self.capability.into_iter().map(|capability| (capability.name.clone(), capability)).collect()
    }
}
