//! Builds what the suite sends, stage by stage, and spoils it where a case says so.
//!
//! document -> (compress) -> envelope -> signed-info -> signed (and encrypted) -> mime -> http. XML, MIME and HTTP are written here by hand, because
//! they must be writable wrong; canonical form, digests, gzip and token encodings come from `carnet-wire`. It shares
//! no ebMS code with the node: one misreading of the specification must not pass silently on both sides.

mod edit;
mod encrypt;
mod envelope;
mod kept;
mod metadata;
mod mime;
mod naming;
mod sign;
mod signal;
mod xpath;

use carnet_catalogue::step::{Forge, Op, Stage};
use carnet_wire::wss::SignError;

pub(crate) use edit::resolve;
pub(crate) use encrypt::{CONTENTS, KEYS, ORDERS};
pub use encrypt::{Content, Encryption, KeyTransport, Order};
pub(crate) use envelope::EB;
pub use envelope::{Agreed, Draft, PartDraft, PartyRef, escape};
pub(crate) use kept::Kept;
pub use metadata::{Metadata, Subject, metadata};
pub use mime::MimeBody;
pub(crate) use sign::TOKENS;
pub use sign::{Algorithm, Omit, Signing};
pub use signal::{ErrorRow, SignalDraft, error_row};

use crate::http::{self, Request};
use crate::root;

/// The content type of an envelope without attachments.
const SOAP: &str = "application/soap+xml; charset=UTF-8";

/// Why a message could not be forged; always the suite's own fault or the case's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForgeError {
    /// The place does not exist in what was built.
    #[error("forge finds no {place:?} at stage {stage:?}")]
    NoSuchPlace {
        /// As the case has it.
        place: String,
        /// The stage.
        stage: Stage,
    },
    /// The place cannot be read, or the operation does not fit it.
    #[error("forge cannot {op:?} at {place:?}: {what}")]
    Unfit {
        /// The operation.
        op: Op,
        /// As the case has it.
        place: String,
        /// What does not fit.
        what: &'static str,
    },
    /// The edit left everything as it was.
    #[error("forge changed nothing at {place:?}")]
    NoChange {
        /// As the case has it.
        place: String,
    },
    /// The message cannot be encrypted as it stands.
    #[error("message cannot be encrypted: {what}")]
    Encrypt {
        /// Why.
        what: String,
    },
    /// The envelope cannot be signed as it stands.
    #[error("envelope cannot be signed: {what}")]
    Sign {
        /// Why.
        what: String,
    },
}

/// A message ready for the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forged {
    /// MessageId as it stands in the envelope.
    pub message_id: String,
    /// ConversationId as it stands in the envelope.
    pub conversation: String,
    /// The HTTP request.
    pub bytes: Vec<u8>,
}

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// `Host` header.
    pub host: String,
    /// Path and query.
    pub path: String,
}

/// Builds a user message.
///
/// # Errors
/// See [`ForgeError`]; a case whose forge does nothing is an error, not a pass.
pub fn message(
    draft: Draft,
    signing: Option<&Signing<'_>>,
    encryption: Option<&Encryption>,
    forge: &[Forge],
    target: &Target,
) -> Result<Forged, ForgeError> {
    write(draft, signing, encryption, forge)?.posted(forge, target)
}

