//! A conformant node in little, made of the suite's own parts, and one fault at a time on request.
//!
//! It keeps what it received in memory, answers each declaration with a WCO Response pushed to the partner, and
//! resends it until a good receipt comes. It is a second witness, not a node.

mod accept;
mod answer;
mod lists;
mod send;

use std::collections::{BTreeSet, HashMap};
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use carnet_certs::{Authority, Identity, Profile, zoo};
use carnet_harness::judge::ebms;
use carnet_harness::line::{Connected, Duplex, ServerTls};
use carnet_harness::{Setup, http, root, tls};
use carnet_wire::encryption::DecryptionKey;
use rustls_pki_types::CertificateDer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// The channel it hands messages out from.
const CHANNEL: &str = "urn:carnet:mpc:double";

/// The file whose appearance makes it pull.
pub(crate) const PULL_NOW: &str = "pull-now";
/// The file that names the address at which the suite's revocation lists are; without it none are wanted.
pub(crate) const LISTS_AT: &str = "lists-at";
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
    FetchesNoList,
    HoldsLists,
    IgnoresLists,
}

/// What makes a message the same: its header but for the parts, and their digests.
type Came = (Option<ebms::User>, Vec<Vec<u8>>);

/// A running double.
pub(crate) struct Double {
    address: SocketAddr,
    state: Arc<State>,
    _runtime: tokio::runtime::Runtime,
}

struct State {
    pki: PathBuf,
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
    /// What came under each MessageId.
    seen: Mutex<HashMap<String, Came>>,
    receipted: Mutex<BTreeSet<String>>,
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
            pki: pki.to_owned(),
            tls,
            back_end: back_end.to_owned(),
            signing: identity("double-signing"),
            other_signing: identity("other-signing"),
            anchors: carnet_certs::certificates_from_pem(&read("anchors.pem")).unwrap(),
            faults: faults.iter().copied().collect(),
            partner: Mutex::default(),
            publisher: Mutex::default(),
            seen: Mutex::default(),
            receipted: Mutex::default(),
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
        if !self.trusts(chain).await && !self.has(Fault::AcceptsAnyClient) {
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

    /// Adds a line to a file of the back end.
    fn tell(&self, file: &str, line: &str) {
        let mut file = std::fs::OpenOptions::new().append(true).create(true).open(self.back_end.join(file)).unwrap();
        file.write_all(format!("{line}\n").as_bytes()).unwrap();
    }
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

fn common_name(der: &[u8]) -> String {
    let (_, certificate) = x509_parser::parse_x509_certificate(der).unwrap();
    certificate.subject().iter_common_name().next().and_then(|name| name.as_str().ok()).unwrap_or_default().to_owned()
}
