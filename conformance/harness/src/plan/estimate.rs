//! What a plan comes to before anything is sent: executions, messages, connections, the longest time.

use std::collections::BTreeMap;
use std::time::Duration;

use carnet_catalogue::case::{Case, Role};
use carnet_catalogue::step::{Action, Awaited, FaultKind, Prompt, Step};

use super::applies::hook_for;
use super::{Means, Plan, Planned, Schedule, obliges, runs_alone, schedule};
use crate::RunOptions;
use crate::runner::{LEFT, Timing, WAITING};
use crate::setup::Setup;

/// The sums of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Estimate {
    /// Cells of the plan.
    pub planned: usize,
    /// Cells that will be carried out.
    pub attempted: usize,
    /// Cells that will not, by verdict and reason, with their names.
    pub excluded: BTreeMap<(String, String), Vec<String>>,
    /// Cells that will not for want of some means.
    pub means: BTreeMap<Means, Vec<String>>,
    /// Executions, controls included, when nothing fails.
    pub executions: usize,
    /// What the suite will send when nothing fails, by what it is.
    pub messages: BTreeMap<String, usize>,
    /// Connections that carry no message, when nothing fails.
    pub connections: usize,
    /// Messages that the subject will be made to send, when nothing fails.
    pub prompted: usize,
    /// Messages and connections when every cell fails and is repeated: never more than this.
    pub most: usize,
    /// How often a person will be asked to act.
    pub asked: usize,
    /// The run ends within this, whatever the subject does.
    pub longest: Duration,
}

impl Estimate {
    /// All messages that the suite will send when nothing fails.
    #[must_use]
    pub fn sent(&self) -> usize {
        self.messages.values().sum()
    }
}

/// Adds a plan up.
#[must_use]
pub fn estimate(options: &RunOptions, plan: &Plan) -> Estimate {
    let catalogue = &options.catalogue;
    let mut estimate = Estimate { planned: plan.cells.len(), ..Estimate::default() };
    for cell in &plan.cells {
        match &cell.excluded {
            None => estimate.attempted += 1,
            Some(exclusion) => {
                let key = (exclusion.verdict.to_string(), exclusion.reason.clone());
                estimate.excluded.entry(key).or_default().push(cell.name());
                for means in &exclusion.needs {
                    estimate.means.entry(*means).or_default().push(cell.name());
                }
            }
        }
    }
    let order = schedule(plan, catalogue);
    estimate.add(options, &order);
    estimate
}

impl Estimate {
    fn add(&mut self, options: &RunOptions, order: &Schedule) {
        let repeat = options.repeat.max(1);
        let mut stages: Vec<(&[Planned], u32)> = vec![(&order.first, repeat), (&order.first_alone, repeat)];
        for batch in order.lanes.iter().flatten().chain(&order.alone) {
            stages.push((&batch.cells, repeat));
            stages.push((&batch.controls, 1));
        }
        for (cells, times) in stages {
            let mut stage = Stage::default();
            for cell in cells {
                let Some(case) = options.catalogue.cases.get(&cell.case) else { continue };
                self.executions += 1;
                let before = self.sent() + self.connections;
                for step in &case.step {
                    self.step(step, &options.setup);
                }
                self.around(case);
                let wires = self.sent() + self.connections - before + aside(case);
                self.most += wires * usize::try_from(times).unwrap_or(usize::MAX);
                stage.add(options, case, times);
            }
            self.longest += stage.longest(options.jobs.max(1));
        }
        let timing = Timing { ics: &options.setup.ics, patience: options.patience };
        // At the end of a run what the hooks list is read again and again, until everything has come to rest.
        let hooks = &options.setup.subject.hooks;
        let lists = u32::from(hooks.delivered.is_some()) + u32::from(hooks.notified.is_some());
        self.longest +=
            if lists == 0 || self.executions == 0 { Duration::ZERO } else { timing.rest() + timing.hook() * lists };
        if let Some(rate) = options.rate {
            let wires = u32::try_from(self.most).unwrap_or(u32::MAX);
            self.longest += Duration::from_secs(1) / rate.max(1) * wires;
        }
    }

