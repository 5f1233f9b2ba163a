//! What a subject may claim in its `ics.toml` and a case may need: a closed list, kept as data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One thing a node can or cannot do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Capability {
    /// Name, for example `as4.gzip`.
    pub name: String,
    /// What claiming it means, for the operator who fills in the statement.
    pub means: String,
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
