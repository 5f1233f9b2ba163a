//! How long a step lets pass.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::span::Span;

/// How long to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Wait {
    /// A fixed time.
    Span(Span),
    /// A time that follows from the subject's own claims.
    Named(NamedWait),
}

/// Times that follow from the ICS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NamedWait {
    /// One retry interval and its margin.
    RetryInterval,
    /// All retries and their margin.
    AllRetries,
    /// The longest time to a business answer.
    BusinessWithin,
}

/// Written by hand, so that what is none of them is told which there are.
impl<'de> Deserialize<'de> for Wait {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_str(Reader)
    }
}

/// What is said to be expected.
const EXPECTED: &str = "a length of time such as \"2s\", or one of `retry-interval`, `all-retries`, `business-within`";

struct Reader;

impl Visitor<'_> for Reader {
    type Value = Wait;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Wait, E> {
        let named = match text {
            "retry-interval" => NamedWait::RetryInterval,
            "all-retries" => NamedWait::AllRetries,
            "business-within" => NamedWait::BusinessWithin,
            _ => {
                let unknown = |_| E::custom(format_args!("unknown time `{text}`, expected {EXPECTED}"));
                return text.parse::<Span>().map(Wait::Span).map_err(unknown);
            }
        };
        Ok(Wait::Named(named))
    }
}
