//! Reads a request: HTTP, MIME, envelope, header, signature. What cannot be read is refused here; the rest is the list's.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carnet_harness::http::Message;
use carnet_harness::judge::ebms::{self, Ebms, User};
use carnet_harness::root::{self, Package, Part};
use carnet_wire::signature::{SignatureError, Unverified};
use carnet_wire::xml::{Document, XmlError};
use carnet_wire::{Limits, namespace, token};
use roxmltree::Node;
use rustls_pki_types::CertificateDer;

use super::Broken;
use super::checks::{is_visitor, property};
use super::decrypt::{self, Encryption};
use crate::agreement::{Agreement, Keys};
use crate::mutation::Mutation;
use crate::rule::{Habit, Rule};

const EB: &str = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/";

/// Header fields of a request at most.
const MOST_FIELDS: usize = 100;
/// Parts of a message at most.
const MOST_PARTS: usize = 64;

/// What reading came to.
pub(crate) enum Reading {
    /// A message.
    Message(Box<Received>),
    /// No message, and what it broke; the MessageId where one is seen.
    Refused(Broken, Option<String>),
    /// An answer by HTTP alone.
    Status(u16),
}

/// A message as it was read.
pub(crate) struct Received {
    /// The envelope as text.
    pub(crate) envelope: String,
    /// Its parts, decrypted.
    pub(crate) package: Package,
    /// Its parts as they were transported, for a mutant that does not tell them apart.
    came: Option<Package>,
    /// The agreement that it names.
    pub(crate) agreement: Agreement,
    /// What is encrypted.
    pub(crate) encryption: Encryption,
    /// Its header fields.
    pub(crate) ebms: Ebms,
    /// What else is seen in the envelope.
    pub(crate) seen: Seen,
    /// Its signature.
    pub(crate) signature: Signed,
    pub(super) nobody: User,
}

/// What the list asks about beside the header fields.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seen {
    pub(crate) unknown_block: bool,
    pub(crate) security_behind: bool,
    pub(crate) pull: bool,
    pub(crate) user_messages: usize,
    pub(crate) service_typed: bool,
    pub(crate) property_typed: bool,
    pub(crate) message_properties: bool,
    pub(crate) body_filled: bool,
}

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
    /// Whether `carnet-wire` found nothing against it.
    pub(crate) const fn verifies(&self) -> bool {
        self.fault.is_none()
    }

    /// The digest that was signed for a part.
    pub(crate) fn reference(&self, cid: &str) -> Option<&[u8]> {
        let found = self.references.iter().find(|(uri, _)| uri.strip_prefix("cid:") == Some(cid));
        found.map(|(_, digest)| digest.as_slice())
    }

    /// The digests of all parts, in order.
    pub(crate) fn content(&self) -> Vec<Vec<u8>> {
        self.references.iter().filter(|(uri, _)| uri.starts_with("cid:")).map(|(_, digest)| digest.clone()).collect()
    }
}

