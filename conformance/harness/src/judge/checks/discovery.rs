//! Checks on how the subject finds a receiver: what it asks the suite's publisher, and what its producer is told.

use super::hook::{entries, message_ids};
use super::look::{Look, settle};
use super::{Named, Outcome, broken};
use crate::question::{names, participant_scheme, question};

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
