//! The suite's own endpoint: takes the subject's pushes and answers them as the case in question scripted.
//!
//! A push belongs to the case whose conversation it carries, else to the one whose message it refers to. What belongs
//! to none is receipted, so that the subject comes to rest, and recorded without a case. A connection that carries no
//! push belongs to the case whose [`Face`] the endpoint shows. A flood is bounded: in connections, bytes and time.

mod answer;
mod clear;
mod face;
mod offer;
mod room;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;

use super::budget::{Budget, PUSH};
use super::exchange::{connected, content_key};
use super::line::{Control, Raw};
use super::serving::Serving;
use crate::evidence::{Direction, Kind, Recorder, Side, Sink, Stage};
use crate::fresh::Fresh;
use crate::http::{self, Meter, Progress};
use crate::judge::checks::business;
use crate::line::{Connected, Duplex, Ending, ending};
use crate::root::{self, Names, Package, Seen};
use crate::setup::Setup;
use crate::{sealed, tls};
use answer::Push;
use clear::{Begins, begins};
pub(crate) use face::Face;
pub(crate) use offer::Offer;
pub(crate) use room::{Room, Scripted};

/// How long a connection of the subject may stay idle.
const IDLE: Duration = Duration::from_secs(60);
/// How long one push may take to arrive.
const SLOWEST: Duration = Duration::from_secs(120);

/// All cells that expect pushes, and the socket they share.
#[derive(Debug)]
pub(crate) struct Hub {
    setup: Arc<Setup>,
    recorder: Arc<Recorder>,
    budget: Arc<Budget>,
    fresh: Fresh,
    rooms: Mutex<HashMap<String, Arc<Room>>>,
    offers: Mutex<VecDeque<Offer>>,
    face: watch::Sender<Arc<Face>>,
    /// Connections that have said nothing yet.
    unheard: watch::Sender<BTreeSet<u64>>,
}

/// A connection until it says something or ends.
struct Unheard<'h> {
    hub: &'h Hub,
    number: u64,
}

impl Drop for Unheard<'_> {
    fn drop(&mut self) {
        self.hub.unheard.send_if_modified(|unheard| unheard.remove(&self.number));
    }
}

impl Hub {
    /// A hub without a socket yet.
    pub(crate) fn new(setup: Arc<Setup>, recorder: Arc<Recorder>, budget: Arc<Budget>, fresh: Fresh) -> Arc<Self> {
        let face = watch::Sender::new(Arc::new(Face::own(&setup)));
        let (rooms, offers, unheard) = (Mutex::default(), Mutex::default(), watch::Sender::default());
        Arc::new(Self { setup, recorder, budget, fresh, rooms, offers, face, unheard })
    }

    /// Binds the address of `subject.toml` and serves until the handle is dropped.
    ///
    /// # Errors
    /// The address cannot be bound.
    pub(crate) async fn serve(self: &Arc<Self>, listen: &str) -> io::Result<(SocketAddr, Serving)> {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        let hub = Arc::clone(self);
        let serving = Serving::accept(listener, move |tcp| {
            let hub = Arc::clone(&hub);
            async move { hub.connection(tcp).await }
        });
        Ok((address, serving))
    }

    /// Opens a room for a conversation.
    pub(crate) fn open(&self, sink: Sink, conversation: &str) -> Arc<Room> {
        let room = Arc::new(Room::new(sink));
        self.lock().insert(conversation.to_owned(), Arc::clone(&room));
        room
    }

    /// Shows another face from here on; connections that lie idle are closed, so that the next message meets it.
    pub(crate) fn show(&self, face: Face) {
        self.face.send_replace(Arc::new(face));
    }

    /// Shows the suite's own face again.
    pub(crate) fn show_own(&self) {
        self.show(Face::own(&self.setup));
    }

    /// A message of the room was sent: what refers to it belongs to the room too.
    pub(crate) fn also(&self, room: &Arc<Room>, message_id: &str) {
        self.lock().insert(message_id.to_owned(), Arc::clone(room));
    }

