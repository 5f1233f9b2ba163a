//! Which cases are meant: patterns of ids, and filters by requirement, tag, level, layer and role.
//!
//! Filters of one kind are alternatives, filters of different kinds must all hold: `as4.** tls.** level:MUST` is every
//! MUST of both layers. What runs beside them (controls) is the plan's.

use std::collections::BTreeSet;

use crate::case::{Case, CaseId, Level, Role};
use crate::read::nearest;
use crate::requirement::RequirementId;

/// Filters as a user writes them; none at all means every case.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filters(Vec<Filter>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Filter {
    Id(String),
    Requirement(String),
    Tag(String),
    Layer(String),
    Level(Level),
    Role(Role),
}

/// The words before the colon.
const KINDS: [&str; 5] = ["req", "tag", "level", "layer", "role"];

/// A filter that means nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// The word before the colon is none of the kinds.
    #[error("got filter {text:?}: no filter begins with {kind}:\nhelp: {}", kinds(.near))]
    Kind {
        /// The filter.
        text: String,
        /// Its first word.
        kind: String,
        /// The kind that was probably meant.
        near: Option<&'static str>,
    },
    /// The word after the colon is none of the few that are known.
    #[error("got filter {text:?}\nhelp: expected one of {expected}")]
    Value {
        /// The filter.
        text: String,
        /// What could stand there.
        expected: &'static str,
    },
}

impl Filters {
    /// Reads filters: a pattern of case ids, or `req:`, `tag:`, `layer:` with a pattern, `level:` or `role:` with a word.
    ///
    /// # Errors
    /// A kind, level or role that does not exist.
    pub fn parse<T: AsRef<str>>(texts: &[T]) -> Result<Self, FilterError> {
        texts.iter().map(|text| one(text.as_ref())).collect::<Result<_, _>>().map(Self)
    }

    /// Exactly these cases.
    #[must_use]
    pub fn ids<'a>(ids: impl IntoIterator<Item = &'a str>) -> Self {
        Self(ids.into_iter().map(|id| Filter::Id(id.to_owned())).collect())
    }

    /// Whether the case is meant.
    #[must_use]
    pub fn takes(&self, id: &CaseId, case: &Case) -> bool {
        self.0.iter().all(|filter| {
            let mut alike =
                self.0.iter().filter(|other| std::mem::discriminant(*other) == std::mem::discriminant(filter));
            alike.any(|other| other.takes(id, case))
        })
    }

    /// Each pattern that takes none of these cases, as it was written, with what was probably meant.
    #[must_use]
    pub fn idle(&self, cases: &[(&CaseId, &Case)]) -> Vec<(String, Option<String>)> {
        let idle = self.0.iter().filter(|filter| !cases.iter().any(|(id, case)| filter.takes(id, case)));
        idle.filter_map(|filter| filter.meant(cases)).collect()
    }
}

impl Filter {
    fn takes(&self, id: &CaseId, case: &Case) -> bool {
        match self {
            Self::Id(pattern) => named(pattern, id, case),
            Self::Requirement(pattern) => case.verifies.iter().any(|id| matches(pattern, id.as_str())),
            Self::Tag(pattern) => case.tags.iter().any(|tag| matches(pattern, tag)),
            Self::Layer(pattern) => matches(pattern, id.layer()),
            Self::Level(level) => case.level == *level,
            Self::Role(role) => case.role == *role,
        }
    }
}

impl Filter {
    /// The filter as it was written, and the nearest that takes a case; levels and roles are words that were checked.
    fn meant(&self, cases: &[(&CaseId, &Case)]) -> Option<(String, Option<String>)> {
        let (kind, pattern, known): (&str, &str, BTreeSet<&str>) = match self {
            Self::Id(pattern) => ("", pattern, cases.iter().flat_map(|(id, _)| groups(id.as_str())).collect()),
            Self::Requirement(pattern) => {
                let verified = cases.iter().flat_map(|(_, case)| &case.verifies);
                ("req:", pattern, verified.map(RequirementId::as_str).collect())
            }
            Self::Tag(pattern) => {
                ("tag:", pattern, cases.iter().flat_map(|(_, case)| &case.tags).map(String::as_str).collect())
            }
            Self::Layer(pattern) => ("layer:", pattern, cases.iter().map(|(id, _)| id.layer()).collect()),
            Self::Level(_) | Self::Role(_) => return None,
        };
        // What stands before a star is a word, or the beginning of one.
        let stem = pattern.trim_end_matches(['*', '.']);
        let near =
            nearest(stem, known).map(|near| format!("{kind}{near}{}", pattern.get(stem.len()..).unwrap_or_default()));
        Some((format!("{kind}{pattern}"), near))
    }
}

/// An id and all that it is below: `as4`, `as4.push`, `as4.push.accepted`.
fn groups(id: &str) -> impl Iterator<Item = &str> {
    id.match_indices('.').map(|(at, _)| at).chain([id.len()]).filter_map(|end| id.get(..end))
}

/// Whether a pattern means the case, by its id or a former one.
#[must_use]
pub fn named(pattern: &str, id: &CaseId, case: &Case) -> bool {
    matches(pattern, id.as_str()) || case.aliases.iter().any(|alias| matches(pattern, alias))
}

