//! Reads a request: HTTP, MIME, envelope, header. What cannot be read is refused here; its signature is
//! `signature`'s, the rest the list's.

use carnet_harness::http::Message;
use carnet_harness::judge::ebms::{self, Ebms, User};
use carnet_harness::root::{self, Package, Part, Signals};
use carnet_wire::xml::{Document, XmlError};
use carnet_wire::{Limits, namespace};
use roxmltree::Node;

use super::Broken;
use super::checks::{is_visitor, property};
use super::decrypt::{self, Encryption};
use super::signature::{Signed, references, signature};
use crate::agreement::{Agreement, Keys};
use crate::mutation::Mutation;
use crate::rule::{Habit, Rule};

pub(super) const EB: &str = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/";

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
    /// What it carries, by the elements that stand anywhere in it.
    pub(crate) signals: Signals,
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
        let envelope = package.envelope.clone();
        let limits = Limits::default();
        let refused = |rule, code| {
            // What is too large is not read, not even for its name.
            let text = String::from_utf8_lossy(&envelope);
            let readable = text.len() <= limits.envelope;
            let names = readable.then(|| root::names(text.trim_start_matches('\u{feff}')));
            Reading::Refused(Broken::Rule(rule, code), names.and_then(|names| names.message_id))
        };
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
        let Ok(text) = std::str::from_utf8(&envelope) else {
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
        let document = match Document::parse(text.as_bytes(), &limits) {
            Ok(document) => document,
            Err(XmlError::Doctype) => return refused(Rule::EnvelopeDoctype, "EBMS:0009"),
            Err(_) if mutation.checks(Rule::EnvelopeXml) => return refused(Rule::EnvelopeXml, "EBMS:0009"),
            Err(_) => return Reading::Status(200),
        };
        let Ok(tree) = roxmltree::Document::parse(&text) else { return refused(Rule::EnvelopeXml, "EBMS:0009") };
        let mut read = ebms::fields(&document);
        let mut chosen = header(&tree).and_then(|header| child(header, EB, "Messaging"));
        let otherwise = match mutation.checks(Rule::EnvelopeMessaging) {
            true => by_place(&tree, mutation),
            false => match loose(&tree) {
                None => return Reading::Status(200),
                found => found,
            },
        };
        if let Some(messaging) = otherwise {
            chosen = Some(messaging);
            read = ebms::read(alone(text.get(messaging.range()).unwrap_or_default()).as_bytes());
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
        let (names, signals) = root::seen_in(&tree);
        let agreement = Agreement::named(names.agreement.as_deref());
        let signature = signature(&document, &tree, messaging, agreement, &keys.known);
        let seen = seen(&tree, messaging);
        let came = (!mutation.checks(Rule::EncryptionOrder)).then(|| package.clone());
        let encryption = decrypt::decrypt(&tree, &mut package, agreement, keys, mutation);
        Reading::Message(Box::new(Self {
            envelope: text.clone(),
            ebms,
            seen,
            signals,
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
        self.signature.broke(rule)
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

pub(super) fn child<'a, 'i>(node: Node<'a, 'i>, space: &str, local: &str) -> Option<Node<'a, 'i>> {
    node.children().find(|one| one.tag_name().namespace() == Some(space) && one.tag_name().name() == local)
}

pub(super) fn header<'a, 'i>(tree: &'a roxmltree::Document<'i>) -> Option<Node<'a, 'i>> {
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

/// The Messaging that a mutant reads because of where it stands in the Header.
fn by_place<'a, 'i>(tree: &'a roxmltree::Document<'i>, mutation: &Mutation) -> Option<Node<'a, 'i>> {
    let mut all = header(tree)?.children().filter(|node| node.has_tag_name((EB, "Messaging")));
    match (mutation.does(Habit::FirstMessaging), mutation.does(Habit::LastMessaging)) {
        (true, _) => all.next(),
        (_, true) => all.next_back(),
        _ => None,
    }
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
