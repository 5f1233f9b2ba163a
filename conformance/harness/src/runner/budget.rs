//! How much of what a subject sends is read and kept: a subject that floods must cost the suite neither memory nor time.

use std::sync::atomic::{AtomicU64, Ordering};

/// What one answer of the subject may have; no signal and no pulled message comes near it.
pub(crate) const ANSWER: usize = 2 << 20;
/// What one push of the subject may have.
pub(crate) const PUSH: usize = 16 << 20;
/// What a run keeps before it reads no more than a signal needs.
const PLENTY: u64 = 64 << 20;
/// What is read from then on.
const LITTLE: usize = 64 << 10;

/// Counts the bytes that a run has taken from its subject.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    taken: AtomicU64,
}

impl Budget {
    /// How many bytes may be read of the next message, which as a rule may have `most`.
    pub(crate) fn limit(&self, most: usize) -> usize {
        if self.spent() { LITTLE } else { most }
    }

    /// Whether a run has taken so much that what belongs to no case is no longer kept.
    pub(crate) fn spent(&self) -> bool {
        self.taken.load(Ordering::Relaxed) > PLENTY
    }

    /// Bytes were read and kept.
    pub(crate) fn take(&self, bytes: usize) {
        self.taken.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_cut_short_once_a_run_has_plenty() {
        let budget = Budget::default();
        for _ in 0..32 {
            assert_eq!(budget.limit(ANSWER), ANSWER);
            budget.take(ANSWER);
        }
        budget.take(1);
        assert_eq!(budget.limit(ANSWER), LITTLE);
    }
}
