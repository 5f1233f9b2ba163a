//! Lets the cells of all runs begin only as fast as this machine carries them.
//!
//! Nodes that run side by side wait most of the time, so many of them fit; but where all of them work at once, what they
//! answer comes later than they and the cases allow, and verdicts would tell of the machine. How late a task of the
//! doubles' own threads wakes up says how far that is.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};

use crate::Ground;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(10);
/// A task that wakes up so late tells of a machine that has enough to do.
const LATE: Duration = Duration::from_millis(15);
/// So many cells begin after a look at a machine that has time, and after one at a machine that has none.
const MANY: usize = 8;
const FEW: usize = 1;

/// Gives out permits until it is dropped.
#[derive(Debug)]
pub(super) struct Admission {
    permits: Arc<Semaphore>,
    task: AbortHandle,
}

impl Admission {
    /// Begins to look.
    pub(super) fn open(ground: &Ground) -> Self {
        let permits = Arc::new(Semaphore::new(0));
        let given = Arc::clone(&permits);
        let task = ground.runtime().spawn(async move {
            loop {
                let due = Instant::now() + PAUSE;
                sleep_until(due).await;
                // What nobody asked for is not saved up.
                if given.available_permits() == 0 {
                    given.add_permits(if due.elapsed() < LATE { MANY } else { FEW });
                }
            }
        });
        Self { permits, task: task.abort_handle() }
    }

    /// What a run takes its permits from.
    pub(super) fn permits(&self) -> Arc<Semaphore> {
        Arc::clone(&self.permits)
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.task.abort();
    }
}
