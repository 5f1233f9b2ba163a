//! Where messages go: to a partner's configured endpoints, or where its publisher of service metadata says.
//!
//! What was found is kept, with its connections, for as long as it may count, and forgotten when a sending to it comes to
//! nothing, so that the next attempt asks anew. The certificate that was found must lead to our own anchors before
//! anything is encrypted for it, and it alone signs receipts. Asking is a [`Locator`]'s; `smp` is the real one.

mod smp;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use carnet_as4::id::{Action, PartyId, Service};
use carnet_as4::partner::{Partner, SignerBinding, TlsBinding};
use carnet_as4::pmode::PMode;
use carnet_exchange::{LocateError, Located, Locator, Party, Wanted};
use carnet_https::{Client, ClientError, ClientLimits, ClientTls, Endpoint, TlsError};
use carnet_wire::encryption::{KeyError, Recipient};
use carnet_wire::trust::{Anchors, TrustError};
use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, UnixTime};

use crate::config::{self, Installed};
use smp::Smp;

/// Parties whose ways are kept at once; one more is looked up each time.
const MOST: usize = 10_000;

/// The way to a receiver, and what it is known by.
#[derive(Debug, Clone)]
pub(crate) struct Way {
    pub(crate) client: Arc<Client>,
    pub(crate) partner: Arc<Partner>,
}

/// How the receivers of some P-Modes are found.
pub(crate) struct Discovery {
    locator: Box<dyn Locator>,
    tls: ClientTls,
    limits: ClientLimits,
    anchors: Arc<Anchors>,
    intermediates: Vec<CertificateDer<'static>>,
    longest: Duration,
    /// A place for each receiver that was asked for; whoever holds it asks, the others wait for the answer.
    kept: Mutex<HashMap<Wanted, Place>>,
}

/// Where one receiver's way is kept.
type Place = Arc<tokio::sync::Mutex<Option<Kept>>>;

struct Kept {
    way: Way,
    until: Timestamp,
}

/// Why there is no way.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WayError {
    /// Neither a kit nor a publisher says where.
    #[error("party {0} has no endpoint here")]
    NoEndpoint(String),
    /// Asking came to nothing.
    #[error("failed to look up party {party}")]
    Locate {
        party: String,
        #[source]
        source: LocateError,
    },
    /// The address that was found is none.
    #[error("the endpoint found for party {party} cannot be used")]
    Endpoint {
        party: String,
        #[source]
        source: ClientError,
    },
    /// Identity or trust cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The certificate that was found is not one of ours to believe.
    #[error("the certificate found for party {party} is not trusted")]
    Certificate {
        party: String,
        #[source]
        source: TrustError,
    },
    /// Nothing can be encrypted for the certificate that was found.
    #[error("the certificate found for party {party} cannot be encrypted for")]
    Recipient {
        party: String,
        #[source]
        source: KeyError,
    },
}

/// Who is looked for on behalf of a message. A test message goes where the P-Mode's first service is received.
pub(crate) fn wanted(pmode: &PMode, to: &PartyId, service: &Service, action: &Action) -> Wanted {
    let first = pmode.services.first().and_then(|entry| Some((&entry.service, entry.actions.first()?)));
    let (service, action) = first.filter(|_| service.is_test()).unwrap_or((service, action));
    Wanted {
        party: Party::new(to.value(), to.kind().unwrap_or_default()),
        service: service.value().to_owned(),
        service_type: service.kind().unwrap_or_default().to_owned(),
        action: action.as_str().to_owned(),
    }
}

impl Discovery {
    pub(crate) fn new(installed: &Installed, read: &config::Discovery) -> Result<Self, TlsError> {
        Ok(Self {
            locator: Box::new(Smp::new(installed, read)?),
            tls: installed.client_tls(read.servers.clone(), None),
            limits: installed.client_limits(),
            anchors: Arc::clone(&read.anchors),
            intermediates: read.intermediates.clone(),
            longest: read.table.cache,
            kept: Mutex::default(),
        })
    }

