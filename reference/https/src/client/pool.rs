//! Connections to one endpoint: a bounded number, the most recently used first.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use rustls::ClientConfig;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::connect::{Connected, connect};
use super::{ClientError, Endpoint};
use crate::ClientLimits;

/// The connections to one endpoint.
pub(super) struct Pool {
    pub(super) endpoint: Endpoint,
    config: Arc<ClientConfig>,
    limits: Arc<ClientLimits>,
    idle: Mutex<Vec<Idle>>,
    places: Arc<Semaphore>,
}

/// A connection taken from the pool for one request.
pub(super) struct Lease {
    pub(super) connected: Connected,
    /// Whether it has served before, so that finding it closed says nothing about the endpoint.
    pub(super) used: bool,
    opened: Instant,
    place: OwnedSemaphorePermit,
}

/// A connection that goes back to its pool after a complete answer; dropped, it is closed.
pub(crate) struct Returning {
    pool: Arc<Pool>,
    lease: Lease,
}

impl Returning {
    pub(super) fn new(pool: Arc<Pool>, lease: Lease) -> Self {
        Self { pool, lease }
    }

    pub(crate) fn give_back(self) {
        self.pool.give_back(self.lease);
    }
}

struct Idle {
    connected: Connected,
    opened: Instant,
    since: Instant,
}

impl Pool {
    pub(super) fn new(endpoint: Endpoint, config: Arc<ClientConfig>, limits: Arc<ClientLimits>) -> Self {
        Self {
            places: Arc::new(Semaphore::new(limits.connections)),
            idle: Mutex::new(Vec::new()),
            endpoint,
            config,
            limits,
        }
    }

    /// An idle connection, or a new one when there is none.
    pub(super) async fn lease(&self) -> Result<Lease, ClientError> {
        let place = self.place().await?;
        if let Some(idle) = self.take_idle() {
            return Ok(Lease { connected: idle.connected, used: true, opened: idle.opened, place });
        }
        self.open(place).await
    }

    /// A new connection, whatever is idle.
    pub(super) async fn fresh(&self) -> Result<Lease, ClientError> {
        let place = self.place().await?;
        self.open(place).await
    }

    /// Gives a connection back after a complete answer.
    pub(super) fn give_back(&self, lease: Lease) {
        if lease.connected.sender.is_closed() {
            return;
        }
        self.lock().push(Idle { connected: lease.connected, opened: lease.opened, since: Instant::now() });
        drop(lease.place);
    }

    async fn place(&self) -> Result<OwnedSemaphorePermit, ClientError> {
        let wait = self.limits.response;
        match timeout(wait, Arc::clone(&self.places).acquire_owned()).await {
            Ok(Ok(place)) => Ok(place),
            // The semaphore is never closed.
            Ok(Err(_)) | Err(_) => Err(ClientError::Busy(wait)),
        }
    }

    async fn open(&self, place: OwnedSemaphorePermit) -> Result<Lease, ClientError> {
        Ok(Lease {
            connected: connect(&self.endpoint, &self.config, &self.limits).await?,
            used: false,
            opened: Instant::now(),
            place,
        })
    }

    fn take_idle(&self) -> Option<Idle> {
        let mut idle = self.lock();
        idle.retain(|idle| {
            !idle.connected.sender.is_closed()
                && idle.since.elapsed() < self.limits.idle
                && idle.opened.elapsed() < self.limits.connection_age
        });
        // Ready: the connection's task has seen the last answer's end.
        let ready = idle.iter().rposition(|idle| idle.connected.sender.is_ready())?;
        Some(idle.remove(ready))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}
