//! What will be run and what will not, and why: planned = attempted + excluded, exactly.

use carnet_catalogue::case::{Case, CaseId, Role, Safety};
use carnet_catalogue::matrix::{self, Cell};
use carnet_catalogue::step::{Action, HookName};
use carnet_catalogue::{Catalogue, Step};
use serde::{Deserialize, Serialize};

use crate::setup::Setup;
use crate::verdict::Verdict;

/// What the operator asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection {
    /// Case ids or prefixes with `*`; empty means all.
    pub only: Vec<String>,
    /// Case ids or prefixes with `*`, each with the reason for leaving it out.
    pub skip: Vec<(String, String)>,
    /// Cases that restart the subject or use something up may run.
    pub destructive: bool,
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
    /// `hooks.delivered`.
    #[serde(rename = "hook.delivered")]
    Delivered,
    /// `hooks.notified`.
    #[serde(rename = "hook.notified")]
    Notified,
    /// `hooks.restart`.
    #[serde(rename = "hook.restart")]
    Restart,
    /// `hooks.load_crl`, or the operator's word that the list is loaded.
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
            Self::Delivered => "hooks.delivered, which lists what was delivered",
            Self::Notified => "hooks.notified, which lists what producers were told",
            Self::Restart => "hooks.restart, which restarts the subject",
            Self::LoadCrl => "hooks.load_crl, or trust.subject_loaded_crl = true when the suite's list is loaded",
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
    let chosen =
        |id: &CaseId| selection.only.is_empty() || selection.only.iter().any(|pattern| matches(pattern, id, catalogue));
    let controls: Vec<&CaseId> =
        catalogue.cases.iter().filter(|(id, _)| chosen(id)).filter_map(|(_, case)| case.control.as_ref()).collect();
    let mut plan = Plan { format: 1, cells: Vec::new() };
    for (id, case) in catalogue.cases.iter().filter(|(id, _)| chosen(id) || controls.contains(id)) {
        for cell in matrix::cells(case) {
            plan.cells.push(Planned {
                case: id.clone(),
                cell: cell.name(),
                excluded: exclusion(id, case, setup, selection, catalogue).or_else(|| unclaimed_version(&cell, setup)),
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

fn matches(pattern: &str, id: &CaseId, catalogue: &Catalogue) -> bool {
    let one = |text: &str| match pattern.strip_suffix('*') {
        Some(prefix) => text.starts_with(prefix),
        None => text == pattern || text.strip_prefix(pattern).is_some_and(|rest| rest.starts_with('.')),
    };
    one(id.as_str()) || catalogue.cases.get(id).is_some_and(|case| case.aliases.iter().any(|alias| one(alias)))
}

fn exclusion(
    id: &CaseId,
    case: &Case,
    setup: &Setup,
    selection: &Selection,
    catalogue: &Catalogue,
) -> Option<Exclusion> {
    if let Some((_, reason)) = selection.skip.iter().find(|(pattern, _)| matches(pattern, id, catalogue)) {
        return Some(Exclusion::new(Verdict::Skipped, reason));
    }
    if case.safety == Safety::Destructive && !selection.destructive {
        return Some(Exclusion::new(Verdict::Skipped, "it may disturb the subject; run it with --allow-destructive"));
    }
    not_applicable(case, setup)
        .map(|reason| Exclusion::new(Verdict::NotApplicable, reason))
        .or_else(|| without_means(case, setup))
}

/// A cell over a TLS version that the ICS does not claim.
fn unclaimed_version(cell: &Cell, setup: &Setup) -> Option<Exclusion> {
    let need = format!("tls.{}", cell.values.get("tls")?);
    let claimed = setup.ics.capabilities.contains(&need);
    (!claimed).then(|| Exclusion::new(Verdict::NotApplicable, format!("the ICS does not claim {need}")))
}

/// Why a case does not apply to this subject, in words.
fn not_applicable(case: &Case, setup: &Setup) -> Option<String> {
    let roles = &setup.ics.roles;
    let claims = |role| roles.contains(&role) || roles.contains(&Role::Both);
    let wanted: &[Role] = match case.role {
        Role::Both => &[Role::Responder, Role::Initiator],
        Role::Responder => &[Role::Responder],
        Role::Initiator => &[Role::Initiator],
    };
    if wanted.iter().any(|role| !claims(*role)) {
        return Some("the ICS does not claim the role this case needs".to_owned());
    }
    if let Some(need) = case.needs.iter().find(|need| !setup.ics.capabilities.contains(need)) {
        return Some(format!("the ICS does not claim {need}"));
    }
    case.step.iter().find_map(|step| unmet(step, setup))
}

fn unmet(step: &Step, setup: &Setup) -> Option<String> {
    let identities = [
        step.speaker.as_deref(),
        step.tls.as_ref().and_then(|tls| tls.identity.as_deref()),
        step.sign.as_ref().and_then(|sign| sign.identity.as_deref()),
        step.listen.as_ref().and_then(|listen| listen.identity.as_deref()),
    ];
    for name in identities.into_iter().flatten() {
        if name.starts_with("zoo:") && setup.authority.is_none() {
            return Some("the suite has no test CA of its own here (suite.pki)".to_owned());
        }
        if name.starts_with("zoo:") && !setup.subject.trust.subject_trusts_suite_ca {
            return Some("the subject does not trust the suite's test CA (trust.subject_trusts_suite_ca)".to_owned());
        }
        if name == "other-partner" && setup.other.is_none() {
            return Some("subject.toml names no suite.other_party with identities in suite.pki".to_owned());
        }
    }
    match step.action() {
        Ok(Action::Send(send)) if send.sample && setup.sample.is_none() => {
            Some("subject.toml has no [sample]".to_owned())
        }
        _ => None,
    }
}

/// What a case that applies lacks to be carried out. A revocation list that nobody loaded leaves it undecided: the
/// requirement holds for every subject.
fn without_means(case: &Case, setup: &Setup) -> Option<Exclusion> {
    let hooks = &setup.subject.hooks;
    let mut needs: Vec<Means> = Vec::new();
    if case.role != Role::Responder && setup.subject.suite.listen.is_none() {
        needs.push(Means::Listen);
    }
    needs.extend(case.step.iter().filter_map(|step| match step.action().ok()? {
        Action::Prompt(_) => (!can_prompt(setup)).then_some(Means::Prompt),
        Action::Restart => hooks.restart.is_none().then_some(Means::Restart),
        Action::Hook(HookName::Delivered) => hooks.delivered.is_none().then_some(Means::Delivered),
        Action::Hook(HookName::Notified) => hooks.notified.is_none().then_some(Means::Notified),
        Action::Hook(HookName::LoadCrl) => {
            (hooks.load_crl.is_none() && !setup.subject.trust.subject_loaded_crl).then_some(Means::LoadCrl)
        }
        _ => None,
    }));
    needs.sort_unstable();
    needs.dedup();
    if needs.is_empty() {
        return None;
    }
    let verdict = if needs == [Means::LoadCrl] { Verdict::Inconclusive } else { Verdict::NotApplicable };
    let words: Vec<&str> = needs.iter().map(|means| means.describe()).collect();
    let reason = format!("subject.toml lacks {}", words.join("; and "));
    Some(Exclusion { verdict, reason, needs })
}

/// Whether there is a way to make the subject send.
#[must_use]
pub fn can_prompt(setup: &Setup) -> bool {
    obliges(setup) || setup.subject.hooks.send.is_some() || setup.subject.hooks.operator
}

/// Whether the sample document obliges the subject to answer with a message of its own.
#[must_use]
pub fn obliges(setup: &Setup) -> bool {
    setup
        .sample
        .as_ref()
        .and_then(|sample| sample.message_type.as_ref())
        .is_some_and(|(pack, _)| setup.ics.capabilities.contains(&format!("pack.{pack}")))
}
