//! Opening store and spool together: lock, migrate, sweep; or only saying whether that would do.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use carnet_exchange::{SpoolError, StoreError};
use rustix::fs::{Access, access};

use crate::{DiskSpool, SpoolConfig, SqliteConfig, SqliteStore};

/// The database, below the folder.
const DATABASE: &str = "carnet.sqlite";

/// Settings of both.
#[derive(Default)]
pub struct Config {
    /// Of the database.
    pub sqlite: SqliteConfig,
    /// Of the payload files.
    pub spool: SpoolConfig,
}

/// What a folder held, ready for use.
pub struct Opened {
    /// Messages, bodies, records.
    pub store: Arc<SqliteStore>,
    /// Part octets.
    pub spool: Arc<DiskSpool>,
    /// Payload files that no message named and that were removed.
    pub swept: usize,
    /// Held until the last user is gone: one process per folder.
    pub lock: File,
}

/// Why a folder could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder cannot be made or reached.
    #[error("failed to open store folder {}\nhelp: [store] dir must be a folder this process may write", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Another process holds the folder.
    #[error("store folder {} is in use by another process\nhelp: stop that node, or give this one a [store] dir of its own", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// The database refuses.
    #[error("failed to open the database of store folder {}", path.display())]
    Store {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// It cannot be told which payload files are named.
    #[error(transparent)]
    Sweep(StoreError),
    /// The payload folder refuses.
    #[error(transparent)]
    Spool(#[from] SpoolError),
}

/// Opens the folder `dir`, making it when it is not there.
///
/// # Errors
/// When it cannot be used, is in use, or was written by a newer program.
pub fn open(dir: &Path, config: Config) -> Result<Opened, OpenError> {
    let folder = |source| OpenError::Folder { path: dir.to_owned(), source };
    fs::create_dir_all(dir).map_err(folder)?;
    let lock =
        OpenOptions::new().create(true).truncate(false).write(true).open(dir.join("carnet.lock")).map_err(folder)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(OpenError::InUse { path: dir.to_owned() });
        }
        Err(TryLockError::Error(source)) => return Err(folder(source)),
    }
    let database = |source| OpenError::Store { path: dir.to_owned(), source };
    let store = SqliteStore::open(&dir.join(DATABASE), config.sqlite).map_err(database)?;
    let spool = DiskSpool::open(&dir.join("payloads"), config.spool)?;
    let swept = spool.sweep(&store).map_err(OpenError::Sweep)?;
    Ok(Opened { store: Arc::new(store), spool: Arc::new(spool), swept, lock })
}

/// Whether the folder `dir` could be opened, or made where it is not there; makes and changes nothing, and does not mind
/// a process that has it open.
///
/// # Errors
/// When it cannot be used, or was written by another or a newer program.
pub fn check(dir: &Path) -> Result<(), OpenError> {
    let folder = |source| OpenError::Folder { path: dir.to_owned(), source };
    let written = dir.ancestors().find(|one| !one.as_os_str().is_empty() && !is_missing(one)).unwrap_or(Path::new("."));
    if !fs::metadata(written).map_err(folder)?.is_dir() {
        return Err(folder(io::ErrorKind::NotADirectory.into()));
    }
    access(written, Access::WRITE_OK | Access::EXEC_OK).map_err(|source| folder(source.into()))?;
    let database = dir.join(DATABASE);
    if !is_missing(&database) {
        SqliteStore::look(&database).map_err(|source| OpenError::Store { path: dir.to_owned(), source })?;
    }
    Ok(())
}

fn is_missing(path: &Path) -> bool {
    fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}
