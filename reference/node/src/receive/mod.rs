//! A message's way in: read as a stream, judged on a worker, committed, and only then receipted.
//!
//! `arrive` reads the body into envelope and parts, `judge` is the work of a worker thread, `keep` commits and picks
//! the answer; `settle` takes receipts of messages that were pulled from here, `hand_out` answers pulls with messages, and
//! `reply` is what leaves. Every refusal is `as4`'s; what HTTP alone can say (another path, too slow, too busy) is said here.

mod arrive;
mod hand_out;
mod judge;
mod keep;
mod reply;
mod settle;

use std::sync::Arc;
use std::time::Duration;

use carnet_as4::inbound::{Fault, Inbound};
use carnet_https::{Body, Handler, Peer, Response};
use http::header::{ALLOW, HeaderValue};
use http::{Method, Request, StatusCode};

use crate::node::Node;
use crate::terms::Terms;
use arrive::{Arrival, Broke, Framing};
pub(crate) use judge::Judged;
pub(crate) use keep::keep;
pub(crate) use reply::Reply;

/// Bytes of a refused message that are read and forgotten so that its answer arrives.
const DRAIN: u64 = 1024 * 1024;

/// How long that may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Answers partners.
pub(crate) struct Receiver {
    pub(crate) node: Arc<Node>,
    pub(crate) path: String,
}

impl Handler for Receiver {
    async fn handle(&self, peer: Arc<Peer>, request: Request<Body>) -> Response {
        if request.uri().path() != self.path {
            return Reply::Status(StatusCode::NOT_FOUND).into();
        }
        if request.method() != Method::POST {
            let mut response = Response::from(Reply::Status(StatusCode::METHOD_NOT_ALLOWED));
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
            return response;
        }
        let (head, mut body) = request.into_parts();
        let terms = self.node.terms.load_full();
        let inbound = Inbound::new(Arc::clone(&terms.agreements), peer.chain.clone());
        let reply = match take(&self.node, &terms, inbound, &head.headers, &mut body).await {
            Ok(judged) => keep(&self.node, &terms, Some(peer.connection), judged).await,
            Err(reply) => reply,
        };
        body.drain(DRAIN, PATIENCE);
        reply.into()
    }
}

/// Reads a message to its end and judges it; nothing is stored yet. What ends earlier is answered as it says.
pub(crate) async fn take(
    node: &Arc<Node>,
    terms: &Arc<Terms>,
    mut inbound: Inbound,
    headers: &http::HeaderMap,
    body: &mut Body,
) -> Result<Judged, Reply> {
    let mut arrival = None;
    match Framing::of(headers, &terms.agreements.limits) {
        Err(fault) => inbound.refuse(fault),
        Ok(framing) => {
            let mut arriving = Arrival::new(node, terms.agreements.limits.clone(), framing, inbound);
            let broke = arriving.read(body).await.err();
            // Without it the worker that had it failed.
            inbound = arriving.inbound.take().ok_or(Reply::Status(StatusCode::INTERNAL_SERVER_ERROR))?;
            match broke {
                None => arrival = Some(arriving),
                Some(Broke::Refused) => {}
                Some(Broke::Fault(fault)) => inbound.refuse(fault),
                Some(Broke::Busy) => return Err(busy()),
                Some(Broke::Worker) => return Err(Reply::Status(StatusCode::INTERNAL_SERVER_ERROR)),
                Some(Broke::Body(error)) => return Err(broken(&error)),
                Some(Broke::Spool(error)) => {
                    tracing::error!(error = %crate::log::Chain(&error), "failed to take a part in");
                    inbound.refuse(Fault::Unavailable);
                }
            }
        }
    }
    let judged = match judge::start(node, terms, inbound, arrival) {
        Ok(judged) => judged.await,
        Err(judge::Unstarted::Full) => return Err(busy()),
        Err(judge::Unstarted::Id) => return Err(Reply::Status(StatusCode::INTERNAL_SERVER_ERROR)),
    };
    judged.map_err(|_| Reply::Status(StatusCode::INTERNAL_SERVER_ERROR))
}

fn broken(error: &carnet_https::BodyError) -> Reply {
    tracing::info!(error = %crate::log::Chain(error), "a message did not arrive whole");
    Reply::Status(match error {
        carnet_https::BodyError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        carnet_https::BodyError::TooSlow { .. } => StatusCode::REQUEST_TIMEOUT,
        // Nobody is there to read it.
        _ => StatusCode::BAD_REQUEST,
    })
}

fn busy() -> Reply {
    tracing::warn!("turned a message away: the workers' queue is full");
    Reply::Busy
}
