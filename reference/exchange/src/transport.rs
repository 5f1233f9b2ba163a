//! The way to a partner's endpoint. `https` is the real one; tests put a lossy link in its place.

use std::{future::Future, io, pin::Pin};

use bytes::Bytes;

/// Carries one request to an endpoint and brings its answer.
pub trait Transport: Send + Sync {
    /// Posts to `post.endpoint` and waits for the whole answer.
    fn post<'a>(&'a self, post: Post) -> Pin<Box<dyn Future<Output = Result<Reply, TransportError>> + Send + 'a>>;
}

/// One request.
pub struct Post {
    /// The partner it goes to: it decides which certificates are trusted.
    pub partner: String,
    /// Absolute `https` URL.
    pub endpoint: String,
    /// Value of the Content-Type header.
    pub content_type: String,
    /// The body.
    pub body: PostBody,
}

/// The octets of a request, in order.
pub enum PostBody {
    /// All of it in memory; chunks are not joined.
    Memory(Vec<Bytes>),
    /// Read as it is sent, `length` octets in all.
    Stream {
        /// Exact length.
        length: u64,
        /// The octets; reading may block.
        reader: Box<dyn io::Read + Send>,
    },
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status code.
    pub status: u16,
    /// Value of the Content-Type header; empty when absent.
    pub content_type: String,
    /// The body, capped by the transport.
    pub body: Bytes,
}

/// Why there was no answer. All of these are retried; the next endpoint is tried first.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The name does not resolve, or nothing listens.
    #[error("failed to connect to {endpoint}")]
    Unreachable {
        /// The endpoint.
        endpoint: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// TLS was refused by one side.
    #[error("failed to agree on TLS with {endpoint}")]
    Tls {
        /// The endpoint.
        endpoint: String,
        /// What the TLS library says.
        #[source]
        source: io::Error,
    },
    /// It took too long.
    #[error("no answer from {endpoint} in time")]
    TimedOut {
        /// The endpoint.
        endpoint: String,
    },
    /// The connection ended before the answer did.
    #[error("connection to {endpoint} was cut")]
    Cut {
        /// The endpoint.
        endpoint: String,
    },
    /// The answer is larger than any signal may be.
    #[error("answer of {endpoint} is too large, expected at most {limit} octets")]
    TooLarge {
        /// The endpoint.
        endpoint: String,
        /// The cap.
        limit: u64,
    },
}
