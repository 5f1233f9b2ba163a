//! The key of one message, both ways: it encrypts parts, or decrypts them.

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::PrivateKey;
use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rsa::OAEP_SHA256_MGF1SHA256;

use super::agreement::{self, Curve, Derivation};
use super::key::PublicKey;
use super::{ContentAlgorithm, EncryptedPart, EncryptionError, Recipient, write};

const NONCE: usize = 12;
const TAG: usize = 16;

/// Bytes that a part grows by when it is encrypted: nonce and tag.
pub const OVERHEAD: u64 = 28;

/// The key of a received message.
pub struct ContentKey {
    key: LessSafeKey,
}

impl ContentKey {
    pub(super) fn new(algorithm: ContentAlgorithm, key: &[u8]) -> Result<Self, EncryptionError> {
        let algorithm = match algorithm {
            ContentAlgorithm::Aes128Gcm => &AES_128_GCM,
            ContentAlgorithm::Aes256Gcm => &AES_256_GCM,
        };
        let key = UnboundKey::new(algorithm, key).map_err(|_| EncryptionError::Failed)?;
        Ok(Self { key: LessSafeKey::new(key) })
    }

    /// Decrypts a part as it was transported: 12 bytes of nonce, ciphertext, 16 bytes of tag. Works in place.
    ///
    /// # Errors
    /// [`EncryptionError::Failed`].
    pub fn decrypt(&self, mut transported: Vec<u8>) -> Result<Vec<u8>, EncryptionError> {
        let nonce = transported.get(..NONCE).and_then(|nonce| Nonce::try_assume_unique_for_key(nonce).ok());
        let nonce = nonce.ok_or(EncryptionError::Failed)?;
        let opened = self.key.open_within(nonce, Aad::empty(), &mut transported, NONCE..);
        let length = opened.map_err(|_| EncryptionError::Failed)?.len();
        transported.truncate(length);
        Ok(transported)
    }
}

impl std::fmt::Debug for ContentKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ContentKey").finish_non_exhaustive()
    }
}

/// Random bytes for one message: never used twice, so it cannot be copied.
pub struct Fresh {
    content: [u8; 16],
    ephemeral: [u8; 32],
    salt: [u8; 16],
}

impl Fresh {
    /// Takes the bytes from a cryptographically secure source.
    pub fn new(random: &[u8; 64]) -> Self {
        let mut fresh = Self { content: [0; 16], ephemeral: [0; 32], salt: [0; 16] };
        let all = fresh.content.iter_mut().chain(&mut fresh.ephemeral).chain(&mut fresh.salt);
        for (to, from) in all.zip(random) {
            *to = *from;
        }
        fresh
    }
}

impl std::fmt::Debug for Fresh {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fresh").finish_non_exhaustive()
    }
}

/// The key of a message to be sent: encrypts its parts with AES-128-GCM, then writes what goes into the header.
pub struct Sealer<'r> {
    recipient: &'r Recipient,
    key: LessSafeKey,
    handed: Handed,
    parts: Vec<EncryptedPart>,
}

/// The key as it is handed over.
pub(super) struct Handed {
    pub(super) wrapped: Vec<u8>,
    pub(super) agreement: Option<Ephemeral>,
}

/// The sender's end of an agreement.
pub(super) struct Ephemeral {
    pub(super) curve: Curve,
    /// SubjectPublicKeyInfo, DER.
    pub(super) info: Vec<u8>,
    /// Uncompressed point, or the 32 bytes of X25519.
    pub(super) key: Vec<u8>,
    pub(super) salt: Vec<u8>,
}

impl<'r> Sealer<'r> {
    /// Makes the key of a message and encrypts it for the recipient. Costs a public-key operation.
    ///
    /// # Errors
    /// [`EncryptionError::Failed`].
    pub fn new(recipient: &'r Recipient, fresh: Fresh) -> Result<Self, EncryptionError> {
        let failed = |_| EncryptionError::Failed;
        let handed = match &recipient.key {
            PublicKey::Rsa(key) => {
                let mut wrapped = vec![0; key.ciphertext_size()];
                key.encrypt(&OAEP_SHA256_MGF1SHA256, &fresh.content, &mut wrapped, None).map_err(failed)?;
                Handed { wrapped, agreement: None }
            }
            PublicKey::Agreement(curve, theirs) => {
                let ours = PrivateKey::from_private_key(curve.algorithm(), &fresh.ephemeral)
                    .map_err(|_| EncryptionError::Failed)?;
                let derivation = Derivation { salt: fresh.salt.to_vec(), info: Vec::new() };
                let kek = agreement::derive(&ours, *curve, theirs, &derivation)?;
                let public = ours.compute_public_key().map_err(failed)?;
                let info: PublicKeyX509Der<'_> = public.as_der().map_err(failed)?;
                let ephemeral = Ephemeral {
                    curve: *curve,
                    info: info.as_ref().to_vec(),
                    key: public.as_ref().to_vec(),
                    salt: derivation.salt,
                };
                Handed { wrapped: agreement::wrap(&kek, &fresh.content)?, agreement: Some(ephemeral) }
            }
        };
        let key = UnboundKey::new(&AES_128_GCM, &fresh.content).map_err(failed)?;
        Ok(Self { recipient, key: LessSafeKey::new(key), handed, parts: Vec::new() })
    }

    /// Encrypts the content of a part, as it would have been transported; `media` is the type it would have had. Works in
    /// place.
    ///
    /// # Errors
    /// [`EncryptionError::Failed`].
    pub fn seal(&mut self, cid: &str, media: &str, mut content: Vec<u8>) -> Result<Vec<u8>, EncryptionError> {
        // The key is new, so a counter makes nonces that never repeat (SP 800-38D, 8.2.1).
        let count = u64::try_from(self.parts.len()).map_err(|_| EncryptionError::Failed)?;
        let mut nonce = [0; NONCE];
        for (to, from) in nonce.iter_mut().rev().zip(count.to_le_bytes()) {
            *to = from;
        }
        let unique = Nonce::assume_unique_for_key(nonce);
        let tag = self.key.seal_in_place_separate_tag(unique, Aad::empty(), &mut content);
        content.reserve_exact(NONCE + TAG);
        content.extend_from_slice(tag.map_err(|_| EncryptionError::Failed)?.as_ref());
        content.splice(..0, nonce);
        self.parts.push(EncryptedPart { cid: cid.to_owned(), media: Some(media.to_owned()) });
        Ok(content)
    }

    /// The elements for the security header: the encrypted key, then the data of each part in the order in which they
    /// were encrypted. Identifiers begin with `id`.
    ///
    /// # Errors
    /// [`EncryptionError::Value`] when a value cannot be written as XML.
    pub fn header(&self, id: &str) -> Result<String, EncryptionError> {
        write::header(id, self.recipient, &self.handed, &self.parts)
    }
}
