//! The suite's own publisher of service metadata: answers as the case in question scripted, over plain HTTP.
//!
//! Each case has a participant of its own, so that a subject that keeps answers knows none beforehand; who is not known
//! here gets 404. What is said is `forge`'s to write. Clauses: OASIS BDXR SMP 1.0, the REST binding.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use carnet_catalogue::exchange::Discovery;
use carnet_catalogue::step::{Forge, Publish, PublishKind};
use carnet_certs::Identity;
use carnet_wire::percent::{self, UNRESERVED};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::hub::Room;
use super::serving::{REQUEST, SLOWEST, Serving};
use crate::evidence::Kind;
use crate::forge::{self, Metadata, Subject};
use crate::http::{self, Request};
use crate::plain;
use crate::question::{names, participant_scheme, question};
use crate::setup::{Setup, publisher_name, publisher_url};

/// The publisher, and what it says of the party of each cell.
#[derive(Debug)]
pub(crate) struct Publisher {
    setup: Arc<Setup>,
    agreed: Discovery,
    /// Where the suite takes messages.
    endpoint: String,
    known: Mutex<HashMap<String, Known>>,
}

/// A party that some cell is about.
#[derive(Debug)]
struct Known {
    room: Arc<Room>,
    /// What is said of it here.
    here: Option<Said>,
    /// What the publisher says that a redirection names; the same where nothing else was scripted.
    elsewhere: Option<Said>,
}

/// An answer.
#[derive(Debug, Clone)]
struct Said {
    response: Vec<u8>,
    padding: Option<u64>,
}

/// Begins the path of the other publisher.
const ELSEWHERE: &str = "/elsewhere/";

impl Publisher {
    /// Listens where `subject.toml` says, and serves until the handle is dropped; none where nobody is looked up.
    ///
    /// # Errors
    /// The address cannot be bound.
    pub(crate) async fn serve(
        setup: &Arc<Setup>,
        endpoint: String,
    ) -> io::Result<Option<(Arc<Self>, SocketAddr, Serving)>> {
        let Some(agreed) = setup.subject.exchange.discovery.clone() else { return Ok(None) };
        let listener = TcpListener::bind(&agreed.listen).await?;
        let address = listener.local_addr()?;
        let agreed = Discovery { listen: address.to_string(), ..agreed };
        let publisher = Arc::new(Self { setup: Arc::clone(setup), agreed, endpoint, known: Mutex::default() });
        let served = Arc::clone(&publisher);
        let serving = Serving::accept(listener, move |tcp| {
            let publisher = Arc::clone(&served);
            async move { publisher.connection(tcp).await }
        });
        Ok(Some((publisher, address, serving)))
    }

    /// Says this of a party from here on.
    ///
    /// # Errors
    /// In words: a speaker that is unknown, an edit that does nothing.
    pub(crate) fn publish(
        &self,
        room: &Arc<Room>,
        party: &str,
        publish: &Publish,
        signer: Option<&Identity>,
        forge: &[Forge],
    ) -> Result<(), String> {
        let says = match publish.with {
            PublishKind::Http | PublishKind::Nothing => None,
            PublishKind::Metadata => Some(Metadata::Endpoint {
                about: self.about(party),
                uri: self.endpoint.clone(),
                certificate: {
                    let name = publish.certificate.as_deref().unwrap_or("partner");
                    let named = self.setup.identity(name, "signing")?;
                    named.and_then(|named| named.leaf().cloned()).ok_or("metadata name a certificate")?
                },
            }),
            PublishKind::Redirect => {
                Some(Metadata::Elsewhere { href: self.other(party), publisher: publisher_name(&self.setup.subject) })
            }
        };
        let response = match says {
            None if publish.with == PublishKind::Nothing => Vec::new(),
            None => match publish.status.unwrap_or(404) {
                status @ 300..=399 => http::scripted(status, &format!("Location: {}\r\n", self.other(party))),
                status => http::scripted(status, ""),
            },
            Some(says) => {
                let body = forge::metadata(&says, signer, forge).map_err(|error| error.to_string())?;
                let padding =
                    usize::try_from(publish.padding.unwrap_or_default()).map_err(|error| error.to_string())?;
                document(body, padding)
            }
        };
        let mut known = self.lock();
        let known = known.entry(party.to_owned()).or_insert_with(|| Known {
            room: Arc::clone(room),
            here: None,
            elsewhere: None,
        });
        let place = if publish.elsewhere { &mut known.elsewhere } else { &mut known.here };
        *place = Some(Said { response, padding: publish.padding });
        Ok(())
    }

