//! `node.toml` as it is written; docs/node.md explains each key, docs/schemas/node-1.json is its schema.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use toml::Spanned;

use super::discovery::DiscoveryTable;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeFile {
    /// Version of the format: 1.
    pub format: u32,
    /// Written when the node is ready: the line of docs/node.md, "Ready".
    pub ready_file: Option<PathBuf>,
    /// A `kit.toml` for each partner.
    #[serde(default)]
    pub kits: Vec<Spanned<String>>,
    /// Parties that no kit names, admitted by what certifies them.
    #[serde(default)]
    pub dynamic: Vec<DynamicTable>,
    /// Parties that no kit names, sent to where a publisher of service metadata says.
    #[serde(default)]
    pub discovery: Vec<DiscoveryTable>,
    /// Who this node is.
    pub party: PartyTable,
    /// Where partners reach it.
    pub listen: ListenTable,
    /// What it presents on the line.
    pub tls: TlsTable,
    /// What it signs with.
    pub signing: IdentityTable,
    /// Other keys that sign, for P-Modes whose profile agrees on another algorithm.
    #[serde(default)]
    pub further_signing: Vec<IdentityTable>,
    /// What partners encrypt for it: the old and the new key while keys roll over.
    #[serde(default)]
    pub decryption: Vec<IdentityTable>,
    /// Where it keeps messages.
    pub store: StoreTable,
    /// Where its own back end reaches it.
    pub api: ApiTable,
    /// How much it does at once.
    #[serde(default)]
    pub workers: WorkersTable,
    /// When it pulls.
    #[serde(default)]
    pub pull: PullTable,
    /// What a peer may cost.
    #[serde(default)]
    pub limits: LimitsTable,
    /// What it does with documents.
    #[serde(default)]
    pub registry: RegistryTable,
    /// What it says.
    #[serde(default)]
    pub log: LogTable,
}

/// `[party]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartyTable {
    /// The PartyId.
    pub id: Spanned<String>,
    /// Its type.
    #[serde(rename = "type", default = "PartyTable::customs")]
    pub kind: Spanned<String>,
}

impl PartyTable {
    /// The type of packs' documentation: unregistered, agreed among customs.
    pub const CUSTOMS: &str = "urn:oasis:names:tc:ebcore:partyid-type:unregistered:customs";

    fn customs() -> Spanned<String> {
        Spanned::new(0..0, Self::CUSTOMS.to_owned())
    }
}

/// `[listen]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListenTable {
    /// Address and port for partners; port 0 takes one from the system.
    pub as4: Spanned<String>,
    /// Path of the URL.
    #[serde(default = "ListenTable::path")]
    pub path: Spanned<String>,
}

impl ListenTable {
    fn path() -> Spanned<String> {
        Spanned::new(0..0, "/as4".to_owned())
    }
}

/// A chain with its key: PEM (`chain`, `key`) or PKCS#12 (`pkcs12`, `password_file`).
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityTable {
    /// PEM certificates, leaf first.
    pub chain: Option<Spanned<String>>,
    /// PEM private key, unencrypted.
    pub key: Option<Spanned<String>>,
    /// PKCS#12 file.
    pub pkcs12: Option<Spanned<String>>,
    /// File with its password; a line end at its end is not part of it.
    pub password_file: Option<Spanned<String>>,
}

/// `[tls]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsTable {
    /// PEM certificates, leaf first.
    pub chain: Option<Spanned<String>>,
    /// PEM private key, unencrypted.
    pub key: Option<Spanned<String>>,
    /// PKCS#12 file.
    pub pkcs12: Option<Spanned<String>>,
    /// File with its password.
    pub password_file: Option<Spanned<String>>,
    /// Versions that are spoken.
    #[serde(default)]
    pub versions: TlsVersions,
    /// Cipher suites that are spoken, by IANA name; all that are sound when left out.
    #[serde(default)]
    pub suites: Vec<Spanned<String>>,
    /// What missing and stale lists mean, on the line and in signatures.
    #[serde(default)]
    pub revocation: RevocationTable,
}

impl TlsTable {
    /// The part that is an identity.
    #[must_use]
    pub fn identity(&self) -> IdentityTable {
        IdentityTable {
            chain: self.chain.clone(),
            key: self.key.clone(),
            pkcs12: self.pkcs12.clone(),
            password_file: self.password_file.clone(),
        }
    }
}

