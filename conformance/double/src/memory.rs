//! What a double remembers; it survives a restart, as a store would.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use carnet_harness::forge::Draft;

use crate::agreement::Agreement;
use crate::customs::Declaration;

/// All of it.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Digests of what was signed, by sender and MessageId.
    seen: HashMap<(String, String), Content>,
    /// MessageIds of messages that were refused; only a mutant looks.
    pub(crate) refused: BTreeSet<String>,
    /// MessageIds in the order of delivery.
    pub(crate) delivered: Vec<String>,
    /// What producers were told: MessageId and code.
    pub(crate) notified: Vec<String>,
    /// Declarations.
    pub(crate) declarations: Vec<Declaration>,
    /// Declarations that were refused: declarant and local reference number; only a mutant looks.
    pub(crate) refused_references: Vec<(String, String)>,
    /// Messages whose receipt has not come, by their MessageId.
    pub(crate) outbox: BTreeMap<String, Outgoing>,
    /// Messages that wait to be pulled, the oldest first.
    pub(crate) waiting: Vec<Waiting>,
    /// Requests of Two-Way exchanges: sender and conversation, by MessageId.
    pub(crate) requests: HashMap<String, (String, String)>,
}

/// A message that waits to be pulled.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    pub(crate) message_id: String,
    /// The HTTP response that carries it.
    pub(crate) response: Vec<u8>,
    /// When it was handed out.
    pub(crate) handed_out: Vec<Instant>,
}

impl Waiting {
    /// Whether the interval since it was handed out last is over.
    pub(crate) fn is_due(&self, now: Instant, interval: Duration) -> bool {
        self.handed_out.last().is_none_or(|last| now.duration_since(*last) >= interval)
    }
}

/// A message to be sent, and the MessageId of what it answers.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    pub(crate) draft: Draft,
    pub(crate) answers: String,
    pub(crate) agreement: Agreement,
    /// Whether a publisher says where it goes.
    pub(crate) looked_up: bool,
}

/// The digests that a message was signed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Content {
    /// Of its header and its Body.
    pub(crate) header: Vec<Vec<u8>>,
    /// Of its parts.
    pub(crate) parts: Vec<Vec<u8>>,
}

/// Whether a message was received before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Novelty {
    /// It was not.
    New,
    /// It was, with the same content.
    Again,
    /// Its MessageId was used for other content.
    Other,
    /// Its MessageId was used for the same content under another header.
    OtherHeader,
}

impl Memory {
    /// Remembers a message, and says whether it is new.
    pub(crate) fn receive(&mut self, sender: &str, message_id: &str, content: Content) -> Novelty {
        let key = (sender.to_owned(), message_id.to_owned());
        match self.seen.get(&key) {
            None => {
                self.seen.insert(key, content);
                Novelty::New
            }
            Some(before) if *before == content => Novelty::Again,
            Some(before) if before.parts == content.parts => Novelty::OtherHeader,
            Some(_) => Novelty::Other,
        }
    }
}
