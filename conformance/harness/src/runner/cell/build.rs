//! Builds the message of a step from the agreement, the exchange, the document and what the case changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use carnet_catalogue::exchange::Under;
use carnet_catalogue::step::{Property, Send, Step};
use carnet_catalogue::subject::Party;

use super::super::signer::{Signer, encryption};
use super::super::stop::Stop;
use super::{Running, Sent};
use crate::forge::{self, Agreed, Draft, Forged, PartDraft, PartyRef, SignalDraft, Target};
use crate::root;
use crate::setup::Document;

impl Running<'_> {
    /// Builds what a step sends: a message, a pull request, or a receipt for what was pulled.
    pub(super) fn build(&mut self, step: &Step, send: &Send) -> Result<Sent, Stop> {
        let setup = Arc::clone(&self.runner.setup);
        let signer = Signer::of(&setup, self.case.agreement.as_deref(), step.speaker.as_deref(), step.sign.as_ref())?;
        let signing = signer.as_ref().map(Signer::signing);
        let target = Target { host: setup.address.host_header(), path: setup.address.path.clone() };
        let forged = if send.pull {
            let message_id = self.fresh.id();
            self.values.set("message.id", &message_id);
            let forge = self.values.forge(&step.forge)?;
            forge::pull_request(
                &message_id,
                &self.fresh.time(),
                &self.channel(send)?,
                signing.as_ref(),
                &forge,
                &target,
            )
        } else if let Some(name) = &send.receipt_of {
            let envelope = self.taken(name)?;
            let draft = SignalDraft::receipt(self.fresh.id(), self.fresh.time(), envelope);
            let draft = draft.ok_or_else(|| Stop::Lacking(format!("what step {name} pulled has no MessageId")))?;
            self.values.set("message.id", &draft.message_id);
            let forge = self.values.forge(&step.forge)?;
            draft.can_be_spoilt(&forge).map_err(Stop::Lacking)?;
            forge::signal_request(&draft, signing.as_ref(), &forge, &target)
        } else {
            let draft = self.user_message(step, send)?;
            let forge = self.values.forge(&step.forge)?;
            let encryption = encryption(&setup, self.case.agreement.as_deref(), step.encrypt.as_ref())?;
            let written = setup.write(draft, signing.as_ref(), encryption.as_ref(), &forge);
            written.and_then(|written| written.posted(&forge, &target))
        };
        Ok(forged.map(Sent::from).map_err(|error| error.to_string())?)
    }

    /// Builds a message that the subject is to pull, as the HTTP response to its pull request.
    pub(super) fn build_offer(&mut self, step: &Step, send: &Send) -> Result<Sent, Stop> {
        let setup = Arc::clone(&self.runner.setup);
        let signer = Signer::of(&setup, self.case.agreement.as_deref(), step.speaker.as_deref(), step.sign.as_ref())?;
        let draft = self.user_message(step, send)?;
        let forge = self.values.forge(&step.forge)?;
        let encryption = encryption(&setup, self.case.agreement.as_deref(), step.encrypt.as_ref())?;
        let signing = signer.as_ref().map(Signer::signing);
        let written = setup.write(draft, signing.as_ref(), encryption.as_ref(), &forge);
        let forged = written.and_then(|written| written.handed_out(&forge));
        Ok(forged.map(Sent::from).map_err(|error| error.to_string())?)
    }

    /// The channel that a pull request names.
    fn channel(&self, send: &Send) -> Result<String, String> {
        let agreed = || self.runner.setup.subject.exchange.pull.as_ref().map(|pull| pull.channel.clone());
        send.mpc.clone().or_else(agreed).ok_or_else(|| "subject.toml has no [exchange.pull]".to_owned())
    }

    fn user_message(&mut self, step: &Step, send: &Send) -> Result<Draft, Stop> {
        let setup = Arc::clone(&self.runner.setup);
        let agreed = setup.subject.agreed(self.case.agreement.as_deref());
        let compress = send.compress.unwrap_or(agreed.compress);
        let mut facts = self.fresh_facts();
        facts.extend(send.set.clone());
        let document = match (send.ping, send.sample, &send.pack, &send.message) {
            (true, ..) => None,
            (_, true, ..) => Some(setup.sample(&facts)?),
            (_, _, Some(pack), Some(message)) => Some(setup.pack_message(pack, message, &send.set)?),
            _ => return Err("the step names no message".into()),
        };
        let earlier = |name: &String| self.sent.get(name).ok_or_else(|| format!("step {name} sent nothing"));
        let asked = send.reply_to.as_ref().map(|name| self.taken(name).map(|envelope| root::names(envelope)));
        let asked = asked.transpose()?;
        let message_id = match &send.message_id_of {
            Some(name) => earlier(name)?.message_id.clone(),
            None => self.fresh.id(),
        };
        let conversation = match (&send.conversation_of, &asked) {
            (Some(name), _) => earlier(name)?.conversation.clone(),
            (None, Some(asked)) => asked.conversation.clone().unwrap_or_default(),
            (None, None) => self.values.value("fresh.conversation").unwrap_or_default().to_owned(),
        };
        let mut draft = self.draft(step, document.as_ref(), message_id, conversation, send)?;
        draft.refers_to = asked.map(|asked| asked.message_id.unwrap_or_default());
        self.add_parts(&mut draft, document.as_ref(), send, compress)?;
        self.values.set("message.id", &draft.message_id);
        self.values.set("message.conversation", &draft.conversation);
        self.values.set("message.first-part", draft.parts.first().map_or("", |part| part.cid.as_str()));
        Ok(draft)
    }

    /// The envelope of the subject's message that a step took.
    fn taken(&self, step: &str) -> Result<&String, Stop> {
        self.pulled.get(step).ok_or_else(|| Stop::Lacking(format!("step {step} took no message")))
    }

    fn draft(
        &self,
        step: &Step,
        document: Option<&Document>,
        message_id: String,
        conversation: String,
        send: &Send,
    ) -> Result<Draft, String> {
        let subject = &self.runner.setup.subject;
        let agreement = subject.agreed(self.case.agreement.as_deref());
        let suite = &subject.suite.party;
        let mut properties = agreement.property.clone();
        let document = match step.under {
            Some(under) => document.map(|document| self.under(document, under, send.reply_to.is_some())).transpose()?,
            None => document.cloned(),
        };
        if step.under == Some(Under::FourCorner) {
            properties.extend(self.corners());
        }
        properties.extend(send.property.iter().cloned());
        let (service, service_type, action) = match document {
            Some(document) => (document.service, document.service_type, document.action),
            None => (format!("{}service", forge::EB), None, format!("{}test", forge::EB)),
        };
        // A reply and what is pulled come from the responder of their exchange.
        let answers = send.reply_to.is_some() || step.under == Some(Under::Pull);
        let role = |party: &Party, initiates: bool| match initiates {
            true => party.initiator_role.clone(),
            false => party.responder_role.clone(),
        };
        let visitor = subject.exchange.dynamic.as_ref().filter(|_| step.under == Some(Under::Dynamic));
        let mpc = subject.exchange.pull.as_ref().filter(|_| step.under == Some(Under::Pull));
        Ok(Draft {
            message_id,
            timestamp: self.fresh.time(),
            conversation,
            refers_to: None,
            from: PartyRef {
                id: visitor.map_or_else(|| suite.id.clone(), |visitor| visitor.party.clone()),
                kind: suite.kind.clone(),
                role: role(suite, !answers),
            },
            to: PartyRef {
                id: subject.party.id.clone(),
                kind: subject.party.kind.clone(),
                role: role(&subject.party, answers),
            },
            agreed: Agreed {
                name: agreement.name.clone(),
                kind: agreement.kind.clone(),
                pmode: agreement.pmode.clone(),
                mpc: mpc.map(|pull| pull.offers.clone()).or_else(|| agreement.mpc.clone()),
                properties,
            },
            service,
            service_type,
            action,
            parts: Vec::new(),
        })
    }

    /// A document under the Service and Action of an exchange.
    pub(super) fn under(&self, document: &Document, under: Under, reply: bool) -> Result<Document, String> {
        let exchanges = &self.runner.setup.subject.exchange;
        let missing = || format!("subject.toml has no [exchange.{}]", under.as_str());
        let terms = exchanges.terms(under, reply).ok_or_else(missing)?;
        Ok(Document {
            service: terms.service.to_owned(),
            service_type: terms.service_type.map(str::to_owned),
            action: terms.action.to_owned(),
            ..document.clone()
        })
    }

    /// The outer corners, as message properties.
    pub(super) fn corners(&self) -> Vec<Property> {
        let Some(corners) = &self.runner.setup.subject.exchange.four_corner else { return Vec::new() };
        [("originalSender", &corners.original_sender), ("finalRecipient", &corners.final_recipient)]
            .map(|(name, value)| Property { name: name.to_owned(), kind: corners.kind.clone(), value: value.clone() })
            .to_vec()
    }

    fn add_parts(
        &self,
        draft: &mut Draft,
        document: Option<&Document>,
        send: &Send,
        compress: bool,
    ) -> Result<(), String> {
        if let Some(document) = document {
            draft.parts.push(PartDraft {
                cid: self.fresh.id(),
                mime: document.mime.clone(),
                bytes: document.bytes.clone(),
                zeros: 0,
                compress,
            });
        }
        for part in &send.part {
            let (bytes, zeros) = match (&part.text, &part.hex, part.zeros) {
                (Some(text), None, None) => (text.clone().into_bytes(), 0),
                (None, Some(hex), None) => (hex::decode(hex).map_err(|_| "part.hex is not hexadecimal".to_owned())?, 0),
                (None, None, Some(zeros)) => (Vec::new(), usize::try_from(zeros).map_err(|error| error.to_string())?),
                _ => return Err("a part has exactly one of text, hex, zeros".to_owned()),
            };
            let compress = part.compress.unwrap_or(compress);
            draft.parts.push(PartDraft { cid: self.fresh.id(), mime: part.mime.clone(), bytes, zeros, compress });
        }
        Ok(())
    }

    /// Facts that must be new in each message for a registry to take it.
    pub(super) fn fresh_facts(&self) -> BTreeMap<String, String> {
        let lrn = self.values.value("fresh.lrn").unwrap_or_default();
        BTreeMap::from([("lrn".to_owned(), lrn.to_owned())])
    }
}

impl From<Forged> for Sent {
    fn from(forged: Forged) -> Self {
        let Forged { message_id, conversation, bytes } = forged;
        Self { bytes, message_id, conversation }
    }
}
