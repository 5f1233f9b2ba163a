//! What is sent when: a message just submitted at once, the rest when the store says it is due.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{Ordering, fence};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use carnet_as4::id::PartyId;
use carnet_exchange::{Key, Message, Outcome, State, StoreError, Unit};
use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use super::attempt::attempt;
use super::{Outgoing, Prepared};
use crate::log::Chain;
use crate::node::{Claim, Node};
use crate::parts::Header;

/// Messages asked of the store at a time.
const BATCH: usize = 256;
/// Such batches looked at before places are waited for.
const PAGES: usize = 8;
/// Longest sleep: a clock that was set back would otherwise hold messages up.
const LONGEST: Duration = Duration::from_secs(30);
/// Sleep after the store could not be read.
const TROUBLE: Duration = Duration::from_secs(1);

/// Sends what is due, for as long as the node runs.
pub(crate) struct Outbox {
    node: Arc<Node>,
    places: Mutex<BTreeMap<String, Arc<Semaphore>>>,
    sending: tokio::sync::Mutex<JoinSet<()>>,
}

impl Outbox {
    pub(crate) fn new(node: Arc<Node>) -> Arc<Self> {
        Arc::new(Self { node, places: Mutex::default(), sending: tokio::sync::Mutex::new(JoinSet::new()) })
    }

    /// Runs until told to stop; then waits for sendings under way, as long as `patience` allows.
    pub(crate) async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>, patience: Duration) {
        loop {
            let pause = match self.round().await {
                Ok(pause) => pause,
                Err(error) => {
                    tracing::error!(error = %Chain(&error), "failed to read the outbox");
                    TROUBLE
                }
            };
            tokio::select! {
                () = self.node.outbox.notified() => {}
                () = tokio::time::sleep(pause) => {}
                _ = stop.wait_for(|stop| *stop) => break,
            }
        }
        let mut sending = self.sending.lock().await;
        let ended = tokio::time::timeout(patience, async { while sending.join_next().await.is_some() {} }).await;
        if ended.is_err() {
            tracing::warn!(left = sending.len(), "left messages in the outbox for the next start");
            sending.shutdown().await;
        }
    }

    /// Starts what is due and says how long there is nothing to do.
    async fn round(&self) -> Result<Duration, StoreError> {
        // Messages of partners whose places are all taken, so that they do not hide what is due to others.
        let mut waiting = BTreeSet::new();
        for _ in 0..PAGES {
            let (node, passed) = (Arc::clone(&self.node), waiting.clone());
            let (due, next) = blocking(move || {
                let (now, except) = (Timestamp::now(), &node.under_way.keys() | &passed);
                Ok((node.store.due(now, BATCH, &except)?, node.store.next_due(&except)?))
            })
            .await?;
            let found = due.len();
            for message in due {
                // A partner whose places are taken is looked at again when one of them ends.
                let Some(place) = self.place(&message.to.id) else {
                    waiting.insert(message.key);
                    continue;
                };
                let Some(claim) = Claim::take(&self.node, message.key, place) else { continue };
                let (node, key) = (Arc::clone(&self.node), message.key);
                match blocking(move || load(&node, key)).await {
                    Ok(Some(outgoing)) => self.start(outgoing, claim).await,
                    Ok(None) => {}
                    // One that cannot be read does not hold up the others.
                    Err(error) => {
                        tracing::error!(%key, error = %Chain(&error), "failed to load a message that is due");
                        waiting.insert(key);
                    }
                }
            }
            if found == 0 {
                return Ok(pause(next, Timestamp::now()));
            }
        }
        // The rest waits for a place, which wakes this.
        Ok(LONGEST)
    }

    /// Sends a message that was just stored, if its partner has a place; else it is found by the next round.
    pub(crate) async fn offer(&self, outgoing: Outgoing) {
        if outgoing.pull {
            return;
        }
        // Without a place it waits for one in the backlog; claimed already, a round was faster.
        let Some(place) = self.place(outgoing.to.value()) else { return };
        if let Some(claim) = Claim::take(&self.node, outgoing.key, place) {
            self.start(outgoing, claim).await;
        }
    }

    async fn start(&self, outgoing: Outgoing, claim: Claim) {
        let node = Arc::clone(&self.node);
        let mut sending = self.sending.lock().await;
        while sending.try_join_next().is_some() {}
        sending.spawn(attempt(node, outgoing, claim));
    }

    /// A place towards a partner; without one, whoever gives a place up wakes this.
    fn place(&self, party: &str) -> Option<OwnedSemaphorePermit> {
        let places = {
            let mut all = self.places.lock().unwrap_or_else(PoisonError::into_inner);
            let most = self.node.sends.max(1);
            Arc::clone(all.entry(party.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(most))))
        };
        if let Ok(place) = Arc::clone(&places).try_acquire_owned() {
            return Some(place);
        }
        self.node.backlog.store(true, Ordering::SeqCst);
        // Pairs with the fence of one who gives a place up.
        fence(Ordering::SeqCst);
        places.try_acquire_owned().ok()
    }
}

