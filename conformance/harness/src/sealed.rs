//! What is encrypted in a message that came, and what was in it.
//!
//! Capture takes the key of that one message with the suite's private key and writes it down; judgement decrypts with
//! it. So evidence stands for itself, and no private key is in it. Whether what is encrypted is what was agreed is a
//! named check's question.

use carnet_wire::Limits;
use carnet_wire::encryption::{ContentAlgorithm, DecryptionKey, Encrypted, EncryptionError, KeyMethod, Policy};
use carnet_wire::namespace::{SOAP12, WSSE};
use carnet_wire::xml::Document;

use crate::http;
use crate::root::Package;

/// Every way that can be read.
#[must_use]
pub fn any() -> Policy {
    Policy {
        keys: vec![KeyMethod::RsaOaep, KeyMethod::X25519, KeyMethod::EcdhP256],
        contents: vec![ContentAlgorithm::Aes128Gcm, ContentAlgorithm::Aes256Gcm],
        ..Policy::default()
    }
}

/// What the envelope says of encryption, held against a policy; none where nothing is encrypted.
///
/// # Errors
/// See [`EncryptionError`]; an envelope that cannot be read has no shape.
pub fn read(envelope: &[u8], policy: &Policy) -> Result<Option<Encrypted>, EncryptionError> {
    let unread = EncryptionError::Shape { element: "Security" };
    let document = Document::parse(envelope, &Limits::default()).map_err(|_| unread.clone())?;
    let header = document.by_path(&[(SOAP12, "Envelope"), (SOAP12, "Header")]).map_err(|_| unread.clone())?;
    match header.only_child(WSSE, "Security").map_err(|_| unread)? {
        Some(security) => Encrypted::read(&document, security.id(), policy),
        None => Ok(None),
    }
}

/// The key of the message, when one of ours opens it.
#[must_use]
pub fn reveal<'k>(envelope: &[u8], ours: impl IntoIterator<Item = &'k DecryptionKey>) -> Option<Vec<u8>> {
    // Nearly all that comes is not encrypted, and is not read for it.
    http::find(envelope, b"EncryptedKey")?;
    read(envelope, &any()).ok()??.reveal(ours).ok()
}

/// Decrypts the parts with the key of their message; a part that does not decrypt stays as it came.
pub fn open(package: &mut Package, key: &[u8]) {
    let Ok(Some(encrypted)) = read(&package.envelope, &any()) else { return };
    let Ok(key) = encrypted.with_key(key) else { return };
    for sealed in encrypted.parts() {
        let Some(part) = package.parts.iter_mut().find(|part| part.cid.as_deref() == Some(&sealed.cid)) else {
            continue;
        };
        if let Ok(content) = key.decrypt(part.body.clone()) {
            part.body = content;
            if let Some(media) = &sealed.media {
                part.content_type.clone_from(media);
            }
        }
    }
}
