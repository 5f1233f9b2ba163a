//! The client: connections kept alive per endpoint, the next endpoint tried when one is down.
//!
//! It takes no proxy from the environment, follows no redirect and resumes no session. One [`Client`] talks to one
//! partner: its trust is that partner's, not everybody's.

mod connect;
mod endpoint;
mod error;
mod fetch;
mod pool;
mod send;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use hyper::body::Incoming;
use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls_pki_types::CertificateDer;

use crate::verify::ServerVerifier;
use crate::{Body, Chain, ClientLimits, Clock, Identity, SentBody, ServerLimits, TlsError, Trust, Versions, provider};

pub use endpoint::Endpoint;
pub use error::ClientError;
pub use fetch::Fetcher;
pub(crate) use pool::Returning;
use pool::{Lease, Pool};

/// Identity and trust towards one partner.
#[derive(Clone, Debug)]
pub struct ClientTls {
    /// What is presented.
    pub identity: Identity,
    /// Whom the partner's server certificate must chain to.
    pub trust: Trust,
    /// The one certificate the partner's server may present, when that is agreed.
    pub pinned: Option<CertificateDer<'static>>,
    /// Protocol versions that are offered.
    pub versions: Versions,
    /// Cipher suites that are offered, by IANA name; all that are sound when empty.
    pub suites: Vec<String>,
    /// The clock that certificates are judged by.
    pub clock: Clock,
}

/// An answer, whole in memory.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Status line.
    pub status: http::StatusCode,
    /// Header fields.
    pub headers: http::HeaderMap,
    /// Body.
    pub body: Bytes,
}

/// An answer and where it came from.
#[derive(Clone, Debug)]
pub struct Sent {
    /// What the endpoint answered.
    pub answer: Answer,
    /// The endpoint, as it was configured.
    pub endpoint: String,
}

/// An answer whose body is still to be read, for one too large to be held in memory.
#[derive(Debug)]
pub struct Opened {
    /// Status line.
    pub status: http::StatusCode,
    /// Header fields.
    pub headers: http::HeaderMap,
    /// Body. Read to its end, its connection serves again.
    pub body: Body,
}

/// Sends requests to one partner.
#[derive(Debug)]
pub struct Client {
    pools: Vec<Arc<Pool>>,
    preferred: AtomicUsize,
    limits: Arc<ClientLimits>,
}

impl Client {
    /// Prepares to talk to a partner's endpoints, in order of preference. Nothing is connected yet.
    ///
    /// # Errors
    /// When identity or trust cannot be used, or there is no endpoint.
    pub fn new(endpoints: Vec<Endpoint>, tls: &ClientTls, limits: ClientLimits) -> Result<Self, TlsError> {
        let config = Arc::new(config(tls)?);
        let limits = Arc::new(limits);
        let pools = endpoints
            .into_iter()
            .map(|endpoint| Arc::new(Pool::new(endpoint, Arc::clone(&config), Arc::clone(&limits))))
            .collect();
        Ok(Self { pools, preferred: AtomicUsize::new(0), limits })
    }

    /// Posts to the first endpoint that can be reached, beginning with the one that answered last.
    ///
    /// An endpoint that cannot be reached, or answers 503, is passed over; once a request is under way its failure
    /// is the caller's to judge, since the partner may have taken it in. The next call then begins elsewhere. `body` is
    /// made anew for each endpoint that is tried.
    ///
    /// # Errors
    /// The failure of the last endpoint that was tried.
    pub async fn post(
        &self,
        headers: &http::HeaderMap,
        body: impl Fn() -> std::io::Result<SentBody> + Sync,
    ) -> Result<Sent, ClientError> {
        let (index, lease, response) = self.exchange(headers, body).await?;
        let pool = &self.pools[index];
        match send::finish(pool, &self.limits, lease, response).await {
            Ok(answer) => Ok(Sent { answer, endpoint: pool.endpoint.to_string() }),
            Err(error) => {
                self.pass_over(index, &error);
                Err(error)
            }
        }
    }

    /// As [`Client::post`], and leaves the answer's body to be read under `limits`.
    ///
    /// # Errors
    /// As [`Client::post`].
    pub async fn open(
        &self,
        headers: &http::HeaderMap,
        body: impl Fn() -> std::io::Result<SentBody> + Sync,
        limits: &ServerLimits,
    ) -> Result<Opened, ClientError> {
        let (index, lease, response) = self.exchange(headers, body).await?;
        let (head, incoming) = response.into_parts();
        let returning = Returning::new(Arc::clone(&self.pools[index]), lease);
        let body = Body::leased(incoming, limits, returning);
        Ok(Opened { status: head.status, headers: head.headers, body })
    }

    /// Sends the request; the endpoint that answered, by its place, and the answer's head.
    async fn exchange(
        &self,
        headers: &http::HeaderMap,
        body: impl Fn() -> std::io::Result<SentBody> + Sync,
    ) -> Result<(usize, Lease, http::Response<Incoming>), ClientError> {
        let first = self.preferred.load(Ordering::Relaxed);
        let mut last = ClientError::NoEndpoint;
        for offset in 0..self.pools.len() {
            let index = (first + offset) % self.pools.len();
            let pool = &self.pools[index];
            let body = body().map_err(ClientError::Body)?;
            match send::post(pool, &self.limits, headers.clone(), body).await {
                Ok((_, response))
                    if response.status() == http::StatusCode::SERVICE_UNAVAILABLE && offset + 1 < self.pools.len() =>
                {
                    tracing::warn!(endpoint = %pool.endpoint, "an endpoint is busy, trying the next");
                }
                Ok((lease, response)) => {
                    self.preferred.store(index, Ordering::Relaxed);
                    return Ok((index, lease, response));
                }
                Err(error) => {
                    self.pass_over(index, &error);
                    let reached = error.may_have_arrived();
                    last = error;
                    if reached {
                        break;
                    }
                }
            }
        }
        Err(last)
    }

    fn pass_over(&self, index: usize, error: &ClientError) {
        self.preferred.store((index + 1) % self.pools.len(), Ordering::Relaxed);
        let endpoint = &self.pools[index].endpoint;
        tracing::warn!(%endpoint, error = %Chain(error), "an endpoint failed");
    }
}

fn config(tls: &ClientTls) -> Result<ClientConfig, TlsError> {
    let verifier = ServerVerifier::new(&tls.trust, tls.pinned.clone())?;
    // Checks that chain and key belong together before rustls takes them.
    tls.identity.certified_key()?;
    let mut config = ClientConfig::builder_with_details(provider(&tls.suites)?, Arc::new(tls.clock.clone()))
        .with_protocol_versions(tls.versions.list())
        .map_err(TlsError::Settings)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_client_auth_cert(tls.identity.chain().to_vec(), tls.identity.key().clone_key())
        .map_err(TlsError::Settings)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.resumption = Resumption::disabled();
    Ok(config)
}
