//! What the ledger of a run found, as `diff`, `rerun` and `watch` show it: messages that do not add up, and the cases
//! that they belong to.

use std::collections::{BTreeMap, BTreeSet};

use carnet_catalogue::case::CaseId;
use carnet_harness::Run;
use carnet_harness::evidence::Evidence;
use carnet_harness::judge::LedgerFinding;

/// What a run's ledger found; nothing where it kept none.
pub(crate) fn findings(run: &Run) -> &[LedgerFinding] {
    run.ledger.as_ref().map_or(&[], |ledger| &ledger.findings)
}

/// One finding on one line.
pub(crate) fn line(found: &LedgerFinding) -> String {
    format!("ledger: {} ({}): message {}: {}", found.requirement, found.level, found.message, found.what)
}

/// What the ledgers of two runs found of one kind: the messages in each. MessageIds differ from run to run, so two
/// ledgers are alike when each kind has as many messages in both.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Kind<'a> {
    pub(crate) a: Vec<&'a str>,
    pub(crate) b: Vec<&'a str>,
}

/// The kinds by requirement, level and what is wrong.
pub(crate) fn kinds<'a>(a: &'a Run, b: &'a Run) -> BTreeMap<String, Kind<'a>> {
    let name = |found: &LedgerFinding| format!("{} ({}): {}", found.requirement, found.level, found.what);
    let mut kinds: BTreeMap<String, Kind<'_>> = BTreeMap::new();
    for found in findings(a) {
        kinds.entry(name(found)).or_default().a.push(&found.message);
    }
    for found in findings(b) {
        kinds.entry(name(found)).or_default().b.push(&found.message);
    }
    kinds
}

/// The cases in whose executions the messages of the findings went, and the findings that belong to none.
pub(crate) fn cases<'r>(run: &'r Run, evidence: &Evidence) -> (BTreeSet<CaseId>, Vec<&'r LedgerFinding>) {
    let scoped = evidence.events.iter().filter_map(|event| Some((event.seq, event.scope.as_ref()?.case.as_str())));
    let scopes: BTreeMap<u64, &str> = scoped.filter(|(_, case)| !case.is_empty()).collect();
    let (mut cases, mut of_none) = (BTreeSet::new(), Vec::new());
    for found in findings(run) {
        let of_it: Vec<CaseId> =
            found.events.iter().filter_map(|seq| scopes.get(seq)).map(|case| CaseId::new(case)).collect();
        if of_it.is_empty() {
            of_none.push(found);
        }
        cases.extend(of_it);
    }
    (cases, of_none)
}
