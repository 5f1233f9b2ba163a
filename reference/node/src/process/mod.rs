//! What happens to a message once it is receipted: the registry acts on it and answers. What no registry acts on was
//! handed to the back end with the commit that received it.
//!
//! A round takes what arrived, in order: documents are validated side by side, decided one after the other against the
//! records as the round leaves them, answers are signed side by side, and all of it is one commit. What a decision means
//! is the registry's; `act` is the work of the worker threads.

mod act;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use carnet_exchange::{Key, Message, Outcome, Process, Record, RecordWrite, State, StoreError, Unit};
use carnet_registry::declaration::REGISTRY;
use jiff::Timestamp;
use tokio::sync::watch;

use crate::log::Chain;
use crate::node::Node;
use crate::pool::Gone;
use crate::send::{Outbox, Outgoing};
use act::{Acted, Document};

/// Messages of one round.
const BATCH: usize = 32;
/// What the history says of a message that nothing here acts on.
pub(crate) const HANDED_ON: &str = "handed to the back end";
/// Sleep after the store could not be read or written.
const TROUBLE: Duration = Duration::from_secs(1);

/// Why a round came to nothing.
#[derive(Debug, thiserror::Error)]
enum RoundError {
    /// The store; it may be well again in a moment.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A worker panicked on one of the messages.
    #[error(transparent)]
    Worker(#[from] Gone),
}

/// Acts on what arrives, for as long as the node runs.
pub(crate) async fn run(node: Arc<Node>, outbox: Arc<Outbox>, mut stop: watch::Receiver<bool>) {
    loop {
        let worked = match round(&node, &outbox, BATCH).await {
            // One message must not hold up the others: it is found by going on one by one.
            Err(RoundError::Worker(_)) => match round(&node, &outbox, 1).await {
                Err(RoundError::Worker(gone)) => give_up(&node, gone).await,
                alone => alone.map(|_| BATCH),
            },
            worked => worked,
        };
        let pause = match worked {
            // There may be more.
            Ok(BATCH..) if !*stop.borrow() => continue,
            Ok(_) => Duration::MAX,
            Err(error) => {
                tracing::error!(error = %Chain(&error), "failed to act on messages");
                TROUBLE
            }
        };
        tokio::select! {
            () = node.arrived.notified() => {}
            () = tokio::time::sleep(pause) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

/// Acts on the oldest messages; how many there were.
async fn round(node: &Arc<Node>, outbox: &Outbox, most: usize) -> Result<usize, RoundError> {
    let messages = oldest(node, most).await?;
    let found = messages.len();
    if found == 0 {
        return Ok(0);
    }
    let documents = side_by_side(node, messages, act::open).await?;
    let deciding = Arc::clone(node);
    let decided = node.pool.run(move |worker| decide_all(&deciding, worker, documents)).await??;
    let acted = side_by_side(node, decided, act::answer).await?;
    commit(node, outbox, acted).await?;
    Ok(found)
}

/// Sets the oldest message aside: the workers fail on it each time.
async fn give_up(node: &Arc<Node>, gone: Gone) -> Result<usize, RoundError> {
    for message in oldest(node, 1).await? {
        tracing::error!(id = message.id.as_str(), key = %message.key, "gave a message up that no worker can act on");
        let given_up = handed_on(message, State::Failed, format!("{gone} on it; the log says why"));
        let unit = Process {
            message: given_up.message.key,
            state: given_up.state,
            note: given_up.note,
            records: Vec::new(),
            answers: Vec::new(),
            at: Timestamp::now(),
        };
        node.store.begin(vec![Unit::Process(unit)]).await?;
    }
    Ok(BATCH)
}

async fn oldest(node: &Arc<Node>, most: usize) -> Result<Vec<Message>, StoreError> {
    let node = Arc::clone(node);
    let read = tokio::task::spawn_blocking(move || node.store.unprocessed(Key::START, most)).await;
    read.unwrap_or(Err(StoreError::Closed))
}

/// Gives each item to a worker; the results in order.
async fn side_by_side<A: Send + 'static, B: Send + 'static>(
    node: &Arc<Node>,
    items: Vec<A>,
    work: impl Fn(&Node, &mut crate::worker::Worker, A) -> Result<B, StoreError> + Copy + Send + 'static,
) -> Result<Vec<B>, RoundError> {
    let mut tasks = Vec::with_capacity(items.len());
    for item in items {
        let node = Arc::clone(node);
        tasks.push(tokio::spawn(async move {
            let working = Arc::clone(&node);
            node.pool.run(move |worker| work(&working, worker, item)).await
        }));
    }
    let mut results = Vec::with_capacity(tasks.len());
    for task in tasks {
        results.push(task.await.unwrap_or(Err(Gone))??);
    }
    Ok(results)
}

fn decide_all(
    node: &Node,
    worker: &mut crate::worker::Worker,
    documents: Vec<Document>,
) -> Result<Vec<Acted>, StoreError> {
    let mut written = HashMap::new();
    let mut decided = Vec::with_capacity(documents.len());
    for document in documents {
        let acted = act::decide(node, worker, document, |key| match written.get(key) {
            Some(record) => Ok(Some(Record::clone(record))),
            None => node.store.record(REGISTRY, key),
        })?;
        // The next decision of this round sees what this one writes.
        for write in &acted.records {
            written.insert(write.key.clone(), as_written(write));
        }
        decided.push(acted);
    }
    Ok(decided)
}

fn as_written(write: &RecordWrite) -> Record {
    Record { key: write.key.clone(), version: write.expected_version + 1, json: write.json.clone() }
}

async fn commit(node: &Arc<Node>, outbox: &Outbox, acted: Vec<Acted>) -> Result<(), StoreError> {
    let at = Timestamp::now();
    let mut answers: Vec<(Message, String, Option<Outgoing>)> = Vec::with_capacity(acted.len());
    let mut units = Vec::with_capacity(acted.len());
    for acted in acted {
        let (answer, outgoing) = match acted.prepared {
            Some(prepared) => {
                for kept in prepared.kept {
                    // The commit below names it from here on.
                    let _ = kept.release();
                }
                (vec![prepared.message], Some(prepared.outgoing))
            }
            None => (Vec::new(), None),
        };
        units.push(Unit::Process(Process {
            message: acted.message.key,
            state: acted.state,
            note: acted.note.clone(),
            records: acted.records,
            answers: answer,
            at,
        }));
        answers.push((acted.message, acted.note, outgoing));
    }
    let outcomes = node.store.begin(units).await?;
    for ((message, note, outgoing), outcome) in answers.into_iter().zip(outcomes) {
        let (id, key) = (message.id.as_str(), message.key);
        match outcome {
            Outcome::Done { answers } => {
                tracing::info!(id, %key, action = message.action, note, "processed");
                if let (Some(mut outgoing), Some(key)) = (outgoing, answers.first()) {
                    outgoing.key = *key;
                    outbox.offer(outgoing).await;
                }
            }
            // Someone else wrote first: it is decided again on what stands there now.
            Outcome::Stale { key: record, .. } => {
                tracing::debug!(id, %key, record, "decides again");
                node.arrived.notify_one();
            }
            other => tracing::error!(id, %key, outcome = ?other, "the store answered out of turn"),
        }
    }
    Ok(())
}

/// A message for the back end, with nothing more to do.
fn handed_on(message: Message, state: State, note: impl Into<String>) -> Acted {
    Acted { message, state, note: note.into(), records: Vec::new(), answer: None, prepared: None }
}
