//! The revocation lists of the suite's test CA, over plain HTTP, for a subject that follows distribution points.
//!
//! A list is known by the last segment of the path: what stands before the suite may map the rest. Each request is recorded,
//! and belongs to no case: a list that was fetched is had from then on. Clauses: RFC 5280 4.2.1.13, RFC 2585.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use carnet_certs::{Crl, list_file};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::RunError;
use super::budget::Budget;
use super::serving::{REQUEST, SLOWEST, Serving};
use crate::evidence::{Kind, Recorder, Sink};
use crate::http::{self, Request};
use crate::plain;
use crate::setup::Setup;

/// The list that certificates of the zoo name and nobody gives.
const UNLISTED: &str = "unlisted";

/// The lists as they are at the start of a run.
#[derive(Debug)]
pub(crate) struct Lists {
    lists: Vec<Crl>,
    sink: Sink,
    budget: Arc<Budget>,
}

/// What is said to a request.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    /// The list in it.
    list: Option<&'static str>,
    /// Nothing where the connection just ends.
    bytes: Vec<u8>,
}

impl Lists {
    /// Listens where `subject.toml` says, and serves until the handle is dropped; none where nothing is published.
    ///
    /// # Errors
    /// [`RunError::Lists`]: the address cannot be bound, a list cannot be signed.
    pub(crate) async fn serve(
        setup: &Setup,
        recorder: Arc<Recorder>,
        budget: Arc<Budget>,
    ) -> Result<Option<(SocketAddr, Serving)>, RunError> {
        let Some((authority, published)) = setup.authority.as_ref().zip(setup.subject.suite.lists.as_ref()) else {
            return Ok(None);
        };
        let failed = |source| RunError::Lists { address: published.listen.clone(), source };
        let lists = authority.crls(Setup::now()).map_err(io::Error::other).map_err(failed)?;
        let listener = TcpListener::bind(&published.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Some((address, Self { lists, sink: Sink { recorder, scope: None }, budget }.serve_on(listener))))
    }

    fn serve_on(self, listener: TcpListener) -> Serving {
        let lists = Arc::new(self);
        Serving::accept(listener, move |tcp| {
            let lists = Arc::clone(&lists);
            async move { lists.connection(tcp).await }
        })
    }

    /// One request on each connection.
    async fn connection(&self, mut tcp: TcpStream) {
        let Some(request) = plain::heard(&mut tcp, SLOWEST, REQUEST).await else { return };
        if self.budget.spent() {
            return;
        }
        self.budget.take(request.len());
        let said = self.answer(&request);
        let (request, answer) = (self.sink.blob(&request), self.sink.blob(&said.bytes));
        // Before it is given: what the subject does with it comes later in the record, too.
        self.sink.event(None, None, Kind::Fetched { list: said.list.map(str::to_owned), request, answer });
        let given = async {
            tcp.write_all(&said.bytes).await?;
            tcp.shutdown().await
        };
        let _ = timeout(SLOWEST, given).await;
    }

    fn answer(&self, request: &[u8]) -> Said {
        let nothing = |status, fields: &str| Said {
            list: None,
            bytes: http::scripted(status, &format!("{fields}Connection: close\r\n")),
        };
        let Ok(message) = http::read(request) else { return nothing(400, "") };
        let mut words = message.line.split(' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let file = target.split(['?', '#']).next().and_then(|path| path.rsplit('/').next()).unwrap_or_default();
        if !matches!(method, "GET" | "HEAD") {
            return nothing(405, "Allow: GET, HEAD\r\n");
        }
        if file == list_file(UNLISTED) {
            return Said { list: None, bytes: Vec::new() };
        }
        let Some(crl) = self.lists.iter().find(|crl| crl.file() == file) else { return nothing(404, "") };
        let headers = [
            ("Content-Type", "application/pkix-crl".to_owned()),
            ("Content-Length", crl.der.len().to_string()),
            ("Connection", "close".to_owned()),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value)).to_vec();
        let (list, body) = if method == "GET" { (Some(crl.name), crl.der.to_vec()) } else { (None, Vec::new()) };
        Said { list, bytes: Request { line: "HTTP/1.1 200 OK".to_owned(), headers, body }.to_bytes() }
    }
}

#[cfg(test)]
mod tests;
