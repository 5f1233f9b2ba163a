//! Reading a signature and holding it against the policy, before anything is resolved or transformed.

use std::collections::HashMap;

use super::{
    DigestAlgorithm, Policy, Reference, SignatureAlgorithm, SignatureError, SignedElement, SignedInfo, Transform,
    Unverified,
};
use crate::namespace::{ATTACHMENT_CONTENT, DS, EXC_C14N, WSU};
use crate::xml::{Document, Element, NodeId, base64_binary};
use crate::{mime, token};

/// Reads the signature of a security header.
pub(super) fn signature<'d>(
    document: &'d Document<'_>,
    security: NodeId,
    policy: &Policy,
) -> Result<Unverified<'d>, SignatureError> {
    let security = document.element(security).ok_or(SignatureError::Unsigned)?;
    let signature = the_signature(document, security)?;
    let [signed_info, value, key_info] = in_order(signature, ["SignedInfo", "SignatureValue", "KeyInfo"])?;
    let value = base64_of(value)?;
    // The engine finds attributes by local name alone: one in a namespace could stand in for the one read here.
    if signed_info.descendants().any(|e| e.attributes().any(|(namespace, _, _)| !namespace.is_empty())) {
        return Err(SignatureError::Shape { element: "SignedInfo" });
    }
    let (signed_info, references) = read_signed_info(signed_info, policy)?;
    let elements = resolve(document, &references)?;
    let token = token::read(key_info, security, policy.certificates)?;
    Ok(Unverified { document, signature: signature.id(), signed_info, value, token, references, elements })
}

/// Reads one `ds:Reference`.
pub(super) fn reference(element: Element<'_>, policy: &Policy) -> Result<Reference, SignatureError> {
    let uri = element.attribute("", "URI").ok_or(SignatureError::ReferenceUri)?;
    let [transforms, method, value] = in_order(element, ["Transforms", "DigestMethod", "DigestValue"])?;
    let transform = read_transform(transforms)?;
    let fits = match &transform {
        Transform::Exclusive { .. } => uri.strip_prefix('#').is_some_and(is_id),
        Transform::AttachmentContent => mime::content_id_of(uri).is_some_and(|cid| !cid.is_empty()),
    };
    if !fits {
        let known = uri.strip_prefix('#').is_some_and(is_id) || mime::content_id_of(uri).is_some();
        return Err(if known { SignatureError::Transform } else { SignatureError::ReferenceUri });
    }
    let (digest_method, digest) = digest(method, value, policy)?;
    Ok(Reference { uri: uri.to_owned(), transform, digest_method, digest })
}

/// `ds:DigestMethod` and `ds:DigestValue`, of a length that fits.
pub(super) fn digest(
    method: Element<'_>,
    value: Element<'_>,
    policy: &Policy,
) -> Result<(DigestAlgorithm, Vec<u8>), SignatureError> {
    let method = childless(method)
        .and_then(DigestAlgorithm::from_uri)
        .filter(|method| policy.digests.contains(method))
        .ok_or(SignatureError::DigestAlgorithm)?;
    let digest = base64_of(value)?;
    if digest.len() != method.length() {
        return Err(SignatureError::Value);
    }
    Ok((method, digest))
}

/// The only signature of the document, which must be a child of `parent` and hold nothing but elements and text.
pub(super) fn the_signature<'d>(
    document: &'d Document<'_>,
    parent: Element<'d>,
) -> Result<Element<'d>, SignatureError> {
    let mut all = document.elements().filter(|e| e.is(DS, "Signature"));
    let first = all.next().ok_or(SignatureError::Unsigned)?;
    if all.next().is_some() {
        return Err(SignatureError::SecondSignature);
    }
    if first.parent().map(Element::id) != Some(parent.id()) {
        return Err(SignatureError::Misplaced);
    }
    if first.has_comment_or_instruction() {
        return Err(SignatureError::Comment);
    }
    Ok(first)
}

fn read_signed_info(signed_info: Element<'_>, policy: &Policy) -> Result<(SignedInfo, Vec<Reference>), SignatureError> {
    // Counted before anything is looked at: each reference costs work.
    let mut children = signed_info.children();
    let (Some(canonicalization), Some(method)) = (children.next(), children.next()) else {
        return Err(SignatureError::Shape { element: "SignedInfo" });
    };
    let references: Vec<Element<'_>> = children.by_ref().take(policy.references + 1).collect();
    if references.len() > policy.references {
        return Err(SignatureError::TooManyReferences { limit: policy.references });
    }
    if !canonicalization.is(DS, "CanonicalizationMethod") {
        return Err(SignatureError::Shape { element: "CanonicalizationMethod" });
    }
    let prefixes = exclusive_prefixes(canonicalization).ok_or(SignatureError::Canonicalization)?;
    if !method.is(DS, "SignatureMethod") {
        return Err(SignatureError::Shape { element: "SignatureMethod" });
    }
    let algorithm = childless(method)
        .and_then(SignatureAlgorithm::from_uri)
        .filter(|a| policy.signatures.contains(a))
        .ok_or(SignatureError::Algorithm)?;
    if references.is_empty() {
        return Err(SignatureError::NoReference);
    }
    let mut read: Vec<Reference> = Vec::with_capacity(references.len());
    for element in references {
        if !element.is(DS, "Reference") {
            return Err(SignatureError::Shape { element: "Reference" });
        }
        let reference = reference(element, policy)?;
        if read.iter().any(|r| r.uri == reference.uri || (r.cid().is_some() && r.cid() == reference.cid())) {
            return Err(SignatureError::RepeatedReference);
        }
        read.push(reference);
    }
    Ok((SignedInfo { node: signed_info.id(), prefixes, algorithm }, read))
}

