//! Name, TCP and TLS: how far a connection to the subject comes, and where it stops.

use std::time::Duration;

use carnet_wire::trust::{Anchors, RevocationPolicy, TrustError};
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;
use webpki::EndEntityCert;
use x509_parser::extensions::GeneralName;

use super::own::{date, issuer, parsed, subject, validity};
use super::{Break, Finding, alert};
use crate::evidence::Stage;
use crate::http::{self, Message, Progress};
use crate::line::{ClientTls, Connected, Duplex, Ending, Handshake, ending};
use crate::runner::{Dial, dial, resolve};
use crate::setup::Setup;

/// Resolves the name of the subject, or of the proxy.
pub(super) async fn name(setup: &Setup) -> Result<String, Break> {
    let target = target(setup);
    match resolve(setup).await {
        Ok(addresses) => {
            let list: Vec<String> = addresses.iter().map(|address| address.ip().to_string()).collect();
            let whose = if setup.subject.proxy.is_some() { " (the proxy; it resolves theirs)" } else { "" };
            Ok(format!("{target}{whose} is {}", list.join(", ")))
        }
        Err(_) => Err(Break::new(
            format!("the name in {target} does not resolve"),
            "correct the host in `url`, let the DNS of this network know it, or write its address into `connect`",
        )),
    }
}

/// Opens a TCP connection, with the proxy's tunnel.
pub(super) async fn tcp(setup: &Setup, within: Duration) -> Result<String, Break> {
    let target = target(setup);
    match dial(setup, &Dial::new(None, within)).await {
        Ok(_) if setup.subject.proxy.is_some() => Ok(format!("tunnel through {target}")),
        Ok(_) => Ok(format!("connected to {target}")),
        Err((stage, ending)) => Err(not_connected(setup, &target, stage, &ending, within)),
    }
}

/// Makes the handshake, checks their certificate, and reads on until it shows whether ours was accepted.
pub(super) async fn tls(setup: &Setup, within: Duration) -> Result<String, Break> {
    let dialled = dial(setup, &Dial::new(Some(client(setup)), within)).await;
    let Connected { mut stream, handshake } = match dialled {
        Ok(connected) => connected,
        Err((Stage::Tls, ending)) => return Err(handshake_broke(setup, &ending, within).await),
        Err((stage, ending)) => return Err(not_connected(setup, &target(setup), stage, &ending, within)),
    };
    let Some(handshake) = handshake else {
        return Err(Break::new("no handshake was made", "write https:// in `url`"));
    };
    their_certificate(setup, &handshake)?;
    // In TLS 1.3 the client is done before the server has looked at its certificate: a refusal shows at the first read.
    match ask(&mut stream, setup, within).await {
        Ok(_) | Err(Ending::Timeout) => {}
        Err(ending) => return Err(alert::refused(setup, &ending)),
    }
    let leaf = handshake.peer_chain.first().map(|leaf| subject(leaf)).unwrap_or_default();
    let mut seen = format!("TLS {} with {}; their certificate {leaf} is trusted", handshake.version, handshake.suite);
    seen.push_str(if handshake.certificate_asked {
        "; ours was asked for and accepted"
    } else {
        "; they asked for no certificate of ours: mutual TLS is off there"
    });
    Ok(seen)
}

/// Where the URL names plain HTTP: whether TLS is what answers there.
pub(super) async fn tls_all_the_same(setup: &Setup, within: Duration) -> Finding {
    let answers = match dial(setup, &Dial::new(Some(client(setup)), within)).await {
        Ok(_) => true,
        // Nothing but TLS has alerts.
        Err((Stage::Tls, Ending::Alert { .. })) => true,
        Err(_) => false,
    };
    if answers {
        let there = setup.address.host_header();
        return Finding::Broken(Break::new(
            format!("the url in subject.toml is http://, and {there} speaks TLS"),
            format!("write url = \"https://{there}{}\"", setup.address.path),
        ));
    }
    Finding::NotTried("the url in subject.toml is http://; TLS is nobody's there".to_owned())
}

