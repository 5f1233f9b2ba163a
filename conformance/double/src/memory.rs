//! What a double remembers; it survives a restart, as a store would.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use carnet_harness::forge::Draft;

use crate::customs::Declaration;

/// All of it.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Digests of the parts, by sender and MessageId.
    seen: HashMap<(String, String), Vec<Vec<u8>>>,
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
}

/// A message to be sent, and the MessageId of what it answers.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    pub(crate) draft: Draft,
    pub(crate) answers: String,
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
}

impl Memory {
    /// Remembers a message, and says whether it is new.
    pub(crate) fn receive(&mut self, sender: &str, message_id: &str, content: Vec<Vec<u8>>) -> Novelty {
        let key = (sender.to_owned(), message_id.to_owned());
        match self.seen.get(&key) {
            None => {
                self.seen.insert(key, content);
                Novelty::New
            }
            Some(before) if *before == content => Novelty::Again,
            Some(_) => Novelty::Other,
        }
    }
}
