//! Builds the message of a step from the agreement, the document and what the case changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use carnet_catalogue::step::{Send, Step};

use super::super::signer::Signer;
use super::{Running, Sent};
use crate::forge::{self, Agreed, Draft, Forged, PartDraft, PartyRef, Target};
use crate::setup::Document;

impl Running<'_> {
    /// Builds the message of a step.
    pub(super) fn build(&mut self, step: &Step, send: &Send) -> Result<Sent, String> {
        let setup = Arc::clone(&self.runner.setup);
        let compress = send.compress.unwrap_or(setup.subject.agreement.compress);
        let mut facts = self.fresh_facts();
        facts.extend(send.set.clone());
        let document = match (send.ping, send.sample, &send.pack, &send.message) {
            (true, ..) => None,
            (_, true, ..) => Some(setup.sample(&facts)?),
            (_, _, Some(pack), Some(message)) => Some(self.pack_message(pack, message, &send.set)?),
            _ => return Err("the step names no message".to_owned()),
        };
        let message_id = match &send.message_id_of {
            Some(name) => self
                .sent
                .get(name)
                .map(|sent| sent.message_id.clone())
                .ok_or_else(|| format!("step {name} sent nothing"))?,
            None => format!("{}@suite.carnet", uuid::Uuid::now_v7()),
        };
        let conversation = match &send.conversation_of {
            Some(name) => self
                .sent
                .get(name)
                .map(|sent| sent.conversation.clone())
                .ok_or_else(|| format!("step {name} sent nothing"))?,
            None => self.values.value("fresh.conversation").unwrap_or_default().to_owned(),
        };
        let mut draft = self.draft(document.as_ref(), message_id, conversation, send);
        self.add_parts(&mut draft, document.as_ref(), send, compress)?;
        self.values.set("message.id", &draft.message_id);
        self.values.set("message.conversation", &draft.conversation);
        self.values.set("message.first-part", draft.parts.first().map_or("", |part| part.cid.as_str()));
        let signer = Signer::of(&setup, step.speaker.as_deref(), step.sign.as_ref())?;
        let forge = self.values.forge(&step.forge)?;
        let target = Target { host: setup.address.host_header(), path: setup.address.path.clone() };
        let signing = signer.as_ref().map(Signer::signing);
        let Forged { message_id, conversation, bytes } =
            forge::message(draft, signing.as_ref(), &forge, &target).map_err(|error| error.to_string())?;
        Ok(Sent { bytes, message_id, conversation })
    }

    fn pack_message(&self, pack: &str, message: &str, set: &BTreeMap<String, String>) -> Result<Document, String> {
        self.runner.setup.pack_message(pack, message, set)
    }

    fn draft(&self, document: Option<&Document>, message_id: String, conversation: String, send: &Send) -> Draft {
        let subject = &self.runner.setup.subject;
        let (suite, agreement) = (&subject.suite.party, &subject.agreement);
        let mut properties = agreement.property.clone();
        properties.extend(send.property.iter().cloned());
        let (service, service_type, action) = match document {
            Some(document) => (document.service.clone(), document.service_type.clone(), document.action.clone()),
            None => (format!("{}service", forge::EB), None, format!("{}test", forge::EB)),
        };
        Draft {
            message_id,
            timestamp: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
            conversation,
            from: PartyRef { id: suite.id.clone(), kind: suite.kind.clone(), role: suite.initiator_role.clone() },
            to: PartyRef {
                id: subject.party.id.clone(),
                kind: subject.party.kind.clone(),
                role: subject.party.responder_role.clone(),
            },
            agreed: Agreed {
                name: agreement.name.clone(),
                kind: agreement.kind.clone(),
                pmode: agreement.pmode.clone(),
                mpc: agreement.mpc.clone(),
                properties,
            },
            service,
            service_type,
            action,
            parts: Vec::new(),
        }
    }

    fn add_parts(
        &self,
        draft: &mut Draft,
        document: Option<&Document>,
        send: &Send,
        compress: bool,
    ) -> Result<(), String> {
        let cid = || format!("{}@suite.carnet", uuid::Uuid::now_v7());
        if let Some(document) = document {
            draft.parts.push(PartDraft {
                cid: cid(),
                mime: document.mime.clone(),
                bytes: document.bytes.clone(),
                compress,
            });
        }
        for part in &send.part {
            let bytes = match (&part.text, &part.hex, part.zeros) {
                (Some(text), None, None) => text.clone().into_bytes(),
                (None, Some(hex), None) => hex::decode(hex).map_err(|_| "part.hex is not hexadecimal".to_owned())?,
                (None, None, Some(zeros)) => vec![0; usize::try_from(zeros).map_err(|error| error.to_string())?],
                _ => return Err("a part has exactly one of text, hex, zeros".to_owned()),
            };
            let compress = part.compress.unwrap_or(compress);
            draft.parts.push(PartDraft { cid: cid(), mime: part.mime.clone(), bytes, compress });
        }
        Ok(())
    }

    /// Facts that must be new in each message for a registry to take it.
    pub(super) fn fresh_facts(&self) -> BTreeMap<String, String> {
        let lrn = self.values.value("fresh.lrn").unwrap_or_default();
        BTreeMap::from([("lrn".to_owned(), lrn.to_owned())])
    }
}
