//! The exchanges beside the plain one: what the double submits, replies, queues and pulls when its hooks say so, and what
//! it hands out to a pull request.
//!
//! Clauses: eDelivery AS4 1.15 sections 1.4.4.2 (Two-Way), 1.5.1 (four corners), 1.5.5 (pull).

use std::sync::Arc;
use std::time::Instant;

use carnet_catalogue::step::Property;
use carnet_harness::forge::{self, Agreed, Draft, Forged, PartDraft, PartyRef, SignalDraft, Target};
use carnet_harness::http;
use carnet_harness::root::Signals;

use super::Node;
use super::answer::Outcome;
use super::send::{ANSWER, CUSTOMS, EB, INTERVAL, RETRIES, envelope};
use crate::agreement::Agreement;
use crate::fill;
use crate::ground::{CHANNEL, CORNERS, EXCHANGE, OFFERS, PARTIES, PULLED, REPLY, REQUEST};
use crate::memory::{Outgoing, Waiting};
use crate::receive::{Reading, Received};
use crate::rule::{Habit, Rule};

/// So often it pulls until it leaves the rest for the next time.
const MOST: usize = 20;

impl Node {
    /// Submits a document for a party under an action: pushed, or queued where it is one that is pulled.
    ///
    /// What is for a party that is not known goes where a publisher says. Gives the MessageId.
    pub(super) fn submit(
        self: &Arc<Self>,
        to: &str,
        action: &str,
        agreement: Agreement,
        conversation: &str,
        document: Vec<u8>,
    ) -> String {
        let answers = action == PULLED;
        let draft = self.drafted(to, action, agreement, conversation, document);
        let message_id = draft.message_id.clone();
        if answers {
            self.queue(draft, agreement);
        } else {
            let looked_up = to != PARTIES[1];
            self.keep_and_dispatch(Outgoing { draft, answers: String::new(), agreement, looked_up });
        }
        message_id
    }

    /// Replies to a request that was taken; false when there is none of that id.
    pub(super) fn reply(self: &Arc<Self>, to: &str, document: Vec<u8>) -> bool {
        let request = self.memory().requests.get(to).cloned();
        let Some((partner, conversation)) = request else { return false };
        let own = self.mutation.does(Habit::OtherConversation);
        let conversation = if own { self.fresh_conversation(to) } else { conversation };
        let agreement = Agreement::Main;
        let draft = Draft {
            refers_to: Some(to.to_owned()),
            ..self.drafted(&partner, REPLY, agreement, &conversation, document)
        };
        let looked_up = false;
        self.keep_and_dispatch(Outgoing { draft, answers: to.to_owned(), agreement, looked_up });
        true
    }

    /// A message of the double's own. What answers a request or a pull comes from the responder of the exchange.
    fn drafted(
        &self,
        partner: &str,
        action: &str,
        agreement: Agreement,
        conversation: &str,
        document: Vec<u8>,
    ) -> Draft {
        let answers = [PULLED, REPLY].contains(&action);
        let role = |initiates: bool| format!("{EB}{}", if initiates { "initiator" } else { "responder" });
        let corners = if action == CORNERS { corners() } else { Vec::new() };
        Draft {
            message_id: self.fresh_id(conversation),
            timestamp: self.fresh.time(),
            conversation: conversation.to_owned(),
            refers_to: None,
            from: PartyRef { id: PARTIES[0].to_owned(), kind: CUSTOMS.to_owned(), role: role(!answers) },
            to: PartyRef { id: partner.to_owned(), kind: CUSTOMS.to_owned(), role: role(answers) },
            agreed: Agreed {
                // The agreement is the same with those that are looked up.
                name: agreement.with(PARTIES.into_iter().find(|known| *known == partner).unwrap_or(PARTIES[1])),
                mpc: (action == PULLED).then(|| CHANNEL.to_owned()),
                properties: corners,
                ..Agreed::default()
            },
            service: EXCHANGE.to_owned(),
            service_type: None,
            action: action.to_owned(),
            parts: vec![PartDraft {
                cid: self.fresh_id(conversation),
                mime: "application/xml".to_owned(),
                bytes: document,
                zeros: 0,
                compress: true,
            }],
        }
    }

    fn queue(&self, draft: Draft, agreement: Agreement) {
        let signing = self.signing(self.mutation.sign.message.as_ref(), agreement);
        let encryption = self.encryption(agreement);
        let edits = fill(&self.mutation.forge.message, "");
        let forged = forge::pulled(draft.clone(), signing.as_ref(), encryption.as_ref(), &edits)
            .or_else(|_| forge::pulled(draft, signing.as_ref(), encryption.as_ref(), &[]));
        if let Ok(Forged { message_id, bytes, .. }) = forged {
            self.memory().waiting.push(Waiting { message_id, response: bytes, handed_out: Vec::new() });
        }
    }

    /// The oldest message that waits and was not handed out within the interval; none when the channel is empty.
    pub(super) fn hand_out(&self) -> Option<Vec<u8>> {
        let does = |habit: Habit| self.mutation.does(habit);
        let mut memory = self.memory();
        let now = Instant::now();
        let lapsed: Vec<String> = memory
            .waiting
            .iter()
            .filter(|one| one.handed_out.len() > RETRIES as usize && one.is_due(now, INTERVAL))
            .map(|one| one.message_id.clone())
            .collect();
        for id in lapsed {
            self.lapse(&mut memory, &id);
        }
        let found = memory.waiting.iter_mut().find(|one| match one.handed_out.is_empty() {
            true => true,
            false if does(Habit::NoRedelivery) => false,
            false => does(Habit::HandsOutTwice) || one.is_due(now, INTERVAL),
        })?;
        found.handed_out.push(now);
        Some(found.response.clone())
    }

