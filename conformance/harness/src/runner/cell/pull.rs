//! Pulls from the subject, offers it what it is to pull, and leaves its channel as empty as it was found.
//!
//! What another case left in the channel is taken out before a case that pulls begins, and what the case itself pulled is
//! receipted when it is over: both in the run's own name, so that no case is judged by them. A message of another case
//! that comes all the same, because the subject hands it out again, is receipted and the pull request made anew.
//! Clauses: eDelivery AS4 1.15 section 1.5.5.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use carnet_catalogue::exchange::Under;
use carnet_catalogue::step::{Prompt, Send, Step};
use tokio::time::Instant;

use super::super::dial::Dial;
use super::super::exchange::{Exchange, Until, exchange};
use super::super::hook;
use super::super::hub::Offer;
use super::super::signer::Signer;
use super::super::stop::Stop;
use super::Running;
use crate::evidence::{Kind, Scope, Sink};
use crate::forge::{self, SignalDraft, Target};
use crate::judge::checks::message_ids;
use crate::root;

/// So many messages of others at most are taken out of a channel before a case begins, and as many when it pulls.
pub(crate) const LEFT: usize = 16;

/// Whose the messages are that the subject queues: of the execution that had them submitted or pulled them first, or of
/// none.
#[derive(Debug, Default)]
pub(crate) struct Owners(Mutex<HashMap<String, Option<Scope>>>);

impl Owners {
    /// Claims a message for an execution; false when it is another's already.
    fn claim(&self, message_id: &str, scope: Option<&Scope>) -> bool {
        let mut owners = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        owners.entry(message_id.to_owned()).or_insert_with(|| scope.cloned()).as_ref() == scope
    }
}

