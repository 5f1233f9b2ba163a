//! Checks on what comes of faults on the line.

use super::look::{Look, settle};
use super::{Named, Outcome};
use crate::judge::answer::Answer;

pub(crate) const CHECKS: &[Named] = &[Named {
    name: "line.not-receipted",
    says: "what did not arrive whole was not receipted",
    with: &[],
    judge: not_receipted,
}];

/// No answer, an error, an end: all of them tell the sender to send again. A receipt tells him to forget the message.
fn not_receipted(look: &Look<'_>) -> Outcome {
    settle((|| {
        let exchange = look.exchange()?;
        Ok(match exchange.answer() {
            Answer::Receipt(_) => {
                look.deviation(exchange, "no receipt for a message that did not arrive whole", "a receipt")
            }
            _ => Outcome::Holds,
        })
    })())
}
