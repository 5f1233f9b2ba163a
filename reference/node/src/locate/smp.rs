//! The locator that asks a publisher of service metadata: what is asked, over which connection, how often sent on.
//!
//! Leaves what an answer must be to `carnet_smp`. A redirection of HTTP is an answer of another status: only one that is
//! signed is followed, and the publisher that it names must be signed for by the same anchors.

use std::future::Future;
use std::pin::Pin;

use carnet_exchange::{LocateError, Located, Locator, Wanted};
use carnet_https::{Fetcher, TlsError};
use carnet_smp::{Answer, Identifier, Publisher, Question, read};
use carnet_wire::Limits;
use jiff::Timestamp;

use crate::config::{Discovery, DiscoveryTable, Installed};

/// A publisher of service metadata.
pub(super) struct Smp {
    fetcher: Fetcher,
    publisher: Publisher,
    limits: Limits,
    table: DiscoveryTable,
}

impl Smp {
    pub(super) fn new(installed: &Installed, read: &Discovery) -> Result<Self, TlsError> {
        let table = read.table.clone();
        let tls = read.publisher_tls.clone().map(|trust| installed.client_tls(trust, None));
        //= CARNET-DISCOVERY-01
        let client = carnet_https::ClientLimits { body_bytes: table.max_bytes, ..installed.client_limits() };
        let envelope = usize::try_from(table.max_bytes).unwrap_or(usize::MAX);
        Ok(Self {
            fetcher: Fetcher::new(tls.as_ref(), client, table.timeout)?,
            publisher: read.publisher.clone(),
            limits: Limits { envelope, ..installed.wire_limits() },
            table,
        })
    }

    fn question(&self, wanted: &Wanted) -> Question {
        let own = |scheme: &Option<String>, kind: &str| scheme.clone().unwrap_or_else(|| kind.to_owned());
        Question {
            participant: Identifier::new(own(&self.table.participant_scheme, &wanted.party.kind), &wanted.party.id),
            document: Identifier::new(&self.table.document_scheme, &wanted.action),
            process: Identifier::new(own(&self.table.process_scheme, &wanted.service_type), &wanted.service),
            transport: self.table.transport_profile.clone(),
        }
    }

    async fn ask(&self, wanted: &Wanted) -> Result<Located, LocateError> {
        let question = self.question(wanted);
        let mut url = question.url(self.table.smp.get_ref());
        let mut redirects = 0;
        loop {
            let whom = || url.chars().take(200).collect::<String>();
            let answer = self.fetcher.fetch(&url).await;
            let answer = answer.map_err(|error| LocateError::Unanswered { whom: whom(), source: error.into() })?;
            match answer.status.as_u16() {
                200 => {}
                404 => {
                    let (party, service) = (wanted.party.id.clone(), wanted.service.clone());
                    return Err(LocateError::Unknown { whom: whom(), party, service, action: wanted.action.clone() });
                }
                status => return Err(LocateError::Status { whom: whom(), status }),
            }
            let read = read(&answer.body, &question, &self.publisher, &self.limits, Timestamp::now());
            match read.map_err(|error| LocateError::Answer { whom: whom(), source: error.into() })? {
                Answer::Endpoint(found) => {
                    return Ok(Located {
                        endpoint: found.uri,
                        certificate: found.certificate.to_vec().into(),
                        until: found.expires,
                    });
                }
                //= EDEL-DYNSENDER-08
                Answer::Elsewhere(_) if redirects == self.table.redirects => {
                    return Err(LocateError::Redirects { whom: whom(), limit: redirects });
                }
                //= EDEL-DYNSENDER-07
                Answer::Elsewhere(next) => {
                    redirects += 1;
                    url = next;
                }
            }
        }
    }
}

impl Locator for Smp {
    fn locate<'a>(
        &'a self,
        wanted: &'a Wanted,
    ) -> Pin<Box<dyn Future<Output = Result<Located, LocateError>> + Send + 'a>> {
        Box::pin(self.ask(wanted))
    }
}
