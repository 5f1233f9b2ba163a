//! The conservation of messages: each message of a run was taken, refused or is known to be lost; none is silent, none
//! was delivered twice. Counted over all events of a run, also those that belong to no case, and whether a message was
//! pushed or pulled.
//!
//! What was delivered is known from the hook that lists it, what producers were told from the hook that lists that; where
//! a hook is missing the ledger says what it cannot know, and finds nothing.

use carnet_catalogue::case::Level;
use carnet_catalogue::requirement::RequirementId;
use serde::{Deserialize, Serialize};

use super::Judge;
use super::view::Attempt;
use crate::verdict::Verdict;
use listed::Listed;
use tally::{Fate, Tally};

mod listed;
mod tally;

/// Messages of a run and what became of each; every sum adds up.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ledger {
    /// Messages that the suite sent, or handed out when the subject pulled.
    pub to_subject: ToSubject,
    /// Messages that the subject sent, or handed out when the suite pulled.
    pub from_subject: FromSubject,
    /// Recordings that it counts by and that were redacted; what they told of is missing from the sums.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub redacted: usize,
    /// What does not add up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<LedgerFinding>,
}

/// `messages = receipted + refused + unanswered`, by MessageId.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToSubject {
    /// MessageIds that were sent.
    pub messages: usize,
    /// Those with a receipt.
    pub receipted: usize,
    /// Those that were refused with an error, a status or the end of the connection, and never receipted.
    pub refused: usize,
    /// Those without any answer: the suite, as their sender, knows that they may be lost.
    pub unanswered: usize,
    /// What became of them behind the subject; none without a hook that lists it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<Delivery>,
    /// There is such a hook, and it was not run or gave no list.
    #[serde(default, skip_serializing_if = "is_false")]
    pub unheard: bool,
}

/// `receipted = once + tests + never + twice`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    /// Receipted and delivered once.
    pub once: usize,
    /// Receipted messages of the ebMS test service, which are not delivered.
    pub tests: usize,
    /// Receipted and never delivered.
    pub never: usize,
    /// Receipted and delivered more than once.
    pub twice: usize,
    /// Refused and delivered all the same.
    pub though_refused: usize,
    /// Delivered, though the receipt never arrived.
    pub unanswered: usize,
}

/// `messages = receipted + refused + reported_lost + open`, by MessageId.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FromSubject {
    /// MessageIds that arrived.
    pub messages: usize,
    /// Those that the suite gave a receipt for.
    pub receipted: usize,
    /// Those that it answered with an error, and never with a receipt.
    pub refused: usize,
    /// Those of which the producer was told that they are lost.
    pub reported_lost: usize,
    /// Those of which nothing is known.
    pub open: usize,
    /// Whether a hook told what producers were told.
    pub observed: bool,
    /// There is such a hook, and it was not run or gave no list.
    #[serde(default, skip_serializing_if = "is_false")]
    pub unheard: bool,
}

/// A message that does not add up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerFinding {
    /// Its MessageId.
    pub message: String,
    /// What is wrong, in words.
    pub what: String,
    /// The requirement that is broken.
    pub requirement: RequirementId,
    /// Its level as it counts here.
    pub level: Level,
    /// Events that show it.
    pub events: Vec<u64>,
}

impl Ledger {
    /// The arithmetic, for people: a line for each direction.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let to = &self.to_subject;
        let mut first = format!(
            "to the subject: {} = {} receipted + {} refused + {} without an answer",
            counted(to.messages, "message"),
            to.receipted,
            to.refused,
            to.unanswered
        );
        match to.delivery {
            Some(seen) => {
                first += &format!(
                    "; {} receipted = {} delivered once + {} tests + {} never delivered + {} delivered twice",
                    to.receipted, seen.once, seen.tests, seen.never, seen.twice
                );
                if seen.though_refused > 0 {
                    first += &format!("; {} delivered though refused", seen.though_refused);
                }
            }
            None if to.unheard => first += "; the hook that lists what was delivered was not run, or failed",
            None => first += "; no hook tells what was delivered",
        }
        let from = &self.from_subject;
        let mut second = format!(
            "from the subject: {} = {} receipted + {} refused + {} reported lost + {} open",
            counted(from.messages, "message"),
            from.receipted,
            from.refused,
            from.reported_lost,
            from.open
        );
        match (from.observed, from.unheard) {
            (true, _) => {}
            (false, true) => second += "; the hook that lists what producers were told was not run, or failed",
            (false, false) => second += "; no hook tells what producers were told",
        }
        vec![first, second]
    }

    /// What it says of the run: a verdict for each finding, and that something cannot be known any more.
    pub fn verdicts(&self) -> impl Iterator<Item = Verdict> {
        let unknown = (self.redacted > 0).then_some(Verdict::Inconclusive);
        self.findings.iter().map(LedgerFinding::verdict).chain(unknown)
    }
}

