//! Reading what a security header says of encryption and holding it against the policy, before any key is used.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{ContentAlgorithm, Encrypted, EncryptedKey, EncryptedPart, EncryptionError, KeyMethod, Policy, agreement};
use crate::namespace::{
    ATTACHMENT_CIPHERTEXT, ATTACHMENT_CONTENT_ONLY, DS, KW_AES128, MGF1_SHA256, RSA_OAEP, SHA256, WSSE, WSSE11, XENC,
    XENC11,
};
use crate::xml::{Document, Element, NodeId};
use crate::{mime, token};

/// Reads all of it; none when nothing is encrypted.
//= EDEL-ENCRYPT-01
pub(super) fn encrypted(
    document: &Document<'_>,
    security: NodeId,
    policy: &Policy,
) -> Result<Option<Encrypted>, EncryptionError> {
    let security = document.element(security).ok_or(shape("Security"))?;
    in_place(document, security)?;
    let of = |local: &'static str| security.children().filter(move |e| e.is(XENC, local));
    let data: Vec<Element<'_>> = of("EncryptedData").take(policy.parts + 1).collect();
    if data.len() > policy.parts {
        return Err(EncryptionError::TooMany { limit: policy.parts });
    }
    let mut keys = of("EncryptedKey");
    let key = match (keys.next(), keys.next()) {
        (None, None) if data.is_empty() => return Ok(None),
        (Some(key), None) if !data.is_empty() => key,
        _ => return Err(EncryptionError::Keys),
    };
    if data.iter().chain([&key]).any(|e| e.has_comment_or_instruction()) {
        return Err(EncryptionError::Comment);
    }
    let id = key.attribute("", "Id").filter(|id| !id.is_empty());
    let mut parts: Vec<EncryptedPart> = Vec::with_capacity(data.len());
    let mut ids = HashSet::new();
    let mut algorithm = None;
    for element in data {
        let (part, found) = read_data(element, id, policy)?;
        if parts.iter().any(|p| p.cid == part.cid) {
            return Err(EncryptionError::CipherReference);
        }
        // One key, so one algorithm.
        if algorithm.replace(found).is_some_and(|before| before != found) {
            return Err(EncryptionError::ContentAlgorithm);
        }
        parts.push(part);
        let id = element.attribute("", "Id").filter(|id| !id.is_empty());
        if !id.is_some_and(|id| ids.insert(id)) {
            return Err(EncryptionError::ReferenceList);
        }
    }
    let (key, listed) = read_key(key, security, policy)?;
    let lists = of("ReferenceList").chain(listed);
    check_lists(lists, &ids)?;
    let algorithm = algorithm.ok_or(EncryptionError::Keys)?;
    Ok(Some(Encrypted { key, algorithm, parts }))
}

/// Exactly these children, in this order.
pub(super) fn children<'d, const N: usize>(
    parent: Element<'d>,
    names: [(&'static str, &'static str); N],
) -> Result<[Element<'d>; N], EncryptionError> {
    let mut children = parent.children();
    let mut found = [parent; N];
    for (slot, (namespace, local)) in found.iter_mut().zip(names) {
        *slot = children.next().filter(|c| c.is(namespace, local)).ok_or(shape(local))?;
    }
    match (children.next(), names.last()) {
        (Some(_), Some((_, last))) => Err(shape(last)),
        _ => Ok(found),
    }
}

/// The only child.
pub(super) fn sole<'d>(parent: Element<'d>, local: &'static str) -> Result<Element<'d>, EncryptionError> {
    let mut children = parent.children();
    match (children.next(), children.next()) {
        (Some(child), None) => Ok(child),
        _ => Err(shape(local)),
    }
}

/// The algorithm of an element that takes no parameters.
pub(super) fn algorithm(element: Element<'_>) -> Option<&str> {
    if element.children().next().is_some() { None } else { element.attribute("", "Algorithm") }
}

/// The bytes of a base64 text, at least one.
pub(super) fn base64_of(element: Element<'_>) -> Result<Vec<u8>, EncryptionError> {
    let text = element.simple_text().map_err(|_| EncryptionError::Value)?;
    let dense: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    let bytes = STANDARD.decode(dense).map_err(|_| EncryptionError::Value)?;
    if bytes.is_empty() { Err(EncryptionError::Value) } else { Ok(bytes) }
}

pub(super) const fn shape(element: &'static str) -> EncryptionError {
    EncryptionError::Shape { element }
}

/// Whatever is encrypted stands directly in the security header: Messaging, Body and headers are never encrypted.
//= EDEL-ENCRYPT-03
fn in_place(document: &Document<'_>, security: Element<'_>) -> Result<(), EncryptionError> {
    for element in document.elements() {
        let name = match element.name() {
            (XENC, "EncryptedData") => "EncryptedData",
            (XENC, "EncryptedKey") => "EncryptedKey",
            (WSSE11, "EncryptedHeader") => "EncryptedHeader",
            _ => continue,
        };
        let parent = element.parent().map(Element::id);
        if name == "EncryptedHeader" || parent != Some(security.id()) {
            return Err(EncryptionError::Misplaced { element: name });
        }
    }
    Ok(())
}

