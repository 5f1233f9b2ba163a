//! What a request is answered with: a receipt, an error, an HTTP status; and what follows from it.

use std::sync::Arc;

use carnet_catalogue::step::{Forge, SignChoice};
use carnet_harness::forge::{self, Algorithm, SignalDraft, Signing};
use carnet_harness::http;
use carnet_wire::{Limits, gzip};

use super::Node;
use super::exchange::is_loose;
use crate::agreement::Agreement;
use crate::ground::{CORNERS, DYNAMIC, EXCHANGE, PARTIES, PULLED, REPLY, REQUEST};
use crate::memory::{Novelty, Outgoing};
use crate::receive::{self, Agreed, Broken, Reading, Received};
use crate::rule::{Habit, Rule};
use crate::{customs, fill};

const SOAP: &str = "application/soap+xml; charset=UTF-8";

/// What a message came to.
pub(super) enum Outcome {
    /// It is receipted; true when it is a duplicate.
    Receipt(bool),
    /// It is refused.
    Refused(Broken),
}

impl Node {
    /// The answer to a request; none closes the connection.
    pub(super) fn respond(self: &Arc<Self>, request: &[u8], client: Option<&str>) -> Option<Vec<u8>> {
        let message = match http::read(request) {
            Ok(message) if message.line.starts_with("POST ") => message,
            Ok(_) => return Some(status(405)),
            Err(_) => return Some(status(400)),
        };
        if !message.complete && self.mutation.checks(Rule::MimeReads) {
            return Some(status(400));
        }
        match Received::read(&message, &self.ground.keys, &self.mutation) {
            Reading::Status(code) => Some(status(code)),
            Reading::Refused(broken, refers_to) => self.error(broken.code(), refers_to.as_deref(), Agreement::Main),
            Reading::Message(received) if received.seen.pull || is_loose(&received) => {
                self.signalled(&received, client)
            }
            Reading::Message(received) => match self.take(&received, client) {
                Outcome::Receipt(again) => self.receipt(&received, again),
                Outcome::Refused(broken) => {
                    self.memory().refused.insert(received.ebms.message_id.clone());
                    self.error(broken.code(), Some(&received.ebms.message_id), received.agreement)
                }
            },
        }
    }

    /// Answers a pull request, or a receipt that came by itself.
    fn signalled(self: &Arc<Self>, received: &Received, client: Option<&str>) -> Option<Vec<u8>> {
        let id = &received.ebms.message_id;
        if let Err(broken) = self.holds(received, client) {
            return self.error(broken.code(), Some(id), received.agreement);
        }
        if received.seen.body_filled && self.mutation.does(Habit::NoSignalBody) {
            return self.error("EBMS:0009", Some(id), received.agreement);
        }
        if !received.seen.pull {
            return if self.settle(received) && !self.mutation.does(Habit::RefusesReceipts) {
                let fails = self.mutation.does(Habit::FailsAtReceipts);
                Some(status(if fails { 500 } else { 202 }))
            } else {
                self.error("EBMS:0302", Some(id), Agreement::Main)
            };
        }
        if let Some(code) = self.refuses_pull(received) {
            return self.error(code, Some(id), Agreement::Main);
        }
        if received.ebms.receipt.is_some() && !self.mutation.does(Habit::NoBundles) {
            self.settle(received);
        }
        match self.hand_out() {
            Some(message) => {
                self.watch();
                Some(message)
            }
            None if self.mutation.does(Habit::EmptyIsSuccess) => Some(status(200)),
            None => self.error("EBMS:0006", Some(id), Agreement::Main),
        }
    }

    fn holds(&self, received: &Received, client: Option<&str>) -> Result<(), Broken> {
        let all = |party: &&'static str| Agreement::ALL.map(|agreement| ((*party).to_owned(), agreement.with(party)));
        let partners: Vec<(String, String)> = PARTIES.iter().skip(1).flat_map(all).collect();
        let offers = |service: &str, action: Option<&str>| self.offers(service, action);
        let alone = received.signature.leaf_alone;
        let agreed = Agreed {
            own: PARTIES[0],
            partners: &partners,
            client,
            offers: &offers,
            trusted: &|chain, place| self.trusted(chain, place, alone),
        };
        receive::check(received, &agreed, &self.mutation)
    }

