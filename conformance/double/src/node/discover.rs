//! Where a party receives that nobody told the double of: asked of a publisher of service metadata.
//!
//! One rule after the other, so that a mutant can leave out any. Signature and XML are `carnet-wire`'s, nothing is shared
//! with the node. Clauses: OASIS BDXR SMP 1.0; eDelivery AS4 1.15, 1.5.4.

use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carnet_harness::setup::Address;
use carnet_harness::{http, plain};
use carnet_wire::Limits;
use carnet_wire::percent::{self, UNRESERVED};
use carnet_wire::signature::{Policy, enveloped};
use carnet_wire::xml::{Document, Element};
use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Node;
use super::send::{ANSWER, CUSTOMS};
use crate::ground::{EXCHANGE, PUBLISHER};
use crate::rule::{Habit, Place, Rule};

const SMP: &str = "http://docs.oasis-open.org/bdxr/ns/SMP/2016/05";
const TRANSPORT: &str = "bdxr-transport-ebms3-as4-v1p0";
/// Bytes that one answer may have, and those at which reading ends whatever comes.
const SIZE: usize = 1 << 20;
const MOST: usize = 128 << 20;
/// Publishers that are asked in one look-up by a mutant that does not stop at the second.
const AROUND: usize = 12;

/// Where a party receives, and who that is.
pub(super) struct Found {
    pub(super) address: SocketAddr,
    /// Whether that is reached over TLS.
    pub(super) tls: bool,
    pub(super) certificate: CertificateDer<'static>,
}

/// What a publisher says: an endpoint, or the address of another publisher.
enum Said {
    Found(Found),
    Elsewhere(String),
}

impl Node {
    /// Looks a party up.
    pub(super) async fn find(&self, party: &str, action: &str) -> Option<Found> {
        if self.mutation.does(Habit::NoDiscovery) {
            return self.known();
        }
        let found = self.look_up(party, action).await;
        if self.mutation.does(Habit::FallsBack) { found.or_else(|| self.known()) } else { found }
    }

    async fn look_up(&self, party: &str, action: &str) -> Option<Found> {
        let publisher = *self.publisher.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let participant = percent::encoded(&format!("{CUSTOMS}::{party}"), UNRESERVED);
        let mut url = format!(
            "http://{}/smp/{participant}/services/{}",
            publisher?,
            percent::encoded(&format!("::{action}"), UNRESERVED)
        );
        let redirects = match (self.mutation.does(Habit::NoRedirection), self.mutation.checks(Rule::DiscoveryRedirects))
        {
            (true, _) => 0,
            (false, true) => 1,
            (false, false) => AROUND,
        };
        for _ in 0..=redirects {
            let mut message = timeout(ANSWER * 4, self.ask(&url)).await.ok()??;
            let elsewhere = message.header("location").map(str::to_owned);
            let believed = self.mutation.does(Habit::BelievesHttpRedirects) && elsewhere.is_some();
            if let Some(elsewhere) = elsewhere.filter(|_| believed) {
                message = timeout(ANSWER * 4, self.ask(&elsewhere)).await.ok()??;
            }
            if message.status() != Some(200) {
                return None;
            }
            match self.read(&message.body, party, action, believed)? {
                Said::Found(found) => return Some(found),
                Said::Elsewhere(next) => url = next,
            }
        }
        None
    }

    /// An answer.
    async fn ask(&self, url: &str) -> Option<http::Message> {
        let Address { host, port, path, .. } = Address::parse(url)?;
        let mut tcp = TcpStream::connect((host.as_str(), port)).await.ok()?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n");
        tcp.write_all(request.as_bytes()).await.ok()?;
        let limit = if self.mutation.checks(Rule::DiscoverySize) { SIZE } else { MOST };
        let mut answer = Vec::new();
        let whole = plain::message(&mut tcp, &mut answer, limit).await.ok()?;
        http::read(&answer).ok().filter(|_| whole)
    }

    /// What an answer says, when every rule holds; whoever `believed` it did not look at its signature.
    fn read(&self, body: &[u8], party: &str, action: &str, believed: bool) -> Option<Said> {
        let holds = |rule: Rule, holds: bool| (holds || !self.mutation.checks(rule)).then_some(());
        let document = Document::parse(body, &Limits { envelope: MOST, ..Limits::default() }).ok()?;
        let signers = enveloped(&document, &Policy::default()).unwrap_or_default();
        holds(Rule::DiscoverySignature, !signers.is_empty() || believed)?;
        if let Some(signer) = signers.first().filter(|_| !believed) {
            self.trusted(&signers, Place::Publisher, false).ok()?;
            holds(Rule::DiscoverySigner, carnet_certs::common_name(signer).as_deref() == Some(PUBLISHER))?;
        }
        let metadata = document.root().child(SMP, "ServiceMetadata")?;
        if let Some(redirect) = metadata.child(SMP, "Redirect") {
            return redirect.attribute("", "href").map(|href| Said::Elsewhere(href.to_owned()));
        }
        let information = metadata.child(SMP, "ServiceInformation")?;
        let is = |parent: Element<'_>, name: &str, scheme: &str, value: &str| {
            parent.child(SMP, name).is_some_and(|one| {
                one.attribute("", "scheme").unwrap_or_default() == scheme && one.text().trim() == value
            })
        };
        holds(Rule::DiscoveryParticipant, is(information, "ParticipantIdentifier", CUSTOMS, party))?;
        holds(Rule::DiscoveryDocument, is(information, "DocumentIdentifier", "", action))?;
        let process = information.child(SMP, "ProcessList")?.children().find(|process| {
            is(*process, "ProcessIdentifier", "", EXCHANGE) || !self.mutation.checks(Rule::DiscoveryProcess)
        })?;
        let endpoint = process.child(SMP, "ServiceEndpointList")?.children().find(|endpoint| {
            endpoint.attribute("", "transportProfile") == Some(TRANSPORT)
                || !self.mutation.checks(Rule::DiscoveryTransport)
        })?;
        let text = |name: &str| endpoint.child(SMP, name).map(|one| one.text().trim().to_owned());
        let time = |name: &str| text(name).and_then(|text| text.parse::<Timestamp>().ok());
        let now = Timestamp::now();
        let begun = time("ServiceActivationDate").is_none_or(|begins| begins <= now);
        let serves = time("ServiceExpirationDate").is_none_or(|ends| now < ends);
        holds(Rule::DiscoveryDates, begun && serves)?;
        let certificate = CertificateDer::from(STANDARD.decode(text("Certificate")?).ok()?);
        self.trusted(std::slice::from_ref(&certificate), Place::Found, true).ok()?;
        let address = Address::parse(&text("EndpointURI")?)?;
        holds(Rule::DiscoveryEndpoint, address.tls)?;
        let tls = address.tls;
        Some(Said::Found(Found { address: SocketAddr::from(([127, 0, 0, 1], address.port)), tls, certificate }))
    }
}
