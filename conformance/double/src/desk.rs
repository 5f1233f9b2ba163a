//! Threads that validate documents: a validator belongs to one thread, and compiling its schemas takes time. Nodes are
//! sent the same documents, so what was found in each is remembered.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use aws_lc_rs::digest::{SHA256, digest};
use carnet_fixtures::{Depth, MessageType, Packs, Validator, Verdict};

use crate::customs::PACK;

/// Desks that share the work; they close when this is dropped.
#[derive(Debug)]
pub(crate) struct Desks {
    work: mpsc::Sender<Job>,
    known: Mutex<HashMap<Asked, Arc<Verdict>>>,
}

/// Message type, whether only what all members have in common counts, and the document's digest.
type Asked = (String, bool, Vec<u8>);

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
        Self { work, known: Mutex::default() }
    }

    /// Has a document validated and waits for it; `common` leaves out what only some members ask for. None when the pack
    /// cannot be applied.
    pub(crate) fn validate(
        &self,
        packs: &Arc<Packs>,
        kind: &MessageType,
        document: &[u8],
        common: bool,
    ) -> Option<Arc<Verdict>> {
        let asked = (kind.name.clone(), common, digest(&SHA256, document).as_ref().to_vec());
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known().get(&asked) {
            return Some(Arc::clone(known));
        }
        let (packs, name, document) = (Arc::clone(packs), kind.name.clone(), document.to_vec());
        let (done, result) = mpsc::channel();
        let job: Job = Box::new(move |validator| {
            let validated = packs.message_type(PACK, &name).and_then(|kind| match common {
                true => validator.validate_as(kind, &document, Depth::Full, None).ok(),
                false => validator.validate(kind, &document, Depth::Full).ok(),
            });
            let _ = done.send(validated);
        });
        self.work.send(job).ok()?;
        let verdict = Arc::new(result.recv().ok()??);
        known().insert(asked, Arc::clone(&verdict));
        Some(verdict)
    }
}
