//! The ebMS header read from the tree whose signature is checked.
//! Leaves the envelope around it to `soap`. Clauses: ebMS 3.0 core 5.2 and its schema, AS4 profile 1.0 section 3.1 and
//! 5.1.8. Order, number and namespace of the elements are those of the schema; text is read over comments, as the
//! signature leaves comments out.

use super::{
    Collaboration, ErrorSignal, MessageInfo, PartDigest, PartInfo, Party, Property, Receipt, Signal, SignalBody,
    Transform, UserMessage,
};
use crate::error::Severity;
use crate::id::{
    Action, AgreementRef, ContentId, ConversationId, IdError, MessageId, Mpc, PModeId, PartyId, Role, Service,
};
use crate::ns;
use carnet_wire::namespace::EXC_C14N;
use carnet_wire::xml::Element;
use jiff::Timestamp;

/// What a Messaging header holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Messaging {
    User(Box<UserMessage>),
    Signal(Box<Signal>),
}

/// Why a header is not one of ebMS.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Something the schema asks for is not there.
    #[error("{parent} has no {name}")]
    Missing {
        /// Where.
        parent: &'static str,
        /// What.
        name: &'static str,
    },
    /// Something that may be there once is there again.
    #[error("{parent} has more than one {name}")]
    Repeated {
        /// Where.
        parent: &'static str,
        /// What.
        name: &'static str,
    },
    /// An element the schema does not put there, or not in that order.
    #[error("{parent} holds {name:?}, which does not belong there")]
    Unexpected {
        /// Where.
        parent: &'static str,
        /// Local name of the element.
        name: String,
    },
    /// Elements where text belongs.
    #[error("{0} holds elements, expected text")]
    NotText(&'static str),
    /// An identifier that is not one.
    #[error(transparent)]
    Id(#[from] IdError),
    /// A time that is not one.
    #[error("Timestamp is not a date and time: got {0:?}")]
    Timestamp(String),
    /// Neither exactly one user message nor exactly one signal.
    #[error("Messaging holds {users} user messages and {signals} signals, expected one message")]
    Bundle {
        /// User messages.
        users: usize,
        /// Signals.
        signals: usize,
    },
    /// More parties on one side than the profile allows.
    #[error("{side} has {count} PartyId elements, expected one")]
    Parties {
        /// From or To.
        side: &'static str,
        /// How many.
        count: usize,
    },
    /// A part outside the message.
    #[error("a part is outside the message: href {0:?}")]
    External(String),
    /// A part in the SOAP Body, where the profile has none.
    #[error("a part is in the SOAP Body, expected a MIME part")]
    InBody,
    /// Two parts name one MIME part.
    #[error("two parts name the MIME part {0}")]
    SamePart(ContentId),
    /// A property that AS4 gives a meaning is there twice.
    #[error("part {part} has more than one property {name}")]
    SameProperty {
        /// The part.
        part: ContentId,
        /// The property.
        name: &'static str,
    },
    /// A compression other than gzip.
    #[error("part {part} is compressed with {got:?}, expected application/gzip")]
    Compression {
        /// The part.
        part: ContentId,
        /// The value.
        got: String,
    },
    /// A signal that says nothing.
    #[error("the signal is neither receipt, error nor pull request")]
    EmptySignal,
    /// A severity other than failure and warning.
    #[error("severity of an error is {0:?}, expected failure or warning")]
    Severity(String),
}

/// Reads the one message of a Messaging header. Signals may be bundled, one of each kind (core 5.2.4); together they say
/// one thing.
//= EBMS-HEADER-07
pub(crate) fn messaging(element: Element<'_>) -> Result<Messaging, HeaderError> {
    let named = |name| element.children().filter(move |child| child.is(ns::EBMS, name));
    let (users, signals) = (named("UserMessage").count(), named("SignalMessage").count());
    match (named("UserMessage").next(), users, signals) {
        (Some(user), 1, 0) => user_message(user).map(|user| Messaging::User(Box::new(user))),
        (None, 0, 1..=3) => {
            let signals = named("SignalMessage").map(signal_message).collect::<Result<Vec<_>, _>>()?;
            bundled(signals).map(|signal| Messaging::Signal(Box::new(signal)))
        }
        _ => Err(HeaderError::Bundle { users, signals }),
    }
}

/// The signal that counts: a failure before a receipt, a receipt before a warning.
fn bundled(mut signals: Vec<Signal>) -> Result<Signal, HeaderError> {
    let kind = |signal: &Signal| std::mem::discriminant(&signal.body);
    let repeated =
        signals.iter().enumerate().any(|(at, one)| signals.iter().skip(at + 1).any(|o| kind(o) == kind(one)));
    if repeated {
        return Err(HeaderError::Bundle { users: 0, signals: signals.len() });
    }
    let rank = |signal: &Signal| match &signal.body {
        SignalBody::Errors(errors) if errors.iter().any(|error| error.severity == Severity::Failure) => 0,
        SignalBody::Receipt(_) => 1,
        SignalBody::Errors(_) => 2,
        SignalBody::PullRequest(_) => 3,
    };
    signals.sort_by_key(rank);
    signals.into_iter().next().ok_or(HeaderError::EmptySignal)
}

fn user_message(element: Element<'_>) -> Result<UserMessage, HeaderError> {
    const NAMES: &[&str] = &["MessageInfo", "PartyInfo", "CollaborationInfo", "MessageProperties", "PayloadInfo"];
    let fields = Fields::of(element, "UserMessage", NAMES, &[])?;
    let parties = Fields::of(fields.need("PartyInfo")?, "PartyInfo", &["From", "To"], &[])?;
    let properties = match fields.one("MessageProperties") {
        None => Vec::new(),
        Some(element) => properties(element, "MessageProperties")?,
    };
    let parts = match fields.one("PayloadInfo") {
        None => Vec::new(),
        Some(element) => payload_info(element)?,
    };
    Ok(UserMessage {
        info: message_info(fields.need("MessageInfo")?)?,
        mpc: Mpc::parse(element.attribute("", "mpc").unwrap_or(ns::DEFAULT_MPC))?,
        from: party(parties.need("From")?, "From")?,
        to: party(parties.need("To")?, "To")?,
        collaboration: collaboration(fields.need("CollaborationInfo")?)?,
        properties,
        parts,
    })
}

fn message_info(element: Element<'_>) -> Result<MessageInfo, HeaderError> {
    let fields = Fields::of(element, "MessageInfo", &["Timestamp", "MessageId", "RefToMessageId"], &[])?;
    let ref_to = match fields.one("RefToMessageId") {
        None => None,
        Some(element) => Some(MessageId::parse(&text(element, "RefToMessageId")?)?),
    };
    Ok(MessageInfo {
        timestamp: timestamp(&text(fields.need("Timestamp")?, "Timestamp")?)?,
        message_id: MessageId::parse(&text(fields.need("MessageId")?, "MessageId")?)?,
        ref_to,
    })
}

/// Core 5.2.2.1: an `xs:dateTime` in UTC, and the `Z` may be left out.
fn timestamp(text: &str) -> Result<Timestamp, HeaderError> {
    let wrong = || HeaderError::Timestamp(text.chars().take(40).collect());
    if !text.contains('T') {
        return Err(wrong());
    }
    text.parse().or_else(|_| format!("{text}Z").parse()).map_err(|_| wrong())
}

//= AS4-PARTY-01
fn party(element: Element<'_>, side: &'static str) -> Result<Party, HeaderError> {
    let fields = Fields::of(element, side, &["PartyId", "Role"], &["PartyId"])?;
    let mut ids = fields.all("PartyId");
    let id = match (ids.next(), ids.next()) {
        (Some(id), None) => id,
        (None, _) => return Err(HeaderError::Missing { parent: side, name: "PartyId" }),
        _ => return Err(HeaderError::Parties { side, count: fields.all("PartyId").count() }),
    };
    Ok(Party {
        id: PartyId::new(&text(id, "PartyId")?, id.attribute("", "type"))?,
        role: Role::parse(&text(fields.need("Role")?, "Role")?)?,
    })
}

fn collaboration(element: Element<'_>) -> Result<Collaboration, HeaderError> {
    const NAMES: &[&str] = &["AgreementRef", "Service", "Action", "ConversationId"];
    let fields = Fields::of(element, "CollaborationInfo", NAMES, &[])?;
    let (mut agreement, mut pmode) = (None, None);
    if let Some(element) = fields.one("AgreementRef") {
        agreement = Some(AgreementRef::new(&text(element, "AgreementRef")?, element.attribute("", "type"))?);
        pmode = element.attribute("", "pmode").map(PModeId::parse).transpose()?;
    }
    let service = fields.need("Service")?;
    Ok(Collaboration {
        agreement,
        pmode,
        service: Service::new(&text(service, "Service")?, service.attribute("", "type"))?,
        action: Action::parse(&text(fields.need("Action")?, "Action")?)?,
        //= AS4-COLLABORATION-03
        conversation: ConversationId::parse(&text(fields.need("ConversationId")?, "ConversationId")?)?,
    })
}

fn properties(element: Element<'_>, parent: &'static str) -> Result<Vec<Property>, HeaderError> {
    let fields = Fields::of(element, parent, &["Property"], &["Property"])?;
    fields
        .all("Property")
        .map(|property| {
            let name = property.attribute("", "name").map(str::trim).filter(|name| !name.is_empty());
            Ok(Property {
                name: name.ok_or(HeaderError::Missing { parent: "Property", name: "name" })?.to_owned(),
                kind: property.attribute("", "type").map(ToOwned::to_owned),
                value: text(property, "Property")?,
            })
        })
        .collect()
}

fn payload_info(element: Element<'_>) -> Result<Vec<PartInfo>, HeaderError> {
    let fields = Fields::of(element, "PayloadInfo", &["PartInfo"], &["PartInfo"])?;
    let mut parts: Vec<PartInfo> = Vec::new();
    for element in fields.all("PartInfo") {
        let part = part_info(element)?;
        if parts.iter().any(|known| known.id == part.id) {
            return Err(HeaderError::SamePart(part.id));
        }
        parts.push(part);
    }
    Ok(parts)
}

fn part_info(element: Element<'_>) -> Result<PartInfo, HeaderError> {
    let fields = Fields::of(element, "PartInfo", &["Schema", "Description", "PartProperties"], &["Schema"])?;
    let id = match element.attribute("", "href").map(str::trim) {
        None => return Err(HeaderError::InBody),
        Some(href) if href.starts_with('#') => return Err(HeaderError::InBody),
        Some(href) => match href.strip_prefix("cid:") {
            Some(id) => ContentId::parse(&percent_decoded(id))?,
            //= AS4-PAYLOAD-04
            None => return Err(HeaderError::External(href.chars().take(200).collect())),
        },
    };
    let mut part = PartInfo { id, mime_type: None, character_set: None, compressed: false, properties: Vec::new() };
    let mut compression = None;
    let all = match fields.one("PartProperties") {
        None => Vec::new(),
        Some(element) => properties(element, "PartProperties")?,
    };
    for property in all {
        let (slot, name) = match property.name.as_str() {
            "MimeType" => (&mut part.mime_type, "MimeType"),
            "CharacterSet" => (&mut part.character_set, "CharacterSet"),
            "CompressionType" => (&mut compression, "CompressionType"),
            _ => {
                part.properties.push(property);
                continue;
            }
        };
        if slot.replace(property.value).is_some() {
            return Err(HeaderError::SameProperty { part: part.id, name });
        }
    }
    match compression {
        None => {}
        Some(value) if value.trim().eq_ignore_ascii_case(ns::GZIP_MEDIA) => part.compressed = true,
        Some(got) => return Err(HeaderError::Compression { part: part.id, got }),
    }
    Ok(part)
}

fn signal_message(element: Element<'_>) -> Result<Signal, HeaderError> {
    let children = |name| element.children().filter(move |child| child.is(ns::EBMS, name));
    let once = |name: &'static str| match (children(name).next(), children(name).nth(1)) {
        (found, None) => Ok(found),
        _ => Err(HeaderError::Repeated { parent: "SignalMessage", name }),
    };
    let info = once("MessageInfo")?.ok_or(HeaderError::Missing { parent: "SignalMessage", name: "MessageInfo" })?;
    let errors = children("Error").map(error_signal).collect::<Result<Vec<_>, _>>()?;
    let failed = errors.iter().any(|error| error.severity == Severity::Failure);
    let body = match (once("PullRequest")?, once("Receipt")?) {
        (Some(_), Some(_)) => {
            return Err(HeaderError::Unexpected { parent: "SignalMessage", name: "Receipt".to_owned() });
        }
        (Some(pull), None) => {
            SignalBody::PullRequest(Mpc::parse(pull.attribute("", "mpc").unwrap_or(ns::DEFAULT_MPC))?)
        }
        // A receipt beside a failure contradicts itself; the failure is believed.
        (None, Some(receipt)) if !failed => SignalBody::Receipt(read_receipt(receipt)?),
        (None, _) if errors.is_empty() => return Err(HeaderError::EmptySignal),
        (None, _) => SignalBody::Errors(errors),
    };
    Ok(Signal { info: message_info(info)?, body })
}

