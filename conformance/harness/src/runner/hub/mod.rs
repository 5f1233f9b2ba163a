//! The suite's own endpoint: takes the subject's pushes and answers them as the case in question scripted.
//!
//! A push belongs to the case whose conversation it carries, else to the one whose message it refers to. What belongs
//! to none is receipted, so that the subject comes to rest, and recorded without a case.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use carnet_catalogue::step::{Answer, AnswerKind, Forge, SignChoice};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::timeout;
use uuid::Uuid;

use super::exchange::connected;
use super::signer::Signer;
use crate::evidence::{Direction, Kind, Recorder, Side, Sink, Stage};
use crate::forge::{self, SignalDraft};
use crate::http::{self, Progress};
use crate::judge::checks::business;
use crate::line::{Connected, Ending, ServerTls, ending};
use crate::setup::Setup;
use crate::{root, tls};

/// How long a connection of the subject may stay idle.
const IDLE: Duration = Duration::from_secs(60);
/// A push is read up to this size.
const PUSH_LIMIT: usize = 64 << 20;

/// An answer with how it is signed and spoilt.
#[derive(Debug, Clone)]
pub(crate) struct Scripted {
    pub(crate) answer: Answer,
    pub(crate) speaker: Option<String>,
    pub(crate) sign: Option<SignChoice>,
    pub(crate) forge: Vec<Forge>,
}

/// What a cell expects at the suite's endpoint.
#[derive(Debug)]
pub(crate) struct Room {
    sink: Sink,
    state: Mutex<RoomState>,
    arrived: Notify,
    closed: Notify,
}

#[derive(Debug, Default)]
struct RoomState {
    step: usize,
    script: Vec<Scripted>,
    answered: u32,
    arrivals: usize,
    taken: usize,
    ids: Vec<String>,
    mrns: Vec<Option<String>>,
    finished: bool,
}

/// All cells that expect pushes, and the socket they share.
#[derive(Debug)]
pub(crate) struct Hub {
    setup: Arc<Setup>,
    recorder: Arc<Recorder>,
    rooms: Mutex<HashMap<String, Arc<Room>>>,
    shut: AtomicBool,
}

impl Room {
    /// Says which step pushes belong to from here on.
    pub(crate) fn at_step(&self, step: usize) {
        self.lock().step = step;
    }

    /// Adds an answer to the script.
    pub(crate) fn script(&self, scripted: Scripted) {
        self.lock().script.push(scripted);
    }

    /// Waits for a push that was not awaited before; false when none came in time.
    pub(crate) async fn next(&self, within: Duration) -> bool {
        let waiting = async {
            loop {
                let notified = self.arrived.notified();
                {
                    let mut state = self.lock();
                    if state.arrivals > state.taken {
                        state.taken += 1;
                        return;
                    }
                }
                notified.await;
            }
        };
        timeout(within, waiting).await.is_ok()
    }

    /// The movement reference number that the push awaited last names.
    pub(crate) fn mrn(&self) -> Option<String> {
        let state = self.lock();
        state.mrns.get(state.taken.checked_sub(1)?)?.clone()
    }

    /// MessageIds of the pushes so far.
    pub(crate) fn ids(&self) -> Vec<String> {
        self.lock().ids.clone()
    }

    /// Counts a push and says what it is answered with.
    fn arrive(&self, message_id: Option<String>, mrn: Option<String>) -> Option<Scripted> {
        let mut state = self.lock();
        state.ids.extend(message_id);
        state.arrivals += 1;
        state.mrns.push(mrn);
        let mut left = state.answered;
        let mut chosen = state.script.last();
        for scripted in &state.script {
            if left < scripted.answer.times {
                chosen = Some(scripted);
                break;
            }
            left -= scripted.answer.times;
        }
        let chosen = chosen.cloned();
        state.answered += 1;
        self.arrived.notify_waiters();
        chosen
    }

    fn lock(&self) -> MutexGuard<'_, RoomState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hub {
    /// A hub without a socket yet.
    pub(crate) fn new(setup: Arc<Setup>, recorder: Arc<Recorder>) -> Arc<Self> {
        Arc::new(Self { setup, recorder, rooms: Mutex::default(), shut: AtomicBool::new(false) })
    }

