//! What the hooks of a run listed: deliveries, and what producers were told.

use std::collections::{BTreeMap, BTreeSet};

use crate::judge::view::Attempt;

/// What the hooks listed in the course of the run.
#[derive(Debug, Default)]
pub(super) struct Listed {
    /// How often each word stood in one output, at most.
    pub(super) delivered: Option<BTreeMap<String, usize>>,
    /// Words of entries with EBMS:0301.
    pub(super) notified: Option<BTreeSet<String>>,
    /// Words of entries with any ebMS error.
    failed: BTreeSet<String>,
}

impl Listed {
    /// What they listed; nothing is known where the run ended without a listing of its own.
    pub(super) fn of<'a>(attempts: impl Iterator<Item = &'a Attempt>) -> Self {
        let mut listed = Self::default();
        // The run ends with a listing of its own; without one, what is missing may only be late.
        let mut last: BTreeMap<&str, bool> = BTreeMap::new();
        let mut outputs: Vec<(&str, String)> = Vec::new();
        for attempt in attempts {
            for hook in attempt.hooks.iter().filter(|hook| hook.success) {
                let own = attempt.scope.case.is_empty();
                *last.entry(hook.name.as_str()).or_default() |= own;
                outputs.push((&hook.name, String::from_utf8_lossy(&hook.output).into_owned()));
            }
        }
        if last.get("delivered") == Some(&true) {
            let all = listed.delivered.insert(BTreeMap::new());
            for (_, output) in outputs.iter().filter(|(name, _)| *name == "delivered") {
                let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
                for word in crate::judge::checks::words(output) {
                    *counts.entry(word).or_default() += 1;
                }
                for (word, count) in counts {
                    let most = all.entry(word.to_owned()).or_default();
                    *most = count.max(*most);
                }
            }
        }
        if last.get("notified") == Some(&true) {
            let all = listed.notified.insert(BTreeSet::new());
            for (_, output) in outputs.iter().filter(|(name, _)| *name == "notified") {
                for entry in crate::judge::checks::entries(output).iter().filter(|entry| entry.contains("EBMS:")) {
                    let words = || crate::judge::checks::words(entry).map(str::to_owned);
                    listed.failed.extend(words());
                    if entry.contains("EBMS:0301") {
                        all.extend(words());
                    }
                }
            }
        }
        listed
    }

    /// How often a message was delivered.
    pub(super) fn delivered(&self, id: &str) -> usize {
        self.delivered.as_ref().and_then(|all| all.get(id)).copied().unwrap_or_default()
    }

    /// Whether a producer was told that a message is lost.
    pub(super) fn told(&self, id: &str) -> bool {
        self.notified.as_ref().is_some_and(|all| all.contains(id))
    }

    /// Whether a producer was told of an error for a message, such as a receipt that is none (EBMS:0302). Where a good
    /// receipt came in the end, that was not the last word.
    pub(super) fn told_of_error(&self, id: &str) -> bool {
        self.failed.contains(id)
    }
}
