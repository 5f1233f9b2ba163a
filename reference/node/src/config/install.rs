//! What `node.toml` names, read and put together: identities, addresses, partners.

use std::collections::{BTreeMap, HashSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use carnet_as4::id::PartyId;
use carnet_as4::partner::Stranger;
use carnet_as4::pmode::PModes;
use carnet_fixtures::Packs;
use carnet_https::{Clock, Identity, Revocation, TlsError, Trust, Versions};
use carnet_wire::encryption::DecryptionKey;
use carnet_wire::wss::signer_for;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use toml::Spanned;

use super::discovery::Discovery;
use super::dynamic::Admitted;
use super::node::{IdentityTable, NodeFile, Rule, TlsVersions};
use super::partner::{Kit, Partner, party};
use super::place::{ConfigError, CryptoError, Source};
use super::secured::{secured, signed};

/// Shortest bearer token that is taken, in characters.
const SHORTEST_TOKEN: usize = 16;

/// A node's configuration with everything it names.
#[derive(Debug)]
pub struct Installed {
    /// The file, for the settings that need no reading.
    pub file: NodeFile,
    /// Who this node is.
    pub us: PartyId,
    /// Where partners reach it.
    pub listen: SocketAddr,
    /// Path of the URL.
    pub path: String,
    /// Where the back end reaches it.
    pub api: SocketAddr,
    /// What the back end must show.
    pub token: String,
    /// Folder of the store.
    pub store: PathBuf,
    /// File that says the node is ready.
    pub ready_file: Option<PathBuf>,
    /// Folders of packs beside those built in.
    pub pack_folders: Vec<PathBuf>,
    /// The packs, where there are such folders; those built in are read when the first document needs them.
    pub packs: Option<Packs>,
    /// Two letters in the reference numbers it issues.
    pub country: String,
    /// What it presents on the line.
    pub tls: Identity,
    /// Versions it speaks.
    pub versions: Versions,
    /// Cipher suites it speaks; all that are sound when empty.
    pub suites: Vec<String>,
    /// Whose clients may connect: every partner's.
    pub clients: Trust,
    /// Its signing key with tokens.
    pub signing: carnet_as4::partner::Identity,
    /// What partners encrypt for it.
    pub decryption: Vec<Arc<DecryptionKey>>,
    /// Whom it talks to, by PartyId.
    pub partners: BTreeMap<String, Partner>,
    /// Whom it admits without knowing them beforehand.
    pub strangers: Vec<Stranger>,
    /// How it finds receivers that it does not know beforehand.
    pub discoveries: Vec<Discovery>,
    /// What may be exchanged, both ways.
    pub pmodes: PModes,
}

impl Installed {
    /// Reads a `node.toml` and everything it names.
    ///
    /// # Errors
    /// [`ConfigError`], at the first thing that cannot be used.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let source = Source::read(path)?;
        let file: NodeFile = source.parse()?;
        let us = party(&source, &file.party.id, &file.party.kind)?;
        let tls = identity(&source, &file.tls.identity(), "[tls] presents it to partners")?;
        let (first, mut further) = (signing(&source, &file.signing)?, file.further_signing.iter());
        let signing = further.try_fold(first, |all, table| signing(&source, table).map(|other| all.and(other)))?;
        let decryption = decryption(&source, &file.decryption)?;
        let revocation = file.tls.revocation;
        let revocation = Revocation {
            allow_unlisted: revocation.unlisted == Rule::Allow,
            allow_stale: revocation.stale == Rule::Allow,
        };
        let (mut partners, mut pmodes, mut clients) = (BTreeMap::new(), Vec::new(), Clients::new(revocation));
        for name in &file.kits {
            let kit = Kit::read(&source, name, &us, revocation)?;
            secured(&source, name, &us, &kit, &signing, &decryption)?;
            let party = kit.partner.binding.party.value().to_owned();
            clients.admit(&kit.partner.servers);
            pmodes.extend(kit.pmodes);
            if partners.insert(party, kit.partner).is_some() {
                return Err(source.value(name, "one kit for each partner", "two kits name the same partner: keep one"));
            }
        }
        let mut strangers = Vec::new();
        for table in &file.dynamic {
            let admitted = Admitted::read(&source, table, revocation)?;
            clients.admit(&admitted.clients);
            pmodes.extend(admitted.pmodes);
            strangers.push(admitted.stranger);
        }
        let mut discoveries = Vec::new();
        for table in &file.discovery {
            let discovery = Discovery::read(&source, table, &us, revocation)?;
            for pmode in &discovery.pmodes {
                signed(&source, &table.smp, pmode, &signing)?;
            }
            clients.admit(&discovery.servers);
            pmodes.extend(discovery.pmodes.iter().cloned());
            discoveries.push(discovery);
        }
        let api = address(&source, &file.api.listen)?;
        if !api.ip().is_loopback() {
            let help = "the API is for the node's own back end: bind it to 127.0.0.1 or [::1] and put a proxy in front";
            return Err(source.value(&file.api.listen, "a loopback address", help));
        }
        if let Err(error) = crate::log::filter(file.log.filter.get_ref()) {
            let help = format!("{error}: write it like \"carnet_node=debug,info\"");
            return Err(source.value(&file.log.filter, "a filter of log lines", help));
        }
        let path = &file.listen.path;
        if !path.get_ref().starts_with('/') || path.get_ref().contains(['?', '#', ' ']) {
            return Err(source.value(path, "an absolute path of a URL", "write it like \"/as4\""));
        }
        Ok(Self {
            listen: address(&source, &file.listen.as4)?,
            path: path.get_ref().clone(),
            token: token(&source, &file.api.token_file)?,
            store: source.relative(&file.store.dir.to_string_lossy()),
            ready_file: file.ready_file.as_ref().map(|name| source.relative(&name.to_string_lossy())),
            packs: packs(&source, &file)?,
            pack_folders: pack_folders(&source, &file),
            country: country(&source, &file)?,
            versions: match file.tls.versions {
                TlsVersions::Both => Versions::Both,
                TlsVersions::Tls12 => Versions::Tls12,
                TlsVersions::Tls13 => Versions::Tls13,
            },
            suites: suites(&source, &file)?,
            pmodes: PModes::new(pmodes)?,
            us,
            api,
            tls,
            clients: clients.trust,
            signing,
            decryption,
            partners,
            strangers,
            discoveries,
            file,
        })
    }

    /// What the server needs.
    #[must_use]
    pub fn server_tls(&self) -> carnet_https::ServerTls {
        carnet_https::ServerTls {
            identity: self.tls.clone(),
            trust: self.clients.clone(),
            versions: self.versions,
            suites: self.suites.clone(),
            clock: Clock::default(),
        }
    }

    /// What the server may cost.
    #[must_use]
    pub fn server_limits(&self) -> carnet_https::ServerLimits {
        let limits = &self.file.limits;
        carnet_https::ServerLimits {
            connections: limits.connections,
            handshakes: limits.handshakes,
            header_bytes: limits.header_bytes,
            body_bytes: limits.body_bytes,
            requests_per_connection: limits.requests_per_connection,
            connection_age: limits.connection_age,
            handshake: limits.handshake_timeout,
            header_read: limits.header_timeout,
            body_grace: limits.body_grace,
            body_rate: limits.body_rate,
            shutdown: limits.shutdown_timeout,
            ..carnet_https::ServerLimits::default()
        }
    }

    /// What a message may cost.
    #[must_use]
    pub fn wire_limits(&self) -> carnet_wire::Limits {
        let limits = &self.file.limits;
        carnet_wire::Limits {
            envelope: limits.envelope_bytes,
            encrypted: limits.encrypted_bytes,
            inflated: limits.inflated_bytes,
            parts: limits.parts,
            ..carnet_wire::Limits::default()
        }
    }

    /// The client towards one partner; `None` when it has no endpoint.
    ///
    /// # Errors
    /// [`TlsError`] when identity or trust cannot be used.
    pub fn client(&self, partner: &Partner) -> Result<Option<carnet_https::Client>, TlsError> {
        if partner.endpoints.is_empty() {
            return Ok(None);
        }
        let tls = self.client_tls(partner.servers.clone(), partner.pinned.clone());
        carnet_https::Client::new(partner.endpoints.clone(), &tls, self.client_limits()).map(Some)
    }

    /// What a client presents, and to servers of which trust.
    #[must_use]
    pub fn client_tls(&self, trust: Trust, pinned: Option<CertificateDer<'static>>) -> carnet_https::ClientTls {
        carnet_https::ClientTls {
            identity: self.tls.clone(),
            trust,
            pinned,
            versions: self.versions,
            suites: self.suites.clone(),
            clock: Clock::default(),
        }
    }

    /// What a server may cost a client.
    #[must_use]
    pub fn client_limits(&self) -> carnet_https::ClientLimits {
        carnet_https::ClientLimits {
            connections: self.file.workers.sends.max(1),
            response: self.file.limits.response_timeout,
            ..carnet_https::ClientLimits::default()
        }
    }
}

