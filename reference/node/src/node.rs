//! What every task of a running node shares.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use carnet_as4::id::{IdError, MessageId, PartyId};
use carnet_exchange::{Key, Spool, Store};
use tokio::sync::{Notify, OwnedSemaphorePermit};

use crate::pool::Pool;
use crate::send::Settled;
use crate::terms::Terms;
use crate::worker::Worker;

/// A running node.
pub(crate) struct Node {
    /// What is in force now.
    pub(crate) terms: ArcSwap<Terms>,
    /// Messages and records.
    pub(crate) store: Arc<dyn Store>,
    /// Part octets.
    pub(crate) spool: Arc<dyn Spool>,
    /// The threads that sign, verify and validate.
    pub(crate) pool: Pool<Worker>,
    /// Told when a message was committed that the registry has not seen.
    pub(crate) arrived: Notify,
    /// Told when the outbox may have something due.
    pub(crate) outbox: Notify,
    /// Told when channels are to be pulled from now.
    pub(crate) pull: Notify,
    /// A message is due that found no place; whoever gives one up wakes the outbox.
    pub(crate) backlog: AtomicBool,
    /// Outgoing messages being sent at this moment.
    pub(crate) under_way: UnderWay,
    /// Producers that wait for the end of a message they submitted.
    pub(crate) settled: Settled,
    /// Messages being sent at once, to each partner.
    pub(crate) sends: usize,
    /// Whether documents are acted on here.
    pub(crate) registry: bool,
    /// Two letters in the reference numbers it issues.
    pub(crate) country: String,
}

/// A set of outgoing messages, so that none is sent twice at once.
#[derive(Debug, Default)]
pub(crate) struct UnderWay(Mutex<BTreeSet<Key>>);

/// Holds a message, and a place towards its partner, for one sending.
pub(crate) struct Claim {
    node: Arc<Node>,
    key: Key,
    place: Option<OwnedSemaphorePermit>,
}

impl UnderWay {
    /// A copy of the set.
    pub(crate) fn keys(&self) -> BTreeSet<Key> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<Key>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claim {
    /// Claims a message; `None` when it is being sent already.
    pub(crate) fn take(node: &Arc<Node>, key: Key, place: OwnedSemaphorePermit) -> Option<Self> {
        node.under_way.lock().insert(key).then(|| Self { node: Arc::clone(node), key, place: Some(place) })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.node.under_way.lock().remove(&self.key);
        drop(self.place.take());
        // Pairs with the fence of one who finds no place: either it sees this place, or this sees that it waits.
        fence(Ordering::SeqCst);
        if self.node.backlog.swap(false, Ordering::SeqCst) {
            self.node.outbox.notify_one();
        }
    }
}

/// A MessageId that no other message has.
pub(crate) fn fresh_id(us: &PartyId) -> Result<MessageId, IdError> {
    let host: String = us.value().chars().filter(char::is_ascii_alphanumeric).take(64).collect();
    MessageId::parse(&format!("{}@{}.carnet", uuid::Uuid::now_v7(), host.to_ascii_lowercase()))
}
