//! A request's or an answer's body under a size limit and a minimum rate, read frame by frame.
//!
//! The rate is an average: a body may pause as long as it stays ahead of `grace + bytes / rate`, so that one byte
//! a second cannot hold a connection.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body as _, Incoming};
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use crate::ServerLimits;
use crate::client::Returning;

/// Why a body ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// More bytes than are allowed.
    #[error("got a body of more than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// Fewer bytes a second than are demanded.
    #[error("got {received} bytes in {elapsed:?}, expected at least {rate} bytes a second")]
    TooSlow {
        /// Bytes received.
        received: u64,
        /// Time since the body began.
        elapsed: Duration,
        /// The rate demanded, in bytes a second.
        rate: u32,
    },
    /// The connection ended or the framing broke.
    #[error("got a body that broke off after {received} bytes")]
    Broken {
        /// Bytes received.
        received: u64,
        /// What the connection said.
        #[source]
        source: hyper::Error,
    },
}

/// The body of a request or of an answer that is being received.
pub struct Body {
    incoming: Incoming,
    /// What an answer came over; given back when it is whole.
    lease: Option<Returning>,
    limit: u64,
    rate: u32,
    received: u64,
    ended: bool,
    start: Instant,
    grace: Duration,
    timer: Pin<Box<Sleep>>,
}

impl Body {
    pub(crate) fn new(incoming: Incoming, limits: &ServerLimits) -> Self {
        let start = Instant::now();
        Self {
            incoming,
            lease: None,
            limit: limits.body_bytes,
            rate: limits.body_rate.max(1),
            received: 0,
            ended: false,
            start,
            grace: limits.body_grace,
            timer: Box::pin(sleep_until(start + limits.body_grace)),
        }
    }

    /// A body whose connection is given back once it was read to its end.
    pub(crate) fn leased(incoming: Incoming, limits: &ServerLimits, lease: Returning) -> Self {
        Self { lease: Some(lease), ..Self::new(incoming, limits) }
    }

    /// The next bytes; `None` at the end. Not reading is backpressure: the peer's window closes.
    ///
    /// # Errors
    /// When the body is too large, too slow, or breaks off.
    pub async fn next(&mut self) -> Result<Option<Bytes>, BodyError> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Time that the reader itself spends is not counted against the peer: call after a pause of ours.
    pub fn forgive(&mut self, pause: Duration) {
        self.start += pause;
    }

    /// Reads and forgets what is left in the background, up to `most` bytes and for as long as `patience` allows:
    /// an answer that leaves before the body is read would be lost to a reset.
    pub fn drain(mut self, most: u64, patience: Duration) {
        if self.ended {
            return;
        }
        let end = self.received.saturating_add(most);
        tokio::spawn(timeout(patience, async move {
            while self.received < end && matches!(self.next().await, Ok(Some(_))) {}
        }));
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, BodyError>> {
        loop {
            match Pin::new(&mut self.incoming).poll_frame(cx) {
                Poll::Ready(None) => {
                    self.ended = true;
                    if let Some(lease) = self.lease.take() {
                        lease.give_back();
                    }
                    return Poll::Ready(Ok(None));
                }
                Poll::Ready(Some(Err(source))) => {
                    let received = self.received;
                    return Poll::Ready(Err(BodyError::Broken { received, source }));
                }
                Poll::Ready(Some(Ok(frame))) => {
                    // Trailers mean nothing here.
                    let Ok(data) = frame.into_data() else {
                        continue;
                    };
                    self.received += data.len() as u64;
                    if self.received > self.limit {
                        let limit = self.limit;
                        return Poll::Ready(Err(BodyError::TooLarge { limit }));
                    }
                    return Poll::Ready(Ok(Some(data)));
                }
                Poll::Pending => {
                    let earned = Duration::from_secs_f64(self.received as f64 / f64::from(self.rate));
                    self.timer.as_mut().reset(self.start + self.grace + earned);
                    ready!(self.timer.as_mut().poll(cx));
                    return Poll::Ready(Err(BodyError::TooSlow {
                        received: self.received,
                        elapsed: self.start.elapsed(),
                        rate: self.rate,
                    }));
                }
            }
        }
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Body").field("received", &self.received).finish_non_exhaustive()
    }
}
