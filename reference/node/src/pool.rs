//! The threads that sign, verify and validate: a fixed number, with a bounded queue.
//!
//! Each thread owns a state that is never shared, such as compiled schemas. A job that panics costs its caller an
//! error and the thread its state, nothing more.

use std::collections::VecDeque;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::thread::JoinHandle;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// A fixed number of threads, each with a state `S` of its own.
pub(crate) struct Pool<S> {
    shared: Arc<Shared<S>>,
    places: Arc<Semaphore>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// The queue is full: the peer is told to come back later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("all workers are busy and their queue is full")]
pub(crate) struct Full;

/// The job panicked, or the pool was stopped before it ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a worker failed")]
pub(crate) struct Gone;

/// A job under way; dropping it does not stop the job.
#[must_use]
pub(crate) struct Running<T>(oneshot::Receiver<T>);

impl<T> Future for Running<T> {
    type Output = Result<T, Gone>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map_err(|_| Gone)
    }
}

type Job<S> = Box<dyn FnOnce(&mut S) + Send>;

struct Shared<S> {
    queue: Mutex<Queue<S>>,
    work: Condvar,
}

struct Queue<S> {
    jobs: VecDeque<Job<S>>,
    stopped: bool,
}

impl<S: 'static> Pool<S> {
    /// Starts `threads` threads whose states come from `make`, on the thread itself, before its first job.
    ///
    /// # Errors
    /// When the system starts no thread.
    pub(crate) fn start(
        threads: usize,
        queue: usize,
        make: impl Fn() -> S + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            queue: Mutex::new(Queue { jobs: VecDeque::new(), stopped: false }),
            work: Condvar::new(),
        });
        let make = Arc::new(make);
        let threads = (0..threads.max(1))
            .map(|number| {
                let (shared, make) = (Arc::clone(&shared), Arc::clone(&make));
                std::thread::Builder::new().name(format!("worker-{number}")).spawn(move || shared.work(&*make))
            })
            .collect::<std::io::Result<_>>()?;
        Ok(Self { shared, places: Arc::new(Semaphore::new(queue.max(1))), threads: Mutex::new(threads) })
    }

    /// Runs a job, or says at once that the queue is full.
    ///
    /// # Errors
    /// [`Full`]; the future answers [`Gone`].
    pub(crate) fn try_run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut S) -> T + Send + 'static,
    ) -> Result<Running<T>, Full> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| Full)?;
        Ok(self.queue(place, job))
    }

    /// Runs a job, waiting for a place in the queue: for the node's own work, which nobody waits for on a line.
    ///
    /// # Errors
    /// [`Gone`].
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut S) -> T + Send + 'static,
    ) -> Result<T, Gone> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| Gone)?;
        self.queue(place, job).await
    }

    /// Jobs that could still be queued.
    #[must_use]
    pub(crate) fn free(&self) -> usize {
        self.places.available_permits()
    }

    /// Ends the threads after the jobs they are at; queued jobs answer [`Gone`].
    pub(crate) fn stop(&self) {
        let jobs = {
            let mut queue = self.shared.lock();
            queue.stopped = true;
            std::mem::take(&mut queue.jobs)
        };
        drop(jobs);
        self.shared.work.notify_all();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            // A thread catches its jobs' panics, so there is nothing to hear.
            let _ = thread.join();
        }
    }

    fn queue<T: Send + 'static>(
        &self,
        place: OwnedSemaphorePermit,
        job: impl FnOnce(&mut S) -> T + Send + 'static,
    ) -> Running<T> {
        let (answer, answered) = oneshot::channel();
        let job: Job<S> = Box::new(move |state| {
            // Waiting is over; what runs is bounded by the threads.
            drop(place);
            // The caller may have gone.
            let _ = answer.send(job(state));
        });
        {
            let mut queue = self.shared.lock();
            if !queue.stopped {
                queue.jobs.push_back(job);
            }
        }
        self.shared.work.notify_one();
        Running(answered)
    }
}

impl<S> Shared<S> {
    fn lock(&self) -> MutexGuard<'_, Queue<S>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self, make: &(impl Fn() -> S + ?Sized)) {
        let mut state = make();
        while let Some(job) = self.next() {
            if catch_unwind(AssertUnwindSafe(|| job(&mut state))).is_err() {
                tracing::error!("a worker's job panicked; its state is made anew");
                state = make();
            }
        }
    }

    fn next(&self) -> Option<Job<S>> {
        let mut queue = self.lock();
        loop {
            if queue.stopped {
                return None;
            }
            if let Some(job) = queue.jobs.pop_front() {
                return Some(job);
            }
            queue = self.work.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl<S> std::fmt::Debug for Pool<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_full_queue_says_so_and_drains() {
        let pool = Pool::start(1, 1, || 0_u32).unwrap();
        let (go, wait) = mpsc::channel::<()>();
        let (tell, entered) = mpsc::channel::<()>();
        let first = pool
            .try_run(move |count| {
                tell.send(()).unwrap();
                wait.recv().unwrap();
                *count += 1;
                *count
            })
            .unwrap();
        entered.recv().unwrap();
        let second = pool.try_run(|count| *count + 10).unwrap();
        assert!(pool.try_run(|_| ()).is_err());
        go.send(()).unwrap();
        assert_eq!((first.await, second.await), (Ok(1), Ok(11)));
        assert_eq!(pool.run(|count| *count).await, Ok(1));
        assert_eq!(pool.free(), 1);
    }

    #[tokio::test]
    async fn a_panic_costs_one_answer() {
        let pool = Pool::start(1, 4, || 0_u32).unwrap();
        assert_eq!(pool.run(|_| -> u32 { panic!("planted") }).await, Err(Gone));
        assert_eq!(pool.run(|count| *count + 1).await, Ok(1));
        pool.stop();
        assert_eq!(pool.run(|count| *count).await, Err(Gone));
    }
}
