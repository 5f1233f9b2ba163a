//! Takes connections until it is dropped, so many at a time; what is said on them is the caller's. Also the bounds of those
//! that speak plain HTTP.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Connections that are served at once; more wait for their turn.
const CONNECTIONS: usize = 64;
/// Over plain HTTP: how long a request may take to arrive, an answer to be taken, a connection to stay idle.
pub(super) const SLOWEST: Duration = Duration::from_secs(30);
/// Over plain HTTP: bytes of one request.
pub(super) const REQUEST: usize = 16 << 10;

/// Stops serving when dropped.
#[derive(Debug)]
pub(crate) struct Serving {
    task: tokio::task::JoinHandle<()>,
}

impl Serving {
    /// Serves each connection by itself, at most so many at once.
    pub(crate) fn accept<F>(listener: TcpListener, connection: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let task = tokio::spawn(async move {
            let places = Arc::new(Semaphore::new(CONNECTIONS));
            let mut connections = JoinSet::new();
            while let Ok(place) = Arc::clone(&places).acquire_owned().await {
                let Ok((tcp, _)) = listener.accept().await else { break };
                let served = connection(tcp);
                connections.spawn(async move {
                    served.await;
                    drop(place);
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Self { task }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.task.abort();
    }
}