/// Who is dialled: the proxy, the address of `connect`, or the host of the URL.
fn target(setup: &Setup) -> String {
    let named = setup.subject.proxy.as_ref().or(setup.subject.connect.as_ref());
    named.cloned().unwrap_or_else(|| setup.address.host_header())
}

fn not_connected(setup: &Setup, target: &str, stage: Stage, ending: &Ending, within: Duration) -> Break {
    match (stage, ending) {
        (Stage::Name, _) => Break::new(format!("the name in {target} does not resolve"), "correct the host in `url`"),
        (Stage::Proxy, Ending::Protocol { what }) => Break::new(
            format!("the proxy {target} opens no tunnel to {}: {what}", setup.address.host_header()),
            "let the proxy allow CONNECT to that host and port, or correct `proxy` in subject.toml",
        ),
        (Stage::Proxy, _) => Break::new(
            format!("{target} took the connection and gave no answer to CONNECT"),
            "correct `proxy` in subject.toml: what listens there is no HTTP proxy",
        ),
        (_, Ending::Timeout) => Break::new(
            format!("{target} does not answer within {within:?}"),
            "open the firewall between this machine and theirs, or name an outbound `proxy` in subject.toml",
        ),
        (_, Ending::Protocol { what }) if what == "connection refused" => Break::new(
            format!("{target} refuses connections: nothing listens on that port"),
            "start their endpoint, or correct the port in `url`",
        ),
        (_, Ending::Protocol { what }) => {
            Break::new(format!("{target} cannot be reached: {what}"), "correct the address, or the route to it")
        }
        _ => Break::new(
            format!("{target} resets connections"),
            "let a firewall or load balancer in between allow this machine's address",
        ),
    }
}

async fn handshake_broke(setup: &Setup, ending: &Ending, within: Duration) -> Break {
    if !matches!(ending, Ending::Alert { .. }) && speaks_plain_http(setup, within).await {
        return Break::new(
            format!("{} speaks plain HTTP, not TLS", setup.address.host_header()),
            "write the port of their TLS endpoint into `url`, or let them turn TLS on",
        );
    }
    match ending {
        Ending::Protocol { what } => Break::new(
            format!("what {} answers is not TLS: {what}", setup.address.host_header()),
            "correct the port in `url`; it must be that of their TLS endpoint",
        ),
        other => alert::refused(setup, other),
    }
}

/// The head of their endpoint's page, over the kind of connection that the URL names.
pub(super) async fn head(setup: &Setup, within: Duration) -> Option<Message> {
    let tls = setup.address.tls.then(|| client(setup));
    let mut stream = dial(setup, &Dial::new(tls, within)).await.ok()?.stream;
    ask(&mut stream, setup, within).await.ok().flatten()
}

/// We as a TLS client.
fn client(setup: &Setup) -> ClientTls {
    ClientTls {
        identity: Some(setup.partner.tls.clone()),
        versions: Vec::new(),
        suites: Vec::new(),
        server_name: setup.address.host.clone(),
    }
}

async fn speaks_plain_http(setup: &Setup, within: Duration) -> bool {
    let Ok(connected) = dial(setup, &Dial::new(None, within)).await else { return false };
    let mut stream = connected.stream;
    matches!(ask(&mut stream, setup, within).await, Ok(Some(_)))
}

