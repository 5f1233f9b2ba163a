//! What the double sends of itself: business answers, pull requests, the question to a publisher.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use carnet_catalogue::step::{self, EncryptChoice, Op, Property, Stage};
use carnet_harness::forge::{self, Agreed, Draft, Encryption, PartDraft, PartyRef, Signing, Target};
use carnet_harness::judge::ebms::{self, Ebms};
use carnet_harness::line::{ClientTls, Connected};
use carnet_harness::root::{self, Package};
use carnet_harness::{Setup, http, plain, tls};
use carnet_wire::{Limits, gzip};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{ENCRYPTED, Fault, State, common_name, read};

impl State {
    /// Pushes a WCO Response to the partner, again until a good receipt comes.
    pub(super) async fn business(self: Arc<Self>, ebms: Ebms, package: Package) {
        if self.has(Fault::PushNothing) {
            return;
        }
        let Some(partner) = *self.partner.lock().unwrap() else { return };
        let document = package
            .parts
            .first()
            .and_then(|part| gzip::inflate(&part.body, &Limits::default()).ok())
            .unwrap_or_default();
        let text = String::from_utf8_lossy(&document);
        let lrn = between(&text, "FunctionalReferenceID>").unwrap_or_default();
        let cancels = text.contains("<TypeCode>INV</TypeCode>") || text.contains(":TypeCode>INV<");
        let used = !self.lrns.lock().unwrap().insert(lrn.to_owned());
        let code = match (self.has(Fault::RefusesAll) || used, cancels) {
            (_, true) => Some(if self.has(Fault::RefusesOther) { "91" } else { "90" }),
            (true, false) => Some("12"),
            (false, false) => None,
        };
        let id = format!("{}@double", uuid::Uuid::now_v7());
        let user = ebms.user.unwrap_or_default();
        let conversation = user.conversation.unwrap_or_default();
        let (about, agreement) = (Some(ebms.message_id.as_str()), user.agreement.unwrap_or_default());
        let draft = |id: &str| self.draft(id, (&conversation, &agreement), about, &self.response(lrn, code));
        let attempts = if self.has(Fault::RetryTooOften) { 6 } else { 3 };
        let interval = if self.has(Fault::RetryTooSoon) { 20 } else { 320 };
        let first = draft(&id);
        for attempt in 0..attempts {
            let message = if attempt > 0 && self.has(Fault::RetryNewId) {
                draft(&format!("{}@double", uuid::Uuid::now_v7()))
            } else {
                first.clone()
            };
            let forged = self.forge(message);
            let answer =
                timeout(Duration::from_millis(1000), self.post(partner, &forged.bytes)).await.unwrap_or_default();
            if self.good(&answer, &forged.bytes) && !self.has(Fault::PushTwice) {
                return;
            }
            if terminal(&answer) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(interval)).await;
        }
        if !self.has(Fault::NotifiesNothing) {
            self.tell("notified.txt", &format!("{id} EBMS:0301"));
        }
    }

    /// Sends one pull request.
    pub(super) async fn pull(&self) {
        let Some(partner) = *self.partner.lock().unwrap() else { return };
        if self.has(Fault::PullsNothing) {
            return;
        }
        let signing = Signing::new(&self.signing, "x509-pkipath");
        let signing = (!self.has(Fault::PullsUnsigned)).then_some(&signing);
        let target = Target { host: "localhost".to_owned(), path: "/as4".to_owned() };
        let id = format!("{}@double", uuid::Uuid::now_v7());
        let request = forge::pull_request(
            &id,
            &jiff::Timestamp::now().to_string(),
            "urn:carnet:mpc:suite",
            signing,
            &[],
            &target,
        )
        .unwrap();
        self.post(partner, &request.bytes).await;
    }

    /// Asks the publisher once; whatever it says, the message is given up.
    pub(super) async fn look_up(&self, party: &str, id: &str) {
        let Some(publisher) = *self.publisher.lock().unwrap() else { return };
        if !self.has(Fault::LooksNobodyUp) {
            let kind = "urn%3Aoasis%3Anames%3Atc%3Aebcore%3Apartyid-type%3Aunregistered%3Acustoms";
            let url = format!("http://{publisher}/smp/{kind}%3A%3A{party}/services/%3A%3Alooked-up");
            plain::request("GET", &url, &[], b"", Duration::from_secs(5)).await.unwrap();
        }
        if !self.has(Fault::NotifiesNothing) {
            self.tell("notified.txt", &format!("{id} EBMS:0005"));
        }
    }

    pub(super) fn draft(&self, id: &str, under: (&str, &str), about: Option<&str>, document: &str) -> Draft {
        let (conversation, agreement) = under;
        let corner = |name: &str| Property { name: name.to_owned(), kind: None, value: "corner".to_owned() };
        let mut properties = vec![corner("originalSender"), corner("finalRecipient")];
        if self.has(Fault::PushWithoutCorner) {
            properties.pop();
        }
        let kind = "urn:oasis:names:tc:ebcore:partyid-type:unregistered:customs".to_owned();
        let role = |name: &str| format!("http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/{name}");
        let to = if self.has(Fault::PushWrongTo) { "NOBODY" } else { "SUITE" };
        let conversation = if self.has(Fault::PushOtherConversation) { "another" } else { conversation };
        Draft {
            message_id: id.to_owned(),
            timestamp: "2026-01-01T00:00:00Z".to_owned(),
            conversation: conversation.to_owned(),
            refers_to: about.filter(|_| !self.has(Fault::PushWithoutRef)).map(str::to_owned),
            from: PartyRef { id: "DOUBLE".to_owned(), kind: kind.clone(), role: role("initiator") },
            to: PartyRef { id: to.to_owned(), kind, role: role("responder") },
            agreed: Agreed { name: agreement.to_owned(), properties, ..Agreed::default() },
            service: "urn:carnet:service:declaration:1".to_owned(),
            service_type: None,
            action: "response".to_owned(),
            parts: vec![PartDraft {
                cid: format!("{}@double", uuid::Uuid::now_v7()),
                mime: "application/xml".to_owned(),
                bytes: document.as_bytes().to_vec(),
                zeros: 0,
                compress: true,
            }],
        }
    }

    fn response(&self, lrn: &str, refused: Option<&str>) -> String {
        let lrn = if self.has(Fault::BusinessOtherLrn) { "OTHER" } else { lrn };
        let mrn =
            if refused.is_some() || self.has(Fault::BusinessWithoutMrn) { "" } else { "<ID>26GB0000000000000A</ID>" };
        let error = refused.map(|code| {
            format!(
                "<Error><ValidationCode>{code}</ValidationCode><Pointer><DocumentSectionCode>42A</DocumentSectionCode>\
                 <TagID>017</TagID></Pointer></Error>"
            )
        });
        format!(
            "<Response xmlns=\"urn:wco:datamodel:WCO:RES-DMS:2\"><FunctionCode>{}</FunctionCode>{}\
             <Declaration><FunctionalReferenceID>{lrn}</FunctionalReferenceID>{mrn}</Declaration></Response>",
            if refused.is_some() { "03" } else { "01" },
            error.unwrap_or_default(),
        )
    }

    fn forge(&self, draft: Draft) -> forge::Forged {
        let token = if self.has(Fault::PushLeafToken) { "x509-v3" } else { "x509-pkipath" };
        let mut signing = Signing::new(&self.signing, token);
        signing.omit.body = self.has(Fault::PushUncovered);
        let target = Target { host: "localhost".to_owned(), path: "/as4".to_owned() };
        let edit = |place: &str| step::Forge {
            at: Stage::Envelope,
            op: Op::Remove,
            place: place.to_owned(),
            with: None,
            hex: None,
            times: None,
            gzip_zeros: None,
            to: None,
        };
        let mut edits = Vec::new();
        if self.has(Fault::PushWithoutMimeType) {
            edits.push(edit("//eb:PartProperties/eb:Property[@name='MimeType']"));
        }
        if self.has(Fault::PushWithoutCharacterSet) {
            edits.push(edit("//eb:PartProperties/eb:Property[@name='CharacterSet']"));
        }
        if self.has(Fault::PushWithoutAction) {
            edits.push(edit("//eb:Action"));
        }
        let encrypts = draft.agreed.name == ENCRYPTED && !self.has(Fault::PushInTheClear);
        let encryption = Encryption::of(self.suite.clone(), &EncryptChoice::default()).unwrap();
        let signing = (!self.has(Fault::PushUnsigned)).then_some(&signing);
        forge::message(draft, signing, encrypts.then_some(&encryption), &edits, &target).unwrap()
    }

    async fn post(&self, partner: SocketAddr, bytes: &[u8]) -> Vec<u8> {
        let Ok(tcp) = TcpStream::connect(partner).await else { return Vec::new() };
        let identity = (!self.has(Fault::PushAnonymous)).then(|| self.tls.clone());
        let client =
            ClientTls { identity, versions: Vec::new(), suites: Vec::new(), server_name: "localhost".to_owned() };
        let Ok(Connected { mut stream, handshake }) = tls::connect(tcp, &client).await else { return Vec::new() };
        let chain = handshake.map(|handshake| handshake.peer_chain).unwrap_or_default();
        if !self.trusts(chain).await && !self.has(Fault::TakesAnyServer) {
            let _ = stream.shutdown().await;
            return Vec::new();
        }
        let _ = (stream.write_all(bytes).await, stream.flush().await);
        read(&mut stream).await
    }

    fn good(&self, answer: &[u8], sent: &[u8]) -> bool {
        if self.has(Fault::TakesAnyReceipt) {
            return !answer.is_empty();
        }
        let read = |bytes: &[u8]| {
            root::package(&http::read(bytes).ok()?).and_then(|package| ebms::read(&package.envelope).ok())
        };
        let (Some(receipt), Some(sent)) = (read(answer), read(sent)) else { return false };
        let signature = &receipt.signature;
        receipt.refers_to.as_deref() == Some(&sent.message_id)
            && signature.present
            && signature.fault.is_none()
            && signature.messaging
            && signature.body
            && signature.trusted(&self.anchors, Setup::now()).is_ok()
            && signature.chain.first().is_some_and(|leaf| common_name(leaf) == "SUITE")
            && receipt.receipt.is_some_and(|references| {
                references.len() == sent.signature.references.len()
                    && references.iter().all(|r| sent.signature.references.contains(r))
            })
    }
}

/// An ebMS error or HTTP status that ends sending.
fn terminal(answer: &[u8]) -> bool {
    let read =
        http::read(answer).ok().and_then(|message| root::package(&message)).and_then(|p| ebms::read(&p.envelope).ok());
    read.is_some_and(|ebms| ebms.errors.iter().any(|error| error.severity == "failure"))
}

fn between<'t>(text: &'t str, tag: &str) -> Option<&'t str> {
    let start = text.find(tag)? + tag.len();
    text[start..].split('<').next()
}
