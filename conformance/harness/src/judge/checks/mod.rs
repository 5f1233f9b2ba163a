//! The named checks: what `[[check]]` may ask for. Each looks at recorded bytes only.
//!
//! A check that finds nothing to look at says so with a deviation, never with a pass.

pub mod business;

mod await_;
mod discovery;
mod encrypted;
mod error;
mod hook;
mod http;
mod line;
mod look;
mod message;
mod pull;
mod receipt;
mod tls;

use carnet_catalogue::case::{Case, Check};
use carnet_catalogue::step::Awaited;

pub(crate) use hook::{DELIVERED_ONCE, entries, message_ids, words};
pub use look::Look;
pub(crate) use tls::sent_to_shown;

use super::run::ByteRange;

/// What a check came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It holds.
    Holds,
    /// It holds, with something to improve: at most a WARN.
    Improvable(Box<Deviation>),
    /// It does not.
    Broken(Vec<Deviation>),
    /// It cannot be judged from this evidence.
    Unclear(String),
}

/// What should be, what is, and where it shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Deviation {
    /// What should be.
    pub expected: String,
    /// What is.
    pub actual: String,
    /// Events.
    pub events: Vec<u64>,
    /// Bytes.
    pub range: Option<ByteRange>,
    /// Element.
    pub xpath: Option<String>,
}

/// A check by name.
pub struct Named {
    /// Its name.
    pub name: &'static str,
    /// What holds when it passes.
    pub says: &'static str,
    /// The arguments it reads from `with`.
    pub with: &'static [&'static str],
    /// The judgement.
    pub judge: fn(&Look<'_>) -> Outcome,
}

/// All checks, in the order in which they are explained.
pub fn all() -> impl Iterator<Item = &'static Named> {
    [
        await_::CHECKS,
        http::CHECKS,
        tls::CHECKS,
        receipt::CHECKS,
        error::CHECKS,
        message::CHECKS,
        pull::CHECKS,
        discovery::CHECKS,
        business::CHECKS,
        hook::CHECKS,
        line::CHECKS,
    ]
    .into_iter()
    .flatten()
    .chain(std::iter::once(&REFUSAL))
}

/// The check of that name.
#[must_use]
pub fn named(name: &str) -> Option<&'static Named> {
    all().find(|check| check.name == name)
}

/// The checks that a case's `await` steps imply.
#[must_use]
pub fn implied(case: &Case) -> Vec<Check> {
    let mut implied = Vec::new();
    for (index, step) in case.step.iter().enumerate() {
        let name = match step.awaits {
            Some(Awaited::Receipt) => "await.receipt",
            Some(Awaited::Error) => "await.error",
            Some(Awaited::Message) => "await.message",
            Some(Awaited::Pull) => "await.pull",
            Some(Awaited::Nothing) => "await.nothing",
            Some(Awaited::Alert) => "await.alert",
            Some(Awaited::Close) => "await.close",
            Some(Awaited::HttpStatus) => "await.http-status",
            Some(Awaited::Answer | Awaited::Connection) | None => continue,
        };
        let with = std::iter::once(("at".to_owned(), index.to_string())).collect();
        implied.push(Check { name: name.to_owned(), step: None, with, level: None });
    }
    implied
}

/// A refusal is judged by the case's own `[[allow]]` rows.
const REFUSAL: Named = Named {
    name: super::refusal::NAME,
    says: "the subject refuses, at a layer and with a code that the case's [[allow]] rows name",
    with: &[],
    judge: |look| super::refusal::judge(look).0,
};

/// One deviation.
pub(crate) fn broken(expected: impl Into<String>, actual: impl Into<String>, events: Vec<u64>) -> Outcome {
    Outcome::Broken(vec![Deviation {
        expected: expected.into(),
        actual: actual.into(),
        events,
        ..Deviation::default()
    }])
}
