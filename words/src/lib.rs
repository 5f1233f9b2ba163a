//! The nearest known word to one that is not known, for whoever mistyped it in a file or on a command line.
//!
//! Every reader of files uses it, on either side of the workspace, so that a wrong key meets the same answer everywhere.
//! Where the word stands, and how an error looks, is left to the reader.

/// The candidate nearest to `word`, when one is near enough to be meant.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().max(word.len()).div_ceil(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// What the writer of a TOML file may have meant, from serde's "unknown field `a`, expected one of `b`, `c`" (or
/// "unknown variant"): the nearest known word, else all of them. None for its other complaints.
#[must_use]
pub fn proposal(message: &str) -> Option<String> {
    if !message.starts_with("unknown ") {
        return None;
    }
    let mut words = message.split('`').skip(1).step_by(2);
    let unknown = words.next()?;
    let known: Vec<&str> = words.collect();
    match nearest(unknown, known.iter().copied()) {
        Some(near) => Some(format!("did you mean `{near}`?")),
        None if known.is_empty() => None,
        None => Some(format!("known here: {}", known.join(", "))),
    }
}

/// The key that a TOML file lacks, from serde's "missing field `a`".
#[must_use]
pub fn missing(message: &str) -> Option<&str> {
    message.strip_prefix("missing field `")?.split('`').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_word_and_a_stranger_finds_none() {
        let known = ["schema", "namespaces", "message", "id"];
        assert_eq!(nearest("shcema", known), Some("schema"));
        assert_eq!(nearest("mesage", known), Some("message"));
        assert_eq!(nearest("colour", known), None);
    }

    #[test]
    fn complaints_become_proposals() {
        let said = |text: &str| proposal(text).unwrap_or_default();
        assert_eq!(said("unknown field `titel`, expected one of `title`, `level`"), "did you mean `title`?");
        assert_eq!(said("unknown variant `x`, expected `error` or `warning`"), "known here: error, warning");
        assert_eq!(said("invalid type: integer `3`, expected a string"), "");
        assert_eq!(missing("missing field `id`"), Some("id"));
    }
}
