//! The catalogue as commands see it: loaded with the user's own cases, and narrowed by filters.

use std::path::Path;

use carnet_catalogue::case::{Case, CaseId};
use carnet_catalogue::{Catalogue, Filters, read};

use crate::failure::Failure;

/// The embedded catalogue, with the cases of `dir` beside it.
///
/// # Errors
/// Every fault of the user's own files, with file and line.
pub(crate) fn load(dir: Option<&Path>) -> Result<Catalogue, Failure> {
    match dir {
        None => carnet_catalogue::load().map_err(Failure::ours),
        Some(dir) => carnet_catalogue::load_with(dir).map_err(Failure::usage),
    }
}

/// Reads filters and sees to it that each pattern means something.
///
/// # Errors
/// A filter that cannot be, a pattern that matches no case (with the nearest that exists), or no case at all.
pub(crate) fn filters(catalogue: &Catalogue, texts: &[String]) -> Result<Filters, Failure> {
    let filters = Filters::parse(texts).map_err(Failure::usage)?;
    let all: Vec<(&CaseId, &Case)> = catalogue.cases.iter().collect();
    if let Some((pattern, near)) = filters.idle(&all).first() {
        return Err(Failure::usage(format_args!("no case matches {pattern}")).help(match near {
            Some(near) => format!("did you mean {near}?"),
            None => "carnet list shows every case".to_owned(),
        }));
    }
    if !all.iter().any(|(id, case)| filters.takes(id, case)) {
        return Err(Failure::usage("no case matches the filters").help("carnet list shows every case"));
    }
    Ok(filters)
}

/// The cases that filters mean, by id.
///
/// # Errors
/// As [`filters`].
pub(crate) fn cases<'a>(catalogue: &'a Catalogue, texts: &[String]) -> Result<Vec<(&'a CaseId, &'a Case)>, Failure> {
    let filters = filters(catalogue, texts)?;
    Ok(catalogue.cases.iter().filter(|(id, case)| filters.takes(id, case)).collect())
}

/// The case of that id or former id.
///
/// # Errors
/// No such case, with the nearest id.
pub(crate) fn case<'a>(catalogue: &'a Catalogue, id: &str) -> Result<(&'a CaseId, &'a Case), Failure> {
    let named = |(key, case): &(&CaseId, &Case)| key.as_str() == id || case.aliases.iter().any(|alias| alias == id);
    catalogue.cases.iter().find(named).ok_or_else(|| {
        let failure = Failure::usage(format_args!("there is no case {id}"));
        failure.help(match read::nearest(id, catalogue.cases.keys().map(CaseId::as_str)) {
            Some(near) => format!("did you mean {near}?"),
            None => "carnet list shows every case".to_owned(),
        })
    })
}
