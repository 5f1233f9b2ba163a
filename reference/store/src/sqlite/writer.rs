//! The one thread that writes: takes what is queued, applies it unit by unit, commits once, answers all.

use std::{
    sync::mpsc::{self, Receiver, SyncSender, TrySendError},
    sync::{Mutex, PoisonError},
    thread::{self, JoinHandle},
};

use carnet_exchange::{Completer, Outcome, Pending, StoreError, Unit};
use rusqlite::Connection;

use super::{MOST_PARTS, SqliteConfig, apply, copier::Copier, error::engine};

/// Octets of bodies that share one commit at most: what a commit holds in memory until the disk has it.
const GROUP_OCTETS: usize = 8 << 20;

/// About what a unit writes beside its bodies: pages of tables and indexes that it shares with its neighbours.
const PAGES_OF_A_UNIT: usize = 12 << 10;

/// How often the processor is offered to others before a commit, where the one before it was shared: they bring company for
/// it when processors are scarce, and nothing is waited for when one is free. A commit costs much the same for many as for one.
const TURNS: usize = 3;

/// The queue's end that callers hold. Dropped, it lets the thread finish what is queued and waits for it.
pub(super) struct Writer {
    queue: Mutex<Option<SyncSender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Job {
    units: Vec<Unit>,
    octets: usize,
    completer: Completer,
}

impl Writer {
    pub(super) fn start(connection: Connection, copier: Copier, config: &SqliteConfig) -> Result<Self, StoreError> {
        let (queue, jobs) = mpsc::sync_channel(config.queue);
        let group = config.group.max(1);
        let thread = thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || run(connection, copier, &jobs, group))
            .map_err(|error| StoreError::Engine(std::sync::Arc::new(error)))?;
        Ok(Self { queue: Mutex::new(Some(queue)), thread: Mutex::new(Some(thread)) })
    }

    pub(super) fn begin(&self, units: Vec<Unit>) -> Pending {
        if let Some(got) = units.iter().map(most_parts).find(|parts| *parts > MOST_PARTS) {
            return Pending::ready(Err(StoreError::TooManyParts { got, limit: MOST_PARTS }));
        }
        let octets = units.iter().map(octets).sum();
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(queue) = queue else {
            return Pending::ready(Err(StoreError::Closed));
        };
        let (pending, completer) = Pending::new();
        match queue.try_send(Job { units, octets, completer }) {
            Ok(()) => pending,
            Err(TrySendError::Full(_)) => Pending::ready(Err(StoreError::Busy)),
            Err(TrySendError::Disconnected(_)) => Pending::ready(Err(StoreError::Closed)),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("store writer ended by a panic");
        }
    }
}

fn run(mut connection: Connection, mut copier: Copier, jobs: &Receiver<Job>, group: usize) {
    let mut shared = false;
    while let Ok(first) = jobs.recv() {
        let (mut units, mut octets) = (first.units.len(), first.octets);
        let mut batch = vec![first];
        let mut turns = if shared { TURNS } else { 0 };
        // What came while the last commit was written shares the next; nobody waits for company that may not come.
        while units < group && octets < GROUP_OCTETS {
            match jobs.try_recv() {
                Ok(next) => {
                    units += next.units.len();
                    octets += next.octets;
                    batch.push(next);
                }
                Err(_) if turns > 0 => {
                    turns -= 1;
                    thread::yield_now();
                }
                Err(_) => break,
            }
        }
        shared = batch.len() > 1;
        settle(&mut connection, batch);
        copier.written(octets + units * PAGES_OF_A_UNIT);
    }
}

/// Commits together; when that fails, one by one, so that nobody fails for a neighbour's sake.
fn settle(connection: &mut Connection, batch: Vec<Job>) {
    match commit(connection, &batch) {
        Ok(outcomes) => {
            for (job, outcomes) in batch.into_iter().zip(outcomes) {
                job.completer.complete(Ok(outcomes));
            }
        }
        Err(_) if batch.len() > 1 => {
            for job in batch {
                settle(connection, vec![job]);
            }
        }
        Err(error) => {
            tracing::error!(%error, "commit failed, nothing of it was kept");
            for job in batch {
                job.completer.complete(Err(error.clone()));
            }
        }
    }
}

fn commit(connection: &mut Connection, batch: &[Job]) -> Result<Vec<Vec<Outcome>>, StoreError> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).map_err(engine)?;
    let outcomes = batch
        .iter()
        .map(|job| job.units.iter().map(|unit| apply::unit(&transaction, unit)).collect())
        .collect::<Result<Vec<Vec<_>>, _>>()?;
    transaction.commit().map_err(engine)?;
    Ok(outcomes)
}

fn most_parts(unit: &Unit) -> usize {
    match unit {
        Unit::Receive { message, .. } | Unit::Submit { message, .. } => message.parts.len(),
        Unit::Process(process) => process.answers.iter().map(|answer| answer.parts.len()).max().unwrap_or(0),
        Unit::Attempt(_) | Unit::Pull(_) | Unit::Record(_) => 0,
    }
}

/// An estimate of what a unit writes.
fn octets(unit: &Unit) -> usize {
    use carnet_exchange::{NewMessage, Place, Sent};
    let inline = |message: &NewMessage| {
        let parts = message.parts.iter().map(|part| match &part.held.place {
            Place::Inline(octets) => octets.len(),
            Place::File(_) => 0,
        });
        message.envelope.len() + message.header.len() + parts.sum::<usize>()
    };
    match unit {
        Unit::Receive { message, receipt, .. } => inline(message) + receipt.len(),
        Unit::Submit { message, .. } => inline(message),
        Unit::Process(process) => process.answers.iter().map(inline).sum(),
        Unit::Attempt(attempt) => match &attempt.sent {
            Sent::Receipted { receipt, envelope } => receipt.len() + envelope.len(),
            Sent::Retry { .. } | Sent::Failed { .. } => 0,
        },
        Unit::Pull(_) | Unit::Record(_) => 0,
    }
}
