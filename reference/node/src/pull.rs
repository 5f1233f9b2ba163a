//! Pulling: every channel that a P-Mode lets this node receive from is asked on a schedule, until it is empty.
//!
//! What comes is taken in as a push is, by the same machine and with the same checks; it is committed before its receipt is
//! posted to where it came from. A receipt that cannot be posted is tried again on the P-Mode's schedule; once lost, its
//! message is handed out again, is a duplicate here, and is receipted again. A restart posts the receipts of what came lately
//! once more, as nobody wrote down which of them arrived and a message that is handed out no more would be taken for lost. Clauses: eDelivery AS4 1.15 section 1.5.5.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use carnet_as4::error::Ebms;
use carnet_as4::id::IdError;
use carnet_as4::inbound::{Inbound, SignalInfo};
use carnet_as4::pmode::{PMode, Signs};
use carnet_as4::respond::{Answer, Draft};
use carnet_exchange::{Direction, Message, Next, Query, Schedule, StoreError};
use carnet_https::{Client, ClientError, whole};
use carnet_wire::wss::SignError;
use http::HeaderMap;
use http::header::{CONTENT_TYPE, HeaderValue};
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::log::Chain;
use crate::node::{Node, fresh_id};
use crate::pool::Gone;
use crate::receive::{Judged, Reply, keep, take};
use crate::send::schedule;
use crate::terms::Terms;
use turns::{Channel, Due, Turns};

mod turns;

/// Messages pulled from one channel in one go; a partner that always has one more is left for the next time.
const MOST: usize = 1000;

/// Messages that are looked at in one go after a restart.
const PAGE: usize = 500;

/// How a channel is pulled from.
#[derive(Debug, Clone)]
struct Manner {
    channel: Channel,
    signs: Signs,
    schedule: Schedule,
}

/// What a pull came to.
enum Came {
    /// A message; there may be more.
    Message,
    /// No message.
    Nothing,
}