    /// Ends a room; what comes later belongs to no case.
    pub(crate) fn close(&self, room: &Arc<Room>) {
        self.lock().retain(|_, other| !Arc::ptr_eq(other, room));
        self.withdraw(room);
        room.closed.notify_waiters();
    }

    /// Hears out the connections that the subject has opened so far.
    pub(crate) async fn heard(&self, within: Duration) {
        let mut unheard = self.unheard.subscribe();
        let now = unheard.borrow_and_update().clone();
        let _ = timeout(within, unheard.wait_for(|unheard| unheard.is_disjoint(&now))).await;
    }

    async fn connection(&self, mut tcp: TcpStream) {
        let number = self.recorder.connection();
        self.unheard.send_if_modified(|unheard| unheard.insert(number));
        let unheard = Unheard { hub: self, number };
        let mut faces = self.face.subscribe();
        let face = Arc::clone(&faces.borrow_and_update());
        let run = Sink { recorder: Arc::clone(&self.recorder), scope: None };
        let host = face.room.as_ref();
        let (sink, step) = host.map_or((&run, None), |room| (&room.sink, Some(room.step())));
        if !face.accepts {
            if let Some(room) = host {
                room.attempted();
            }
            return;
        }
        let connection = Some(number);
        match begins(&tcp).await {
            Begins::Clear => return self.in_the_clear(&mut tcp, connection, host).await,
            Begins::Never => {
                // Somebody looked whether the port is open. Who has seen no certificate has not refused one.
                let (stage, ending) = (Stage::Tcp, Ending::Close);
                sink.event(step, connection, Kind::NotConnected { side: Side::Subject, stage, ending });
                return;
            }
            Begins::Other => {}
        }
        let line = Control::default();
        if let Some((kind, seed)) = face.fault {
            line.arm(kind, seed);
        }
        let accepting = timeout(Duration::from_secs(10), tls::accept(Raw::new(tcp, line.clone()), &face.tls));
        let Connected { stream, handshake } = match accepting.await.unwrap_or(Err(Ending::Timeout)) {
            Ok(connected) => connected,
            Err(ending) => {
                let ending = if line.broke_off() { Ending::Ours } else { ending };
                sink.event(step, connection, Kind::NotConnected { side: Side::Subject, stage: Stage::Tls, ending });
                if let Some(room) = host {
                    room.attempted();
                }
                return;
            }
        };
        let up = connected(sink, Side::Subject, handshake.as_ref());
        self.requests(stream, &line, &up, host, &mut faces, unheard).await;
    }