/// Whose clients may connect. Partners share authorities: each is looked at once, however many partners it has.
struct Clients {
    trust: Trust,
    known: HashSet<Vec<u8>>,
}

impl Clients {
    fn new(revocation: Revocation) -> Self {
        Self { trust: Trust { revocation, ..Trust::default() }, known: HashSet::new() }
    }

    fn admit(&mut self, more: &Trust) {
        let Self { trust, known } = self;
        trust.anchors.extend(more.anchors.iter().filter(|anchor| known.insert(anchor.to_vec())).cloned());
        trust.lists.extend(more.lists.iter().filter(|list| known.insert(list.to_vec())).cloned());
    }
}

fn address(source: &Source, text: &Spanned<String>) -> Result<SocketAddr, ConfigError> {
    text.get_ref().parse().map_err(|_| {
        source.value(text, "an address and a port", "write it like \"127.0.0.1:8443\"; port 0 takes any free one")
    })
}

fn identity(source: &Source, table: &IdentityTable, because: &'static str) -> Result<Identity, ConfigError> {
    match (&table.chain, &table.key, &table.pkcs12) {
        (Some(chain), Some(key), None) => {
            Identity::from_pem(&source.bytes(chain)?, &source.bytes(key)?).map_err(|error| {
                let of_chain = matches!(
                    error,
                    TlsError::NoCertificate
                        | TlsError::MalformedCertificate { .. }
                        | TlsError::NotPem { expected: "CERTIFICATE" }
                );
                let file = if of_chain { chain } else { key };
                source.crypto(file, error, "give `chain` and `key` as PEM, the leaf first")
            })
        }
        (None, None, Some(file)) => {
            let Some(password) = &table.password_file else {
                return Err(ConfigError::Missing {
                    place: source.place(file.span()),
                    missing: "`password_file`",
                    because: "a PKCS#12 file is encrypted",
                    help: "name a file that holds the password alone".to_owned(),
                });
            };
            let password = String::from_utf8_lossy(&source.bytes(password)?).into_owned();
            Identity::from_pkcs12(&source.bytes(file)?, password.trim_end_matches(['\r', '\n'])).map_err(|error| {
                source.crypto(file, error, "check the file with `openssl pkcs12 -info -noout -in FILE`")
            })
        }
        (chain, key, file) => {
            let span = [chain, key, file].into_iter().flatten().next().map_or(0..0, Spanned::span);
            if let (Some(file), true) = (file, chain.is_some() || key.is_some()) {
                let help = "give `chain` and `key`, or else `pkcs12` and `password_file`";
                return Err(source.value(file, "one identity, not one as PEM and one as PKCS#12", help));
            }
            Err(ConfigError::Missing {
                place: source.place(span),
                missing: "a certificate chain with its private key",
                because,
                help: "give `chain` and `key`, or else `pkcs12` and `password_file`".to_owned(),
            })
        }
    }
}