impl Received {
    /// Reads a request.
    pub(crate) fn read(message: &Message, keys: &Keys, mutation: &Mutation) -> Reading {
        let content_type = message.header("content-type").unwrap_or_default();
        let multipart = content_type.to_ascii_lowercase().starts_with("multipart/");
        if (mutation.does(Habit::NoPlainSoap) && !multipart)
            || (mutation.does(Habit::NeedsStart) && multipart && !content_type.contains("start="))
        {
            return Reading::Status(415);
        }
        if message.headers.len() > MOST_FIELDS && mutation.checks(Rule::HttpFields) {
            return Reading::Status(431);
        }
        if message.header("content-encoding").is_some() {
            return Reading::Status(if mutation.checks(Rule::HttpCoding) { 415 } else { 200 });
        }
        let Some(mut package) = root::package(message) else { return Reading::Status(415) };
        let names = root::names(String::from_utf8_lossy(&package.envelope).trim_start_matches('\u{feff}'));
        let refused = |rule, code| Reading::Refused(Broken::Rule(rule, code), names.message_id.clone());
        if package.parts.len() > MOST_PARTS && mutation.checks(Rule::MimeParts) {
            return refused(Rule::MimeParts, "EBMS:0007");
        }
        if package.fault.is_some() && mutation.checks(Rule::MimeReads) {
            return refused(Rule::MimeReads, "EBMS:0007");
        }
        if mutation.does(Habit::MediaTypeCase) && message.body.windows(20).any(|w| w == b"Application/SOAP+XML") {
            return Reading::Status(415);
        }
        let marked = package.envelope.starts_with(b"\xef\xbb\xbf");
        if marked && mutation.does(Habit::NoByteOrderMark) {
            return refused(Rule::EnvelopeXml, "EBMS:0009");
        }
        let Ok(text) = String::from_utf8(package.envelope.clone()) else {
            return refused(Rule::EnvelopeXml, "EBMS:0009");
        };
        let mut text = text.trim_start_matches('\u{feff}').to_owned();
        if !mutation.checks(Rule::EnvelopeDoctype)
            && let (Some(start), Some(end)) = (text.find("<!DOCTYPE"), text.find("]>"))
        {
            text.replace_range(start..end + 2, "");
        }
        if !mutation.checks(Rule::EncryptionPlace) {
            text = decrypt::with_messaging(&text, keys).unwrap_or(text);
        }
        let document = match Document::parse(text.as_bytes(), &Limits::default()) {
            Ok(document) => document,
            Err(XmlError::Doctype) => return refused(Rule::EnvelopeDoctype, "EBMS:0009"),
            Err(_) if mutation.checks(Rule::EnvelopeXml) => return refused(Rule::EnvelopeXml, "EBMS:0009"),
            Err(_) => return Reading::Status(200),
        };
        let Ok(tree) = roxmltree::Document::parse(&text) else { return refused(Rule::EnvelopeXml, "EBMS:0009") };
        let mut read = ebms::read(text.as_bytes());
        let mut chosen = header(&tree).and_then(|header| child(header, EB, "Messaging"));
        if !mutation.checks(Rule::EnvelopeMessaging) {
            chosen = loose(&tree);
            let Some(messaging) = chosen else { return Reading::Status(200) };
            let of = |node: Node<'_, '_>| text.get(node.range()).unwrap_or_default().to_owned();
            read = ebms::read(alone(&of(messaging)).as_bytes());
        }
        let mut ebms = match read {
            Ok(ebms) => ebms,
            Err(ebms::EbmsError::Messaging(_)) => return refused(Rule::EnvelopeMessaging, "EBMS:0009"),
            Err(_) if mutation.checks(Rule::EnvelopeSoap) => return refused(Rule::EnvelopeSoap, "EBMS:0009"),
            Err(_) => return Reading::Status(200),
        };
        let Some(messaging) = chosen else { return refused(Rule::EnvelopeMessaging, "EBMS:0009") };
        if !mutation.checks(Rule::HeaderText) {
            let id = messaging.descendants().find(|node| node.has_tag_name((EB, "MessageId")));
            ebms.message_id = id.and_then(|id| id.text()).unwrap_or_default().to_owned();
        }
        let agreement = Agreement::named(root::names(&text).agreement.as_deref());
        let signature = signature(&document, &tree, messaging, agreement, &keys.known);
        let seen = seen(&tree, messaging);
        let came = (!mutation.checks(Rule::EncryptionOrder)).then(|| package.clone());
        let encryption = decrypt::decrypt(&tree, &mut package, agreement, keys, mutation);
        Reading::Message(Box::new(Self {
            envelope: text.clone(),
            ebms,
            seen,
            signature,
            came,
            agreement,
            encryption,
            nobody: User::default(),
            package,
        }))
    }

    /// Whether the verification of the signature broke that rule.
    pub(super) fn faulty(&self, rule: Rule) -> bool {
        self.signature.fault == Some(rule)
    }

    /// Whether it is of a party that nobody registered, under what such a party may send.
    pub(crate) fn is_of_a_visitor(&self) -> bool {
        is_visitor(self)
    }

    /// The common name of the signer.
    pub(crate) fn signer_name(&self) -> String {
        self.signature.chain.first().and_then(carnet_certs::common_name).unwrap_or_default()
    }

    /// The part that a reference names.
    pub(crate) fn part(&self, href: &str) -> Option<&Part> {
        let cid = href.strip_prefix("cid:")?;
        self.package.parts.iter().find(|part| part.cid.as_deref() == Some(cid))
    }

