//! How long each step waits at most: from the case, the ICS and the operator's patience. The runner waits by it, the
//! plan adds it up.

use std::time::Duration;

use carnet_catalogue::Ics;
use carnet_catalogue::case::Case;
use carnet_catalogue::step::{Action, Awaited, HookName, NamedWait, Step, Wait};

/// A hook gets this long.
const HOOK: Duration = Duration::from_secs(30);
/// An operator gets this long to do what is asked.
const OPERATOR: Duration = Duration::from_secs(600);

/// Waiting times of one run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timing<'i> {
    /// What the subject claims.
    pub(crate) ics: &'i Ics,
    /// Every time is multiplied by this.
    pub(crate) patience: f64,
}

impl Timing<'_> {
    /// How long the answer on the same connection is waited for: what the ICS says, or longer where the next `await` does.
    pub(crate) fn answer(&self, case: &Case, index: usize, step: &Step) -> Duration {
        let awaiting = case
            .step
            .get(index + 1)
            .filter(|next| next.awaits.is_some_and(|awaited| !case.comes_by_itself(index + 1, awaited)));
        let said = step.within.or_else(|| awaiting.and_then(|next| next.within));
        said.map_or(self.ics.answer_within.0, |said| said.0.max(self.ics.answer_within.0)).mul_f64(self.patience)
    }

    /// How long a push is waited for: as long as the subject may take, or longer where the step says so. For how long
    /// nothing may come is the step's to say.
    pub(crate) fn push(&self, step: &Step) -> Duration {
        let quiet = self.ics.reception_awareness.retry_interval.0 * 2 + Duration::from_millis(200);
        match (step.within, step.awaits) {
            (Some(within), Some(Awaited::Nothing)) => within.stretched(self.patience),
            (None, Some(Awaited::Nothing)) => quiet.mul_f64(self.patience),
            (Some(within), _) => within.stretched(self.patience).max(self.acts()),
            (None, _) => self.acts(),
        }
    }

    /// How long the subject may take to act by itself: the longer of the business time and one retry.
    pub(crate) fn acts(&self) -> Duration {
        let awareness = self.ics.reception_awareness;
        let retry = awareness.retry_interval.0 * 2 + awareness.answer_timeout.0;
        self.ics.business_within.0.max(retry).mul_f64(self.patience)
    }

    /// How long a `wait` takes.
    pub(crate) fn wait(&self, wait: Wait) -> Duration {
        let awareness = self.ics.reception_awareness;
        match wait {
            Wait::Span(span) => span.stretched(self.patience),
            Wait::Named(NamedWait::BusinessWithin) => self.ics.business_within.stretched(self.patience),
            Wait::Named(NamedWait::RetryInterval) => (awareness.retry_interval.0 * 3 / 2).mul_f64(self.patience),
            Wait::Named(NamedWait::AllRetries) => ((awareness.retry_interval.0 + awareness.answer_timeout.0)
                * (awareness.retry_count + 1))
                .mul_f64(self.patience),
        }
    }

    /// How long the answer to what the suite sends in its own name is waited for.
    pub(crate) fn aside(&self) -> Duration {
        self.ics.answer_within.stretched(self.patience)
    }

    /// How long messages that others left are taken out of a channel; what is begun then is finished.
    pub(crate) fn emptying(&self) -> Duration {
        self.aside() * 2
    }

    /// How long it takes, by the subject's claims, until each of its messages has come to rest; half a minute at most.
    pub(crate) fn rest(&self) -> Duration {
        let awareness = self.ics.reception_awareness;
        let all = (awareness.retry_interval.0 + awareness.answer_timeout.0) * (awareness.retry_count + 1);
        all.mul_f64(self.patience).min(Duration::from_secs(30))
    }

    /// How long one call of a hook may take.
    pub(crate) fn hook(&self) -> Duration {
        HOOK.mul_f64(self.patience.max(0.1))
    }

    /// How long a hook that observes is asked again.
    pub(crate) fn observe(&self, step: &Step, notified: bool) -> Duration {
        let awareness = self.ics.reception_awareness;
        let default = if notified {
            (awareness.retry_interval.0 + awareness.answer_timeout.0) * 3
        } else {
            Duration::from_secs(3)
        };
        step.within.map_or(default, |within| within.0).mul_f64(self.patience)
    }

    /// How long an operator may take.
    pub(crate) fn operator(&self) -> Duration {
        OPERATOR.mul_f64(self.patience.max(0.1))
    }

    /// The longest that a case can take; `operator` says that a person does what has no hook.
    pub(crate) fn case(&self, case: &Case, operator: bool) -> Duration {
        let person = if operator { self.operator() } else { Duration::ZERO };
        let step = |(index, step): (usize, &Step)| match step.action() {
            Ok(Action::Send(_) | Action::Connect(_)) => self.answer(case, index, step),
            Ok(Action::Await(Awaited::Nothing)) => self.acts() + self.push(step) * 2,
            Ok(Action::Await(awaited)) if case.comes_by_itself(index, awaited) => self.push(step),
            Ok(Action::Hook(name)) => self.observe(step, name == HookName::Notified) + self.hook() * 2,
            Ok(Action::Prompt(_)) => self.answer(case, index, step).max(self.hook()).max(person),
            Ok(Action::Restart) => self.hook().max(person),
            Ok(Action::Wait(wait)) => self.wait(wait),
            Ok(Action::Await(_) | Action::Answer(_) | Action::Offer(_) | Action::Publish(_) | Action::Listen(_))
            | Err(_) => Duration::ZERO,
        };
        let pulls = u32::try_from(case.pulls()).unwrap_or(u32::MAX);
        // One request and one receipt may be under way when the time for emptying is over; each pull may be receipted, and
        // what it gets may be another case's for as long as emptying takes.
        let around = self.emptying() + self.aside() * 2;
        let aside = if pulls == 0 { Duration::ZERO } else { around * (1 + pulls) + self.aside() * pulls };
        case.step.iter().enumerate().map(step).sum::<Duration>() + aside
    }
}
