//! Sends bytes to the subject, with a fault on the line if asked, and writes down what comes back.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use carnet_catalogue::step::{FaultKind, OffsetClass};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, split};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::budget::{ANSWER, Budget};
use super::dial::{Dial, dial};
use super::line::{self, Ready};
use crate::evidence::{Chains, Direction, Kind, Side, Sink};
use crate::http::{self, Meter, Progress};
use crate::line::{Connected, Ending, Handshake, ending};
use crate::root::{self, Package};
use crate::sealed;
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
pub(crate) struct Exchange {
    pub(crate) step: usize,
    pub(crate) bytes: Vec<u8>,
    pub(crate) dial: Dial,
    pub(crate) fault: Option<Ready>,
    pub(crate) until: Until,
    pub(crate) within: Duration,
}

/// Carries it out and gives what came back; all that happened is in the evidence. A connection that is held open ends when `over` says so.
pub(crate) async fn exchange(
    setup: &Setup,
    sink: &Sink,
    budget: &Budget,
    exchange: &Exchange,
    over: watch::Receiver<bool>,
) -> Vec<u8> {
    if exchange.fault.is_some_and(|fault| fault.kind == FaultKind::Duplicate) {
        let both = tokio::join!(
            once(setup, sink, budget, exchange, over.clone()),
            once(setup, sink, budget, exchange, over.clone())
        );
        return both.0;
    }
    once(setup, sink, budget, exchange, over).await
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

/// Takes the key of what came into evidence, where it is encrypted for the suite.
pub(super) fn content_key(
    setup: &Setup,
    sink: &Sink,
    (step, connection): (Option<usize>, Option<u64>),
    package: &Package,
) -> Option<Vec<u8>> {
    let key = sealed::reveal(&package.envelope, setup.decryption())?;
    sink.event(step, connection, Kind::ContentKey { key: sink.blob(&key) });
    Some(key)
}

async fn once(
    setup: &Setup,
    sink: &Sink,
    budget: &Budget,
    exchange: &Exchange,
    mut over: watch::Receiver<bool>,
) -> Vec<u8> {
    let step = Some(exchange.step);
    let connection = Some(sink.recorder.connection());
    let kind = exchange.fault.map_or(FaultKind::None, |fault| fault.kind);
    // Each connection has its own line, so that a fault strikes each.
    let dial_to = Dial { line: line::Control::default(), ..exchange.dial.clone() };
    if let Some(fault) = exchange.fault.filter(|fault| fault.under == Some(OffsetClass::TlsHello)) {
        dial_to.line.arm(fault.kind, fault.seed);
    }
    if kind == FaultKind::ResetAfter && exchange.fault.is_some_and(|fault| fault.under.is_none()) {
        dial_to.line.reset_on_close();
    }
    let opened = tokio::select! {
        opened = dial(setup, &dial_to) => opened,
        _ = over.wait_for(|over| *over) => Err((dial_to.stage(), Ending::Ours)),
    };
    let Connected { stream, handshake } = match opened {
        Ok(connected) => connected,
        Err((stage, ending)) => {
            sink.event(step, connection, Kind::NotConnected { side: Side::Suite, stage, ending });
            return Vec::new();
        }
    };
    sink.event(step, connection, connected(sink, Side::Suite, handshake.as_ref()));
    let deadline = Instant::now() + exchange.within;
    let limit = budget.limit(ANSWER);
    let (mut reader, mut writer) = split(stream);
    let mut answer = Vec::new();
    let reading = async {
        let mut meter = Meter::default();
        let mut buffer = vec![0; if kind == FaultKind::ResetBefore { 1 } else { 64 << 10 }];
        loop {
            match reader.read(&mut buffer).await {
                Ok(0) => break Ending::Close,
                Ok(length) => answer.extend_from_slice(buffer.get(..length).unwrap_or_default()),
                Err(error) => break ending(&error),
            }
            if kind == FaultKind::ResetBefore {
                dial_to.line.reset_on_close();
                break Ending::Ours;
            }
            if exchange.until == Until::Http && meter.progress(&answer) == Progress::Complete {
                break Ending::Ours;
            }
            if answer.len() > limit {
                answer.truncate(limit);
                break Ending::Limit { bytes: limit as u64 };
            }
        }
    };
    let out = Mutex::new(Vec::new());
    let writing = async {
        line::write(&mut writer, &exchange.bytes, exchange.fault.as_ref(), &dial_to.line, &out).await;
        dial_to.line.broke_off() || matches!(kind, FaultKind::Drop | FaultKind::ResetAfter)
    };
    let how = {
        tokio::pin!(reading, writing);
        let mut written = false;
        loop {
            tokio::select! {
                biased;
                drops = &mut writing, if !written => {
                    written = true;
                    if drops && kind != FaultKind::HalfOpen {
                        break Ending::Ours;
                    }
                }
                how = &mut reading => break how,
                _ = over.wait_for(|over| *over) => break Ending::Ours,
                () = tokio::time::sleep_until(deadline) => break Ending::Timeout,
            }
        }
    };
    let out = out.into_inner().unwrap_or_else(PoisonError::into_inner);
    if !out.is_empty() {
        sink.event(step, connection, Kind::Bytes { direction: Direction::Out, blob: sink.blob(&out) });
    }
    if !answer.is_empty() {
        budget.take(answer.len());
        sink.event(step, connection, Kind::Bytes { direction: Direction::In, blob: sink.blob(&answer) });
        // What is handed out to a pull request may be encrypted for the suite.
        if let Some(package) = http::read(&answer).ok().and_then(|message| root::package(&message)) {
            content_key(setup, sink, (step, connection), &package);
        }
    }
    sink.event(step, connection, Kind::Ended { ending: how });
    if !matches!(kind, FaultKind::ResetAfter | FaultKind::ResetBefore) {
        let _ = timeout_at(Instant::now() + Duration::from_millis(50), writer.shutdown()).await;
    }
    answer
}
