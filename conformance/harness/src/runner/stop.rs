//! Why a case is not carried out further, and whose fault that is.

use crate::evidence::Kind;

/// Why a case is not carried out further.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The suite cannot.
    Broken(String),
    /// The subject gave nothing that the step builds on.
    Lacking(String),
    /// The operator did not do what was asked.
    Declined(String),
}

impl Stop {
    /// As it is written down.
    pub(crate) fn kind(self) -> Kind {
        match self {
            Self::Broken(reason) => Kind::Broken { reason },
            Self::Lacking(reason) => Kind::Lacking { reason },
            Self::Declined(reason) => Kind::Declined { reason },
        }
    }

    /// A variable without a value: those of a step come from what the subject answered to it.
    pub(crate) fn without_value(name: &str) -> Self {
        let reason = format!("${{{name}}} has no value");
        if name.starts_with("step.") { Self::Lacking(reason) } else { Self::Broken(reason) }
    }
}

impl From<String> for Stop {
    fn from(reason: String) -> Self {
        Self::Broken(reason)
    }
}

impl From<&str> for Stop {
    fn from(reason: &str) -> Self {
        Self::Broken(reason.to_owned())
    }
}