fn error_signal(element: Element<'_>) -> Result<ErrorSignal, HeaderError> {
    let attribute = |name: &'static str| element.attribute("", name).map(str::trim).filter(|value| !value.is_empty());
    let need = |name| attribute(name).ok_or(HeaderError::Missing { parent: "Error", name });
    let words = |name| element.child(ns::EBMS, name).map(|child| child.text().trim().chars().take(2000).collect());
    let severity = need("severity")?;
    Ok(ErrorSignal {
        code: need("errorCode")?.to_owned(),
        severity: match severity.to_ascii_lowercase().as_str() {
            "failure" => Severity::Failure,
            "warning" => Severity::Warning,
            _ => return Err(HeaderError::Severity(severity.chars().take(40).collect())),
        },
        category: attribute("category").map(ToOwned::to_owned),
        short_description: attribute("shortDescription").map(ToOwned::to_owned),
        ref_to: attribute("refToMessageInError").map(MessageId::parse).transpose()?,
        description: words("Description"),
        detail: words("ErrorDetail"),
    })
}

fn read_receipt(element: Element<'_>) -> Result<Receipt, HeaderError> {
    let mut proofs = element.children().filter(|child| child.is(ns::EBBP, "NonRepudiationInformation"));
    let parts = match (proofs.next(), proofs.next()) {
        (None, _) => Vec::new(),
        (Some(proof), None) => proof
            .children()
            .filter(|part| part.is(ns::EBBP, "MessagePartNRInformation"))
            .flat_map(Element::children)
            .filter(|reference| reference.is(ns::DS, "Reference"))
            .map(part_digest)
            .collect::<Result<_, _>>()?,
        _ => return Err(HeaderError::Repeated { parent: "Receipt", name: "NonRepudiationInformation" }),
    };
    Ok(Receipt { parts })
}

