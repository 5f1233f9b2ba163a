//! What became of each message, gathered from all exchanges in one pass: pushed, or pulled. What is pulled goes out as the
//! answer to a pull request, and its receipt comes on a connection of its own, before or after in the order of executions.
//!
//! Clauses: ebMS3 Core 3 (One-Way/Pull), eDelivery AS4 1.15 section 1.5.5.

use std::collections::{BTreeMap, BTreeSet};

use rustls_pki_types::CertificateDer;

use crate::evidence::Side;
use crate::forge::EB;
use crate::judge::answer::Answer;
use crate::judge::ebms::{Ebms, Reference};
use crate::judge::view::Exchange;
use crate::root;

/// What is known of one message.
#[derive(Debug, Default)]
pub(super) struct Fate {
    pub(super) receipted: bool,
    pub(super) refused: bool,
    pub(super) test: bool,
    pub(super) events: Vec<u64>,
}

/// The messages of a run by MessageId.
#[derive(Debug, Default)]
pub(super) struct Tally<'e> {
    /// Sent by the suite, or handed out by it.
    pub(super) sent: BTreeMap<String, Fate>,
    /// Sent by the subject, or handed out by it.
    pub(super) pushed: BTreeMap<String, Fate>,
    /// Handed out by the subject.
    theirs: BTreeMap<String, &'e Ebms>,
    /// Handed out by the suite.
    handed_out: BTreeSet<String>,
    /// Receipts and errors that stand alone, with their sender.
    signals: Vec<(Side, &'e Ebms)>,
}

impl<'e> Tally<'e> {
    /// Gathers them; `known` are certificates that a token may name.
    pub(super) fn of(exchanges: impl Iterator<Item = &'e Exchange>, known: &[CertificateDer<'static>]) -> Self {
        let mut tally = Self::default();
        for exchange in exchanges {
            match exchange.side {
                Side::Suite => tally.ours(exchange, known),
                Side::Subject => tally.theirs(exchange, known),
            }
        }
        tally.settle();
        tally
    }

    /// A connection of the suite: a message, a pull request, a signal.
    fn ours(&mut self, exchange: &'e Exchange, known: &[CertificateDer<'static>]) {
        let Some(read) = exchange.sent(known) else { return };
        let Ok(text) = std::str::from_utf8(&read.package.envelope) else { return };
        let (names, signals) = root::seen(text);
        if signals.pull
            && let Answer::Message(message) = exchange.answer()
        {
            self.pushed.entry(message.message_id.clone()).or_default().events.push(exchange.seq);
            self.theirs.insert(message.message_id.clone(), message);
        }
        if signals.answer && !signals.user {
            self.signals.extend(read.ebms.as_ref().ok().map(|signal| (Side::Suite, signal)));
        }
        if (signals.pull || signals.answer) && !signals.user {
            return;
        }
        let Some(id) = names.message_id.filter(|id| !id.is_empty()) else { return };
        let fate = self.sent.entry(id.clone()).or_default();
        fate.events.push(exchange.seq);
        fate.test |= text.contains(&format!("{EB}test"));
        match exchange.answer() {
            Answer::Receipt(receipt) => fate.receipted |= receipt.refers_to.as_deref() == Some(id.as_str()),
            Answer::Refusal(_) => fate.refused = true,
            Answer::Both(_) => (fate.receipted, fate.refused) = (true, true),
            _ => {}
        }
    }

    /// A connection of the subject: a message, a pull request, a signal.
    fn theirs(&mut self, exchange: &'e Exchange, known: &[CertificateDer<'static>]) {
        let Some(read) = exchange.pushed(known) else { return };
        let signals = std::str::from_utf8(&read.package.envelope).map(root::signals).unwrap_or_default();
        let answer = || exchange.sent(known)?.ebms.as_ref().ok();
        if signals.pull
            && let Some(message) = answer().filter(|message| is_message(message))
        {
            self.sent.entry(message.message_id.clone()).or_default().events.push(exchange.seq);
            self.handed_out.insert(message.message_id.clone());
        }
        let Ok(message) = &read.ebms else { return };
        if signals.answer && !signals.user {
            self.signals.push((Side::Subject, message));
        }
        if !is_message(message) {
            return;
        }
        let fate = self.pushed.entry(message.message_id.clone()).or_default();
        fate.events.push(exchange.seq);
        if let Some(signal) = answer() {
            fate.refused |= signal.refuses();
            fate.receipted |= is_receipt(signal, message);
        }
    }

    /// Notes the receipt or the error for what was handed out.
    fn settle(&mut self) {
        for (side, signal) in &self.signals {
            let id = signal.refers_to.clone().unwrap_or_default();
            match side {
                Side::Suite => {
                    let Some((message, fate)) = self.theirs.get(&id).zip(self.pushed.get_mut(&id)) else { continue };
                    fate.receipted |= is_receipt(signal, message);
                    fate.refused |= signal.refuses();
                }
                Side::Subject => {
                    let handed_out = self.handed_out.contains(&id);
                    let Some(fate) = self.sent.get_mut(&id).filter(|_| handed_out) else { continue };
                    fate.receipted |= signal.receipt.is_some();
                    fate.refused |= signal.refuses();
                }
            }
        }
    }
}

fn is_message(ebms: &Ebms) -> bool {
    ebms.user.is_some() && !ebms.message_id.is_empty()
}

/// Whether the suite's own signal is a receipt that the subject had to take.
fn is_receipt(signal: &Ebms, message: &Ebms) -> bool {
    let signature = &signal.signature;
    let same = |references: &Vec<Reference>| {
        references.len() == message.signature.references.len()
            && references.iter().all(|reference| message.signature.references.contains(reference))
    };
    signal.refers_to.as_deref() == Some(message.message_id.as_str())
        && signature.present
        && signature.fault.is_none()
        && signature.messaging
        && signature.body
        && signal.receipt.as_ref().is_some_and(same)
}
