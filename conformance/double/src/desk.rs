//! Threads that validate documents: a validator belongs to one thread, and compiling its schemas takes time.

use std::sync::{Arc, Mutex, PoisonError, mpsc};

use carnet_fixtures::Validator;

/// Desks that share the work; they close when this is dropped.
#[derive(Debug)]
pub(crate) struct Desks {
    work: mpsc::Sender<Job>,
}

type Job = Box<dyn FnOnce(&mut Validator) + Send>;

impl Desks {
    /// Opens so many of them.
    pub(crate) fn open(count: usize) -> Self {
        let (work, jobs) = mpsc::channel::<Job>();
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..count {
            let jobs = Arc::clone(&jobs);
            std::thread::spawn(move || {
                let mut validator = Validator::new();
                loop {
                    let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok(job) = job else { return };
                    job(&mut validator);
                }
            });
        }
        Self { work }
    }

    /// Has something validated and waits for it; none when the desks are gone.
    pub(crate) fn validate<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Validator) -> T + Send + 'static,
    ) -> Option<T> {
        let (done, result) = mpsc::channel();
        let job: Job = Box::new(move |validator| {
            let _ = done.send(work(validator));
        });
        self.work.send(job).ok()?;
        result.recv().ok()
    }
}