    /// The way to a receiver: the one that is kept, or one that is looked up now.
    //= EDEL-DYNSENDER-01
    pub(crate) async fn way(&self, pmode: &PMode, to: &PartyId, wanted: &Wanted) -> Result<Way, WayError> {
        let place = self.place(wanted);
        let mut kept = place.lock().await;
        let now = Timestamp::now();
        if let Some(kept) = kept.as_ref().filter(|kept| now < kept.until) {
            return Ok(kept.way.clone());
        }
        *kept = None;
        let party = || to.value().to_owned();
        let located = self.locator.locate(wanted).await;
        let located = located.map_err(|source| WayError::Locate { party: party(), source })?;
        let way = self.judge(pmode, to, &located, now)?;
        tracing::info!(party = party(), endpoint = located.endpoint, "found where a party receives");
        let longest = now.checked_add(self.longest).unwrap_or(Timestamp::MAX);
        let until = located.until.map_or(longest, |until| until.min(longest));
        *kept = Some(Kept { way: way.clone(), until });
        Ok(way)
    }

    /// What was found counts no longer.
    pub(crate) fn forget(&self, wanted: &Wanted) {
        self.lock().remove(wanted);
    }

    /// Whether what was found may be used, whoever says so.
    fn judge(&self, pmode: &PMode, to: &PartyId, located: &Located, now: Timestamp) -> Result<Way, WayError> {
        let party = || to.value().to_owned();
        let endpoint = Endpoint::parse(&located.endpoint);
        let endpoint = endpoint.map_err(|source| WayError::Endpoint { party: party(), source })?;
        let leaf = CertificateDer::from(located.certificate.to_vec());
        let mut chain = vec![leaf.clone()];
        chain.extend_from_slice(&self.intermediates);
        let seconds = u64::try_from(now.as_second()).unwrap_or_default();
        let at = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        //= CARNET-DISCOVERY-02
        self.anchors.verify(&chain, at).map_err(|source| WayError::Certificate { party: party(), source })?;
        let recipient = match &pmode.profile.encryption {
            None => None,
            Some(encryption) => {
                let recipient =
                    Recipient::new(leaf.clone()).map_err(|source| WayError::Recipient { party: party(), source })?;
                if !encryption.keys.iter().any(|uri| uri == recipient.method().uri()) {
                    return Err(WayError::Recipient { party: party(), source: KeyError::Kind });
                }
                Some(Arc::new(recipient))
            }
        };
        let partner = Partner {
            party: to.clone(),
            tls: TlsBinding::Off,
            //= EDEL-DYNSENDER-03
            signer: SignerBinding::Pinned {
                certificates: vec![leaf.clone()],
                anchors: Some(Arc::clone(&self.anchors)),
            },
            intermediates: self.intermediates.clone(),
            known: vec![leaf],
            recipients: recipient.into_iter().collect(),
        };
        let client = Client::new(vec![endpoint], &self.tls, self.limits.clone())?;
        Ok(Way { client: Arc::new(client), partner: Arc::new(partner) })
    }

    fn place(&self, wanted: &Wanted) -> Place {
        let mut places = self.lock();
        if let Some(place) = places.get(wanted) {
            return Arc::clone(place);
        }
        let place = Place::default();
        if places.len() >= MOST {
            let now = Timestamp::now();
            let counts = |kept: &Option<Kept>| kept.as_ref().is_some_and(|kept| now < kept.until);
            // A place that is held at this moment is being filled.
            places.retain(|_, place| place.try_lock().map_or(true, |kept| counts(&kept)));
        }
        if places.len() < MOST {
            places.insert(wanted.clone(), Arc::clone(&place));
        }
        place
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Wanted, Place>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Discovery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Discovery").field("longest", &self.longest).finish_non_exhaustive()
    }
}
