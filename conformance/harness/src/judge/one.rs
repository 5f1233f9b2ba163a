//! Judges one execution of one cell: its awaits, its checks, its refusal.

use carnet_catalogue::case::{Case, CaseId, Check, Level, SERVER_REFUSED};
use carnet_catalogue::requirement::RequirementId;
use carnet_catalogue::step::Awaited;

use super::answer::Answer;
use super::checks::{self, Deviation, Look, Outcome};
use super::run::{Finding, RefusalSeen};
use super::view::{Attempt, Exchange};
use super::{Judge, refusal, revocation};
use crate::evidence::Side;
use crate::verdict::Verdict;

/// What came of one execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// The verdict, before any control is looked at.
    pub verdict: Verdict,
    /// Why it could not be judged.
    pub reason: Option<String>,
    /// How the subject refused.
    pub refusal: Option<RefusalSeen>,
    /// Where either is allowed: whether it took what it was shown.
    pub taken: Option<bool>,
    /// Checks that were made.
    pub checks: Vec<String>,
    /// Deviations.
    pub findings: Vec<Finding>,
    /// What it never got to see, where that is all that can be said of the subject.
    pub(crate) unseen: Option<Unseen>,
}

/// What a subject gives to any case, or to none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unseen {
    /// It was made to send, and no message came.
    Message,
    /// It was sent a message, and what came back was no receipt, for this message or for another.
    Receipt,
}

impl Judged {
    fn undecided(verdict: Verdict, reason: String) -> Self {
        Self { verdict, reason: Some(reason), ..Self::passed() }
    }

    fn passed() -> Self {
        Self {
            verdict: Verdict::Pass,
            reason: None,
            refusal: None,
            taken: None,
            checks: Vec::new(),
            findings: Vec::new(),
            unseen: None,
        }
    }
}

/// Judges it.
pub(crate) fn judge(judge: &Judge, attempt: &Attempt) -> Judged {
    let id = CaseId::new(&attempt.scope.case);
    let Some(case) = judge.catalogue.cases.get(&id) else {
        return Judged::undecided(Verdict::Error, format!("case {id} is not among the cases it is judged with"));
    };
    if let Some((_, reason)) = &attempt.broken {
        return Judged::undecided(Verdict::Error, format!("the suite could not carry it out: {reason}"));
    }
    if let Some(reason) = attempt.lacking.as_ref().filter(|_| !awaited_in_vain(case, attempt)) {
        let reason = format!("the subject gave nothing that the case could go on with: {reason}");
        return Judged::undecided(Verdict::Inconclusive, reason);
    }
    if let Some(reason) = &attempt.declined {
        return Judged::undecided(Verdict::Inconclusive, reason.clone());
    }
    if let Some(reason) = &attempt.redacted {
        return Judged::undecided(Verdict::Inconclusive, format!("its evidence was redacted: {reason}"));
    }
    if attempt.end.is_none() {
        return Judged::undecided(Verdict::Inconclusive, "it was interrupted".to_owned());
    }
    if let Some(reason) = unreachable(judge, attempt).or_else(|| not_driven(attempt)) {
        return Judged::undecided(Verdict::Inconclusive, reason);
    }
    let taken = taken(case, attempt);
    let mut judged = Judged { taken, unseen: unseen(case, attempt), ..Judged::passed() };
    let mut wanted: Vec<Check> = checks::implied(case);
    wanted.extend(case.check.iter().cloned());
    // Where either is allowed, what was taken is judged as taken and what was refused as refused.
    wanted.retain(|check| taken.is_none_or(|taken| taken != (check.name == SERVER_REFUSED)));
    for check in &wanted {
        if !judged.checks.contains(&check.name) {
            judged.checks.push(check.name.clone());
        }
        let outcome = match checks::named(&check.name) {
            Some(named) => (named.judge)(&Look { judge, attempt, case, check }),
            None => return Judged::undecided(Verdict::Error, format!("there is no check {}", check.name)),
        };
        judged.take(judge, case, check, outcome);
    }
    if judged.unseen == Some(Unseen::Message) {
        judged.say_how_it_is_made_to_send(attempt);
    }
    if case.is_negative() && taken != Some(true) {
        let (outcome, seen) = refusal::judge(&Look { judge, attempt, case, check: &refusal::check() });
        judged.checks.push(refusal::NAME.to_owned());
        judged.refusal = seen;
        judged.take(judge, case, &refusal::check(), outcome);
    }
    if waited_for_operator(attempt) && judged.verdict.rank() > Verdict::Pass.rank() {
        judged.verdict = Verdict::Review;
        judged.reason = Some(OPERATOR.to_owned());
    }
    match revocation::known(judge, case, attempt) {
        Ok(fetched) => judged.findings.iter_mut().for_each(|finding| finding.events.extend(&fetched)),
        Err(reason) if matches!(judged.verdict, Verdict::Pass | Verdict::Warn | Verdict::Fail) => {
            judged = Judged { findings: Vec::new(), ..judged };
            (judged.verdict, judged.reason) = (Verdict::Inconclusive, Some(reason));
        }
        Err(_) => {}
    }
    judged
}

