//! A conformant node in little, made of the suite's own parts, and one fault at a time on request.
//!
//! It keeps what it received in memory, answers each declaration with a WCO Response pushed to the partner, and
//! resends it until a good receipt comes. It is a second witness, not a node.

use std::collections::{BTreeSet, HashMap};
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use carnet_catalogue::step::EncryptChoice;
use carnet_certs::{Authority, Identity, Profile, zoo};
use carnet_harness::forge::{self, Agreed, Draft, Encryption, PartDraft, PartyRef, SignalDraft, Signing, Target};
use carnet_harness::http;
use carnet_harness::judge::ebms::{self, Ebms};
use carnet_harness::line::{ClientTls, Connected, Duplex, ServerTls};
use carnet_harness::root::{self, Package};
use carnet_harness::{Setup, plain, sealed, tls};
use carnet_wire::encryption::DecryptionKey;
use carnet_wire::{Limits, gzip};
use rustls_pki_types::CertificateDer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// The channel it hands messages out from.
const CHANNEL: &str = "urn:carnet:mpc:double";

/// The file whose appearance makes it pull.
pub(crate) const PULL_NOW: &str = "pull-now";
/// The file that names a party to look up, and the id of the message that it is to get.
const SUBMIT_NOW: &str = "submit-now";

/// One thing the double does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    NoReceipt,
    Status500,
    ContentTypeText,
    StackTrace,
    ReceiptWrongRef,
    ReceiptWrongDigest,
    ReceiptUnsigned,
    ReceiptMessagingUnsigned,
    ReceiptBodyUnsigned,
    ReceiptLeafToken,
    ReceiptOtherSigner,
    ReceiptSentId,
    AcceptsAnything,
    AcceptsAnyClient,
    ClosesAfterRequest,
    ErrorUnsigned,
    ErrorWithoutRef,
    ErrorCodeMalformed,
    ErrorSeverity,
    DuplicateOtherReceipt,
    PushNothing,
    PushUnsigned,
    PushUncovered,
    PushWrongTo,
    PushOtherConversation,
    PushWithoutMimeType,
    PushLeafToken,
    PushInTheClear,
    PushWithoutAction,
    PushTwice,
    PushAnonymous,
    RetryNewId,
    RetryTooSoon,
    RetryTooOften,
    TakesAnyReceipt,
    RefusesAll,
    RefusesOther,
    BusinessOtherLrn,
    BusinessWithoutMrn,
    ServerSelfSigned,
    DeliversTwice,
    DeliversPing,
    NotifiesNothing,
    DeliversNothing,
    ReceiptsTheCut,
    TakesAnyServer,
    PushWithoutRef,
    PushWithoutCorner,
    PushWithoutCharacterSet,
    HandsOutTheSame,
    RefusesReceipts,
    PullsNothing,
    PullsUnsigned,
    LooksNobodyUp,
}

/// A running double.
pub(crate) struct Double {
    address: SocketAddr,
    state: Arc<State>,
    _runtime: tokio::runtime::Runtime,
}

struct State {
    tls: Identity,
    back_end: PathBuf,
    signing: Identity,
    other_signing: Identity,
    decryption: DecryptionKey,
    suite: CertificateDer<'static>,
    anchors: Vec<CertificateDer<'static>>,
    faults: BTreeSet<Fault>,
    partner: Mutex<Option<SocketAddr>>,
    publisher: Mutex<Option<SocketAddr>>,
    seen: Mutex<HashMap<String, Vec<Vec<u8>>>>,
    lrns: Mutex<BTreeSet<String>>,
}

