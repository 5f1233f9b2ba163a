//! What all doubles and null nodes of a process stand on: keys, packs, threads, and the files that a run needs.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use carnet_certs::{
    Authority, CertError, FolderPlan, Identity, KeyKind, Profile, UnixTime, Usage, write_folder, write_further, zoo,
};
use carnet_fixtures::{LoadError, Packs};
use carnet_harness::{Setup, SetupError};
use jiff::Timestamp;
use rustls_pki_types::CertificateDer;

use crate::Identities;
use crate::agreement::Keys;
use crate::desk::Desks;
use crate::path::Trust;

/// Keys, packs and threads, made once; the folder holds the PKI and the files of each subject.
#[derive(Debug)]
pub struct Ground {
    dir: PathBuf,
    pub(crate) identities: Identities,
    pub(crate) other: Identity,
    pub(crate) stranger: Identity,
    /// The TLS certificates of the suite's parties, for a node that pins them.
    pub(crate) pinned: Vec<CertificateDer<'static>>,
    pub(crate) keys: Keys,
    pub(crate) trust: Trust,
    pub(crate) packs: Arc<Packs>,
    authority: Authority,
    pub(crate) desks: Desks,
    /// The time that messages say: where all say the same, equal messages have equal signatures, which are remembered.
    pub(crate) time: Timestamp,
    runtime: tokio::runtime::Runtime,
    first: Mutex<Option<Arc<Setup>>>,
}