    /// Says nothing more of a party.
    pub(crate) fn forget(&self, party: &str) {
        self.lock().remove(party);
    }

    fn about(&self, party: &str) -> Subject {
        let Discovery { service, service_type, action, document_scheme, process_scheme, transport_profile, .. } =
            &self.agreed;
        let process = process_scheme.clone().or_else(|| service_type.clone()).unwrap_or_default();
        Subject {
            participant: (self.scheme().to_owned(), party.to_owned()),
            document: (document_scheme.clone(), action.clone()),
            process: (process, service.clone()),
            transport: transport_profile.clone(),
        }
    }

    fn scheme(&self) -> &str {
        participant_scheme(&self.agreed, &self.setup.subject.suite.party.kind)
    }

    /// The address of what the other publisher says of a party.
    fn other(&self, party: &str) -> String {
        format!("{}{ELSEWHERE}{}", publisher_url(&self.agreed), self.tail(party))
    }

    /// The last segments of the address of what is said of a party.
    fn tail(&self, party: &str) -> String {
        let Subject { participant, document, .. } = self.about(party);
        let segment = |(scheme, value): (String, String)| percent::encoded(&format!("{scheme}::{value}"), UNRESERVED);
        format!("{}/services/{}", segment(participant), segment(document))
    }

    /// What is said to a question, and in which room; none where the party is not known.
    fn answer(&self, request: &[u8]) -> Option<(Arc<Room>, Said)> {
        let (participant, document) = question(request)?;
        if !names(&document, &self.agreed.document_scheme, &self.agreed.action) {
            return None;
        }
        let known = self.lock();
        let (_, known) = known.iter().find(|(party, _)| names(&participant, self.scheme(), party))?;
        let other = http::find(request, ELSEWHERE.as_bytes()).and(known.elsewhere.as_ref());
        Some((Arc::clone(&known.room), other.or(known.here.as_ref())?.clone()))
    }

    async fn connection(&self, mut tcp: TcpStream) {
        while let Some(request) = plain::heard(&mut tcp, SLOWEST, REQUEST).await {
            let Some((room, said)) = self.answer(&request) else {
                if tcp.write_all(&http::scripted(404, "")).await.is_err() {
                    return;
                }
                continue;
            };
            let sink = room.sink();
            let (request, answer) = (sink.blob(&request), sink.blob(&said.response));
            sink.event(Some(room.step()), None, Kind::Asked { request, answer, padding: said.padding });
            let written = tcp.write_all(&said.response).await;
            room.asks();
            if said.response.is_empty() || written.is_err() || pad(&mut tcp, said.padding).await.is_err() {
                return;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Spaces after the document, as many as the head promised.
async fn pad(tcp: &mut TcpStream, padding: Option<u64>) -> io::Result<()> {
    let spaces = [b' '; 16 << 10];
    let mut left = usize::try_from(padding.unwrap_or_default()).unwrap_or(usize::MAX);
    while left > 0 {
        let piece = spaces.get(..left.min(spaces.len())).unwrap_or_default();
        timeout(SLOWEST, tcp.write_all(piece)).await.map_err(|_| io::ErrorKind::TimedOut)??;
        left -= piece.len();
    }
    Ok(())
}

fn document(body: Vec<u8>, padding: usize) -> Vec<u8> {
    let headers = vec![
        ("Content-Type".to_owned(), "text/xml; charset=UTF-8".to_owned()),
        ("Content-Length".to_owned(), body.len().saturating_add(padding).to_string()),
    ];
    Request { line: "HTTP/1.1 200 OK".to_owned(), headers, body }.to_bytes()
}
