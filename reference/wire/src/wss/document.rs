//! The general path: signs any envelope that is given as text.

use aws_lc_rs::digest;
use quick_xml::NsReader;
use quick_xml::events::Event;
use quick_xml::name::{QName, ResolveResult};

use super::header::{self, Entry};
use super::{SecurityIds, SignError, Signer, SigningToken};
use crate::namespace::{ATTACHMENT_CONTENT, EXC_C14N, SHA1, SHA256, SHA512, SOAP12, WSU};
use crate::signature::PartReference;
use crate::xml::{Document, Step, XmlError};
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
    let header = start_tag(xml, 1, (SOAP12, "Header"))?;
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
    Ok(insert_at(xml, &header, &security))
}

/// Puts `content` in as the first child of the first element of that name at that depth, the root being 0.
pub(crate) fn insert_first(xml: &str, depth: usize, name: Step<'_>, content: &str) -> Result<String, SignError> {
    Ok(insert_at(xml, &start_tag(xml, depth, name)?, content))
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

/// Where a start tag ends, and the name to end the element with when it is an empty-element tag.
struct StartTag {
    end: usize,
    empty: Option<String>,
}

fn start_tag(xml: &str, at: usize, (wanted, local): Step<'_>) -> Result<StartTag, SignError> {
    let missing = || SignError::from(XmlError::Missing { name: local.to_owned() });
    let mut reader = NsReader::from_str(xml);
    let mut depth = 0usize;
    loop {
        let (namespace, event) = reader.read_resolved_event().map_err(|_| missing())?;
        let is_it = |name: QName<'_>| {
            depth == at
                && name.local_name().as_ref() == local
                && matches!(namespace, ResolveResult::Bound(ns) if ns.as_ref() == wanted)
        };
        let empty = match &event {
            Event::Start(tag) if is_it(tag.name()) => None,
            Event::Empty(tag) if is_it(tag.name()) => Some(tag.name().as_ref().to_owned()),
            Event::Eof => return Err(missing()),
            Event::Start(_) => {
                depth += 1;
                continue;
            }
            Event::End(_) => {
                depth = depth.saturating_sub(1);
                continue;
            }
            _ => continue,
        };
        let end = usize::try_from(reader.buffer_position()).map_err(|_| missing())?;
        return Ok(StartTag { end, empty });
    }
}

fn element_digest(document: &Document<'_>, id: &str, digest: Digest) -> Result<Vec<u8>, SignError> {
    let element = document
        .elements()
        .find(|e| e.attribute(WSU, "Id") == Some(id) || e.attribute("", "Id") == Some(id))
        .ok_or_else(|| SignError::UnknownId { id: id.to_owned() })?;
    Ok(digest.of(&c14n::exclusive(document, element.id(), &[])?))
}

/// Puts `content` behind the start tag; an empty-element tag is opened.
fn insert_at(xml: &str, tag: &StartTag, content: &str) -> String {
    let (before, after) = xml.split_at_checked(tag.end).unwrap_or((xml, ""));
    match (&tag.empty, before.strip_suffix("/>")) {
        (Some(name), Some(open)) => format!("{open}>{content}</{name}>{after}"),
        _ => format!("{before}{content}{after}"),
    }
}
