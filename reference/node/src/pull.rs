//! Pulling: every channel that a P-Mode lets this node receive from is asked on a schedule, until it is empty.
//!
//! What comes is taken in as a push is, by the same machine and with the same checks; it is committed before its receipt is
//! posted to where it came from. A receipt that cannot be posted is tried again on the P-Mode's schedule; once lost, its
//! message is handed out again, is a duplicate here, and is receipted again. Clauses: eDelivery AS4 1.15 section 1.5.5.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use carnet_as4::error::Ebms;
use carnet_as4::id::{IdError, Mpc, PartyId};
use carnet_as4::inbound::{Inbound, SignalInfo};
use carnet_as4::pmode::{PMode, TokenForm};
use carnet_as4::respond::{Answer, Draft};
use carnet_exchange::{Next, Schedule};
use carnet_https::{Client, ClientError, whole};
use carnet_wire::wss::SignError;
use http::HeaderMap;
use http::header::{CONTENT_TYPE, HeaderValue};
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::log::Chain;
use crate::node::{Node, fresh_id};
use crate::pool::Gone;
use crate::receive::{Judged, Reply, keep, take};
use crate::send::schedule;
use crate::terms::Terms;

/// Messages pulled from one channel in one go; a partner that always has one more is left for the next time.
const MOST: usize = 1000;

/// A channel of a partner.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Channel {
    partner: PartyId,
    mpc: Mpc,
}

/// How a channel is pulled from.
#[derive(Debug, Clone)]
struct Manner {
    channel: Channel,
    token: TokenForm,
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
    let mut pulling: HashMap<Channel, JoinHandle<()>> = HashMap::new();
    loop {
        pulling.retain(|_, task| !task.is_finished());
        let terms = node.terms.load_full();
        for manner in manners(&terms) {
            let (node, stop) = (Arc::clone(&node), stop.clone());
            pulling.entry(manner.channel.clone()).or_insert_with(|| tokio::spawn(drain(node, manner, stop)));
        }
        tokio::select! {
            () = tokio::time::sleep(terms.pull_interval) => {}
            () = node.pull.notified() => {}
            _ = stop.wait_for(|stop| *stop) => break,
        }
    }
    let ended = async {
        for task in pulling.values_mut() {
            // What a task could not finish it has logged itself.
            let _ = task.await;
        }
    };
    if tokio::time::timeout(patience, ended).await.is_err() {
        tracing::warn!("left a pull unfinished; its message is handed out again");
        pulling.values().for_each(JoinHandle::abort);
    }
}

/// The channels this node pulls from.
fn manners(terms: &Terms) -> Vec<Manner> {
    let agreements = &terms.agreements;
    let ours = |pmode: &&PMode| pmode.is_pulled() && pmode.receiver().id == agreements.us;
    let manner = |pmode: &PMode| Manner {
        channel: Channel { partner: pmode.sender().id.clone(), mpc: pmode.mpc.clone() },
        token: pmode.security.token,
        schedule: schedule(pmode),
    };
    agreements.pmodes.iter().filter(ours).map(manner).collect()
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
    let (draft, signing) = (Draft::pull(mpc.clone(), manner.token, signal), Arc::clone(&terms));
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
            post(client, answer, manner.schedule).await;
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
async fn post(client: Arc<Client>, answer: Answer, schedule: Schedule) {
    let (headers, body) = http(answer);
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
