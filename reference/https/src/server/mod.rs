//! The accept loop: every connection has proved a certificate before its first request is read.
//!
//! What a request means is the [`Handler`]'s. A connection that is one too many is closed, and whoever has not finished its
//! handshake takes no place of those that have. One that was let in under an older trust is judged again, at its next
//! request, by the current one.

mod connection;
mod handshakes;
mod settings;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use rustls_pki_types::CertificateDer;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::{Body, SentBody, ServerLimits, TlsError};

use handshakes::Handshakes;
use settings::Current;
pub use settings::ServerTls;

/// An answer: whole in memory, as receipts and errors are, or a stream, as a message that is pulled may be.
pub type Response = http::Response<SentBody>;

/// What answers requests.
pub trait Handler: Send + Sync + 'static {
    /// Answers one request of a peer whose certificate has been verified.
    fn handle(&self, peer: Arc<Peer>, request: http::Request<Body>) -> impl Future<Output = Response> + Send;
}

/// Who is at the other end of a connection.
#[derive(Debug)]
pub struct Peer {
    /// The chain as presented, leaf first; never empty.
    pub chain: Vec<CertificateDer<'static>>,
    /// Where the connection came from.
    pub address: SocketAddr,
    /// `TLSv1_2` or `TLSv1_3`.
    pub protocol: String,
    /// Number of the connection since start, for logs.
    pub connection: u64,
    admitted: AtomicU64,
}

impl Peer {
    /// The certificate that the peer proved to hold.
    #[must_use]
    pub fn leaf(&self) -> Option<&CertificateDer<'static>> {
        self.chain.first()
    }
}

/// A listening server that does not serve yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    current: Arc<ArcSwap<Current>>,
    stop: watch::Sender<bool>,
}

/// Swaps identity, trust and limits of a running server.
#[derive(Clone, Debug)]
pub struct Reload {
    current: Arc<ArcSwap<Current>>,
}

/// Stops a running server: no new connection, open ones finish what they are answering.
#[derive(Clone, Debug)]
pub struct Stop(watch::Sender<bool>);

impl Server {
    /// Listens on an address; port 0 takes one from the system.
    ///
    /// # Errors
    /// A [`TlsError`] inside [`io::ErrorKind::InvalidInput`] when the settings cannot be used; otherwise the
    /// system's refusal to listen.
    pub fn bind(address: SocketAddr, tls: &ServerTls, limits: ServerLimits) -> io::Result<Self> {
        let current =
            Current::new(tls, limits, 0).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let (stop, _) = watch::channel(false);
        Ok(Self { listener: listen(address)?, current: Arc::new(ArcSwap::from_pointee(current)), stop })
    }

    /// Says what is wrong with settings without listening.
    ///
    /// # Errors
    /// What [`Server::bind`] would refuse.
    pub fn check(tls: &ServerTls) -> Result<(), TlsError> {
        Current::new(tls, ServerLimits::default(), 0).map(drop)
    }

    /// The address listened on, with its real port.
    ///
    /// # Errors
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// A handle that swaps settings while the server runs.
    #[must_use]
    pub fn reload(&self) -> Reload {
        Reload { current: Arc::clone(&self.current) }
    }

    /// A handle that stops the server.
    #[must_use]
    pub fn stop(&self) -> Stop {
        Stop(self.stop.clone())
    }

    /// Serves until stopped, then until the open connections have finished or their time is up.
    pub async fn serve<H: Handler>(self, handler: Arc<H>) {
        let limits = Arc::clone(&self.current.load().limits);
        let handshakes = Arc::new(Handshakes::new(limits.handshakes));
        let places = Arc::new(Semaphore::new(limits.connections));
        let mut stopped = self.stop.subscribe();
        let mut connections = JoinSet::new();
        let mut count = 0;
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                _ = stopped.wait_for(|stop| *stop) => break,
                // Collects what has ended, so that the set does not grow.
                Some(_) = connections.join_next() => continue,
            };
            let (tcp, address) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    pause_after(&error).await;
                    continue;
                }
            };
            // A handshake would be in vain.
            if places.available_permits() == 0 {
                tracing::warn!(%address, "closed a connection: too many are open");
                continue;
            }
            count += 1;
            let connection = connection::serve(
                connection::Accepted { tcp, address, number: count },
                (handshakes.enter(count, address), Arc::clone(&places)),
                Arc::clone(&self.current),
                Arc::clone(&handler),
                self.stop.subscribe(),
            );
            connections.spawn(connection);
        }
        drop(self.listener);
        let patience = self.current.load().limits.shutdown;
        let drained = tokio::time::timeout(patience, async { while connections.join_next().await.is_some() {} });
        if drained.await.is_err() {
            tracing::warn!(open = connections.len(), "cut off connections that did not finish in time");
            connections.shutdown().await;
        }
    }
}

impl Reload {
    /// Puts new identity, trust and limits in force: for new connections at once, for open ones at their next
    /// request. The numbers of connections and of handshakes stay what they were at start.
    ///
    /// # Errors
    /// When the settings cannot be used; the old ones then stay in force.
    pub fn apply(&self, tls: &ServerTls, limits: ServerLimits) -> Result<(), TlsError> {
        let epoch = self.current.load().epoch + 1;
        self.current.store(Arc::new(Current::new(tls, limits, epoch)?));
        Ok(())
    }
}

impl Stop {
    /// Begins to stop; returns at once.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Peer {
    /// Whether the peer is still admitted under `current`; its chain is verified again only after a reload.
    fn still_admitted(&self, current: &Current) -> bool {
        if self.admitted.load(Ordering::Relaxed) == current.epoch {
            return true;
        }
        let admitted = current.verifier.admits(&self.chain, current.clock.now());
        if admitted {
            self.admitted.store(current.epoch, Ordering::Relaxed);
        }
        admitted
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A restarted node takes its port back at once.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(1024)
}

/// A connection that vanished while waiting is no reason to pause; running out of files is.
async fn pause_after(error: &io::Error) {
    tracing::warn!(%error, "failed to accept a connection");
    if !matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    ) {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}
