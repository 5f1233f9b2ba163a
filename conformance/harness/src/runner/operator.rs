//! The person at the terminal: told one action at a time, and waited for.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use tokio::sync::{Mutex, mpsc as answers};
use tokio::time::timeout;

use super::Event;

/// What an operator is asked to do.
#[derive(Debug, Clone)]
pub struct Prompt {
    /// The exact action, as an order: "restart the node".
    pub action: String,
    /// How long the run waits for it.
    pub within: Duration,
    reply: answers::Sender<bool>,
}

impl Prompt {
    /// Tells the run that it was done.
    pub fn done(&self) {
        // A run that no longer waits needs no answer.
        let _ = self.reply.try_send(true);
    }

    /// Tells the run that it cannot be done; the case is not carried out further.
    pub fn refuse(&self) {
        let _ = self.reply.try_send(false);
    }
}

/// Asks the operator through the run's events; one question stands at a time.
#[derive(Debug, Clone)]
pub(crate) struct Operator {
    events: mpsc::Sender<Event>,
    turn: Arc<Mutex<()>>,
}

impl Operator {
    pub(crate) fn new(events: mpsc::Sender<Event>) -> Self {
        Self { events, turn: Arc::default() }
    }

    /// Asks, and waits for the answer; `what` is the action without what differs from run to run.
    ///
    /// # Errors
    /// In words: it was not done.
    pub(crate) async fn ask(&self, what: &str, action: &str, within: Duration) -> Result<(), String> {
        let _turn = self.turn.lock().await;
        let (reply, mut answer) = answers::channel(1);
        let prompt = Prompt { action: action.to_owned(), within, reply };
        if self.events.send(Event::Prompt(prompt)).is_err() {
            return Err("nobody listens to the run's prompts".to_owned());
        }
        match timeout(within, answer.recv()).await {
            Ok(Some(true)) => Ok(()),
            Ok(_) => Err(format!("the operator could not {what}")),
            Err(_) => Err(format!("the operator did not {what} within {within:?}")),
        }
    }
}
