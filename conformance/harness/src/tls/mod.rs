//! TLS of the suite, both roles: presents any identity however broken, accepts every peer, names alerts.
//!
//! Raw ClientHellos of versions that the library does not speak are bytes made in [`hello`]. What a handshake means
//! for a verdict is left to the judge. Nothing is resumed: each connection shows its certificates anew.

use std::io;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::NoServerSessionStorage;
use rustls::{
    CipherSuite, ClientConfig, CommonState, Error, ServerConfig, SupportedProtocolVersion, client::Resumption, version,
};
use rustls_pki_types::ServerName;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::line::{self, ClientTls, Connected, Duplex, Ending, Handshake, ServerTls, TlsVersion};

mod alert;
mod anyone;
mod hello;
mod present;

pub use hello::{HELLOS, client_hello, first_record};

use anyone::Anyone;
use present::Present;

/// How a protocol error begins that is the suite's and not the peer's.
pub const OURS: &str = "the suite cannot offer this";

/// Makes a handshake as client. The server's certificate is recorded, never refused; that the server holds its key is
/// verified.
///
/// # Errors
/// How the attempt ended. With TLS 1.3 a refused client certificate shows only at the first read: see [`ending`].
pub async fn connect(tcp: impl Duplex + 'static, tls: &ClientTls) -> Result<Connected, Ending> {
    connect_by(tcp, tls, true).await
}

/// As [`connect`], and takes a server that does not hold the key of what it presents: a client that is broken so.
///
/// # Errors
/// How the attempt ended.
pub async fn connect_unproven(tcp: impl Duplex + 'static, tls: &ClientTls) -> Result<Connected, Ending> {
    connect_by(tcp, tls, false).await
}

async fn connect_by(tcp: impl Duplex + 'static, tls: &ClientTls, proven: bool) -> Result<Connected, Ending> {
    let present = Arc::new(Present::new(tls.identity.as_ref()));
    let config = client_config(tls, Arc::clone(&present), proven).map_err(ours)?;
    let name = ServerName::try_from(tls.server_name.clone()).map_err(|_| Ending::Protocol {
        what: format!("server name {:?} is neither a host name nor an address", tls.server_name),
    })?;
    let stream = TlsConnector::from(Arc::new(config)).connect(name, tcp).await.map_err(|error| line::ending(&error))?;
    let own_chain = tls.identity.as_ref().map(|identity| identity.chain.clone()).unwrap_or_default();
    let handshake = facts(stream.get_ref().1, own_chain, present.asked());
    Ok(Connected { stream: Box::new(stream), handshake: Some(handshake) })
}

/// Makes a handshake as server; a client certificate is asked for and never refused. That a client holds the key of
/// what it presents is verified.
///
/// # Errors
/// How the attempt ended.
pub async fn accept(tcp: impl Duplex + 'static, tls: &ServerTls) -> Result<Connected, Ending> {
    accept_by(tcp, tls, true).await
}

/// As [`accept`], and takes a client that does not hold the key of what it presents: a server that is broken so.
///
/// # Errors
/// How the attempt ended.
pub async fn accept_unproven(tcp: impl Duplex + 'static, tls: &ServerTls) -> Result<Connected, Ending> {
    accept_by(tcp, tls, false).await
}

async fn accept_by(tcp: impl Duplex + 'static, tls: &ServerTls, proven: bool) -> Result<Connected, Ending> {
    let config = server_config(tls, proven).map_err(ours)?;
    let stream = TlsAcceptor::from(Arc::new(config)).accept(tcp).await.map_err(|error| line::ending(&error))?;
    let handshake = facts(stream.get_ref().1, tls.identity.chain.clone(), true);
    Ok(Connected { stream: Box::new(stream), handshake: Some(handshake) })
}

/// The alert or the breach that an error of a TLS stream stands for; none when it is not TLS's.
#[must_use]
pub fn ending(error: &io::Error) -> Option<Ending> {
    let error = error.get_ref()?.downcast_ref::<Error>()?;
    Some(match error {
        Error::AlertReceived(alert) => Ending::Alert { name: alert::name(u8::from(*alert)) },
        other => Ending::Protocol { what: other.to_string() },
    })
}

fn client_config(tls: &ClientTls, present: Arc<Present>, proven: bool) -> Result<ClientConfig, Error> {
    let provider = provider(&tls.suites)?;
    let anyone = Arc::new(if proven { Anyone::new(&provider) } else { Anyone::unproven(&provider) });
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions(&tls.versions))?
        .dangerous()
        .with_custom_certificate_verifier(anyone)
        .with_client_cert_resolver(present);
    config.resumption = Resumption::disabled();
    Ok(config)
}

fn server_config(tls: &ServerTls, proven: bool) -> Result<ServerConfig, Error> {
    let provider = provider(&tls.suites)?;
    let anyone = Arc::new(if proven { Anyone::new(&provider) } else { Anyone::unproven(&provider) });
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions(&tls.versions))?
        .with_client_cert_verifier(anyone)
        .with_cert_resolver(Arc::new(Present::new(Some(&tls.identity))));
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// aws-lc with the suites of the given IANA names only; the one that everybody has comes first (RFC 8446, 9.1), and costs
/// least.
fn provider(suites: &[String]) -> Result<Arc<CryptoProvider>, Error> {
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites.sort_by_key(|suite| suite.suite() != CipherSuite::TLS13_AES_128_GCM_SHA256);
    if !suites.is_empty() {
        provider.cipher_suites.retain(|suite| suites.iter().any(|name| *name == iana(suite.suite())));
        if provider.cipher_suites.is_empty() {
            return Err(Error::General(format!("none of the suites {} is known here", suites.join(", "))));
        }
    }
    Ok(Arc::new(provider))
}

/// The IANA names of all suites that there are.
#[must_use]
pub fn suites() -> Vec<String> {
    aws_lc_rs::default_provider().cipher_suites.iter().map(|suite| iana(suite.suite())).collect()
}

fn versions(versions: &[TlsVersion]) -> Vec<&'static SupportedProtocolVersion> {
    let wanted = |version| versions.is_empty() || versions.contains(&version);
    let known = [(TlsVersion::V1_3, &version::TLS13), (TlsVersion::V1_2, &version::TLS12)];
    known.into_iter().filter(|(version, _)| wanted(*version)).map(|(_, known)| known).collect()
}

fn facts(
    state: &CommonState,
    own_chain: Vec<rustls_pki_types::CertificateDer<'static>>,
    certificate_asked: bool,
) -> Handshake {
    let version = match state.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_2) => "1.2",
        Some(rustls::ProtocolVersion::TLSv1_3) => "1.3",
        _ => "unknown",
    };
    Handshake {
        version: version.to_owned(),
        suite: state.negotiated_cipher_suite().map(|suite| iana(suite.suite())).unwrap_or_default(),
        peer_chain: state.peer_certificates().unwrap_or_default().to_vec(),
        own_chain,
        certificate_asked,
    }
}

/// rustls writes `TLS13_AES_128_GCM_SHA256` where IANA writes `TLS_AES_128_GCM_SHA256`.
fn iana(suite: CipherSuite) -> String {
    let name = suite.as_str().unwrap_or("unknown");
    name.strip_prefix("TLS13_").map_or_else(|| name.to_owned(), |rest| format!("TLS_{rest}"))
}

/// A configuration that could not be built is the suite's fault, not the peer's.
fn ours(error: Error) -> Ending {
    Ending::Protocol { what: format!("{OURS}: {error}") }
}

#[cfg(test)]
mod tests;
