//! What a registry keeps: a JSON value under a key, written only over the version that was read.

/// One write of a registry, optimistic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordWrite {
    /// The registry, for example `declaration`.
    pub registry: String,
    /// The key within it, for example `mrn/26PH...`.
    pub key: String,
    /// The version that was read; 0 when there was none. The write makes it one higher.
    pub expected_version: u64,
    /// The new value.
    pub json: serde_json::Value,
}

/// A value as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The key within the registry.
    pub key: String,
    /// Its version, from 1; what a write expects.
    pub version: u64,
    /// The value.
    pub json: serde_json::Value,
}
