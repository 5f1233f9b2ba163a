//! Faults on the line, both directions: the bytes that leave the suite are cut, held, repeated or changed, at a byte that
//! the run's seed chooses inside the part that the case names. What became of it is in the evidence as it went out.
//!
//! The parts of a message are found in its bytes by [`parts`]; what happens below TLS is [`raw`]'s.

mod parts;
mod raw;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use carnet_catalogue::step::{Fault, FaultKind, OffsetClass, Place};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

pub(crate) use raw::{Control, Raw};

/// A fault made ready for the bytes that it strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ready {
    pub(crate) kind: FaultKind,
    /// Where it strikes in the bytes above TLS.
    at: usize,
    /// Where it strikes below TLS instead.
    pub(crate) under: Option<OffsetClass>,
    pause: Duration,
    piece: usize,
    pub(crate) seed: u64,
}

/// Makes a fault ready for an HTTP message; a fault in the last chunk puts the message into chunks.
///
/// # Errors
/// In words: the message has no such part.
pub(crate) fn ready(bytes: Vec<u8>, fault: &Fault, seed: u64) -> Result<(Vec<u8>, Ready), String> {
    let class = class(fault)?;
    let bytes = if class == Some(OffsetClass::LastChunk) { parts::chunked(&bytes)? } else { bytes };
    let under = class.filter(|class| matches!(class, OffsetClass::TlsHello | OffsetClass::TlsRecord));
    let at = match (&fault.at, class) {
        (_, Some(_)) if under.is_some() => 0,
        (_, Some(class)) => parts::place(&bytes, class, seed)?,
        (Some(Place::Offset(at)), _) => {
            crate::forge::resolve(bytes.len(), *at).ok_or_else(|| format!("there is no byte {at} to disturb"))?
        }
        _ => bytes.len() / 2,
    };
    let pause = fault.pause.map_or(Duration::from_millis(200), |pause| pause.0);
    let piece = fault.piece.unwrap_or(1).max(1);
    Ok((bytes, Ready { kind: fault.kind, at, under, pause, piece, seed }))
}

/// The part that a fault names.
///
/// # Errors
/// In words: there is no such part.
pub(crate) fn class(fault: &Fault) -> Result<Option<OffsetClass>, String> {
    match &fault.at {
        Some(Place::Named(name)) => OffsetClass::from_text(name)
            .map(Some)
            .ok_or_else(|| format!("got fault.at {name:?}, expected one of {}", OffsetClass::NAMES.join(", "))),
        _ => Ok(None),
    }
}

/// A number that follows from the run's seed and where in the run it is used.
pub(crate) fn seed(run: u64, case: &str, cell: &str, step: usize) -> u64 {
    let digest = carnet_wire::digest::sha256(format!("{run}\n{case}\n{cell}\n{step}").as_bytes());
    digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Writes bytes as the fault has them; `out` holds what went out, also when this is not carried to its end.
pub(crate) async fn write(
    writer: &mut (impl AsyncWrite + Unpin),
    bytes: &[u8],
    fault: Option<&Ready>,
    line: &Control,
    out: &Mutex<Vec<u8>>,
) {
    let Some(fault) = fault else { return at_once(writer, bytes, out).await };
    if let Some(under) = fault.under {
        if under == OffsetClass::TlsRecord {
            line.arm(fault.kind, fault.seed);
        }
        return at_once(writer, bytes, out).await;
    }
    let (head, tail) = bytes.split_at(fault.at.min(bytes.len()));
    match fault.kind {
        FaultKind::None | FaultKind::Drop | FaultKind::ResetBefore | FaultKind::Duplicate | FaultKind::Reorder => {
            at_once(writer, bytes, out).await;
        }
        FaultKind::Delay => {
            at_once(writer, head, out).await;
            tokio::time::sleep(fault.pause).await;
            at_once(writer, tail, out).await;
        }
        FaultKind::ResetAfter | FaultKind::HalfOpen => at_once(writer, head, out).await,
        FaultKind::Truncate => {
            at_once(writer, head, out).await;
            let _ = writer.shutdown().await;
        }
        FaultKind::Slow => pieces(writer, bytes, fault.piece, fault.pause, out).await,
        FaultKind::Flip => {
            let mut flipped = bytes.to_vec();
            if let Some(byte) = flipped.get_mut(fault.at.min(bytes.len().saturating_sub(1))) {
                *byte ^= 1 << (fault.seed % 8);
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