impl LedgerFinding {
    /// The verdict it leads to.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        Verdict::of_broken(self.level)
    }
}

/// `1 message`, `2 messages`.
pub(super) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

fn is_false(flag: &bool) -> bool {
    !flag
}

/// Counts the messages of all executions and of the run itself; so many recordings of them were redacted.
pub(crate) fn ledger(judge: &Judge, attempts: &[Attempt], run: &Attempt, redacted: usize) -> Ledger {
    let mut ledger = Ledger { redacted, ..Ledger::default() };
    let hooks = Listed::of(attempts.iter().chain([run]));
    let exchanges = attempts.iter().chain([run]).flat_map(|attempt| &attempt.exchanges);
    let Tally { sent, pushed, .. } = Tally::of(exchanges, &judge.known);
    let mut delivery = hooks.delivered.as_ref().map(|_| Delivery::default());
    ledger.to_subject.messages = sent.len();
    for (id, fate) in &sent {
        let count = hooks.delivered(id);
        ledger.settle_sent(judge, id, fate, count, delivery.as_mut());
    }
    let configured = &judge.subject.hooks;
    ledger.to_subject.unheard = delivery.is_none() && configured.delivered.is_some();
    ledger.to_subject.delivery = delivery;
    ledger.from_subject.messages = pushed.len();
    ledger.from_subject.observed = hooks.notified.is_some();
    ledger.from_subject.unheard = hooks.notified.is_none() && configured.notified.is_some();
    for (id, fate) in &pushed {
        ledger.settle_pushed(judge, id, fate, &hooks);
    }
    ledger
}

/// What a second delivery breaks.
const TWICE: &str = "AS4-DUPLICATE-01";

impl Ledger {
    fn settle_sent(&mut self, judge: &Judge, id: &str, fate: &Fate, count: usize, seen: Option<&mut Delivery>) {
        let to = &mut self.to_subject;
        match (fate.receipted, fate.refused) {
            (true, _) => to.receipted += 1,
            (false, true) => to.refused += 1,
            (false, false) => to.unanswered += 1,
        }
        let Some(seen) = seen else { return };
        let wrong = match (fate.receipted, fate.refused, count) {
            (true, _, 0) if fate.test => {
                seen.tests += 1;
                None
            }
            (true, _, 0) => {
                seen.never += 1;
                Some(("CARNET-LEDGER-01", "it was receipted and never delivered"))
            }
            (true, _, 1) => {
                seen.once += 1;
                None
            }
            (_, _, 2..) => {
                seen.twice += usize::from(fate.receipted);
                Some((TWICE, "it was delivered more than once"))
            }
            (false, true, 1) => {
                seen.though_refused += 1;
                Some(("CARNET-LEDGER-01", "it was refused and delivered all the same"))
            }
            (false, false, 1) => {
                seen.unanswered += 1;
                None
            }
            (false, _, 0) => None,
        };
        if let Some((requirement, what)) = wrong {
            self.find(judge, id, what, requirement, fate);
        }
    }

    fn settle_pushed(&mut self, judge: &Judge, id: &str, fate: &Fate, hooks: &Listed) {
        let from = &mut self.from_subject;
        if hooks.told(id) {
            from.reported_lost += 1;
        } else if fate.receipted {
            from.receipted += 1;
        } else if fate.refused {
            from.refused += 1;
        } else if hooks.told_of_error(id) {
            from.reported_lost += 1;
        } else {
            from.open += 1;
            if hooks.notified.is_some() {
                self.find(judge, id, "it got no receipt, and its producer was not told", "AS4-RETRY-04", fate);
            }
        }
    }

    /// Notes what does not add up. What is missing where something was redacted may have been there; what was delivered
    /// twice stays so.
    fn find(&mut self, judge: &Judge, id: &str, what: &str, requirement: &str, fate: &Fate) {
        if self.redacted > 0 && requirement != TWICE {
            return;
        }
        let row = judge.catalogue.requirements.iter().find(|(known, _)| known.as_str() == requirement);
        let Some((requirement, row)) = row else { return };
        let level = if row.source == "carnet" { row.level.min(Level::Should) } else { row.level };
        self.findings.push(LedgerFinding {
            message: id.to_owned(),
            what: what.to_owned(),
            requirement: requirement.clone(),
            level,
            events: fate.events.clone(),
        });
    }
}
