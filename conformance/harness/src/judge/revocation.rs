//! Whether a subject is known to have the revocation list that a case turns on.
//!
//! A hook loaded it, the operator declared it loaded, or it was fetched from the suite before the case ended. Without any of
//! them neither a refusal nor a message that was taken says anything of revocation.

use std::collections::BTreeSet;

use carnet_catalogue::case::Case;
use carnet_catalogue::matrix::Cell;
use carnet_catalogue::step::HookName;
use carnet_certs::{list_file, zoo};

use super::Judge;
use super::view::Attempt;
use crate::named::speakers;
use crate::setup::lists_url;

/// The hook that loads the lists, as evidence names it.
pub(crate) const LOADS: &str = "load-crl";

/// The events by which it is known, none where somebody said so; else why it is not.
pub(super) fn known(judge: &Judge, case: &Case, attempt: &Attempt) -> Result<Vec<u64>, String> {
    let turns_on_it = case.step.iter().any(|step| step.hook == Some(HookName::LoadCrl));
    let loaded = attempt.hooks.iter().any(|hook| hook.name == LOADS && hook.success);
    if !turns_on_it || loaded || judge.subject.trust.subject_loaded_crl {
        return Ok(Vec::new());
    }
    let cell = Cell::parse(&attempt.scope.cell);
    let names = case.step.iter().flat_map(speakers).filter_map(|name| cell.fill(name));
    let lists: BTreeSet<&str> =
        names.filter_map(|name| zoo::kind(name.strip_prefix("zoo:")?).ok().and_then(zoo::Kind::list)).collect();
    lists.into_iter().map(|list| attempt.fetched.get(list).copied().ok_or_else(|| unknown(judge, list))).collect()
}

fn unknown(judge: &Judge, list: &str) -> String {
    let file = list_file(list);
    let at = judge.subject.suite.lists.as_ref().map_or_else(|| file.clone(), |at| format!("{}/{file}", lists_url(at)));
    format!(
        "the subject has not fetched {at} in this run, so nothing says that it has that list: let it check revocation by \
         distribution points, for every certificate of the path, see that it reaches that address and keeps no list of \
         before, or load the list (hooks.load_crl, trust.subject_loaded_crl)"
    )
}
