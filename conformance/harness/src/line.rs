//! What runs under HTTP: a connection with or without TLS, and how it ended.
//!
//! The types between the runner, which writes and reads bytes, and [`crate::tls`], which makes handshakes, accepts
//! every server certificate (judging it is the judge's) and names alerts. Nothing here decides anything.

use std::io;

use carnet_certs::Identity;
use rustls_pki_types::CertificateDer;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::words::Words;

/// A TLS version that the suite's own library speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TlsVersion {
    /// RFC 5246.
    #[serde(rename = "1.2")]
    V1_2,
    /// RFC 8446.
    #[serde(rename = "1.3")]
    V1_3,
}

/// The versions by name.
pub(crate) const VERSIONS: Words<TlsVersion> =
    Words { key: "versions", known: &[("1.2", TlsVersion::V1_2), ("1.3", TlsVersion::V1_3)] };

impl TlsVersion {
    /// All of the texts, in their order.
    ///
    /// # Errors
    /// In words: one is neither `1.2` nor `1.3`.
    pub fn all_from(texts: &[String]) -> Result<Vec<Self>, String> {
        texts.iter().map(|text| VERSIONS.meaning(text)).collect()
    }
}

/// How the suite connects as a TLS client.
#[derive(Debug, Clone)]
pub struct ClientTls {
    /// What it presents; none sends an empty certificate message. Presented as it is, however broken.
    pub identity: Option<Identity>,
    /// Versions offered; empty means both.
    pub versions: Vec<TlsVersion>,
    /// IANA names of the suites offered; empty means all.
    pub suites: Vec<String>,
    /// Server name indication, host name or address.
    pub server_name: String,
}

/// How the suite accepts connections.
#[derive(Debug, Clone)]
pub struct ServerTls {
    /// What it presents.
    pub identity: Identity,
    /// Versions accepted; empty means both.
    pub versions: Vec<TlsVersion>,
    /// IANA names of the suites accepted; empty means all.
    pub suites: Vec<String>,
}

/// Facts of a handshake that came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handshake {
    /// `1.2` or `1.3`.
    pub version: String,
    /// IANA name.
    pub suite: String,
    /// What the peer presented, leaf first; empty when nothing.
    pub peer_chain: Vec<CertificateDer<'static>>,
    /// What the suite presented, leaf first.
    pub own_chain: Vec<CertificateDer<'static>>,
    /// The server asked for a client certificate.
    pub certificate_asked: bool,
}

/// How a connection, or an attempt at one, ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "kebab-case")]
pub enum Ending {
    /// The peer sent a fatal alert: its name in RFC 8446, 6 (`bad_certificate`), or its number.
    Alert {
        /// Name.
        name: String,
    },
    /// The peer closed in order: `close_notify`, or the end of a plain stream.
    Close,
    /// The stream ended without `close_notify`.
    Cut,
    /// The peer reset the connection.
    Reset,
    /// Nothing came in time.
    Timeout,
    /// The peer broke the TLS protocol.
    Protocol {
        /// What was wrong with it.
        what: String,
    },
    /// The suite closed.
    Ours,
    /// The suite read no further: there was no end to it.
    Limit {
        /// How many bytes it read.
        bytes: u64,
    },
}

/// A stream both ways.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connection ready for bytes.
pub struct Connected {
    /// Bytes inside TLS, or plain.
    pub stream: Box<dyn Duplex>,
    /// None for plain TCP.
    pub handshake: Option<Handshake>,
}

/// Names the end of a connection from the error that a read, write or handshake gave.
#[must_use]
pub fn ending(error: &io::Error) -> Ending {
    if let Some(ending) = crate::tls::ending(error) {
        return ending;
    }
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted => Ending::Reset,
        io::ErrorKind::UnexpectedEof => Ending::Cut,
        io::ErrorKind::TimedOut => Ending::Timeout,
        _ => Ending::Protocol { what: error.kind().to_string() },
    }
}
