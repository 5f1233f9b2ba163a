//! Names that nobody else uses, and the time that messages say: message ids, conversations, references, timestamps.
//!
//! Names follow from what they are given out for, in the order in which they are asked for. So those of a run are new, and
//! the same again in a run of the same seed and id, whatever else runs beside it; given one time, too, its messages are
//! the same to the last byte.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use carnet_wire::digest::sha256;
use jiff::Timestamp;
use uuid::{Builder, Uuid};

use crate::evidence::Scope;

/// What the names of a run follow from, and its time.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    /// The id of the run.
    pub(crate) run: String,
    /// Its seed.
    pub(crate) seed: u64,
    /// The time that its messages say; the machine's where there is none.
    pub(crate) time: Option<Timestamp>,
}

impl Origin {
    /// What an execution, or the run in its own name, gives out.
    pub(crate) fn fresh(&self, scope: Option<&Scope>) -> Fresh {
        let of = scope.map(|Scope { case, cell, attempt }| format!("{case}\n{cell}\n{attempt}")).unwrap_or_default();
        Fresh::new(format!("{}\n{}\n{of}", self.run, self.seed), self.time)
    }
}

/// Gives out names and the time.
#[derive(Debug)]
pub struct Fresh {
    origin: String,
    time: Option<Timestamp>,
    /// How many were given out, by the digest of what for: two that share one only skip numbers.
    given: Mutex<HashMap<u64, u32>>,
}

impl Fresh {
    /// Names that follow from `origin`; `time` stands still where one is given.
    #[must_use]
    pub fn new(origin: String, time: Option<Timestamp>) -> Self {
        Self { origin, time, given: Mutex::default() }
    }

    /// The next name for `what`: the order in which others are asked for does not matter to it.
    pub fn uuid_for(&self, what: &str) -> Uuid {
        let number = {
            let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
            let count = given.entry(u64::from_be_bytes(digest(what))).or_default();
            *count += 1;
            *count
        };
        Builder::from_custom_bytes(digest(&format!("{}\n{what}\n{number}", self.origin))).into_uuid()
    }

    /// The time, UTC, as messages carry it.
    #[must_use]
    pub fn time(&self) -> String {
        self.time.unwrap_or_else(Timestamp::now).strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
    }

    /// The next name for what is done in order.
    pub(crate) fn uuid(&self) -> Uuid {
        self.uuid_for("")
    }

    /// The same as a MessageId, or as the name of a part.
    pub(crate) fn id(&self) -> String {
        self.id_for("")
    }

    /// A MessageId of the suite's for `what`.
    pub(crate) fn id_for(&self, what: &str) -> String {
        format!("{}@suite.carnet", self.uuid_for(what))
    }
}

/// The first bytes of a digest.
fn digest<const N: usize>(text: &str) -> [u8; N] {
    let mut first = [0; N];
    first.iter_mut().zip(sha256(text.as_bytes())).for_each(|(to, from)| *to = from);
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_new_in_a_run_and_the_same_in_its_like() {
        let scope = |attempt| Scope { case: "as4.push.accepted".to_owned(), cell: "-".to_owned(), attempt };
        let names = |run: &str, seed, attempt| {
            let fresh = Origin { run: run.to_owned(), seed, time: None }.fresh(Some(&scope(attempt)));
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

    #[test]
    fn a_name_does_not_depend_on_what_others_were_asked_for() {
        let [one, other] = [(); 2].map(|()| Fresh::new("run".to_owned(), None));
        let first = one.id_for("a");
        other.id_for("b");
        assert_eq!(other.id_for("a"), first);
        assert_ne!(other.id_for("a"), first);
    }

    #[test]
    fn time_stands_still_where_one_is_given() {
        let time = "2026-01-02T03:04:05.5Z".parse().ok();
        assert_eq!(Fresh::new(String::new(), time).time(), "2026-01-02T03:04:05.500Z");
        let now: Timestamp = Fresh::new(String::new(), None).time().parse().unwrap();
        assert!(Timestamp::now().duration_since(now).as_secs() < 60);
    }
}
