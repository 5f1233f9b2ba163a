//! Mutual TLS over HTTP/1.1: a server that demands a client certificate, and a client that presents one.
//!
//! The server gives every request the certificate chain its peer proved, and bounds what a peer may cost:
//! connections, header size, body size, time. The client keeps connections alive per endpoint and goes to the
//! next endpoint when one is down. Identity and trust are swapped while connections stay open. Beside it, a [`Fetcher`] of
//! signed documents, which may come without TLS.
//!
//! It knows nothing of AS4, of files or of configuration formats: certificates, keys and revocation lists come in
//! as bytes. Which partner a certificate belongs to is decided by the caller, from [`Peer::chain`].
//!
//! Obeys eDelivery AS4 1.15 §2.2.6 (TLS 1.2 and newer only, client authentication) and RFC 9112 (HTTP/1.1).

mod body;
mod chain;
mod client;
mod describe;
mod error;
mod identity;
mod limits;
mod pkcs8;
mod server;
mod stream;
mod trust;
mod usage;
mod verify;

pub use body::{Body, BodyError};
pub use chain::Chain;
pub use client::{Answer, Client, ClientError, ClientTls, Endpoint, Fetcher, Opened, Sent};
pub use describe::Certificate;
pub use error::TlsError;
pub use identity::Identity;
pub use limits::{ClientLimits, ServerLimits};
pub use server::{Handler, Peer, Reload, Response, Server, ServerTls, Stop};
pub use trust::{Clock, Revocation, Trust, certificates_from_pem, revocation_lists};

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use rustls::SupportedCipherSuite;
use rustls::crypto::CryptoProvider;

/// The protocol versions a side is willing to speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Versions {
    /// TLS 1.2 and 1.3: what eDelivery AS4 1.15 asks for and allows.
    #[default]
    Both,
    /// TLS 1.2 alone.
    Tls12,
    /// TLS 1.3 alone.
    Tls13,
}

impl Versions {
    //= EDEL-TLS-02
    //= EDEL-TLS-03
    //= EDEL-TLS-07
    //= EDEL-TLS-08
    fn list(self) -> &'static [&'static rustls::SupportedProtocolVersion] {
        use rustls::version::{TLS12, TLS13};
        match self {
            Self::Both => {
                const BOTH: &[&rustls::SupportedProtocolVersion] = &[&TLS13, &TLS12];
                BOTH
            }
            Self::Tls12 => {
                const ONLY: &[&rustls::SupportedProtocolVersion] = &[&TLS12];
                ONLY
            }
            Self::Tls13 => {
                const ONLY: &[&rustls::SupportedProtocolVersion] = &[&TLS13];
                ONLY
            }
        }
    }
}

/// The body of a request or an answer of ours.
pub type SentBody = UnsyncBoxBody<Bytes, std::io::Error>;

/// A body that is whole in memory.
#[must_use]
pub fn whole(bytes: Bytes) -> SentBody {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

/// The cryptography used on both sides, named explicitly so that no process-wide default decides it; with `suites`,
/// only those of its cipher suites, by their IANA names.
//= EDEL-TLS-01
//= EDEL-TLS-05
fn provider(suites: &[String]) -> Result<Arc<CryptoProvider>, TlsError> {
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    if !suites.is_empty() {
        let known = cipher_suites();
        if let Some(name) = suites.iter().find(|name| !known.contains(name)) {
            return Err(TlsError::UnknownSuite { got: (*name).clone(), known });
        }
        provider.cipher_suites.retain(|suite| suites.contains(&iana_name(suite)));
    }
    Ok(Arc::new(provider))
}

/// The cipher suites that can be spoken, by IANA name.
#[must_use]
pub fn cipher_suites() -> Vec<String> {
    rustls::crypto::aws_lc_rs::default_provider().cipher_suites.iter().map(iana_name).collect()
}

/// The name in the IANA registry; rustls calls the suites of TLS 1.3 `TLS13_...`.
fn iana_name(suite: &SupportedCipherSuite) -> String {
    format!("{:?}", suite.suite()).replacen("TLS13_", "TLS_", 1)
}
