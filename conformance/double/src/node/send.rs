//! A message's way out: packaged once, pushed until a good receipt comes, the retries are spent, or an error is final.

use std::sync::Arc;
use std::time::Duration;

use carnet_catalogue::step::Forge;
use carnet_harness::forge::{self, Agreed, Draft, Encryption, PartDraft, PartyRef, SignalDraft, Target};
use carnet_harness::judge::ebms::{self, Ebms};
use carnet_harness::line::{ClientTls, Connected, Duplex};
use carnet_harness::{http, plain, root, tls};
use carnet_wire::Limits;
use carnet_wire::xml::Document;
use rustls_pki_types::CertificateDer;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Node;
use super::discover::Found;
use crate::agreement::Agreement;
use crate::customs::{Answer, PACK};
use crate::fill;
use crate::ground::PARTIES;
use crate::memory::Outgoing;
use crate::receive::{Received, Signed, signature_of};
use crate::rule::{Habit, PathRule, Place, Rule};

/// Attempts after the first, and the time from one to the next: what the ICS claims.
pub(super) const RETRIES: u32 = 3;
pub(super) const INTERVAL: Duration = Duration::from_millis(500);
/// How long a receipt is waited for: what the ICS claims.
pub(super) const ANSWER: Duration = Duration::from_secs(2);

pub(super) const EB: &str = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/";
pub(super) const CUSTOMS: &str = "urn:oasis:names:tc:ebcore:partyid-type:unregistered:customs";

/// What an attempt came to.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Attempt {
    /// A good receipt.
    Receipted,
    /// An error that is final, with its code.
    Final(String),
    /// Nothing that counts; `connected` when there was a partner to talk to.
    Nothing { connected: bool, status: Option<u16> },
}

impl Node {
    /// The message that carries a business answer.
    pub(super) fn outgoing(&self, asked: &Received, answer: &Answer) -> Outgoing {
        let kind = self.ground.packs.message_type(PACK, answer.message_type());
        let role = |name: &str| format!("{EB}{name}");
        let own = self.mutation.does(Habit::OtherConversation);
        let conversation = asked.user().conversation.clone().filter(|_| !own);
        let partner = asked.user().from.0.clone();
        let about = &asked.ebms.message_id;
        let draft = Draft {
            message_id: self.fresh_id(about),
            timestamp: self.fresh.time(),
            conversation: conversation.unwrap_or_else(|| self.fresh_conversation(about)),
            refers_to: None,
            from: PartyRef { id: PARTIES[0].to_owned(), kind: CUSTOMS.to_owned(), role: role("initiator") },
            to: PartyRef { id: partner.clone(), kind: CUSTOMS.to_owned(), role: role("responder") },
            agreed: Agreed { name: asked.agreement.with(&partner), ..Agreed::default() },
            service: kind.map(|kind| kind.service.clone()).unwrap_or_default(),
            service_type: None,
            action: kind.map(|kind| kind.action.clone()).unwrap_or_default(),
            parts: vec![PartDraft {
                cid: self.fresh_id(about),
                mime: "application/xml".to_owned(),
                bytes: answer.document(&self.fresh.uuid_for(about).simple().to_string(), &self.mutation).into_bytes(),
                zeros: 0,
                compress: true,
            }],
        };
        Outgoing { draft, answers: about.clone(), agreement: asked.agreement, looked_up: false }
    }

    /// Has a message sent, beside everything else.
    pub(super) fn dispatch(self: &Arc<Self>, outgoing: Outgoing) {
        let node = Arc::clone(self);
        self.work().spawn_on(async move { node.deliver(outgoing).await }, self.ground.runtime().handle());
    }

    async fn deliver(&self, outgoing: Outgoing) {
        let id = outgoing.draft.message_id.clone();
        let told = self.attempts(&outgoing).await;
        let mut memory = self.memory();
        memory.outbox.remove(&id);
        if let Some(code) = told.filter(|_| !self.mutation.does(Habit::TellsNothing)) {
            memory.notified.push(format!("{id} {code}"));
        }
    }

