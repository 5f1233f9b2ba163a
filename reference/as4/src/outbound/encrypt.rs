//! Encrypt: the parts of a signed message for the partner's certificate, for one sending.
//!
//! A retry is encrypted anew, with a key of its own: MessageId, signature and digests are of what was signed and stay the
//! same. Leaves algorithms to `carnet_wire::encryption`, and randomness to the driver. Clauses: AS4 profile 1.0 section
//! 5.1.6 and eDelivery AS4 1.15 (compress, then sign, then encrypt; all payload parts, and nothing else).

use crate::ns;
use carnet_wire::encryption::{EncryptionError, Fresh, Recipient, Sealer, insert};
use carnet_wire::mime::PartHeader;
use carnet_wire::wss::SignError;

/// A message as it is transported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ciphered {
    /// The envelope, with what its receiver needs to decrypt the parts.
    pub envelope: Vec<u8>,
    /// The parts, encrypted.
    pub parts: Vec<(PartHeader, Vec<u8>)>,
}

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

/// Encrypts every part of a signed envelope. Costs a public-key operation, so it belongs on a worker thread.
///
/// # Errors
/// [`EncryptError`].
//= EDEL-ENCRYPT-01
//= EDEL-ENCRYPT-03
pub fn encrypt(
    envelope: &str,
    parts: Vec<(PartHeader, Vec<u8>)>,
    recipient: &Recipient,
    fresh: Fresh,
) -> Result<Ciphered, EncryptError> {
    if parts.is_empty() {
        return Ok(Ciphered { envelope: envelope.as_bytes().to_vec(), parts });
    }
    let mut sealer = Sealer::new(recipient, fresh)?;
    let parts = parts
        .into_iter()
        .map(|(header, content)| {
            let sealed = sealer.seal(&header.content_id, &header.content_type, &content)?;
            Ok((PartHeader { content_type: ns::OCTETS_MEDIA.to_owned(), ..header }, sealed))
        })
        .collect::<Result<_, EncryptionError>>()?;
    let envelope = insert(envelope, &sealer.header("as4-enc")?)?;
    Ok(Ciphered { envelope: envelope.into_bytes(), parts })
}
