//! Package: a submission becomes a user message under a P-Mode.
//! Leaves bytes to the driver: a part comes with its digest. Clauses: ebMS 3.0 core 5.2.2, AS4 profile 1.0 section 3.1,
//! eDelivery AS4 1.15 (Common Profile).

use crate::header::{Collaboration, MessageInfo, PartInfo, Property, UserMessage};
use crate::id::{Action, ContentId, ConversationId, MessageId, Service};
use crate::ns;
use crate::pmode::{Leg, PMode, PropertyError, Signs, check_properties};
use carnet_wire::digest::PartDigest;
use carnet_wire::mime::{PartHeader, attachment};
use jiff::Timestamp;

/// What a producer hands over to be sent.
#[derive(Debug, Clone)]
pub struct Submission {
    /// A fresh id; the same for every retry.
    pub message_id: MessageId,
    /// When the message was made; the same for every retry.
    pub timestamp: Timestamp,
    /// The conversation.
    pub conversation: ConversationId,
    /// The message it answers, where that was agreed.
    pub ref_to: Option<MessageId>,
    /// The service.
    pub service: Service,
    /// The action.
    pub action: Action,
    /// Message properties.
    pub properties: Vec<Property>,
    /// The parts, the leading document first.
    pub parts: Vec<OutPart>,
}

/// A part to send, already in its transported form.
#[derive(Debug, Clone)]
pub struct OutPart {
    /// Its Content-ID, of letters, digits and `-._@`.
    pub id: ContentId,
    /// The media type before compression.
    pub mime_type: String,
    /// The character set before compression.
    pub character_set: Option<String>,
    /// Whether the transported form is gzip.
    pub compressed: bool,
    /// A file name, for Content-Disposition.
    pub filename: Option<String>,
    /// Further part properties.
    pub properties: Vec<Property>,
    /// Digest of the transported form, taken as [`OutPart::transport_media`] asks for; and its length.
    pub digest: PartDigest,
}

impl OutPart {
    /// The media type the part travels under: what its digest depends on.
    //= AS4-COMPRESSION-01
    #[must_use]
    pub fn transport_media(&self) -> &str {
        if self.compressed { ns::GZIP_MEDIA } else { &self.mime_type }
    }

    /// The MIME header of the part.
    //= AS4-PAYLOAD-06
    #[must_use]
    pub fn header(&self) -> PartHeader {
        let charset = self.character_set.as_deref().filter(|_| !self.compressed);
        let content_type = match charset {
            Some(charset) => format!("{}; charset={charset}", self.transport_media()),
            None => self.transport_media().to_owned(),
        };
        let disposition = self.filename.as_deref().map(|name| ("Content-Disposition".to_owned(), attachment(name)));
        PartHeader { content_type, content_id: self.id.to_string(), headers: disposition.into_iter().collect() }
    }
}

/// Why a submission cannot be sent under a P-Mode.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    /// Not agreed.
    #[error("P-Mode {pmode} has no action {action} of service {service}")]
    NotAgreed {
        /// The P-Mode.
        pmode: String,
        /// The service.
        service: String,
        /// The action.
        action: String,
    },
    /// More parts than agreed.
    #[error("message has too many parts: got {got}, expected at most {most}")]
    TooManyParts {
        /// How many.
        got: usize,
        /// How many are agreed.
        most: usize,
    },
    /// A part larger than agreed.
    #[error("part {part} is too large: got {got} bytes, expected at most {most}")]
    PartTooLarge {
        /// The part.
        part: ContentId,
        /// Its bytes.
        got: u64,
        /// Most bytes.
        most: u64,
    },
    /// Two parts of one Content-ID.
    #[error("two parts have the Content-ID {0}")]
    SamePart(ContentId),
    /// A property without name or value, which the schema of ebMS does not allow.
    #[error("property {name:?} has no name or no value")]
    Property {
        /// Its name.
        name: String,
    },
    /// A property that the P-Mode asks for.
    #[error("P-Mode {pmode} asks for other properties")]
    Agreed {
        /// The P-Mode.
        pmode: String,
        /// Which.
        #[source]
        source: PropertyError,
    },
    /// The reply of a Two-Way exchange without the request it answers.
    #[error("P-Mode {pmode} is the reply of a two-way exchange: a message under it names the request it answers")]
    NoRequest {
        /// The P-Mode.
        pmode: String,
    },
    /// A reference to another message where the exchange has none.
    #[error("P-Mode {pmode} is no reply: a message under it refers to no other")]
    NoReply {
        /// The P-Mode.
        pmode: String,
    },
    /// A Content-ID that peers would have to unescape.
    #[error("Content-ID {0} holds other characters than letters, digits and -._@")]
    ContentId(ContentId),
}

