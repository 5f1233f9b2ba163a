//! What the suite's publisher of service metadata says.

use serde::{Deserialize, Serialize};

/// The answer of the publisher about the party of this case, until the next `publish`. The step's `sign` says who signs it, its `forge` spoils it: `document` before it is signed, `signed` after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Publish {
    /// What is answered.
    pub with: PublishKind,
    /// The status for `http`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Whose signing certificate the metadata name: `partner` (the default), or another speaker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// This many spaces follow the document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub padding: Option<u64>,
    /// It is what the publisher says that a redirection names, and not the first one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub elsewhere: bool,
}

/// The kinds of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PublishKind {
    /// Signed service metadata: the suite's own endpoint.
    Metadata,
    /// Signed service metadata that name another publisher, at another address of the suite's.
    Redirect,
    /// An HTTP status with an empty body; a redirection (3xx) leads to what is published with `elsewhere`.
    Http,
    /// The connection is closed without an answer.
    Nothing,
}
