//! Verifying the XML signature of a WS-Security header.
//!
//! Everything is held against short lists before anything is resolved or hashed: reference URIs, transforms, algorithms,
//! how many, and the exact shape of the signature; then the signature value is checked, and only what the leaf's key
//! signed is worked through. What comes back says which nodes of *this* tree and which parts were covered; whether these
//! are the right ones and in the right place is the caller's check, as is hashing the parts. The token in `ds:KeyInfo` is
//! read here, trusted elsewhere. Implements XML signature 1.1 (3.2) as narrowed by WS-Security 1.1.1 (8) and by
//! AS4 (5.1.4, 5.1.5).

mod algorithm;
mod enveloped;
mod key;
mod read;
mod verify;

pub use algorithm::{DigestAlgorithm, SignatureAlgorithm};
pub use enveloped::enveloped;

use rustls_pki_types::CertificateDer;

use crate::token::{Token, TokenError};
use crate::xml::{Document, Element, NodeId};

/// What is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Signature algorithms.
    pub signatures: Vec<SignatureAlgorithm>,
    /// Digest algorithms of references.
    pub digests: Vec<DigestAlgorithm>,
    /// References of one signature.
    pub references: usize,
    /// Certificates of one token.
    pub certificates: usize,
}

//= EDEL-ALGORITHM-01
impl Default for Policy {
    /// eDelivery AS4 1.15: RSA with SHA-256, SHA-256.
    fn default() -> Self {
        let limits = crate::Limits::default();
        Self {
            signatures: vec![SignatureAlgorithm::RsaSha256],
            digests: vec![DigestAlgorithm::Sha256],
            references: limits.references,
            certificates: limits.certificates,
        }
    }
}

/// Why a signature was refused; one variant per rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// The security header holds no signature.
    #[error("message is not signed")]
    Unsigned,
    /// More than one signature, anywhere in the document.
    #[error("message holds more than one signature")]
    SecondSignature,
    /// The one signature is not a child of the security header.
    #[error("signature stands outside the security header")]
    Misplaced,
    /// Children of the signature, of `SignedInfo` or of a reference are missing, repeated, unknown or out of order.
    #[error("signature has another shape than expected at {element}")]
    Shape {
        /// Local name of the element that was not as expected.
        element: &'static str,
    },
    /// A comment or processing instruction inside the signature.
    #[error("signature holds a comment or processing instruction")]
    Comment,
    /// Canonicalization other than exclusive without comments.
    #[error("canonicalization method is not accepted")]
    Canonicalization,
    /// A signature algorithm that is not accepted.
    #[error("signature algorithm is not accepted")]
    Algorithm,
    /// A digest algorithm that is not accepted.
    #[error("digest algorithm is not accepted")]
    DigestAlgorithm,
    /// No reference: nothing is signed.
    #[error("signature covers nothing")]
    NoReference,
    /// More references than the limit.
    #[error("signature has more than {limit} references")]
    TooManyReferences {
        /// References allowed.
        limit: usize,
    },
    /// A reference URI other than `#id` and `cid:`.
    #[error("reference uri is neither #id nor cid:")]
    ReferenceUri,
    /// The same thing is referenced twice.
    #[error("two references name the same target")]
    RepeatedReference,
    /// A transform, or a number of transforms, that is not accepted for that kind of reference.
    #[error("reference transform is not accepted")]
    Transform,
    /// Two attributes of the document carry the same identifier.
    #[error("identifier is used twice")]
    DuplicateId,
    /// No element carries the referenced identifier as `wsu:Id` or `Id`.
    #[error("referenced identifier does not exist")]
    UnknownId,
    /// A digest or signature value that is not base64, or a digest of the wrong length.
    #[error("digest or signature value is malformed")]
    Value,
    /// `ds:KeyInfo` carries no certificate whose key made the signature.
    #[error("signature carries no certificate of its key")]
    NoCertificate,
    /// The security token cannot be used.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The leaf's key is of another kind than the signature algorithm.
    #[error("certificate key does not fit the signature algorithm")]
    Key,
    /// The leaf is not the one that the token names.
    #[error("certificate is not the one that the signature names")]
    OtherCertificate,
    /// A referenced element has another digest: it was changed.
    #[error("digest of a signed element differs")]
    Digest,
    /// The signature value does not verify with the leaf's key.
    #[error("signature value does not verify")]
    Mismatch,
    /// What was read from the signature does not fit together.
    #[error("references and signed elements do not fit together")]
    Disagreement,
}

