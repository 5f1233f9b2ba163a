//! What one cell expects at the suite's endpoint: its script of answers, and what has arrived.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use carnet_catalogue::step::{Answer, Fault, Forge, SignChoice};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::evidence::Sink;
use crate::root;

/// An answer with how it is signed and spoilt, and what happens to it on the line.
#[derive(Debug, Clone)]
pub(crate) struct Scripted {
    pub(crate) answer: Answer,
    pub(crate) speaker: Option<String>,
    pub(crate) sign: Option<SignChoice>,
    pub(crate) forge: Vec<Forge>,
    pub(crate) fault: Option<(Fault, u64)>,
}

/// What a cell expects.
#[derive(Debug)]
pub(crate) struct Room {
    pub(super) sink: Sink,
    state: Mutex<State>,
    arrived: Notify,
    pub(super) closed: Notify,
}

#[derive(Debug, Default)]
struct State {
    step: usize,
    script: Vec<Scripted>,
    answered: u32,
    arrivals: usize,
    taken: usize,
    attempts: usize,
    attempts_taken: usize,
    ids: Vec<String>,
    mrns: Vec<Option<String>>,
    envelopes: Vec<Option<String>>,
}

impl Room {
    pub(super) fn new(sink: Sink) -> Self {
        Self { sink, state: Mutex::default(), arrived: Notify::new(), closed: Notify::new() }
    }

    /// Says which step pushes belong to from here on.
    pub(crate) fn at_step(&self, step: usize) {
        self.lock().step = step;
    }

    /// The step that pushes belong to now.
    pub(crate) fn step(&self) -> usize {
        self.lock().step
    }

    /// Where what belongs to the cell is recorded.
    pub(crate) fn sink(&self) -> &Sink {
        &self.sink
    }

    /// Adds an answer to the script.
    pub(crate) fn script(&self, scripted: Scripted) {
        self.lock().script.push(scripted);
    }

    /// Waits for a push that was not awaited before; false when none came in time.
    pub(crate) async fn next(&self, within: Duration) -> bool {
        self.wait(within, |state| {
            let there = state.arrivals > state.taken;
            state.taken += usize::from(there);
            there
        })
        .await
    }

    /// Waits for a connection of the subject that was not awaited before and has come to something; false when there
    /// was none in time.
    pub(crate) async fn next_attempt(&self, within: Duration) -> bool {
        self.wait(within, |state| {
            let there = state.attempts > state.attempts_taken;
            state.attempts_taken = state.attempts;
            there
        })
        .await
    }

    async fn wait(&self, within: Duration, mut there: impl FnMut(&mut State) -> bool) -> bool {
        let waiting = async {
            loop {
                let notified = self.arrived.notified();
                tokio::pin!(notified);
                notified.as_mut().enable();
                if there(&mut self.lock()) {
                    return;
                }
                notified.await;
            }
        };
        timeout(within, waiting).await.is_ok()
    }

    /// The movement reference number that the push awaited last names.
    pub(crate) fn mrn(&self) -> Option<String> {
        let state = self.lock();
        state.mrns.get(state.taken.checked_sub(1)?)?.clone()
    }

    /// The envelope of the push awaited last.
    pub(crate) fn envelope(&self) -> Option<String> {
        let state = self.lock();
        state.envelopes.get(state.taken.checked_sub(1)?)?.clone()
    }

    /// MessageIds of the pushes so far.
    pub(crate) fn ids(&self) -> Vec<String> {
        self.lock().ids.clone()
    }

    /// Whether more pushes have arrived than any case has use for.
    pub(super) fn is_full(&self) -> bool {
        self.lock().arrivals > 100
    }

    /// A connection of the subject came to something: a failed handshake, an end without a request, or a request.
    pub(super) fn attempted(&self) {
        self.lock().attempts += 1;
        self.arrived.notify_waiters();
    }

    /// Counts a push and says what it is answered with.
    pub(super) fn arrive(&self, envelope: Option<&str>, mrn: Option<String>) -> Option<Scripted> {
        let message_id = envelope.and_then(|envelope| root::names(envelope).message_id);
        let chosen = {
            let mut state = self.lock();
            state.envelopes.push(envelope.map(str::to_owned));
            state.ids.extend(message_id);
            state.arrivals += 1;
            state.attempts += 1;
            state.mrns.push(mrn);
            let mut left = state.answered;
            let mut chosen = state.script.last();
            for scripted in &state.script {
                if left < scripted.answer.times {
                    chosen = Some(scripted);
                    break;
                }
                left -= scripted.answer.times;
            }
            let chosen = chosen.cloned();
            state.answered += 1;
            chosen
        };
        self.arrived.notify_waiters();
        chosen
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
