//! Octets in the spool that go again unless a commit names them.

use std::io::Read as _;
use std::sync::Arc;

use carnet_exchange::{Held, Place, Spool, SpoolError};

/// All octets that are held, in memory.
///
/// # Errors
/// [`SpoolError`] of the disk.
pub(crate) fn whole(spool: &Arc<dyn Spool>, held: &Held) -> Result<Vec<u8>, SpoolError> {
    if let Place::Inline(bytes) = &held.place {
        return Ok(bytes.to_vec());
    }
    let mut octets = Vec::with_capacity(usize::try_from(held.length).unwrap_or_default());
    spool.read(held)?.read_to_end(&mut octets).map_err(SpoolError::Io)?;
    Ok(octets)
}

/// Removes its octets from the spool when dropped, unless they were released to a commit.
pub(crate) struct Kept {
    held: Option<Held>,
    spool: Arc<dyn Spool>,
}

impl Kept {
    pub(crate) fn new(held: Held, spool: Arc<dyn Spool>) -> Self {
        Self { held: Some(held), spool }
    }

    /// The octets, still this guard's to remove.
    pub(crate) fn held(&self) -> Option<&Held> {
        self.held.as_ref()
    }

    /// The octets, from now on a commit's.
    pub(crate) fn release(mut self) -> Option<Held> {
        self.held.take()
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if let Some(held) = self.held.take() {
            self.spool.discard(&held);
        }
    }
}
