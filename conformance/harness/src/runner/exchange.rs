//! Sends bytes to the subject, with a fault on the line if asked, and writes down what comes back.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use carnet_catalogue::step::{Fault, FaultKind};
use tokio::io::{AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, split};
use tokio::time::{Instant, timeout_at};

use super::line::{Dial, dial};
use crate::evidence::{Chains, Direction, Kind, Side, Sink};
use crate::http::{Progress, progress};
use crate::line::{Connected, Ending, Handshake, ending};
use crate::setup::Setup;

/// How the bytes of an answer end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// One HTTP message.
    Http,
    /// The connection.
    End,
}

/// What is to be sent and how long to wait.
#[derive(Debug, Clone)]
pub(crate) struct Exchange<'b> {
    pub(crate) step: usize,
    pub(crate) bytes: &'b [u8],
    pub(crate) dial: Dial,
    pub(crate) fault: Option<&'b Fault>,
    pub(crate) until: Until,
    pub(crate) within: Duration,
}

/// An answer is read up to this size; no signal comes near it.
const ANSWER_LIMIT: usize = 16 << 20;

/// Carries it out; all that happened is in the evidence, and the answer's bytes are given back.
pub(crate) async fn exchange(setup: &Setup, sink: &Sink, exchange: &Exchange<'_>) -> Vec<u8> {
    if exchange.fault.is_some_and(|fault| fault.kind == FaultKind::Duplicate) {
        let (first, _) = tokio::join!(once(setup, sink, exchange), once(setup, sink, exchange));
        return first;
    }
    once(setup, sink, exchange).await
}

/// The event of a connection that is up.
pub(crate) fn connected(sink: &Sink, side: Side, handshake: Option<&Handshake>) -> Kind {
    let chain = |certificates: &[rustls_pki_types::CertificateDer<'static>]| {
        certificates.iter().map(|certificate| sink.blob(certificate)).collect::<Vec<_>>()
    };
    Kind::Connected {
        side,
        tls: handshake.map(|handshake| handshake.version.clone()),
        suite: handshake.map(|handshake| handshake.suite.clone()),
        chains: handshake.map_or_else(Chains::default, |handshake| Chains {
            peer: chain(&handshake.peer_chain),
            own: chain(&handshake.own_chain),
        }),
    }
}

async fn once(setup: &Setup, sink: &Sink, exchange: &Exchange<'_>) -> Vec<u8> {
    let step = Some(exchange.step);
    let connection = Some(sink.recorder.connection());
    let Connected { stream, handshake } = match dial(setup, &exchange.dial).await {
        Ok(connected) => connected,
        Err((stage, ending)) => {
            sink.event(step, connection, Kind::NotConnected { side: Side::Suite, stage, ending });
            return Vec::new();
        }
    };
    sink.event(step, connection, connected(sink, Side::Suite, handshake.as_ref()));
    let deadline = Instant::now() + exchange.within;
    let (mut reader, mut writer) = split(stream);
    let mut answer = Vec::new();
    let reading = async {
        let mut buffer = vec![0; 64 << 10];
        loop {
            match reader.read(&mut buffer).await {
                Ok(0) => break Ending::Close,
                Ok(length) => answer.extend_from_slice(buffer.get(..length).unwrap_or_default()),
                Err(error) => break ending(&error),
            }
            if exchange.until == Until::Http && progress(&answer) == Progress::Complete {
                break Ending::Ours;
            }
            if answer.len() > ANSWER_LIMIT {
                break Ending::Ours;
            }
        }
    };
    let out = Mutex::new(Vec::new());
    let writing = async {
        write(&mut writer, exchange, &out).await;
        let dropped = |fault: &Fault| matches!(fault.kind, FaultKind::Drop | FaultKind::ResetAfter);
        exchange.fault.is_some_and(dropped)
    };
    let how = {
        tokio::pin!(reading, writing);
        let mut written = false;
        loop {
            tokio::select! {
                biased;
                drops = &mut writing, if !written => {
                    written = true;
                    if drops {
                        break Ending::Ours;
                    }
                }
                how = &mut reading => break how,
                () = tokio::time::sleep_until(deadline) => break Ending::Timeout,
            }
        }
    };
    let out = out.into_inner().unwrap_or_else(PoisonError::into_inner);
    if !out.is_empty() {
        sink.event(step, connection, Kind::Bytes { direction: Direction::Out, blob: sink.blob(&out) });
    }
    if !answer.is_empty() {
        sink.event(step, connection, Kind::Bytes { direction: Direction::In, blob: sink.blob(&answer) });
    }
    sink.event(step, connection, Kind::Ended { ending: how });
    if exchange.fault.is_none_or(|fault| fault.kind != FaultKind::ResetAfter) {
        let _ = timeout_at(Instant::now() + Duration::from_millis(50), writer.shutdown()).await;
    }
    answer
}

/// Writes the bytes with the fault; `out` holds what went out, also when this is not carried to its end.
async fn write(writer: &mut (impl AsyncWrite + Unpin), exchange: &Exchange<'_>, out: &Mutex<Vec<u8>>) {
    let bytes = exchange.bytes;
    let Some(fault) = exchange.fault else { return at_once(writer, bytes, out).await };
    let at = fault.at.and_then(|at| crate::forge::resolve(bytes.len(), at)).unwrap_or(bytes.len() / 2);
    let pause = fault.pause.map_or(Duration::from_millis(200), |pause| pause.0);
    let (head, tail) = bytes.split_at(at);
    match fault.kind {
        FaultKind::None | FaultKind::Drop | FaultKind::Duplicate => at_once(writer, bytes, out).await,
        FaultKind::Delay => {
            at_once(writer, head, out).await;
            tokio::time::sleep(pause).await;
            at_once(writer, tail, out).await;
        }
        FaultKind::ResetAfter => at_once(writer, head, out).await,
        FaultKind::Truncate => {
            at_once(writer, head, out).await;
            let _ = writer.shutdown().await;
        }
        FaultKind::Slow => pieces(writer, bytes, fault.piece.unwrap_or(1).max(1), pause, out).await,
        FaultKind::Flip => {
            let mut flipped = bytes.to_vec();
            if let Some(byte) = flipped.get_mut(at.min(bytes.len().saturating_sub(1))) {
                *byte ^= 1;
            }
            at_once(writer, &flipped, out).await;
        }
    }
}

async fn at_once(writer: &mut (impl AsyncWrite + Unpin), bytes: &[u8], out: &Mutex<Vec<u8>>) {
    pieces(writer, bytes, 16 << 10, Duration::ZERO, out).await;
}

async fn pieces(
    writer: &mut (impl AsyncWrite + Unpin),
    bytes: &[u8],
    size: usize,
    pause: Duration,
    out: &Mutex<Vec<u8>>,
) {
    for piece in bytes.chunks(size) {
        if writer.write_all(piece).await.is_err() || writer.flush().await.is_err() {
            break;
        }
        out.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(piece);
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
    }
}
