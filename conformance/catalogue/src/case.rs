//! A case: one stimulus and the checks on what comes back. The id is the path below `cases/`.

mod code;
mod id;
mod sound;
mod terms;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::Problem;
use crate::read;
use crate::requirement::RequirementId;
use crate::step::{Awaited, Prompt, Step};

pub use id::CaseId;
pub use terms::{Exclusive, Grade, Layer, Level, Role, Safety};

/// A case as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Always 1.
    pub format: u32,
    /// One line: what holds when the case passes.
    pub title: String,
    /// Requirements of the catalogue that this case verifies; the first one is named in findings.
    pub verifies: Vec<RequirementId>,
    /// The strongest level this case judges at.
    pub level: Level,
    /// The subject's role.
    pub role: Role,
    /// Capabilities the subject must claim, else the case is not applicable.
    #[serde(default)]
    pub needs: Vec<String>,
    /// A further agreement of `subject.toml` that it runs under, instead of the main one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreement: Option<String>,
    /// Words to choose it by, as in `tag:smoke`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// What the case may do to the subject.
    #[serde(default)]
    pub safety: Safety,
    /// For negatives: the positive case that must pass before and after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<CaseId>,
    /// Mutants and null nodes this case is known to catch.
    #[serde(default)]
    pub kills: Vec<String>,
    /// The clause that leaves open whether the subject takes what it is shown. How it refuses is then judged where it
    /// refuses, and the checks are judged where it takes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub either: Option<String>,
    /// Former ids.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Beside which others it may run.
    #[serde(default)]
    pub exclusive: Exclusive,
    /// Axes of values; each combination is a cell of its own.
    #[serde(default)]
    pub matrix: BTreeMap<String, Vec<String>>,
    /// What is done, in order.
    pub step: Vec<Step>,
    /// What must hold.
    #[serde(default)]
    pub check: Vec<Check>,
    /// For refusals: each accepted layer with its codes.
    #[serde(default)]
    pub allow: Vec<Allow>,
    /// For people.
    pub explain: Explain,
}

/// The check that judges a refusal of the subject's as client, where there is no answer for an `[[allow]]` to judge.
pub const SERVER_REFUSED: &str = "tls.server-refused";

/// One named check of the harness, asked for by a case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// Name, as `carnet explain` lists it.
    pub name: String,
    /// The named step it looks at; without it, the last step that gave it something to look at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Arguments of the check.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub with: BTreeMap<String, String>,
    /// The level of this check when it is weaker than the case's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
}

/// One accepted way of refusing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allow {
    /// The layer it happens at.
    pub layer: Layer,
    /// Accepted codes: alert names or `close`; HTTP statuses, `4xx`; `EBMS:nnnn`; codes of the pack; `*` for any.
    pub code: Vec<String>,
    /// The clause that allows it.
    pub clause: String,
    /// What it counts as.
    #[serde(default)]
    pub grade: Grade,
    /// The named step whose answer is meant; without it, the last send or connect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
}

/// For people: why it matters, how to mend it, what was seen in the field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Explain {
    /// Why the requirement exists.
    pub why: String,
    /// What to change in a node that fails.
    pub fix: String,
    /// Nodes or mistakes known to fail it.
    pub seen: String,
}

impl Case {
    /// Reads one case file.
    ///
    /// # Errors
    /// As [`read::read`], and what the format says beyond its keys: one action per step, known variables, unique
    /// step names, something to judge.
    pub fn read(file: &str, text: &str) -> Result<Self, Problem> {
        let case: Self = read::read(file, text)?;
        sound::check(&case).map_err(|fault| fault.at(file, text))?;
        Ok(case)
    }

    /// A negative case judges a refusal.
    #[must_use]
    pub fn is_negative(&self) -> bool {
        !self.allow.is_empty()
    }

    /// Requirements that its checks stand for beside those it verifies (`with.requirement`).
    pub fn asides(&self) -> impl Iterator<Item = &str> {
        let named = self.check.iter().filter_map(|check| check.with.get("requirement").map(String::as_str));
        named.filter(|name| !self.verifies.iter().any(|id| id.as_str() == *name))
    }

    /// The step of that name, with its place.
    #[must_use]
    pub fn step_named(&self, name: &str) -> Option<(usize, &Step)> {
        self.step.iter().enumerate().find(|(_, step)| step.name.as_deref() == Some(name))
    }

    /// The step that an `await` is about: the last one before it that sent, offered or had the subject send.
    #[must_use]
    pub fn awaited_from(&self, index: usize) -> Option<(usize, &Step)> {
        let acts = |(_, step): &(usize, &Step)| {
            step.send.is_some() || step.offer.is_some() || step.prompt.is_some_and(|prompt| prompt != Prompt::Pull)
        };
        self.step.iter().enumerate().take(index).rfind(acts)
    }

    /// Whether what is awaited comes on a connection of the subject, and not on the one that the suite sent on.
    #[must_use]
    pub fn comes_by_itself(&self, index: usize, awaited: Awaited) -> bool {
        let from = self.awaited_from(index).map(|(_, step)| step);
        match awaited {
            Awaited::Message => !from.is_some_and(|step| step.send.as_ref().is_some_and(|send| send.pull)),
            Awaited::Receipt => from.is_some_and(|step| step.offer.is_some()),
            Awaited::Pull | Awaited::Nothing | Awaited::Connection => true,
            Awaited::Error | Awaited::Answer | Awaited::Alert | Awaited::Close | Awaited::HttpStatus => false,
        }
    }

    /// Pull requests that it makes.
    #[must_use]
    pub fn pulls(&self) -> usize {
        let pull = |step: &Step| step.send.as_ref().filter(|send| send.pull).map(|send| 1 + usize::from(send.twice));
        self.step.iter().filter_map(pull).sum()
    }
}
