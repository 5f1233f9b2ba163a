//! Retries: the same message, in time, and not too often.

use super::super::look::{Look, Push, settle};
use super::super::receipt::difference;
use super::super::{Outcome, broken};
use super::{MESSAGING, USER};

pub(super) fn identical(look: &Look<'_>) -> Outcome {
    settle((|| {
        let pushes = look.messages();
        let [first, rest @ ..] = pushes.as_slice() else {
            return Err(broken("a message and its retry", "no message", look.wait_events()));
        };
        if rest.is_empty() {
            return Ok(look.deviation(first, "a retry", "one push only"));
        }
        let original = look.read_push(first)?;
        for exchange in rest {
            let again = look.read_push(exchange)?;
            if again.ebms.message_id != original.ebms.message_id {
                let (expected, actual) = (original.ebms.message_id, again.ebms.message_id);
                return Ok(look.at(
                    exchange,
                    format!("MessageId {expected}"),
                    format!("MessageId {actual}"),
                    Some(USER),
                    Some(&actual),
                ));
            }
            let parts = |push: &Push<'_>| {
                push.ebms.signature.references.iter().filter(|r| r.uri.starts_with("cid:")).cloned().collect::<Vec<_>>()
            };
            let (old, new) = (parts(&original), parts(&again));
            let digests =
                |list: &[crate::judge::ebms::Reference]| list.iter().map(|r| r.digest.clone()).collect::<Vec<_>>();
            if digests(&old) != digests(&new) {
                let (expected, actual, shows) = difference(&old, &new).unwrap_or_default();
                return Ok(look.at(exchange, expected, actual, Some(MESSAGING), shows.as_deref()));
            }
        }
        Ok(Outcome::Holds)
    })())
}

pub(super) fn spaced(look: &Look<'_>) -> Outcome {
    let pushes = look.messages();
    let interval = look.judge.ics.reception_awareness.retry_interval.0;
    for pair in pushes.windows(2) {
        let [first, second] = pair else { continue };
        let gap = look.attempt.between(first.seq, second.seq).unwrap_or_default();
        // A tenth is the clocks' and the line's.
        if gap * 10 < interval * 9 {
            return look.deviation(
                second,
                "at least the claimed retry interval between two attempts",
                "a retry before the interval was over",
            );
        }
    }
    if pushes.len() < 2 {
        broken("a message and its retry", "fewer than two pushes", look.wait_events())
    } else {
        Outcome::Holds
    }
}

pub(super) fn at_most(look: &Look<'_>) -> Outcome {
    let claimed = look.judge.ics.reception_awareness.retry_count as usize + 1;
    let limit = look.with("count").and_then(|count| count.parse().ok()).unwrap_or(claimed);
    let pushes = look.messages();
    match pushes.last() {
        None => broken("a message from the subject", "none came", look.wait_events()),
        Some(last) if pushes.len() > limit => {
            look.deviation(last, format!("at most {limit} pushes"), format!("{} pushes", pushes.len()))
        }
        Some(_) => Outcome::Holds,
    }
}
