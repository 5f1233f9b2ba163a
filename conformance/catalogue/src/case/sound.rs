//! What a case must say beyond its keys, as far as the case alone tells it: one action to a step, steps and variables
//! that are there, bytes that are bytes, operations that can be carried out, something to judge.

use super::{Allow, Case, Check, SERVER_REFUSED, code};
use crate::error::{Problem, Wrong};
use crate::step::{Forge, Misfit, Send, Step};
use crate::{matrix, read, variable};

/// What is wrong, and where: at a value, or at a text somewhere behind the start of it.
pub(super) struct Fault {
    path: Vec<String>,
    text: Option<String>,
    wrong: Wrong,
}

impl Fault {
    fn new(path: &[&str], wrong: Wrong) -> Self {
        Self { path: path.iter().map(|key| (*key).to_owned()).collect(), text: None, wrong }
    }

    /// Without more to say than what is wrong.
    fn plain(path: &[&str], what: impl Into<String>) -> Self {
        Self::new(path, Wrong { what: what.into(), help: None })
    }

    /// At a text of a step, whichever key it stands under.
    fn of_text(path: &[&str], text: &str, wrong: Wrong) -> Self {
        Self { text: Some(text.to_owned()), ..Self::new(path, wrong) }
    }

    /// With its place in the file.
    pub(super) fn at(self, file: &str, text: &str) -> Problem {
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        let Wrong { what, help } = self.wrong;
        let problem = match &self.text {
            Some(needle) => read::at_text_below(file, text, &path, needle, what),
            None => read::at_value(file, text, &path, what),
        };
        problem.with_help(help.unwrap_or_else(|| "docs/case.md lists every key and what goes with it".to_owned()))
    }
}

/// Holds a case against itself.
pub(super) fn check(case: &Case) -> Result<(), Fault> {
    if case.verifies.is_empty() {
        return Err(Fault::plain(&["verifies"], "a case verifies at least one requirement"));
    }
    if case.step.is_empty() {
        return Err(Fault::plain(&["step"], "a case has at least one step"));
    }
    if case.check.is_empty() && case.allow.is_empty() {
        return Err(Fault::plain(&["title"], "a case has at least one [[check]] or [[allow]]"));
    }
    let mut names: Vec<&str> = Vec::new();
    for (index, one) in case.step.iter().enumerate() {
        let number = index.to_string();
        step(case, one, &number, &mut names)?;
    }
    looked_at(case, &names)?;
    codes(case)?;
    axes(case)?;
    either(case)
}

/// One step, given the names of those before it, to which it adds its own.
fn step<'c>(case: &Case, step: &'c Step, number: &str, names: &mut Vec<&'c str>) -> Result<(), Fault> {
    step.action().map_err(|what| Fault::plain(&["step", number], what))?;
    references(case, step, number, names)?;
    if let Some(name) = step.name.as_deref() {
        if names.contains(&name) {
            return Err(Fault::plain(&["step", number, "name"], format!("two steps are named `{name}`")));
        }
        names.push(name);
    }
    for text in step.texts() {
        variable::check(&text, names, &case.matrix).map_err(|wrong| Fault::of_text(&["step", number], &text, wrong))?;
    }
    bytes(step, number)?;
    for (index, forge) in step.forge.iter().enumerate() {
        let index = index.to_string();
        forged(case, forge).map_err(|(key, wrong)| Fault::new(&["step", number, "forge", &index, key], wrong))?;
    }
    Ok(())
}

/// Steps that a message refers to stand before the one that sends it.
fn references(case: &Case, step: &Step, number: &str, before: &[&str]) -> Result<(), Fault> {
    for (action, send) in [("send", &step.send), ("offer", &step.offer)] {
        for (key, name) in send.iter().flat_map(Send::references) {
            if !before.contains(&name) {
                let what = format!("`{key}` names no earlier step: {}", there_is_no(case, name));
                let wrong = Wrong::new(what, near_step(case, name, before));
                return Err(Fault::new(&["step", number, action, key], wrong));
            }
        }
    }
    Ok(())
}

fn there_is_no(case: &Case, name: &str) -> String {
    match case.step_named(name) {
        Some(_) => format!("step `{name}` does not stand before this one"),
        None => format!("no step is named `{name}`"),
    }
}

/// The step that may have been meant, of those that can be.
fn near_step(case: &Case, name: &str, known: &[&str]) -> String {
    match known {
        _ if case.step_named(name).is_some() => format!("a step comes after those that it refers to: move `{name}` up"),
        [] => "give the step that is meant a `name`".to_owned(),
        _ => read::near_or_all(name, known),
    }
}