    /// Sends until it is done; gives the code that the producer is told, where it must be told one.
    async fn attempts(&self, outgoing: &Outgoing) -> Option<String> {
        let does = |habit: Habit| self.mutation.does(habit);
        let package = |draft: Draft| self.package(draft, outgoing);
        let first = package(outgoing.draft.clone())?;
        let more = match (does(Habit::NoRetry), does(Habit::RetriesForever)) {
            (true, _) => 0,
            (_, true) => RETRIES + 4,
            _ => RETRIES,
        };
        for attempt in 0..=more {
            let bytes = match attempt {
                0 => first.clone(),
                _ if does(Habit::RetriesUnderFreshId) => {
                    package(Draft { message_id: self.fresh_id(&outgoing.draft.message_id), ..outgoing.draft.clone() })?
                }
                _ if does(Habit::RetriesChanged) => package(changed(&outgoing.draft))?,
                _ => first.clone(),
            };
            let came = self.push(&bytes, outgoing).await;
            match &came {
                Attempt::Receipted if !does(Habit::IgnoresReceipts) => return None,
                Attempt::Final(code) if !does(Habit::IgnoresErrors) => return Some(code.clone()),
                Attempt::Nothing { connected: false, .. } if does(Habit::NoRetryAfterRefused) => return None,
                Attempt::Nothing { status: Some(300..=399), .. } if does(Habit::NoRetryAfterRedirect) => return None,
                Attempt::Nothing { status: Some(400..), .. } if does(Habit::NoRetryAfterStatus) => return None,
                _ => {}
            }
            if attempt < more && !does(Habit::RetriesAtOnce) {
                tokio::time::sleep(INTERVAL).await;
            }
        }
        Some("EBMS:0301".to_owned())
    }

    /// Where the suite receives, and its certificate; none before it listens.
    pub(super) fn known(&self) -> Option<Found> {
        let address = *self.partner.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Some(Found { address: address?, tls: true, certificate: self.ground.keys.known.first()?.clone() })
    }

    fn package(&self, draft: Draft, outgoing: &Outgoing) -> Option<Vec<u8>> {
        let target = Target { host: "localhost".to_owned(), path: "/as4".to_owned() };
        let signing = self.signing(self.mutation.sign.message.as_ref(), outgoing.agreement);
        let edits: Vec<Forge> = fill(&self.mutation.forge.message, &outgoing.answers);
        let encryption = self.encryption(outgoing.agreement);
        forge::message(draft.clone(), signing.as_ref(), encryption.as_ref(), &edits, &target)
            .or_else(|_| forge::message(draft, signing.as_ref(), encryption.as_ref(), &[], &target))
            .ok()
            .map(|forged| forged.bytes)
    }

    /// How a message is encrypted; none where nothing is, or where the mutant does not.
    pub(super) fn encryption(&self, agreement: Agreement) -> Option<Encryption> {
        let recipient = self.ground.keys.recipient(agreement)?.clone();
        let choice = self.mutation.encrypt.clone().unwrap_or_default();
        // `for = "suite"` is a certificate whose key the receiver has not: here, the double's own.
        let recipient = match choice.recipient.as_deref() {
            Some("suite") => self.ground.keys.rsa.leaf()?.clone(),
            _ => recipient,
        };
        if choice.key.as_deref() == Some("none") { None } else { Encryption::of(recipient, &choice).ok() }
    }

    /// Sends a receipt by a push of its own, which no conformant node does.
    pub(super) fn push_signal(self: &Arc<Self>, draft: &SignalDraft) {
        let signing = self.signing(None, Agreement::Main);
        let Ok(body) = forge::signal(draft, signing.as_ref(), &[]) else { return };
        let request = http::Request::post("localhost", "/as4", "application/soap+xml; charset=UTF-8", body);
        let (node, bytes) = (Arc::clone(self), request.to_bytes());
        let send = async move {
            let partner = *node.partner.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if let Some(partner) = partner {
                let _ = timeout(ANSWER, node.post(partner, &bytes)).await;
            }
        };
        self.work().spawn_on(send, self.ground.runtime().handle());
    }

    async fn push(&self, bytes: &[u8], outgoing: &Outgoing) -> Attempt {
        let none = Attempt::Nothing { connected: false, status: None };
        let found = match outgoing.looked_up {
            true => self.find(&outgoing.draft.to.id, &outgoing.draft.action).await,
            false => self.known(),
        };
        let Some(found) = found else { return none };
        let post = async {
            match found.tls {
                true => self.post(found.address, bytes).await,
                false => said_to(&mut TcpStream::connect(found.address).await.ok()?, bytes).await,
            }
        };
        match timeout(ANSWER, post).await {
            Ok(Some(answer)) => self.weigh(&answer, bytes, outgoing.looked_up.then_some(&found.certificate)),
            Ok(None) => none,
            Err(_) => Attempt::Nothing { connected: true, status: None },
        }
    }