/// A user message, ready to be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    pub(super) message: UserMessage,
    pub(super) digests: Vec<[u8; 32]>,
    pub(super) signs: Signs,
    pub(super) pmode: String,
}

impl Package {
    /// The header.
    #[must_use]
    pub fn message(&self) -> &UserMessage {
        &self.message
    }
}

/// Makes the user message.
///
/// # Errors
/// [`PackageError`]: the submission is not what the P-Mode agreed.
//= AS4-PUSH-02
//= EDEL-FOURCORNER-01
//= EDEL-FOURCORNER-02
//= EDEL-FOURCORNER-03
//= AS4-COLLABORATION-01
//= AS4-COLLABORATION-02
//= AS4-PAYLOAD-02
pub fn package(pmode: &PMode, submission: &Submission) -> Result<Package, PackageError> {
    let Submission { service, action, parts, .. } = submission;
    if !pmode.allows(service, action) {
        return Err(PackageError::NotAgreed {
            pmode: pmode.id.to_string(),
            service: service.to_string(),
            action: action.to_string(),
        });
    }
    let (got, most) = (parts.len(), pmode.payload.max_parts);
    if got > most {
        return Err(PackageError::TooManyParts { got, most });
    }
    for (index, part) in parts.iter().enumerate() {
        check(part, pmode.payload.max_bytes)?;
        if parts.iter().skip(index + 1).any(|other| other.id == part.id) {
            return Err(PackageError::SamePart(part.id.clone()));
        }
    }
    let properties = submission.properties.iter().chain(parts.iter().flat_map(|part| &part.properties));
    if let Some(property) =
        properties.into_iter().find(|property| property.name.is_empty() || property.value.is_empty())
    {
        return Err(PackageError::Property { name: property.name.clone() });
    }
    if !service.is_test() {
        check_properties(pmode, &submission.properties)
            .map_err(|source| PackageError::Agreed { pmode: pmode.id.to_string(), source })?;
        match (pmode.leg, &submission.ref_to) {
            (Leg::Reply, None) => return Err(PackageError::NoRequest { pmode: pmode.id.to_string() }),
            //= EBMS-MEP-01
            (Leg::Request, Some(_)) => return Err(PackageError::NoReply { pmode: pmode.id.to_string() }),
            _ => {}
        }
    }
    let message = UserMessage {
        info: MessageInfo {
            timestamp: milliseconds(submission.timestamp),
            message_id: submission.message_id.clone(),
            ref_to: submission.ref_to.clone(),
        },
        mpc: pmode.mpc.clone(),
        from: pmode.sender().clone(),
        to: pmode.receiver().clone(),
        collaboration: Collaboration {
            agreement: pmode.agreement.clone(),
            pmode: None,
            service: service.clone(),
            action: action.clone(),
            conversation: submission.conversation.clone(),
        },
        properties: submission.properties.clone(),
        parts: parts.iter().map(part_info).collect(),
    };
    let digests = parts.iter().map(|part| part.digest.sha256).collect();
    Ok(Package { message, digests, signs: pmode.signs(), pmode: pmode.id.to_string() })
}

/// The header carries milliseconds; what is remembered of a message is what it says.
fn milliseconds(time: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(time.as_millisecond()).unwrap_or(time)
}

fn check(part: &OutPart, most: u64) -> Result<(), PackageError> {
    if part.digest.length > most {
        return Err(PackageError::PartTooLarge { part: part.id.clone(), got: part.digest.length, most });
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._@".contains(&byte);
    if part.id.as_str().bytes().all(plain) { Ok(()) } else { Err(PackageError::ContentId(part.id.clone())) }
}

//= AS4-COMPRESSION-03
//= AS4-COMPRESSION-05
fn part_info(part: &OutPart) -> PartInfo {
    PartInfo {
        id: part.id.clone(),
        mime_type: Some(part.mime_type.clone()),
        character_set: part.character_set.clone(),
        compressed: part.compressed,
        properties: part.properties.clone(),
    }
}
