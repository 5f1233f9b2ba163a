//! Reads one TOML file into a type and turns the parser's complaint into a place and a proposal.

pub use carnet_words::{did_you_mean, nearest};
use serde::de::DeserializeOwned;
use toml::de::{DeTable, DeValue};

use crate::error::Problem;

/// Reads `text` as a `T`; `file` is used in messages only.
///
/// # Errors
/// Not TOML, an unknown or missing key, a value of the wrong kind, or `format` other than 1.
pub fn read<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, Problem> {
    let table: toml::Table = toml::from_str(text).map_err(|error| locate(file, text, &error))?;
    match table.get("format") {
        Some(toml::Value::Integer(1)) => {}
        Some(other) => {
            let problem = at_text(file, text, "format", format!("got format {other}, expected 1"));
            return Err(problem.with_help("write `format = 1`; CHANGELOG.md says what changed between formats"));
        }
        None => {
            let problem = at(file, text, 0, "the key `format` is missing".to_owned());
            return Err(problem.with_help("start the file with `format = 1`"));
        }
    }
    toml::from_str(text).map_err(|error| locate(file, text, &error))
}

/// A problem at the first place where `needle` stands in `text`.
#[must_use]
pub fn at_text(file: &str, text: &str, needle: &str, what: String) -> Problem {
    match text.find(needle) {
        Some(offset) => at(file, text, offset, what),
        None => Problem::of_file(file, what),
    }
}

/// A problem at the first place where `needle` stands behind the start of the value that `path` leads to; where it does
/// not, as it is escaped there, at that value.
#[must_use]
pub fn at_text_below(file: &str, text: &str, path: &[&str], needle: &str, what: String) -> Problem {
    let from = DeTable::parse(text).ok().and_then(|table| start(table.get_ref(), path)).unwrap_or_default();
    match text.get(from..).and_then(|rest| rest.find(needle)) {
        Some(offset) => at(file, text, from + offset, what),
        None => at_value(file, text, path, what),
    }
}

/// The nearest word, else all of them.
#[must_use]
pub fn near_or_all(word: &str, known: &[&str]) -> String {
    nearest(word, known.iter().copied()).map_or_else(|| format!("it is one of {}", known.join(", ")), did_you_mean)
}

/// A problem at the value that `path` leads to, key by key; a number counts in an array. Where nothing is, at the file.
#[must_use]
pub fn at_value(file: &str, text: &str, path: &[&str], what: String) -> Problem {
    match DeTable::parse(text).ok().and_then(|table| start(table.get_ref(), path)) {
        Some(offset) => at(file, text, offset, what),
        None => Problem::of_file(file, what),
    }
}

fn start(table: &DeTable<'_>, path: &[&str]) -> Option<usize> {
    let (first, rest) = path.split_first()?;
    let mut found = table.iter().find(|(key, _)| key.get_ref() == first)?.1;
    for key in rest {
        found = match found.get_ref() {
            DeValue::Table(table) => table.iter().find(|(name, _)| name.get_ref() == key)?.1,
            DeValue::Array(values) => values.get(key.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    Some(found.span().start)
}

/// A problem at a byte offset of `text`.
#[must_use]
pub fn at(file: &str, text: &str, offset: usize, what: String) -> Problem {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(1, |tail| tail.chars().count() + 1);
    Problem { file: file.to_owned(), line, column, what, help: None }
}

fn locate(file: &str, text: &str, error: &toml::de::Error) -> Problem {
    let offset = error.span().map_or(0, |span| span.start);
    let message = error.message().trim_end_matches('.').to_owned();
    let help = carnet_words::proposal(&message).unwrap_or_else(|| in_general(&message));
    at(file, text, offset, message).with_help(help)
}

/// What to do about the parser's other complaints.
fn in_general(message: &str) -> String {
    match carnet_words::missing(message) {
        Some(key) => format!("add `{key}`; the file's page in docs/ says what it takes"),
        None if message.starts_with("invalid ") || message.starts_with("got ") => {
            "the file's page in docs/ says what each key takes, docs/schemas has its schema".to_owned()
        }
        None => "the file is TOML: a key, `=` and a value to the line, text in quotes".to_owned(),
    }
}
