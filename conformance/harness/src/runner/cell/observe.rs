//! Runs hooks in a cell: what was delivered, what the producer was told, the revocation list, the restart.

use std::collections::BTreeSet;
use std::time::Duration;

use carnet_catalogue::matrix::Cell;
use carnet_catalogue::step::{HookName, Step};
use carnet_catalogue::subject::Hook;

use super::super::hook;
use super::super::stop::Stop;
use super::super::timing::Timing;
use super::super::values::Values;
use super::{Runner, Running};
use crate::evidence::Kind;
use crate::judge::LOADS;
use crate::judge::checks::{DELIVERED_ONCE, words};
use crate::root;
use crate::setup::Document;

impl Runner {
    /// What was delivered and what producers were told, as far as hooks list it.
    pub(crate) async fn list(&self) -> Vec<(&'static str, hook::Outcome)> {
        let hooks = &self.setup.subject.hooks;
        let fresh = self.origin.fresh(None);
        let agreement = &self.setup.subject.agreement;
        let values = Values::new(&self.setup, &self.endpoint, &Cell::default(), agreement, &fresh);
        let within = self.timing().hook();
        let mut listed = Vec::new();
        for (name, hook) in [("delivered", &hooks.delivered), ("notified", &hooks.notified)] {
            if let Some(hook) = hook {
                listed.push((name, hook::run(&self.setup, hook, &values, None, within).await));
            }
        }
        listed
    }

    /// How long messages may take to come to rest.
    pub(crate) fn rest(&self) -> Duration {
        self.timing().rest()
    }

    /// How long each step of a case waits.
    pub(super) fn timing(&self) -> Timing<'_> {
        Timing { ics: &self.setup.ics, patience: self.patience }
    }
}

impl Running<'_> {
    /// Runs the hook of a step.
    pub(super) async fn hook(&mut self, index: usize, step: &Step, name: HookName) -> Result<(), String> {
        let hooks = &self.runner.setup.subject.hooks;
        let (label, hook) = match name {
            HookName::Delivered => ("delivered", &hooks.delivered),
            HookName::Notified => ("notified", &hooks.notified),
            HookName::LoadCrl => (LOADS, &hooks.load_crl),
        };
        match (hook.clone(), name) {
            (Some(hook), HookName::LoadCrl) => drop(self.run_hook(index, label, &hook, None).await),
            (Some(hook), _) => self.observe(index, step, label, &hook).await,
            (None, HookName::LoadCrl) => {}
            (None, _) => return Err(format!("hooks.{label} is gone")),
        }
        Ok(())
    }

    /// Restarts the subject by its hook, else by the operator.
    pub(super) async fn restart(&self, index: usize) -> Result<(), Stop> {
        let setup = &self.runner.setup;
        if let Some(hook) = &setup.subject.hooks.restart {
            self.run_hook(index, "restart", hook, None).await;
            return Ok(());
        }
        let operator = self.runner.prompt.as_ref().ok_or("there is no hooks.restart and no operator")?;
        let action = format!("restart {}", setup.subject.name);
        operator.ask("restart the subject", &action, self.timing().operator()).await.map_err(Stop::Declined)?;
        let done = hook::Outcome { success: true, output: b"restarted by the operator".to_vec() };
        self.record_hook(index, "restart", &done);
        Ok(())
    }

    /// Asks again until each message is named that the case wants delivered, else one of the case's, for a while: delivery
    /// follows the receipt, it need not precede it. Then once more after a moment, so that a second delivery is seen too.
    /// The last answer is recorded.
    async fn observe(&self, index: usize, step: &Step, label: &str, hook: &Hook) {
        const PAUSE: Duration = Duration::from_millis(250);
        let within = self.timing().observe(step, label == "notified");
        let deadline = tokio::time::Instant::now() + within;
        let pulled = self.unsettled.iter().filter_map(|envelope| root::names(envelope).message_id);
        let own = self.sent_ids.iter().chain(&self.submitted).cloned();
        let ids: Vec<String> = self.room.ids().into_iter().chain(own).chain(pulled).collect();
        let wanted = if label == "delivered" { self.wanted() } else { Vec::new() };
        let mut last = self.ask(hook, None).await;
        loop {
            let output = String::from_utf8_lossy(&last.output).into_owned();
            let listed: BTreeSet<&str> = words(&output).collect();
            let is_listed = |id: &String| listed.contains(id.as_str());
            let named = last.success
                && if wanted.is_empty() { ids.iter().any(is_listed) } else { wanted.iter().all(is_listed) };
            if named || tokio::time::Instant::now() >= deadline {
                break;
            }
            tokio::time::sleep(PAUSE).await;
            last = self.ask(hook, None).await;
        }
        tokio::time::sleep(PAUSE).await;
        let last = self.ask(hook, None).await;
        self.record_hook(index, label, &last);
    }

    /// The MessageIds that the case's checks want delivered, as far as the suite sent them itself.
    fn wanted(&self) -> Vec<String> {
        let checks = self.case.check.iter().filter(|check| check.name == DELIVERED_ONCE);
        let sent = checks.filter_map(|check| self.sent.get(check.with.get("of")?));
        sent.map(|sent| sent.message_id.clone()).collect()
    }

    /// Runs a hook and records what it gave.
    pub(super) async fn run_hook(
        &self,
        index: usize,
        name: &str,
        hook: &Hook,
        document: Option<&Document>,
    ) -> hook::Outcome {
        let outcome = self.ask(hook, document).await;
        self.record_hook(index, name, &outcome);
        outcome
    }

    async fn ask(&self, hook: &Hook, document: Option<&Document>) -> hook::Outcome {
        let within = self.timing().hook();
        hook::run(&self.runner.setup, hook, &self.values, document, within).await
    }

    fn record_hook(&self, index: usize, name: &str, outcome: &hook::Outcome) {
        let output = self.sink.blob(&outcome.output);
        self.sink.event(Some(index), None, Kind::Hook { name: name.to_owned(), success: outcome.success, output });
    }
}
