//! Verifying a signature that stands inside the document it signs, as a publisher of service metadata makes it.
//!
//! One signature, the root's own child, over the whole document without it: nothing of the document stands outside what
//! is proven, so there is no position to get wrong. Whom to trust is the caller's question. Implements XML signature 1.1
//! (6.6.4, enveloped signature) as OASIS BDXR SMP 1.0 (3.6.2) uses it.

use rustls_pki_types::CertificateDer;

use super::key::verify_value;
use super::read::{base64_of, childless, digest, exclusive_prefixes, in_order, the_signature};
use super::{DigestAlgorithm, Policy, SignatureAlgorithm, SignatureError};
use crate::c14n::{self, Form};
use crate::namespace::{C14N, DS, ENVELOPED, XML};
use crate::token::certificate;
use crate::xml::{Document, Element, NodeId, base64_binary};

/// Verifies the document's enveloped signature; the certificates it carries, that of the signing key first.
///
/// # Errors
/// See [`SignatureError`].
pub fn enveloped(document: &Document<'_>, policy: &Policy) -> Result<Vec<CertificateDer<'static>>, SignatureError> {
    let root = document.root();
    let signature = own_child(document, root)?;
    let [signed_info, value, key_info] = in_order(signature, ["SignedInfo", "SignatureValue", "KeyInfo"])?;
    let value = base64_of(value)?;
    let read = SignedInfo::read(signed_info, policy)?;
    let octets = canonical(document, signed_info.id(), &read.form, None)?;
    let chain = signer(key_info, policy, |leaf| verify_value(read.algorithm, &value, &octets, leaf))?;
    let content = canonical(document, root.id(), &read.content, Some(signature.id()))?;
    if read.digest_method.digest(&content) != read.digest {
        return Err(SignatureError::Digest);
    }
    Ok(chain)
}

/// What is signed directly, once it is held against the policy.
struct SignedInfo {
    form: Form,
    algorithm: SignatureAlgorithm,
    /// The form of what is signed.
    content: Form,
    digest_method: DigestAlgorithm,
    digest: Vec<u8>,
}

impl SignedInfo {
    fn read(element: Element<'_>, policy: &Policy) -> Result<Self, SignatureError> {
        let [canonicalization, method, reference] =
            in_order(element, ["CanonicalizationMethod", "SignatureMethod", "Reference"])?;
        let algorithm = childless(method)
            .and_then(SignatureAlgorithm::from_uri)
            .filter(|algorithm| policy.signatures.contains(algorithm))
            .ok_or(SignatureError::Algorithm)?;
        if reference.attribute("", "URI") != Some("") {
            return Err(SignatureError::ReferenceUri);
        }
        let [transforms, digest_method, value] = in_order(reference, ["Transforms", "DigestMethod", "DigestValue"])?;
        let (digest_method, digest) = digest(digest_method, value, policy)?;
        Ok(Self {
            form: form(canonicalization).ok_or(SignatureError::Canonicalization)?,
            algorithm,
            content: content(transforms)?,
            digest_method,
            digest,
        })
    }
}

/// The document's one signature, which must be a child of the root.
fn own_child<'d>(document: &'d Document<'_>, root: Element<'d>) -> Result<Element<'d>, SignatureError> {
    let signature = the_signature(document, root)?;
    // What the inclusive form would hand down to SignedInfo is not handed down here.
    if [root, signature].iter().any(|element| element.attributes().any(|(namespace, ..)| namespace == XML)) {
        return Err(SignatureError::Shape { element: "Signature" });
    }
    Ok(signature)
}

/// The signature leaves itself out; a canonical form may follow, else it is the inclusive one.
fn content(transforms: Element<'_>) -> Result<Form, SignatureError> {
    let mut children = transforms.children();
    let (first, second) = (children.next(), children.next());
    let is_transform = |element: &Element<'_>| element.is(DS, "Transform");
    let leaves_out = first.filter(is_transform).and_then(childless) == Some(ENVELOPED);
    match (leaves_out, second, children.next()) {
        (true, None, None) => Ok(Form::Inclusive),
        (true, Some(last), None) if is_transform(&last) => form(last).ok_or(SignatureError::Transform),
        _ => Err(SignatureError::Transform),
    }
}

fn form(element: Element<'_>) -> Option<Form> {
    match childless(element) {
        Some(C14N) => Some(Form::Inclusive),
        _ => exclusive_prefixes(element).map(|prefixes| Form::Exclusive { prefixes }),
    }
}

/// The certificates of `ds:X509Data`, which may stand in any order: that of the key comes first.
fn signer(
    key_info: Element<'_>,
    policy: &Policy,
    holds: impl Fn(&CertificateDer<'_>) -> Result<(), SignatureError>,
) -> Result<Vec<CertificateDer<'static>>, SignatureError> {
    let data = key_info.only_child(DS, "X509Data").ok().flatten().ok_or(SignatureError::NoCertificate)?;
    let mut chain = Vec::new();
    for element in data.children().filter(|child| child.is(DS, "X509Certificate")) {
        if chain.len() == policy.certificates {
            return Err(crate::token::TokenError::TooMany { limit: policy.certificates }.into());
        }
        let text = element.simple_text().map_err(|_| SignatureError::Value)?;
        chain.push(certificate(&base64_binary(&text).ok_or(SignatureError::Value)?)?);
    }
    let mut last = SignatureError::NoCertificate;
    for place in 0..chain.len() {
        match chain.get(place).map(&holds) {
            Some(Ok(())) => {
                chain.swap(0, place);
                return Ok(chain);
            }
            Some(Err(error)) => last = error,
            None => {}
        }
    }
    Err(last)
}

fn canonical(
    document: &Document<'_>,
    element: NodeId,
    form: &Form,
    left_out: Option<NodeId>,
) -> Result<Vec<u8>, SignatureError> {
    c14n::enveloped(document, element, form, left_out).map_err(|_| SignatureError::Disagreement)
}
