//! Encrypt: the parts of a signed message for the partner's certificate, for one sending.
//!
//! A retry is encrypted anew, with a key of its own: MessageId, signature and digests are of what was signed and stay the
//! same. Leaves algorithms to `carnet_wire::encryption`, and randomness to the driver. Clauses: AS4 profile 1.0 section
//! 5.1.6 and eDelivery AS4 1.15 (compress, then sign, then encrypt; all payload parts, and nothing else).

use crate::ns;
use carnet_wire::encryption::{EncryptionError, Fresh, Recipient, Sealer, insert};
use carnet_wire::mime::PartHeader;
use carnet_wire::wss::SignError;

/// Why a message could not be encrypted.
#[derive(Debug, thiserror::Error)]
pub enum EncryptError {
    /// The operation failed.
    #[error(transparent)]
    Encryption(#[from] EncryptionError),
    /// The envelope is not one that was signed.
    #[error("envelope has no security header")]
    Envelope(#[from] SignError),
}

/// A message that is being encrypted, part after part, so that one of them at a time is in memory.
pub struct Encryption<'r>(Sealer<'r>);

impl<'r> Encryption<'r> {
    /// Makes the key of the message. Costs a public-key operation, so it belongs on a worker thread.
    ///
    /// # Errors
    /// [`EncryptError::Encryption`].
    pub fn new(recipient: &'r Recipient, fresh: Fresh) -> Result<Self, EncryptError> {
        Ok(Self(Sealer::new(recipient, fresh)?))
    }

    /// Encrypts a part: as it would have been transported, in; as it is transported, out. Every part of the message, in the
    /// order of its header.
    ///
    /// # Errors
    /// [`EncryptError::Encryption`].
    //= EDEL-ENCRYPT-01
    pub fn part(&mut self, header: &PartHeader, content: Vec<u8>) -> Result<(PartHeader, Vec<u8>), EncryptError> {
        let sealed = self.0.seal(&header.content_id, &header.content_type, content)?;
        Ok((PartHeader { content_type: ns::OCTETS_MEDIA.to_owned(), ..header.clone() }, sealed))
    }

    /// The signed envelope with what its receiver needs to decrypt the parts.
    ///
    /// # Errors
    /// [`EncryptError`].
    //= EDEL-ENCRYPT-03
    pub fn envelope(self, signed: &str) -> Result<Vec<u8>, EncryptError> {
        Ok(insert(signed, &self.0.header("as4-enc")?)?.into_bytes())
    }
}
