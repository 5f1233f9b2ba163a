//! What must hold between files: names that must exist, controls, levels, no two cases alike.

use std::collections::BTreeMap;

use crate::case::{Case, CaseId, Level};
use crate::error::Problem;
use crate::read::{at_text, did_you_mean, nearest};
use crate::requirement;
use crate::{Catalogue, RequirementId};

/// Adds every broken cross-reference to `problems`.
pub(crate) fn cross_check(catalogue: &Catalogue, problems: &mut Vec<Problem>) {
    for (id, case) in &catalogue.cases {
        let mut add = |needle: &str, what: String, help: Option<String>| {
            let path = id.path();
            let text =
                catalogue.files.bytes(&path).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default();
            problems.push(Problem { help, ..at_text(catalogue.files.shown(&path), text, needle, what) });
        };
        requirements(catalogue, case, &mut add);
        for need in &case.needs {
            if !catalogue.capabilities.contains_key(need) {
                let near = nearest(need, catalogue.capabilities.keys().map(String::as_str));
                add(need, format!("capability {need} is not in capabilities.toml"), near.map(did_you_mean));
            }
        }
        for kill in &case.kills {
            if !catalogue.mutants.contains_key(kill) {
                let near = nearest(kill, catalogue.mutants.keys().map(String::as_str));
                add(kill, format!("mutant {kill} is not in mutants/"), near.map(did_you_mean));
            }
        }
        control(catalogue, id, case, &mut add);
        aliases(catalogue, id, case, &mut add);
    }
    twins(catalogue, problems);
}

/// A text that is no id of a requirement was refused where it was read; which may have been meant is known here.
pub(crate) fn near_requirement(catalogue: &Catalogue, problem: &mut Problem) {
    let near = requirement::refused(&problem.what)
        .and_then(|text| nearest(text, catalogue.requirements.keys().map(RequirementId::as_str)));
    if let Some(near) = near {
        problem.help = Some(did_you_mean(near));
    }
}

fn requirements(catalogue: &Catalogue, case: &Case, add: &mut impl FnMut(&str, String, Option<String>)) {
    for id in &case.verifies {
        if !catalogue.requirements.contains_key(id) {
            let near = nearest(id.as_str(), catalogue.requirements.keys().map(RequirementId::as_str));
            add(id.as_str(), format!("requirement {id} is not in the catalogue"), near.map(did_you_mean));
        }
    }
    for name in case.asides() {
        if !catalogue.requirements.keys().any(|id| id.as_str() == name) {
            let near = nearest(name, catalogue.requirements.keys().map(RequirementId::as_str));
            add(name, format!("requirement {name} is not in the catalogue"), near.map(did_you_mean));
        }
    }
    let rows: Vec<_> = case.verifies.iter().filter_map(|id| catalogue.requirements.get(id)).collect();
    let strongest =
        rows.iter().map(|row| if row.source == "carnet" { row.level.min(Level::Should) } else { row.level }).max();
    if let Some(strongest) = strongest
        && case.level > strongest
    {
        add(
            "level",
            format!("got level {}, expected at most {strongest}, the level of what it verifies", case.level),
            None,
        );
    }
}

/// A former id is one that no case has.
fn aliases(catalogue: &Catalogue, id: &CaseId, case: &Case, add: &mut impl FnMut(&str, String, Option<String>)) {
    for alias in &case.aliases {
        let what = if alias == id.as_str() {
            "is the id of this very case".to_owned()
        } else if catalogue.cases.contains_key(&CaseId::new(alias)) {
            "is the id of another case".to_owned()
        } else if let Some((other, _)) =
            catalogue.cases.iter().find(|(other, case)| *other != id && case.aliases.contains(alias))
        {
            format!("is a former id of {other}, too")
        } else {
            continue;
        };
        let help = "`aliases` are ids that this case had before and that no case has now".to_owned();
        add(&format!("\"{alias}\""), format!("alias {alias} {what}"), Some(help));
    }
}

fn control(catalogue: &Catalogue, id: &CaseId, case: &Case, add: &mut impl FnMut(&str, String, Option<String>)) {
    match &case.control {
        Some(control) if control == id => add("control", "a case cannot be its own control".to_owned(), None),
        Some(control) => match catalogue.cases.get(control) {
            Some(positive) if positive.is_negative() => {
                add(
                    control.as_str(),
                    format!("control {control} judges a refusal; a control is a positive case"),
                    None,
                );
            }
            Some(_) => {}
            None => {
                let near = nearest(control.as_str(), catalogue.cases.keys().map(CaseId::as_str));
                add(control.as_str(), format!("control {control} is not a case"), near.map(did_you_mean));
            }
        },
        None if case.is_negative() => {
            add("[[allow]]", "a case that judges a refusal names its control".to_owned(), None);
        }
        None => {}
    }
}

/// Two cases with the same stimulus and the same checks are one case.
fn twins(catalogue: &Catalogue, problems: &mut Vec<Problem>) {
    let mut seen: BTreeMap<String, &CaseId> = BTreeMap::new();
    for (id, case) in &catalogue.cases {
        let Some(other) = seen.insert(fingerprint(case), id) else { continue };
        // The user's own case is the one to change.
        let (twin, first) = if catalogue.files.is_own(&other.path()) { (other, id) } else { (id, other) };
        let what = format!("has the same stimulus and checks as {first}");
        let problem = Problem::of_file(catalogue.files.shown(&twin.path()), what);
        problems.push(problem.with_help("give one of them another stimulus or check, or remove it"));
    }
}

/// Stimulus and checks without names, titles and explanations.
fn fingerprint(case: &Case) -> String {
    let stimulus = serde_json::to_string(&(&case.agreement, &case.step, &case.matrix)).unwrap_or_default();
    let checks = serde_json::to_string(&(&case.check, &case.allow, &case.either)).unwrap_or_default();
    format!("{stimulus}\n{checks}")
}
