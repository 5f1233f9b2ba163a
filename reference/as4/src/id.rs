//! Identifiers of the ebMS header, each valid by construction.
//! Leaves their place in the header to `header`. Clauses: ebMS 3.0 core 5.2.2.1 (MessageId), 5.2.2.5 (PartyId),
//! 5.2.2.8 (Service), 5.2.2.7 (AgreementRef), 5.2.2.10 (ConversationId), 5.2.2.13 (PartInfo).

use serde::{Deserialize, Serialize};
use std::fmt;

/// Longest identifier taken, in bytes. No clause sets one; common nodes store 255 characters.
pub const MAX_LENGTH: usize = 255;
/// Longest URI or free value taken, in bytes.
pub const MAX_VALUE: usize = 1024;

/// Why a text is not the identifier it was read as.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Nothing but white space.
    #[error("{what} is empty")]
    Empty {
        /// Which identifier.
        what: &'static str,
    },
    /// Longer than this node stores.
    #[error("{what} is too long: got {got} bytes, expected at most {most}")]
    TooLong {
        /// Which identifier.
        what: &'static str,
        /// Its length in bytes.
        got: usize,
        /// The most that is taken.
        most: usize,
    },
    /// A character the identifier cannot hold.
    #[error("{what} holds the character {got:?}, which it may not")]
    Character {
        /// Which identifier.
        what: &'static str,
        /// The character.
        got: char,
    },
    /// A value without a type has to be a URI.
    #[error("{what} has no type and is not a URI")]
    NotAUri {
        /// Which identifier.
        what: &'static str,
    },
}

macro_rules! text_id {
    ($(#[$meta:meta])* $name:ident, $what:literal, $most:expr, $allowed:expr) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Reads the identifier; white space around it is not part of it.
            ///
            /// # Errors
            /// [`IdError`] when the text is empty, too long or holds a character that may not be there.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                checked($what, text, $most, $allowed).map(|text| Self(text.to_owned()))
            }
            /// The identifier as it is written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                Self::parse(&text)
            }
        }
        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

text_id!(
    /// Identifies one message for ever. Core 5.2.2.1 asks for the form of RFC 2822 without angle brackets; a missing
    /// `@` is taken from others, as several nodes leave it out.
    MessageId, "MessageId", MAX_LENGTH, |c| c.is_ascii_graphic() && !matches!(c, '<' | '>' | '"')
);
text_id!(
    /// What a party does in an exchange, usually a URI.
    Role, "Role", MAX_VALUE, no_control
);
text_id!(
    /// The operation asked of a service.
    Action, "Action", MAX_VALUE, no_control
);
text_id!(
    /// A message partition channel.
    Mpc, "mpc", MAX_VALUE, no_control
);
text_id!(
    /// The name of a P-Mode, as in its file and in the `pmode` attribute of AgreementRef.
    PModeId, "P-Mode id", MAX_LENGTH, no_control
);
text_id!(
    /// Names a MIME part: the Content-ID without angle brackets, the `href` without `cid:`.
    ContentId, "Content-ID", MAX_LENGTH, |c| c.is_ascii_graphic() && !matches!(c, '<' | '>' | '"')
);

/// Ties the messages of one conversation together; the one identifier that may be empty (core 5.2.2.10).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ConversationId(String);

impl ConversationId {
    /// Reads the identifier as an `xs:token`.
    ///
    /// # Errors
    /// [`IdError`] when it is too long or holds a control character.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        if text.trim().is_empty() {
            return Ok(Self(String::new()));
        }
        let token = text.split_whitespace().collect::<Vec<_>>().join(" ");
        checked("ConversationId", &token, MAX_LENGTH, no_control).map(|text| Self(text.to_owned()))
    }
    /// The identifier as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
impl fmt::Display for ConversationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl TryFrom<String> for ConversationId {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        Self::parse(&text)
    }
}
impl From<ConversationId> for String {
    fn from(id: ConversationId) -> Self {
        id.0
    }
}

