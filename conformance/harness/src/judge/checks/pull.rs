//! Checks on pull requests: the subject's own, and what it hands out to those of the suite.

use super::look::{Look, settle};
use super::{Named, Outcome, broken};
use crate::judge::answer::Answer;

const PULL: &str = "/env:Envelope/env:Header/eb:Messaging/eb:SignalMessage/eb:PullRequest";

pub(crate) const CHECKS: &[Named] = &[
    Named {
        name: "pull.request-signed",
        says: "the subject's pull request is signed by a trusted signer, over Messaging and Body, and names the channel",
        with: &[],
        judge: signed,
    },
    Named {
        name: "pull.messages-differ",
        says: "pull requests at the same time got messages, and not the same one",
        with: &[],
        judge: differ,
    },
    Named {
        name: "pull.receipt-taken",
        says: "the receipt that the suite posted is answered, and with no ebMS error",
        with: &[],
        judge: taken,
    },
];

fn signed(look: &Look<'_>) -> Outcome {
    settle((|| {
        let push = look.pull_request()?;
        let signature = &push.ebms.signature;
        let channel = look.judge.subject.exchange.pull.as_ref().map(|pull| pull.offers.as_str()).unwrap_or_default();
        let actual = match (&signature.fault, signature.present) {
            (Some(fault), _) => fault.clone(),
            (None, false) => "a pull request without a signature".to_owned(),
            (None, true) if !signature.messaging => "eb:Messaging is not covered".to_owned(),
            (None, true) if !signature.body => "the Body is not covered".to_owned(),
            (None, true) => match signature.trusted(&look.judge.signing_anchors, look.judge.clock) {
                Ok(()) if push.ebms.pull.as_deref() == Some(channel) => return Ok(Outcome::Holds),
                Ok(()) => format!("a pull request for channel {:?}", push.ebms.pull.unwrap_or_default()),
                Err(why) => why,
            },
        };
        let expected = format!("a signed pull request for channel {channel}");
        Ok(look.at(push.exchange, expected, actual, Some(PULL), None))
    })())
}

/// The answer may carry what comes next in the channel; its status is for `http.status-success` to judge.
fn taken(look: &Look<'_>) -> Outcome {
    settle((|| {
        let exchange = look.exchange()?;
        Ok(match exchange.answer() {
            Answer::Empty(_) | Answer::Message(_) => Outcome::Holds,
            Answer::Refusal(refusal) if refusal.signal.is_none() => Outcome::Holds,
            other => look.deviation(exchange, "an answer without an ebMS error", other.describe()),
        })
    })())
}

fn differ(look: &Look<'_>) -> Outcome {
    let step = look.step();
    let pulls = look.attempt.exchanges.iter().filter(|exchange| look.is_pull(exchange));
    let mut ids: Vec<&String> = Vec::new();
    for exchange in pulls.filter(|exchange| step.is_none_or(|step| exchange.step == step)) {
        let expected = "a message for each of the pull requests, another for each";
        match exchange.answer() {
            Answer::Message(message) if ids.contains(&&message.message_id) => {
                return look.deviation(exchange, expected, format!("{} twice", message.message_id));
            }
            Answer::Message(message) => ids.push(&message.message_id),
            other => return look.deviation(exchange, expected, other.describe()),
        }
    }
    if ids.len() > 1 { Outcome::Holds } else { broken("several pull requests", "fewer than two", Vec::new()) }
}
