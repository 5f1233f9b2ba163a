//! Copies the write-ahead log into the database beside the writer, so that no commit waits for the disk twice.
//!
//! The log can begin anew only when all of it is copied, and under load the writer is always ahead: what is left then is
//! little, and the writer copies it itself once the log is long (`CHECKPOINT_PAGES` in `schema`).

use std::{
    path::Path,
    sync::mpsc::{self, SyncSender},
    thread::{self, JoinHandle},
};

use carnet_exchange::StoreError;
use rusqlite::Connection;

use super::error::engine;

/// Octets written to the log before it is copied.
const EVERY: usize = 8 << 20;

/// The thread that copies. Dropped, it ends after the copy it is at.
pub(super) struct Copier {
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    written: usize,
}

impl Copier {
    pub(super) fn start(path: &Path) -> Result<Self, StoreError> {
        let connection = Connection::open(path).map_err(engine)?;
        // One may wait while another is at work: more would say nothing new.
        let (wake, woken) = mpsc::sync_channel(1);
        let thread = thread::Builder::new()
            .name("store-copier".into())
            .spawn(move || {
                while woken.recv().is_ok() {
                    if let Err(error) = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
                        // The writer copies what this could not.
                        tracing::warn!(%error, "failed to copy the write-ahead log");
                    }
                }
            })
            .map_err(|error| StoreError::Engine(std::sync::Arc::new(error)))?;
        Ok(Self { wake: Some(wake), thread: Some(thread), written: 0 })
    }

    /// Takes note that so many octets went to the log.
    pub(super) fn written(&mut self, octets: usize) {
        self.written += octets;
        if self.written >= EVERY
            && let Some(wake) = &self.wake
        {
            self.written = 0;
            // Full: it will look at all of the log anyway.
            let _ = wake.try_send(());
        }
    }
}

impl Drop for Copier {
    fn drop(&mut self) {
        self.wake.take();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("store copier ended by a panic");
        }
    }
}
