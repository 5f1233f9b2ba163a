//! Opens a connection to the subject: name, TCP, proxy, TLS.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::line::{Control, Raw};
use crate::evidence::Stage;
use crate::line::{ClientTls, Connected, Ending, ending};
use crate::setup::Setup;
use crate::{http, tls};

/// How a connection is to be opened.
#[derive(Debug, Clone)]
pub(crate) struct Dial {
    /// None for plain TCP.
    pub(crate) tls: Option<ClientTls>,
    /// Disturbs what leaves.
    pub(crate) line: Control,
    /// For all of it.
    pub(crate) within: Duration,
}

impl Dial {
    /// An undisturbed connection.
    pub(crate) fn new(tls: Option<ClientTls>, within: Duration) -> Self {
        Self { tls, line: Control::default(), within }
    }

    /// How far an attempt comes that does not end.
    pub(crate) fn stage(&self) -> Stage {
        if self.tls.is_some() { Stage::Tls } else { Stage::Tcp }
    }
}

/// Opens a connection to the subject.
///
/// # Errors
/// How far it came, and how it ended.
pub(crate) async fn dial(setup: &Setup, dial: &Dial) -> Result<Connected, (Stage, Ending)> {
    match timeout(dial.within, open(setup, dial)).await {
        Ok(opened) => opened,
        Err(_) => Err((dial.stage(), Ending::Timeout)),
    }
}

/// The addresses the subject's name stands for.
///
/// # Errors
/// The name does not resolve.
pub(crate) async fn resolve(setup: &Setup) -> Result<Vec<SocketAddr>, Ending> {
    let target = match (&setup.subject.proxy, &setup.subject.connect) {
        (Some(proxy), _) => proxy.clone(),
        (None, Some(connect)) => connect.clone(),
        (None, None) => setup.address.host_header(),
    };
    let failed = |what: String| Ending::Protocol { what };
    let found: Vec<SocketAddr> =
        lookup_host(target).await.map_err(|_| failed("name does not resolve".to_owned()))?.collect();
    if found.is_empty() { Err(failed("name has no address".to_owned())) } else { Ok(found) }
}

async fn open(setup: &Setup, dial: &Dial) -> Result<Connected, (Stage, Ending)> {
    let addresses = resolve(setup).await.map_err(|ending| (Stage::Name, ending))?;
    let mut last = Ending::Reset;
    let mut tcp = None;
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                tcp = Some(stream);
                break;
            }
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                last = Ending::Protocol { what: "connection refused".to_owned() };
            }
            Err(error) => last = ending(&error),
        }
    }
    let mut tcp = tcp.ok_or((Stage::Tcp, last))?;
    let _ = tcp.set_nodelay(true);
    if setup.subject.proxy.is_some() {
        tunnel(&mut tcp, &setup.address.host_header()).await.map_err(|ending| (Stage::Proxy, ending))?;
    }
    let raw = Raw::new(tcp, dial.line.clone());
    match &dial.tls {
        Some(client) => tls::connect(raw, client).await.map_err(|ending| {
            // A handshake that the suite itself broke off says nothing of the subject.
            (Stage::Tls, if dial.line.broke_off() { Ending::Ours } else { ending })
        }),
        None => Ok(Connected { stream: Box::new(raw), handshake: None }),
    }
}

async fn tunnel(tcp: &mut TcpStream, target: &str) -> Result<(), Ending> {
    let request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n");
    tcp.write_all(request.as_bytes()).await.map_err(|error| ending(&error))?;
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") && bytes.len() < 8192 {
        let byte = tcp.read_u8().await.map_err(|error| ending(&error))?;
        bytes.push(byte);
    }
    let head = String::from_utf8_lossy(&bytes);
    match http::read(
        format!("{}Content-Length: 0\r\n\r\n", head.trim_end_matches("\r\n\r\n").to_owned() + "\r\n").as_bytes(),
    ) {
        Ok(message) if message.status().is_some_and(|status| (200..300).contains(&status)) => Ok(()),
        Ok(message) => Err(Ending::Protocol { what: format!("proxy answered {}", message.line) }),
        Err(error) => Err(Ending::Protocol { what: error.to_string() }),
    }
}
