//! What an `await` step implies: that what was awaited came.

use carnet_catalogue::case::Layer;

use super::look::{Look, settle};
use super::{Named, Outcome, broken};
use crate::judge::answer::Answer;
use crate::judge::view::Exchange;

pub(crate) const CHECKS: &[Named] = &[
    Named {
        name: "await.receipt",
        says: "a receipt for what was sent came back on the same connection, or for what was pulled by itself",
        with: &["at"],
        judge: receipt,
    },
    Named { name: "await.error", says: "an ebMS error came back on the same connection", with: &["at"], judge: error },
    Named {
        name: "await.message",
        says: "the subject pushed a message in time, or gave one to a pull request",
        with: &["at"],
        judge: message,
    },
    Named { name: "await.pull", says: "the subject sent a pull request in time", with: &["at"], judge: pull },
    Named { name: "await.nothing", says: "the subject pushed nothing more", with: &["at"], judge: nothing },
    Named {
        name: "await.alert",
        says: "the subject ended the handshake or connection with a TLS alert",
        with: &["at"],
        judge: alert,
    },
    Named { name: "await.close", says: "the subject ended the connection", with: &["at"], judge: close },
    Named {
        name: "await.http-status",
        says: "the subject answered with an HTTP status",
        with: &["at"],
        judge: http_status,
    },
];

/// A receipt for another message is none for this one.
fn receipt(look: &Look<'_>) -> Outcome {
    settle((|| {
        let (exchange, receipt) = look.receipt()?;
        // What the suite spoilt on purpose may name no message to compare with.
        let Ok((sent, _)) = look.sent(exchange) else { return Ok(Outcome::Holds) };
        let got = receipt.refers_to.clone().unwrap_or_default();
        Ok(if got == sent.message_id {
            Outcome::Holds
        } else {
            look.deviation(exchange, format!("a receipt for {}", sent.message_id), format!("a receipt for {got:?}"))
        })
    })())
}

fn error(look: &Look<'_>) -> Outcome {
    let exchange = match look.exchange() {
        Ok(exchange) => exchange,
        Err(early) => return early,
    };
    match exchange.answer() {
        Answer::Refusal(refusal) if refusal.layer == Layer::As4 => Outcome::Holds,
        other => look.deviation(exchange, "an ebMS error on the same connection", other.describe()),
    }
}

fn message(look: &Look<'_>) -> Outcome {
    settle(look.push().map(|_| Outcome::Holds))
}

fn pull(look: &Look<'_>) -> Outcome {
    settle(look.pull_request().map(|_| Outcome::Holds))
}

fn nothing(look: &Look<'_>) -> Outcome {
    let Some(at) = look.step() else { return Outcome::Unclear("the await has no place".to_owned()) };
    match look.awaited().into_iter().find(|(index, _)| *index == at) {
        Some((_, Some(push))) => match answered_late(look, push) {
            Some(reason) => Outcome::Unclear(reason),
            None => look.deviation(push, "no further message from the subject", "one more message came"),
        },
        Some((_, None)) if look.attempt.waits.get(&at).is_some_and(|(_, arrived)| !arrived) => Outcome::Holds,
        _ => Outcome::Unclear("the waiting was not carried out".to_owned()),
    }
}

/// Why a message that comes once more tells nothing of the subject: the suite took so long to answer the one before, as it does on
/// a machine that has too much to do, that the subject could give it up. Half of the time that it claims to wait is the line's.
fn answered_late(look: &Look<'_>, push: &Exchange) -> Option<String> {
    let id = push.arrival().message_id()?;
    let waits = look.judge.ics.reception_awareness.answer_timeout.0;
    let took = |before: &Exchange| look.attempt.between(before.received.as_ref()?.seq, before.sent.as_ref()?.seq);
    let same = |before: &&Exchange| before.seq < push.seq && before.arrival().message_id() == Some(id);
    let slowest = look.messages().into_iter().filter(same).filter_map(took).max()?;
    (slowest * 2 > waits).then(|| {
        format!(
            "the suite answered after {} ms and the subject waits for {} ms, too close to tell: run it where there is less to do",
            slowest.as_millis(),
            waits.as_millis()
        )
    })
}

fn alert(look: &Look<'_>) -> Outcome {
    tls_end(look, "a TLS alert", |code| code != "close")
}

fn close(look: &Look<'_>) -> Outcome {
    tls_end(look, "the end of the connection", |_| true)
}

fn tls_end(look: &Look<'_>, expected: &str, fits: impl Fn(&str) -> bool) -> Outcome {
    let exchange = match look.exchange() {
        Ok(exchange) => exchange,
        Err(early) => return early,
    };
    match exchange.answer() {
        Answer::Refusal(refusal) if refusal.layer == Layer::Tls && refusal.codes.iter().all(|code| fits(code)) => {
            Outcome::Holds
        }
        other => look.deviation(exchange, expected, other.describe()),
    }
}

fn http_status(look: &Look<'_>) -> Outcome {
    let exchange = match look.exchange() {
        Ok(exchange) => exchange,
        Err(early) => return early,
    };
    let status =
        exchange.received.as_ref().and_then(|bytes| crate::http::read(&bytes.bytes).ok()).and_then(|m| m.status());
    match status {
        Some(_) => Outcome::Holds,
        None => broken("an HTTP status", exchange.answer().describe(), vec![exchange.seq, exchange.last]),
    }
}
