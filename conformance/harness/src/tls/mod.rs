//! TLS of the suite, both roles: presents any identity however broken, accepts every peer, names alerts.
//!
//! Raw ClientHellos of versions that the library does not speak are bytes made here. What a handshake means for a
//! verdict is left to the judge.

use std::io;

use tokio::net::TcpStream;

use crate::line::{ClientTls, Connected, Ending, ServerTls};

/// Makes a handshake as client. The server's certificate is recorded, never refused.
///
/// # Errors
/// How the attempt ended. With TLS 1.3 a refused client certificate shows only at the first read: see [`ending`].
pub async fn connect(tcp: TcpStream, tls: &ClientTls) -> Result<Connected, Ending> {
    let _ = (tcp, tls);
    Err(Ending::Protocol { what: "tls is not built".to_owned() })
}

/// Makes a handshake as server; a client certificate is asked for and never refused.
///
/// # Errors
/// How the attempt ended.
pub async fn accept(tcp: TcpStream, tls: &ServerTls) -> Result<Connected, Ending> {
    let _ = (tcp, tls);
    Err(Ending::Protocol { what: "tls is not built".to_owned() })
}

/// The alert or close that an error of a TLS stream stands for; none when it is not TLS's.
#[must_use]
pub fn ending(error: &io::Error) -> Option<Ending> {
    let _ = error;
    None
}

/// The bytes of a ClientHello by name: `ssl3`, `tls1.0`, `tls1.1`, ... as cases name them.
#[must_use]
pub fn client_hello(name: &str) -> Option<Vec<u8>> {
    let _ = name;
    None
}

/// Reads the first TLS record of an answer to a raw ClientHello: the alert's name, or `server_hello VERSION`.
#[must_use]
pub fn first_record(bytes: &[u8]) -> Option<String> {
    let _ = bytes;
    None
}
