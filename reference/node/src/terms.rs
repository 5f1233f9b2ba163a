//! What is in force at one moment: agreements, keys, partners. A reload swaps it whole.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use carnet_as4::inbound::{Agreements, Partners};
use carnet_as4::partner;
use carnet_https::{Client, ServerLimits, TlsError};

use crate::config::Installed;
use crate::locate::Discovery;

/// Agreements, signing key and the ways to each partner.
#[derive(Debug)]
pub(crate) struct Terms {
    /// What incoming and outgoing messages are judged by.
    pub(crate) agreements: Arc<Agreements>,
    /// What answers and messages are signed with.
    pub(crate) identity: partner::Identity,
    /// The ways to partners, by PartyId; without those that only send.
    pub(crate) ways: BTreeMap<String, Arc<Client>>,
    /// How receivers are found that no kit names, by P-Mode.
    pub(crate) discoveries: BTreeMap<String, Arc<Discovery>>,
    /// What the body of a message may cost, whoever began the exchange.
    pub(crate) bodies: ServerLimits,
    /// From one round of pulls to the next.
    pub(crate) pull_interval: Duration,
}

impl Terms {
    pub(crate) fn new(installed: &Installed) -> Result<Self, TlsError> {
        let mut ways = BTreeMap::new();
        for (party, partner) in &installed.partners {
            if let Some(client) = installed.client(partner)? {
                ways.insert(party.clone(), Arc::new(client));
            }
        }
        let mut discoveries = BTreeMap::new();
        for read in &installed.discoveries {
            let discovery = Arc::new(Discovery::new(installed, read)?);
            for pmode in &read.pmodes {
                discoveries.insert(pmode.id.to_string(), Arc::clone(&discovery));
            }
        }
        let bindings: Partners = installed.partners.values().map(|partner| partner.binding.clone()).collect();
        Ok(Self {
            agreements: Arc::new(Agreements {
                us: installed.us.clone(),
                pmodes: installed.pmodes.clone(),
                partners: bindings.and_strangers(installed.strangers.clone()),
                limits: installed.wire_limits(),
                decryption: installed.decryption.clone(),
            }),
            identity: installed.signing.clone(),
            bodies: installed.server_limits(),
            pull_interval: installed.file.pull.interval,
            ways,
            discoveries,
        })
    }
}