/// A transform of a reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transform {
    /// Exclusive canonical form with its inclusive prefixes.
    Exclusive {
        /// Tokens of `InclusiveNamespaces/@PrefixList`.
        prefixes: Vec<String>,
    },
    /// The content of an attachment.
    AttachmentContent,
}

/// A `ds:Reference` as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// As written: `#id` or `cid:...`.
    pub uri: String,
    /// One transform: exclusive for elements, content for parts.
    pub transform: Transform,
    /// How it is hashed.
    pub digest_method: DigestAlgorithm,
    /// Claimed digest.
    pub digest: Vec<u8>,
}

/// A part that the signature covers and the caller must hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartReference {
    /// Content-ID: the reference's URI without `cid:`, percent-decoded.
    pub cid: String,
    /// Claimed digest.
    pub digest: Vec<u8>,
}

/// An element that the signature covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedElement {
    /// Its identifier, without `#`.
    pub id: String,
    /// The node of the document that was verified.
    pub node: NodeId,
}

/// A signature that passed every list, not yet verified.
pub struct Unverified<'d> {
    document: &'d Document<'d>,
    signature: NodeId,
    signed_info: SignedInfo,
    value: Vec<u8>,
    token: Token,
    references: Vec<Reference>,
    elements: Vec<SignedElement>,
}

/// What the signature value covers directly.
struct SignedInfo {
    node: NodeId,
    prefixes: Vec<String>,
    algorithm: SignatureAlgorithm,
}

/// A signature that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The `ds:Signature` element.
    pub signature: NodeId,
    /// Elements covered, digests equal.
    pub elements: Vec<SignedElement>,
    /// Parts covered; their digests are claims until the caller has hashed the parts.
    pub parts: Vec<PartReference>,
    /// All references in order, for the receipt.
    pub references: Vec<Reference>,
}

impl<'d> Unverified<'d> {
    /// Reads the signature of a security header and holds it against the policy.
    ///
    /// # Errors
    /// See [`SignatureError`].
    pub fn read(document: &'d Document<'_>, security: NodeId, policy: &Policy) -> Result<Self, SignatureError> {
        read::signature(document, security, policy)
    }

    /// The token that names the signer.
    pub fn token(&self) -> &Token {
        &self.token
    }

    /// All references in order.
    pub fn references(&self) -> &[Reference] {
        &self.references
    }

    /// The signature algorithm.
    pub fn algorithm(&self) -> SignatureAlgorithm {
        self.signed_info.algorithm
    }

    /// Verifies digests and signature value with the key of `leaf`, which the token must name.
    ///
    /// # Errors
    /// [`SignatureError::OtherCertificate`], [`SignatureError::Key`], [`SignatureError::Digest`],
    /// [`SignatureError::Mismatch`], [`SignatureError::Disagreement`].
    pub fn verify(&self, leaf: &CertificateDer<'_>) -> Result<Verified, SignatureError> {
        verify::verify(self, leaf)
    }
}

impl Reference {
    /// Reads a `ds:Reference`, such as one that a receipt repeats.
    ///
    /// # Errors
    /// [`SignatureError::Shape`], [`SignatureError::ReferenceUri`], [`SignatureError::Transform`],
    /// [`SignatureError::DigestAlgorithm`], [`SignatureError::Value`].
    pub fn read(element: Element<'_>, policy: &Policy) -> Result<Self, SignatureError> {
        read::reference(element, policy)
    }

    /// The Content-ID, when the reference names a part.
    pub fn cid(&self) -> Option<String> {
        crate::mime::content_id_of(&self.uri)
    }
}