    /// Holds a message against the rules, and takes what passes.
    pub(super) fn take(self: &Arc<Self>, received: &Received, client: Option<&str>) -> Outcome {
        if let Err(broken) = self.holds(received, client).and_then(|()| self.habits(received)) {
            return Outcome::Refused(broken);
        }
        let id = &received.ebms.message_id;
        let ping = is_ping(&received.user().service, &received.user().action);
        let novelty = self.memory().receive(&received.user().from.0, id, received.signature.content());
        if novelty == Novelty::Other && self.mutation.checks(Rule::DuplicateContent) {
            return Outcome::Refused(Broken::Rule(Rule::DuplicateContent, "EBMS:0004"));
        }
        if novelty == Novelty::OtherHeader && self.mutation.checks(Rule::DuplicateHeader) {
            return Outcome::Refused(Broken::Rule(Rule::DuplicateHeader, "EBMS:0004"));
        }
        let again = novelty != Novelty::New;
        if again && self.mutation.does(Habit::RefusesDuplicates) {
            return Outcome::Refused(Broken::Habit("EBMS:0004"));
        }
        let fresh = !again || !self.mutation.checks(Rule::DuplicateDetected);
        if fresh && (!ping || !self.mutation.checks(Rule::PingDelivery)) {
            self.memory().delivered.push(id.clone());
        }
        if fresh && !ping {
            self.remember_request(received);
            self.business(received);
        }
        Outcome::Receipt(again)
    }

    fn offers(&self, service: &str, action: Option<&str>) -> bool {
        let ping = self.ground_ping(service);
        if service == EXCHANGE {
            return action.is_none_or(|action| [REQUEST, REPLY, PULLED, CORNERS, DYNAMIC].contains(&action));
        }
        match action {
            Some(action) => {
                (ping && action.ends_with("/test")) || self.ground.packs.by_action(service, action).is_some()
            }
            None => ping || self.ground.packs.iter().any(|pack| pack.types.iter().any(|kind| kind.service == service)),
        }
    }

    fn ground_ping(&self, service: &str) -> bool {
        is_ping_service(service) && !self.mutation.does(Habit::AnswersPing)
    }

    /// What a mutant refuses though nothing is wrong with it.
    fn habits(&self, received: &Received) -> Result<(), Broken> {
        let does = |habit: Habit| self.mutation.does(habit);
        let parts = received.user().parts.len();
        let compressed =
            |part: &(String, Vec<(String, String)>)| part.1.iter().any(|(name, _)| name == "CompressionType");
        let refuses = (does(Habit::OnePayload) && parts > 1)
            || (does(Habit::NeedsCompression) && !received.user().parts.iter().all(compressed))
            || (does(Habit::SecurityFirst) && received.seen.security_behind)
            || (does(Habit::NoPropertyType) && received.seen.property_typed)
            || (does(Habit::NoMessageProperties) && received.seen.message_properties)
            || (does(Habit::RefusesUnlisted) && received.package.parts.len() > parts)
            || (does(Habit::NoNamedToken) && received.signature.named)
            || (does(Habit::NoEncryption) && received.encryption.present)
            || (does(Habit::NoP256) && received.agreement == Agreement::Curve)
            || (does(Habit::PathTokenOnly) && received.signature.leaf_alone)
            || (does(Habit::LeafTokenOnly) && !received.signature.leaf_alone)
            || (does(Habit::RefusesReplies) && received.ebms.refers_to.is_some())
            || (does(Habit::KnownPartiesOnly) && received.is_of_a_visitor())
            || (does(Habit::PartsInOrder) && !in_order(received))
            || (does(Habit::PoisonsRefused) && self.memory().refused.contains(&received.ebms.message_id));
        if refuses { Err(Broken::Habit("EBMS:0004")) } else { Ok(()) }
    }

    /// Works on the leading document and has the answer sent.
    fn business(self: &Arc<Self>, received: &Received) {
        if received.user().service == EXCHANGE {
            return;
        }
        let leading = received.user().parts.first().and_then(|(href, _)| received.part(href));
        let Some(part) = leading else { return };
        let document = gzip::inflate(&part.body, &Limits::default()).unwrap_or_else(|_| part.body.clone());
        let sender = &received.user().from.0;
        let answer = customs::process(&document, sender, &mut self.memory(), &self.ground, &self.mutation, &self.fresh);
        let silent = |answer: &customs::Answer| {
            self.mutation.does(Habit::AnswersNothing)
                || (self.mutation.does(Habit::AnswersRefusalsOnly) && answer.accepts())
        };
        let Some(answer) = answer.filter(|answer| !silent(answer)) else { return };
        let copies = if self.mutation.does(Habit::AnswersTwice) { 2 } else { 1 };
        for _ in 0..copies {
            self.keep_and_dispatch(self.outgoing(received, &answer));
        }
    }

    fn receipt(self: &Arc<Self>, received: &Received, again: bool) -> Option<Vec<u8>> {
        if self.mutation.does(Habit::AnswersEmpty) {
            return Some(status(200));
        }
        let about = &received.ebms.message_id;
        let draft = SignalDraft::receipt(self.fresh_id(about), self.fresh.time(), &received.envelope);
        let Some(draft) = draft else { return Some(status(200)) };
        let draft = SignalDraft { refers_to: about.clone(), ..draft };
        let edits = &self.mutation.forge;
        let edits = match again && !edits.repeated_receipt.is_empty() {
            true => &edits.repeated_receipt,
            false => &edits.receipt,
        };
        if self.mutation.does(Habit::ReceiptsByPush) {
            self.push_signal(&draft);
        }
        self.signal(&draft, self.mutation.sign.receipt.as_ref(), received.agreement, edits, about)
    }

