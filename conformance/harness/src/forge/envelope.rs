//! Writes a SOAP 1.2 envelope with an ebMS user message (ebMS3 Core 5.2), one element after the other.

use carnet_catalogue::step::Property;

use super::edit;
use crate::root::text_of;

/// A party as a message names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PartyRef {
    /// PartyId.
    pub id: String,
    /// Its type; empty leaves the attribute out.
    pub kind: String,
    /// Role.
    pub role: String,
}

/// What was agreed and stands in each message.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Agreed {
    /// AgreementRef; empty leaves the element out.
    pub name: String,
    /// Its type.
    pub kind: Option<String>,
    /// Its pmode.
    pub pmode: Option<String>,
    /// MPC attribute.
    pub mpc: Option<String>,
    /// Message properties.
    pub properties: Vec<Property>,
}

/// A payload before it is compressed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PartDraft {
    /// Content-ID without brackets.
    pub cid: String,
    /// Media type of the content itself.
    pub mime: String,
    /// Content.
    pub bytes: Vec<u8>,
    /// So many zero bytes after it, which need no room where they are compressed.
    pub zeros: usize,
    /// AS4 compression.
    pub compress: bool,
}

/// A payload as it is transported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transported {
    /// Header fields in order.
    pub headers: Vec<(String, String)>,
    /// Content-ID without brackets, as the signature references it.
    pub cid: String,
    /// Transported bytes.
    pub body: Vec<u8>,
}

impl Transported {
    /// Its media type as written.
    pub(crate) fn media(&self) -> &str {
        self.headers.iter().find(|(name, _)| name == "Content-Type").map_or("", |(_, value)| value.as_str())
    }

    /// Gives it another media type.
    pub(crate) fn set_media(&mut self, media: &str) {
        for (_, value) in self.headers.iter_mut().filter(|(name, _)| name == "Content-Type") {
            media.clone_into(value);
        }
    }
}

/// A user message to be written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Draft {
    /// MessageId.
    pub message_id: String,
    /// Timestamp, RFC 3339 UTC.
    pub timestamp: String,
    /// ConversationId.
    pub conversation: String,
    /// RefToMessageId; none leaves the element out.
    pub refers_to: Option<String>,
    /// From.
    pub from: PartyRef,
    /// To.
    pub to: PartyRef,
    /// AgreementRef, MPC, properties.
    pub agreed: Agreed,
    /// Service.
    pub service: String,
    /// Its type.
    pub service_type: Option<String>,
    /// Action.
    pub action: String,
    /// Payloads, the document first.
    pub parts: Vec<PartDraft>,
}

impl Draft {
    /// The payloads as they are transported.
    pub(crate) fn transported(&self) -> Vec<Transported> {
        self.transports(true)
    }

    /// The payloads as they would be transported if none were compressed.
    pub(crate) fn before_compression(&self) -> Vec<Transported> {
        self.transports(false)
    }

    fn transports(&self, compressed: bool) -> Vec<Transported> {
        self.parts
            .iter()
            .map(|part| {
                let (media, body) = if part.compress && compressed {
                    ("application/gzip", edit::deflated(&part.bytes, part.zeros))
                } else {
                    let mut body = part.bytes.clone();
                    body.resize(body.len() + part.zeros, 0);
                    (part.mime.as_str(), body)
                };
                let headers = vec![
                    ("Content-Type".to_owned(), media.to_owned()),
                    ("Content-Transfer-Encoding".to_owned(), "binary".to_owned()),
                    ("Content-ID".to_owned(), format!("<{}>", part.cid)),
                ];
                Transported { headers, cid: part.cid.clone(), body }
            })
            .collect()
    }
}

/// The envelope without its security header.
pub(crate) fn user_message(draft: &Draft) -> String {
    let mut out = head();
    let mpc = draft.agreed.mpc.as_deref().map(|mpc| format!(" mpc=\"{}\"", escape(mpc))).unwrap_or_default();
    out.push_str(&format!("<eb:UserMessage{mpc}>"));
    let refers_to = draft.refers_to.as_deref();
    let refers_to = refers_to.map(|id| format!("<eb:RefToMessageId>{}</eb:RefToMessageId>", escape(id)));
    out.push_str(&format!(
        "<eb:MessageInfo><eb:Timestamp>{}</eb:Timestamp><eb:MessageId>{}</eb:MessageId>{}</eb:MessageInfo>",
        escape(&draft.timestamp),
        escape(&draft.message_id),
        refers_to.unwrap_or_default()
    ));
    out.push_str("<eb:PartyInfo>");
    party(&mut out, "From", &draft.from);
    party(&mut out, "To", &draft.to);
    out.push_str("</eb:PartyInfo>");
    collaboration(&mut out, draft);
    properties(&mut out, &draft.agreed.properties);
    payload_info(&mut out, &draft.parts);
    out.push_str("</eb:UserMessage>");
    out.push_str(&tail());
    out
}

