//! The double at work: takes connections, holds what comes against the rules, answers, delivers, has the rest sent.

mod answer;
mod discover;
mod exchange;
mod hooks;
mod line;
mod send;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use carnet_certs::UnixTime;
use carnet_harness::Fresh;
use carnet_harness::line::TlsVersion;
use rustls_pki_types::CertificateDer;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::DoubleError;
use crate::ground::Ground;
use crate::memory::Memory;
use crate::mutation::Mutation;
use crate::path::Question;
use crate::rule::{Habit, PathRule, Place};

/// A double at work; it ends when this is dropped.
#[derive(Debug)]
pub struct Double {
    address: SocketAddr,
    hooks: SocketAddr,
    node: Arc<Node>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

#[derive(Debug)]
pub(crate) struct Node {
    ground: Arc<Ground>,
    mutation: Mutation,
    tls: carnet_certs::Identity,
    memory: Mutex<Memory>,
    /// Names and time of what it sends.
    fresh: Fresh,
    partner: Mutex<Option<SocketAddr>>,
    /// A clock that stands still; the machine's where there is none.
    clock: Option<UnixTime>,
    publisher: Mutex<Option<SocketAddr>>,
    /// Connections and sending; a restart ends them.
    work: Mutex<JoinSet<()>>,
}

impl Double {
    /// Starts a double on a port of the system's choice.
    ///
    /// # Errors
    /// [`DoubleError::Listen`]; [`DoubleError::Mutant`] when what it is to present cannot be made.
    pub fn start(ground: &Arc<Ground>, mutation: Mutation) -> Result<Self, DoubleError> {
        Self::start_at(ground, mutation, None)
    }

    /// The same on a clock that stands still, so that it can be asked to the second.
    fn start_at(ground: &Arc<Ground>, mutation: Mutation, clock: Option<UnixTime>) -> Result<Self, DoubleError> {
        let tls = match mutation.presents.as_deref() {
            None => ground.identities.tls.clone(),
            Some(name) => match name.strip_prefix("zoo:") {
                Some(slug) => ground.zoo(slug).map_err(|error| DoubleError::Mutant { what: error.to_string() })?,
                None => return Err(DoubleError::Mutant { what: format!("got presents {name:?}, expected zoo:KIND") }),
            },
        };
        let node = Arc::new(Node {
            ground: Arc::clone(ground),
            mutation,
            tls,
            memory: Mutex::default(),
            fresh: Fresh::new("double".to_owned(), Some(ground.time)),
            partner: Mutex::default(),
            clock,
            publisher: Mutex::default(),
            work: Mutex::default(),
        });
        let bind = || {
            let failed = |source| DoubleError::Listen { address: "127.0.0.1:0".to_owned(), source };
            let listener = ground.runtime().block_on(TcpListener::bind("127.0.0.1:0")).map_err(failed)?;
            let address = listener.local_addr().map_err(failed)?;
            Ok::<_, DoubleError>((listener, address))
        };
        let ((listener, address), (control, hooks)) = (bind()?, bind()?);
        let runtime = ground.runtime();
        let tasks = vec![
            runtime.spawn(Arc::clone(&node).listen(listener)),
            runtime.spawn(hooks::listen(Arc::clone(&node), control)),
        ];
        Ok(Self { address, hooks, node, tasks })
    }

    /// Where it takes messages.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where its hooks are: `/delivered`, `/notified`, `/restart`, over plain HTTP.
    #[must_use]
    pub const fn hooks(&self) -> SocketAddr {
        self.hooks
    }

    /// Tells it where its partner listens.
    pub fn partner_at(&self, address: SocketAddr) {
        *self.node.partner.lock().unwrap_or_else(PoisonError::into_inner) = Some(address);
    }

    /// Tells it where the publisher of service metadata listens.
    pub fn publisher_at(&self, address: SocketAddr) {
        *self.node.publisher.lock().unwrap_or_else(PoisonError::into_inner) = Some(address);
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
        self.node.work().abort_all();
    }
}

impl Node {
    async fn listen(self: Arc<Self>, listener: TcpListener) {
        while let Ok((tcp, _)) = listener.accept().await {
            let node = Arc::clone(&self);
            let mut work = self.work();
            while work.try_join_next().is_some() {}
            work.spawn(async move { line::connection(&node, tcp).await });
        }
    }

    /// Ends everything that is under way, as a restart does, and takes up from what is remembered.
    fn restart(self: &Arc<Self>) {
        self.work().abort_all();
        let left: Vec<_> = {
            let mut memory = self.memory();
            if self.mutation.does(Habit::Forgets) {
                *memory = Memory::default();
            }
            if self.mutation.does(Habit::DropsOutbox) {
                memory.outbox.clear();
            }
            memory.outbox.values().cloned().collect()
        };
        for outgoing in left {
            self.dispatch(outgoing);
        }
    }

    /// Whether a chain leads to the anchor, by the rules of a place.
    fn trusted(&self, chain: &[CertificateDer<'static>], place: Place, leaf_alone: bool) -> Result<(), PathRule> {
        let checks = |rule: PathRule| self.mutation.checks_path(place, rule);
        let question = Question {
            place,
            host: (place == Place::Server).then_some("localhost"),
            now: self.clock.unwrap_or_else(UnixTime::now),
            checks: &checks,
            completes: leaf_alone || self.mutation.does(Habit::CompletesChain),
            in_order: self.mutation.does(Habit::NoCaOrder),
        };
        if self.mutation.does(Habit::RefusesRoot) && chain.iter().any(|one| self.ground.trust.anchors.contains(one)) {
            return Err(PathRule::Anchor);
        }
        let pinned = match place {
            Place::Client => self.mutation.does(Habit::PinsClient).then_some(&self.ground.pinned),
            Place::Server => self.mutation.does(Habit::PinsServer).then_some(&self.ground.pinned),
            Place::Signer | Place::ReceiptSigner => {
                self.mutation.does(Habit::PinsSigner).then_some(&self.ground.keys.known)
            }
            Place::Publisher | Place::Found => None,
        };
        if pinned.is_some_and(|pinned| !chain.first().is_some_and(|leaf| pinned.contains(leaf))) {
            return Err(PathRule::Anchor);
        }
        self.ground.trust.verify(chain, &question)
    }

    /// The TLS versions it speaks, as a server and as a client.
    fn versions(&self) -> Vec<TlsVersion> {
        let mut versions = vec![TlsVersion::V1_2, TlsVersion::V1_3];
        versions.retain(|version| match version {
            TlsVersion::V1_2 => !self.mutation.does(Habit::TlsNo12),
            TlsVersion::V1_3 => !self.mutation.does(Habit::TlsNo13),
        });
        versions
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