    /// Takes one request after the other until the connection ends.
    async fn requests(
        &self,
        mut stream: Box<dyn Duplex>,
        line: &Control,
        up: &Kind,
        host: Option<&Arc<Room>>,
        faces: &mut watch::Receiver<Arc<Face>>,
        unheard: Unheard<'_>,
    ) {
        let (connection, mut unheard) = (Some(unheard.number), Some(unheard));
        let run = Sink { recorder: Arc::clone(&self.recorder), scope: None };
        let mut told: Option<Sink> = None;
        loop {
            let (request, how) = self.read_request(&mut stream, faces).await;
            if request.is_empty() {
                match (told, host) {
                    (Some(sink), _) => {
                        sink.event(None, connection, Kind::Ended { ending: how });
                    }
                    (None, Some(room)) => {
                        room.sink.event(Some(room.step()), connection, up.clone());
                        room.sink.event(Some(room.step()), connection, Kind::Ended { ending: how });
                        room.attempted();
                    }
                    (None, None) => {
                        run.event(None, connection, up.clone());
                        run.event(None, connection, Kind::Ended { ending: how });
                    }
                }
                return;
            }
            let mut package = http::read(&request).ok().and_then(|message| root::package(&message));
            let envelope = package.as_ref().and_then(Package::text).map(Seen::of);
            let envelope = envelope.as_ref();
            let offered = envelope.and_then(|seen| self.asked_for(seen.signals));
            let room = offered.as_ref().and_then(|offered| offered.as_ref().map(|offer| Arc::clone(&offer.room)));
            let named = || envelope.and_then(|seen| self.room_of(&seen.names));
            let room = room.or_else(named).or_else(|| host.cloned());
            if self.budget.spent() && room.as_ref().is_none_or(|room| room.is_full()) {
                return;
            }
            let sink = room.as_ref().map_or_else(|| run.clone(), |room| room.sink.clone());
            let step = room.as_ref().map(|room| room.step());
            sink.event(step, connection, up.clone());
            told = Some(sink.clone());
            sink.event(step, connection, Kind::Bytes { direction: Direction::In, blob: sink.blob(&request) });
            if let Some(package) = &mut package
                && let Some(key) = content_key(&self.setup, &sink, (step, connection), package)
            {
                sealed::open(package, &key);
            }
            let mrn = package.as_ref().and_then(business::pushed_mrn);
            let scripted = room.as_ref().and_then(|room| room.arrive(envelope, mrn));
            unheard.take();
            let (room, open) = (room.as_ref(), AtomicBool::new(true));
            let push = Push { sink: &sink, step, connection, envelope, room, open };
            let keep = if how == Ending::Ours {
                match offered {
                    Some(offer) => self.hand_out(&mut stream, &push, offer, line).await,
                    None => self.answer(&mut stream, &push, scripted, line).await,
                }
            } else {
                false
            };
            push.closes();
            if !keep {
                sink.event(step, connection, Kind::Ended { ending: how });
                let _ = timeout(Duration::from_millis(200), stream.shutdown()).await;
                return;
            }
        }
    }

    /// One request as far as it came, and how reading ended: `Ours` when it is whole. An idle connection ends when the
    /// endpoint shows another face.
    async fn read_request(
        &self,
        stream: &mut Box<dyn Duplex>,
        faces: &mut watch::Receiver<Arc<Face>>,
    ) -> (Vec<u8>, Ending) {
        let mut request = Vec::new();
        let mut meter = Meter::default();
        let mut buffer = vec![0; 64 << 10];
        let first = tokio::select! {
            biased;
            read = timeout(IDLE, stream.read(&mut buffer)) => read,
            _ = faces.changed() => return (request, Ending::Ours),
        };
        let whole = async {
            let mut read = first;
            loop {
                match read {
                    Err(_) => return Ending::Timeout,
                    Ok(Ok(0)) => return Ending::Close,
                    Ok(Ok(length)) => {
                        // Counted as it comes: many pushes at once share what there is.
                        self.budget.take(length);
                        request.extend_from_slice(buffer.get(..length).unwrap_or_default());
                    }
                    Ok(Err(error)) => return ending(&error),
                }
                if meter.progress(&request) == Progress::Complete {
                    return Ending::Ours;
                }
                let limit = self.budget.limit(PUSH);
                if request.len() > limit {
                    request.truncate(limit);
                    return Ending::Limit { bytes: limit as u64 };
                }
                if expects_continue(&request) {
                    let _ = stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await;
                }
                read = timeout(IDLE, stream.read(&mut buffer)).await;
            }
        };
        let how = timeout(SLOWEST, whole).await.unwrap_or(Ending::Timeout);
        (request, how)
    }

    fn room_of(&self, names: &Names) -> Option<Arc<Room>> {
        let rooms = self.lock();
        [&names.refers_to, &names.conversation, &names.message_id]
            .into_iter()
            .flatten()
            .find_map(|name| rooms.get(name).cloned())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Room>>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the head is complete, asks for leave to go on, and no byte of the body is there yet.
fn expects_continue(request: &[u8]) -> bool {
    request.starts_with(b"POST")
        && request.ends_with(b"\r\n\r\n")
        && http::read(request).is_ok_and(|message| {
            message.body.is_empty()
                && message.header("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue"))
        })
}
