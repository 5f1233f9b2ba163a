//! What will be run and what will not, and why: planned = attempted + excluded, exactly.
//!
//! In which order is `schedule`'s, what it comes to in messages and time is `estimate`'s.

mod applies;
mod estimate;
mod schedule;

use carnet_catalogue::case::{Case, CaseId, Safety};
use carnet_catalogue::matrix::{self, Cell};
use carnet_catalogue::{Catalogue, Filters, filter};
use serde::{Deserialize, Serialize};

use crate::setup::Setup;
use crate::verdict::Verdict;

pub use applies::{can_prompt, obliges};
pub use estimate::{Estimate, estimate};
pub(crate) use schedule::runs_alone;
pub use schedule::{Batch, Schedule, schedule};

/// What the operator asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection {
    /// Which cases; their controls run with them.
    pub only: Filters,
    /// Patterns of case ids, each with the reason for leaving them out.
    pub skip: Vec<(String, String)>,
    /// The most that a case may do to the subject.
    pub safety: Safety,
}

/// Every cell, in the order of the case ids.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Always 1.
    pub format: u32,
    /// The cells.
    pub cells: Vec<Planned>,
}

/// One cell of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Planned {
    /// Case id.
    pub case: CaseId,
    /// Cell name, `-` without a matrix.
    pub cell: String,
    /// Why it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excluded: Option<Exclusion>,
}

impl Planned {
    /// `case` or `case [cell]`.
    #[must_use]
    pub fn name(&self) -> String {
        matrix::full_name(self.case.as_str(), &self.cell)
    }
}

/// Why a cell is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exclusion {
    /// NOT_APPLICABLE or SKIPPED; INCONCLUSIVE where it applies and only the means to judge it are missing.
    pub verdict: Verdict,
    /// In words.
    pub reason: String,
    /// The means it lacks, each as `subject.toml` gives it: `listen`, `prompt`, `hook.NAME`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<Means>,
}

/// A way to drive or to observe a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Means {
    /// The suite's endpoint, which the subject must reach.
    #[serde(rename = "listen")]
    Listen,
    /// A way to make the subject send: a document that obliges an answer, `hooks.send`, or an operator.
    #[serde(rename = "prompt")]
    Prompt,
    /// `hooks.submit`.
    #[serde(rename = "hook.submit")]
    Submit,
    /// `hooks.reply`.
    #[serde(rename = "hook.reply")]
    Reply,
    /// `hooks.pull`.
    #[serde(rename = "hook.pull")]
    Pull,
    /// `hooks.delivered`.
    #[serde(rename = "hook.delivered")]
    Delivered,
    /// `hooks.notified`.
    #[serde(rename = "hook.notified")]
    Notified,
    /// `hooks.restart`.
    #[serde(rename = "hook.restart")]
    Restart,
    /// `hooks.load_crl`, the operator's word that the list is loaded, or lists that the subject can fetch.
    #[serde(rename = "hook.load_crl")]
    LoadCrl,
}

impl Means {
    /// What is to be written into `subject.toml`.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::Listen => "suite.listen, an address at which the subject reaches the suite",
            Self::Prompt => {
                "a way to make the subject send: a [sample] whose pack obliges an answer, hooks.send, or hooks.operator"
            }
            Self::Submit => {
                "hooks.submit, which makes the subject send or queue a document of another exchange, or hooks.operator"
            }
            Self::Reply => "hooks.reply, which makes the subject reply to a request, or hooks.operator",
            Self::Pull => "hooks.pull, which makes the subject pull, or hooks.operator",
            Self::Delivered => "hooks.delivered, which lists what was delivered",
            Self::Notified => "hooks.notified, which lists what producers were told",
            Self::Restart => "hooks.restart, which restarts the subject",
            Self::LoadCrl => {
                "hooks.load_crl, or trust.subject_loaded_crl = true when the suite's list is loaded, or [suite.lists] with \
                 a test CA whose certificates name it, as `carnet kit` then makes it"
            }
        }
    }
}

impl Exclusion {
    fn new(verdict: Verdict, reason: impl Into<String>) -> Self {
        Self { verdict, reason: reason.into(), needs: Vec::new() }
    }
}

/// Plans a run. Controls of selected cases are selected with them.
#[must_use]
pub fn plan(catalogue: &Catalogue, setup: &Setup, selection: &Selection) -> Plan {
    let chosen = |(id, case): &(&CaseId, &Case)| selection.only.takes(id, case);
    let controls: Vec<&CaseId> =
        catalogue.cases.iter().filter(chosen).filter_map(|(_, case)| case.control.as_ref()).collect();
    let mut plan = Plan { format: 1, cells: Vec::new() };
    for (id, case) in catalogue.cases.iter().filter(|pair| chosen(pair) || controls.contains(&pair.0)) {
        for cell in matrix::cells(case) {
            plan.cells.push(Planned {
                case: id.clone(),
                cell: cell.name(),
                excluded: exclusion(id, case, setup, selection).or_else(|| unclaimed_version(&cell, setup)),
            });
        }
    }
    exclude_without_control(&mut plan, catalogue);
    plan
}

/// A refusal counts only beside its control: where the control cannot run, neither can the refusal.
fn exclude_without_control(plan: &mut Plan, catalogue: &Catalogue) {
    let excluded: Vec<(CaseId, Exclusion)> =
        plan.cells.iter().filter_map(|cell| cell.excluded.clone().map(|why| (cell.case.clone(), why))).collect();
    let runs: Vec<CaseId> =
        plan.cells.iter().filter(|cell| cell.excluded.is_none()).map(|cell| cell.case.clone()).collect();
    let excluded: Vec<_> = excluded.into_iter().filter(|(id, _)| !runs.contains(id)).collect();
    for cell in plan.cells.iter_mut().filter(|cell| cell.excluded.is_none()) {
        let control = catalogue.cases.get(&cell.case).and_then(|case| case.control.as_ref());
        if let Some((control, why)) = control.and_then(|control| excluded.iter().find(|(id, _)| id == control)) {
            let reason = format!("its control {control} is left out: {}", why.reason);
            cell.excluded = Some(Exclusion { reason, ..why.clone() });
        }
    }
}

fn exclusion(id: &CaseId, case: &Case, setup: &Setup, selection: &Selection) -> Option<Exclusion> {
    if let Some((_, reason)) = selection.skip.iter().find(|(pattern, _)| filter::named(pattern, id, case)) {
        return Some(Exclusion::new(Verdict::Skipped, reason));
    }
    if case.safety > selection.safety {
        let reason = format!("it is {}; run it with --safety {}", case.safety, case.safety);
        return Some(Exclusion::new(Verdict::Skipped, reason));
    }
    applies::not_applicable(case, setup)
        .map(|reason| Exclusion::new(Verdict::NotApplicable, reason))
        .or_else(|| applies::without_means(case, setup))
}

/// A cell over a TLS version that the ICS does not claim.
fn unclaimed_version(cell: &Cell, setup: &Setup) -> Option<Exclusion> {
    let need = format!("tls.{}", cell.values.get("tls")?);
    let claimed = setup.ics.capabilities.contains(&need);
    (!claimed).then(|| Exclusion::new(Verdict::NotApplicable, format!("the ICS does not claim {need}")))
}