    fn error(&self, code: &str, refers_to: Option<&str>, agreement: Agreement) -> Option<Vec<u8>> {
        if self.mutation.does(Habit::RefusesWithoutAnswer) {
            return None;
        }
        if self.mutation.does(Habit::ShowsStackTrace) {
            let trace = b"java.lang.IllegalStateException: refused\n\tat peer.Node.receive(Node.java:311)\n".to_vec();
            return forge::response("500 Internal Server Error", "text/plain", trace, &[]).ok();
        }
        let sent = refers_to.unwrap_or_default();
        let draft = self.refusal(code, sent);
        self.signal(&draft, self.mutation.sign.error.as_ref(), agreement, &self.mutation.forge.error, sent)
    }

    /// The error of that code about a message.
    pub(super) fn refusal(&self, code: &str, refers_to: &str) -> SignalDraft {
        SignalDraft {
            message_id: self.fresh_id(refers_to),
            timestamp: self.fresh.time(),
            refers_to: refers_to.to_owned(),
            references: Vec::new(),
            error: forge::error_row(code),
        }
    }

    /// A signal as an HTTP response, spoilt where the mutant says so. What a forge finds no place for stays unspoilt.
    fn signal(
        &self,
        draft: &SignalDraft,
        sign: Option<&SignChoice>,
        agreement: Agreement,
        edits: &[Forge],
        sent: &str,
    ) -> Option<Vec<u8>> {
        let edits = fill(edits, sent);
        let signing = self.signing(sign, agreement);
        let body = forge::signal(draft, signing.as_ref(), &edits)
            .or_else(|_| forge::signal(draft, signing.as_ref(), &[]))
            .ok()?;
        forge::response("200 OK", SOAP, body.clone(), &edits)
            .or_else(|_| forge::response("200 OK", SOAP, body, &[]))
            .ok()
    }

    /// How something is signed; none for what is not.
    pub(super) fn signing(&self, choice: Option<&SignChoice>, agreement: Agreement) -> Option<Signing<'_>> {
        let choice = choice.cloned().unwrap_or_default();
        let identity = match choice.identity.as_deref() {
            Some("none") => return None,
            Some("other-partner") => &self.ground.other,
            Some("stranger") => &self.ground.stranger,
            _ if agreement == Agreement::Second && choice.algorithm.is_none() => &self.ground.keys.ed25519,
            _ if agreement == Agreement::Curve && choice.algorithm.is_none() => &self.ground.keys.p256,
            _ => &self.ground.identities.signing,
        };
        let mut signing = Signing::new(identity, choice.token.as_deref().unwrap_or(agreement.token()));
        signing.omit.messaging = choice.omit.iter().any(|what| what == "messaging");
        signing.omit.body = choice.omit.iter().any(|what| what == "body");
        signing.omit.parts = choice.omit.iter().any(|what| what == "parts");
        signing.algorithm = Algorithm::of(identity);
        if choice.algorithm.as_deref() == Some("rsa-sha1") {
            signing.algorithm = Algorithm::RsaSha1;
        }
        signing.weak_digest = choice.digest.as_deref() == Some("sha1");
        Some(signing)
    }

    /// A MessageId, or the name of a part, of what is about `what`.
    pub(super) fn fresh_id(&self, what: &str) -> String {
        format!("{}@double.carnet", self.fresh.uuid_for(what))
    }

    /// A conversation of its own.
    pub(super) fn fresh_conversation(&self, what: &str) -> String {
        format!("double-{}", self.fresh.uuid_for(what).simple())
    }

    pub(super) fn keep_and_dispatch(self: &Arc<Self>, outgoing: Outgoing) {
        self.memory().outbox.insert(outgoing.draft.message_id.clone(), outgoing.clone());
        self.dispatch(outgoing);
    }
}

fn status(code: u16) -> Vec<u8> {
    format!("HTTP/1.1 {code} Double\r\nContent-Length: 0\r\n\r\n").into_bytes()
}

fn is_ping_service(service: &str) -> bool {
    service.starts_with("http://docs.oasis-open.org/ebxml-msg/ebms/") && service.ends_with("/service")
}

fn is_ping(service: &str, action: &str) -> bool {
    is_ping_service(service) && action.ends_with("/test")
}

/// Whether the parts stand in the body in the order of the header.
fn in_order(received: &Received) -> bool {
    let listed: Vec<&str> = received.user().parts.iter().filter_map(|(href, _)| href.strip_prefix("cid:")).collect();
    let there: Vec<&str> = received.package.parts.iter().filter_map(|part| part.cid.as_deref()).collect();
    listed == there
}
