//! Mutual TLS over HTTP/1.1: a server that demands a client certificate, and a client that presents one.
//!
//! The server gives every request the certificate chain its peer proved, and bounds what a peer may cost:
//! connections, header size, body size, time. The client keeps connections alive per endpoint and goes to the
//! next endpoint when one is down. Identity and trust are swapped while connections stay open.
//!
//! It knows nothing of AS4, of files or of configuration formats: certificates, keys and revocation lists come in
//! as bytes. Which partner a certificate belongs to is decided by the caller, from [`Peer::chain`].
//!
//! Obeys eDelivery AS4 1.15 §2.2.6 (TLS 1.2 and newer only, client authentication) and RFC 9112 (HTTP/1.1).

mod body;
mod client;
mod describe;
mod error;
mod identity;
mod limits;
mod server;
mod stream;
mod trust;
mod usage;
mod verify;

pub use body::{Body, BodyError};
pub use client::{Answer, Client, ClientError, ClientTls, Endpoint, RequestBody, Sent};
pub use describe::Certificate;
pub use error::TlsError;
pub use identity::Identity;
pub use limits::{ClientLimits, ServerLimits};
pub use server::{Handler, Peer, Reload, Response, Server, ServerTls, Stop};
pub use trust::{Clock, Revocation, Trust, certificates_from_pem, revocation_lists};

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

/// The cryptography used on both sides, named explicitly so that no process-wide default decides it.
fn provider() -> std::sync::Arc<rustls::crypto::CryptoProvider> {
    std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}
