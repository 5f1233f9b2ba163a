//! Addresses: the subject's, and the suite's own as the subject reaches it.

use carnet_catalogue::exchange::Discovery;
use carnet_catalogue::subject::{Lists, Suite};

/// The subject's address, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Host as in the URL, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Path and query.
    pub path: String,
    /// The URL names `https`.
    pub tls: bool,
}

impl Address {
    /// Takes `https://host:port/path` apart.
    #[must_use]
    pub fn parse(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let tls = match scheme {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
        let (host, port) = match authority.strip_prefix('[') {
            Some(v6) => {
                let (host, port) = v6.split_once(']')?;
                (host, port.strip_prefix(':'))
            }
            None => authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
        };
        let port = match port {
            Some(port) => port.parse().ok()?,
            None => {
                if tls {
                    443
                } else {
                    80
                }
            }
        };
        if host.is_empty() { None } else { Some(Self { host: host.to_owned(), port, path: path.to_owned(), tls }) }
    }

    /// The `Host` header.
    #[must_use]
    pub fn host_header(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        format!("{host}:{}", self.port)
    }
}

/// Where the subject reaches the suite: the public URL, else the address the suite listens on.
///
/// An endpoint that listens on every address, or on loopback, is reached by name: the suite's certificates carry names.
#[must_use]
pub fn suite_url(suite: &Suite) -> Option<String> {
    suite
        .public_url
        .clone()
        .or_else(|| suite.listen.as_deref().map(|address| format!("https://{}/as4", named(address))))
}

/// The base URL of the suite's publisher as the subject reaches it: the public one, else the address it listens on.
#[must_use]
pub fn publisher_url(discovery: &Discovery) -> String {
    base_url(discovery.public_url.as_deref(), &discovery.listen, "/smp")
}

/// The base URL of the test CA's revocation lists as the subject reaches it: the public one, else the address of `listen`.
#[must_use]
pub fn lists_url(lists: &Lists) -> String {
    base_url(lists.public_url.as_deref(), &lists.listen, "")
}

fn base_url(public: Option<&str>, listen: &str, path: &str) -> String {
    let own = || format!("http://{}{path}", named(listen));
    public.map_or_else(own, |url| url.trim_end_matches('/').to_owned())
}

/// An address that is listened on, by a name under which it is reached here.
fn named(address: &str) -> String {
    let (host, port) = address.rsplit_once(':').unwrap_or((address, "443"));
    let host = match host {
        "0.0.0.0" | "[::]" | "127.0.0.1" | "[::1]" => "localhost",
        other => other,
    };
    format!("{host}:{port}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        let parse = |url| Address::parse(url).map(|a| (a.host, a.port, a.path, a.tls));
        assert_eq!(parse("https://th.example/as4"), Some(("th.example".into(), 443, "/as4".into(), true)));
        assert_eq!(parse("http://[::1]:80"), Some(("::1".into(), 80, "/".into(), false)));
        assert_eq!(parse("ftp://th.example/"), None);
        assert_eq!(parse("https://:1/"), None);
    }

    #[test]
    fn the_suite_is_reached_by_name_wherever_it_listens_here() {
        for (listen, url) in
            [("0.0.0.0:8443", "localhost:8443"), ("[::]:8443", "localhost:8443"), ("192.0.2.7:8443", "192.0.2.7:8443")]
        {
            assert_eq!(named(listen), url);
        }
    }
}
