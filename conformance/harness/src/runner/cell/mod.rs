//! Carries out one execution of one cell, step by step. It decides nothing: it does, and writes down.

mod build;
mod discovery;
mod observe;
pub(crate) mod pull;
mod terms;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use carnet_catalogue::case::Case;
use carnet_catalogue::matrix::Cell;
use carnet_catalogue::step::{Action, Answer, Awaited, Connect, FaultKind, Listen, Over, Prompt, Send, Step};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::budget::Budget;
use super::dial::Dial;
use super::exchange::{Exchange, Until, exchange};
use super::hub::{Face, Hub, Room, Scripted};
use super::line;
use super::operator::Operator;
use super::pace::Pace;
use super::publisher::Publisher;
use super::stop::Stop;
use super::values::Values;
use crate::evidence::{BlobRef, Kind, Purpose, Sink};
use crate::forge;
use crate::fresh::{Fresh, Origin};
use crate::plan;
use crate::setup::Setup;
use crate::tls;
use pull::Owners;

/// What carries a cell out.
#[derive(Debug)]
pub(crate) struct Runner {
    pub(crate) setup: Arc<Setup>,
    pub(crate) hub: Arc<Hub>,
    /// Where the subject reaches the suite, with the port that was bound; empty where nobody listens.
    pub(crate) endpoint: String,
    pub(crate) publisher: Option<Arc<Publisher>>,
    pub(crate) budget: Arc<Budget>,
    pub(crate) patience: f64,
    pub(crate) origin: Origin,
    pub(crate) prompt: Option<Operator>,
    pub(crate) pace: Pace,
    pub(crate) owners: Owners,
}

/// A cell while it runs.
struct Running<'r> {
    runner: &'r Runner,
    case: &'r Case,
    cell: &'r Cell,
    sink: Sink,
    fresh: Fresh,
    values: Values,
    sent: BTreeMap<String, Sent>,
    sent_ids: Vec<String>,
    /// MessageIds that the subject gave to what a hook had it submit.
    submitted: Vec<String>,
    /// Envelopes of the subject's messages, by the step that pulled or awaited them.
    pulled: BTreeMap<String, String>,
    /// Envelopes that were pulled, each time.
    unsettled: Vec<String>,
    room: Arc<Room>,
    /// A request that goes out after the next one.
    later: Option<Exchange>,
    /// Connections that are held open while the case goes on.
    held: JoinSet<()>,
    over: watch::Sender<bool>,
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
        let agreed = self.setup.subject.agreed(case.agreement.as_deref());
        let fresh = self.origin.fresh(sink.scope.as_ref());
        let values = Values::new(&self.setup, &self.endpoint, cell, agreed, &fresh);
        let conversation = values.value("fresh.conversation").unwrap_or_default().to_owned();
        let room = self.hub.open(sink.clone(), &conversation);
        let mut running = Running {
            runner: self,
            case,
            cell,
            sink,
            fresh,
            values,
            sent: BTreeMap::new(),
            sent_ids: Vec::new(),
            submitted: Vec::new(),
            pulled: BTreeMap::new(),
            unsettled: Vec::new(),
            room,
            later: None,
            held: JoinSet::new(),
            over: watch::Sender::new(false),
        };
        if case.pulls() > 0
            && let Err(reason) = running.empty_channel().await
        {
            running.sink.event(None, None, Kind::Broken { reason });
        }
        for index in 0..case.step.len() {
            running.room.at_step(index);
            running.sink.event(Some(index), None, Kind::Step);
            if let Err(stop) = running.step(index).await {
                running.sink.event(Some(index), None, stop.kind());
                break;
            }
        }
        if let Err(reason) = running.receipt_what_was_pulled().await {
            running.sink.event(None, None, Kind::Broken { reason });
        }
        running.over.send_replace(true);
        while running.held.join_next().await.is_some() {}
        if case.step.iter().any(|step| step.listen.is_some()) {
            self.hub.show_own();
        }
        if let Some(publisher) = &self.publisher {
            publisher.forget(running.receiver());
        }
        self.hub.close(&running.room);
        running.sink.event(None, None, Kind::End);
    }
}

