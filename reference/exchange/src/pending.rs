//! The answer to a commit that is under way: a future without a runtime, or a blocking wait.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use crate::{Outcome, StoreError};

/// What a commit answers.
type Answer = Result<Vec<Outcome>, StoreError>;

/// A commit under way. Dropping it does not undo the commit.
#[must_use = "nothing is durable before this resolves"]
pub struct Pending(Arc<Shared>);

/// The other end of a [`Pending`]. Dropped unanswered, it answers [`StoreError::Closed`].
pub struct Completer(Option<Arc<Shared>>);

struct Shared {
    slot: Mutex<Slot>,
    ready: Condvar,
}

#[derive(Default)]
struct Slot {
    answer: Option<Answer>,
    waker: Option<Waker>,
}

impl Pending {
    /// A commit under way, and the end that answers it.
    pub fn new() -> (Self, Completer) {
        let shared = Arc::new(Shared { slot: Mutex::default(), ready: Condvar::new() });
        (Self(Arc::clone(&shared)), Completer(Some(shared)))
    }

    /// A commit that is over.
    pub fn ready(answer: Answer) -> Self {
        let (pending, completer) = Self::new();
        completer.complete(answer);
        pending
    }

    /// Blocks until the answer is there. For threads of their own, never for an async worker.
    ///
    /// # Errors
    /// As [`Store::commit`](crate::Store::commit).
    pub fn wait(self) -> Answer {
        let mut slot = self.0.lock();
        loop {
            if let Some(answer) = slot.answer.take() {
                return answer;
            }
            slot = self.0.ready.wait(slot).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Future for Pending {
    type Output = Answer;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Answer> {
        let mut slot = self.0.lock();
        match slot.answer.take() {
            Some(answer) => Poll::Ready(answer),
            None => {
                slot.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Completer {
    /// Answers, and wakes whoever waits.
    pub fn complete(mut self, answer: Answer) {
        if let Some(shared) = self.0.take() {
            shared.answer(answer);
        }
    }
}

impl Drop for Completer {
    fn drop(&mut self) {
        if let Some(shared) = self.0.take() {
            shared.answer(Err(StoreError::Closed));
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, answer: Answer) {
        let waker = {
            let mut slot = self.lock();
            slot.answer = Some(answer);
            slot.waker.take()
        };
        self.ready.notify_all();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
