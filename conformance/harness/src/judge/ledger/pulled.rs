//! Messages that were pulled: one goes out as the answer to a pull request, its receipt comes on a connection of its own.
//!
//! Clauses: ebMS3 Core 3 (One-Way/Pull), eDelivery AS4 1.15 section 1.5.5.

use std::collections::BTreeMap;

use super::{Fate, is_receipt};
use crate::evidence::Side;
use crate::judge::answer::{Answer, answer, pushed_package, sent_package};
use crate::judge::ebms::{self, Ebms};
use crate::judge::view::Exchange;
use crate::root::{self, Package};

/// What each side handed out.
#[derive(Debug, Default)]
pub(super) struct Pulled {
    /// By the subject.
    theirs: BTreeMap<String, Box<Ebms>>,
    /// By the suite.
    ours: BTreeMap<String, Ebms>,
}

impl Pulled {
    /// Counts a message that answers a pull request.
    pub(super) fn hand_over(
        &mut self,
        exchange: &Exchange,
        sent: &mut BTreeMap<String, Fate>,
        pushed: &mut BTreeMap<String, Fate>,
    ) {
        match exchange.side {
            Side::Suite if asks(sent_package(exchange)) => {
                let Answer::Message(message) = answer(exchange) else { return };
                pushed.entry(message.message_id.clone()).or_default().events.push(exchange.seq);
                self.theirs.insert(message.message_id.clone(), message);
            }
            Side::Subject if asks(pushed_package(exchange)) => {
                let Some(message) = sent_package(exchange).and_then(|package| ebms::read(&package.envelope).ok())
                else {
                    return;
                };
                if message.user.is_none() || message.message_id.is_empty() {
                    return;
                }
                sent.entry(message.message_id.clone()).or_default().events.push(exchange.seq);
                self.ours.insert(message.message_id.clone(), message);
            }
            Side::Suite | Side::Subject => {}
        }
    }

    /// Notes the receipt or the error for what was handed out.
    pub(super) fn settle(
        &self,
        exchange: &Exchange,
        sent: &mut BTreeMap<String, Fate>,
        pushed: &mut BTreeMap<String, Fate>,
    ) {
        match exchange.side {
            Side::Suite => {
                let Some(signal) = signal(sent_package(exchange)) else { return };
                let id = signal.refers_to.clone().unwrap_or_default();
                if let (Some(message), Some(fate)) = (self.theirs.get(&id), pushed.get_mut(&id)) {
                    fate.receipted |= is_receipt(&signal, message);
                    fate.refused |= !signal.errors.is_empty();
                }
            }
            Side::Subject => {
                let Some(signal) = signal(pushed_package(exchange)) else { return };
                let id = signal.refers_to.clone().unwrap_or_default();
                if let (true, Some(fate)) = (self.ours.contains_key(&id), sent.get_mut(&id)) {
                    fate.receipted |= signal.receipt.is_some();
                    fate.refused |= !signal.errors.is_empty();
                }
            }
        }
    }
}

/// Whether a package is a pull request.
fn asks(package: Option<Package>) -> bool {
    package.is_some_and(|package| std::str::from_utf8(&package.envelope).is_ok_and(|text| root::signals(text).pull))
}

/// A receipt or an error that stands alone.
fn signal(package: Option<Package>) -> Option<Ebms> {
    let package = package?;
    let seen = root::signals(std::str::from_utf8(&package.envelope).ok()?);
    if !seen.answer || seen.user {
        return None;
    }
    ebms::read(&package.envelope).ok()
}
