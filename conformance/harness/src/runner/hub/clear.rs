//! What a connection begins with: TLS, a push without it, or nothing at all. A push in the clear is written down and
//! counted, and gets no answer.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::super::budget::PUSH;
use super::super::exchange::connected;
use super::{Hub, Room, SLOWEST};
use crate::evidence::{Direction, Kind, Side, Sink};
use crate::line::Ending;
use crate::plain;
use crate::root::{self, Seen};

/// How a request begins that is no TLS record.
const POST: &[u8] = b"POST ";
/// How long the first bytes of a connection may take.
const FIRST: Duration = Duration::from_secs(10);

/// How a connection begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begins {
    /// With a request in the clear.
    Clear,
    /// With something else, or later than is waited for.
    Other,
    /// Not at all: the peer left without a byte.
    Never,
}

/// Looks at the first bytes of a connection, and leaves them there.
pub(super) async fn begins(tcp: &TcpStream) -> Begins {
    let mut first = [0; POST.len()];
    let Ok(Ok(length)) = timeout(FIRST, tcp.peek(&mut first)).await else { return Begins::Other };
    match first.get(..length).unwrap_or_default() {
        [] => Begins::Never,
        begins if POST.starts_with(begins) => Begins::Clear,
        _ => Begins::Other,
    }
}

impl Hub {
    /// Takes what comes in the clear.
    pub(super) async fn in_the_clear(&self, tcp: &mut TcpStream, connection: Option<u64>, host: Option<&Arc<Room>>) {
        let Some(request) = plain::heard(tcp, SLOWEST, self.budget.limit(PUSH)).await else { return };
        self.budget.take(request.len());
        let envelope = root::envelope_text(&request).map(Seen::of);
        let room = envelope.as_ref().and_then(|seen| self.room_of(&seen.names)).or_else(|| host.cloned());
        let run = Sink { recorder: Arc::clone(&self.recorder), scope: None };
        let sink = room.as_ref().map_or(&run, |room| &room.sink);
        let step = room.as_ref().map(|room| room.step());
        sink.event(step, connection, connected(sink, Side::Subject, None));
        sink.event(step, connection, Kind::Bytes { direction: Direction::In, blob: sink.blob(&request) });
        sink.event(step, connection, Kind::Ended { ending: Ending::Ours });
        if let Some(room) = &room {
            room.arrive(envelope.as_ref(), None);
            room.closes();
        }
    }
}
