//! The general path: signs any envelope that is given as text.

use aws_lc_rs::digest;

use super::header::{self, Entry};
use super::{SecurityIds, SignError, Signer, SigningToken};
use crate::namespace::{ATTACHMENT_CONTENT, EXC_C14N, SHA1, SHA256, SHA512, SOAP12, WSU};
use crate::signature::PartReference;
use crate::xml::{Document, Element, XmlError};
use crate::{Limits, c14n};

/// How the elements are hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Digest {
    /// SHA-1: for the suite, to see it refused.
    Sha1,
    /// SHA-256.
    #[default]
    Sha256,
    /// SHA-512.
    Sha512,
}

/// Everything about one signature but the envelope.
pub struct Signing<'s> {
    /// Token that is put in.
    pub token: &'s SigningToken,
    /// Identifiers of the header.
    pub ids: SecurityIds<'s>,
    /// The key.
    pub signer: &'s dyn Signer,
    /// Digest method of every reference; the digests of `parts` must be made with it.
    pub digest: Digest,
    /// What the envelope may be; the suite raises it to sign what a node must refuse.
    pub limits: Limits,
}

/// Signs the elements with these `wsu:Id` or `Id` values, in that order, and the parts, and puts the security header
/// in as the first child of the SOAP header. Where two elements carry an identifier, the first is signed.
///
/// All other bytes of `xml` stay as they are.
///
/// # Errors
/// See [`SignError`].
pub fn sign_document(
    xml: &str,
    ids: &[&str],
    parts: &[PartReference],
    signing: &Signing<'_>,
) -> Result<String, SignError> {
    let document = Document::parse(xml.as_bytes(), &signing.limits)?;
    let header = soap_header(&document)?;
    let digests = ids.iter().map(|id| element_digest(&document, id, signing.digest)).collect::<Result<Vec<_>, _>>()?;
    let elements = ids.iter().zip(&digests).map(|(id, digest)| Entry {
        uri: format!("#{id}"),
        transform: EXC_C14N,
        digest_method: signing.digest.uri(),
        digest,
    });
    let attached = parts.iter().map(|part| Entry {
        uri: format!("cid:{}", part.cid),
        transform: ATTACHMENT_CONTENT,
        digest_method: signing.digest.uri(),
        digest: &part.digest,
    });
    let entries: Vec<Entry<'_>> = elements.chain(attached).collect();
    let security = header::write(signing.token, &signing.ids, &entries, signing.signer)?;
    insert_first(document.text(), &document, header, &security)
}

impl Digest {
    /// Its URI.
    pub fn uri(self) -> &'static str {
        match self {
            Self::Sha1 => SHA1,
            Self::Sha256 => SHA256,
            Self::Sha512 => SHA512,
        }
    }

    /// Hashes bytes.
    pub fn of(self, bytes: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
            Self::Sha512 => &digest::SHA512,
        };
        digest::digest(algorithm, bytes).as_ref().to_vec()
    }
}

fn soap_header<'d>(document: &'d Document<'_>) -> Result<Element<'d>, SignError> {
    let header = document.root().children().find(|e| e.is(SOAP12, "Header"));
    header.ok_or_else(|| XmlError::Missing { name: "Header".to_owned() }.into())
}

fn element_digest(document: &Document<'_>, id: &str, digest: Digest) -> Result<Vec<u8>, SignError> {
    let element = document
        .elements()
        .find(|e| e.attribute(WSU, "Id") == Some(id) || e.attribute("", "Id") == Some(id))
        .ok_or_else(|| SignError::UnknownId { id: id.to_owned() })?;
    Ok(digest.of(&c14n::exclusive(document, element.id(), &[])?))
}

/// Puts `content` behind the start tag of `parent`; an empty-element tag is opened.
fn insert_first(text: &str, document: &Document<'_>, parent: Element<'_>, content: &str) -> Result<String, SignError> {
    let missing = || SignError::from(XmlError::Missing { name: parent.name().1.to_owned() });
    let range = document.source(parent.id()).ok_or_else(missing)?;
    let tag_end = start_tag_end(text.get(range.clone()).ok_or_else(missing)?).ok_or_else(missing)?;
    let (before, after) = text.split_at_checked(range.start + tag_end).ok_or_else(missing)?;
    let mut out = String::with_capacity(text.len() + content.len() + 16);
    match before.strip_suffix("/>") {
        Some(open) => {
            let prefix = parent.prefix();
            let colon = if prefix.is_empty() { "" } else { ":" };
            out.push_str(open);
            out.push('>');
            out.push_str(content);
            out.push_str(&format!("</{prefix}{colon}{}>", parent.name().1));
        }
        None => {
            out.push_str(before);
            out.push_str(content);
        }
    }
    out.push_str(after);
    Ok(out)
}

/// Length of the start tag at the beginning of `text`; a `>` inside an attribute value does not end it.
fn start_tag_end(text: &str) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'>') => return Some(at + 1),
            (Some(open), close) if open == close => quote = None,
            _ => {}
        }
    }
    None
}
