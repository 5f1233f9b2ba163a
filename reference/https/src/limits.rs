//! How much a peer may cost, on either side of a connection.

use std::time::Duration;

/// Bounds on what a client may ask of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerLimits {
    /// Connections open at once, their handshakes finished; the next one is closed unanswered.
    pub connections: usize,
    /// Handshakes under way at once; for one more, the address that has the most gives up its oldest.
    pub handshakes: usize,
    /// Bytes of one request's head; more is answered 431. At least 8192.
    pub header_bytes: usize,
    /// Header fields of one request; more is answered 431.
    pub headers: usize,
    /// Bytes of one request's body; more is [`crate::BodyError::TooLarge`].
    pub body_bytes: u64,
    /// Requests on one connection, after which it is closed with its last answer.
    pub requests_per_connection: u64,
    /// Age of a connection past which it takes no further request.
    pub connection_age: Duration,
    /// Time for the whole TLS handshake.
    pub handshake: Duration,
    /// Time for a whole request head, and the time an idle connection is kept.
    pub header_read: Duration,
    /// Time a body may stay behind [`Self::body_rate`].
    pub body_grace: Duration,
    /// Bytes a second that a body must bring on average, once the grace is used up.
    pub body_rate: u32,
    /// Time a peer may leave an answer unread.
    pub write_stall: Duration,
    /// Time that open connections get to finish when the server stops.
    pub shutdown: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            connections: 512,
            handshakes: 256,
            header_bytes: 16 * 1024,
            headers: 64,
            body_bytes: 2 * 1024 * 1024 * 1024,
            requests_per_connection: 100_000,
            connection_age: Duration::from_secs(900),
            handshake: Duration::from_secs(10),
            header_read: Duration::from_secs(30),
            body_grace: Duration::from_secs(10),
            body_rate: 4096,
            write_stall: Duration::from_secs(20),
            shutdown: Duration::from_secs(10),
        }
    }
}

/// Bounds on what a server may ask of the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientLimits {
    /// Connections per endpoint, busy and idle together.
    pub connections: usize,
    /// Time to resolve the name and to connect.
    pub connect: Duration,
    /// Time for the whole TLS handshake.
    pub handshake: Duration,
    /// Time from the request's last byte to the answer's head, and as much again for the rest of the answer.
    pub response: Duration,
    /// Time between two reads of the answer's body.
    pub body_stall: Duration,
    /// Bytes of an answer.
    pub body_bytes: u64,
    /// Bytes of an answer's head.
    pub header_bytes: usize,
    /// Time an idle connection is kept: shorter than the peer keeps it, so that it is seldom found closed.
    pub idle: Duration,
    /// Age past which a connection is not used again.
    pub connection_age: Duration,
}

impl Default for ClientLimits {
    fn default() -> Self {
        Self {
            connections: 64,
            connect: Duration::from_secs(5),
            handshake: Duration::from_secs(10),
            response: Duration::from_secs(60),
            body_stall: Duration::from_secs(20),
            body_bytes: 4 * 1024 * 1024,
            header_bytes: 16 * 1024,
            idle: Duration::from_secs(20),
            connection_age: Duration::from_secs(600),
        }
    }
}
