//! One connection from handshake to close.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use http::header::{CONNECTION, HeaderValue};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::Instrument;

use super::handshakes::Place;
use super::{Current, Handler, Peer, Response};
use crate::stream::Bounded;
use crate::{Body, Certificate, Chain};

/// What the accept loop knows of a connection.
pub(super) struct Accepted {
    pub(super) tcp: TcpStream,
    pub(super) address: SocketAddr,
    pub(super) number: u64,
}

/// Serves one connection until it closes, is too old, or the server stops. It has a place as a handshake, and is to take
/// one of those of connections once it has finished that.
pub(super) fn serve<H: Handler>(
    accepted: Accepted,
    (mut handshaking, places): (Place, Arc<Semaphore>),
    current: Arc<ArcSwap<Current>>,
    handler: Arc<H>,
    stopped: watch::Receiver<bool>,
) -> impl Future<Output = ()> + Send {
    let span = tracing::info_span!(
        "connection",
        number = accepted.number,
        address = %accepted.address
    );
    async move {
        let settings = current.load_full();
        let finished = tokio::select! {
            finished = handshake(accepted, &settings, stopped.clone()) => finished,
            () = handshaking.lost() => {
                tracing::info!("gave up a handshake: too many are under way");
                None
            }
        };
        let Some((stream, peer)) = finished else { return };
        drop(handshaking);
        let Ok(_place) = places.try_acquire_owned() else {
            tracing::warn!("closed a connection: too many are open");
            return;
        };
        exchange(stream, Arc::new(peer), settings, current, handler, stopped).await;
    }
    .instrument(span)
}

/// The handshake; `None`, with the reason logged, when it fails or takes too long.
async fn handshake(
    accepted: Accepted,
    settings: &Current,
    mut stopped: watch::Receiver<bool>,
) -> Option<(TlsStream<Bounded>, Peer)> {
    let Accepted { tcp, address, number } = accepted;
    // Answers are small and wait for nothing.
    let _ = tcp.set_nodelay(true);
    let stream = Bounded::new(tcp, settings.limits.write_stall);
    let accept = TlsAcceptor::from(Arc::clone(&settings.config)).accept(stream).into_fallible();
    let accepted = tokio::select! {
        accepted = timeout(settings.limits.handshake, accept) => accepted,
        () = until(&mut stopped) => return None,
    };
    let stream = match accepted {
        Ok(Ok(stream)) => stream,
        Ok(Err((reason, stream))) => {
            tracing::info!(%reason, "refused a handshake");
            linger(stream).await;
            return None;
        }
        Err(_) => {
            tracing::info!("gave up a handshake that took too long");
            return None;
        }
    };
    let (_, session) = stream.get_ref();
    let chain: Vec<_> = session
        .peer_certificates()
        .unwrap_or_default()
        .iter()
        .map(|certificate| certificate.clone().into_owned())
        .collect();
    let peer = Peer {
        protocol: session.protocol_version().map(|version| format!("{version:?}")).unwrap_or_default(),
        address,
        connection: number,
        admitted: AtomicU64::new(settings.epoch),
        chain,
    };
    // The verifier demands a certificate; without one there is nobody to answer.
    let leaf = Certificate::of(peer.leaf()?);
    tracing::debug!(peer = %leaf.subject, protocol = %peer.protocol, "let a client in");
    Some((stream, peer))
}

async fn exchange<H: Handler>(
    stream: TlsStream<Bounded>,
    peer: Arc<Peer>,
    settings: Arc<Current>,
    current: Arc<ArcSwap<Current>>,
    handler: Arc<H>,
    mut stopped: watch::Receiver<bool>,
) {
    let limits = Arc::clone(&settings.limits);
    let served = Arc::new(AtomicU64::new(0));
    let service = service_fn(|request: http::Request<Incoming>| {
        let (peer, current, handler) = (Arc::clone(&peer), Arc::clone(&current), Arc::clone(&handler));
        let last = served.fetch_add(1, Ordering::Relaxed) + 1 >= limits.requests_per_connection;
        async move {
            let settings = current.load_full();
            if !peer.still_admitted(&settings) {
                return Ok(closing(no_longer_admitted()));
            }
            let request = request.map(|incoming| Body::new(incoming, &settings.limits));
            let response = handler.handle(peer, request).await;
            Ok::<_, std::convert::Infallible>(if last { closing(response) } else { response })
        }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_read)
        .max_headers(limits.headers)
        .max_header_size(limits.header_bytes)
        .max_buf_size(limits.header_bytes.max(64 * 1024))
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = sleep(limits.connection_age) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
        () = until(&mut stopped) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error = %Chain(&error), "a connection ended early");
    }
}

/// Waits for the server's stop.
async fn until(stopped: &mut watch::Receiver<bool>) {
    // The sender lives as long as the server, and its end is a stop too.
    let _ = stopped.wait_for(|stop| *stop).await;
}

fn closing(mut response: Response) -> Response {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

fn no_longer_admitted() -> Response {
    tracing::warn!("turned away a peer whose certificate is no longer admitted");
    let mut response = http::Response::new(crate::whole(bytes::Bytes::new()));
    *response.status_mut() = http::StatusCode::FORBIDDEN;
    response
}

/// Lets an alert arrive: closing with unread bytes would reset the connection and destroy it.
async fn linger(mut stream: Bounded) {
    let _ = timeout(Duration::from_secs(1), async {
        let _ = stream.shutdown().await;
        let mut rest = [0; 4096];
        let mut left = 64 * 1024_usize;
        while let Ok(read @ 1..) = stream.read(&mut rest).await {
            left = left.saturating_sub(read);
            if left == 0 {
                return;
            }
        }
    })
    .await;
}
