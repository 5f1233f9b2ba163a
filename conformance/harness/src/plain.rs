//! A small client for plain HTTP on one connection: hooks, and the back-end API of a node that a demonstration drives; and
//! what its other end hears, for those that are asked. [`message`] reads one message from any connection.
//!
//! No TLS, no redirects, no pooling: what needs those is not a hook.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::http::{self, HttpError, Message, Meter, Progress, Request};
use crate::setup::Address;

/// Why a request got no answer.
#[derive(Debug, thiserror::Error)]
pub enum PlainError {
    /// The URL is not `http://host:port/path`.
    #[error("got url {0:?}, expected http://host:port/path")]
    Url(String),
    /// The connection failed.
    #[error("{host} cannot be reached")]
    Io {
        /// Host and port.
        host: String,
        /// Why.
        source: std::io::Error,
    },
    /// No complete answer in time.
    #[error("{host} gave no answer within {within:?}")]
    Timeout {
        /// Host and port.
        host: String,
        /// How long was waited.
        within: Duration,
    },
    /// The answer is not HTTP.
    #[error("the answer is not http")]
    Answer(#[from] HttpError),
}

/// Sends one request and reads the answer.
///
/// # Errors
/// See [`PlainError`]; any status is an answer.
pub async fn request(
    method: &str,
    url: &str,
    headers: &[(String, String)],
    body: &[u8],
    within: Duration,
) -> Result<Message, PlainError> {
    let address = Address::parse(url).filter(|address| !address.tls).ok_or_else(|| PlainError::Url(url.to_owned()))?;
    let host = address.host_header();
    let mut fields = vec![("Host".to_owned(), host.clone()), ("Connection".to_owned(), "close".to_owned())];
    if !body.is_empty() || method != "GET" {
        fields.push(("Content-Length".to_owned(), body.len().to_string()));
    }
    fields.extend(headers.iter().cloned());
    let request = Request { line: format!("{method} {} HTTP/1.1", address.path), headers: fields, body: body.to_vec() };
    let exchange = async {
        let mut stream = TcpStream::connect((address.host.as_str(), address.port)).await?;
        stream.write_all(&request.to_bytes()).await?;
        let mut bytes = Vec::new();
        // An answer without a length is whole when the connection ends.
        message(&mut stream, &mut bytes, usize::MAX).await?;
        Ok(bytes)
    };
    match timeout(within, exchange).await {
        Err(_) => Err(PlainError::Timeout { host, within }),
        Ok(Err(source)) => Err(PlainError::Io { host, source }),
        Ok(Ok(bytes)) => Ok(http::read(&bytes)?),
    }
}

/// One request on a connection; none when no whole one comes `within` that time, or within `most` bytes.
pub(crate) async fn heard(tcp: &mut TcpStream, within: Duration, most: usize) -> Option<Vec<u8>> {
    let mut request = Vec::new();
    let whole = timeout(within, message(tcp, &mut request, most)).await.ok()?.ok()?;
    whole.then_some(request)
}

/// Reads one message into `bytes`, until it is whole, the connection ends, or `most` bytes are there. Says whether it is
/// whole.
///
/// # Errors
/// The connection broke; `bytes` holds what came before.
pub async fn message(
    stream: &mut (impl AsyncRead + Unpin + ?Sized),
    bytes: &mut Vec<u8>,
    most: usize,
) -> std::io::Result<bool> {
    let mut meter = Meter::default();
    while meter.progress(bytes) != Progress::Complete {
        if bytes.len() >= most || stream.read_buf(bytes).await? == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}
