//! The ebMS header read from the tree whose signature is checked.
//! Leaves the envelope around it to `soap`, a user message to `user`, a signal to `signal`. Clauses: ebMS 3.0 core 5.2 and
//! its schema. Order, number and namespace of the elements are those of the schema; text is read over comments, as the
//! signature leaves comments out.

mod error;
mod signal;
mod user;

pub use error::HeaderError;

use super::{MessageInfo, Signal, SignalBody, UserMessage};
use crate::error::Severity;
use crate::id::MessageId;
use crate::ns;
use carnet_wire::xml::Element;
use jiff::Timestamp;

/// What a Messaging header holds: one user message, or signals, or both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Messaging {
    pub(crate) user: Option<Box<UserMessage>>,
    /// The one that counts most first: a failure, a receipt, a warning, a pull request.
    pub(crate) signals: Vec<Signal>,
}

/// Reads the messages of a Messaging header. One user message and one signal of each kind may be bundled (core 5.2.4, AS4
/// 2.1.1), but one thing alone may be asked of the answer: a user message or a pull request.
//= EBMS-HEADER-07
//= AS4-BUNDLE-01
pub(crate) fn messaging(element: Element<'_>) -> Result<Messaging, HeaderError> {
    let named = |name| element.children().filter(move |child| child.is(ns::EBMS, name));
    let (users, count) = (named("UserMessage").count(), named("SignalMessage").count());
    if users > 1 || count > 3 || users + count == 0 {
        return Err(HeaderError::Bundle { users, signals: count });
    }
    let user = named("UserMessage").next().map(user::user_message).transpose()?.map(Box::new);
    let mut signals = named("SignalMessage").map(signal::signal_message).collect::<Result<Vec<_>, _>>()?;
    let rank = |signal: &Signal| match &signal.body {
        SignalBody::Errors(errors) if errors.iter().any(|error| error.severity == Severity::Failure) => 0,
        SignalBody::Receipt(_) => 1,
        SignalBody::Errors(_) => 2,
        SignalBody::PullRequest(_) => 3,
    };
    let kind = |signal: &Signal| std::mem::discriminant(&signal.body);
    signals.sort_by_key(rank);
    let repeated =
        signals.iter().enumerate().any(|(at, one)| signals.iter().skip(at + 1).any(|o| kind(o) == kind(one)));
    let pulls = signals.iter().any(|signal| matches!(signal.body, SignalBody::PullRequest(_)));
    if repeated || (pulls && user.is_some()) {
        return Err(HeaderError::Bundle { users, signals: count });
    }
    Ok(Messaging { user, signals })
}

pub(super) fn message_info(element: Element<'_>) -> Result<MessageInfo, HeaderError> {
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
//= EBMS-HEADER-06
fn timestamp(text: &str) -> Result<Timestamp, HeaderError> {
    let wrong = || HeaderError::Timestamp(text.chars().take(40).collect());
    if !text.contains('T') {
        return Err(wrong());
    }
    text.parse().or_else(|_| format!("{text}Z").parse()).map_err(|_| wrong())
}

pub(super) fn text(element: Element<'_>, name: &'static str) -> Result<String, HeaderError> {
    let text = element.simple_text().map_err(|_| HeaderError::NotText(name))?;
    Ok(text.trim().to_owned())
}

/// Child elements, in the schema's order, all of the ebMS namespace.
pub(super) struct Fields<'d> {
    parent: &'static str,
    found: Vec<(&'static str, Element<'d>)>,
}

impl<'d> Fields<'d> {
    /// `names` in their order; those in `many` may be there more than once.
    pub(super) fn of(
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

    pub(super) fn all(&self, name: &'static str) -> impl Iterator<Item = Element<'d>> + '_ {
        self.found.iter().filter(move |(known, _)| *known == name).map(|(_, element)| *element)
    }

    pub(super) fn one(&self, name: &'static str) -> Option<Element<'d>> {
        self.all(name).next()
    }

    pub(super) fn need(&self, name: &'static str) -> Result<Element<'d>, HeaderError> {
        self.one(name).ok_or(HeaderError::Missing { parent: self.parent, name })
    }
}
