//! A TCP stream that can be disturbed below TLS: what leaves is cut, reset, held back or changed at a byte that the seed
//! chooses. What comes in passes as it is.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use carnet_catalogue::step::FaultKind;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Steers a [`Raw`] stream from outside, also while TLS runs over it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Control(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    armed: Option<Armed>,
    stopped: Option<Stop>,
    reset: bool,
}

/// A fault that waits for the next bytes to leave.
#[derive(Debug, Clone, Copy)]
struct Armed {
    kind: FaultKind,
    seed: u64,
    /// Bytes still to pass before it strikes; chosen when the first bytes are there.
    left: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// The sending direction is closed.
    Shut,
    /// Nothing leaves any more, and nobody is told.
    Silent,
    /// The connection is to be reset.
    Reset,
}

impl Control {
    /// Lets the fault strike in the next bytes that leave, at a byte that the seed chooses among them.
    pub(crate) fn arm(&self, kind: FaultKind, seed: u64) {
        self.lock().armed = Some(Armed { kind, seed, left: None });
    }

    /// Closing the stream will reset the connection.
    pub(crate) fn reset_on_close(&self) {
        self.lock().reset = true;
    }

    /// Whether a fault ended the sending direction without the peer's doing.
    pub(crate) fn broke_off(&self) -> bool {
        matches!(self.lock().stopped, Some(Stop::Silent | Stop::Reset))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The stream.
#[derive(Debug)]
pub(crate) struct Raw {
    tcp: TcpStream,
    control: Control,
}

impl Raw {
    pub(crate) fn new(tcp: TcpStream, control: Control) -> Self {
        Self { tcp, control }
    }

    /// Lets the bytes pass up to the fault, and says how many were taken.
    fn disturbed(&mut self, cx: &mut Context<'_>, bytes: &[u8], armed: Armed) -> Poll<io::Result<usize>> {
        let at = armed.left.unwrap_or_else(|| inside(bytes.len(), armed.seed));
        let cuts = matches!(armed.kind, FaultKind::Truncate | FaultKind::ResetAfter | FaultKind::HalfOpen);
        let passed = if cuts {
            let head = bytes.get(..at).unwrap_or(bytes);
            if head.is_empty() { 0 } else { ready!(Pin::new(&mut self.tcp).poll_write(cx, head))? }
        } else {
            let mut changed = bytes.to_vec();
            if let Some(byte) = changed.get_mut(at) {
                *byte ^= 1 << (armed.seed % 8);
            }
            ready!(Pin::new(&mut self.tcp).poll_write(cx, &changed))?
        };
        let struck = if cuts { passed >= at } else { passed > at };
        if !struck {
            self.control.lock().armed = Some(Armed { left: Some(at - passed), ..armed });
            return Poll::Ready(Ok(passed));
        }
        {
            let mut state = self.control.lock();
            state.armed = None;
            state.stopped = match armed.kind {
                FaultKind::Truncate => Some(Stop::Shut),
                FaultKind::HalfOpen => Some(Stop::Silent),
                FaultKind::ResetAfter => Some(Stop::Reset),
                _ => None,
            };
            state.reset |= armed.kind == FaultKind::ResetAfter;
        }
        if armed.kind == FaultKind::Truncate {
            // Closing does not wait: the buffer of the system takes it.
            let _ = Pin::new(&mut self.tcp).poll_shutdown(cx)?;
        }
        // What follows is swallowed, so that the writer above goes on to what the peer says to it.
        Poll::Ready(Ok(if cuts { bytes.len() } else { passed }))
    }
}

/// A place that leaves something before it and something after it, where there are bytes enough.
fn inside(length: usize, seed: u64) -> usize {
    let places = (length.saturating_sub(1) as u64).max(1);
    ((seed % places) + 1).min(length as u64) as usize
}

impl AsyncRead for Raw {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.control.lock().stopped == Some(Stop::Reset) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Pin::new(&mut self.tcp).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Raw {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let (stopped, armed) = {
            let state = self.control.lock();
            (state.stopped, state.armed)
        };
        match (stopped, armed) {
            (Some(Stop::Reset), _) => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
            (Some(Stop::Shut | Stop::Silent), _) => Poll::Ready(Ok(bytes.len())),
            (None, Some(armed)) if !bytes.is_empty() => self.disturbed(cx, bytes, armed),
            (None, _) => Pin::new(&mut self.tcp).poll_write(cx, bytes),
        }
    }

    /// A flight of several records leaves in one piece, so that a peer that refuses the first does not find the rest missing.
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let calm = {
            let state = self.control.lock();
            state.stopped.is_none() && state.armed.is_none()
        };
        if calm {
            return Pin::new(&mut self.tcp).poll_write_vectored(cx, pieces);
        }
        let all: Vec<u8> = pieces.iter().flat_map(|piece| piece.iter().copied()).collect();
        self.poll_write(cx, &all)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.control.lock().stopped == Some(Stop::Silent) {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        if self.control.lock().reset {
            let _ = self.tcp.set_zero_linger();
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    const BYTES: &[u8] = b"these bytes leave the suite and meet what the line has in store for them";

    /// What arrives of [`BYTES`] and more when the fault strikes, and how it ends: none while it stays open.
    async fn arrives(kind: FaultKind, seed: u64) -> (Vec<u8>, Option<io::Result<usize>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tcp = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut peer, _) = listener.accept().await.unwrap();
        let control = Control::default();
        control.arm(kind, seed);
        let mut raw = Raw::new(tcp, control.clone());
        let written = raw.write_all(BYTES).await.is_ok() && raw.write_all(b" and more").await.is_ok();
        assert_eq!(written, kind != FaultKind::ResetAfter);
        assert_eq!(control.broke_off(), matches!(kind, FaultKind::HalfOpen | FaultKind::ResetAfter));
        if kind != FaultKind::HalfOpen {
            drop(raw);
            let mut got = Vec::new();
            let end = peer.read_to_end(&mut got).await;
            return (got, Some(end));
        }
        let mut got = vec![0; BYTES.len()];
        let length = peer.read(&mut got).await.unwrap();
        got.truncate(length);
        (got, None)
    }

    #[tokio::test]
    async fn each_fault_strikes_at_the_byte_that_the_seed_chooses() {
        for seed in [0, 1, 7, 1 << 40] {
            let at = inside(BYTES.len(), seed);
            assert!(at > 0 && at < BYTES.len());
            let (got, end) = arrives(FaultKind::Truncate, seed).await;
            assert_eq!((got.as_slice(), end.unwrap().unwrap()), (&BYTES[..at], at));
            let (got, end) = arrives(FaultKind::HalfOpen, seed).await;
            assert!(got == BYTES[..at] && end.is_none());
            let (got, end) = arrives(FaultKind::ResetAfter, seed).await;
            // A reset may overtake what went before it.
            assert!(BYTES[..at].starts_with(&got) && end.unwrap().is_err());
            let (got, _) = arrives(FaultKind::Flip, seed).await;
            let sent = [BYTES, b" and more"].concat();
            let differ: Vec<usize> = (0..sent.len()).filter(|place| got[*place] != sent[*place]).collect();
            assert_eq!((got.len(), differ), (sent.len(), vec![at]));
        }
    }
}