/// Whether the subject took what it was shown, where the case allows either: it receipted, or it sent a message.
fn taken(case: &Case, attempt: &Attempt) -> Option<bool> {
    case.either.as_ref()?;
    let receipted = |exchange: &Exchange| matches!(exchange.answer(), Answer::Receipt(_));
    Some(match case.is_negative() {
        true => refusal::exchange(case, attempt).is_some_and(receipted),
        false => checks::sent_to_shown(attempt).next().is_some(),
    })
}

/// What the subject gave nothing of in a case that it was to pass.
fn unseen(case: &Case, attempt: &Attempt) -> Option<Unseen> {
    let mut theirs = attempt.exchanges.iter().filter(|exchange| exchange.side == Side::Subject);
    if attempt.prompted.is_some() && !theirs.any(|exchange| exchange.arrival().is(Awaited::Message)) {
        return Some(Unseen::Message);
    }
    let first =
        case.step.iter().position(|step| step.awaits == Some(Awaited::Receipt)).filter(|_| !case.is_negative())?;
    let mut ours = attempt.exchanges.iter().filter(|exchange| exchange.side == Side::Suite && exchange.step < first);
    let receipted = |exchange: &Exchange| matches!(exchange.answer(), Answer::Receipt(_) | Answer::Both(_));
    let sent = ours.clone().next().is_some();
    (sent && !ours.any(receipted)).then_some(Unseen::Receipt)
}

/// Why a person must look at a case whose stimulus was an operator's to give.
const OPERATOR: &str = "the operator was asked to make the subject send, and nothing came: either nobody did, or the \
                        subject did not send; look, and run the case again";

/// Only the operator knows whether he acted: what did not come then is no finding against the subject.
fn waited_for_operator(attempt: &Attempt) -> bool {
    attempt.prompted.as_deref() == Some("operator")
        && !attempt.exchanges.iter().any(|exchange| exchange.side == Side::Subject)
}

/// A hook that was to change the subject and did not leaves nothing to judge.
fn not_driven(attempt: &Attempt) -> Option<String> {
    let drives = |name: &str| matches!(name, "restart" | revocation::LOADS | "send" | "submit" | "reply" | "pull");
    let failed = attempt.hooks.iter().find(|hook| !hook.success && drives(&hook.name))?;
    Some(failed.failure())
}

impl Judged {
    fn take(&mut self, judge: &Judge, case: &Case, check: &Check, outcome: Outcome) {
        match outcome {
            _ if judge.forced.as_ref() == Some(&check.name) => {}
            Outcome::Holds => {}
            Outcome::Improvable(deviation) => {
                self.findings.push(finding(judge, case, check, *deviation, Some(Level::Should)));
                self.raise(Verdict::Warn);
            }
            Outcome::Broken(deviations) => {
                for deviation in deviations {
                    let found = finding(judge, case, check, deviation, None);
                    self.raise(Verdict::of_broken(found.level));
                    self.findings.push(found);
                }
            }
            Outcome::Unclear(reason) => {
                self.raise(Verdict::Inconclusive);
                self.reason.get_or_insert(reason);
            }
        }
    }

