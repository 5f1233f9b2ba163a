//! The SOAP envelope inside an HTTP body, plain or as the root of a multipart/related, with its parts.

use bytes::Bytes;
use carnet_wire::Limits;
use carnet_wire::mime::{ContentType, Event, Reader};

use crate::http::{self, Message};

/// A MIME part or the plain envelope as it was transported.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Part {
    /// Content-ID without brackets.
    pub cid: Option<String>,
    /// Media type with its parameters, as written.
    pub content_type: String,
    /// Transported bytes.
    pub body: Vec<u8>,
}

/// A body taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Package {
    /// The envelope.
    pub envelope: Vec<u8>,
    /// The other parts in order.
    pub parts: Vec<Part>,
    /// What stopped the reading, where something did.
    pub fault: Option<String>,
}

impl Package {
    /// The envelope as text, without a byte order mark.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        let text = std::str::from_utf8(&self.envelope).ok()?;
        Some(text.trim_start_matches('\u{feff}').to_owned())
    }
}

/// Ids by which a push is told whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Names {
    /// MessageId.
    pub message_id: Option<String>,
    /// ConversationId.
    pub conversation: Option<String>,
    /// RefToMessageId.
    pub refers_to: Option<String>,
    /// AgreementRef.
    pub agreement: Option<String>,
}

/// Takes an HTTP message's body apart; none when it is neither SOAP nor multipart.
#[must_use]
pub fn package(message: &Message) -> Option<Package> {
    let content_type = message.header("content-type")?;
    let parsed = ContentType::parse(content_type).ok()?;
    match parsed.media() {
        "application/soap+xml" | "text/xml" | "application/xml" => {
            Some(Package { envelope: message.body.clone(), ..Package::default() })
        }
        "multipart/related" => Some(multipart(&parsed, &message.body)),
        _ => None,
    }
}

/// The envelope of an HTTP message as text.
#[must_use]
pub fn envelope_text(bytes: &[u8]) -> Option<String> {
    package(&http::read(bytes).ok()?)?.text()
}

/// The ids an envelope carries.
#[must_use]
pub fn names(envelope: &str) -> Names {
    seen(envelope).0
}

/// What an element says: a comment or a CDATA section splits its text, and is no end of it.
#[must_use]
pub fn text_of(node: roxmltree::Node<'_, '_>) -> String {
    node.children().filter(roxmltree::Node::is_text).filter_map(|child| child.text()).collect()
}

/// What an envelope carries beside a user message, by the elements that stand in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Signals {
    /// A user message.
    pub user: bool,
    /// A pull request.
    pub pull: bool,
    /// A receipt or an error.
    pub answer: bool,
}

/// An envelope, and what is seen in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) text: String,
    pub(crate) names: Names,
    pub(crate) signals: Signals,
}

impl Seen {
    /// Looks into an envelope.
    pub(crate) fn of(text: String) -> Self {
        let (names, signals) = seen(&text);
        Self { text, names, signals }
    }
}

/// Looks for user messages and signals in an envelope.
#[must_use]
pub fn signals(envelope: &str) -> Signals {
    seen(envelope).1
}

/// Both: the ids, each the first of its kind that is not empty, and what stands in the envelope; nothing of what cannot be read.
pub(crate) fn seen(envelope: &str) -> (Names, Signals) {
    roxmltree::Document::parse(envelope).map(|document| seen_in(&document)).unwrap_or_default()
}

/// As [`seen`], of an envelope that was read already.
#[must_use]
pub fn seen_in(document: &roxmltree::Document<'_>) -> (Names, Signals) {
    let (mut names, mut signals) = (Names::default(), Signals::default());
    for node in document.descendants() {
        let first = |name: &mut Option<String>| {
            if name.is_none() {
                *name = Some(text_of(node).trim().to_owned()).filter(|text| !text.is_empty());
            }
        };
        match node.tag_name().name() {
            "UserMessage" => signals.user = true,
            "PullRequest" => signals.pull = true,
            "Receipt" | "Error" => signals.answer = true,
            "MessageId" => first(&mut names.message_id),
            "ConversationId" => first(&mut names.conversation),
            "RefToMessageId" => first(&mut names.refers_to),
            "AgreementRef" => first(&mut names.agreement),
            _ => {}
        }
    }
    (names, signals)
}

fn multipart(content_type: &ContentType, body: &[u8]) -> Package {
    let mut package = Package::default();
    let limits = Limits { parts: 1000, part_header: 64 << 10, ..Limits::default() };
    let mut reader = match Reader::new(content_type, &limits) {
        Ok(reader) => reader,
        Err(error) => {
            package.fault = Some(error.to_string());
            return package;
        }
    };
    reader.feed(Bytes::copy_from_slice(body));
    reader.eof();
    let mut parts: Vec<Part> = Vec::new();
    loop {
        match reader.next() {
            Ok(Some(Event::Part(head))) => parts.push(Part {
                cid: head.content_id.clone(),
                content_type: head.header("content-type").unwrap_or_default().to_owned(),
                body: Vec::new(),
            }),
            Ok(Some(Event::Data(data))) => {
                if let Some(part) = parts.last_mut() {
                    part.body.extend_from_slice(&data);
                }
            }
            Ok(Some(Event::PartEnd)) => {}
            Ok(Some(Event::End) | None) => break,
            Err(error) => {
                package.fault = Some(error.to_string());
                break;
            }
        }
    }
    let start = content_type.param("start").map(|start| start.trim_matches(['<', '>']).to_owned());
    let root = start.and_then(|start| parts.iter().position(|part| part.cid.as_deref() == Some(&start))).unwrap_or(0);
    if root < parts.len() {
        package.envelope = parts.remove(root).body;
    }
    package.parts = parts;
    package
}