/// What is written in hexadecimal.
fn bytes(step: &Step, number: &str) -> Result<(), Fault> {
    let sound = |path: &[&str], text: &Option<String>| match text {
        Some(text) => hexadecimal(text).map_err(|wrong| Fault::new(&[&["step", number], path].concat(), wrong)),
        None => Ok(()),
    };
    if let Some(connect) = &step.connect {
        sound(&["connect", "hex"], &connect.hex)?;
    }
    for (action, send) in [("send", &step.send), ("offer", &step.offer)] {
        for (index, part) in send.iter().flat_map(|send| &send.part).enumerate() {
            sound(&[action, "part", &index.to_string(), "hex"], &part.hex)?;
        }
    }
    for (index, forge) in step.forge.iter().enumerate() {
        sound(&["forge", &index.to_string(), "hex"], &forge.hex)?;
    }
    Ok(())
}

fn hexadecimal(text: &str) -> Result<(), Wrong> {
    let what = match hex::decode(text) {
        Ok(_) => return Ok(()),
        Err(hex::FromHexError::InvalidHexCharacter { c, .. }) => format!("got hex with {c:?} in it"),
        Err(_) => format!("got hex of {} digits", text.len()),
    };
    Err(Wrong::new(what, "write two digits of 0-9 and a-f for each byte, without anything between them".to_owned()))
}

/// An operation at the place of each cell; a place that only a run knows is left to it.
fn forged(case: &Case, forge: &Forge) -> Result<(), Misfit> {
    matrix::filled(case, &forge.place).iter().try_for_each(|place| forge.check(place))
}

/// The steps that checks and refusals look at.
fn looked_at(case: &Case, names: &[&str]) -> Result<(), Fault> {
    let checks = case.check.iter().map(|check| check.step.as_deref());
    let allows = case.allow.iter().map(|allow| allow.step.as_deref());
    let rows = checks.enumerate().map(|row| ("check", row)).chain(allows.enumerate().map(|row| ("allow", row)));
    for (table, (index, name)) in rows {
        if let Some(name) = name.filter(|name| !names.contains(name)) {
            let what = format!("[[{table}]] looks at a step that is not there: no step is named `{name}`");
            let wrong = Wrong::new(what, near_step(case, name, names));
            return Err(Fault::new(&[table, &index.to_string(), "step"], wrong));
        }
    }
    Ok(())
}

/// The codes of refusals, and those that the suite's endpoint answers with.
fn codes(case: &Case) -> Result<(), Fault> {
    for (row, Allow { layer, code, .. }) in case.allow.iter().enumerate() {
        for (index, code) in code.iter().enumerate() {
            code::check(*layer, code)
                .map_err(|wrong| Fault::new(&["allow", &row.to_string(), "code", &index.to_string()], wrong))?;
        }
    }
    for (index, step) in case.step.iter().enumerate() {
        if let Some(code) = step.answer.as_ref().and_then(|answer| answer.code.as_deref()) {
            code::answered(code).map_err(|wrong| Fault::new(&["step", &index.to_string(), "answer", "code"], wrong))?;
        }
    }
    Ok(())
}

/// An axis that nothing uses makes cells that are all the same; `tls` also sets the version.
fn axes(case: &Case) -> Result<(), Fault> {
    let whole = serde_json::to_string(&(&case.step, &case.check, &case.allow)).unwrap_or_default();
    let used = |axis: &str| axis == "tls" || whole.contains(&format!("${{matrix.{axis}}}"));
    let Some(axis) = case.matrix.keys().find(|axis| !used(axis)) else { return Ok(()) };
    let what = format!("nothing uses the axis `{axis}`: its cells are all the same");
    let help = match read::nearest(axis, ["tls"]) {
        Some(near) => read::did_you_mean(near),
        None => format!("write ${{matrix.{axis}}} where its values belong, or leave it out"),
    };
    Err(Fault::new(&["matrix", axis], Wrong::new(what, help)))
}

fn either(case: &Case) -> Result<(), Fault> {
    let (refusal, taken): (Vec<&Check>, _) = case.check.iter().partition(|check| check.name == SERVER_REFUSED);
    if case.either.is_some() && (taken.is_empty() || (refusal.is_empty() && case.allow.is_empty())) {
        let what = format!(
            "`either` needs both: how it may refuse ([[allow]], or the check {SERVER_REFUSED}), and what holds \
             where it takes it (another [[check]])"
        );
        return Err(Fault::plain(&["either"], what));
    }
    Ok(())
}