fn signing(source: &Source, table: &IdentityTable) -> Result<carnet_as4::partner::Identity, ConfigError> {
    let identity = identity(source, table, "[signing] signs with it")?;
    let file = table.key.as_ref().or(table.pkcs12.as_ref());
    let refuse = |help: &str| match file {
        Some(file) => source.crypto(file, CryptoError::SigningKey, help),
        None => ConfigError::Missing {
            place: source.place(0..0),
            missing: "`key`",
            because: "[signing]",
            help: help.to_owned(),
        },
    };
    let PrivateKeyDer::Pkcs8(key) = identity.key() else {
        return Err(refuse("convert the key: `openssl pkcs8 -topk8 -nocrypt -in OLD -out NEW`"));
    };
    let leaf = identity.chain().first().ok_or_else(|| refuse("give the chain, the leaf first"))?;
    let signer = signer_for(leaf, key.secret_pkcs8_der())
        .map_err(|_| refuse("give the key of the chain's leaf: RSA of 2048 bits or more, Ed25519 or P-256"))?;
    carnet_as4::partner::Identity::new(identity.chain(), Arc::from(signer))
        .map_err(|_| refuse("give the chain, the leaf first"))
}

/// What partners encrypt for this node.
fn decryption(source: &Source, tables: &[IdentityTable]) -> Result<Vec<Arc<DecryptionKey>>, ConfigError> {
    let key = |table: &IdentityTable| {
        let refuse = |help: &str| match table.key.as_ref().or(table.pkcs12.as_ref()) {
            Some(file) => source.crypto(file, CryptoError::DecryptionKey, help),
            None => ConfigError::Missing {
                place: source.place(0..0),
                missing: "`key`",
                because: "[[decryption]]",
                help: help.to_owned(),
            },
        };
        // Not read as an identity of TLS, which takes no X25519 key.
        let (chain, key) = match (&table.chain, &table.key) {
            (Some(chain), Some(key)) => (source.bytes(chain)?, source.bytes(key)?),
            _ => return Err(refuse("give `chain` and `key` as PEM")),
        };
        let leaf = CertificateDer::pem_slice_iter(&chain).next().and_then(Result::ok);
        let leaf = leaf.ok_or_else(|| refuse("give `chain` as PEM, the leaf first"))?;
        let key = PrivatePkcs8KeyDer::from_pem_slice(&key)
            .map_err(|_| refuse("convert the key: `openssl pkcs8 -topk8 -nocrypt -in OLD -out NEW`"))?;
        let key = DecryptionKey::new(key.secret_pkcs8_der(), leaf);
        key.map(Arc::new).map_err(|error| refuse(&format!("{error}: RSA, X25519 or P-256 is taken")))
    };
    tables.iter().map(key).collect()
}

