//! A new connection to an endpoint: name, TCP, TLS where that is wanted, HTTP.

use std::sync::Arc;

use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::{ClientError, Endpoint};
use crate::stream::{Bounded, Progress};
use crate::{Chain, ClientLimits, SentBody};

/// A connection that is ready for a request.
pub(super) struct Connected {
    pub(super) sender: SendRequest<SentBody>,
    pub(super) progress: Progress,
}

pub(super) async fn connect(
    endpoint: &Endpoint,
    config: &Arc<ClientConfig>,
    limits: &ClientLimits,
) -> Result<Connected, ClientError> {
    let (stream, progress) = tcp(endpoint, limits).await?;
    let connector = TlsConnector::from(Arc::clone(config));
    let stream = timeout(limits.handshake, connector.connect(endpoint.name.clone(), stream))
        .await
        .map_err(|_| ClientError::HandshakeTimeout(limits.handshake))?
        .map_err(ClientError::Handshake)?;
    speak(stream, progress, limits).await
}

/// A connection without TLS.
pub(super) async fn connect_plain(endpoint: &Endpoint, limits: &ClientLimits) -> Result<Connected, ClientError> {
    let (stream, progress) = tcp(endpoint, limits).await?;
    speak(stream, progress, limits).await
}

async fn tcp(endpoint: &Endpoint, limits: &ClientLimits) -> Result<(Bounded, Progress), ClientError> {
    let address = (endpoint.host.as_str(), endpoint.port);
    let tcp = timeout(limits.connect, TcpStream::connect(address))
        .await
        .map_err(|_| ClientError::ConnectTimeout(limits.connect))?
        .map_err(ClientError::Connect)?;
    let _ = tcp.set_nodelay(true);
    let stream = Bounded::new(tcp, limits.response);
    let progress = stream.progress();
    Ok((stream, progress))
}

async fn speak<S>(stream: S, progress: Progress, limits: &ClientLimits) -> Result<Connected, ClientError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = http1::Builder::new()
        .max_header_size(limits.header_bytes)
        .max_buf_size(limits.header_bytes.max(64 * 1024))
        .handshake(TokioIo::new(stream))
        .await
        .map_err(ClientError::Unsent)?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(error = %Chain(&error), "a connection to a partner ended early");
        }
    });
    Ok(Connected { sender, progress })
}
