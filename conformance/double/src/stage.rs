//! What a run against a null node needs, in a folder: keys, subject and ICS.

use std::path::{Path, PathBuf};

use carnet_certs::{CertError, FolderPlan, Identity, UnixTime, write_folder};

use crate::Identities;

/// A folder from which a run against a null node can be started.
#[derive(Debug)]
pub struct Stage {
    dir: PathBuf,
    identities: Identities,
}

/// Why a stage cannot be set.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StageError {
    /// The keys cannot be made.
    #[error(transparent)]
    Certificates(#[from] CertError),
    /// A file cannot be written or read back.
    #[error("{} not usable", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl Stage {
    /// Makes an authority and the identities of the suite, of a second party of it, and of the null node.
    ///
    /// # Errors
    /// See [`StageError`].
    pub fn new(dir: &Path, now: UnixTime) -> Result<Self, StageError> {
        let plan = FolderPlan {
            authority: "Carnet Double".to_owned(),
            parties: ["SUITE", "OTHER", "NULL"].map(str::to_owned).to_vec(),
            hosts: Vec::new(),
            pkcs12_password: None,
        };
        let pki = dir.join("pki");
        std::fs::create_dir_all(&pki).map_err(|source| StageError::File { path: pki.clone(), source })?;
        write_folder(&pki, &plan, now)?;
        let read = |stem: &str| -> Result<Identity, StageError> {
            let text = |name: String| {
                let path = pki.join(name);
                std::fs::read_to_string(&path).map_err(|source| StageError::File { path, source })
            };
            Ok(Identity::from_pem(&text(format!("{stem}.pem"))?, &text(format!("{stem}.key.pem"))?)?)
        };
        let identities = Identities { tls: read("null-tls")?, signing: read("null-signing")? };
        Ok(Self { dir: dir.to_owned(), identities })
    }

    /// What the null node presents and signs with.
    #[must_use]
    pub const fn identities(&self) -> &Identities {
        &self.identities
    }

    /// Writes `NAME.toml` (as `subject.toml` is written) and `NAME-ics.toml` for a node at `address`; returns the path
    /// of the former. Everything is claimed that the null nodes can be asked without hooks; waits are short.
    ///
    /// # Errors
    /// [`StageError::File`].
    pub fn subject(&self, name: &str, address: std::net::SocketAddr) -> Result<PathBuf, StageError> {
        let put = |file: &str, text: String| -> Result<PathBuf, StageError> {
            let path = self.dir.join(file);
            std::fs::write(&path, text).map_err(|source| StageError::File { path: path.clone(), source })?;
            Ok(path)
        };
        put(&format!("{name}-ics.toml"), include_str!("ics.toml").replace("NAME", name))?;
        let subject = include_str!("subject.toml").replace("NAME", name).replace("PORT", &address.port().to_string());
        put(&format!("{name}.toml"), subject)
    }
}
