//! What happens to a message once it is receipted: the registry acts on it and answers, or it waits for the back end.
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
use crate::send::{Outbox, Outgoing};
use act::{Acted, Document};

/// Messages of one round.
const BATCH: usize = 32;
/// Sleep after the store could not be read or written.
const TROUBLE: Duration = Duration::from_secs(1);

/// Acts on what arrives, for as long as the node runs.
pub(crate) async fn run(node: Arc<Node>, outbox: Arc<Outbox>, mut stop: watch::Receiver<bool>) {
    loop {
        let pause = match round(&node, &outbox).await {
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
async fn round(node: &Arc<Node>, outbox: &Outbox) -> Result<usize, StoreError> {
    let reading = Arc::clone(node);
    let read = tokio::task::spawn_blocking(move || reading.store.unprocessed(Key::START, BATCH)).await;
    let messages = read.unwrap_or(Err(StoreError::Closed))?;
    let found = messages.len();
    if found == 0 {
        return Ok(0);
    }
    let documents = side_by_side(node, messages, act::open).await?;
    let deciding = Arc::clone(node);
    let decided = node.pool.run(move |worker| decide_all(&deciding, worker, documents)).await;
    let decided = decided.map_err(|_| StoreError::Closed)??;
    let acted = side_by_side(node, decided, act::answer).await?;
    commit(node, outbox, acted).await?;
    Ok(found)
}

/// Gives each item to a worker; the results in order.
async fn side_by_side<A: Send + 'static, B: Send + 'static>(
    node: &Arc<Node>,
    items: Vec<A>,
    work: impl Fn(&Node, &mut crate::worker::Worker, A) -> Result<B, StoreError> + Copy + Send + 'static,
) -> Result<Vec<B>, StoreError> {
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
        match task.await {
            Ok(Ok(result)) => results.push(result?),
            Ok(Err(_)) | Err(_) => return Err(StoreError::Closed),
        }
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
