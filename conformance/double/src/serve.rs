//! The engine: accepts connections on a thread of its own and does to each what the peer's data say.

use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use carnet_certs::Identity;
use carnet_harness::forge::{self, SignalDraft, Signing};
use carnet_harness::http::{self, Progress};
use carnet_harness::line::{Duplex, ServerTls};
use carnet_harness::{root, tls};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::DoubleError;
use crate::hello::unsound_answer;
use crate::peer::{Answer, Door, Peer, Receipt, Truth};

/// Pause between two bytes of a dripping answer.
const DRIP: Duration = Duration::from_millis(50);
/// A request is read up to this size.
const LIMIT: usize = 64 << 20;

/// What a null node presents and signs with.
#[derive(Debug, Clone)]
pub struct Identities {
    /// For TLS.
    pub tls: Identity,
    /// For receipts.
    pub signing: Identity,
}

/// A null node at work; it ends when this is dropped.
#[derive(Debug)]
pub struct Serving {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Serving {
    /// Starts a null node on `address` (`127.0.0.1:0` for a port of the system's choice).
    ///
    /// # Errors
    /// [`DoubleError::Listen`] when the address is taken or no runtime starts.
    pub fn start(peer: &Peer, identities: Identities, address: &str) -> Result<Self, DoubleError> {
        let failed = |source| DoubleError::Listen { address: address.to_owned(), source };
        let listener = StdListener::bind(address).map_err(failed)?;
        let bound = listener.local_addr().map_err(failed)?;
        if peer.door == Door::Refuse {
            // The port was free a moment ago, and nothing listens on it now.
            drop(listener);
            return Ok(Self { address: bound, stop: None, thread: None });
        }
        listener.set_nonblocking(true).map_err(failed)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let listener = {
            let _inside = runtime.enter();
            TcpListener::from_std(listener).map_err(failed)?
        };
        let (stop, stopped) = oneshot::channel();
        let node = Arc::new(Node { peer: peer.clone(), identities });
        let thread = std::thread::spawn(move || runtime.block_on(node.serve(listener, stopped)));
        Ok(Self { address: bound, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens, or where nothing listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Node {
    peer: Peer,
    identities: Identities,
}

impl Node {
    /// Until told to stop; connections that are open then are dropped with the tasks that hold them.
    async fn serve(self: Arc<Self>, listener: TcpListener, mut stopped: oneshot::Receiver<()>) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                _ = &mut stopped => return,
                Some(_) = connections.join_next() => {}
                accepted = listener.accept() => {
                    if let Ok((tcp, _)) = accepted {
                        let node = Arc::clone(&self);
                        connections.spawn(async move { node.connection(tcp).await });
                    }
                }
            }
        }
    }

    async fn connection(&self, mut tcp: TcpStream) {
        let _ = tcp.set_nodelay(true);
        match self.peer.door {
            Door::Refuse | Door::Close => return,
            Door::Hang => return hold(&mut tcp).await,
            Door::Tls => {}
        }
        let mut first = [0; 512];
        let Ok(length) = tcp.peek(&mut first).await else { return };
        let first = first.get(..length).unwrap_or_default();
        if self.peer.old
            && let Some(answer) = unsound_answer(first)
        {
            let _ = tcp.write_all(&answer).await;
            return hold(&mut tcp).await;
        }
        if self.peer.plain && !matches!(first, [22 | 0x80, ..]) {
            return self.requests(&mut tcp).await;
        }
        let face = ServerTls { identity: self.identities.tls.clone(), versions: Vec::new(), suites: Vec::new() };
        if let Ok(mut connected) = tls::accept(tcp, &face).await {
            self.requests(&mut connected.stream).await;
        }
    }

    /// One request after the other, until the client is gone.
    async fn requests(&self, stream: &mut (impl Duplex + ?Sized)) {
        loop {
            let mut request = Vec::new();
            let mut buffer = vec![0; 64 << 10];
            while http::progress(&request) != Progress::Complete {
                match stream.read(&mut buffer).await {
                    Ok(length) if length > 0 && request.len() < LIMIT => {
                        request.extend_from_slice(buffer.get(..length).unwrap_or_default());
                        // What is no HTTP, or has no end of its own, is answered as it stands.
                        if http::progress(&request) == Progress::UntilClose {
                            break;
                        }
                    }
                    _ => return,
                }
            }
            let Some(answer) = self.answer(&request) else { return hold(stream).await };
            if self.peer.answer == Answer::Drip {
                return drip(stream, &answer).await;
            }
            if stream.write_all(&answer).await.is_err() || stream.flush().await.is_err() {
                return;
            }
        }
    }

    fn answer(&self, request: &[u8]) -> Option<Vec<u8>> {
        match self.peer.answer {
            Answer::Silence => None,
            Answer::Status(status) => Some(response(status, None, &[])),
            Answer::Echo => {
                let message = http::read(request).ok();
                let kind = message.as_ref().and_then(|message| message.header("content-type")).map(str::to_owned);
                Some(response(200, kind.as_deref(), message.as_ref().map_or(request, |message| &message.body)))
            }
            Answer::Drip => Some(response(200, Some("application/soap+xml"), &[b' '; 4096])),
            Answer::Receipt(receipt) => Some(match self.receipt(receipt, request) {
                Some(body) => response(200, Some("application/soap+xml; charset=UTF-8"), &body),
                None => response(500, None, &[]),
            }),
        }
    }

    /// A signed receipt; none when what was sent holds no message and the receipt shall refer to it.
    fn receipt(&self, receipt: Receipt, request: &[u8]) -> Option<Vec<u8>> {
        let id = format!("{}@null.carnet", uuid::Uuid::now_v7());
        let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
        let sent =
            root::envelope_text(request).and_then(|envelope| SignalDraft::receipt(id.clone(), now.clone(), &envelope));
        let mut draft = match (sent, receipt.refers_to) {
            (Some(draft), _) => draft,
            (None, Truth::Nobody) => SignalDraft {
                message_id: id,
                timestamp: now,
                refers_to: String::new(),
                references: Vec::new(),
                error: None,
            },
            (None, Truth::Sent) => return None,
        };
        if receipt.refers_to == Truth::Nobody {
            draft.refers_to = "nobody@null.carnet".to_owned();
        }
        if receipt.digests == Truth::Nobody {
            for reference in &mut draft.references {
                reference.digest = vec![0x2a; 32];
            }
        }
        forge::signal(&draft, Some(&Signing::new(&self.identities.signing, "x509-pkipath")), &[]).ok()
    }
}

fn response(status: u16, content_type: Option<&str>, body: &[u8]) -> Vec<u8> {
    let kind = content_type.map(|kind| format!("Content-Type: {kind}\r\n")).unwrap_or_default();
    let head = format!("HTTP/1.1 {status} Null\r\n{kind}Content-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// Says nothing until the other side is gone.
async fn hold(stream: &mut (impl Duplex + ?Sized)) {
    let mut buffer = vec![0; 16 << 10];
    while let Ok(1..) = stream.read(&mut buffer).await {}
}

async fn drip(stream: &mut (impl Duplex + ?Sized), bytes: &[u8]) {
    for byte in bytes {
        if stream.write_all(&[*byte]).await.is_err() || stream.flush().await.is_err() {
            return;
        }
        tokio::time::sleep(DRIP).await;
    }
    hold(stream).await;
}