/// `tls.versions`
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub enum TlsVersions {
    /// 1.2 and 1.3.
    #[default]
    #[serde(rename = "both")]
    Both,
    /// 1.2 alone.
    #[serde(rename = "1.2")]
    Tls12,
    /// 1.3 alone.
    #[serde(rename = "1.3")]
    Tls13,
}

/// `[tls.revocation]`
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RevocationTable {
    /// A certificate whose issuer has no list here.
    pub unlisted: Rule,
    /// A list past its next update.
    pub stale: Rule,
}

impl Default for RevocationTable {
    fn default() -> Self {
        Self { unlisted: Rule::Allow, stale: Rule::Refuse }
    }
}

/// Whether something passes.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Rule {
    /// It does.
    Allow,
    /// It does not.
    Refuse,
}

/// `[store]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreTable {
    /// A folder of its own.
    pub dir: PathBuf,
    /// Bytes that stay free on its disk.
    #[serde(default = "StoreTable::reserve")]
    pub reserve_bytes: u64,
}

impl StoreTable {
    fn reserve() -> u64 {
        carnet_store::SpoolConfig::default().reserve
    }
}

/// `[api]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiTable {
    /// Loopback address and port; port 0 takes one from the system.
    pub listen: Spanned<String>,
    /// File with the bearer token, 16 characters or more.
    pub token_file: Spanned<String>,
}

/// `[workers]`
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub struct WorkersTable {
    /// Threads that sign, verify and validate; 0 is one per core.
    #[serde(deserialize_with = "within::<0, 1024, _, _>")]
    pub threads: usize,
    /// Jobs that may wait for them; one more is answered 503.
    #[serde(deserialize_with = "within::<1, MOST, _, _>")]
    pub queue: usize,
    /// Messages being sent at once, to each partner.
    #[serde(deserialize_with = "within::<1, MOST, _, _>")]
    pub sends: usize,
}

impl Default for WorkersTable {
    fn default() -> Self {
        Self { threads: 0, queue: 256, sends: 32 }
    }
}

/// `[[dynamic]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DynamicTable {
    /// The type of their PartyIds.
    #[serde(default = "PartyTable::customs")]
    pub party_type: Spanned<String>,
    /// PEM: who issues their TLS certificates.
    pub tls_anchors: Spanned<String>,
    /// PEM: who issues their signing certificates.
    pub signing_anchors: Spanned<String>,
    /// Whom a signing certificate names, with `{party}` where the PartyId stands.
    pub signing_subject: Spanned<String>,
    /// Certificate policies, by OID.
    #[serde(default)]
    pub signing_policies: Vec<Spanned<String>>,
    /// Revocation lists, PEM or DER.
    #[serde(default)]
    pub crls: Vec<Spanned<String>>,
    /// P-Mode files without party of the initiator.
    pub pmodes: Vec<Spanned<String>>,
}

/// `[pull]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PullTable {
    /// From one round of pulls to the next. In a round each channel is pulled from until it is empty.
    #[serde(deserialize_with = "duration")]
    pub interval: Duration,
}

impl Default for PullTable {
    fn default() -> Self {
        Self { interval: Duration::from_secs(60) }
    }
}

