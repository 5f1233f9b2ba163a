//! Reads the signature of an envelope: what it covers, who claims to have signed, and whether `carnet-wire` verifies it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carnet_wire::signature::{SignatureError, Unverified};
use carnet_wire::xml::Document;
use carnet_wire::{namespace, token};
use roxmltree::Node;
use rustls_pki_types::CertificateDer;

use super::read::{EB, child, header};
use crate::agreement::{Agreement, Keys};
use crate::memory::Content;
use crate::rule::Rule;

/// A signature as it was read.
#[derive(Debug, Default)]
pub(crate) struct Signed {
    pub(crate) present: bool,
    /// The rule that its verification broke.
    fault: Option<Rule>,
    pub(crate) messaging: bool,
    pub(crate) body: bool,
    /// URI and digest of each reference.
    references: Vec<(String, Vec<u8>)>,
    /// Leaf first.
    pub(crate) chain: Vec<CertificateDer<'static>>,
    /// The token is the leaf alone, so its receiver must know the issuer.
    pub(crate) leaf_alone: bool,
    /// The token names the certificate without carrying it.
    pub(crate) named: bool,
}

impl Signed {
    /// Whether the verification broke that rule.
    pub(super) fn broke(&self, rule: Rule) -> bool {
        self.fault == Some(rule)
    }

    /// Whether `carnet-wire` found nothing against it.
    pub(crate) const fn verifies(&self) -> bool {
        self.fault.is_none()
    }

    /// The digest that was signed for a part.
    pub(crate) fn reference(&self, cid: &str) -> Option<&[u8]> {
        let found = self.references.iter().find(|(uri, _)| uri.strip_prefix("cid:") == Some(cid));
        found.map(|(_, digest)| digest.as_slice())
    }

    /// The digests of all that was signed, in order.
    pub(crate) fn content(&self) -> Content {
        let (parts, header): (Vec<_>, Vec<_>) =
            self.references.iter().cloned().partition(|(uri, _)| uri.starts_with("cid:"));
        let digests = |of: Vec<(String, Vec<u8>)>| of.into_iter().map(|(_, digest)| digest).collect();
        Content { header: digests(header), parts: digests(parts) }
    }
}

/// The signature of a signal, such as a receipt; none where the envelope carries no Messaging. `document` is what `text` was
/// read as.
pub(crate) fn signature_of(text: &str, document: &Document<'_>, agreement: Agreement, keys: &Keys) -> Option<Signed> {
    let tree = roxmltree::Document::parse(text).ok()?;
    let messaging = header(&tree).and_then(|header| child(header, EB, "Messaging"))?;
    Some(signature(document, &tree, messaging, agreement, &keys.known))
}

/// Reads what a signature covers and claims, and has `carnet-wire` verify it.
pub(super) fn signature(
    document: &Document<'_>,
    tree: &roxmltree::Document<'_>,
    messaging: Node<'_, '_>,
    agreement: Agreement,
    known: &[CertificateDer<'static>],
) -> Signed {
    let mut signed = Signed {
        present: tree.descendants().any(|node| node.has_tag_name((namespace::DS, "Signature"))),
        references: references(tree),
        ..Signed::default()
    };
    if !signed.present {
        return signed;
    }
    let covers = |node: Option<Node<'_, '_>>| {
        let id = node.and_then(|node| node.attribute((namespace::WSU, "Id")));
        id.is_some_and(|id| signed.references.iter().any(|(uri, _)| uri.strip_prefix('#') == Some(id)))
    };
    (signed.messaging, signed.body) =
        (covers(Some(messaging)), covers(child(tree.root_element(), namespace::SOAP12, "Body")));
    (signed.chain, signed.leaf_alone) = chain(tree);
    signed.fault = verify(document, agreement, known, &mut signed.chain).err();
    signed.named = signed.chain.first().is_some_and(|leaf| known.contains(leaf)) && !carries(tree);
    signed.leaf_alone |= signed.named;
    signed
}

fn carries(tree: &roxmltree::Document<'_>) -> bool {
    tree.descendants().any(|node| node.has_tag_name((namespace::WSSE, "BinarySecurityToken")))
}

fn chain(tree: &roxmltree::Document<'_>) -> (Vec<CertificateDer<'static>>, bool) {
    let token = tree.descendants().find(|node| node.has_tag_name((namespace::WSSE, "BinarySecurityToken")));
    let Some(found) = token else { return (Vec::new(), false) };
    let dense: String = found.text().unwrap_or_default().split_whitespace().collect();
    let Ok(bytes) = STANDARD.decode(dense) else { return (Vec::new(), false) };
    match found.attribute("ValueType") {
        Some(namespace::X509_V3) => (vec![CertificateDer::from(bytes)], true),
        Some(namespace::X509_PKIPATH_V1) => (token::read_pkipath(&bytes, 10).unwrap_or_default(), false),
        _ => (Vec::new(), false),
    }
}

/// Verifies the signature; the certificate that a token only names is put into the chain.
fn verify(
    document: &Document<'_>,
    agreement: Agreement,
    known: &[CertificateDer<'static>],
    chain: &mut Vec<CertificateDer<'static>>,
) -> Result<(), Rule> {
    let path = [(namespace::SOAP12, "Envelope"), (namespace::SOAP12, "Header")];
    let header = document.by_path(&path).map_err(|_| Rule::SignaturePlace)?;
    let mut blocks = header.children().filter(|element| element.is(namespace::WSSE, "Security"));
    let (Some(security), None) = (blocks.next(), blocks.next()) else { return Err(Rule::SignaturePlace) };
    let rule = |error: SignatureError| match error {
        SignatureError::Unsigned | SignatureError::SecondSignature | SignatureError::Misplaced => Rule::SignaturePlace,
        SignatureError::Algorithm => Rule::SignatureAlgorithm,
        SignatureError::DigestAlgorithm => Rule::SignatureDigestMethod,
        SignatureError::DuplicateId | SignatureError::UnknownId => Rule::SignatureIds,
        SignatureError::Token(_) => Rule::SignatureToken,
        SignatureError::Mismatch | SignatureError::Key | SignatureError::OtherCertificate => Rule::SignatureValue,
        SignatureError::Digest => Rule::SignatureDigest,
        _ => Rule::SignatureForm,
    };
    let unverified = Unverified::read(document, security.id(), &agreement.signatures()).map_err(rule)?;
    if chain.is_empty() && unverified.token().chain().is_empty() {
        chain.extend(known.iter().find(|certificate| unverified.token().names(certificate)).cloned());
    }
    let leaf = chain.first().ok_or(Rule::SignatureToken)?;
    unverified.verify(leaf).map(|_| ()).map_err(rule)
}

/// URI and digest of each reference of the first SignedInfo.
pub(super) fn references(tree: &roxmltree::Document<'_>) -> Vec<(String, Vec<u8>)> {
    let Some(info) = tree.descendants().find(|node| node.has_tag_name((namespace::DS, "SignedInfo"))) else {
        return Vec::new();
    };
    let read = |node: Node<'_, '_>| {
        let value = child(node, namespace::DS, "DigestValue")?.text().unwrap_or_default();
        let dense: String = value.split_whitespace().collect();
        Some((node.attribute("URI")?.to_owned(), STANDARD.decode(dense).ok()?))
    };
    info.children().filter(|node| node.has_tag_name((namespace::DS, "Reference"))).filter_map(read).collect()
}
