//! Names that nobody else uses: message ids, conversations, references.
//!
//! They follow from the run's seed and id and from the execution that asks, in the order in which it asks. So they are new
//! in every run, and the same again in a run that is given both, whatever else runs beside it.

use std::sync::atomic::{AtomicU32, Ordering};

use carnet_wire::digest::sha256;
use uuid::{Builder, Uuid};

use crate::evidence::Scope;

/// The names of one execution, or of what the run does in its own name.
#[derive(Debug)]
pub(crate) struct Fresh {
    origin: String,
    given: AtomicU32,
}

impl Fresh {
    /// Those of an execution in a run.
    pub(crate) fn new(run: &str, seed: u64, scope: Option<&Scope>) -> Self {
        let of = scope.map(|Scope { case, cell, attempt }| format!("{case}\n{cell}\n{attempt}")).unwrap_or_default();
        Self { origin: format!("{run}\n{seed}\n{of}"), given: AtomicU32::new(0) }
    }

    /// The next one.
    pub(crate) fn uuid(&self) -> Uuid {
        let number = self.given.fetch_add(1, Ordering::Relaxed);
        let digest = sha256(format!("{}\n{number}", self.origin).as_bytes());
        let mut bytes = [0; 16];
        for (to, from) in bytes.iter_mut().zip(digest) {
            *to = from;
        }
        Builder::from_custom_bytes(bytes).into_uuid()
    }

    /// The next one as a MessageId, or as the name of a part.
    pub(crate) fn id(&self) -> String {
        format!("{}@suite.carnet", self.uuid())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_new_in_a_run_and_the_same_in_its_like() {
        let scope = |attempt| Scope { case: "as4.push.accepted".to_owned(), cell: "-".to_owned(), attempt };
        let names = |run: &str, seed, attempt| {
            let fresh = Fresh::new(run, seed, Some(&scope(attempt)));
            [fresh.id(), fresh.id(), fresh.uuid().to_string()]
        };
        let first = names("a", 1, 1);
        assert_eq!(first, names("a", 1, 1));
        let others = [names("a", 1, 2), names("a", 2, 1), names("b", 1, 1)];
        let mut all: Vec<&String> = first.iter().chain(others.iter().flatten()).collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 12);
    }
}