/// `[limits]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsTable {
    /// Connections open at once.
    #[serde(deserialize_with = "within::<1, MOST, _, _>")]
    pub connections: usize,
    /// TLS handshakes under way at once.
    #[serde(deserialize_with = "within::<1, MOST, _, _>")]
    pub handshakes: usize,
    /// Requests on one connection.
    #[serde(deserialize_with = "within::<1, MOST, _, _>")]
    pub requests_per_connection: u64,
    /// Bytes of an HTTP head.
    #[serde(deserialize_with = "within::<8192, MOST, _, _>")]
    pub header_bytes: usize,
    /// Bytes of a whole request.
    #[serde(deserialize_with = "within::<1, MOST_BYTES, _, _>")]
    pub body_bytes: u64,
    /// Bytes of a SOAP envelope.
    #[serde(deserialize_with = "within::<1, MOST_BYTES, _, _>")]
    pub envelope_bytes: usize,
    /// Bytes of one encrypted part: it is decrypted in memory.
    #[serde(deserialize_with = "within::<1, MOST_BYTES, _, _>")]
    pub encrypted_bytes: u64,
    /// Bytes of all parts together once decompressed.
    #[serde(deserialize_with = "within::<1, MOST_BYTES, _, _>")]
    pub inflated_bytes: u64,
    /// MIME parts of one message.
    #[serde(deserialize_with = "within::<1, MOST, _, _>")]
    pub parts: usize,
    /// Time for a TLS handshake.
    #[serde(deserialize_with = "duration")]
    pub handshake_timeout: Duration,
    /// Time for an HTTP head, and for a connection to be idle.
    #[serde(deserialize_with = "duration")]
    pub header_timeout: Duration,
    /// Time a body may stay behind `body_rate`.
    #[serde(deserialize_with = "duration")]
    pub body_grace: Duration,
    /// Bytes a second that a body must bring on average.
    #[serde(deserialize_with = "within::<1, MOST, _, _>")]
    pub body_rate: u32,
    /// Age of a connection past which it takes no further request.
    #[serde(deserialize_with = "duration")]
    pub connection_age: Duration,
    /// Time from a request of ours to its answer.
    #[serde(deserialize_with = "duration")]
    pub response_timeout: Duration,
    /// Time that work under way gets at a stop.
    #[serde(deserialize_with = "duration")]
    pub shutdown_timeout: Duration,
}

impl Default for LimitsTable {
    fn default() -> Self {
        let (server, client) = (carnet_https::ServerLimits::default(), carnet_https::ClientLimits::default());
        let wire = carnet_wire::Limits::default();
        Self {
            connections: server.connections,
            handshakes: server.handshakes,
            requests_per_connection: server.requests_per_connection,
            header_bytes: server.header_bytes,
            body_bytes: server.body_bytes,
            envelope_bytes: wire.envelope,
            encrypted_bytes: wire.encrypted,
            inflated_bytes: wire.inflated,
            parts: wire.parts,
            handshake_timeout: server.handshake,
            header_timeout: server.header_read,
            body_grace: server.body_grace,
            body_rate: server.body_rate,
            connection_age: server.connection_age,
            response_timeout: client.response,
            shutdown_timeout: server.shutdown,
        }
    }
}

/// `[registry]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RegistryTable {
    /// Whether arriving documents are validated, acted on and answered; otherwise they wait for the back end.
    pub enabled: bool,
    /// ISO 3166-1 alpha-2 code in the reference numbers it issues; the party's id when left out.
    pub country: Option<Spanned<String>>,
    /// Folders of packs beside those built in.
    pub packs: Vec<Spanned<String>>,
}

impl Default for RegistryTable {
    fn default() -> Self {
        Self { enabled: true, country: None, packs: Vec::new() }
    }
}

/// `[log]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogTable {
    /// How lines are written to standard error.
    pub format: LogFormat,
    /// What is written, in the notation of tracing's `EnvFilter`: `info`, `carnet_node=debug,info`.
    pub filter: Spanned<String>,
}

impl Default for LogTable {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: Spanned::new(0..0, "info".to_owned()) }
    }
}

/// `log.format`
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Most of anything that is counted.
const MOST: u64 = 1_000_000_000;
/// Most bytes of anything: TOML has no larger whole number.
const MOST_BYTES: u64 = i64::MAX.unsigned_abs();

/// Reads a whole number of a range.
fn within<'de, const LEAST: u64, const MOST: u64, D: Deserializer<'de>, T: TryFrom<u64>>(
    deserializer: D,
) -> Result<T, D::Error> {
    let number = i64::deserialize(deserializer)?;
    let fits = u64::try_from(number).ok().filter(|number| (LEAST..=MOST).contains(number));
    fits.and_then(|number| T::try_from(number).ok()).ok_or_else(|| {
        serde::de::Error::custom(format!("got {number}, expected a whole number from {LEAST} to {MOST}"))
    })
}

/// Reads `"5s"`, `"2m 30s"`.
pub(super) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse::<jiff::SignedDuration>()
        .ok()
        .and_then(|duration| Duration::try_from(duration).ok())
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| {
            serde::de::Error::custom(format!("got {text:?}, expected a duration above zero like \"5s\" or \"250ms\""))
        })
}
