//! `${...}`: a fixed list of names, no expressions.

use std::collections::BTreeMap;

use crate::error::Wrong;
use crate::read;

/// The names that need no context.
pub const NAMES: [&str; 29] = [
    "fresh.message-id",
    "fresh.conversation",
    "fresh.lrn",
    "fresh.mrn",
    "fresh.ucr",
    "fresh.text",
    "now",
    "subject.url",
    "subject.host",
    "subject.path",
    "subject.party",
    "subject.party-type",
    "subject.role",
    "suite.party",
    "suite.party-type",
    "suite.role",
    "suite.other-party",
    "suite.url",
    "suite.host",
    "agreement.name",
    "sample.service",
    "sample.action",
    "exchange.channel",
    "exchange.offers",
    "exchange.original-sender",
    "exchange.final-recipient",
    "message.id",
    "message.conversation",
    "message.first-part",
];

/// What a named step leaves behind for later steps.
pub const STEP_FIELDS: [&str; 5] = ["message-id", "conversation", "lrn", "mrn", "business-id"];

/// Every `${NAME}` of `text`, in order.
#[must_use]
pub fn names(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let after = rest.get(start + 2..).unwrap_or_default();
        let Some(end) = after.find('}') else { break };
        found.extend(after.get(..end));
        rest = after.get(end + 1..).unwrap_or_default();
    }
    found
}

/// Whether every name in `text` is known, given the steps so far and the matrix.
///
/// # Errors
/// The first unknown name, with the nearest known one.
pub fn check(text: &str, steps: &[&str], matrix: &BTreeMap<String, Vec<String>>) -> Result<(), Wrong> {
    for name in names(text) {
        let known = if let Some(axis) = name.strip_prefix("matrix.") {
            matrix.contains_key(axis)
        } else if let Some(step) = name.strip_prefix("step.") {
            step.split_once('.').is_some_and(|(step, field)| steps.contains(&step) && STEP_FIELDS.contains(&field))
        } else {
            NAMES.contains(&name)
        };
        if !known {
            let help = near(name, steps, matrix);
            return Err(Wrong { what: format!("unknown variable ${{{name}}}"), help });
        }
    }
    Ok(())
}

/// What may have been meant, among all that is known here.
fn near(name: &str, steps: &[&str], matrix: &BTreeMap<String, Vec<String>>) -> Option<String> {
    let axes = matrix.keys().map(|axis| format!("matrix.{axis}"));
    let fields = steps.iter().flat_map(|step| STEP_FIELDS.map(|field| format!("step.{step}.{field}")));
    let here: Vec<String> = axes.chain(fields).collect();
    let near = read::nearest(name, NAMES.into_iter().chain(here.iter().map(String::as_str)));
    near.map(|near| read::did_you_mean(&format!("${{{near}}}")))
}

/// Puts values in the place of every `${NAME}`.
///
/// # Errors
/// The first name for which `value` has none.
pub fn fill(text: &str, mut value: impl FnMut(&str) -> Option<String>) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, tail)) = after.split_once('}') else {
            break;
        };
        out.push_str(before);
        out.push_str(&value(name).ok_or_else(|| name.to_owned())?);
        rest = tail;
    }
    out.push_str(rest);
    Ok(out)
}
