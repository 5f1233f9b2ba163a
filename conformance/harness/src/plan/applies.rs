//! Whether a case applies to a subject: what it claims, which identities there are, and by what means it is reached.

use carnet_catalogue::Step;
use carnet_catalogue::case::{Case, Role};
use carnet_catalogue::step::{Action, HookName, Prompt};
use carnet_catalogue::subject::Hook;
use carnet_certs::Authority;

use super::{Exclusion, Means};
use crate::setup::Setup;
use crate::verdict::Verdict;

/// Why a case does not apply to this subject, in words.
pub(super) fn not_applicable(case: &Case, setup: &Setup) -> Option<String> {
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
    if let Some(name) = case.agreement.as_deref().filter(|name| !setup.subject.agreements.contains_key(*name)) {
        return Some(format!("subject.toml has no [agreements.{name}]"));
    }
    case.step.iter().find_map(|step| unmet(step, setup))
}

fn unmet(step: &Step, setup: &Setup) -> Option<String> {
    let identities = [
        step.speaker.as_deref(),
        step.tls.as_ref().and_then(|tls| tls.identity.as_deref()),
        step.sign.as_ref().and_then(|sign| sign.identity.as_deref()),
        step.listen.as_ref().and_then(|listen| listen.identity.as_deref()),
        step.publish.as_ref().and_then(|publish| publish.certificate.as_deref()),
    ];
    if let Some(under) = step.under.filter(|under| setup.subject.exchange.terms(*under, false).is_none()) {
        return Some(format!("subject.toml has no [exchange.{}]", under.as_str()));
    }
    let pulls = step.send.as_ref().is_some_and(|send| send.pull || send.receipt_of.is_some());
    if (pulls || step.prompt == Some(Prompt::Pull)) && setup.subject.exchange.pull.is_none() {
        return Some("subject.toml has no [exchange.pull]".to_owned());
    }
    if step.publish.is_some() && setup.subject.exchange.discovery.is_none() {
        return Some("subject.toml has no [exchange.discovery]".to_owned());
    }
    for name in identities.into_iter().flatten() {
        let needs_ca = ["zoo:", "visitor", "publisher:"].iter().any(|ours| name.starts_with(ours));
        if needs_ca && setup.authority.is_none() {
            return Some("the suite has no test CA of its own here (suite.pki)".to_owned());
        }
        if needs_ca && !setup.subject.trust.subject_trusts_suite_ca {
            return Some("the subject does not trust the suite's test CA (trust.subject_trusts_suite_ca)".to_owned());
        }
        if name.starts_with("visitor") && setup.subject.exchange.dynamic.is_none() {
            return Some("subject.toml has no [exchange.dynamic]".to_owned());
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
pub(super) fn without_means(case: &Case, setup: &Setup) -> Option<Exclusion> {
    let hooks = &setup.subject.hooks;
    let mut needs: Vec<Means> = Vec::new();
    if case.role != Role::Responder && setup.subject.suite.listen.is_none() {
        needs.push(Means::Listen);
    }
    needs.extend(case.step.iter().filter_map(|step| match step.action().ok()? {
        Action::Prompt(Prompt::Push) => (!can_prompt(setup)).then_some(Means::Prompt),
        Action::Prompt(prompt) => (hook_for(prompt, setup).is_none() && !hooks.operator).then_some(match prompt {
            Prompt::Reply => Means::Reply,
            Prompt::Pull => Means::Pull,
            Prompt::Submit | Prompt::Push => Means::Submit,
        }),
        Action::Restart => (hooks.restart.is_none() && !hooks.operator).then_some(Means::Restart),
        Action::Hook(HookName::Delivered) => hooks.delivered.is_none().then_some(Means::Delivered),
        Action::Hook(HookName::Notified) => hooks.notified.is_none().then_some(Means::Notified),
        Action::Hook(HookName::LoadCrl) => {
            let loaded = hooks.load_crl.is_some() || setup.subject.trust.subject_loaded_crl;
            (!loaded && !publishes_lists(setup)).then_some(Means::LoadCrl)
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

/// Whether a subject can fetch the revocation lists: they are served, and the certificates say so. Whether it did, the judge
/// sees.
fn publishes_lists(setup: &Setup) -> bool {
    setup.subject.suite.lists.is_some() && setup.authority.as_ref().and_then(Authority::lists).is_some()
}

/// The hook that carries a prompt out, where there is one.
pub(super) fn hook_for(prompt: Prompt, setup: &Setup) -> Option<&Hook> {
    let hooks = &setup.subject.hooks;
    match prompt {
        Prompt::Push => hooks.send.as_ref(),
        Prompt::Submit => hooks.submit.as_ref(),
        Prompt::Reply => hooks.reply.as_ref(),
        Prompt::Pull => hooks.pull.as_ref(),
    }
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
