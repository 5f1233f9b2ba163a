//! Who waits to hear what became of a message they submitted.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use carnet_exchange::{MessageId, State};
use tokio::sync::oneshot;

/// Those who wait, by the message they wait for; nobody once the node stops.
#[derive(Debug)]
pub(crate) struct Settled(Mutex<Option<Waiters>>);

type Waiters = HashMap<MessageId, oneshot::Sender<State>>;

/// One who waits. Dropped, it no longer does.
pub(crate) struct Waiting<'a> {
    settled: &'a Settled,
    id: MessageId,
    told: oneshot::Receiver<State>,
}

impl Default for Settled {
    fn default() -> Self {
        Self(Mutex::new(Some(Waiters::default())))
    }
}

impl Settled {
    /// Begins to wait; before the message is stored, so that nothing is missed.
    pub(crate) fn expect(&self, id: &MessageId) -> Waiting<'_> {
        let (tell, told) = oneshot::channel();
        if let Some(waiters) = self.lock().as_mut() {
            waiters.insert(id.clone(), tell);
        }
        Waiting { settled: self, id: id.clone(), told }
    }

    /// The message stands in its final state, durably.
    pub(crate) fn tell(&self, id: &str, state: State) {
        // Nearly always nobody waits.
        let Ok(id) = MessageId::new(id) else { return };
        if let Some(waiting) = self.lock().as_mut().and_then(|waiters| waiters.remove(&id)) {
            // It may have stopped waiting.
            let _ = waiting.send(state);
        }
    }

    /// The node stops: who waits is answered that nothing is known yet, and so is whoever comes.
    pub(crate) fn close(&self) {
        self.lock().take();
    }

    fn lock(&self) -> MutexGuard<'_, Option<Waiters>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting<'_> {
    /// The final state, if it comes within `patience`.
    pub(crate) async fn hear(mut self, patience: std::time::Duration) -> Option<State> {
        tokio::time::timeout(patience, &mut self.told).await.ok()?.ok()
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(waiters) = self.settled.lock().as_mut() {
            waiters.remove(&self.id);
        }
    }
}
