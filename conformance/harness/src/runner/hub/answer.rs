//! Answers a push as its case scripted: a receipt or error spoilt on purpose, a status, nothing, or an end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use carnet_catalogue::step::{Answer, AnswerKind, FaultKind};
use tokio::io::AsyncReadExt as _;

use super::super::line::{self, Control, Ready};
use super::super::signer::Signer;
use super::super::stop::Stop;
use super::{Hub, IDLE, Room, Scripted};
use crate::evidence::{Direction, Kind, Sink};
use crate::forge::{self, SignalDraft};
use crate::http;
use crate::line::Duplex;
use crate::root::Seen;

/// A push to be answered, and where that is written down.
pub(super) struct Push<'p> {
    pub(super) sink: &'p Sink,
    pub(super) step: Option<usize>,
    pub(super) connection: Option<u64>,
    pub(super) envelope: Option<&'p Seen>,
    pub(super) room: Option<&'p Arc<Room>>,
    /// Whether the subject waits for an answer.
    pub(super) open: AtomicBool,
}

impl Push<'_> {
    /// The subject has what it gets.
    pub(super) fn closes(&self) {
        if let (true, Some(room)) = (self.open.swap(false, Ordering::Relaxed), self.room) {
            room.closes();
        }
    }
}

impl Hub {
    /// Answers a push; false when the connection is to end.
    pub(super) async fn answer(
        &self,
        stream: &mut Box<dyn Duplex>,
        push: &Push<'_>,
        scripted: Option<Scripted>,
        line: &Control,
    ) -> bool {
        // Nothing answers a receipt or an error that came by itself, unless a case says so.
        let signal = push.envelope.is_some_and(|seen| seen.signals.answer && !seen.signals.user);
        if signal && scripted.is_none() {
            return write(stream, push, &self.status(202), None, line).await;
        }
        let scripted = scripted.unwrap_or_else(|| Scripted {
            answer: Answer { with: AnswerKind::Receipt, code: None, status: None, times: u32::MAX },
            speaker: None,
            sign: None,
            forge: Vec::new(),
            fault: None,
        });
        let response = match scripted.answer.with {
            AnswerKind::Close => return false,
            AnswerKind::Nothing => {
                push.closes();
                held_open(stream, push.room).await;
                return false;
            }
            AnswerKind::Http => self.status(scripted.answer.status.unwrap_or(500)),
            AnswerKind::Receipt | AnswerKind::Error => self.signal(push.envelope, &scripted).map_or_else(
                |stop| {
                    push.sink.event(push.step, push.connection, stop.kind());
                    b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n".to_vec()
                },
                |body| soap(&body),
            ),
        };
        match &scripted.fault {
            None => write(stream, push, &response, None, line).await,
            Some((fault, seed)) => match line::ready(response, fault, *seed) {
                Ok((bytes, ready)) => self.disturbed(stream, push, &bytes, &ready, line).await,
                Err(reason) => {
                    push.sink.event(push.step, push.connection, Kind::Broken { reason });
                    false
                }
            },
        }
    }

    async fn disturbed(
        &self,
        stream: &mut Box<dyn Duplex>,
        push: &Push<'_>,
        response: &[u8],
        fault: &Ready,
        line: &Control,
    ) -> bool {
        match fault.kind {
            FaultKind::Drop => return false,
            FaultKind::ResetBefore => {
                line.reset_on_close();
                return false;
            }
            _ => {}
        }
        let mut kept = write(stream, push, response, Some(fault), line).await;
        match fault.kind {
            FaultKind::Duplicate => kept &= write(stream, push, response, None, line).await,
            FaultKind::HalfOpen => {
                push.closes();
                held_open(stream, push.room).await;
            }
            FaultKind::ResetAfter => line.reset_on_close(),
            _ => {}
        }
        // What came twice must not be read as the answer to a message of another case.
        let leaves_some = matches!(fault.kind, FaultKind::Truncate | FaultKind::Duplicate);
        kept && !leaves_some && !matches!(fault.kind, FaultKind::HalfOpen | FaultKind::ResetAfter)
    }

    fn status(&self, status: u16) -> Vec<u8> {
        let location = if (300..400).contains(&status) {
            format!("Location: {}elsewhere\r\n", self.setup.suite_url().unwrap_or_default())
        } else {
            String::new()
        };
        http::scripted(status, &location)
    }

    /// A receipt or error for the message in `envelope`, spoilt as scripted.
    fn signal(&self, envelope: Option<&Seen>, scripted: &Scripted) -> Result<Vec<u8>, Stop> {
        let lacking = |what: &str| Stop::Lacking(what.to_owned());
        let Seen { text, names, .. } =
            envelope.ok_or_else(|| lacking("the push carries no envelope that can be read"))?;
        let id = self.fresh.id_for(names.message_id.as_deref().unwrap_or_default());
        let mut draft = SignalDraft::receipt(id, self.fresh.time(), text)
            .ok_or_else(|| lacking("the push carries no MessageId"))?;
        if scripted.answer.with == AnswerKind::Error {
            let code = scripted.answer.code.as_deref().unwrap_or("EBMS:0004");
            draft.error = Some(forge::error_row(code).ok_or_else(|| format!("{code} is not in the error table"))?);
        }
        let agreement = names.agreement.as_deref().and_then(|agreement| self.setup.named(agreement));
        let sign = Signer::of(&self.setup, agreement, scripted.speaker.as_deref(), scripted.sign.as_ref())?;
        draft.can_be_spoilt(&scripted.forge).map_err(Stop::Lacking)?;
        Ok(forge::signal(&draft, sign.as_ref().map(Signer::signing).as_ref(), &scripted.forge)
            .map_err(|error| error.to_string())?)
    }
}

pub(super) fn soap(body: &[u8]) -> Vec<u8> {
    let mut response = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml; charset=UTF-8\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    response.extend_from_slice(body);
    response
}

/// Writes an answer and records what of it went out; false when the connection did not take it.
pub(super) async fn write(
    stream: &mut Box<dyn Duplex>,
    push: &Push<'_>,
    response: &[u8],
    fault: Option<&Ready>,
    line: &Control,
) -> bool {
    let out = Mutex::new(Vec::new());
    line::write(stream, response, fault, line, &out).await;
    let out = out.into_inner().unwrap_or_else(PoisonError::into_inner);
    let blob = push.sink.blob(&out);
    push.sink.event(push.step, push.connection, Kind::Bytes { direction: Direction::Out, blob });
    out.len() >= response.len()
}

/// Until the subject gives up, the case ends, or nothing happens for too long.
async fn held_open(stream: &mut Box<dyn Duplex>, room: Option<&Arc<Room>>) {
    let gone = async {
        let mut byte = [0; 1];
        let _ = stream.read(&mut byte).await;
    };
    let over = async {
        match room {
            Some(room) => room.closed.notified().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = gone => {}
        () = over => {}
        () = tokio::time::sleep(IDLE) => {}
    }
}
