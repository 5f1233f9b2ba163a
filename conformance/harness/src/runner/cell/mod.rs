//! Carries out one execution of one cell, step by step. It decides nothing: it does, and writes down.

mod build;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use carnet_catalogue::case::Case;
use carnet_catalogue::matrix::Cell;
use carnet_catalogue::step::{Action, Awaited, Connect, HookName, NamedWait, Over, Send, Step, Wait};
use carnet_catalogue::subject::Hook;

use super::exchange::{Exchange, Until, exchange};
use super::hook;
use super::hub::{Hub, Room, Scripted};
use super::line::Dial;
use super::values::Values;
use crate::evidence::{Kind, Purpose, Sink};
use crate::line::{ClientTls, TlsVersion};
use crate::plan;
use crate::setup::{Document, Setup};
use crate::tls;

/// What carries a cell out.
#[derive(Debug)]
pub(crate) struct Runner {
    pub(crate) setup: Arc<Setup>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) patience: f64,
    pub(crate) prompt: Option<super::Operator>,
}

/// A cell while it runs.
struct Running<'r> {
    runner: &'r Runner,
    case: &'r Case,
    cell: &'r Cell,
    sink: Sink,
    values: Values,
    sent: BTreeMap<String, Sent>,
    sent_ids: Vec<String>,
    room: Arc<Room>,
}

#[derive(Debug, Clone)]
struct Sent {
    bytes: Vec<u8>,
    message_id: String,
    conversation: String,
}

impl Runner {
    /// Carries out one execution.
    pub(crate) async fn run(&self, case: &Case, cell: &Cell, sink: Sink, purpose: Purpose) {
        sink.event(None, None, Kind::Begin { purpose });
        let values = Values::new(&self.setup, cell);
        let conversation = values.value("fresh.conversation").unwrap_or_default().to_owned();
        let room = self.hub.open(sink.clone(), &conversation);
        let mut running =
            Running { runner: self, case, cell, sink, values, sent: BTreeMap::new(), sent_ids: Vec::new(), room };
        for index in 0..case.step.len() {
            running.room.at_step(index);
            running.sink.event(Some(index), None, Kind::Step);
            if let Err(reason) = running.step(index).await {
                running.sink.event(Some(index), None, Kind::Broken { reason });
                break;
            }
        }
        if case.step.iter().any(|step| step.listen.is_some()) {
            self.hub.accepts(true);
        }
        self.hub.close(&running.room);
        running.sink.event(None, None, Kind::End);
    }
}

