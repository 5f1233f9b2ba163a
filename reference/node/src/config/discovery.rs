//! Parties that are looked up: a `[[discovery]]` table, and what it names put together.

use std::sync::Arc;
use std::time::Duration;

use carnet_as4::id::PartyId;
use carnet_as4::pmode::{Open, PMode};
use carnet_https::{Endpoint, Revocation, Trust};
use carnet_smp::{AS4_TRANSPORT, Publisher};
use carnet_wire::trust::Anchors;
use rustls_pki_types::CertificateDer;
use serde::Deserialize;
use toml::Spanned;

use super::node::duration;
use super::partner::{anchors, certificates, lists, pmodes};
use super::place::{ConfigError, Source};

/// `[[discovery]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiscoveryTable {
    /// Base URL of the publisher.
    pub smp: Spanned<String>,
    /// PEM: who issues the TLS certificate of the publisher; needed for `https`.
    pub smp_tls_anchors: Option<Spanned<String>>,
    /// PEM: who issues the certificate that signs its answers.
    pub smp_signing_anchors: Spanned<String>,
    /// Whom that certificate names.
    pub smp_signing_subject: Option<String>,
    /// Scheme of participants' identifiers; the type of the PartyId when left out.
    pub participant_scheme: Option<String>,
    /// Scheme of documents' identifiers, whose value is the action.
    #[serde(default)]
    pub document_scheme: String,
    /// Scheme of processes' identifiers, whose value is the service; the service's type when left out.
    pub process_scheme: Option<String>,
    /// Name of the transport in service metadata.
    #[serde(default = "DiscoveryTable::transport")]
    pub transport_profile: String,
    /// How long an answer counts at most.
    #[serde(default = "DiscoveryTable::cache", deserialize_with = "duration")]
    pub cache: Duration,
    /// Time for one answer, from the first byte to the last.
    #[serde(default = "DiscoveryTable::timeout", deserialize_with = "duration")]
    pub timeout: Duration,
    /// Bytes of one answer.
    #[serde(default = "DiscoveryTable::max_bytes")]
    pub max_bytes: u64,
    /// How often one publisher may name the next.
    #[serde(default = "DiscoveryTable::redirects")]
    pub redirects: u32,
    /// PEM: who issues the TLS certificates of the endpoints that are found.
    pub tls_anchors: Spanned<String>,
    /// PEM: who issues the certificates that are found.
    pub signing_anchors: Spanned<String>,
    /// PEM: issuing certificates between those anchors and what is found.
    pub signing_intermediates: Option<Spanned<String>>,
    /// Revocation lists of any of these authorities, PEM or DER.
    #[serde(default)]
    pub crls: Vec<Spanned<String>>,
    /// P-Mode files without party of the responder.
    pub pmodes: Vec<Spanned<String>>,
}

impl DiscoveryTable {
    fn transport() -> String {
        AS4_TRANSPORT.to_owned()
    }

    fn cache() -> Duration {
        Duration::from_secs(3600)
    }

    fn timeout() -> Duration {
        Duration::from_secs(10)
    }

    fn max_bytes() -> u64 {
        1 << 20
    }

    fn redirects() -> u32 {
        1
    }
}

/// A table with everything it names.
#[derive(Debug, Clone)]
pub struct Discovery {
    /// The table, for the settings that need no reading.
    pub table: DiscoveryTable,
    /// Whose answers are believed.
    pub publisher: Publisher,
    /// Whom the publisher's own server must chain to; none where it is asked without TLS.
    pub publisher_tls: Option<Trust>,
    /// Whom the endpoints' servers must chain to.
    pub servers: Trust,
    /// Who issues the certificates that are found.
    pub anchors: Arc<Anchors>,
    /// Issuing certificates between those anchors and what is found.
    pub intermediates: Vec<CertificateDer<'static>>,
    /// What may be sent to whoever is found.
    pub pmodes: Vec<PMode>,
}

impl Discovery {
    /// Reads a table and what it names.
    pub(super) fn read(
        source: &Source,
        table: &DiscoveryTable,
        us: &PartyId,
        revocation: Revocation,
    ) -> Result<Self, ConfigError> {
        let lists = lists(source, &table.crls)?;
        let trust =
            |name| certificates(source, name).map(|anchors| Trust { anchors, lists: lists.clone(), revocation });
        let pmodes = pmodes(source, &table.pmodes)?;
        let ours = |pmode: &PMode| pmode.open == Some(Open::Responder) && pmode.sender().id == *us;
        if let (false, Some(first)) = (pmodes.iter().all(ours), table.pmodes.first()) {
            let help = "name this node under [initiator] and leave `party` under [responder] out";
            return Err(source.value(first, "P-Modes of this node that leave their responder open", help));
        }
        Ok(Self {
            publisher: Publisher {
                anchors: anchors(source, &table.smp_signing_anchors, &lists, revocation)?,
                subject: table.smp_signing_subject.clone(),
            },
            publisher_tls: match tls_anchors(source, table)? {
                Some(name) => Some(trust(name)?),
                None => None,
            },
            servers: trust(&table.tls_anchors)?,
            anchors: anchors(source, &table.signing_anchors, &lists, revocation)?,
            intermediates: match &table.signing_intermediates {
                Some(name) => certificates(source, name)?,
                None => Vec::new(),
            },
            table: table.clone(),
            pmodes,
        })
    }
}

/// Who issues the publisher's TLS certificate; nobody where it is asked without TLS.
fn tls_anchors<'a>(source: &Source, table: &'a DiscoveryTable) -> Result<Option<&'a Spanned<String>>, ConfigError> {
    let url = &table.smp;
    // The same rule for both schemes: a URL with a host, without user or query.
    let plain = url.get_ref().strip_prefix("http://").map(|rest| format!("https://{rest}"));
    if Endpoint::parse(plain.as_ref().unwrap_or(url.get_ref())).is_err() || url.get_ref().contains(['?', '#']) {
        let help = "write it like \"https://smp.example.org/\"; \"http://\" where the network is closed";
        return Err(source.value(url, "the base URL of a publisher", help));
    }
    if plain.is_none() && table.smp_tls_anchors.is_none() {
        return Err(ConfigError::Missing {
            place: source.place(url.span()),
            missing: "`smp_tls_anchors`",
            because: "`smp` is an https URL",
            help: "name who issues the publisher's TLS certificate, or ask it over http: its answers are signed"
                .to_owned(),
        });
    }
    Ok(table.smp_tls_anchors.as_ref())
}