/// How long there is nothing to do: what became due since the store was asked is due at once, not after the longest sleep.
fn pause(next: Option<Timestamp>, now: Timestamp) -> Duration {
    let until = next.map_or(LONGEST, |next| Duration::try_from(now.duration_until(next)).unwrap_or(Duration::ZERO));
    until.clamp(Duration::from_millis(1), LONGEST)
}

/// Stores a prepared message in the outbox. Once this answers, it will be sent.
pub(crate) async fn submit(outbox: &Outbox, prepared: Prepared) -> Result<Key, StoreError> {
    let Prepared { message, mut outgoing, kept } = prepared;
    let due = message.at;
    for kept in kept {
        // The commit below names it from here on.
        let _ = kept.release();
    }
    let outcomes = outbox.node.store.begin(vec![Unit::Submit { message, due }]).await?;
    match outcomes.first() {
        Some(Outcome::New { message }) => {
            outgoing.key = *message;
            outbox.offer(outgoing).await;
            Ok(*message)
        }
        // A fresh id is never taken.
        _ => Err(StoreError::Damaged { what: "the outbox" }),
    }
}

/// A message that is due; nothing when it is settled or not due after all.
//= AS4-RETRY-03
fn load(node: &Node, key: Key) -> Result<Option<Outgoing>, StoreError> {
    let Some(message) = node.store.message(key)? else { return Ok(None) };
    let waits = matches!(message.state, State::Submitted | State::Retrying);
    if !waits || message.due.is_none_or(|due| due > Timestamp::now()) {
        return Ok(None);
    }
    outgoing(node, message).map(Some)
}

/// Everything a sending needs of a message that is there.
pub(crate) fn outgoing(node: &Node, message: Message) -> Result<Outgoing, StoreError> {
    let key = message.key;
    let damaged = || StoreError::Damaged { what: "the header of an outgoing message" };
    let header = node.store.header(key)?.unwrap_or_default();
    let header = Header::read(&header).ok_or_else(damaged)?;
    let envelope = node.store.envelope(key)?.ok_or_else(damaged)?;
    let parts = node.store.parts(key)?.into_iter().map(|part| {
        let name = header.filenames.get(&part.cid);
        let disposition = name.map(|name| ("Content-Disposition".to_owned(), carnet_wire::mime::attachment(name)));
        let part_header = carnet_wire::mime::PartHeader {
            content_type: part.media_type,
            content_id: part.cid,
            headers: disposition.into_iter().collect(),
        };
        (part_header, part.held)
    });
    Ok(Outgoing {
        to: PartyId::new(&message.to.id, Some(&message.to.kind)).map_err(|_| damaged())?,
        service: header.message.collaboration.service,
        action: header.message.collaboration.action,
        pmode: message.pmode,
        envelope,
        sent: header.sent.clone().ok_or_else(damaged)?,
        parts: parts.collect(),
        attempts: message.attempts,
        pull: message.pull,
        key,
    })
}

async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(read).await.unwrap_or(Err(StoreError::Closed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_due_meanwhile_is_not_slept_through() {
        let now = Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(100);
        let at = |millis| Some(now + jiff::SignedDuration::from_millis(millis));
        assert_eq!(pause(at(-5), now), Duration::from_millis(1));
        assert_eq!(pause(Some(now), now), Duration::from_millis(1));
        assert_eq!(pause(at(700), now), Duration::from_millis(700));
        assert_eq!(pause(at(120_000), now), LONGEST);
        assert_eq!(pause(None, now), LONGEST);
    }
}