    /// Posts over mutual TLS; none when there is no partner, or not the partner.
    pub(super) async fn post(&self, partner: std::net::SocketAddr, bytes: &[u8]) -> Option<Vec<u8>> {
        let tcp = TcpStream::connect(partner).await.ok()?;
        let identity = (!self.mutation.does(Habit::NoClientCertificate)).then(|| self.ground.identities.tls.clone());
        let client =
            ClientTls { identity, versions: self.versions(), suites: Vec::new(), server_name: "localhost".to_owned() };
        let connected = match self.mutation.checks_path(Place::Server, PathRule::Possession) {
            true => tls::connect(tcp, &client).await,
            false => tls::connect_unproven(tcp, &client).await,
        };
        let Connected { mut stream, handshake } = connected.ok()?;
        let chain = handshake.map(|handshake| handshake.peer_chain).unwrap_or_default();
        let half = if self.mutation.does(Habit::SendsFirst) { bytes.len() / 2 } else { 0 };
        let (early, rest) = bytes.split_at_checked(half)?;
        if !early.is_empty() {
            stream.write_all(early).await.ok()?;
            stream.flush().await.ok()?;
        }
        self.trusted(&chain, Place::Server, false).ok()?;
        said_to(&mut *stream, rest).await
    }

    /// What an answer means, by the rules of receipts.
    fn weigh(&self, answer: &[u8], sent: &[u8], found: Option<&CertificateDer<'static>>) -> Attempt {
        let Ok(message) = http::read(answer) else { return Attempt::Nothing { connected: true, status: None } };
        let status = message.status();
        let nothing = Attempt::Nothing { connected: true, status };
        let does = |habit: Habit| self.mutation.does(habit);
        let counts = match status {
            Some(200..=299) => does(Habit::StatusIsReceipt),
            Some(300..=399) => does(Habit::RedirectIsReceipt),
            _ => false,
        };
        if counts {
            return Attempt::Receipted;
        }
        if !message.complete && self.mutation.checks(Rule::ReceiptReads) {
            return nothing;
        }
        let Some(text) = root::envelope_text(answer) else { return nothing };
        let Ok(document) = Document::parse(text.as_bytes(), &Limits::default()) else { return nothing };
        let Ok(read) = ebms::fields(&document) else { return nothing };
        if let Some(error) = read.errors.iter().find(|error| error.severity == "failure") {
            return Attempt::Final(error.code.clone());
        }
        let Some((text_sent, sent)) = envelope(sent) else { return nothing };
        let agreement = Agreement::named(root::names(&text_sent).agreement.as_deref());
        let signed = signature_of(&text, &document, agreement, &self.ground.keys);
        let good = signed.is_some_and(|signed| self.is_good(&read, &signed, &sent, found));
        if good { Attempt::Receipted } else { nothing }
    }

    /// Whether a receipt proves that what was sent was received; by the certificate that was found, where one was.
    pub(super) fn is_good(
        &self,
        receipt: &Ebms,
        signed: &Signed,
        sent: &Ebms,
        found: Option<&CertificateDer<'static>>,
    ) -> bool {
        let holds = |rule: Rule, holds: bool| holds || !self.mutation.checks(rule);
        let own =
            |chain: &[CertificateDer<'static>]| chain.first().and_then(carnet_certs::common_name).unwrap_or_default();
        let repeated = receipt.receipt.clone().unwrap_or_default();
        let partner = sent.user.as_ref().map(|user| user.to.0.clone()).unwrap_or_default();
        let references = &sent.signature.references;
        let theirs = match found {
            Some(found) => holds(Rule::ReceiptCertificate, signed.chain.first() == Some(found)),
            None => holds(Rule::ReceiptParty, own(&signed.chain) == partner),
        };
        receipt.receipt.is_some()
            && holds(Rule::ReceiptReference, receipt.refers_to.as_deref() == Some(&sent.message_id))
            && holds(Rule::ReceiptSigned, signed.present && signed.verifies())
            && holds(Rule::ReceiptCoverage, !signed.present || (signed.messaging && signed.body))
            && (!signed.present || self.trusted(&signed.chain, Place::ReceiptSigner, signed.leaf_alone).is_ok())
            && (!signed.present || theirs)
            && holds(
                Rule::ReceiptDigests,
                repeated.len() == references.len() && repeated.iter().all(|r| references.contains(r)),
            )
    }
}

/// What is answered to a request on a connection.
async fn said_to(stream: &mut (impl Duplex + ?Sized), bytes: &[u8]) -> Option<Vec<u8>> {
    stream.write_all(bytes).await.ok()?;
    stream.flush().await.ok()?;
    let mut answer = Vec::new();
    // What came before a connection broke is judged as it stands.
    let _ = plain::message(stream, &mut answer, 16 << 20).await;
    let _ = timeout(Duration::from_millis(100), stream.shutdown()).await;
    Some(answer)
}

/// The envelope of an HTTP message, as text and read.
pub(super) fn envelope(bytes: &[u8]) -> Option<(String, Ebms)> {
    let text = root::envelope_text(bytes)?;
    let read = ebms::read(text.as_bytes()).ok()?;
    Some((text, read))
}

/// The same message with other content.
fn changed(draft: &Draft) -> Draft {
    let mut draft = draft.clone();
    for part in &mut draft.parts {
        part.bytes.extend_from_slice(b"\n");
    }
    draft
}