impl Double {
    pub(crate) fn start(pki: &Path, back_end: &Path, faults: &[Fault]) -> Self {
        let read = |name: &str| std::fs::read_to_string(pki.join(name)).unwrap();
        let identity =
            |name: &str| Identity::from_pem(&read(&format!("{name}.pem")), &read(&format!("{name}.key.pem"))).unwrap();
        let tls = if faults.contains(&Fault::ServerSelfSigned) {
            let authority = Authority::load(&pki.join("authority")).unwrap();
            zoo::make(zoo::kind("self-signed").unwrap(), &authority, &Profile::tls("DOUBLE"), Setup::now()).unwrap()
        } else {
            identity("double-tls")
        };
        let encryption = identity("double-encryption-rsa-2048");
        let key = encryption.key.pkcs8().secret_pkcs8_der();
        let state = Arc::new(State {
            decryption: DecryptionKey::new(key, encryption.leaf().unwrap().clone()).unwrap(),
            suite: identity("suite-encryption-rsa-2048").leaf().unwrap().clone(),
            tls,
            back_end: back_end.to_owned(),
            signing: identity("double-signing"),
            other_signing: identity("other-signing"),
            anchors: carnet_certs::certificates_from_pem(&read("anchors.pem")).unwrap(),
            faults: faults.iter().copied().collect(),
            partner: Mutex::default(),
            publisher: Mutex::default(),
            seen: Mutex::default(),
            lrns: Mutex::default(),
        });
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let puller = Arc::clone(&state);
        runtime.spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(20)).await;
                if std::fs::remove_file(puller.back_end.join(PULL_NOW)).is_ok() {
                    puller.pull().await;
                }
                if let Ok(what) = std::fs::read_to_string(puller.back_end.join(SUBMIT_NOW))
                    && let Some((party, id)) = what.strip_suffix('\n').and_then(|line| line.split_once(' '))
                {
                    let _ = std::fs::remove_file(puller.back_end.join(SUBMIT_NOW));
                    puller.look_up(party, id).await;
                }
            }
        });
        let served = Arc::clone(&state);
        runtime.spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                tokio::spawn(Arc::clone(&served).connection(tcp));
            }
        });
        Self { address, state, _runtime: runtime }
    }

    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}/as4", self.address.port())
    }

    pub(crate) fn partner_listens_at(&self, address: SocketAddr) {
        *self.state.partner.lock().unwrap() = Some(address);
    }

    pub(crate) fn publisher_listens_at(&self, address: SocketAddr) {
        *self.state.publisher.lock().unwrap() = Some(address);
    }
}

/// The AgreementRefs that it knows.
const MAIN: &str = "urn:carnet:agreement:DOUBLE-SUITE:1";
const ENCRYPTED: &str = "urn:carnet:agreement:DOUBLE-SUITE:encrypted";

