//! `ics.toml`: the implementation conformance statement, what a subject claims to do.

use serde::{Deserialize, Serialize};

use crate::case::Role;
use crate::span::Span;

/// What a subject claims.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ics {
    /// Always 1.
    pub format: u32,
    /// Product.
    pub product: String,
    /// Its version.
    #[serde(default)]
    pub version: String,
    /// Profile it claims, for example `customs-c2c`.
    pub profile: String,
    /// Roles it plays.
    pub roles: Vec<Role>,
    /// Names of `capabilities.toml`; what is not listed is not tested.
    pub capabilities: Vec<String>,
    /// What the agreement binds.
    #[serde(default)]
    pub binding: Binding,
    /// How it resends.
    #[serde(default)]
    pub reception_awareness: ReceptionAwareness,
    /// The longest it takes to answer on the same connection.
    #[serde(default = "answer_within")]
    pub answer_within: Span,
    /// The longest it takes until a business answer is pushed.
    #[serde(default = "business_within")]
    pub business_within: Span,
}

/// What the agreement binds to the party.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Binding {
    /// How the signer is bound to its PartyId.
    #[serde(default)]
    pub signer: SignerBinding,
    /// How the TLS certificate is bound to the party.
    #[serde(default)]
    pub tls: TlsBinding,
}

/// How the signer is bound to its PartyId.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignerBinding {
    /// That very certificate.
    Pinned,
    /// A chain to the agreed anchor and a matching subject.
    #[default]
    Anchored,
    /// Any signer under the anchor.
    Off,
}

/// How the TLS certificate is bound to the party.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TlsBinding {
    /// That very certificate.
    Exact,
    /// Any certificate under the anchor.
    #[default]
    Anchor,
    /// A proxy does TLS; the node does not see the certificate.
    Off,
}

/// How the subject resends a message that got no receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceptionAwareness {
    /// Time from one attempt to the next.
    pub retry_interval: Span,
    /// Attempts after the first.
    pub retry_count: u32,
    /// How long it waits for the answer of one attempt.
    #[serde(default = "answer_within")]
    pub answer_timeout: Span,
}

impl Default for ReceptionAwareness {
    fn default() -> Self {
        Self { retry_interval: seconds(5), retry_count: 3, answer_timeout: answer_within() }
    }
}

fn answer_within() -> Span {
    seconds(10)
}

fn business_within() -> Span {
    seconds(30)
}

fn seconds(seconds: u64) -> Span {
    Span(std::time::Duration::from_secs(seconds))
}
