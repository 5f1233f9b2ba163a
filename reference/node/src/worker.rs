//! What a worker thread keeps for itself between jobs: schemas compiled on first use, which are not shared.

use std::sync::{Arc, OnceLock};

use carnet_fixtures::{Depth, LoadError, Packs, Validator, Verdict};
use carnet_registry::declaration::Registry;

/// The packs of a node. Those built in are read when the first document needs them: a node is ready before.
#[derive(Debug)]
pub(crate) struct Library {
    packs: OnceLock<Result<Packs, LoadError>>,
}

/// The state of one worker thread.
pub(crate) struct Worker {
    pub(crate) library: Arc<Library>,
    validator: Validator,
}

/// Why a document could not be judged; the packs are at fault, not the document.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LibraryError {
    /// A pack cannot be read.
    #[error("{0}")]
    Load(String),
    /// A pack's schema or rule cannot be applied.
    #[error(transparent)]
    Pack(#[from] carnet_fixtures::PackError),
}

impl Library {
    /// With packs that were read, or those built in.
    pub(crate) fn new(read: Option<Packs>) -> Arc<Self> {
        Arc::new(Self { packs: read.map_or_else(OnceLock::new, |packs| OnceLock::from(Ok(packs))) })
    }

    /// The packs, read once.
    pub(crate) fn packs(&self) -> Result<&Packs, LibraryError> {
        let packs = self.packs.get_or_init(Packs::embedded);
        packs.as_ref().map_err(|error| LibraryError::Load(error.to_string()))
    }
}

impl Worker {
    pub(crate) fn new(library: Arc<Library>) -> Self {
        Self { library, validator: Validator::new() }
    }

    /// Whether a registry acts on documents of that service and action.
    pub(crate) fn acts_on(&self, service: &str, action: &str) -> Result<bool, LibraryError> {
        Ok(self.library.packs()?.by_action(service, action).is_some_and(Registry::acts_on))
    }

    /// Validates a document as the message type of that service and action; `None` when no pack has one.
    pub(crate) fn validate(
        &mut self,
        service: &str,
        action: &str,
        bytes: &[u8],
    ) -> Result<Option<Verdict>, LibraryError> {
        let library = Arc::clone(&self.library);
        let Some(message_type) = library.packs()?.by_action(service, action) else { return Ok(None) };
        Ok(Some(self.validator.validate(message_type, bytes, Depth::Full)?))
    }
}
