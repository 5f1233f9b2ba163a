//! The catalogue as commands see it: loaded with the user's own cases, and narrowed by filters.

use std::path::PathBuf;

use carnet_catalogue::case::{Case, CaseId};
use carnet_catalogue::{Catalogue, Filters, read};
use carnet_fixtures::Packs;
use carnet_harness::named;

use crate::failure::Failure;

/// Cases of the user's own beside the suite's.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Own {
    /// A folder with cases of your own beside the suite's.
    #[arg(long, value_name = "DIR")]
    pub cases: Option<PathBuf>,
    /// A pack of your own, whose scenarios are cases, too; repeatable.
    #[arg(long = "pack", value_name = "DIR")]
    pub packs: Vec<PathBuf>,
}

/// The embedded catalogue, with the user's own cases and the scenarios of the user's own packs beside it.
///
/// # Errors
/// Every fault of the user's own files, with file and line.
pub(crate) fn load(own: &Own) -> Result<Catalogue, Failure> {
    if own.cases.is_none() && own.packs.is_empty() {
        return carnet_catalogue::load().map_err(Failure::ours);
    }
    let packs = Packs::with_dirs(&own.packs).map_err(Failure::usage)?;
    let catalogue = carnet_catalogue::load_own(own.cases.as_deref(), &own.packs).map_err(Failure::usage)?;
    named::check_messages(&catalogue, catalogue.own_cases(), &packs).map_err(Failure::usage)?;
    named::check(&catalogue, catalogue.own_cases()).map_err(Failure::usage)?;
    Ok(catalogue)
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
        let below = catalogue.cases.keys().find(|known| known.as_str().starts_with(&format!("{id}.")));
        failure.help(match (below, read::nearest(id, catalogue.cases.keys().map(CaseId::as_str))) {
            (Some(first), _) => format!("`carnet list {id}` shows the cases below it, such as {first}"),
            (None, Some(near)) => format!("did you mean {near}?"),
            (None, None) => "carnet list shows every case".to_owned(),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_does_not_exist_is_found_when_cases_are_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tls/house/mine.toml");
        std::fs::create_dir_all(folder.path().join("tls/house")).unwrap();
        let case =
            carnet_catalogue::load().unwrap().files.bytes("cases/tls/certificate/expired.toml").unwrap().to_vec();
        let case = String::from_utf8(case).unwrap().replace("zoo:expired", "zoo:expird");
        std::fs::write(&file, &case).unwrap();
        let line = case.lines().position(|line| line.contains("zoo:")).unwrap() + 1;
        let own = Own { cases: Some(folder.path().to_owned()), packs: Vec::new() };
        let failure = load(&own).unwrap_err();
        let said = failure.to_string();
        assert_eq!(failure.exit(), 2, "{said}");
        assert!(said.starts_with(&format!("{}:{line}:", file.display())), "{said}");
        assert!(said.ends_with("there is no speaker zoo:expird\nhelp: did you mean `zoo:expired`?"), "{said}");
    }

    #[test]
    fn a_pack_that_is_not_there_may_be_one_that_was_not_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("process/house")).unwrap();
        let case =
            carnet_catalogue::load().unwrap().files.bytes("cases/tls/certificate/another.toml").unwrap().to_vec();
        let case = String::from_utf8(case).unwrap();
        let ping = case.find("send = {").map(|start| (start, start + case[start..].find('\n').unwrap())).unwrap();
        let sent = "send = { pack = \"berth\", message = \"valid/on-time\" }";
        let case = [&case[..ping.0], sent, &case[ping.1..]].concat();
        std::fs::write(folder.path().join("process/house/mine.toml"), case).unwrap();
        let own = Own { cases: Some(folder.path().to_owned()), packs: Vec::new() };
        let said = load(&own).unwrap_err().to_string();
        let help = "help: it is one of declaration; a pack of your own is named with --pack DIR";
        assert!(said.contains("there is no pack berth") && said.ends_with(help), "{said}");
    }
}