macro_rules! typed_id {
    ($(#[$meta:meta])* $name:ident, $what:literal) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub struct $name {
            kind: Option<String>,
            value: String,
        }
        impl $name {
            /// Reads value and type; an empty type is no type.
            ///
            /// # Errors
            /// [`IdError`]; `NotAUri` when a value without type is not a URI, which the core specification forbids.
            pub fn new(value: &str, kind: Option<&str>) -> Result<Self, IdError> {
                let value = checked($what, value, MAX_VALUE, no_control)?.to_owned();
                let kind = match kind.map(str::trim).filter(|kind| !kind.is_empty()) {
                    Some(kind) => Some(checked(concat!($what, " type"), kind, MAX_VALUE, no_control)?.to_owned()),
                    None => None,
                };
                //= EBMS-HEADER-04
                if kind.is_none() && !is_uri(&value) {
                    return Err(IdError::NotAUri { what: $what });
                }
                Ok(Self { kind, value })
            }
            /// The value.
            #[must_use]
            pub fn value(&self) -> &str {
                &self.value
            }
            /// The type, when there is one.
            #[must_use]
            pub fn kind(&self) -> Option<&str> {
                self.kind.as_deref()
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match &self.kind {
                    Some(kind) => write!(f, "{}:{}", kind, self.value),
                    None => f.write_str(&self.value),
                }
            }
        }
    };
}

typed_id!(
    /// A party of an exchange.
    PartyId, "PartyId"
);
typed_id!(
    /// The service a message is for.
    Service, "Service"
);
typed_id!(
    /// The agreement a message runs under. The `pmode` attribute is kept apart, in the header.
    AgreementRef, "AgreementRef"
);

impl Service {
    /// Whether this is the ebMS test service.
    #[must_use]
    pub fn is_test(&self) -> bool {
        self.value == crate::ns::TEST_SERVICE
    }
}

fn checked<'a>(
    what: &'static str,
    text: &'a str,
    most: usize,
    allowed: impl Fn(char) -> bool,
) -> Result<&'a str, IdError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(IdError::Empty { what });
    }
    if text.len() > most {
        return Err(IdError::TooLong { what, got: text.len(), most });
    }
    match text.chars().find(|c| !allowed(*c)) {
        Some(got) => Err(IdError::Character { what, got }),
        None => Ok(text),
    }
}

fn no_control(c: char) -> bool {
    !c.is_control()
}

/// Absolute URI: a scheme, a colon, and no white space (RFC 3986 section 3).
fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    !rest.is_empty()
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
        && !text.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_id_takes_common_forms_and_refuses_the_rest() {
        for good in ["duplicate-1@blue", "b0fb0fbf-ec7a-469d-ab01-5860e6ac938b", " a@b "] {
            assert!(MessageId::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "  ", "<a@b>", "a b", "a\u{e9}@b", "a\"b"] {
            assert!(MessageId::parse(bad).is_err(), "{bad:?}");
        }
        assert!(MessageId::parse(&"a".repeat(256)).is_err());
    }

    #[test]
    fn a_value_without_type_must_be_a_uri() {
        assert_eq!(PartyId::new("PH", None), Err(IdError::NotAUri { what: "PartyId" }));
        assert_eq!(PartyId::new("PH", Some("")), Err(IdError::NotAUri { what: "PartyId" }));
        assert!(PartyId::new("urn:x:PH", None).is_ok());
        assert!(PartyId::new("PH", Some("urn:oasis:names:tc:ebcore:partyid-type:iso3166")).is_ok());
        assert!(Service::new("bare", None).is_err());
    }

    #[test]
    fn conversation_may_be_empty_and_is_a_token() {
        assert_eq!(ConversationId::parse(" \n ").map(String::from), Ok(String::new()));
        assert_eq!(ConversationId::parse(" a \t b ").map(String::from), Ok("a b".into()));
        assert!(ConversationId::parse("a\u{1}b").is_err());
    }
}