    /// A part as it was transported, where that is kept.
    pub(super) fn as_it_came(&self, cid: &str) -> Option<&Part> {
        self.came.as_ref()?.parts.iter().find(|part| part.cid.as_deref() == Some(cid))
    }

    /// Content-ID and part of each payload that the header lists and the message has.
    pub(super) fn listed(&self) -> impl Iterator<Item = (String, &Part)> {
        self.user().parts.iter().filter_map(|(href, _)| Some((href.strip_prefix("cid:")?.to_owned(), self.part(href)?)))
    }

    /// The parts that say they are compressed.
    pub(super) fn compressed(&self) -> impl Iterator<Item = &Part> {
        let says = |part: &&(String, Vec<(String, String)>)| property(part, "CompressionType").is_some();
        self.user().parts.iter().filter(says).filter_map(|(href, _)| self.part(href))
    }
}

/// The signature of a signal, such as a receipt; none when the envelope does not read.
pub(crate) fn signature_of(text: &str, agreement: Agreement, keys: &Keys) -> Option<Signed> {
    let document = Document::parse(text.as_bytes(), &Limits::default()).ok()?;
    let tree = roxmltree::Document::parse(text).ok()?;
    let messaging = header(&tree).and_then(|header| child(header, EB, "Messaging"))?;
    Some(signature(&document, &tree, messaging, agreement, &keys.known))
}

pub(super) fn child<'a, 'i>(node: Node<'a, 'i>, space: &str, local: &str) -> Option<Node<'a, 'i>> {
    node.children().find(|one| one.tag_name().namespace() == Some(space) && one.tag_name().name() == local)
}

fn header<'a, 'i>(tree: &'a roxmltree::Document<'i>) -> Option<Node<'a, 'i>> {
    child(tree.root_element(), namespace::SOAP12, "Header")
}

/// The Messaging that is signed, wherever it stands; else the first.
fn loose<'a, 'i>(tree: &'a roxmltree::Document<'i>) -> Option<Node<'a, 'i>> {
    let all = || tree.descendants().filter(|node| node.has_tag_name((EB, "Messaging")));
    let references = references(tree);
    let signed = all().find(|node| {
        node.attribute((namespace::WSU, "Id"))
            .is_some_and(|id| references.iter().any(|(uri, _)| uri.strip_prefix('#') == Some(id)))
    });
    signed.or_else(|| all().next())
}

/// An envelope of that Messaging alone, to read its fields from.
fn alone(messaging: &str) -> String {
    format!(
        "<env:Envelope xmlns:env=\"{}\"><env:Header>{messaging}</env:Header><env:Body></env:Body></env:Envelope>",
        namespace::SOAP12
    )
}

fn seen(tree: &roxmltree::Document<'_>, messaging: Node<'_, '_>) -> Seen {
    let must =
        |node: &Node<'_, '_>| matches!(node.attribute((namespace::SOAP12, "mustUnderstand")), Some("true" | "1"));
    let known =
        |node: &Node<'_, '_>| node.has_tag_name((EB, "Messaging")) || node.has_tag_name((namespace::WSSE, "Security"));
    let inside = |local: &str| messaging.descendants().filter(|node| node.has_tag_name((EB, local))).count();
    let typed = |local: &str, parent: &str| {
        messaging.descendants().any(|node| {
            node.has_tag_name((EB, local))
                && node.attribute("type").is_some()
                && node.parent().is_some_and(|over| over.has_tag_name((EB, parent)))
        })
    };
    Seen {
        unknown_block: header(tree)
            .is_some_and(|header| header.children().filter(Node::is_element).any(|node| must(&node) && !known(&node))),
        security_behind: header(tree)
            .and_then(|header| header.first_element_child())
            .is_some_and(|first| !first.has_tag_name((namespace::WSSE, "Security"))),
        pull: inside("PullRequest") > 0,
        user_messages: inside("UserMessage"),
        service_typed: typed("Service", "CollaborationInfo"),
        property_typed: typed("Property", "PartProperties"),
        message_properties: inside("MessageProperties") > 0,
        body_filled: child(tree.root_element(), namespace::SOAP12, "Body")
            .is_some_and(|body| body.children().any(|node| node.is_element())),
    }
}

fn references(tree: &roxmltree::Document<'_>) -> Vec<(String, Vec<u8>)> {
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

/// Reads what a signature covers and claims, and has `carnet-wire` verify it.
fn signature(
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