    /// What the suite sends around a case that pulls: requests until the channel is empty, so with what a case left there
    /// that is not meant to get it, and a receipt for each message that was pulled.
    fn around(&mut self, case: &Case) {
        if case.pulls() == 0 {
            return;
        }
        let queued = case.step.iter().filter(|step| step.prompt == Some(Prompt::Submit)).count();
        let taken = case.step.iter().any(|step| step.awaits == Some(Awaited::Message));
        let requests = 1 + if taken { 0 } else { queued };
        *self.messages.entry("pull request, to leave no message to the next case".to_owned()).or_default() += requests;
        *self.messages.entry("receipt, for what was pulled".to_owned()).or_default() += queued;
    }

    fn step(&mut self, step: &Step, setup: &Setup) {
        let operator = setup.subject.hooks.operator;
        let twice = step.fault.as_ref().is_some_and(|fault| fault.kind == FaultKind::Duplicate)
            || step.send.as_ref().is_some_and(|send| send.twice);
        let mut send = |what: String| *self.messages.entry(what).or_default() += if twice { 2 } else { 1 };
        match step.action() {
            Ok(Action::Send(message)) => {
                let what = match (&message.pack, &message.message, message.ping, message.sample) {
                    (Some(pack), Some(name), ..) => format!("{pack} {name}"),
                    (_, _, true, _) => "test message".to_owned(),
                    (_, _, _, true) => "the sample".to_owned(),
                    _ if message.pull => "pull request".to_owned(),
                    _ if message.receipt_of.is_some() => "receipt".to_owned(),
                    _ => "a message again".to_owned(),
                };
                send(if step.forge.is_empty() { what } else { format!("{what}, malformed") });
            }
            Ok(Action::Connect(_)) => self.connections += 1,
            Ok(Action::Prompt(Prompt::Push)) if obliges(setup) => {
                send("the sample".to_owned());
                self.prompted += 1;
            }
            Ok(Action::Prompt(prompt)) => {
                self.prompted += 1;
                self.asked += usize::from(hook_for(prompt, setup).is_none() && operator);
            }
            // The subject fetches it.
            Ok(Action::Offer(_)) => *self.messages.entry("the sample, to be pulled".to_owned()).or_default() += 1,
            Ok(Action::Restart) => self.asked += usize::from(setup.subject.hooks.restart.is_none() && operator),
            _ => {}
        }
    }
}

/// What the suite may send around a case beyond what it sends when nothing fails.
fn aside(case: &Case) -> usize {
    let pulls = case.pulls();
    if pulls == 0 { 0 } else { 2 * LEFT + pulls + pulls * 2 * (LEFT + 1) }
}

/// Cells side by side: those that work share the jobs, those that wait share a wider door. Others run one by one.
#[derive(Default)]
struct Stage {
    working: Vec<Duration>,
    waiting: Vec<Duration>,
    alone: Duration,
}

impl Stage {
    fn add(&mut self, options: &RunOptions, case: &Case, times: u32) {
        let timing = Timing { ics: &options.setup.ics, patience: options.patience };
        let longest = timing.case(case, options.setup.subject.hooks.operator) * times;
        if runs_alone(case) || case.exclusive.of().is_some() {
            self.alone += longest;
        } else if case.role == Role::Responder {
            self.working.push(longest);
        } else {
            self.waiting.push(longest);
        }
    }

    /// No order of `n` workers takes longer than the sum divided among them and the longest one (Graham, 1966). Lanes share
    /// the workers, so that side by side they take no longer than one after the other.
    fn longest(&self, jobs: usize) -> Duration {
        let bound = |all: &[Duration], workers: usize| {
            let sum: Duration = all.iter().sum();
            let workers = u32::try_from(workers).unwrap_or(u32::MAX).max(1);
            sum / workers + all.iter().max().copied().unwrap_or_default()
        };
        bound(&self.working, jobs).max(bound(&self.waiting, WAITING)) + self.alone
    }
}