fn token(source: &Source, name: &Spanned<String>) -> Result<String, ConfigError> {
    let bytes = source.bytes(name)?;
    let token = String::from_utf8_lossy(&bytes).trim().to_owned();
    if token.len() < SHORTEST_TOKEN || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        let help = "write one line of at least 16 visible ASCII characters, such as `openssl rand -hex 32` prints";
        return Err(source.value(name, "the name of a file with a bearer token", help));
    }
    Ok(token)
}

fn suites(source: &Source, file: &NodeFile) -> Result<Vec<String>, ConfigError> {
    let known = carnet_https::cipher_suites();
    if let Some(wrong) = file.tls.suites.iter().find(|name| !known.contains(name.get_ref())) {
        let help = format!("write any of {}", known.join(", "));
        return Err(source.value(wrong, "a cipher suite that this node speaks", help));
    }
    Ok(file.tls.suites.iter().map(|name| name.get_ref().clone()).collect())
}

fn pack_folders(source: &Source, file: &NodeFile) -> Vec<PathBuf> {
    file.registry.packs.iter().map(|name| source.relative(name.get_ref())).collect()
}

/// The packs of folders beside those built in.
fn packs(source: &Source, file: &NodeFile) -> Result<Option<Packs>, ConfigError> {
    let folders = pack_folders(source, file);
    let mut packs = None;
    // One by one, as one may be wrong only beside those before it.
    for (at, name) in file.registry.packs.iter().enumerate() {
        let read = Packs::with_dirs(folders.get(..=at).unwrap_or_default());
        packs = Some(read.map_err(|error| ConfigError::Pack {
            place: source.place(name.span()),
            folder: source.relative(name.get_ref()),
            source: Box::new(error),
        })?);
    }
    Ok(packs)
}

/// The country of the reference numbers; only needed where a registry issues them.
fn country(source: &Source, file: &NodeFile) -> Result<String, ConfigError> {
    let text = file.registry.country.as_ref().unwrap_or(&file.party.id);
    let code = text.get_ref();
    let two_letters = code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase());
    if file.registry.enabled && !two_letters {
        let help = "set `country` under [registry] to an ISO 3166-1 alpha-2 code, or `enabled = false`";
        return Err(source.value(text, "two capital letters for the reference numbers that are issued", help));
    }
    Ok(code.clone())
}
