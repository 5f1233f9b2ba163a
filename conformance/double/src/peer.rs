//! What a null node does, as data.

use std::sync::OnceLock;

use serde::Deserialize;

use crate::DoubleError;

/// The table as shipped.
pub const TABLE: &str = include_str!("peers.toml");

/// A node that knows no protocol.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Peer {
    /// Name, as cases give it under `kills`.
    pub name: String,
    /// One sentence: what it does.
    pub title: String,
    /// What happens to a connection.
    pub door: Door,
    /// Answers a ClientHello of old versions or unsound suites with a ServerHello.
    #[serde(default)]
    pub old: bool,
    /// Answers plain HTTP on the same port.
    #[serde(default)]
    pub plain: bool,
    /// What every request is answered with.
    #[serde(default)]
    pub answer: Answer,
}

/// What happens to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Door {
    /// Nothing listens.
    Refuse,
    /// It is accepted, and nothing is ever said.
    Hang,
    /// It is accepted and closed.
    Close,
    /// A handshake with any client certificate, or none.
    Tls,
}

/// What every request is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// An HTTP status with an empty body.
    Status(u16),
    /// Status 200, the content type and the body of the request.
    Echo,
    /// Nothing.
    #[default]
    Silence,
    /// A response that comes byte by byte and never ends.
    Drip,
    /// A signed receipt.
    Receipt(Receipt),
}

/// A well-formed, signed receipt, right or wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Receipt {
    /// The message it refers to.
    pub refers_to: Truth,
    /// The digests it repeats.
    pub digests: Truth,
}

/// Whether something is taken from what was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Truth {
    /// As sent.
    Sent,
    /// A name that nobody bears.
    #[serde(alias = "invented")]
    Nobody,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    format: u32,
    peer: Vec<Peer>,
}

/// All null nodes, in the order of the table.
///
/// # Errors
/// [`DoubleError::Table`] when the shipped table does not read.
pub fn peers() -> Result<&'static [Peer], DoubleError> {
    static PEERS: OnceLock<Result<Vec<Peer>, String>> = OnceLock::new();
    match PEERS.get_or_init(|| read(TABLE)) {
        Ok(peers) => Ok(peers),
        Err(reason) => Err(DoubleError::Table { reason: reason.clone() }),
    }
}

/// The null node of that name.
///
/// # Errors
/// [`DoubleError::Unknown`] with the names there are.
pub fn peer(name: &str) -> Result<&'static Peer, DoubleError> {
    let peers = peers()?;
    peers.iter().find(|peer| peer.name == name).ok_or_else(|| {
        let known: Vec<_> = peers.iter().map(|peer| peer.name.as_str()).collect();
        DoubleError::Unknown { name: name.to_owned(), known: known.join(", ") }
    })
}

fn read(text: &str) -> Result<Vec<Peer>, String> {
    let table: Table = toml::from_str(text).map_err(|error| error.to_string())?;
    if table.format == 1 { Ok(table.peer) } else { Err(format!("format {}, expected 1", table.format)) }
}