fn read_data(
    data: Element<'_>,
    key: Option<&str>,
    policy: &Policy,
) -> Result<(EncryptedPart, ContentAlgorithm), EncryptionError> {
    //= EDEL-ENCRYPT-04
    if data.attribute("", "Type") != Some(ATTACHMENT_CONTENT_ONLY) {
        return Err(EncryptionError::Type);
    }
    let [method, key_info, cipher] =
        children(data, [(XENC, "EncryptionMethod"), (DS, "KeyInfo"), (XENC, "CipherData")])?;
    let algorithm = algorithm(method)
        .and_then(ContentAlgorithm::from_uri)
        .filter(|a| policy.contents.contains(a))
        .ok_or(EncryptionError::ContentAlgorithm)?;
    let reference = sole(key_info, "KeyInfo").ok().filter(|e| e.is(WSSE, "SecurityTokenReference"));
    let reference = reference.and_then(|e| sole(e, "SecurityTokenReference").ok()).filter(|e| e.is(WSSE, "Reference"));
    let named = reference.and_then(|e| e.attribute("", "URI")).and_then(|uri| uri.strip_prefix('#'));
    if named.is_none() || named != key {
        return Err(EncryptionError::Keys);
    }
    let [reference] = children(cipher, [(XENC, "CipherReference")])?;
    let [transforms] = children(reference, [(XENC, "Transforms")])?;
    let [transform] = children(transforms, [(DS, "Transform")])?;
    if self::algorithm(transform) != Some(ATTACHMENT_CIPHERTEXT) {
        return Err(EncryptionError::Transform);
    }
    let cid = reference.attribute("", "URI").and_then(mime::content_id_of).filter(|cid| !cid.is_empty());
    let media = data.attribute("", "MimeType").map(str::to_owned);
    Ok((EncryptedPart { cid: cid.ok_or(EncryptionError::CipherReference)?, media }, algorithm))
}

fn read_key<'d>(
    key: Element<'d>,
    security: Element<'d>,
    policy: &Policy,
) -> Result<(EncryptedKey, Option<Element<'d>>), EncryptionError> {
    let [method, key_info, cipher] = [(XENC, "EncryptionMethod"), (DS, "KeyInfo"), (XENC, "CipherData")];
    let (inner, list) = if key.children().nth(3).is_some() {
        let [method, key_info, cipher, list] = children(key, [method, key_info, cipher, (XENC, "ReferenceList")])?;
        ([method, key_info, cipher], Some(list))
    } else {
        (children(key, [method, key_info, cipher])?, None)
    };
    let [method, key_info, cipher] = inner;
    let [value] = children(cipher, [(XENC, "CipherValue")])?;
    let (agreement, recipient) = match method.attribute("", "Algorithm") {
        Some(RSA_OAEP) => {
            check_oaep(method)?;
            (None, key_info)
        }
        Some(KW_AES128) if method.children().next().is_none() => {
            let [agreement] = children(key_info, [(XENC, "AgreementMethod")])?;
            let (agreement, recipient) = agreement::read(agreement)?;
            (Some(agreement), recipient)
        }
        _ => return Err(EncryptionError::KeyMethod),
    };
    let found = agreement.as_ref().map_or(KeyMethod::RsaOaep, agreement::Agreement::method);
    if !policy.keys.contains(&found) {
        return Err(EncryptionError::KeyMethod);
    }
    let recipient = token::read_recipient(recipient, security, policy.certificates)?;
    Ok((EncryptedKey { recipient, wrapped: base64_of(value)?, agreement }, list))
}

/// SHA-256 twice, in either order, and no label.
fn check_oaep(method: Element<'_>) -> Result<(), EncryptionError> {
    let (digest, mgf) = ((DS, "DigestMethod"), (XENC11, "MGF"));
    let [digest, mgf] = children(method, [digest, mgf])
        .or_else(|_| children(method, [mgf, digest]).map(|[mgf, digest]| [digest, mgf]))
        .map_err(|_| EncryptionError::KeyMethod)?;
    if algorithm(digest) == Some(SHA256) && algorithm(mgf) == Some(MGF1_SHA256) {
        Ok(())
    } else {
        Err(EncryptionError::KeyMethod)
    }
}

/// Every piece of encrypted data is listed once, and nothing else.
fn check_lists<'d>(lists: impl Iterator<Item = Element<'d>>, ids: &HashSet<&str>) -> Result<(), EncryptionError> {
    let mut listed = HashSet::new();
    for reference in lists.flat_map(Element::children) {
        let id = reference.attribute("", "URI").and_then(|uri| uri.strip_prefix('#'));
        let known = reference.is(XENC, "DataReference") && id.is_some_and(|id| ids.contains(id) && listed.insert(id));
        if !known {
            return Err(EncryptionError::ReferenceList);
        }
    }
    if listed.len() == ids.len() { Ok(()) } else { Err(EncryptionError::ReferenceList) }
}