//= AS4-SIGN-06
/// The one transform that a reference may have.
fn read_transform(transforms: Element<'_>) -> Result<Transform, SignatureError> {
    let mut children = transforms.children();
    let (Some(transform), None) = (children.next(), children.next()) else {
        return Err(SignatureError::Transform);
    };
    if !transform.is(DS, "Transform") {
        return Err(SignatureError::Transform);
    }
    match transform.attribute("", "Algorithm") {
        Some(EXC_C14N) => exclusive_prefixes(transform)
            .map(|prefixes| Transform::Exclusive { prefixes })
            .ok_or(SignatureError::Transform),
        Some(ATTACHMENT_CONTENT) if transform.children().next().is_none() => Ok(Transform::AttachmentContent),
        _ => Err(SignatureError::Transform),
    }
}

/// The prefix list of an element whose algorithm is exclusive canonical form; none when it is another algorithm or
/// has other children.
pub(super) fn exclusive_prefixes(element: Element<'_>) -> Option<Vec<String>> {
    if element.attribute("", "Algorithm") != Some(EXC_C14N) {
        return None;
    }
    let mut children = element.children();
    match (children.next(), children.next()) {
        (None, _) => Some(Vec::new()),
        (Some(list), None) if list.is(EXC_C14N, "InclusiveNamespaces") && list.children().next().is_none() => {
            let prefixes = list.attribute("", "PrefixList").unwrap_or_default();
            Some(prefixes.split_ascii_whitespace().map(str::to_owned).collect())
        }
        _ => None,
    }
}

//= AS4-SIGN-07
/// The element that each `#id` names; no identifier may be used twice anywhere, by whatever attribute the engine
/// takes for one.
fn resolve(document: &Document<'_>, references: &[Reference]) -> Result<Vec<SignedElement>, SignatureError> {
    let mut ids: HashMap<&str, Element<'_>> = HashMap::new();
    for element in document.elements() {
        for (_, local, value) in element.attributes() {
            if matches!(local, "Id" | "ID" | "id" | "AssertionID") && ids.insert(value, element).is_some() {
                return Err(SignatureError::DuplicateId);
            }
        }
    }
    let mut elements = Vec::new();
    for id in references.iter().filter_map(|r| r.uri.strip_prefix('#')) {
        let element = ids.get(id).ok_or(SignatureError::UnknownId)?;
        let proper = element.attribute(WSU, "Id") == Some(id) || element.attribute("", "Id") == Some(id);
        if !proper {
            return Err(SignatureError::UnknownId);
        }
        elements.push(SignedElement { id: id.to_owned(), node: element.id() });
    }
    Ok(elements)
}

/// Exactly these children of the signature namespace, in this order.
pub(super) fn in_order<'d, const N: usize>(
    parent: Element<'d>,
    names: [&'static str; N],
) -> Result<[Element<'d>; N], SignatureError> {
    let mut children = parent.children();
    let mut found = [parent; N];
    for (slot, name) in found.iter_mut().zip(names) {
        *slot = children.next().filter(|c| c.is(DS, name)).ok_or(SignatureError::Shape { element: name })?;
    }
    match (children.next(), names.last()) {
        (Some(_), Some(last)) => Err(SignatureError::Shape { element: last }),
        _ => Ok(found),
    }
}

/// The algorithm of an element that takes no parameters.
pub(super) fn childless(element: Element<'_>) -> Option<&str> {
    if element.children().next().is_some() {
        return None;
    }
    element.attribute("", "Algorithm")
}

pub(super) fn base64_of(element: Element<'_>) -> Result<Vec<u8>, SignatureError> {
    let text = element.simple_text().map_err(|_| SignatureError::Value)?;
    let bytes = base64_binary(&text).ok_or(SignatureError::Value)?;
    if bytes.is_empty() { Err(SignatureError::Value) } else { Ok(bytes) }
}

/// An identifier that needs no escape and no pointer syntax.
fn is_id(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
}
