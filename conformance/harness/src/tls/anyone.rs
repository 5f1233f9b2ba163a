//! A verifier that takes any certificate, yet not any signature: who presents a certificate must hold its key.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use x509_parser::public_key::PublicKey;

#[derive(Debug)]
pub(super) struct Anyone {
    algorithms: WebPkiSupportedAlgorithms,
    proven: bool,
}

impl Anyone {
    pub(super) fn new(provider: &CryptoProvider) -> Self {
        Self { algorithms: provider.signature_verification_algorithms, proven: true }
    }

    /// Takes any signature too.
    pub(super) fn unproven(provider: &CryptoProvider) -> Self {
        Self { proven: false, ..Self::new(provider) }
    }

    fn let_through(
        &self,
        verified: Result<HandshakeSignatureValid, Error>,
        leaf: &CertificateDer<'_>,
    ) -> Result<HandshakeSignatureValid, Error> {
        if self.proven { let_through(verified, leaf) } else { Ok(HandshakeSignatureValid::assertion()) }
    }
}

/// A certificate that the library cannot read, or whose key is too short for it, proves nothing and is let through:
/// judging it is the judge's. A signature that does not fit a certificate that was read is the peer's breach, whether
/// another key made it or one of another kind.
fn let_through(
    verified: Result<HandshakeSignatureValid, Error>,
    leaf: &CertificateDer<'_>,
) -> Result<HandshakeSignatureValid, Error> {
    use CertificateError::{BadSignature, UnsupportedSignatureAlgorithmForPublicKeyContext};
    match verified {
        Err(error @ Error::InvalidCertificate(BadSignature)) if !is_weak(leaf) => Err(error),
        Err(error @ Error::InvalidCertificate(UnsupportedSignatureAlgorithmForPublicKeyContext { .. })) => Err(error),
        _ => Ok(HandshakeSignatureValid::assertion()),
    }
}

/// An RSA key under 2048 bits.
fn is_weak(leaf: &CertificateDer<'_>) -> bool {
    let parsed = x509_parser::parse_x509_certificate(leaf);
    let key = parsed.as_ref().ok().and_then(|(_, leaf)| leaf.public_key().parsed().ok());
    matches!(key, Some(PublicKey::RSA(key)) if key.key_size() < 2048)
}

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _leaf: &CertificateDer<'_>,
        _between: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.let_through(verify_tls12_signature(message, leaf, signed, &self.algorithms), leaf)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.let_through(verify_tls13_signature(message, leaf, signed, &self.algorithms), leaf)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl ClientCertVerifier for Anyone {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _leaf: &CertificateDer<'_>,
        _between: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.let_through(verify_tls12_signature(message, leaf, signed, &self.algorithms), leaf)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.let_through(verify_tls13_signature(message, leaf, signed, &self.algorithms), leaf)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