impl Running<'_> {
    async fn step(&mut self, index: usize) -> Result<(), String> {
        let step = self.case.step.get(index).ok_or("the step is gone")?;
        let step = self.values.step(step)?;
        match step.action()? {
            Action::Send(send) => self.send(index, &step, send).await,
            Action::Connect(connect) => self.connect(index, &step, connect).await,
            Action::Answer(answer) => {
                let forge = self.values.forge(&step.forge)?;
                let (speaker, sign) = (step.speaker.clone(), step.sign.clone());
                self.room.script(Scripted { answer: answer.clone(), speaker, sign, forge });
                Ok(())
            }
            Action::Await(Awaited::Message) => {
                let arrived = self.room.next(self.push_within(&step)).await;
                self.sink.event(Some(index), None, Kind::Waited { arrived });
                if let (true, Some(name), Some(mrn)) = (arrived, &step.name, self.room.mrn()) {
                    self.values.set(&format!("step.{name}.mrn"), &mrn);
                }
                Ok(())
            }
            Action::Await(Awaited::Nothing) => {
                let arrived = self.room.next(self.push_within(&step)).await;
                self.sink.event(Some(index), None, Kind::Waited { arrived });
                Ok(())
            }
            // Answers on the same connection were read when the request was sent.
            Action::Await(_) => Ok(()),
            Action::Hook(name) => self.hook(index, &step, name).await,
            Action::Prompt(_) => self.prompt(index, &step).await,
            Action::Restart => {
                let hook = self.runner.setup.subject.hooks.restart.clone().ok_or("hooks.restart is gone")?;
                self.run_hook(index, "restart", &hook, None).await;
                Ok(())
            }
            Action::Wait(wait) => {
                tokio::time::sleep(self.wait(wait)).await;
                Ok(())
            }
            Action::Listen(listen) => {
                self.runner.hub.accepts(listen.accept);
                Ok(())
            }
        }
    }

    async fn send(&mut self, index: usize, step: &Step, send: &Send) -> Result<(), String> {
        let sent = match &send.again {
            Some(name) => {
                let earlier = self.sent.get(name).cloned().ok_or_else(|| format!("step {name} sent nothing"))?;
                if !step.forge.is_empty() {
                    return Err("a repeated request cannot be forged".to_owned());
                }
                earlier
            }
            None => self.build(step, send)?,
        };
        self.runner.hub.also(&self.room, &sent.message_id);
        self.sent_ids.push(sent.message_id.clone());
        self.remember(step, &sent);
        let tls = self.client_tls(step)?;
        let within = self.answer_within(index, step);
        let plan = Exchange {
            step: index,
            bytes: &sent.bytes,
            dial: Dial { tls, reset: resets(step), within },
            fault: step.fault.as_ref(),
            until: Until::Http,
            within,
        };
        exchange(&self.runner.setup, &self.sink, &plan).await;
        Ok(())
    }

    async fn connect(&mut self, index: usize, step: &Step, connect: &Connect) -> Result<(), String> {
        let mut bytes = match (&connect.hello, &connect.text, &connect.hex) {
            (Some(name), _, _) => tls::client_hello(name).ok_or_else(|| format!("there is no ClientHello {name:?}"))?,
            (None, Some(text), _) => text.clone().into_bytes(),
            (None, None, Some(hex)) => hex::decode(hex).map_err(|_| "connect.hex is not hexadecimal".to_owned())?,
            (None, None, None) => Vec::new(),
        };
        if let Some(zeros) = connect.zeros {
            bytes.resize(bytes.len() + usize::try_from(zeros).unwrap_or(usize::MAX), 0);
        }
        let plain = connect.over == Over::Tcp || connect.hello.is_some();
        let tls = if plain { None } else { self.client_tls(step)? };
        let within = self.answer_within(index, step);
        let talks_http = bytes.starts_with(b"POST ") || bytes.starts_with(b"GET ") || bytes.starts_with(b"PUT ");
        let plan = Exchange {
            step: index,
            bytes: &bytes,
            dial: Dial { tls, reset: resets(step), within },
            fault: step.fault.as_ref(),
            until: if talks_http { Until::Http } else { Until::End },
            within,
        };
        exchange(&self.runner.setup, &self.sink, &plan).await;
        Ok(())
    }

    async fn prompt(&mut self, index: usize, step: &Step) -> Result<(), String> {
        let setup = Arc::clone(&self.runner.setup);
        let prompted = |by: &str| Kind::Prompted { by: by.to_owned() };
        if plan::obliges(&setup) {
            self.sink.event(Some(index), None, prompted("business"));
            return self.send(index, step, &Send { sample: true, ..Send::default() }).await;
        }
        if let Some(hook) = &setup.subject.hooks.send {
            self.sink.event(Some(index), None, prompted("hook"));
            let document = setup.sample(&self.fresh_facts()).ok();
            self.run_hook(index, "send", hook, document.as_ref()).await;
            return Ok(());
        }
        if let Some(operator) = &self.runner.prompt {
            self.sink.event(Some(index), None, prompted("operator"));
            let conversation = self.values.value("fresh.conversation").unwrap_or_default();
            operator.ask(&format!(
                "Send one message from the subject to party {} at {}, with ConversationId {conversation}",
                setup.subject.suite.party.id,
                setup.suite_url().unwrap_or_default()
            ));
            return Ok(());
        }
        self.sink.event(Some(index), None, prompted("nothing"));
        Ok(())
    }

    async fn hook(&mut self, index: usize, step: &Step, name: HookName) -> Result<(), String> {
        let hooks = &self.runner.setup.subject.hooks;
        let (label, hook) = match name {
            HookName::Delivered => ("delivered", &hooks.delivered),
            HookName::Notified => ("notified", &hooks.notified),
            HookName::LoadCrl => ("load-crl", &hooks.load_crl),
        };
        match (hook.clone(), name) {
            (Some(hook), HookName::LoadCrl) => self.run_hook(index, label, &hook, None).await,
            (Some(hook), _) => self.observe(index, step, label, &hook).await,
            (None, HookName::LoadCrl) => {}
            (None, _) => return Err(format!("hooks.{label} is gone")),
        }
        Ok(())
    }

    /// Asks again until one of this case's messages is named, for a while: delivery follows the receipt, it need not
    /// precede it. Then once more after a moment, so that a second delivery is seen too. The last answer is recorded.
    async fn observe(&self, index: usize, step: &Step, label: &str, hook: &Hook) {
        const PAUSE: Duration = Duration::from_millis(250);
        let awareness = self.runner.setup.ics.reception_awareness;
        let default = match label {
            "notified" => (awareness.retry_interval.0 + awareness.answer_timeout.0) * 3,
            _ => Duration::from_secs(3),
        };
        let within = step.within.map_or(default, |within| within.0).mul_f64(self.runner.patience);
        let deadline = tokio::time::Instant::now() + within;
        let ids: Vec<String> = self.room.ids().into_iter().chain(self.sent_ids.iter().cloned()).collect();
        let mut last = self.ask(hook, None).await;
        loop {
            let output = String::from_utf8_lossy(&last.output).into_owned();
            let named = last.success && ids.iter().any(|id| output.contains(id.as_str()));
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

    async fn run_hook(&self, index: usize, name: &str, hook: &Hook, document: Option<&Document>) {
        let outcome = self.ask(hook, document).await;
        self.record_hook(index, name, &outcome);
    }

    async fn ask(&self, hook: &Hook, document: Option<&Document>) -> hook::Outcome {
        let within = Duration::from_secs(30).mul_f64(self.runner.patience.max(0.1));
        hook::run(&self.runner.setup, hook, &self.values, document, within).await
    }

    fn record_hook(&self, index: usize, name: &str, outcome: &hook::Outcome) {
        let output = self.sink.blob(&outcome.output);
        self.sink.event(Some(index), None, Kind::Hook { name: name.to_owned(), success: outcome.success, output });
    }

    fn remember(&mut self, step: &Step, sent: &Sent) {
        let Some(name) = &step.name else { return };
        self.values.set(&format!("step.{name}.message-id"), &sent.message_id);
        self.values.set(&format!("step.{name}.conversation"), &sent.conversation);
        let lrn = step.send.as_ref().and_then(|send| send.set.get("lrn").cloned());
        let lrn = lrn.unwrap_or_else(|| self.values.value("fresh.lrn").unwrap_or_default().to_owned());
        self.values.set(&format!("step.{name}.lrn"), &lrn);
        self.values.set(&format!("step.{name}.business-id"), &lrn);
        self.sent.insert(name.clone(), sent.clone());
    }

    fn client_tls(&self, step: &Step) -> Result<Option<ClientTls>, String> {
        let setup = &self.runner.setup;
        if !setup.address.tls {
            return Ok(None);
        }
        let choice = step.tls.clone().unwrap_or_default();
        let name = choice.identity.as_deref().or(step.speaker.as_deref()).unwrap_or("partner");
        let mut versions = choice.versions;
        if versions.is_empty()
            && let Some(version) = self.cell.values.get("tls")
        {
            versions.push(version.clone());
        }
        let versions = versions
            .iter()
            .map(|version| {
                TlsVersion::from_text(version)
                    .ok_or_else(|| format!("got tls version {version:?}, expected 1.2 or 1.3"))
            })
            .collect::<Result<_, _>>()?;
        Ok(Some(ClientTls {
            identity: setup.identity(name, "tls")?,
            versions,
            suites: choice.suites,
            server_name: choice.server_name.unwrap_or_else(|| setup.address.host.clone()),
        }))
    }

    /// How long the answer on the same connection is waited for: what the next `await` says, else the ICS.
    fn answer_within(&self, index: usize, step: &Step) -> Duration {
        let next = self.case.step.get(index + 1);
        let awaiting = next
            .filter(|next| next.awaits.is_some_and(|awaited| !matches!(awaited, Awaited::Message | Awaited::Nothing)));
        let said = step.within.or_else(|| awaiting.and_then(|next| next.within));
        said.unwrap_or(self.runner.setup.ics.answer_within).stretched(self.runner.patience)
    }

    /// How long a push is waited for: what the step says, else the longer of the business time and one retry.
    fn push_within(&self, step: &Step) -> Duration {
        let ics = &self.runner.setup.ics;
        let awareness = ics.reception_awareness;
        let retry = awareness.retry_interval.0 * 2 + awareness.answer_timeout.0;
        let quiet = awareness.retry_interval.0 * 2 + Duration::from_millis(200);
        match (step.within, step.awaits) {
            (Some(within), _) => within.stretched(self.runner.patience),
            (None, Some(Awaited::Nothing)) => quiet.mul_f64(self.runner.patience),
            _ => ics.business_within.0.max(retry).mul_f64(self.runner.patience),
        }
    }

    fn wait(&self, wait: Wait) -> Duration {
        let awareness = self.runner.setup.ics.reception_awareness;
        let patience = self.runner.patience;
        match wait {
            Wait::Span(span) => span.stretched(patience),
            Wait::Named(NamedWait::RetryInterval) => (awareness.retry_interval.0 * 3 / 2).mul_f64(patience),
            Wait::Named(NamedWait::AllRetries) => ((awareness.retry_interval.0 + awareness.answer_timeout.0)
                * (awareness.retry_count + 1))
                .mul_f64(patience),
        }
    }
}

fn resets(step: &Step) -> bool {
    step.fault.as_ref().is_some_and(|fault| fault.kind == carnet_catalogue::step::FaultKind::ResetAfter)
}
