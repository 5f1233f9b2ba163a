//! A message's way in: read as a stream, judged on a worker, committed, and only then receipted.
//!
//! `arrive` reads the body into envelope and parts, `judge` is the work of a worker thread, `keep` commits and picks
//! the answer. Every refusal is `as4`'s; what HTTP alone can say (another path, too slow, too busy) is said here.

mod arrive;
mod judge;
mod keep;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use carnet_as4::inbound::{Fault, Inbound};
use carnet_as4::respond::Answer;
use carnet_https::{Body, Handler, Peer, Response};
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{Method, Request, StatusCode};
use http_body_util::Full;

use crate::node::Node;
use arrive::{Arrival, Broke, Framing};

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
            return status(StatusCode::NOT_FOUND);
        }
        if request.method() != Method::POST {
            let mut response = status(StatusCode::METHOD_NOT_ALLOWED);
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
            return response;
        }
        let (head, mut body) = request.into_parts();
        let response = self.take(&peer, &head.headers, &mut body).await;
        body.drain(DRAIN, PATIENCE);
        response
    }
}

impl Receiver {
    async fn take(&self, peer: &Peer, headers: &http::HeaderMap, body: &mut Body) -> Response {
        let node = &self.node;
        let terms = node.terms.load_full();
        let mut inbound = Inbound::new(Arc::clone(&terms.agreements), peer.chain.clone());
        let mut arrival = None;
        match Framing::of(headers, &terms.agreements.limits) {
            Err(fault) => inbound.refuse(fault),
            Ok(framing) => {
                let mut arriving = Arrival::new(node, terms.agreements.limits.clone(), framing, inbound);
                let broke = arriving.read(body).await.err();
                inbound = match arriving.inbound.take() {
                    Some(inbound) => inbound,
                    // The worker that had it failed.
                    None => return status(StatusCode::INTERNAL_SERVER_ERROR),
                };
                match broke {
                    None => arrival = Some(arriving),
                    Some(Broke::Refused) => {}
                    Some(Broke::Fault(fault)) => inbound.refuse(fault),
                    Some(Broke::Busy) => return busy(),
                    Some(Broke::Worker) => return status(StatusCode::INTERNAL_SERVER_ERROR),
                    Some(Broke::Body(error)) => return broken(&error),
                    Some(Broke::Spool(error)) => {
                        tracing::error!(error = %crate::log::Chain(&error), "failed to take a part in");
                        inbound.refuse(Fault::Unavailable);
                    }
                }
            }
        }
        let judged = match judge::start(node, &terms, inbound, arrival) {
            Ok(judged) => judged.await,
            Err(judge::Unstarted::Full) => return busy(),
            Err(judge::Unstarted::Id) => return status(StatusCode::INTERNAL_SERVER_ERROR),
        };
        match judged {
            Ok(judged) => keep::keep(node, &terms, peer, judged).await,
            Err(_) => status(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }
}

fn broken(error: &carnet_https::BodyError) -> Response {
    tracing::info!(error = %crate::log::Chain(error), "a message did not arrive whole");
    status(match error {
        carnet_https::BodyError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        carnet_https::BodyError::TooSlow { .. } => StatusCode::REQUEST_TIMEOUT,
        // Nobody is there to read it.
        _ => StatusCode::BAD_REQUEST,
    })
}

fn busy() -> Response {
    tracing::warn!("turned a message away: the workers' queue is full");
    let mut response = status(StatusCode::SERVICE_UNAVAILABLE);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

fn status(status: StatusCode) -> Response {
    let mut response = Response::new(Full::new(Bytes::new()));
    *response.status_mut() = status;
    response
}

fn answered(answer: Answer) -> Response {
    let mut response = Response::new(Full::new(Bytes::from(answer.body)));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
    response
}