/// MessageId and ConversationId as they stand in an envelope.
pub(crate) fn ids_of(envelope: &str) -> Option<(String, String)> {
    let document = roxmltree::Document::parse(envelope).ok()?;
    let text = |local: &str| {
        let node = document.descendants().find(|node| node.tag_name().name() == local)?;
        Some(text_of(node))
    };
    Some((text("MessageId")?, text("ConversationId").unwrap_or_default()))
}

/// From the envelope's start tag to the Messaging start tag.
pub(crate) fn head() -> String {
    format!(
        "<env:Envelope xmlns:env=\"{}\"><env:Header><eb:Messaging xmlns:eb=\"{}\" xmlns:wsu=\"{}\" wsu:Id=\"{MESSAGING_ID}\" env:mustUnderstand=\"true\">",
        carnet_wire::namespace::SOAP12,
        EB,
        carnet_wire::namespace::WSU,
    )
}

/// From the Messaging end tag to the envelope's.
pub(crate) fn tail() -> String {
    format!(
        "</eb:Messaging></env:Header><env:Body xmlns:wsu=\"{}\" wsu:Id=\"{BODY_ID}\"></env:Body></env:Envelope>",
        carnet_wire::namespace::WSU
    )
}

/// The ebMS 3 core namespace.
pub(crate) const EB: &str = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/";
/// Id of Messaging in what the suite writes.
pub(crate) const MESSAGING_ID: &str = "messaging";
/// Id of Body in what the suite writes.
pub(crate) const BODY_ID: &str = "body";

/// Text as XML content or as an attribute's value between double quotes; nothing else of it changes.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            _ => out.push(c),
        }
    }
    out
}

fn party(out: &mut String, tag: &str, party: &PartyRef) {
    let kind = if party.kind.is_empty() { String::new() } else { format!(" type=\"{}\"", escape(&party.kind)) };
    out.push_str(&format!(
        "<eb:{tag}><eb:PartyId{kind}>{}</eb:PartyId><eb:Role>{}</eb:Role></eb:{tag}>",
        escape(&party.id),
        escape(&party.role)
    ));
}

fn collaboration(out: &mut String, draft: &Draft) {
    out.push_str("<eb:CollaborationInfo>");
    if !draft.agreed.name.is_empty() {
        let attribute = |name: &str, value: &Option<String>| {
            value.as_deref().map(|value| format!(" {name}=\"{}\"", escape(value))).unwrap_or_default()
        };
        out.push_str(&format!(
            "<eb:AgreementRef{}{}>{}</eb:AgreementRef>",
            attribute("type", &draft.agreed.kind),
            attribute("pmode", &draft.agreed.pmode),
            escape(&draft.agreed.name)
        ));
    }
    let kind = draft.service_type.as_deref().filter(|kind| !kind.is_empty());
    let kind = kind.map(|kind| format!(" type=\"{}\"", escape(kind))).unwrap_or_default();
    out.push_str(&format!(
        "<eb:Service{kind}>{}</eb:Service><eb:Action>{}</eb:Action><eb:ConversationId>{}</eb:ConversationId></eb:CollaborationInfo>",
        escape(&draft.service),
        escape(&draft.action),
        escape(&draft.conversation)
    ));
}

fn properties(out: &mut String, properties: &[Property]) {
    if properties.is_empty() {
        return;
    }
    out.push_str("<eb:MessageProperties>");
    for property in properties {
        let kind = property.kind.as_deref().map(|kind| format!(" type=\"{}\"", escape(kind))).unwrap_or_default();
        let (name, value) = (escape(&property.name), escape(&property.value));
        out.push_str(&format!("<eb:Property name=\"{name}\"{kind}>{value}</eb:Property>"));
    }
    out.push_str("</eb:MessageProperties>");
}

fn payload_info(out: &mut String, parts: &[PartDraft]) {
    if parts.is_empty() {
        return;
    }
    out.push_str("<eb:PayloadInfo>");
    for part in parts {
        out.push_str(&format!("<eb:PartInfo href=\"cid:{}\"><eb:PartProperties>", escape(&part.cid)));
        out.push_str(&format!("<eb:Property name=\"MimeType\">{}</eb:Property>", escape(&part.mime)));
        if part.mime.ends_with("xml") {
            out.push_str("<eb:Property name=\"CharacterSet\">utf-8</eb:Property>");
        }
        if part.compress {
            out.push_str("<eb:Property name=\"CompressionType\">application/gzip</eb:Property>");
        }
        out.push_str("</eb:PartProperties></eb:PartInfo>");
    }
    out.push_str("</eb:PayloadInfo>");
}