/// An earlier request with its envelope changed on the way: signature and parts are those that went out before.
///
/// # Errors
/// As [`message`]; also a request without an envelope.
pub fn again(request: &[u8], forge: &[Forge]) -> Result<Vec<u8>, ForgeError> {
    let mut bytes = request.to_vec();
    for edit in forge {
        if edit.at != Stage::Signed {
            return Err(edit::unfit(edit, "what goes out again was built before: only `signed` is left"));
        }
        let mut message = http::read(&bytes).map_err(|_| edit::missing(edit))?;
        let envelope = root::package(&message).ok_or_else(|| edit::missing(edit))?.envelope;
        let start = http::find(&message.body, &envelope).ok_or_else(|| edit::missing(edit))?;
        message.body.splice(start..start + envelope.len(), edit::xml(&envelope, edit)?);
        let length = message.body.len().to_string();
        let fields = message.headers.iter_mut();
        fields
            .filter(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .for_each(|field| field.1.clone_from(&length));
        bytes = Request { line: message.line, headers: message.headers, body: message.body }.to_bytes();
    }
    Ok(bytes)
}

/// Builds a user message as the HTTP response to a pull request.
///
/// # Errors
/// As [`message`].
pub fn pulled(
    draft: Draft,
    signing: Option<&Signing<'_>>,
    encryption: Option<&Encryption>,
    forge: &[Forge],
) -> Result<Forged, ForgeError> {
    write(draft, signing, encryption, forge)?.handed_out(forge)
}

/// A user message before it is an HTTP message.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    message_id: String,
    conversation: String,
    content_type: String,
    body: Vec<u8>,
}

impl Written {
    /// As an HTTP request.
    pub(crate) fn posted(self, forge: &[Forge], target: &Target) -> Result<Forged, ForgeError> {
        let Self { message_id, conversation, content_type, body } = self;
        let bytes = http(Request::post(&target.host, &target.path, &content_type, body), at(forge, Stage::Http))?;
        Ok(Forged { message_id, conversation, bytes })
    }

    /// As the HTTP response to a pull request.
    pub(crate) fn handed_out(self, forge: &[Forge]) -> Result<Forged, ForgeError> {
        let Self { message_id, conversation, content_type, body } = self;
        Ok(Forged { message_id, conversation, bytes: response("200 OK", &content_type, body, forge)? })
    }

    /// How much room it takes.
    pub(crate) const fn len(&self) -> usize {
        self.body.len()
    }
}

/// Everything but HTTP.
pub(crate) fn write(
    mut draft: Draft,
    signing: Option<&Signing<'_>>,
    encryption: Option<&Encryption>,
    forge: &[Forge],
) -> Result<Written, ForgeError> {
    for edit in at(forge, Stage::Document) {
        let Some(part) = draft.parts.first_mut() else {
            return Err(ForgeError::NoSuchPlace { place: edit.place.clone(), stage: Stage::Document });
        };
        part.bytes = edit::xml(&part.bytes, edit)?;
    }
    let mut parts = draft.transported();
    let mut envelope = envelope::user_message(&draft);
    for edit in at(forge, Stage::Envelope) {
        if edit.place.starts_with("part:") {
            mime::edit_parts(&mut parts, edit)?;
        } else {
            envelope = edit::text(&envelope, edit)?;
        }
    }
    // What no edit touched still says what the draft says.
    let forged_ids = at(forge, Stage::Envelope).next().and_then(|_| envelope::ids_of(&envelope));
    let encryption = encryption.filter(|_| !parts.is_empty());
    let early = encryption.filter(|how| how.order != Order::AfterSigning);
    let plain = match signing.is_some_and(|how| how.before_compression) || early.is_some() {
        true => draft.before_compression(),
        false => Vec::new(),
    };
    let mut sealed = early.map(|how| encrypt::parts(&mut parts, &plain, &mut envelope, how)).transpose()?;
    if let Some(signing) = signing {
        let signed = if signing.before_compression { &plain } else { &parts };
        envelope = sign::sign(&envelope, signed, signing, at(forge, Stage::SignedInfo))?;
    }
    if let Some(how) = encryption.filter(|_| sealed.is_none()) {
        sealed = Some(encrypt::parts(&mut parts, &plain, &mut envelope, how)?);
    }
    if let Some(header) = sealed {
        let failed = |error: SignError| ForgeError::Encrypt { what: error.to_string() };
        envelope = carnet_wire::encryption::insert(&envelope, &header).map_err(failed)?;
    }
    let mut bytes = envelope.into_bytes();
    for edit in at(forge, Stage::Signed) {
        bytes = edit::xml(&bytes, edit)?;
    }
    let (message_id, conversation) = forged_ids.unwrap_or((draft.message_id, draft.conversation));
    let plain = parts.is_empty() && !at(forge, Stage::Mime).any(|_| true);
    let (content_type, body) = if plain {
        (SOAP.to_owned(), bytes)
    } else {
        let mut body = MimeBody::new(&message_id, bytes, parts);
        mime::edit(&mut body, at(forge, Stage::Mime))?
    };
    Ok(Written { message_id, conversation, content_type, body })
}