/// Why there is no ground to stand on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GroundError {
    /// The keys cannot be made.
    #[error(transparent)]
    Certificates(#[from] CertError),
    /// The packs do not load.
    #[error(transparent)]
    Packs(#[from] LoadError),
    /// The files of a subject do not read.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// A file cannot be written or read back.
    #[error("{} not usable", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// No threads.
    #[error("the runtime did not start")]
    Runtime(#[source] std::io::Error),
}

/// This party, the suite's party, and the second party of the suite.
pub(crate) const PARTIES: [&str; 3] = ["DOUBLE", "SUITE", "OTHER"];

/// The service of the exchanges beside the plain one, and their actions.
pub(crate) const EXCHANGE: &str = "urn:carnet:service:exchange:1";
/// The first leg of a Two-Way exchange.
pub(crate) const REQUEST: &str = "two-way-request";
/// The second.
pub(crate) const REPLY: &str = "two-way-reply";
/// What is pulled.
pub(crate) const PULLED: &str = "pulled";
/// What goes between four corners.
pub(crate) const CORNERS: &str = "four-corner";
/// What an unregistered party may send.
pub(crate) const DYNAMIC: &str = "dynamic";
/// The channel that the suite pulls from here, and the one that this node pulls from there.
pub(crate) const CHANNEL: &str = "urn:carnet:mpc:double";
pub(crate) const OFFERS: &str = "urn:carnet:mpc:suite";
/// The name of whoever says where parties are that are looked up.
pub(crate) const PUBLISHER: &str = "SUITE-SMP";
/// The certificate policy that an unregistered party needs.
pub(crate) const POLICY: &str = "1.3.6.1.4.1.99999.1";

impl Ground {
    /// Makes an authority and the identities of the double and of two parties of the suite, in a folder.
    ///
    /// # Errors
    /// See [`GroundError`].
    pub fn new(dir: &Path, now: UnixTime) -> Result<Self, GroundError> {
        let plan = FolderPlan {
            // Some hundred nodes do some hundred handshakes each: with RSA they are half of the signatures of a selftest.
            tls_key: KeyKind::P256,
            ..FolderPlan::new("Carnet Double", PARTIES.map(str::to_owned).to_vec())
        };
        let pki = dir.join("pki");
        std::fs::create_dir_all(&pki).map_err(|source| GroundError::File { path: pki.clone(), source })?;
        write_folder(&pki, &plan, now)?;
        let read = |stem: &str| -> Result<Identity, GroundError> {
            let text = |name: String| {
                let path = pki.join(name);
                std::fs::read_to_string(&path).map_err(|source| GroundError::File { path, source })
            };
            Ok(Identity::from_pem(&text(format!("{stem}.pem"))?, &text(format!("{stem}.key.pem"))?)?)
        };
        write_further(&pki, PUBLISHER, Usage::Signing, KeyKind::Rsa2048, now)?;
        let authority = Authority::load(&pki.join("authority"))?;
        let mut own = read("double-signing")?;
        own.key = own.key.remembering();
        let stranger = Authority::new("Stranger", now)?.issue(&Profile::signing("DOUBLE").key(own.key.clone()), now)?;
        Ok(Self {
            dir: dir.to_owned(),
            identities: Identities { tls: read("double-tls")?, signing: own },
            other: read("other-signing")?,
            stranger,
            pinned: ["suite-tls", "other-tls"]
                .into_iter()
                .map(|stem| read(stem).map(|identity| identity.chain.into_iter().next()))
                .filter_map(Result::transpose)
                .collect::<Result<_, _>>()?,
            keys: Keys::open(&pki, now, read)?,
            trust: Trust {
                anchors: vec![authority.root().clone()],
                held: vec![authority.issuing().clone()],
                lists: authority.crls(now)?.into_iter().map(|crl| crl.der).collect(),
            },
            packs: Arc::new(Packs::embedded()?),
            authority,
            desks: Desks::open(2),
            time: i64::try_from(now.as_secs())
                .ok()
                .and_then(|now| Timestamp::from_second(now).ok())
                .unwrap_or_default(),
            runtime: tokio::runtime::Builder::new_multi_thread()
                .worker_threads(8)
                .enable_all()
                .build()
                .map_err(GroundError::Runtime)?,
            first: Mutex::default(),
        })
    }

    /// What a null node presents and signs with: the double's own.
    #[must_use]
    pub const fn identities(&self) -> &Identities {
        &self.identities
    }

    #[cfg(test)]
    pub(crate) const fn authority(&self) -> &Authority {
        &self.authority
    }

    pub(crate) const fn runtime(&self) -> &tokio::runtime::Runtime {
        &self.runtime
    }

    /// The double's TLS identity made broken in the way of the zoo.
    pub(crate) fn zoo(&self, slug: &str) -> Result<Identity, CertError> {
        let profile = Profile::tls("DOUBLE").of(&self.identities.tls);
        zoo::make(zoo::kind(slug)?, &self.authority, &profile, UnixTime::now())
    }

    /// Writes `NAME.toml` (as `subject.toml` is written) and `NAME-ics.toml` for a node at `address` whose hooks, where
    /// it has any, are at `hooks`; returns what a run needs. Everything is claimed; waits are short.
    ///
    /// # Errors
    /// [`GroundError::File`], [`GroundError::Setup`].
    pub fn setup(&self, name: &str, address: SocketAddr, hooks: Option<SocketAddr>) -> Result<Arc<Setup>, GroundError> {
        let put = |file: &str, text: String| -> Result<PathBuf, GroundError> {
            let path = self.dir.join(file);
            std::fs::write(&path, text).map_err(|source| GroundError::File { path: path.clone(), source })?;
            Ok(path)
        };
        put(&format!("{name}-ics.toml"), include_str!("ground/ics.toml").replace("NAME", name))?;
        let hooks = hooks.map(|address| include_str!("ground/hooks.toml").replace("HOOKS", &address.to_string()));
        let subject =
            include_str!("ground/subject.toml").replace("NAME", name).replace("PORT", &address.port().to_string());
        let path = put(&format!("{name}.toml"), subject + &hooks.unwrap_or_default())?;
        let setup = Setup::load(&path)?;
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        let setup = Arc::new(match first.as_ref() {
            Some(first) => setup.sharing(first),
            None => setup.remembering(),
        });
        first.get_or_insert_with(|| Arc::clone(&setup));
        Ok(setup)
    }
}
