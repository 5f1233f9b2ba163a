//! The catalogue as commands see it: loaded with the user's own cases, and narrowed by filters.

use std::path::Path;

use carnet_catalogue::case::{Case, CaseId, Role};
use carnet_catalogue::{Catalogue, read};

use crate::failure::Failure;

/// The embedded catalogue, with the cases of `dir` beside it.
///
/// # Errors
/// Every fault of the user's own files, with file and line.
pub(crate) fn load(dir: Option<&Path>) -> Result<Catalogue, Failure> {
    match dir {
        None => carnet_catalogue::load().map_err(Failure::ours),
        Some(dir) => carnet_catalogue::load_with(dir).map_err(Failure::usage),
    }
}

/// The role as cases write it.
pub(crate) fn role(role: Role) -> &'static str {
    match role {
        Role::Responder => "responder",
        Role::Initiator => "initiator",
        Role::Both => "both",
    }
}

/// Which cases are meant: all of them, or those that any filter matches.
#[derive(Debug, Clone)]
pub(crate) struct Selection(Vec<Filter>);

#[derive(Debug, Clone)]
enum Filter {
    Id(String),
    Requirement(String),
    Level(String),
    Role(String),
}

impl Selection {
    /// Reads filters: a pattern of case ids, or `req:`, `level:`, `role:` with a pattern.
    ///
    /// # Errors
    /// A prefix that is none of these.
    pub(crate) fn parse(filters: &[String]) -> Result<Self, Failure> {
        let filter = |text: &String| match text.split_once(':') {
            None => Ok(Filter::Id(text.clone())),
            Some(("req", pattern)) => Ok(Filter::Requirement(pattern.to_owned())),
            Some(("level", pattern)) => Ok(Filter::Level(pattern.to_uppercase())),
            Some(("role", pattern)) => Ok(Filter::Role(pattern.to_owned())),
            Some((other, _)) => {
                Err(Failure::usage(format_args!("got filter {text:?}: no filter begins with {other}:"))
                    .help("filters are patterns of case ids (as4.**), req:, level: and role:"))
            }
        };
        filters.iter().map(filter).collect::<Result<_, _>>().map(Self)
    }

    /// Whether the case is meant.
    pub(crate) fn takes(&self, id: &CaseId, case: &Case) -> bool {
        let any = |filter: &Filter| match filter {
            Filter::Id(pattern) => {
                matches(pattern, id.as_str()) || case.aliases.iter().any(|alias| matches(pattern, alias))
            }
            Filter::Requirement(pattern) => case.verifies.iter().any(|id| matches(pattern, id.as_str())),
            Filter::Level(level) => case.level.to_string() == *level,
            Filter::Role(name) => role(case.role) == name,
        };
        self.0.is_empty() || self.0.iter().any(any)
    }

    /// The cases that are meant, by id.
    ///
    /// # Errors
    /// None at all: most likely a misspelt filter, so the nearest case is named.
    pub(crate) fn cases<'a>(&self, catalogue: &'a Catalogue) -> Result<Vec<(&'a CaseId, &'a Case)>, Failure> {
        let chosen: Vec<_> = catalogue.cases.iter().filter(|(id, case)| self.takes(id, case)).collect();
        if chosen.is_empty() {
            let failure = Failure::usage("no case matches the filters");
            let near = self.0.iter().find_map(|filter| match filter {
                Filter::Id(pattern) => read::nearest(pattern, catalogue.cases.keys().map(CaseId::as_str)),
                _ => None,
            });
            return Err(failure.help(match near {
                Some(near) => format!("did you mean {near}?"),
                None => "carnet list shows every case".to_owned(),
            }));
        }
        Ok(chosen)
    }
}

/// The case of that id or former id.
///
/// # Errors
/// No such case, with the nearest id.
pub(crate) fn case<'a>(catalogue: &'a Catalogue, id: &str) -> Result<(&'a CaseId, &'a Case), Failure> {
    let named = |(key, case): &(&CaseId, &Case)| key.as_str() == id || case.aliases.iter().any(|alias| alias == id);
    catalogue.cases.iter().find(named).ok_or_else(|| {
        let failure = Failure::usage(format_args!("there is no case {id}"));
        failure.help(match read::nearest(id, catalogue.cases.keys().map(CaseId::as_str)) {
            Some(near) => format!("did you mean {near}?"),
            None => "carnet list shows every case".to_owned(),
        })
    })
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
    use super::matches;

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
}
