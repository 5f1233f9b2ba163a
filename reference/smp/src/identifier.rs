//! Identifiers of participants, documents and processes: a scheme and a value (BDXR SMP 1.0, 2.2).

use std::fmt;

use carnet_wire::percent;

/// An identifier; the scheme may be empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identifier {
    /// Who gives the values their meaning.
    pub scheme: String,
    /// The value.
    pub value: String,
}

impl Identifier {
    /// An identifier of that scheme and value.
    pub fn new(scheme: impl Into<String>, value: impl Into<String>) -> Self {
        Self { scheme: scheme.into(), value: value.into() }
    }

    /// Whether it names the same participant: there, case makes no difference.
    pub(crate) fn same_participant(&self, other: &Self) -> bool {
        self.scheme.eq_ignore_ascii_case(&other.scheme) && self.value.eq_ignore_ascii_case(&other.value)
    }

    /// As one segment of a path.
    pub(crate) fn segment(&self) -> String {
        percent::encoded(&self.to_string(), percent::UNRESERVED)
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}::{}", self.scheme, self.value)
    }
}
