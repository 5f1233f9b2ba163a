//! An endpoint's address: an `https` URL, parsed once.

use std::fmt;

use http::Uri;
use http::uri::Authority;
use rustls_pki_types::ServerName;

use super::ClientError;

/// Where a partner listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) name: ServerName<'static>,
    pub(super) authority: Authority,
    pub(super) target: Uri,
}

impl Endpoint {
    /// Parses an `https` URL with a host, optionally a port (443 if left out) and a path.
    ///
    /// # Errors
    /// When it is not such a URL, or its host can be no certificate's name.
    pub fn parse(url: &str) -> Result<Self, ClientError> {
        Self::read(url, "https", 443)
    }

    /// Parses a URL of that scheme; `port` is the scheme's own.
    pub(super) fn read(url: &str, scheme: &str, port: u16) -> Result<Self, ClientError> {
        let refuse = || ClientError::Endpoint(url.to_owned());
        let uri: Uri = url.parse().map_err(|_| refuse())?;
        if uri.scheme_str() != Some(scheme) {
            return Err(refuse());
        }
        let authority = uri.authority().ok_or_else(refuse)?.clone();
        if authority.as_str().contains('@') {
            return Err(refuse());
        }
        // An IPv6 address is bracketed in a URL and bare elsewhere.
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(host.clone()).map_err(|_| refuse())?;
        let target = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str).parse().map_err(|_| refuse())?;
        Ok(Self { port: authority.port_u16().unwrap_or(port), host, name, authority, target })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "https://{}{}", self.authority, self.target)
    }
}
