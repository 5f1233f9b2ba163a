//! How a step is disturbed: its TLS, its signature, its encryption, and the line.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::span::Span;

/// TLS of one step.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsChoice {
    /// The identity for TLS alone: as `as`, or `none` for no certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Versions offered: `1.2`, `1.3`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<String>,
    /// Suites offered, by their IANA names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suites: Vec<String>,
    /// Server name sent, where it differs from the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
}

/// The signature of one message.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignChoice {
    /// The identity for the signature alone: as `as`, or `none` for an unsigned message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// `x509-pkipath`, `x509-v3`, `x509-pkipath-leaf` (a path of the leaf alone), `ski`, `issuer-serial`; `key-value` and `x509-data` put the
    /// key or the certificate into `ds:KeyInfo` itself, where no token is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// What is left out of the signature: `messaging`, `body`, `parts`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub omit: Vec<String>,
    /// Signature algorithm: what the agreement says (`rsa-sha256`, `ed25519`, `ecdsa-sha256`), `rsa-sha1`, `hmac-sha256` (keyed with
    /// the public key).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<String>,
    /// Digest algorithm: `sha256` (default), `sha1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Parts are digested as they were before compression.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub before_compression: bool,
}

/// The encryption of one message.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncryptChoice {
    /// How the key is handed over: `rsa-oaep` (SHA-256 twice), `rsa-oaep-sha1` (SHA-1 twice), `rsa-1.5`, `agreement`
    /// (X25519 or P-256, as the recipient's key is); `none` for a message that is not encrypted. What the recipient's key
    /// is made for where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// How parts are encrypted: `aes128-gcm` (default), `aes128-cbc`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// Whom it is encrypted for: the subject, or `suite` for a certificate whose key the subject has not.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub recipient: Option<String>,
    /// When: `after-signing` (default), `before-signing`, `before-compression` (and so before signing).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// Payloads that are left as they are, by number from 1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub omit: Vec<usize>,
    /// `eb:Messaging` is encrypted in its place, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub messaging: bool,
}

/// What happens on the line: to the request of `send` and `connect`, to the answer of `answer`, to the handshake of
/// `listen`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The kind.
    pub kind: FaultKind,
    /// Where it happens; in the middle of the bytes when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Place>,
    /// Length of a delay, or of the pause between slow pieces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<Span>,
    /// Bytes per slow piece.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub piece: Option<usize>,
}

/// Where a fault happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Place {
    /// A byte offset; negative counts from the end.
    Offset(i64),
    /// The name of an [`OffsetClass`]; the run's seed chooses the byte in it. `${matrix.AXIS}` may stand here.
    Named(String),
}

/// Written by hand, so that what is neither is told what there is.
impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(PlaceReader)
    }
}

struct PlaceReader;

impl Visitor<'_> for PlaceReader {
    type Value = Place;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an offset, or one of {}", OffsetClass::NAMES.join(", "))
    }

    fn visit_i64<E: Error>(self, offset: i64) -> Result<Place, E> {
        Ok(Place::Offset(offset))
    }

    fn visit_u64<E: Error>(self, offset: u64) -> Result<Place, E> {
        i64::try_from(offset).map(Place::Offset).map_err(E::custom)
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Place, E> {
        Ok(Place::Named(name.to_owned()))
    }
}

/// The parts of what goes over the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OffsetClass {
    /// The first TLS flight of the suite's side: ClientHello, or ServerHello and what comes with it.
    TlsHello,
    /// The encrypted record that carries the first bytes of the message.
    TlsRecord,
    /// Request or status line and headers.
    HttpHead,
    /// The headers of the first MIME part.
    MimeHead,
    /// The SOAP envelope.
    Envelope,
    /// The first payload.
    Payload,
    /// The delimiter that closes the MIME body.
    ClosingBoundary,
    /// The chunk that ends the body; the message goes in chunks.
    LastChunk,
}

impl OffsetClass {
    /// Their names as cases write them.
    pub const NAMES: [&str; 8] =
        ["tls-hello", "tls-record", "http-head", "mime-head", "envelope", "payload", "closing-boundary", "last-chunk"];

    /// The class of that name.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        const ALL: [OffsetClass; 8] = [
            OffsetClass::TlsHello,
            OffsetClass::TlsRecord,
            OffsetClass::HttpHead,
            OffsetClass::MimeHead,
            OffsetClass::Envelope,
            OffsetClass::Payload,
            OffsetClass::ClosingBoundary,
            OffsetClass::LastChunk,
        ];
        Self::NAMES.iter().zip(ALL).find(|(name, _)| **name == text).map(|(_, class)| class)
    }
}

/// The kinds of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// All goes well.
    None,
    /// All goes out, and the connection is closed without reading what comes back; an answer does not go out at all.
    Drop,
    /// The bytes wait before they go on at `at`.
    Delay,
    /// The connection is reset at `at`.
    ResetAfter,
    /// All goes out, and the connection is reset when the first byte comes back; or when the request is read, instead of
    /// an answer.
    ResetBefore,
    /// The bytes end at `at`, and the sending direction is closed.
    Truncate,
    /// The bytes end at `at`, and the connection stays open without another byte.
    HalfOpen,
    /// The request is sent twice, on two connections at once; an answer is sent twice on its connection.
    Duplicate,
    /// The request is made now and goes out after the next one of the case.
    Reorder,
    /// The bytes go in pieces with pauses.
    Slow,
    /// One bit of the byte at `at` is turned over.
    Flip,
}
