//! What one cell expects at the suite's endpoint: its script of answers, and what has arrived.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use carnet_catalogue::step::{Answer, Awaited, Fault, Forge, SignChoice};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::arrival::{self, Arrival};
use crate::evidence::Sink;
use crate::root::Seen;

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
    arrivals: Vec<Arrival>,
    /// What they said, in the same order.
    said: Vec<Said>,
    /// The push that was awaited last.
    last: Option<usize>,
    /// Pushes that are being answered.
    open: usize,
    /// Questions to the publisher about the case's own party.
    asked: usize,
    attempts: usize,
    attempts_taken: usize,
}

/// What later steps of a case ask of a push.
#[derive(Debug)]
struct Said {
    envelope: Option<String>,
    mrn: Option<String>,
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

    /// Waits for what the `await` at a step takes, see [`arrival::take`]; false when it did not come in time.
    pub(crate) async fn next(&self, awaited: Awaited, at: usize, since: Option<usize>, within: Duration) -> bool {
        self.wait(within, |state| {
            let taken = arrival::take(&mut state.arrivals, awaited, at, since);
            state.last = taken.or(state.last);
            taken.is_some()
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

    /// Waits until the subject has an answer to each of its pushes and, where `asked` says so, an answer of the publisher.
    pub(crate) async fn answered(&self, asked: bool, within: Duration) {
        self.wait(within, |state| state.open == 0 && (!asked || state.asked > 0)).await;
    }

    /// A push was answered, or will never be.
    pub(super) fn closes(&self) {
        self.change(|state| state.open = state.open.saturating_sub(1));
    }

    /// The publisher was asked.
    pub(crate) fn asks(&self) {
        self.change(|state| state.asked += 1);
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.arrived.notify_waiters();
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
        state.said.get(state.last?)?.mrn.clone()
    }

    /// The envelope of the push awaited last.
    pub(crate) fn envelope(&self) -> Option<String> {
        let state = self.lock();
        state.said.get(state.last?)?.envelope.clone()
    }

    /// MessageIds of the pushes so far.
    pub(crate) fn ids(&self) -> Vec<String> {
        self.lock().arrivals.iter().filter_map(|arrival| arrival.message_id().map(str::to_owned)).collect()
    }

    /// Whether more pushes have arrived than any case has use for.
    pub(super) fn is_full(&self) -> bool {
        self.lock().arrivals.len() > 100
    }

    /// A connection of the subject came to something: a failed handshake, an end without a request, or a request.
    pub(super) fn attempted(&self) {
        self.change(|state| state.attempts += 1);
    }

    /// Counts a push and says what it is answered with. A script is for messages; a signal that comes by itself is none.
    pub(super) fn arrive(&self, envelope: Option<&Seen>, mrn: Option<String>) -> Option<Scripted> {
        let chosen = {
            let mut state = self.lock();
            let arrival = Arrival::new(state.step, envelope);
            let message = arrival.is(Awaited::Message);
            state.arrivals.push(arrival);
            state.said.push(Said { envelope: envelope.map(|seen| seen.text.clone()), mrn });
            state.attempts += 1;
            state.open += 1;
            let mut left = state.answered;
            let mut chosen = state.script.last();
            for scripted in &state.script {
                if left < scripted.answer.times {
                    chosen = Some(scripted);
                    break;
                }
                left -= scripted.answer.times;
            }
            let chosen = chosen.filter(|_| message).cloned();
            state.answered += u32::from(message);
            chosen
        };
        self.arrived.notify_waiters();
        chosen
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