fn part_digest(reference: Element<'_>) -> Result<PartDigest, HeaderError> {
    let missing = |name| HeaderError::Missing { parent: "Reference", name };
    let algorithm = |element: Element<'_>| element.attribute("", "Algorithm").map(ToOwned::to_owned);
    let once = |name: &'static str| match reference.only_child(ns::DS, name) {
        Ok(found) => found.ok_or(missing(name)),
        Err(_) => Err(HeaderError::Repeated { parent: "Reference", name }),
    };
    let transforms = reference
        .children()
        .filter(|child| child.is(ns::DS, "Transforms"))
        .flat_map(Element::children)
        .filter(|transform| transform.is(ns::DS, "Transform"))
        .map(|transform| {
            let prefixes =
                transform.child(EXC_C14N, "InclusiveNamespaces").and_then(|list| list.attribute("", "PrefixList"));
            Ok(Transform {
                algorithm: algorithm(transform).ok_or(missing("Algorithm"))?,
                prefixes: prefixes.unwrap_or_default().split_whitespace().map(ToOwned::to_owned).collect(),
            })
        })
        .collect::<Result<_, HeaderError>>()?;
    Ok(PartDigest {
        uri: reference.attribute("", "URI").ok_or(missing("URI"))?.to_owned(),
        algorithm: algorithm(once("DigestMethod")?).ok_or(missing("Algorithm"))?,
        value: once("DigestValue")?.text().split_whitespace().collect(),
        transforms,
    })
}