type Refusal = (&'static str, Option<Box<Ebms>>);

impl State {
    fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    async fn connection(self: Arc<Self>, tcp: TcpStream) {
        let server = ServerTls { identity: self.tls.clone(), versions: Vec::new(), suites: Vec::new() };
        let Ok(Ok(Connected { mut stream, handshake })) =
            timeout(Duration::from_secs(5), tls::accept(tcp, &server)).await
        else {
            return;
        };
        let chain = handshake.map(|handshake| handshake.peer_chain).unwrap_or_default();
        let trusted = ebms::Signature { chain, ..Default::default() }.trusted(&self.anchors, Setup::now()).is_ok();
        if !trusted && !self.has(Fault::AcceptsAnyClient) {
            let _ = stream.shutdown().await;
            return;
        }
        let request = read(&mut stream).await;
        let cut = http::progress(&request) != http::Progress::Complete && !self.has(Fault::ReceiptsTheCut);
        if self.has(Fault::ClosesAfterRequest) || request.is_empty() || cut {
            let _ = stream.shutdown().await;
            return;
        }
        if let Some(response) = self.respond(&request) {
            let _ = stream.write_all(&response).await;
            let _ = stream.flush().await;
        } else {
            tokio::time::sleep(Duration::from_secs(30)).await;
        }
        let _ = stream.shutdown().await;
    }

    fn respond(self: &Arc<Self>, request: &[u8]) -> Option<Vec<u8>> {
        if self.has(Fault::NoReceipt) {
            return None;
        }
        if self.has(Fault::StackTrace) {
            return Some(http_answer("500 Error", "text/plain", b"java.lang.Exception\n\tat Node.java:1"));
        }
        let envelope = root::envelope_text(request);
        if envelope.as_deref().is_some_and(|envelope| root::signals(envelope).pull && envelope.contains(CHANNEL)) {
            return Some(self.hand_out());
        }
        let receipt = |envelope: &str| root::signals(envelope).answer && !root::signals(envelope).user;
        if envelope.as_deref().is_some_and(receipt) && !self.has(Fault::RefusesReceipts) {
            return Some(http_answer("202 Accepted", "text/plain", b""));
        }
        let outcome = self.accept(request);
        let (status, body) = match (outcome, &envelope) {
            (Ok(accepted), Some(envelope)) => {
                if let Some((ebms, package)) = accepted {
                    tokio::spawn(Arc::clone(self).business(ebms, package));
                }
                ("200 OK", self.receipt(envelope))
            }
            (Err((code, about)), _) => ("200 OK", self.error(code, about.as_deref(), envelope.as_deref())),
            (Ok(_), None) => return Some(http_answer("400 Bad Request", "text/plain", b"")),
        };
        let status = if self.has(Fault::Status500) { "500 Error" } else { status };
        let media = if self.has(Fault::ContentTypeText) { "text/xml" } else { "application/soap+xml; charset=UTF-8" };
        Some(http_answer(status, media, &body))
    }

    /// Takes a message, or says with which code it does not. `None` inside is a duplicate or a ping: nothing to do.
    fn accept(&self, request: &[u8]) -> Result<Option<(Ebms, Package)>, Refusal> {
        let message = http::read(request).map_err(|_| ("EBMS:0004", None))?;
        if message.headers.len() > 100 {
            return Err(("EBMS:0004", None));
        }
        let mut package = root::package(&message).ok_or(("EBMS:0007", None))?;
        if package.fault.is_some() {
            return Err(("EBMS:0007", None));
        }
        let agreement = package.text().and_then(|envelope| root::names(&envelope).agreement).unwrap_or_default();
        if let Some(key) = sealed::reveal(&package.envelope, [&self.decryption]).filter(|_| agreement == ENCRYPTED) {
            sealed::open(&mut package, &key);
        }
        let envelope = package.envelope.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&package.envelope).to_vec();
        let ebms = match ebms::read(&envelope) {
            Ok(ebms) => ebms,
            Err(_) if self.has(Fault::AcceptsAnything) => return Ok(None),
            Err(_) => return Err(("EBMS:0009", None)),
        };
        if self.has(Fault::AcceptsAnything) {
            return Ok(self.fresh(&ebms).unwrap_or(false).then_some((ebms, package)));
        }
        let boxed = Some(Box::new(ebms.clone()));
        let refuse = |code: &'static str| Err((code, boxed.clone()));
        let signature = &ebms.signature;
        if !signature.present {
            return refuse("EBMS:0103");
        }
        if signature.fault.is_some() || !signature.messaging || !signature.body {
            return refuse("EBMS:0101");
        }
        if signature.trusted(&self.anchors, Setup::now()).is_err() {
            return refuse("EBMS:0101");
        }
        let Some(user) = &ebms.user else { return refuse("EBMS:0009") };
        let messages = String::from_utf8_lossy(&envelope).matches("<eb:UserMessage>").count();
        if messages != 1 || ebms.message_id.is_empty() {
            return refuse("EBMS:0009");
        }
        if demands_unknown_header(&envelope) {
            return refuse("EBMS:0009");
        }
        let twice = |at: usize| user.parts.iter().take(at).any(|earlier| earlier.0 == user.parts[at].0);
        if (0..user.parts.len()).any(twice) {
            return refuse("EBMS:0009");
        }
        if agreement != ENCRYPTED && String::from_utf8_lossy(&envelope).contains("<xenc:Encrypted") {
            return refuse("EBMS:0103");
        }
        // No Service of this agreement has a type, and without one it is a URI.
        if !user.service.contains(':') {
            return refuse("EBMS:0003");
        }
        let Some(leaf) = signature.chain.first() else { return refuse("EBMS:0101") };
        if common_name(leaf) != user.from.0 {
            return refuse("EBMS:0101");
        }
        if user.to.0 != "DOUBLE" || user.from.0 != "SUITE" || ![MAIN, ENCRYPTED].contains(&agreement.as_str()) {
            return refuse("EBMS:0010");
        }
        let ping = user.action.ends_with("/test");
        if !ping
            && (user.service != "urn:carnet:service:declaration:1"
                || !["declaration", "cancellation"].contains(&user.action.as_str()))
        {
            return refuse("EBMS:0001");
        }
        for (href, properties) in &user.parts {
            let Some(cid) = href.strip_prefix("cid:") else { return refuse("EBMS:0011") };
            let Some(part) = package.parts.iter().find(|part| part.cid.as_deref() == Some(cid)) else {
                return refuse("EBMS:0007");
            };
            let value = |name: &str| properties.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
            if value("CompressionType").is_some() {
                if value("MimeType").is_none() || value("CharacterSet").is_some_and(|set| set.contains(' ')) {
                    return refuse("EBMS:0003");
                }
                if signature.parts.iter().all(|(covered, _)| covered != cid) {
                    return refuse("EBMS:0101");
                }
            }
            let _ = part;
        }
        let listed = Package {
            // In the order of PartInfo, whatever the order of the parts: the first is the leading document.
            parts: user
                .parts
                .iter()
                .filter_map(|(href, _)| {
                    package.parts.iter().find(|part| part.cid.as_deref() == href.strip_prefix("cid:"))
                })
                .cloned()
                .collect(),
            ..package.clone()
        };
        if signature.covers_parts(&listed).is_err() {
            return refuse("EBMS:0101");
        }
        for (href, properties) in &user.parts {
            let part = listed
                .parts
                .iter()
                .find(|part| Some(href.as_str()) == part.cid.as_ref().map(|c| format!("cid:{c}")).as_deref());
            if properties.iter().any(|(name, _)| name == "CompressionType")
                && part.is_none_or(|part| {
                    gzip::inflate(&part.body, &Limits { inflated: 16 << 20, ..Limits::default() }).is_err()
                })
            {
                return refuse("EBMS:0303");
            }
        }
        match self.fresh(&ebms) {
            None => refuse("EBMS:0004"),
            Some(true) if !ping => {
                if !self.has(Fault::DeliversNothing) {
                    self.tell("delivered.txt", &ebms.message_id);
                }
                Ok(Some((ebms, listed)))
            }
            Some(again) => {
                if (!again && self.has(Fault::DeliversTwice)) || (ping && self.has(Fault::DeliversPing)) {
                    self.tell("delivered.txt", &ebms.message_id);
                }
                Ok(None)
            }
        }
    }

    /// Whether the message is new; none when its id was used for something else.
    fn fresh(&self, ebms: &Ebms) -> Option<bool> {
        let digests: Vec<Vec<u8>> =
            ebms.signature.references.iter().filter(|r| r.uri.starts_with("cid:")).map(|r| r.digest.clone()).collect();
        let mut seen = self.seen.lock().unwrap();
        match seen.get(&ebms.message_id) {
            None => {
                seen.insert(ebms.message_id.clone(), digests);
                Some(true)
            }
            Some(before) if *before == digests => Some(false),
            Some(_) => None,
        }
    }

    /// A message for whoever pulls, another each time.
    fn hand_out(&self) -> Vec<u8> {
        let same = self.has(Fault::HandsOutTheSame);
        let id = if same { "same@double".to_owned() } else { format!("{}@double", uuid::Uuid::now_v7()) };
        let signing = Signing::new(&self.signing, "x509-pkipath");
        let draft = self.draft(&id, ("pulled", MAIN), None, "<pulled/>");
        forge::pulled(draft, Some(&signing), None, &[]).unwrap().bytes
    }

    /// Sends one pull request.
    async fn pull(&self) {
        let Some(partner) = *self.partner.lock().unwrap() else { return };
        if self.has(Fault::PullsNothing) {
            return;
        }
        let signing = Signing::new(&self.signing, "x509-pkipath");
        let signing = (!self.has(Fault::PullsUnsigned)).then_some(&signing);
        let target = Target { host: "localhost".to_owned(), path: "/as4".to_owned() };
        let id = format!("{}@double", uuid::Uuid::now_v7());
        let request = forge::pull_request(&id, "urn:carnet:mpc:suite", signing, &[], &target).unwrap();
        self.post(partner, &request.bytes).await;
    }

    /// Asks the publisher once; whatever it says, the message is given up.
    async fn look_up(&self, party: &str, id: &str) {
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

    fn receipt(&self, envelope: &str) -> Vec<u8> {
        let id = format!("{}@double", uuid::Uuid::now_v7());
        let mut draft = SignalDraft::receipt(id, jiff::Timestamp::now().to_string(), envelope).unwrap();
        let again = {
            let mut seen = self.seen.lock().unwrap();
            let count = seen.entry(format!("count {}", draft.refers_to)).or_default();
            count.push(Vec::new());
            count.len() > 1
        };
        if self.has(Fault::ReceiptWrongDigest) || (again && self.has(Fault::DuplicateOtherReceipt)) {
            draft.references[0].digest = vec![7; 32];
        }
        if self.has(Fault::ReceiptSentId) {
            draft.message_id = draft.refers_to.clone();
        }
        if self.has(Fault::ReceiptWrongRef) {
            draft.refers_to = "other@double".to_owned();
        }
        self.sign(&draft, self.has(Fault::ReceiptUnsigned))
    }

    fn error(&self, code: &'static str, about: Option<&Ebms>, envelope: Option<&str>) -> Vec<u8> {
        let refers_to =
            about.map(|ebms| ebms.message_id.clone()).or_else(|| envelope.and_then(|e| root::names(e).message_id));
        let mut row = forge::error_row(code).unwrap();
        if self.has(Fault::ErrorCodeMalformed) {
            row.code = "0101";
        }
        if self.has(Fault::ErrorSeverity) {
            row.severity = "warning";
        }
        let draft = SignalDraft {
            message_id: format!("{}@double", uuid::Uuid::now_v7()),
            timestamp: jiff::Timestamp::now().to_string(),
            refers_to: if self.has(Fault::ErrorWithoutRef) { String::new() } else { refers_to.unwrap_or_default() },
            references: Vec::new(),
            error: Some(row),
        };
        self.sign(&draft, self.has(Fault::ErrorUnsigned))
    }

    fn sign(&self, draft: &SignalDraft, unsigned: bool) -> Vec<u8> {
        let identity = if self.has(Fault::ReceiptOtherSigner) { &self.other_signing } else { &self.signing };
        let token = if self.has(Fault::ReceiptLeafToken) { "x509-v3" } else { "x509-pkipath" };
        let mut signing = Signing::new(identity, token);
        signing.omit.body = self.has(Fault::ReceiptBodyUnsigned);
        signing.omit.messaging = self.has(Fault::ReceiptMessagingUnsigned);
        forge::signal(draft, (!unsigned).then_some(&signing), &[]).unwrap()
    }

    /// Pushes a WCO Response to the partner, again until a good receipt comes.
    async fn business(self: Arc<Self>, ebms: Ebms, package: Package) {
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

    /// Adds a line to a file of the back end.
    fn tell(&self, file: &str, line: &str) {
        let mut file = std::fs::OpenOptions::new().append(true).create(true).open(self.back_end.join(file)).unwrap();
        file.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    fn forge(&self, draft: Draft) -> forge::Forged {
        let token = if self.has(Fault::PushLeafToken) { "x509-v3" } else { "x509-pkipath" };
        let mut signing = Signing::new(&self.signing, token);
        signing.omit.body = self.has(Fault::PushUncovered);
        let target = Target { host: "localhost".to_owned(), path: "/as4".to_owned() };
        let edit = |place: &str| carnet_catalogue::step::Forge {
            at: carnet_catalogue::step::Stage::Envelope,
            op: carnet_catalogue::step::Op::Remove,
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

    async fn post(&self, partner: SocketAddr, bytes: &[u8]) -> Vec<u8> {
        let Ok(tcp) = TcpStream::connect(partner).await else { return Vec::new() };
        let identity = (!self.has(Fault::PushAnonymous)).then(|| self.tls.clone());
        let client =
            ClientTls { identity, versions: Vec::new(), suites: Vec::new(), server_name: "localhost".to_owned() };
        let Ok(Connected { mut stream, handshake }) = tls::connect(tcp, &client).await else { return Vec::new() };
        let chain = handshake.map(|handshake| handshake.peer_chain).unwrap_or_default();
        let trusted = ebms::Signature { chain, ..Default::default() }.trusted(&self.anchors, Setup::now()).is_ok();
        if !trusted && !self.has(Fault::TakesAnyServer) {
            let _ = stream.shutdown().await;
            return Vec::new();
        }
        let _ = (stream.write_all(bytes).await, stream.flush().await);
        read(&mut stream).await
    }

    fn draft(&self, id: &str, under: (&str, &str), about: Option<&str>, document: &str) -> Draft {
        let (conversation, agreement) = under;
        let corner = |name: &str| carnet_catalogue::step::Property {
            name: name.to_owned(),
            kind: None,
            value: "corner".to_owned(),
        };
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
}

/// An ebMS error or HTTP status that ends sending.
fn terminal(answer: &[u8]) -> bool {
    let read =
        http::read(answer).ok().and_then(|message| root::package(&message)).and_then(|p| ebms::read(&p.envelope).ok());
    read.is_some_and(|ebms| ebms.errors.iter().any(|error| error.severity == "failure"))
}

async fn read(stream: &mut Box<dyn Duplex>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        match timeout(Duration::from_secs(5), stream.read(&mut buffer)).await {
            Ok(Ok(length)) if length > 0 => bytes.extend_from_slice(&buffer[..length]),
            _ => return bytes,
        }
        if http::progress(&bytes) == http::Progress::Complete {
            return bytes;
        }
    }
}

fn http_answer(status: &str, media: &str, body: &[u8]) -> Vec<u8> {
    let mut answer =
        format!("HTTP/1.1 {status}\r\nContent-Type: {media}\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
    answer.extend_from_slice(body);
    answer
}

fn between<'t>(text: &'t str, tag: &str) -> Option<&'t str> {
    let start = text.find(tag)? + tag.len();
    text[start..].split('<').next()
}

fn common_name(der: &[u8]) -> String {
    let (_, certificate) = x509_parser::parse_x509_certificate(der).unwrap();
    certificate.subject().iter_common_name().next().and_then(|name| name.as_str().ok()).unwrap_or_default().to_owned()
}

/// Whether a header block that is neither Messaging nor Security must be understood.
fn demands_unknown_header(envelope: &[u8]) -> bool {
    const SOAP: &str = "http://www.w3.org/2003/05/soap-envelope";
    let Some(text) = std::str::from_utf8(envelope).ok() else { return false };
    let Ok(tree) = roxmltree::Document::parse(text) else { return false };
    let header = tree.root_element().children().find(|node| node.has_tag_name((SOAP, "Header")));
    header.is_some_and(|header| {
        header.children().filter(roxmltree::Node::is_element).any(|block| {
            let known = matches!(block.tag_name().name(), "Messaging" | "Security");
            !known && matches!(block.attribute((SOAP, "mustUnderstand")), Some("true" | "1"))
        })
    })
}