    /// Binds the address of `subject.toml` and serves until the handle is dropped.
    ///
    /// # Errors
    /// The address cannot be bound.
    pub(crate) async fn serve(self: &Arc<Self>, listen: &str) -> io::Result<(SocketAddr, Serving)> {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        let hub = Arc::clone(self);
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((tcp, _)) = listener.accept().await {
                let hub = Arc::clone(&hub);
                connections.spawn(async move { hub.connection(tcp).await });
                while connections.try_join_next().is_some() {}
            }
        });
        Ok((address, Serving { task }))
    }

    /// Opens a room for a conversation.
    pub(crate) fn open(&self, sink: Sink, conversation: &str) -> Arc<Room> {
        let room = Arc::new(Room { sink, state: Mutex::default(), arrived: Notify::new(), closed: Notify::new() });
        self.lock().insert(conversation.to_owned(), Arc::clone(&room));
        room
    }

    /// Takes connections, or drops every one at once as an endpoint does that is down.
    pub(crate) fn accepts(&self, accepts: bool) {
        self.shut.store(!accepts, Ordering::Relaxed);
    }

    /// A message of the room was sent: what refers to it belongs to the room too.
    pub(crate) fn also(&self, room: &Arc<Room>, message_id: &str) {
        self.lock().insert(message_id.to_owned(), Arc::clone(room));
    }

    /// Ends a room; what comes later belongs to no case.
    pub(crate) fn close(&self, room: &Arc<Room>) {
        room.lock().finished = true;
        self.lock().retain(|_, other| !Arc::ptr_eq(other, room));
        room.closed.notify_waiters();
    }

    async fn connection(&self, tcp: TcpStream) {
        if self.shut.load(Ordering::Relaxed) {
            return;
        }
        let connection = Some(self.recorder.connection());
        let run = Sink { recorder: Arc::clone(&self.recorder), scope: None };
        let server = ServerTls { identity: self.setup.partner.tls.clone(), versions: Vec::new() };
        let accepted = match timeout(Duration::from_secs(10), tls::accept(tcp, &server)).await {
            Ok(accepted) => accepted,
            Err(_) => Err(Ending::Timeout),
        };
        let Connected { mut stream, handshake } = match accepted {
            Ok(connected) => connected,
            Err(ending) => {
                run.event(None, connection, Kind::NotConnected { side: Side::Subject, stage: Stage::Tls, ending });
                return;
            }
        };
        let up = connected(&run, Side::Subject, handshake.as_ref());
        let mut told: Option<Sink> = None;
        loop {
            let (request, how) = read_request(&mut stream).await;
            if request.is_empty() {
                if let Some(sink) = told {
                    sink.event(None, connection, Kind::Ended { ending: how });
                } else {
                    run.event(None, connection, up);
                    run.event(None, connection, Kind::Ended { ending: how });
                }
                return;
            }
            let envelope = root::envelope_text(&request);
            let room = envelope.as_deref().and_then(|envelope| self.room_of(envelope));
            let sink = room.as_ref().map_or_else(|| run.clone(), |room| room.sink.clone());
            let step = room.as_ref().map(|room| room.lock().step);
            sink.event(step, connection, up.clone());
            told = Some(sink.clone());
            sink.event(step, connection, Kind::Bytes { direction: Direction::In, blob: sink.blob(&request) });
            let scripted = room.as_ref().and_then(|room| {
                let id = envelope.as_deref().and_then(|envelope| root::names(envelope).message_id);
                room.arrive(id, business::pushed_mrn(&request))
            });
            let keep =
                self.answer(&mut stream, &sink, step, connection, envelope.as_deref(), scripted, room.as_ref()).await;
            if !keep || how != Ending::Ours {
                sink.event(step, connection, Kind::Ended { ending: Ending::Ours });
                let _ = timeout(Duration::from_millis(200), stream.shutdown()).await;
                return;
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one call site; the pieces belong to different owners")]
    async fn answer(
        &self,
        stream: &mut Box<dyn crate::line::Duplex>,
        sink: &Sink,
        step: Option<usize>,
        connection: Option<u64>,
        envelope: Option<&str>,
        scripted: Option<Scripted>,
        room: Option<&Arc<Room>>,
    ) -> bool {
        let scripted = scripted.unwrap_or_else(|| Scripted {
            answer: Answer { with: AnswerKind::Receipt, code: None, status: None, times: u32::MAX },
            speaker: None,
            sign: None,
            forge: Vec::new(),
        });
        let answer = &scripted.answer;
        let response = match answer.with {
            AnswerKind::Close => return false,
            AnswerKind::Nothing => {
                let gone = async {
                    let mut byte = [0; 1];
                    let _ = stream.read(&mut byte).await;
                };
                tokio::select! {
                    () = gone => {}
                    () = async { match room { Some(room) => room.closed.notified().await, None => std::future::pending().await } } => {}
                    () = tokio::time::sleep(IDLE) => {}
                }
                return false;
            }
            AnswerKind::Http => {
                let status = answer.status.unwrap_or(500);
                let location = if (300..400).contains(&status) {
                    format!("Location: {}elsewhere\r\n", self.setup.suite_url().unwrap_or_default())
                } else {
                    String::new()
                };
                format!("HTTP/1.1 {status} Scripted\r\n{location}Content-Length: 0\r\n\r\n").into_bytes()
            }
            AnswerKind::Receipt | AnswerKind::Error => match self.signal(envelope, &scripted) {
                Ok(body) => {
                    let mut response = format!(
                        "HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml; charset=UTF-8\r\nContent-Length: {}\r\n\r\n",
                        body.len()
                    )
                    .into_bytes();
                    response.extend(body);
                    response
                }
                Err(reason) => {
                    sink.event(step, connection, Kind::Broken { reason });
                    b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n".to_vec()
                }
            },
        };
        sink.event(step, connection, Kind::Bytes { direction: Direction::Out, blob: sink.blob(&response) });
        stream.write_all(&response).await.is_ok() && stream.flush().await.is_ok()
    }

    /// A receipt or error for the message in `envelope`, spoilt as scripted.
    fn signal(&self, envelope: Option<&str>, scripted: &Scripted) -> Result<Vec<u8>, String> {
        let now = jiff::Timestamp::now().to_string();
        let id = format!("{}@suite.carnet", Uuid::now_v7());
        let envelope = envelope.ok_or_else(|| "the push carries no envelope that can be read".to_owned())?;
        let mut draft =
            SignalDraft::receipt(id, now, envelope).ok_or_else(|| "the push carries no MessageId".to_owned())?;
        if scripted.answer.with == AnswerKind::Error {
            let code = scripted.answer.code.as_deref().unwrap_or("EBMS:0004");
            draft.error = Some(forge::error_row(code).ok_or_else(|| format!("{code} is not in the error table"))?);
        }
        let sign = Signer::of(&self.setup, scripted.speaker.as_deref(), scripted.sign.as_ref())?;
        forge::signal(&draft, sign.as_ref().map(Signer::signing).as_ref(), &scripted.forge)
            .map_err(|error| error.to_string())
    }

    fn room_of(&self, envelope: &str) -> Option<Arc<Room>> {
        let names = root::names(envelope);
        let rooms = self.lock();
        [names.refers_to, names.conversation, names.message_id]
            .into_iter()
            .flatten()
            .find_map(|name| rooms.get(&name).cloned())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Room>>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Stops serving when dropped.
#[derive(Debug)]
pub(crate) struct Serving {
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn read_request(stream: &mut Box<dyn crate::line::Duplex>) -> (Vec<u8>, Ending) {
    let mut request = Vec::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        let read = timeout(IDLE, stream.read(&mut buffer)).await;
        match read {
            Err(_) => return (request, Ending::Timeout),
            Ok(Ok(0)) => return (request, Ending::Close),
            Ok(Ok(length)) => request.extend_from_slice(buffer.get(..length).unwrap_or_default()),
            Ok(Err(error)) => return (request, ending(&error)),
        }
        if http::progress(&request) == Progress::Complete {
            return (request, Ending::Ours);
        }
        if request.starts_with(b"POST") && expects_continue(&request) {
            let _ = stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await;
        }
        if request.len() > PUSH_LIMIT {
            return (request, Ending::Ours);
        }
    }
}

/// Whether the head is complete, asks for leave to go on, and no byte of the body is there yet.
fn expects_continue(request: &[u8]) -> bool {
    request.ends_with(b"\r\n\r\n")
        && http::read(request).is_ok_and(|message| {
            message.body.is_empty()
                && message.header("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue"))
        })
}
