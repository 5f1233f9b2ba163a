//! What happens to a message once it is receipted: the registry acts on it and answers, or it waits for the back end.

use std::sync::Arc;
use std::time::Duration;

use carnet_exchange::{Key, Message, Process, State, StoreError, Unit};
use jiff::Timestamp;
use tokio::sync::watch;

use crate::log::Chain;
use crate::node::Node;
use crate::send::Outbox;

/// Messages taken at a time.
const BATCH: usize = 64;
/// Sleep after the store could not be read or written.
const TROUBLE: Duration = Duration::from_secs(1);

/// Acts on what arrives, for as long as the node runs.
pub(crate) async fn run(node: Arc<Node>, outbox: Arc<Outbox>, mut stop: watch::Receiver<bool>) {
    let _ = &outbox;
    loop {
        let worked = round(&node).await;
        let pause = match worked {
            // There may be more.
            Ok(BATCH..) => continue,
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

async fn round(node: &Arc<Node>) -> Result<usize, StoreError> {
    let reading = Arc::clone(node);
    let read = tokio::task::spawn_blocking(move || reading.store.unprocessed(Key::START, BATCH)).await;
    let messages = read.unwrap_or(Err(StoreError::Closed))?;
    let units: Vec<Unit> = messages.iter().map(deliver).collect();
    if !units.is_empty() {
        node.store.begin(units).await?;
    }
    Ok(messages.len())
}

fn deliver(message: &Message) -> Unit {
    Unit::Process(Process {
        message: message.key,
        state: State::Delivered,
        note: "handed to the back end".to_owned(),
        records: Vec::new(),
        answers: Vec::new(),
        at: Timestamp::now(),
    })
}
