//! Fetching a document: one GET on a connection of its own, over TLS or, where the document itself is signed, without.
//!
//! No redirect is followed, no connection kept; the time counts from the name's resolution to the answer's last byte.

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use tokio::time::timeout;

use super::connect::{connect, connect_plain};
use super::send::{Failed, head, read};
use super::{Answer, ClientError, ClientTls, Endpoint, config};
use crate::{ClientLimits, TlsError, whole};

/// Fetches documents from servers under one trust.
pub struct Fetcher {
    /// Without it, no `https` URL is fetched.
    tls: Option<Arc<ClientConfig>>,
    limits: ClientLimits,
    within: Duration,
}

impl Fetcher {
    /// Prepares to fetch; `limits` bound each step, `within` the whole.
    ///
    /// # Errors
    /// When identity or trust cannot be used.
    pub fn new(tls: Option<&ClientTls>, limits: ClientLimits, within: Duration) -> Result<Self, TlsError> {
        let tls = tls.map(config).transpose()?.map(Arc::new);
        Ok(Self { tls, limits, within })
    }

    /// Fetches a document, accepting any media type.
    ///
    /// # Errors
    /// [`ClientError`]; an answer of any status is none.
    pub async fn fetch(&self, url: &str) -> Result<Answer, ClientError> {
        timeout(self.within, self.once(url)).await.map_err(|_| ClientError::AnswerTimeout(self.within))?
    }

    async fn once(&self, url: &str) -> Result<Answer, ClientError> {
        let (endpoint, mut connected) = match &self.tls {
            Some(tls) if url.starts_with("https:") => {
                let endpoint = Endpoint::parse(url)?;
                let connected = connect(&endpoint, tls, &self.limits).await?;
                (endpoint, connected)
            }
            _ => {
                let endpoint = Endpoint::read(url, "http", 80)?;
                let connected = connect_plain(&endpoint, &self.limits).await?;
                (endpoint, connected)
            }
        };
        let mut request = http::Request::new(whole(bytes::Bytes::new()));
        *request.uri_mut() = endpoint.target.clone();
        if let Ok(host) = http::HeaderValue::from_str(endpoint.authority.as_str()) {
            request.headers_mut().insert(http::header::HOST, host);
        }
        request.headers_mut().insert(http::header::CONNECTION, http::HeaderValue::from_static("close"));
        let answer = head(&mut connected, &self.limits, request).await.map_err(|failed| match failed {
            Failed::Unsent(error, _) => ClientError::Unsent(error),
            Failed::Sent(error) => error,
        })?;
        let (head, incoming) = answer.into_parts();
        let body = read(incoming, &self.limits).await?;
        Ok(Answer { status: head.status, headers: head.headers, body })
    }
}

impl std::fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fetcher").field("tls", &self.tls.is_some()).finish_non_exhaustive()
    }
}
