//! One part coming in.

use std::{
    fs::{self, File, OpenOptions},
    io::{BufWriter, Write},
    mem,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use carnet_exchange::{Held, PartWriter, Place, SpoolError};

use super::{Folder, verified::finish};

/// After this many octets free space is looked at again, and what was written goes to the disk: at the end of a large
/// part little is left to wait for, and the disk's pace reaches the socket in small steps.
const LOOK: u64 = 16 << 20;

/// A part on its way into memory, or from there into a file.
pub(super) struct Incoming {
    folder: Arc<Folder>,
    name: String,
    hash: Context,
    length: u64,
    looked: u64,
    place: Growing,
    /// There is a file, and nobody was told its name yet.
    unfinished: bool,
}

enum Growing {
    Memory(Counted),
    File(BufWriter<File>),
    Done,
}

/// Octets in memory that count against the budget until the last reference to them is gone.
struct Counted {
    octets: Vec<u8>,
    total: Arc<AtomicUsize>,
}

impl Incoming {
    pub(super) fn new(folder: Arc<Folder>, name: String) -> Self {
        let total = Arc::clone(&folder.in_memory);
        let place = Growing::Memory(Counted { octets: Vec::new(), total });
        Self { folder, name, hash: Context::new(&SHA256), length: 0, looked: 0, place, unfinished: false }
    }

    /// Moves what is in memory to a file.
    fn spill(&mut self, held: &Counted) -> Result<BufWriter<File>, SpoolError> {
        self.folder.room(0)?;
        let path = self.folder.file(&self.name)?;
        let opened = OpenOptions::new().write(true).create_new(true).open(path);
        let file = opened.map_err(|error| self.folder.refused(error))?;
        self.unfinished = true;
        let mut writer = BufWriter::with_capacity(64 << 10, file);
        writer.write_all(&held.octets).map_err(|error| self.folder.refused(error))?;
        Ok(writer)
    }

    fn append(&mut self, octets: &[u8]) -> Result<(), SpoolError> {
        if let Growing::Memory(counted) = &mut self.place {
            if counted.fits(octets.len(), &self.folder) {
                counted.extend(octets);
                return Ok(());
            }
            let Growing::Memory(counted) = mem::replace(&mut self.place, Growing::Done) else {
                return Ok(());
            };
            self.place = Growing::File(self.spill(&counted)?);
        }
        if self.length.saturating_sub(self.looked) >= LOOK {
            self.folder.room(0)?;
            self.looked = self.length;
            if let Growing::File(file) = &mut self.place {
                let written = file.flush().and_then(|()| file.get_ref().sync_data());
                written.map_err(|error| self.folder.refused(error))?;
            }
        }
        if let Growing::File(file) = &mut self.place {
            file.write_all(octets).map_err(|error| self.folder.refused(error))?;
        }
        Ok(())
    }

    /// File and directory entry onto the disk.
    fn sync(&self, file: &mut BufWriter<File>) -> Result<(), SpoolError> {
        let mut all = || {
            file.flush()?;
            file.get_ref().sync_all()?;
            File::open(&self.folder.path)?.sync_all()
        };
        all().map_err(|error| self.folder.refused(error))
    }
}

impl PartWriter for Incoming {
    fn blocks(&self, more: usize) -> bool {
        match &self.place {
            Growing::Memory(counted) => !counted.fits(more, &self.folder),
            Growing::File(_) => true,
            Growing::Done => false,
        }
    }

    fn write(&mut self, octets: &[u8]) -> Result<(), SpoolError> {
        self.append(octets)?;
        self.hash.update(octets);
        self.length = self.length.saturating_add(octets.len() as u64);
        Ok(())
    }

    fn finish_blocks(&self) -> bool {
        matches!(self.place, Growing::File(_))
    }

    fn finish(mut self: Box<Self>) -> Result<Held, SpoolError> {
        let sha256 = finish(mem::replace(&mut self.hash, Context::new(&SHA256)));
        let place = match mem::replace(&mut self.place, Growing::Done) {
            Growing::Memory(counted) => Place::Inline(Bytes::from_owner(counted)),
            Growing::File(mut file) => {
                self.sync(&mut file)?;
                self.unfinished = false;
                Place::File(mem::take(&mut self.name))
            }
            Growing::Done => {
                return Err(SpoolError::Missing { name: mem::take(&mut self.name) });
            }
        };
        Ok(Held { length: self.length, sha256, place })
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if self.unfinished
            && let Ok(path) = self.folder.file(&self.name)
            && let Err(error) = fs::remove_file(path)
        {
            tracing::warn!(%error, "unfinished payload file stays until the next start");
        }
    }
}

impl Counted {
    fn fits(&self, more: usize, folder: &Folder) -> bool {
        let after = self.octets.len().saturating_add(more);
        let together = self.total.load(Ordering::Relaxed).saturating_add(more);
        after <= folder.config.memory && together <= folder.config.budget
    }

    fn extend(&mut self, octets: &[u8]) {
        self.octets.extend_from_slice(octets);
        self.total.fetch_add(octets.len(), Ordering::Relaxed);
    }
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.octets
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.total.fetch_sub(self.octets.len(), Ordering::Relaxed);
    }
}