impl Running<'_> {
    /// Sends a pull request, or two at once, and keeps what comes.
    pub(super) async fn pull(&mut self, index: usize, step: &Step, send: &Send) -> Result<(), Stop> {
        let sent = self.build(step, send)?;
        self.remember(step, &sent);
        let tls = self.client_tls(step)?;
        let dial = Dial::new(tls, self.timing().answer(self.case, index, step));
        let within = dial.within;
        let mut plan = Exchange { step: index, bytes: sent.bytes, dial, fault: None, until: Until::Http, within };
        let answers = if send.twice {
            let other = Exchange { bytes: self.build(step, send)?.bytes, ..plan.clone() };
            let (one, two) = tokio::join!(self.carry_out(&plan), self.carry_out(&other));
            vec![one, two]
        } else {
            let until = Instant::now() + self.timing().emptying();
            let mut own = Vec::new();
            for _ in 0..=LEFT {
                let answer = self.carry_out(&plan).await;
                let Some(others) = self.others(&answer) else {
                    own.push(answer);
                    break;
                };
                self.receipt(&others).await?;
                if Instant::now() >= until {
                    break;
                }
                plan.bytes = self.build(step, send)?.bytes;
            }
            own
        };
        for envelope in answers.iter().filter_map(|answer| root::envelope_text(answer)) {
            if !root::signals(&envelope).user {
                continue;
            }
            if let Some(name) = &step.name {
                self.pulled.insert(name.clone(), envelope.clone());
            }
            self.unsettled.push(envelope);
        }
        Ok(())
    }

    /// The envelope of a message that is another case's.
    fn others(&self, answer: &[u8]) -> Option<String> {
        let envelope = root::envelope_text(answer)?;
        let (names, signals) = root::seen(&envelope);
        let own = |id: &String| self.runner.owners.claim(id, self.sink.scope.as_ref());
        (signals.user && !names.message_id.as_ref().is_none_or(own)).then_some(envelope)
    }

    /// Puts a message into the suite's own channel; the subject's next pull request gets it.
    pub(super) fn offer(&mut self, step: &Step, send: &Send) -> Result<(), Stop> {
        let sent = match &send.again {
            Some(name) => self.sent.get(name).cloned().ok_or_else(|| format!("step {name} offered nothing"))?,
            None => self.build_offer(step, send)?,
        };
        self.runner.hub.also(&self.room, &sent.message_id);
        self.sent_ids.push(sent.message_id.clone());
        self.remember(step, &sent);
        self.runner.hub.offer(Offer { room: Arc::clone(&self.room), response: sent.bytes });
        Ok(())
    }

    /// Gets the subject to submit, to reply or to pull, by its hook, else by the operator.
    pub(super) async fn drive(&mut self, index: usize, step: &Step, prompt: Prompt) -> Result<(), Stop> {
        let setup = Arc::clone(&self.runner.setup);
        let hooks = &setup.subject.hooks;
        let party = &setup.subject.suite.party.id;
        let to = if step.under == Some(Under::Discovery) { self.receiver() } else { party }.to_owned();
        let (name, hook, action) = match prompt {
            Prompt::Reply => ("reply", &hooks.reply, format!("reply to the request that {party} sent last")),
            Prompt::Pull => ("pull", &hooks.pull, format!("pull from {party}")),
            Prompt::Submit | Prompt::Push => {
                let what = step.under.map_or("plain", Under::as_str);
                ("submit", &hooks.submit, format!("submit one message of the {what} exchange for {to}"))
            }
        };
        let prompted = |by: &str| Kind::Prompted { by: by.to_owned() };
        let Some(hook) = hook else {
            let operator =
                self.runner.prompt.as_ref().ok_or_else(|| format!("there is no hooks.{name} and no operator"))?;
            self.sink.event(Some(index), None, prompted("operator"));
            let conversation = self.values.value("fresh.conversation").unwrap_or_default();
            let action = format!("{action}, with ConversationId {conversation}");
            return operator
                .ask("make the subject act", &action, self.timing().operator())
                .await
                .map_err(Stop::Declined);
        };
        self.sink.event(Some(index), None, prompted("hook"));
        let document = match (prompt, setup.sample(&self.fresh_facts())) {
            (Prompt::Pull, _) | (_, Err(_)) => None,
            (Prompt::Reply, Ok(sample)) => Some(self.under(&sample, Under::TwoWay, true)?),
            (_, Ok(sample)) => match step.under {
                Some(under) => Some(self.under(&sample, under, false)?),
                None => Some(sample),
            },
        };
        self.values.set("document.to", &to);
        let corners = if step.under == Some(Under::FourCorner) { self.corners() } else { Vec::new() };
        self.values.set("document.properties", &hook::properties(&corners));
        let asked = self.sent_ids.last().cloned().unwrap_or_default();
        self.values.set("request.message-id", &asked);
        let outcome = self.run_hook(index, name, hook, document.as_ref()).await;
        if prompt == Prompt::Submit {
            self.submitted = message_ids(&String::from_utf8_lossy(&outcome.output));
            for id in &self.submitted {
                self.runner.owners.claim(id, self.sink.scope.as_ref());
            }
        }
        Ok(())
    }

    /// Takes out of the subject's channel what earlier cases left there.
    pub(super) async fn empty_channel(&self) -> Result<(), String> {
        let Some(pull) = &self.runner.setup.subject.exchange.pull else { return Ok(()) };
        let until = Instant::now() + self.timing().emptying();
        for _ in 0..LEFT {
            if Instant::now() >= until {
                return Ok(());
            }
            let signer = Signer::of(&self.runner.setup, None, None, None)?;
            let signing = signer.as_ref().map(Signer::signing);
            let forged = forge::pull_request(
                &self.fresh.id(),
                &self.fresh.time(),
                &pull.channel,
                signing.as_ref(),
                &[],
                &self.target(),
            );
            let answer = self.aside(forged.map_err(|error| error.to_string())?.bytes).await?;
            let Some(envelope) = root::envelope_text(&answer) else { return Ok(()) };
            let (names, signals) = root::seen(&envelope);
            if !signals.user {
                return Ok(());
            }
            self.runner.owners.claim(&names.message_id.unwrap_or_default(), None);
            self.receipt(&envelope).await?;
        }
        Ok(())
    }

    /// Receipts what the case pulled, so that the subject does not hand it out again.
    pub(super) async fn receipt_what_was_pulled(&self) -> Result<(), String> {
        let mut done = BTreeSet::new();
        for envelope in &self.unsettled {
            if done.insert(root::names(envelope).message_id) {
                self.receipt(envelope).await?;
            }
        }
        Ok(())
    }

    async fn receipt(&self, envelope: &str) -> Result<(), String> {
        let Some(draft) = SignalDraft::receipt(self.fresh.id(), self.fresh.time(), envelope) else {
            return Ok(());
        };
        let signer = Signer::of(&self.runner.setup, None, None, None)?;
        let signing = signer.as_ref().map(Signer::signing);
        let forged = forge::signal_request(&draft, signing.as_ref(), &[], &self.target());
        self.aside(forged.map_err(|error| error.to_string())?.bytes).await.map(drop)
    }

    /// Sends in the run's own name and gives what comes back.
    async fn aside(&self, bytes: Vec<u8>) -> Result<Vec<u8>, String> {
        let within = self.timing().aside();
        let dial = Dial::new(self.client_tls(&Step::default())?, within);
        let plan = Exchange { step: 0, bytes, dial, fault: None, until: Until::Http, within };
        let run = Sink { scope: None, ..self.sink.clone() };
        self.runner.pace.turn().await;
        Ok(exchange(&self.runner.setup, &run, &self.runner.budget, &plan, self.over.subscribe()).await)
    }

    fn target(&self) -> Target {
        let address = &self.runner.setup.address;
        Target { host: address.host_header(), path: address.path.clone() }
    }
}
