//! Part octets: in memory while small, in a file when not, hashed as they come.
//!
//! A file is on the disk, directory entry included, before [`PartWriter::finish`] returns, so a commit that names it
//! never runs ahead of it; none of this happens on the store's writer thread.

mod verified;
mod writer;

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicUsize},
};

use bytes::Buf;
use carnet_exchange::{Held, PartWriter, Place, Spool, SpoolError, Store, StoreError, Ticket};

use verified::Verified;
use writer::Incoming;

/// Octets free on the disk that holds a folder.
pub type FreeSpace = Box<dyn Fn(&Path) -> io::Result<u64> + Send + Sync>;

/// Settings of the spool.
pub struct SpoolConfig {
    /// A part up to this many octets stays in memory.
    pub memory: usize,
    /// All parts in memory together, until the message is stored or dropped; past it parts go to files at once.
    pub budget: usize,
    /// Octets that stay free on the disk: past it parts are refused, so that the database can still be written.
    pub reserve: u64,
    /// How free space is found; looked at when a file is begun and every 16 MiB.
    pub free: FreeSpace,
}

impl Default for SpoolConfig {
    fn default() -> Self {
        Self {
            memory: 64 << 10,
            budget: 32 << 20,
            reserve: 128 << 20,
            free: Box::new(|folder| {
                let disk = rustix::fs::statvfs(folder)?;
                Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
            }),
        }
    }
}

/// Payload files in one folder.
pub struct DiskSpool(Arc<Folder>);

struct Folder {
    path: PathBuf,
    config: SpoolConfig,
    in_memory: Arc<AtomicUsize>,
}

impl DiskSpool {
    /// Opens the folder, making it when it is not there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(path: &Path, config: SpoolConfig) -> Result<Self, SpoolError> {
        fs::create_dir_all(path)?;
        Ok(Self(Arc::new(Folder { path: path.to_owned(), config, in_memory: Arc::default() })))
    }

    /// Removes every file that `store` does not name: left by a message that was never committed. Call it before
    /// anything is received. Answers how many there were.
    ///
    /// # Errors
    /// When the store cannot be asked; a file that cannot be removed is logged and left.
    pub fn sweep(&self, store: &dyn Store) -> Result<usize, StoreError> {
        let listed = fs::read_dir(&self.0.path).map_err(|error| StoreError::Engine(Arc::new(error)))?;
        let mut swept = 0;
        for entry in listed.flatten() {
            let named = match entry.file_name().to_str() {
                Some(name) => store.names_file(name)?,
                None => false,
            };
            if named {
                continue;
            }
            match fs::remove_file(entry.path()) {
                Ok(()) => swept += 1,
                Err(error) => tracing::warn!(%error, "orphaned payload file stays"),
            }
        }
        Ok(swept)
    }
}

impl Spool for DiskSpool {
    fn part(&self, ticket: Ticket, part: u32) -> Result<Box<dyn PartWriter>, SpoolError> {
        Ok(Box::new(Incoming::new(Arc::clone(&self.0), format!("{:032x}.{part}", ticket.0))))
    }

    fn room(&self, octets: u64) -> Result<(), SpoolError> {
        self.0.room(octets)
    }

    fn read(&self, held: &Held) -> Result<Box<dyn io::Read + Send>, SpoolError> {
        match &held.place {
            Place::Inline(octets) => Ok(Box::new(octets.clone().reader())),
            Place::File(name) => {
                let file = File::open(self.0.file(name)?).map_err(|error| match error.kind() {
                    io::ErrorKind::NotFound => SpoolError::Missing { name: name.clone() },
                    _ => SpoolError::Io(error),
                })?;
                Ok(Box::new(Verified::new(file, name, held.sha256)))
            }
        }
    }

    fn discard(&self, held: &Held) {
        let Place::File(name) = &held.place else {
            return;
        };
        let removed = self.0.file(name).and_then(|path| Ok(fs::remove_file(path)?));
        if let Err(error) = removed {
            tracing::warn!(%error, "payload file stays until the next start");
        }
    }
}

impl Folder {
    /// The path of a payload file; only names this spool gives out lead anywhere.
    fn file(&self, name: &str) -> Result<PathBuf, SpoolError> {
        let ours = |c: char| c.is_ascii_hexdigit() || c == '.';
        if name.is_empty() || name.starts_with('.') || !name.chars().all(ours) {
            return Err(SpoolError::Missing { name: name.to_owned() });
        }
        Ok(self.path.join(name))
    }

    /// Refuses when so many octets more would touch the reserve.
    fn room(&self, octets: u64) -> Result<(), SpoolError> {
        let (free, needed) = ((self.config.free)(&self.path)?, self.config.reserve.saturating_add(octets));
        if free < needed { Err(SpoolError::Full { free, needed }) } else { Ok(()) }
    }

    /// What the disk says, as the spool's own error.
    fn refused(&self, error: io::Error) -> SpoolError {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                SpoolError::Full { free: 0, needed: self.config.reserve }
            }
            _ => SpoolError::Io(error),
        }
    }
}

#[cfg(test)]
mod tests;
