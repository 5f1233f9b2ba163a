//! The fast path: a security header from digests that are already known.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::CertificateDer;

use super::{SignError, Signer};
use crate::emit::{Canonical, Name};
use crate::namespace::{ATTACHMENT_CONTENT, DS, EXC_C14N, SHA256, SOAP12, WSSE};
use crate::token::{Naming, TokenType};

/// Identifiers of one security header; each must be unique in the envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecurityIds<'i> {
    /// `wsu:Id` of the token.
    pub token: &'i str,
    /// `Id` of the signature.
    pub signature: &'i str,
}

/// A token, encoded once for many messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningToken(Naming);

impl SigningToken {
    /// The token of that type for a chain, leaf first: X509v3 carries the leaf, X509PKIPathv1 the whole chain, the
    /// other two only name the leaf.
    ///
    /// # Errors
    /// [`SignError::Token`] for an empty chain, a type that cannot sign, or a leaf without subject key identifier
    /// where that is asked for.
    //= EDEL-TOKEN-03
    pub fn new(kind: TokenType, chain: &[CertificateDer<'_>]) -> Result<Self, SignError> {
        Naming::new(kind, chain).map(Self).map_err(|_| SignError::Token)
    }
}

/// What is signed: an element of the envelope or a part, with the digest of its canonical form or content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignedReference<'r> {
    /// The element with that `wsu:Id`, hashed in exclusive canonical form with an empty prefix list.
    Element {
        /// The identifier, without `#`.
        id: &'r str,
        /// SHA-256.
        sha256: [u8; 32],
    },
    /// The part with that Content-ID, hashed as its media type says.
    Part {
        /// Content-ID, without `cid:` and angle brackets.
        cid: &'r str,
        /// SHA-256.
        sha256: [u8; 32],
    },
}

/// A `wsse:Security` element in canonical form, with token and signature, `mustUnderstand` set.
///
/// It declares what it uses and can stand in any SOAP 1.2 header.
///
/// # Errors
/// [`SignError::Nothing`], [`SignError::Emit`], [`SignError::Signer`].
pub fn security_header(
    token: &SigningToken,
    ids: &SecurityIds<'_>,
    references: &[SignedReference<'_>],
    signer: &dyn Signer,
) -> Result<String, SignError> {
    let entries: Vec<Entry<'_>> = references
        .iter()
        .map(|reference| match reference {
            SignedReference::Element { id, sha256 } => {
                Entry { uri: format!("#{id}"), transform: EXC_C14N, digest_method: SHA256, digest: sha256 }
            }
            SignedReference::Part { cid, sha256 } => Entry {
                uri: format!("cid:{cid}"),
                transform: ATTACHMENT_CONTENT,
                digest_method: SHA256,
                digest: sha256,
            },
        })
        .collect();
    write(token, ids, &entries, signer)
}

/// One `ds:Reference` to be written.
pub(super) struct Entry<'e> {
    pub(super) uri: String,
    pub(super) transform: &'static str,
    pub(super) digest_method: &'static str,
    pub(super) digest: &'e [u8],
}

/// Writes the header for any references.
pub(super) fn write(
    token: &SigningToken,
    ids: &SecurityIds<'_>,
    entries: &[Entry<'_>],
    signer: &dyn Signer,
) -> Result<String, SignError> {
    let signed_info = signed_info(entries, signer.algorithm())?;
    let value = STANDARD.encode(signer.sign(signed_info.as_bytes())?);
    let mut out = Canonical::new();
    let must_understand = [(Name::new("S12", SOAP12, "mustUnderstand"), "true")];
    out.start(Name::new("wsse", WSSE, "Security"), &must_understand);
    token.0.token(&mut out, ids.token);
    out.start(ds("Signature"), &[(Name::local("Id"), ids.signature)]);
    out.fragment(&signed_info);
    out.leaf(ds("SignatureValue"), &[], &value);
    out.start(ds("KeyInfo"), &[]);
    token.0.reference(&mut out, ids.token);
    out.end().end().end();
    Ok(out.finish()?.text)
}

/// `ds:SignedInfo` in the form that is signed.
fn signed_info(entries: &[Entry<'_>], algorithm: &str) -> Result<String, SignError> {
    if entries.is_empty() {
        return Err(SignError::Nothing);
    }
    let by = |uri| [(Name::local("Algorithm"), uri)];
    let mut out = Canonical::new();
    out.start(ds("SignedInfo"), &[]);
    out.leaf(ds("CanonicalizationMethod"), &by(EXC_C14N), "");
    out.leaf(ds("SignatureMethod"), &by(algorithm), "");
    for entry in entries {
        out.start(ds("Reference"), &[(Name::local("URI"), &entry.uri)]);
        out.start(ds("Transforms"), &[]);
        out.leaf(ds("Transform"), &by(entry.transform), "");
        out.end();
        out.leaf(ds("DigestMethod"), &by(entry.digest_method), "");
        out.leaf(ds("DigestValue"), &[], &STANDARD.encode(entry.digest));
        out.end();
    }
    out.end();
    Ok(out.finish()?.text)
}

const fn ds(local: &str) -> Name<'_> {
    Name::new("ds", DS, local)
}
