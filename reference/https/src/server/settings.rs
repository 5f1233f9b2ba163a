//! What is in force on a server at one moment: rustls settings, verifier, limits.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::{NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::verify::ClientVerifier;
use crate::{Clock, Identity, ServerLimits, TlsError, Trust, Versions, provider};

/// Identity and trust of a server.
#[derive(Clone, Debug)]
pub struct ServerTls {
    /// What the server presents.
    pub identity: Identity,
    /// Whose clients it lets in.
    pub trust: Trust,
    /// Protocol versions it speaks.
    pub versions: Versions,
    /// Cipher suites it speaks, by IANA name; all that are sound when empty.
    pub suites: Vec<String>,
    /// The clock that certificates are judged by.
    pub clock: Clock,
}

#[derive(Debug)]
pub(super) struct Current {
    pub(super) config: Arc<ServerConfig>,
    pub(super) verifier: Arc<ClientVerifier>,
    pub(super) clock: Clock,
    pub(super) limits: Arc<ServerLimits>,
    pub(super) epoch: u64,
}

impl Current {
    pub(super) fn new(tls: &ServerTls, limits: ServerLimits, epoch: u64) -> Result<Self, TlsError> {
        let verifier = Arc::new(ClientVerifier::new(&tls.trust)?);
        let mut config = ServerConfig::builder_with_details(provider(&tls.suites)?, Arc::new(tls.clock.clone()))
            .with_protocol_versions(tls.versions.list())
            .map_err(TlsError::Settings)?
            .with_client_cert_verifier(Arc::clone(&verifier) as _)
            .with_cert_resolver(Arc::new(Fixed(tls.identity.certified_key()?)));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // A resumed session is not verified again: a certificate revoked or expired since would still pass.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Self { config: Arc::new(config), verifier, clock: tls.clock.clone(), limits: Arc::new(limits), epoch })
    }
}

#[derive(Debug)]
struct Fixed(Arc<CertifiedKey>);

impl ResolvesServerCert for Fixed {
    fn resolve(&self, _: rustls::server::ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}
