//! Checks on how the subject finds a receiver: what it asks the suite's publisher, and what its producer is told.

use carnet_catalogue::exchange::Discovery;

use super::hook::{entries, words};
use super::look::{Look, settle};
use super::{Named, Outcome, broken};
use crate::http;

pub(crate) const CHECKS: &[Named] = &[
    Named {
        name: "discovery.asked",
        says: "the publisher was asked for the receiver and the document, and for each attempt no more often than `most`",
        with: &["most"],
        judge: asked,
    },
    Named {
        name: "notified.failure",
        says: "the producer was told of an error for the message it submitted",
        with: &[],
        judge: failure,
    },
];

/// What a request to a publisher asks for: participant and document, each as it stands in its segment of the path.
pub(crate) fn question(request: &[u8]) -> Option<(String, String)> {
    let message = http::read(request).ok()?;
    let mut words = message.line.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    let path = target.split(['?', '#']).next()?;
    let mut segments = path.rsplit('/');
    let (document, services, participant) = (segments.next()?, segments.next()?, segments.next()?);
    (method == "GET" && services == "services" && !participant.is_empty())
        .then(|| Some((http::unescaped(participant)?, http::unescaped(document)?)))?
}

/// Whether an identifier of a path has that scheme and value; the separator may be missing where there is no scheme.
/// Participants are compared without regard to case.
pub(crate) fn names(identifier: &str, scheme: &str, value: &str) -> bool {
    let full = format!("{scheme}::{value}");
    identifier.eq_ignore_ascii_case(&full) || (scheme.is_empty() && identifier.eq_ignore_ascii_case(value))
}

/// The scheme of participants: the agreed one, else the type of the suite's PartyId.
pub(crate) fn participant_scheme<'s>(discovery: &'s Discovery, kind: &'s str) -> &'s str {
    discovery.participant_scheme.as_deref().unwrap_or(kind)
}

fn asked(look: &Look<'_>) -> Outcome {
    let subject = &look.judge.subject;
    let Some(agreed) = &subject.exchange.discovery else {
        return Outcome::Unclear("subject.toml has no [exchange.discovery]".to_owned());
    };
    let scheme = participant_scheme(agreed, &subject.suite.party.kind);
    let prefix = format!("{scheme}::{}", agreed.party).to_ascii_lowercase();
    let bare = if scheme.is_empty() { agreed.party.to_ascii_lowercase() } else { prefix.clone() };
    let right = |(participant, document): (String, String)| {
        let participant = participant.to_ascii_lowercase();
        (participant.starts_with(&prefix) || participant.starts_with(&bare))
            && names(&document, &agreed.document_scheme, &agreed.action)
    };
    let asked: Vec<u64> = look
        .attempt
        .asked
        .iter()
        .filter(|asked| question(&asked.bytes).is_some_and(right))
        .map(|asked| asked.seq)
        .collect();
    let wanted = format!("a GET of {scheme}::{}.. and document {}", agreed.party, agreed.action);
    if asked.is_empty() {
        let events = look.attempt.asked.iter().map(|asked| asked.seq).chain(look.wait_events()).collect();
        return broken(wanted, "the publisher was not asked for that", events);
    }
    let attempts = look.judge.ics.reception_awareness.retry_count as usize + 1;
    let most = look.with("most").and_then(|most| most.parse::<usize>().ok()).map(|most| most * attempts);
    match most {
        Some(most) if asked.len() > most => {
            broken(format!("at most {most} questions in {attempts} attempts"), format!("{}", asked.len()), asked)
        }
        _ => Outcome::Holds,
    }
}

/// The message is known by its MessageId: that of a push, or the one that the hook which submitted it gave.
fn failure(look: &Look<'_>) -> Outcome {
    settle((|| {
        let hook = |name: &str| look.attempt.hooks.iter().rev().find(|hook| hook.name == name);
        let Some(told) = hook("notified").filter(|hook| hook.success) else {
            return Err(Outcome::Unclear("hook notified was not run, or failed".to_owned()));
        };
        let submitted = hook("submit").map(|hook| String::from_utf8_lossy(&hook.output).into_owned());
        let given = submitted.as_deref().map(message_ids).unwrap_or_default();
        let pushed = look.messages().into_iter().filter_map(|push| look.read_push(push).ok());
        let ids: Vec<String> = given.into_iter().chain(pushed.map(|push| push.ebms.message_id)).collect();
        if ids.is_empty() {
            return Err(Outcome::Unclear("hook submit gave no MessageId, and no message came".to_owned()));
        }
        let output = String::from_utf8_lossy(&told.output);
        let about = |entry: &String| ids.iter().any(|id| entry.contains(id.as_str())) && entry.contains("EBMS:");
        Ok(match entries(&output).iter().any(about) {
            true => Outcome::Holds,
            false => {
                let expected = format!("an entry with {} and an ebMS error", ids.join(" or "));
                broken(expected, "no such entry in the hook's output", vec![told.seq])
            }
        })
    })())
}

/// The words of a hook's output that are MessageIds (RFC 5322, 3.6.4: they have an at sign).
pub(crate) fn message_ids(output: &str) -> Vec<String> {
    words(output).filter(|word| word.contains('@') && word.len() > 2).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_read_from_its_path() {
        let asks = |line: &str| question(format!("{line} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes());
        let said = asks("GET /smp/urn%3Ax::HOST-1/services/%3A%3Aact%20ion?a=b").unwrap();
        assert_eq!(said, ("urn:x::HOST-1".to_owned(), "::act ion".to_owned()));
        for other in ["POST /smp/a/services/b", "GET /smp/a/documents/b", "GET /services/b", "GET /a/services/%ff"] {
            assert_eq!(asks(other), None, "{other}");
        }
    }

    #[test]
    fn an_identifier_without_scheme_may_lack_the_separator() {
        assert!(names("urn:x::A", "urn:x", "a") && names("::a", "", "a") && names("a", "", "a"));
        assert!(!names("a", "urn:x", "a") && !names("urn:y::a", "urn:x", "a"));
    }

    #[test]
    fn a_message_id_is_found_in_json_and_in_text() {
        assert_eq!(message_ids("{\"key\":1,\"message_id\":\"a@b\"}"), ["a@b"]);
        assert_eq!(message_ids("id a@b\n"), ["a@b"]);
    }
}