/// Asks for the head of the endpoint's page: harmless everywhere, and any answer will do. None when it is no HTTP.
async fn ask(stream: &mut Box<dyn Duplex>, setup: &Setup, within: Duration) -> Result<Option<Message>, Ending> {
    let request = format!(
        "HEAD {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: carnet\r\nConnection: close\r\n\r\n",
        setup.address.path,
        setup.address.host_header()
    );
    let reading = async {
        // A connection that is closed already shows its alert at the read.
        let written = stream.write_all(request.as_bytes()).await.and(stream.flush().await);
        let mut bytes = Vec::new();
        let mut buffer = vec![0; 8 << 10];
        loop {
            match stream.read(&mut buffer).await {
                Ok(0) if bytes.is_empty() => return Err(Ending::Close),
                Ok(0) => return Ok(bytes),
                Ok(length) => bytes.extend_from_slice(buffer.get(..length).unwrap_or_default()),
                Err(error) if bytes.is_empty() => {
                    let first = ending(&error);
                    let named = matches!(first, Ending::Alert { .. });
                    return Err(if named { first } else { written.err().map_or(first, |error| ending(&error)) });
                }
                Err(_) => return Ok(bytes),
            }
            // The answer to HEAD is a head.
            if http::find(&bytes, b"\r\n\r\n").is_some() || http::progress(&bytes) != Progress::Wants {
                return Ok(bytes);
            }
        }
    };
    match timeout(within, reading).await {
        Err(_) => Err(Ending::Timeout),
        Ok(read) => read.map(|bytes| http::read(&bytes).ok().filter(|message| message.status().is_some())),
    }
}

fn their_certificate(setup: &Setup, handshake: &Handshake) -> Result<(), Break> {
    let chain = &handshake.peer_chain;
    let Some(leaf) = chain.first() else {
        return Err(Break::new("they presented no certificate", "let them configure one with its chain"));
    };
    let policy = RevocationPolicy { require_status: false, enforce_expiration: false, whole_chain: false };
    let trusted = Anchors::new(&setup.tls_anchors, &[], policy).and_then(|anchors| anchors.verify(chain, Setup::now()));
    if let Err(error) = trusted {
        return Err(untrusted(chain, leaf, &error));
    }
    let fits = ServerName::try_from(setup.address.host.as_str())
        .ok()
        .zip(EndEntityCert::try_from(leaf).ok())
        .is_some_and(|(name, leaf)| leaf.verify_is_valid_for_subject_name(&name).is_ok());
    if fits {
        return Ok(());
    }
    Err(Break::new(
        format!("their certificate is for {}, not for {:?}", names(leaf), setup.address.host),
        "write a host name of their certificate into `url` (`connect` can hold the address), or let them add the name",
    ))
}

fn untrusted(chain: &[CertificateDer<'static>], leaf: &CertificateDer<'static>, error: &TrustError) -> Break {
    let top = chain.last().map(|last| issuer(last)).unwrap_or_default();
    match error {
        TrustError::UnknownIssuer => Break::new(
            format!("their certificate {} comes from {top}, which is not under trust.tls", subject(leaf)),
            format!(
                "name the PEM file of {top} under trust.tls in subject.toml; if it stands there, let them send their \
                 intermediate certificates along"
            ),
        ),
        TrustError::Expired => Break::new(
            format!("their certificate {} ended on {}, or one of its chain did", subject(leaf), date(validity(leaf).1)),
            "let them renew it; if it is valid, set the clock of this machine",
        ),
        TrustError::NotYetValid => Break::new(
            format!("their certificate {} is valid from {} on", subject(leaf), date(validity(leaf).0)),
            "set the clock of this machine; if it is right, let them present a certificate that has begun",
        ),
        other => Break::new(
            format!("their certificate {} (from {top}) does not verify: {other}", subject(leaf)),
            "let them have it issued anew without that fault",
        ),
    }
}

/// The host names of a certificate.
fn names(leaf: &CertificateDer<'_>) -> String {
    let Some(read) = parsed(leaf) else { return "unreadable names".to_owned() };
    let listed: Vec<String> = read
        .subject_alternative_name()
        .ok()
        .flatten()
        .map(|extension| extension.value.general_names.iter().filter_map(host).collect())
        .unwrap_or_default();
    if listed.is_empty() { "no host name at all".to_owned() } else { listed.join(", ") }
}

fn host(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).ok().map(|bytes| std::net::Ipv4Addr::from(bytes).to_string()),
            16 => <[u8; 16]>::try_from(*bytes).ok().map(|bytes| std::net::Ipv6Addr::from(bytes).to_string()),
            _ => None,
        },
        _ => None,
    }
}