fn one(text: &str) -> Result<Filter, FilterError> {
    let Some((kind, rest)) = text.split_once(':') else { return Ok(Filter::Id(text.to_owned())) };
    let value = |expected| FilterError::Value { text: text.to_owned(), expected };
    match kind {
        "req" => Ok(Filter::Requirement(rest.to_owned())),
        "tag" => Ok(Filter::Tag(rest.to_owned())),
        "layer" => Ok(Filter::Layer(rest.to_owned())),
        "level" => match rest.to_ascii_uppercase().as_str() {
            "MUST" => Ok(Filter::Level(Level::Must)),
            "SHOULD" => Ok(Filter::Level(Level::Should)),
            "MAY" => Ok(Filter::Level(Level::May)),
            _ => Err(value("level:MUST, level:SHOULD, level:MAY")),
        },
        "role" => match rest {
            "responder" => Ok(Filter::Role(Role::Responder)),
            "initiator" => Ok(Filter::Role(Role::Initiator)),
            "both" => Ok(Filter::Role(Role::Both)),
            _ => Err(value("role:responder, role:initiator, role:both")),
        },
        _ => {
            let near = KINDS.into_iter().find(|known| nearest(kind, [*known]).is_some());
            Err(FilterError::Kind { text: text.to_owned(), kind: kind.to_owned(), near })
        }
    }
}

fn kinds(near: &Option<&'static str>) -> String {
    match near {
        Some(near) => format!("did you mean {near}:?"),
        None => "filters are patterns of case ids (as4.**), req:, tag:, level:, layer: and role:".to_owned(),
    }
}

/// `*` matches within a segment, `**` across segments; a pattern without either matches itself and what is below it.
fn matches(pattern: &str, id: &str) -> bool {
    if !pattern.contains('*') {
        return id == pattern || id.strip_prefix(pattern).is_some_and(|rest| rest.starts_with('.'));
    }
    glob(pattern.as_bytes(), id.as_bytes())
}

fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match pattern {
        [] => text.is_empty(),
        [b'*', b'*', rest @ ..] => (0..=text.len()).any(|at| glob(rest, text.get(at..).unwrap_or_default())),
        [b'*', rest @ ..] => {
            let segment = text.iter().position(|&b| b == b'.').unwrap_or(text.len());
            (0..=segment).any(|at| glob(rest, text.get(at..).unwrap_or_default()))
        }
        [first, rest @ ..] => text.split_first().is_some_and(|(head, tail)| head == first && glob(rest, tail)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_star_stays_within_a_segment_and_two_cross() {
        assert!(matches("as4.*.x", "as4.receipt.x"));
        assert!(!matches("as4.*", "as4.receipt.x"));
        assert!(matches("as4.**", "as4.receipt.x"));
        assert!(matches("**.x", "as4.receipt.x"));
        assert!(matches("AS4-RECEIPT-*", "AS4-RECEIPT-03"));
    }

    #[test]
    fn a_plain_pattern_takes_what_is_below_it() {
        assert!(matches("as4", "as4.receipt.x"));
        assert!(matches("as4.receipt.x", "as4.receipt.x"));
        assert!(!matches("as4.rec", "as4.receipt.x"));
    }

    #[test]
    fn filters_of_one_kind_are_alternatives_and_kinds_narrow_each_other() {
        let catalogue = crate::load().unwrap();
        let count = |filters: &[&str]| {
            let filters = Filters::parse(filters).unwrap();
            catalogue.cases.iter().filter(|(id, case)| filters.takes(id, case)).count()
        };
        let (tls, as4) = (count(&["layer:tls"]), count(&["as4.**"]));
        assert!(tls > 0 && as4 > 0);
        assert_eq!(count(&["tls.**", "as4.**"]), tls + as4);
        assert_eq!(count(&["layer:tls", "as4.**"]), 0);
        let must = count(&["as4", "level:must"]);
        let rest = count(&["as4", "level:SHOULD", "level:MAY"]);
        assert!(must > 0 && must < as4);
        assert_eq!(must + rest, as4);
        let smoke = count(&["tag:smoke"]);
        assert!(smoke > 5 && smoke < 40, "{smoke} smoke cases");
        assert_eq!(count(&[]), catalogue.cases.len());
    }

    #[test]
    fn a_pattern_that_takes_nothing_is_answered_with_the_nearest_that_takes_something() {
        let catalogue = crate::load().unwrap();
        let cases: Vec<(&CaseId, &Case)> = catalogue.cases.iter().collect();
        for (pattern, near) in [
            ("as4.push.acepted", Some("as4.push.accepted")),
            ("as4.pusch", Some("as4.push")),
            ("as4.pusch.**", Some("as4.push.**")),
            ("tag:smok", Some("tag:smoke")),
            ("layer:tsl", Some("layer:tls")),
            ("req:AS4-RECIEPT-01", Some("req:AS4-RECEIPT-01")),
            ("nothing-of-the-kind", None),
        ] {
            let filters = Filters::parse(&[pattern]).unwrap();
            assert_eq!(filters.idle(&cases), [(pattern.to_owned(), near.map(str::to_owned))]);
        }
        assert!(Filters::parse(&["as4.push", "level:MUST"]).unwrap().idle(&cases).is_empty());
    }

    #[test]
    fn a_filter_that_means_nothing_is_refused() {
        let said = |text: &str| Filters::parse(&[text]).unwrap_err().to_string();
        assert!(said("reqs:AS4-*").contains("did you mean req:?"), "{}", said("reqs:AS4-*"));
        assert!(said("level:must-not").contains("level:SHOULD"));
        assert!(said("role:client").contains("role:initiator"));
    }
}