/// Why a pull came to nothing.
#[derive(Debug, thiserror::Error)]
enum PullError {
    /// No kit names an endpoint of the partner.
    #[error("party {0} has no endpoint here")]
    NoEndpoint(String),
    /// No id could be made.
    #[error(transparent)]
    Id(#[from] IdError),
    /// The key refuses.
    #[error("failed to sign")]
    Sign(#[from] SignError),
    /// A worker failed.
    #[error(transparent)]
    Worker(#[from] Gone),
    /// The partner cannot be reached.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// What came could not be read to its end.
    #[error("the answer did not arrive whole")]
    Broken,
    /// The partner answered with an error.
    #[error("the partner answered {0}")]
    Errors(String),
}

/// Pulls for as long as the node runs; then waits for pulls under way, as long as `patience` allows.
pub(crate) async fn run(node: Arc<Node>, mut stop: watch::Receiver<bool>, patience: Duration) {
    let mut pulling = JoinSet::new();
    let (mut turns, mut names) = (Turns::default(), HashMap::new());
    let resumed = Arc::clone(&node);
    tokio::spawn(async move { resume(&resumed).await });
    let mut due = Due::Round;
    loop {
        let terms = node.terms.load_full();
        for manner in manners(&terms).into_iter().filter(|manner| turns.begins(&manner.channel, &due)) {
            let channel = manner.channel.clone();
            let task = pulling.spawn(drain(Arc::clone(&node), manner, stop.clone()));
            names.insert(task.id(), channel);
        }
        due = tokio::select! {
            () = tokio::time::sleep(terms.pull_interval) => Due::Round,
            () = node.pull.notified() => Due::Asked,
            Some(ended) = pulling.join_next_with_id() => {
                // What a task could not finish it has logged itself.
                let id = ended.map_or_else(|error| error.id(), |(id, ())| id);
                names.remove(&id).map_or(Due::Nothing, |channel| turns.ended(channel))
            }
            _ = stop.wait_for(|stop| *stop) => break,
        }
    }
    let ended = async { while pulling.join_next().await.is_some() {} };
    if tokio::time::timeout(patience, ended).await.is_err() {
        tracing::warn!("left a pull unfinished; its message is handed out again");
    }
}

/// The channels this node pulls from.
fn manners(terms: &Terms) -> Vec<Manner> {
    let agreements = &terms.agreements;
    let ours = |pmode: &&PMode| pmode.is_pulled() && pmode.receiver().id == agreements.us;
    let manner = |pmode: &PMode| Manner {
        channel: Channel { partner: pmode.sender().id.clone(), mpc: pmode.mpc.clone() },
        signs: pmode.signs(),
        schedule: schedule(pmode),
    };
    agreements.pmodes.iter().filter(ours).map(manner).collect()
}

/// Posts the receipts of what was pulled so lately that its sender may still wait for one.
//= EDEL-PULL-03
async fn resume(node: &Arc<Node>) {
    let terms = node.terms.load_full();
    let reading = (Arc::clone(node), Arc::clone(&terms));
    let found = tokio::task::spawn_blocking(move || lately(&reading.0, &reading.1)).await;
    let found = found.unwrap_or(Err(StoreError::Closed)).unwrap_or_else(|error| {
        tracing::error!(error = %Chain(&error), "failed to look for receipts to post again");
        Vec::new()
    });
    for (message, receipt, schedule) in found {
        let Some(client) = terms.ways.get(&message.from.id).cloned() else { continue };
        tracing::debug!(id = message.id.as_str(), "posts the receipt of a pulled message again");
        post(client, (soap(), receipt), schedule).await;
    }
}

/// Pulled messages whose sender has not given up on their receipts, with these.
fn lately(node: &Node, terms: &Terms) -> Result<Vec<(Message, Bytes, Schedule)>, StoreError> {
    let pulled = |name: &str| terms.agreements.pmodes.named(name).filter(|pmode| pmode.is_pulled());
    let length = |schedule: Schedule| schedule.interval.saturating_mul(schedule.count.saturating_add(1));
    let longest = manners(terms).iter().map(|manner| length(manner.schedule)).max();
    let Some(longest) = longest else { return Ok(Vec::new()) };
    let now = Timestamp::now();
    let within = |message: &Message, length: Duration| now.duration_since(message.created).unsigned_abs() <= length;
    let (mut found, mut before) = (Vec::new(), None);
    loop {
        let query = Query { direction: Some(Direction::In), before, limit: PAGE, ..Query::default() };
        let page = node.store.list(&query)?;
        before = page.last().map(|message| message.key);
        let over = page.len() < PAGE || page.iter().any(|message| !within(message, longest));
        for message in page {
            let Some(schedule) = pulled(&message.pmode).map(schedule) else { continue };
            if within(&message, length(schedule))
                && let Some(receipt) = node.store.receipt(message.key)?
            {
                found.push((message, receipt, schedule));
            }
        }
        if over {
            return Ok(found);
        }
    }
}

/// Pulls until nothing is left.
async fn drain(node: Arc<Node>, manner: Manner, stop: watch::Receiver<bool>) {
    let Channel { partner, mpc } = &manner.channel;
    for _ in 0..MOST {
        if *stop.borrow() {
            return;
        }
        match once(&node, &manner).await {
            Ok(Came::Message) => {}
            Ok(Came::Nothing) => return,
            Err(error) => {
                let (partner, mpc) = (partner.value(), mpc.as_str());
                tracing::warn!(partner, mpc, error = %Chain(&error), "failed to pull");
                return;
            }
        }
    }
}

async fn once(node: &Arc<Node>, manner: &Manner) -> Result<Came, PullError> {
    let terms = node.terms.load_full();
    let Channel { partner, mpc } = &manner.channel;
    let client = terms.ways.get(partner.value()).cloned();
    let client = client.ok_or_else(|| PullError::NoEndpoint(partner.value().to_owned()))?;
    let signal = SignalInfo { message_id: fresh_id(&terms.agreements.us)?, timestamp: Timestamp::now() };
    let (draft, signing) = (Draft::pull(mpc.clone(), manner.signs, signal), Arc::clone(&terms));
    let request = node.pool.run(move |_| draft.sign(&signing.identity)).await??;
    let (headers, body) = http(request);
    let mut opened = client.open(&headers, || Ok(whole(body.clone())), &terms.bodies).await?;
    let inbound = Inbound::pulled(Arc::clone(&terms.agreements), partner.clone(), mpc.clone());
    let judged = match take(node, &terms, inbound, &opened.headers, &mut opened.body).await {
        Ok(Judged::Signal(loose, _)) => return answered(&loose.returned.errors),
        Ok(judged) => judged,
        Err(_) => return Err(PullError::Broken),
    };
    // What is no message at all has nothing that an error could be about.
    let about = !matches!(&judged, Judged::Refused(refusal, ..) if refusal.message_id.is_none());
    //= EDEL-PULL-06
    match keep(node, &terms, None, judged).await {
        Reply::Signal(answer) if about => {
            post(client, http(answer), manner.schedule).await;
            Ok(Came::Message)
        }
        _ => Err(PullError::Broken),
    }
}

/// What signals in answer to a pull come to. The code alone says that a channel is empty: nodes differ in the severity.
//= EDEL-PULL-04
fn answered(errors: &[String]) -> Result<Came, PullError> {
    if errors.iter().any(|code| Ebms::from_code(code) == Some(Ebms::EmptyMessagePartitionChannel)) {
        return Ok(Came::Nothing);
    }
    Err(PullError::Errors(if errors.is_empty() { "with a receipt".to_owned() } else { errors.join(", ") }))
}

/// Posts a receipt or an error to where the message came from; what does not arrive at once is tried again meanwhile.
async fn post(client: Arc<Client>, (headers, body): (HeaderMap, Bytes), schedule: Schedule) {
    if posted(&client, &headers, &body).await {
        return;
    }
    tokio::spawn(async move {
        let mut attempts = 1;
        while let Next::At(_) = schedule.next(attempts, Timestamp::now()) {
            tokio::time::sleep(schedule.interval).await;
            attempts += 1;
            if posted(&client, &headers, &body).await {
                return;
            }
        }
        tracing::error!(attempts, "a receipt could not be posted; its message is handed out again");
    });
}

async fn posted(client: &Client, headers: &HeaderMap, body: &Bytes) -> bool {
    match client.post(headers, || Ok(whole(body.clone()))).await {
        Ok(sent) if sent.answer.status.is_success() => {
            if !sent.answer.body.is_empty() {
                tracing::warn!(endpoint = sent.endpoint, "a receipt was answered with an error");
            }
            true
        }
        Ok(sent) => {
            tracing::warn!(endpoint = sent.endpoint, status = sent.answer.status.as_u16(), "a receipt was turned away");
            false
        }
        Err(error) => {
            tracing::warn!(error = %Chain(&error), "failed to post a receipt");
            false
        }
    }
}

fn http(answer: Answer) -> (HeaderMap, Bytes) {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
    (headers, answer.body.into())
}

/// The headers of a signal.
fn soap() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/soap+xml; charset=UTF-8"));
    headers
}