/// Builds a pull request as an HTTP request.
///
/// # Errors
/// As [`message`].
pub fn pull_request(
    message_id: &str,
    timestamp: &str,
    mpc: &str,
    signing: Option<&Signing<'_>>,
    forge: &[Forge],
    target: &Target,
) -> Result<Forged, ForgeError> {
    let body = signed(signal::pull_request(message_id, timestamp, mpc), signing, forge)?;
    posted(message_id.to_owned(), body, forge, target)
}

/// Builds a signal as an HTTP request of its own: a receipt for a message that was pulled.
///
/// # Errors
/// As [`message`].
pub fn signal_request(
    draft: &SignalDraft,
    signing: Option<&Signing<'_>>,
    forge: &[Forge],
    target: &Target,
) -> Result<Forged, ForgeError> {
    posted(draft.message_id.clone(), signal(draft, signing, forge)?, forge, target)
}

fn posted(message_id: String, body: Vec<u8>, forge: &[Forge], target: &Target) -> Result<Forged, ForgeError> {
    let request = Request::post(&target.host, &target.path, SOAP, body);
    Ok(Forged { message_id, conversation: String::new(), bytes: http(request, at(forge, Stage::Http))? })
}

/// Builds a signal (receipt or error) as the HTTP response body.
///
/// # Errors
/// As [`message`].
pub fn signal(draft: &SignalDraft, signing: Option<&Signing<'_>>, forge: &[Forge]) -> Result<Vec<u8>, ForgeError> {
    signed(signal::envelope(draft), signing, forge)
}

fn signed(mut envelope: String, signing: Option<&Signing<'_>>, forge: &[Forge]) -> Result<Vec<u8>, ForgeError> {
    for edit in at(forge, Stage::Envelope) {
        envelope = edit::text(&envelope, edit)?;
    }
    let mut bytes = match signing {
        Some(signing) => sign::sign(&envelope, &[], signing, at(forge, Stage::SignedInfo))?,
        None => envelope,
    }
    .into_bytes();
    for edit in at(forge, Stage::Signed) {
        bytes = edit::xml(&bytes, edit)?;
    }
    Ok(bytes)
}

/// Builds an HTTP response; edits of the stage `http` apply, with `request-line` for its status line.
///
/// # Errors
/// As [`message`].
pub fn response(status: &str, content_type: &str, body: Vec<u8>, forge: &[Forge]) -> Result<Vec<u8>, ForgeError> {
    let headers = vec![
        ("Content-Type".to_owned(), content_type.to_owned()),
        ("Content-Length".to_owned(), body.len().to_string()),
    ];
    http(Request { line: format!("HTTP/1.1 {status}"), headers, body }, at(forge, Stage::Http))
}

fn at(forge: &[Forge], stage: Stage) -> impl Iterator<Item = &Forge> {
    forge.iter().filter(move |edit| edit.at == stage)
}

fn http<'f>(mut request: Request, edits: impl Iterator<Item = &'f Forge>) -> Result<Vec<u8>, ForgeError> {
    let mut raw = None;
    for edit in edits {
        match edit.place.as_str() {
            "request-line" => request.line = edit::value(&request.line, edit)?,
            "body" => {
                request.body = edit::offset(&request.body, 0, edit)?;
            }
            place => match edit::place_offset(place) {
                Some(offset) => raw = Some(edit::offset(&raw.unwrap_or_else(|| request.to_bytes()), offset, edit)?),
                None => edit::header(&mut request.headers, place, edit)?,
            },
        }
    }
    Ok(raw.unwrap_or_else(|| request.to_bytes()))
}

#[cfg(test)]
mod tests;