    /// A message that nobody receipted in time is over, and its producer is told.
    fn lapse(&self, memory: &mut crate::memory::Memory, id: &str) {
        memory.waiting.retain(|one| one.message_id != id);
        if !self.mutation.does(Habit::TellsNothing) {
            memory.notified.push(format!("{id} EBMS:0301"));
        }
    }

    /// Has the last messages that were handed out lapse when their time is up, also when nobody pulls again.
    pub(super) fn watch(self: &Arc<Self>) {
        let node = Arc::clone(self);
        let after = async move {
            tokio::time::sleep(INTERVAL).await;
            let mut memory = node.memory();
            let now = Instant::now();
            let over = |one: &Waiting| one.handed_out.len() > RETRIES as usize && one.is_due(now, INTERVAL);
            let ids: Vec<String> =
                memory.waiting.iter().filter(|one| over(one)).map(|one| one.message_id.clone()).collect();
            for id in ids {
                node.lapse(&mut memory, &id);
            }
        };
        self.work().spawn_on(after, self.ground.runtime().handle());
    }

    /// Settles what a receipt that came by itself is about; false when it proves nothing that was handed out.
    pub(super) fn settle(&self, received: &Received) -> bool {
        let about = received.ebms.refers_to.clone().unwrap_or_default();
        let response = {
            let memory = self.memory();
            memory.waiting.iter().find(|one| one.message_id == about).map(|one| one.response.clone())
        };
        // It may be one that came before.
        let Some((_, sent)) = response.and_then(|response| envelope(&response)) else { return true };
        if !self.is_good(&received.ebms, &received.signature, &sent, None) {
            return false;
        }
        if !self.mutation.does(Habit::IgnoresReceipts) {
            self.memory().waiting.retain(|one| one.message_id != about);
        }
        true
    }

    /// Pulls from the suite until nothing is left there.
    pub(super) async fn pull(self: &Arc<Self>) {
        if self.mutation.does(Habit::PullsNothing) {
            return;
        }
        for _ in 0..MOST {
            let choice = self.mutation.does(Habit::PullsUnsigned);
            let signing = if choice { None } else { self.signing(None, Agreement::Main) };
            let target = Target { host: "localhost".to_owned(), path: "/as4".to_owned() };
            let (id, time) = (self.fresh_id(OFFERS), self.fresh.time());
            let Ok(request) = forge::pull_request(&id, &time, OFFERS, signing.as_ref(), &[], &target) else { return };
            let Some(answer) = self.posted(&request.bytes).await else { return };
            let Ok(message) = http::read(&answer) else { return };
            let Reading::Message(received) = Received::read(&message, &self.ground.keys, &self.mutation) else {
                return;
            };
            if received.ebms.user.is_none() {
                return;
            }
            let about = &received.ebms.message_id;
            let outcome = self.take(&received, Some(PARTIES[1]));
            let signal = match outcome {
                Outcome::Receipt(_) if self.mutation.does(Habit::ReceiptsNothingPulled) => continue,
                Outcome::Receipt(_) => SignalDraft::receipt(self.fresh_id(about), time, &received.envelope),
                Outcome::Refused(broken) => Some(self.refusal(broken.code(), about)),
            };
            let edits = fill(&self.mutation.forge.receipt, about);
            let signing = self.signing(self.mutation.sign.receipt.as_ref(), Agreement::Main);
            let posted = signal.and_then(|signal| {
                forge::signal_request(&signal, signing.as_ref(), &edits, &target)
                    .or_else(|_| forge::signal_request(&signal, signing.as_ref(), &[], &target))
                    .ok()
            });
            if let Some(posted) = posted {
                self.posted(&posted.bytes).await;
            }
        }
    }

    async fn posted(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let partner = *self.partner.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        tokio::time::timeout(ANSWER, self.post(partner?, bytes)).await.ok().flatten()
    }

    /// The code of the error with which a pull request is refused; none where the channel is its sender's to pull from.
    pub(super) fn refuses_pull(&self, received: &Received) -> Option<&'static str> {
        let channel = received.ebms.pull.clone().unwrap_or_default();
        let checks = |rule: Rule| self.mutation.checks(rule);
        let default = channel.is_empty() || channel.ends_with("/defaultMPC");
        if default && checks(Rule::PullDefault) {
            return Some("EBMS:0001");
        }
        if !default && channel != CHANNEL && checks(Rule::PullChannel) {
            return Some("EBMS:0001");
        }
        let signed = received.signature.present;
        let theirs = !signed || received.signer_name() == PARTIES[1];
        (!theirs && checks(Rule::PullParty)).then_some("EBMS:0101")
    }

    /// Remembers whom a request came from, so that it can be replied to.
    pub(super) fn remember_request(&self, received: &Received) {
        let user = received.user();
        if user.action == REQUEST {
            let about = (user.from.0.clone(), user.conversation.clone().unwrap_or_default());
            self.memory().requests.insert(received.ebms.message_id.clone(), about);
        }
    }
}

/// The outer corners in what the double sends by itself.
fn corners() -> Vec<Property> {
    let kind = Some("urn:oasis:names:tc:ebcore:partyid-type:unregistered".to_owned());
    [("originalSender", "DOUBLE-C1"), ("finalRecipient", "SUITE-C4")]
        .map(|(name, value)| Property { name: name.to_owned(), kind: kind.clone(), value: value.to_owned() })
        .to_vec()
}

/// Whether an envelope carries a receipt or an error, and no user message and no pull request.
pub(super) fn is_loose(received: &Received) -> bool {
    let Signals { user, pull, answer } = received.signals;
    answer && !user && !pull
}
