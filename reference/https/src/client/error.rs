//! Why a request got no answer, by how far it came.

use std::io;
use std::time::Duration;

/// A request without an answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// Not an `https` URL.
    #[error("got the endpoint {0:?}, expected a URL like https://host:port/path")]
    Endpoint(String),
    /// No endpoint is configured.
    #[error("got no endpoint, expected at least one")]
    NoEndpoint,
    /// The request's body could not be opened.
    #[error("failed to read the request's body")]
    Body(#[source] io::Error),
    /// All connections are busy and none came free in time.
    #[error("got no free connection within {0:?}")]
    Busy(Duration),
    /// The name was not resolved or nobody listens.
    #[error("failed to connect")]
    Connect(#[source] io::Error),
    /// Connecting took too long.
    #[error("got no connection within {0:?}")]
    ConnectTimeout(Duration),
    /// The TLS handshake failed: certificate, name, version.
    #[error("failed the TLS handshake")]
    Handshake(#[source] io::Error),
    /// The TLS handshake took too long.
    #[error("got no TLS handshake within {0:?}")]
    HandshakeTimeout(Duration),
    /// The connection ended before the request was written.
    #[error("got a connection that closed before the request was sent")]
    Unsent(#[source] hyper::Error),
    /// The connection ended while the request was under way or before its answer was complete. With TLS 1.3 this is
    /// also how a refused client certificate shows.
    #[error("got a connection that broke off before the answer")]
    Broken(#[source] hyper::Error),
    /// No answer's head in time.
    #[error("got no answer within {0:?}")]
    AnswerTimeout(Duration),
    /// The answer's body came to a halt.
    #[error("got an answer that stopped for {0:?}")]
    AnswerStalled(Duration),
    /// The answer is larger than allowed.
    #[error("got an answer of more than {0} bytes")]
    AnswerTooLarge(u64),
}

impl ClientError {
    /// Whether the partner may have received the request: then only a retry with the same id is safe.
    #[must_use]
    pub fn may_have_arrived(&self) -> bool {
        matches!(self, Self::Broken(_) | Self::AnswerTimeout(_) | Self::AnswerStalled(_) | Self::AnswerTooLarge(_))
    }
}