fn text(element: Element<'_>, name: &'static str) -> Result<String, HeaderError> {
    let text = element.simple_text().map_err(|_| HeaderError::NotText(name))?;
    Ok(text.trim().to_owned())
}

/// RFC 2392: a `cid:` URL holds the Content-ID with reserved characters as `%hh`.
fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let hex = bytes.get(at + 1..at + 3).and_then(|pair| std::str::from_utf8(pair).ok());
        match hex.filter(|_| *byte == b'%').and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(decoded) => {
                out.push(decoded);
                at += 3;
            }
            None => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Child elements, in the schema's order, all of the ebMS namespace.
struct Fields<'d> {
    parent: &'static str,
    found: Vec<(&'static str, Element<'d>)>,
}

impl<'d> Fields<'d> {
    /// `names` in their order; those in `many` may be there more than once.
    fn of(
        element: Element<'d>,
        parent: &'static str,
        names: &'static [&'static str],
        many: &[&str],
    ) -> Result<Self, HeaderError> {
        let mut found: Vec<(&'static str, Element<'d>)> = Vec::new();
        let mut last = 0;
        for child in element.children() {
            let (namespace, local) = child.name();
            let place = names.iter().position(|name| namespace == ns::EBMS && *name == local);
            let Some((place, name)) = place.and_then(|place| Some((place, *names.get(place)?))) else {
                return Err(HeaderError::Unexpected { parent, name: local.chars().take(80).collect() });
            };
            if place < last {
                return Err(HeaderError::Unexpected { parent, name: name.to_owned() });
            }
            last = place;
            if !many.contains(&name) && found.iter().any(|(known, _)| *known == name) {
                return Err(HeaderError::Repeated { parent, name });
            }
            found.push((name, child));
        }
        Ok(Self { parent, found })
    }

    fn all(&self, name: &'static str) -> impl Iterator<Item = Element<'d>> + '_ {
        self.found.iter().filter(move |(known, _)| *known == name).map(|(_, element)| *element)
    }

    fn one(&self, name: &'static str) -> Option<Element<'d>> {
        self.all(name).next()
    }

    fn need(&self, name: &'static str) -> Result<Element<'d>, HeaderError> {
        self.one(name).ok_or(HeaderError::Missing { parent: self.parent, name })
    }
}