impl Running<'_> {
    async fn step(&mut self, index: usize) -> Result<(), Stop> {
        let step = self.case.step.get(index).ok_or("the step is gone")?;
        let step = self.values.step(step)?;
        match step.action()? {
            Action::Send(send) => self.send(index, &step, send).await,
            Action::Connect(connect) => Ok(self.connect(index, &step, connect).await?),
            Action::Answer(answer) => self.script(index, &step, answer),
            Action::Offer(send) => self.offer(&step, send),
            Action::Publish(publish) => self.publish(&step, publish),
            Action::Await(awaited @ (Awaited::Message | Awaited::Receipt | Awaited::Pull | Awaited::Nothing)) => {
                if !self.case.comes_by_itself(index, awaited) {
                    // What came on the same connection was read when the request was sent.
                    return Ok(());
                }
                let arrived = self.arrives(awaited, index, &step).await;
                self.sink.event(Some(index), None, Kind::Waited { arrived });
                if let (true, Some(name), Some(mrn)) = (arrived, &step.name, self.room.mrn()) {
                    self.values.set(&format!("step.{name}.mrn"), &mrn);
                }
                if let (true, Some(name), Some(envelope)) = (arrived, &step.name, self.room.envelope()) {
                    self.pulled.insert(name.clone(), envelope);
                }
                Ok(())
            }
            Action::Await(Awaited::Connection) => {
                let arrived = self.room.next_attempt(self.timing().push(&step)).await;
                let since = self.case.awaited_from(index).map(|(since, _)| since);
                self.room.next(Awaited::Connection, index, since, Duration::ZERO).await;
                self.sink.event(Some(index), None, Kind::Waited { arrived });
                Ok(())
            }
            // Answers on the same connection were read when the request was sent.
            Action::Await(_) => Ok(()),
            Action::Hook(name) => Ok(self.hook(index, &step, name).await?),
            Action::Prompt(Prompt::Push) => self.prompt(index, &step).await,
            Action::Prompt(prompt) => self.drive(index, &step, prompt).await,
            Action::Restart => self.restart(index).await,
            Action::Wait(wait) => {
                tokio::time::sleep(self.timing().wait(wait)).await;
                Ok(())
            }
            Action::Listen(listen) => Ok(self.listen(index, &step, listen)?),
        }
    }

    /// Waits for what a step awaits. The time in which nothing may come begins when the subject has what it acts on, and
    /// what it opened a connection for in that time is heard out.
    async fn arrives(&self, awaited: Awaited, index: usize, step: &Step) -> bool {
        let since = self.case.awaited_from(index).map(|(since, _)| since);
        let within = self.timing().push(step);
        if awaited != Awaited::Nothing {
            return self.room.next(awaited, index, since, within).await;
        }
        let asks = self.case.step.iter().any(|step| step.publish.is_some());
        self.room.answered(asks, self.timing().acts()).await;
        if self.room.next(awaited, index, since, within).await {
            return true;
        }
        self.runner.hub.heard(within).await;
        self.room.next(awaited, index, since, Duration::ZERO).await
    }

    fn script(&self, index: usize, step: &Step, answer: &Answer) -> Result<(), Stop> {
        let forge = self.values.forge(&step.forge)?;
        let fault = step.fault.clone().map(|fault| (fault, self.seed(index)));
        let (speaker, sign) = (step.speaker.clone(), step.sign.clone());
        self.room.script(Scripted { answer: answer.clone(), speaker, sign, forge, fault });
        Ok(())
    }

    fn listen(&self, index: usize, step: &Step, listen: &Listen) -> Result<(), String> {
        let fault = step.fault.as_ref().map(|fault| (fault.kind, self.seed(index)));
        let face = Face::of(&self.runner.setup, listen, fault, &self.room)?;
        let chain: Vec<BlobRef> = face.chain().iter().map(|certificate| self.sink.blob(certificate)).collect();
        let (versions, suites) = (listen.versions.clone(), listen.suites.clone());
        self.sink.event(Some(index), None, Kind::Face { accepts: listen.accept, chain, versions, suites });
        self.runner.hub.show(face);
        Ok(())
    }

    /// What decides, in this step, where a fault strikes.
    fn seed(&self, index: usize) -> u64 {
        line::seed(self.runner.origin.seed, &self.sink.case(), &self.cell.name(), index)
    }

    async fn send(&mut self, index: usize, step: &Step, send: &Send) -> Result<(), Stop> {
        if send.pull {
            return self.pull(index, step, send).await;
        }
        let sent = match &send.again {
            Some(name) => {
                let mut earlier = self.sent.get(name).cloned().ok_or_else(|| format!("step {name} sent nothing"))?;
                let edits = self.values.forge(&step.forge)?;
                earlier.bytes = forge::again(&earlier.bytes, &edits).map_err(|error| error.to_string())?;
                earlier
            }
            None => self.build(step, send)?,
        };
        self.runner.hub.also(&self.room, &sent.message_id);
        self.sent_ids.push(sent.message_id.clone());
        self.remember(step, &sent);
        let tls = self.client_tls(step)?;
        let within = self.timing().answer(self.case, index, step);
        Ok(self.exchange(index, step, sent.bytes, Dial::new(tls, within), Until::Http).await?)
    }

    /// Sends bytes as the step's fault has it: now, later, or beside what follows.
    async fn exchange(
        &mut self,
        index: usize,
        step: &Step,
        bytes: Vec<u8>,
        dial: Dial,
        until: Until,
    ) -> Result<(), String> {
        let (bytes, fault) = match &step.fault {
            Some(fault) => {
                let (bytes, ready) = line::ready(bytes, fault, self.seed(index))?;
                (bytes, Some(ready))
            }
            None => (bytes, None),
        };
        let within = dial.within;
        let plan = Exchange { step: index, bytes, dial, fault, until, within };
        match fault.map(|fault| fault.kind) {
            Some(FaultKind::Reorder) => self.later = Some(plan),
            Some(FaultKind::HalfOpen) => {
                self.runner.pace.turn().await;
                let (setup, sink) = (Arc::clone(&self.runner.setup), self.sink.clone());
                let (budget, over) = (Arc::clone(&self.runner.budget), self.over.subscribe());
                self.held.spawn(async move {
                    exchange(&setup, &sink, &budget, &plan, over).await;
                });
            }
            _ => {
                self.carry_out(&plan).await;
                if let Some(later) = self.later.take() {
                    self.carry_out(&later).await;
                }
            }
        }
        Ok(())
    }

    /// Sends, and gives what came back.
    async fn carry_out(&self, plan: &Exchange) -> Vec<u8> {
        self.runner.pace.turn().await;
        exchange(&self.runner.setup, &self.sink, &self.runner.budget, plan, self.over.subscribe()).await
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
        let within = self.timing().answer(self.case, index, step);
        let talks_http = bytes.starts_with(b"POST ") || bytes.starts_with(b"GET ") || bytes.starts_with(b"PUT ");
        let until = if talks_http { Until::Http } else { Until::End };
        self.exchange(index, step, bytes, Dial::new(tls, within), until).await
    }

    async fn prompt(&mut self, index: usize, step: &Step) -> Result<(), Stop> {
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
            let conversation = self.values.value("fresh.conversation").unwrap_or_default();
            let action = format!(
                "send one message from {} to party {} at {}, with ConversationId {conversation}",
                setup.subject.name,
                setup.subject.suite.party.id,
                setup.suite_url().unwrap_or_default()
            );
            self.sink.event(Some(index), None, prompted("operator"));
            let what = "make the subject send";
            return operator.ask(what, &action, self.timing().operator()).await.map_err(Stop::Declined);
        }
        self.sink.event(Some(index), None, prompted("nothing"));
        Ok(())
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
}
