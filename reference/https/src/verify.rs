//! Verification of the other side's certificate: webpki's, with the reason written to the log, and on the client
//! side optionally pinned to one certificate.
//!
//! The peer is told an alert and nothing else; the log gets the certificate and the reason.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use crate::{Certificate, TlsError, Trust, provider, usage};

/// Verifies client certificates and says in the log why one was refused.
#[derive(Debug)]
pub(crate) struct ClientVerifier(Arc<dyn ClientCertVerifier>);

impl ClientVerifier {
    pub(crate) fn new(trust: &Trust) -> Result<Self, TlsError> {
        let mut builder = WebPkiClientVerifier::builder_with_provider(trust.roots()?, provider(&[])?)
            .with_crls(trust.lists.iter().cloned());
        if trust.revocation.allow_unlisted {
            builder = builder.allow_unknown_revocation_status();
        }
        if !trust.revocation.allow_stale {
            builder = builder.enforce_revocation_expiration();
        }
        builder.build().map(Self).map_err(|_| TlsError::RevocationList)
    }

    /// Whether a chain that was let in earlier would still be let in.
    pub(crate) fn admits(&self, chain: &[CertificateDer<'_>], now: UnixTime) -> bool {
        chain
            .split_first()
            .is_some_and(|(leaf, intermediates)| self.verify_client_cert(leaf, intermediates, now).is_ok())
    }
}

//= EDEL-TLS-04
//= EDEL-TLS-09
//= TLS-PATH-02
//= TLS-PATH-03
//= TLS-PATH-05
//= TLS-USAGE-01
impl ClientCertVerifier for ClientVerifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        //= TLS-PATH-01
        //= TLS-PATH-02
        //= TLS-PATH-03
        //= TLS-PATH-04
        //= TLS-PATH-05
        //= TLS-PATH-06
        //= TLS-PATH-07
        //= TLS-PATH-09
        //= TLS-PATH-10
        //= TLS-USAGE-01
        usage::along_path(leaf, intermediates, |issuers| self.0.verify_client_cert(leaf, issuers, now))
            .inspect_err(|error| log_refusal("client", leaf, intermediates, error))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        //= TLS-CLIENT-01
        self.0
            .verify_tls12_signature(message, certificate, signature)
            .inspect_err(|error| log_refusal("client", certificate, &[], error))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0
            .verify_tls13_signature(message, certificate, signature)
            .inspect_err(|error| log_refusal("client", certificate, &[], error))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// Verifies a server's certificate against its name and the partner's anchors, and against a pin if there is one.
#[derive(Debug)]
pub(crate) struct ServerVerifier {
    inner: Arc<WebPkiServerVerifier>,
    pinned: Option<CertificateDer<'static>>,
}

impl ServerVerifier {
    pub(crate) fn new(trust: &Trust, pinned: Option<CertificateDer<'static>>) -> Result<Self, TlsError> {
        let mut builder = WebPkiServerVerifier::builder_with_provider(trust.roots()?, provider(&[])?)
            .with_crls(trust.lists.iter().cloned());
        if trust.revocation.allow_unlisted {
            builder = builder.allow_unknown_revocation_status();
        }
        if !trust.revocation.allow_stale {
            builder = builder.enforce_revocation_expiration();
        }
        let inner = builder.build().map_err(|_| TlsError::RevocationList)?;
        Ok(Self { inner, pinned })
    }
}

//= TLS-SERVER-01
//= TLS-SERVER-02
impl ServerCertVerifier for ServerVerifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verify = |issuers: &[CertificateDer<'_>]| self.inner.verify_server_cert(leaf, issuers, name, ocsp, now);
        let verified = usage::along_path(leaf, intermediates, verify)
            .inspect_err(|error| log_refusal("server", leaf, intermediates, error))?;
        match &self.pinned {
            Some(pinned) if pinned.as_ref() != leaf.as_ref() => {
                let error = Error::from(CertificateError::ApplicationVerificationFailure);
                tracing::warn!(
                    side = "server",
                    got = %Certificate::of(leaf),
                    expected = %Certificate::of(pinned),
                    "refused a certificate that is not the partner's pinned one"
                );
                Err(error)
            }
            _ => Ok(verified),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

fn log_refusal(side: &'static str, leaf: &CertificateDer<'_>, intermediates: &[CertificateDer<'_>], error: &Error) {
    let chain: Vec<String> = std::iter::once(leaf)
        .chain(intermediates)
        .map(|certificate| Certificate::of(certificate).to_string())
        .collect();
    tracing::warn!(side, reason = %error, ?chain, "refused a certificate");
}