    /// Where no message came, what a case says of messages mends nothing.
    fn say_how_it_is_made_to_send(&mut self, attempt: &Attempt) {
        let fix = match attempt.prompted.as_deref() {
            Some("business") => {
                "Answer the document that obliges the subject to (the sample of subject.toml) with a message to the suite; \
                 or claim no pack in the ICS, and give hooks.send."
            }
            Some("hook") => "See why hooks.send succeeds and the subject sends nothing to the suite's endpoint.",
            _ => return,
        };
        for finding in self.findings.iter_mut().filter(|finding| finding.check.starts_with("await.")) {
            fix.clone_into(&mut finding.fix);
        }
    }

    fn raise(&mut self, verdict: Verdict) {
        if verdict.rank() > self.verdict.rank() {
            self.verdict = verdict;
        }
    }
}

fn finding(judge: &Judge, case: &Case, check: &Check, deviation: Deviation, at_most: Option<Level>) -> Finding {
    let (requirement, aside) = requirement(case, check);
    let row = judge.catalogue.requirements.get(&requirement);
    let mut level = check.level.unwrap_or(case.level).min(case.level);
    if let Some(row) = row {
        level = level.min(row.level);
        if row.source == "carnet" {
            level = level.min(Level::Should);
        }
    }
    if let Some(at_most) = at_most {
        level = level.min(at_most);
    }
    Finding {
        check: check.name.clone(),
        requirement,
        level,
        expected: deviation.expected,
        actual: deviation.actual,
        // A case says how to mend what it is about, not what else was seen on the way.
        fix: match row {
            Some(row) if aside => row.fix.clone().unwrap_or_else(|| row.statement.clone()),
            _ => case.explain.fix.clone(),
        },
        events: deviation.events,
        range: deviation.range,
        xpath: deviation.xpath,
    }
}

/// The requirement a check stands for: the one it names with `with.requirement`, else the case's first. Says whether
/// it is another than those the case verifies.
fn requirement(case: &Case, check: &Check) -> (RequirementId, bool) {
    let named = check.with.get("requirement").and_then(|name| RequirementId::try_from(name.clone()).ok());
    if let Some(named) = named {
        let aside = !case.verifies.contains(&named);
        return (named, aside);
    }
    // A case verifies at least one requirement, or it does not load.
    (case.verifies.first().cloned().unwrap_or_else(RequirementId::unknown), false)
}

/// A message of the subject that a step waited for did not come: that is a finding by itself.
fn awaited_in_vain(case: &Case, attempt: &Attempt) -> bool {
    let awaited = |step: &usize| case.step.get(*step).and_then(|step| step.awaits) == Some(Awaited::Message);
    let pulled = |exchange: &Exchange| match case.step.get(exchange.step).and_then(|step| step.send.as_ref()) {
        Some(send) if send.pull => !matches!(exchange.answer(), Answer::Message(_)),
        _ => false,
    };
    if attempt.exchanges.iter().any(pulled) {
        return true;
    }
    attempt.waits.iter().any(|(step, (_, arrived))| awaited(step) && !arrived)
}

/// A subject that is not there is no subject that fails.
fn unreachable(judge: &Judge, attempt: &Attempt) -> Option<String> {
    let never = attempt.exchanges.iter().filter(|exchange| exchange.side == Side::Suite);
    let mut reasons = never.map(|exchange| match exchange.answer() {
        unreachable @ Answer::Unreachable(..) => Some(unreachable.describe()),
        _ => None,
    });
    let first = reasons.next()??;
    let url = &judge.subject.url;
    let reason = format!("the subject could not be reached at {url}: {first}; `carnet doctor` finds the cause");
    reasons.all(|reason| reason.is_some()).then_some(reason)
}
