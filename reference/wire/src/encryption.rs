//! Encrypting and decrypting payload parts as a WS-Security header describes it.
//!
//! One `xenc:EncryptedKey` carries the key of one message, one `xenc:EncryptedData` per part says how that part was
//! encrypted. Everything is held against short lists and limits before any key is used; all that can go wrong with a
//! key or a ciphertext comes back as the one error [`EncryptionError::Failed`], so that a peer learns nothing from it.
//! AES-GCM cannot be decrypted in pieces without giving out bytes that are not authenticated yet: a part is taken whole, and
//! how large it may be is the caller's to say. Which parts must be encrypted, and signatures, are left to the caller.
//! Implements XML encryption 1.1, WS-Security 1.1.1 (9), its SwA profile 1.1.1 (5.5), as narrowed by eDelivery AS4
//! 1.15 (RSA-OAEP) and 2.0 (X25519 or P-256, HKDF, AES key wrap).

mod agreement;
mod algorithm;
mod key;
mod read;
mod seal;
mod write;

pub use algorithm::{ContentAlgorithm, KeyMethod};
pub use key::{DecryptionKey, KeyError, Recipient};
pub use seal::{ContentKey, Fresh, OVERHEAD, Sealer};
pub use write::insert;

use crate::Limits;
use crate::token::{Token, TokenError};
use crate::xml::{Document, NodeId};

/// What is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// How the key of a message may be handed over.
    pub keys: Vec<KeyMethod>,
    /// How a part may be encrypted.
    pub contents: Vec<ContentAlgorithm>,
    /// Encrypted parts of one message.
    pub parts: usize,
    /// Certificates of one token.
    pub certificates: usize,
}

//= EDEL-ENCRYPT-02
impl Default for Policy {
    /// eDelivery AS4 1.15: RSA-OAEP with SHA-256 and MGF1-SHA-256, AES-128-GCM.
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            keys: vec![KeyMethod::RsaOaep],
            contents: vec![ContentAlgorithm::Aes128Gcm],
            parts: limits.parts,
            certificates: limits.certificates,
        }
    }
}

/// Why encryption was refused, or failed; one variant per rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncryptionError {
    /// Something is encrypted that is no part: an element outside the security header, or in another place of it.
    #[error("{element} stands where nothing may be encrypted")]
    Misplaced {
        /// Local name.
        element: &'static str,
    },
    /// More encrypted parts than the limit.
    #[error("message has more than {limit} encrypted parts")]
    TooMany {
        /// Parts allowed.
        limit: usize,
    },
    /// No encrypted key for the encrypted parts, or more than one.
    #[error("message has not exactly one encrypted key")]
    Keys,
    /// Children are missing, repeated, unknown or out of order.
    #[error("encryption has another shape than expected at {element}")]
    Shape {
        /// Local name of the element that was not as expected.
        element: &'static str,
    },
    /// A comment or processing instruction inside.
    #[error("encryption holds a comment or processing instruction")]
    Comment,
    /// A way to hand over the key that is not accepted.
    #[error("encryption method of the key is not accepted")]
    KeyMethod,
    /// A way to derive a key that is not accepted.
    #[error("key derivation is not accepted")]
    Derivation,
    /// A content algorithm that is not accepted, or two in one message.
    #[error("encryption method of a part is not accepted")]
    ContentAlgorithm,
    /// Something else than the content of an attachment is encrypted.
    #[error("type of encrypted data is not accepted")]
    Type,
    /// A transform other than the one of attachments.
    #[error("transform of a cipher reference is not accepted")]
    Transform,
    /// A cipher reference that is no `cid:`, or a second one to the same part.
    #[error("cipher reference is no cid: or is repeated")]
    CipherReference,
    /// The encrypted data and the list of what the key encrypts differ.
    #[error("the encrypted key lists other data than there is")]
    ReferenceList,
    /// A value that is not base64, or of a length that cannot be right.
    #[error("an encryption value is malformed")]
    Value,
    /// The recipient is named by something that cannot be used.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The key is for a certificate that is none of ours.
    #[error("message is encrypted for another certificate")]
    OtherRecipient,
    /// The key or a part does not decrypt; no more is told.
    #[error("decryption failed")]
    Failed,
}

/// What a security header says of encryption; held against the policy, nothing decrypted yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encrypted {
    key: EncryptedKey,
    algorithm: ContentAlgorithm,
    parts: Vec<EncryptedPart>,
}

/// A part that is encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncryptedPart {
    /// Content-ID: the cipher reference's URI without `cid:`, percent-decoded.
    pub cid: String,
    /// Media type of what comes out; it decides what is hashed.
    pub media: Option<String>,
}

/// How the key of the message is handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
struct EncryptedKey {
    recipient: Token,
    wrapped: Vec<u8>,
    /// None: RSA-OAEP.
    agreement: Option<agreement::Agreement>,
}

impl Encrypted {
    /// Reads what the security header says and holds it against the policy; none when nothing is encrypted.
    ///
    /// # Errors
    /// All of [`EncryptionError`] but `OtherRecipient` and `Failed`.
    pub fn read(document: &Document<'_>, security: NodeId, policy: &Policy) -> Result<Option<Self>, EncryptionError> {
        read::encrypted(document, security, policy)
    }

    /// The parts that are encrypted, in the order of the header.
    pub fn parts(&self) -> &[EncryptedPart] {
        &self.parts
    }

    /// What names the certificate that the key is for.
    pub fn recipient(&self) -> &Token {
        &self.key.recipient
    }

    /// How the key is handed over.
    pub fn method(&self) -> KeyMethod {
        self.key.agreement.as_ref().map_or(KeyMethod::RsaOaep, agreement::Agreement::method)
    }

    /// How the parts are encrypted.
    pub fn algorithm(&self) -> ContentAlgorithm {
        self.algorithm
    }

    /// Gets the key of the message with whichever of our keys it is for. Costs a private-key operation.
    ///
    /// # Errors
    /// [`EncryptionError::OtherRecipient`], [`EncryptionError::Failed`].
    pub fn open<'k>(&self, ours: impl IntoIterator<Item = &'k DecryptionKey>) -> Result<ContentKey, EncryptionError> {
        self.with_key(&self.reveal(ours)?)
    }

    /// As [`Encrypted::open`], but the key's own bytes: whoever keeps them with what came can show later what was in
    /// it, without a private key.
    ///
    /// # Errors
    /// [`EncryptionError::OtherRecipient`], [`EncryptionError::Failed`].
    pub fn reveal<'k>(&self, ours: impl IntoIterator<Item = &'k DecryptionKey>) -> Result<Vec<u8>, EncryptionError> {
        let named = |key: &&DecryptionKey| self.key.recipient.names(key.certificate());
        let key = ours.into_iter().find(named).ok_or(EncryptionError::OtherRecipient)?;
        match &self.key.agreement {
            None => key.unwrap(&self.key.wrapped),
            Some(agreement) => key.agree(agreement).and_then(|kek| agreement::unwrap(&kek, &self.key.wrapped)),
        }
    }

    /// The key of the message from the bytes that [`Encrypted::reveal`] gave.
    ///
    /// # Errors
    /// [`EncryptionError::Failed`] when they are no key of the algorithm.
    pub fn with_key(&self, key: &[u8]) -> Result<ContentKey, EncryptionError> {
        ContentKey::new(self.algorithm, key)
    }
}
