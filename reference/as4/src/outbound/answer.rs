//! Check: what came back for a message that was sent.
//!
//! A receipt counts only when it is signed by the partner, answers this message, and carries the digest of everything
//! that was signed. Leaves sending again to the driver, which asks [`AnswerError::ebms`] and [`Errors::final_failure`].
//! Clauses: AS4 profile 1.0 section 3.2, 5.1.8; ebMS 3.0 core 6.7; eDelivery AS4 1.15 (answers are synchronous).

use super::Sent;
use crate::error::{Ebms, Severity};
use crate::header::{ErrorSignal, HeaderError, Messaging, PartDigest, Receipt, Signal, SignalBody, messaging};
use crate::id::MessageId;
use crate::ns;
use crate::partner::Partner;
use crate::pmode::PMode;
use crate::secure::{Rules, SecurityError, verify};
use crate::soap::{Envelope, SoapError};
use carnet_wire::Limits;
use carnet_wire::mime::{ContentType, Event, MimeError, Reader};
use carnet_wire::xml::Document;
use jiff::Timestamp;

/// What came back over HTTP.
#[derive(Debug, Clone, Copy)]
pub struct Response<'a> {
    /// HTTP status.
    pub status: u16,
    /// Value of Content-Type; empty when there was none.
    pub content_type: &'a str,
    /// The body.
    pub body: &'a [u8],
}

/// An answer that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The partner holds exactly what was sent.
    Receipt(Receipted),
    /// The partner refused.
    Errors(Errors),
}

/// A receipt that proves reception.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipted {
    /// Id of the receipt.
    pub message_id: MessageId,
    /// When the partner made it.
    pub timestamp: Timestamp,
    /// The signed envelope, to be kept as proof.
    pub envelope: Vec<u8>,
}

/// Errors the partner sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Errors {
    /// The errors; never empty.
    pub errors: Vec<ErrorSignal>,
    /// Whether they are signed by the partner and name this message.
    pub authentic: bool,
}

impl Errors {
    /// The failure for which sending the same message again is without hope: the partner itself said so, and time does
    /// not heal it. What else came, a warning or a failure that heals, may stand before it; an error that anyone on the
    /// way could have made is never final.
    #[must_use]
    pub fn final_failure(&self) -> Option<&ErrorSignal> {
        let heals = |error: &ErrorSignal| {
            matches!(
                Ebms::from_code(&error.code),
                Some(Ebms::ConnectionFailure | Ebms::DysfunctionalReliability | Ebms::DeliveryFailure)
            )
        };
        let is_final = |error: &&ErrorSignal| self.authentic && error.severity == Severity::Failure && !heals(error);
        self.errors.iter().find(is_final)
    }
}

/// Why an answer proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// Nothing in the body.
    #[error("answer is empty, with HTTP status {status}")]
    Empty {
        /// HTTP status.
        status: u16,
    },
    /// Not a SOAP message.
    #[error("answer is no SOAP message, with HTTP status {status} and content type {content_type:?}")]
    ContentType {
        /// HTTP status.
        status: u16,
        /// What it says it is.
        content_type: String,
    },
    /// A broken multipart.
    #[error("answer is a broken multipart")]
    Mime(#[from] MimeError),
    /// A broken envelope.
    #[error("answer is no envelope")]
    Soap(#[from] SoapError),
    /// A SOAP fault without ebMS error.
    #[error("answer is a SOAP fault: {code} {reason}")]
    Fault {
        /// Its code.
        code: String,
        /// Its reason.
        reason: String,
    },
    /// A broken header.
    #[error("answer has a broken header")]
    Header(#[from] HeaderError),
    /// A user message or pull request, where a receipt is agreed.
    #[error("answer is neither receipt nor error")]
    NotASignal,
    /// A receipt for another message.
    #[error("receipt is for {}, expected {expected}", .got.as_ref().map_or("no message", MessageId::as_str))]
    OtherMessage {
        /// What it refers to.
        got: Option<MessageId>,
        /// What was sent.
        expected: MessageId,
    },
    /// A receipt under an HTTP status that says failure.
    #[error("receipt came with HTTP status {0}")]
    Status(u16),
    /// A receipt that is not signed, or not by the partner.
    #[error("receipt is not authentic")]
    Security(#[from] SecurityError),
    /// A receipt without digests.
    #[error("receipt proves nothing: it carries no digest")]
    NoProof,
    /// A receipt that leaves something out.
    #[error("receipt does not cover {0}")]
    NotCovered(String),
    /// A receipt with another digest than was sent.
    #[error("receipt has another digest for {0} than was sent")]
    OtherDigest(String),
    /// A receipt for something that was not sent.
    #[error("receipt covers {0}, which was not sent")]
    NotSent(String),
}

impl AnswerError {
    /// What the producer is told when no retry mends it.
    #[must_use]
    pub fn ebms(&self) -> Ebms {
        match self {
            Self::Empty { .. } | Self::ContentType { .. } | Self::Fault { .. } | Self::NotASignal => {
                Ebms::MissingReceipt
            }
            _ => Ebms::InvalidReceipt,
        }
    }
}

/// Checks what came back for `sent`, from `partner`, under `pmode`.
///
/// # Errors
/// [`AnswerError`]: the answer is neither a receipt that proves reception nor an error.
pub fn check(
    sent: &Sent,
    pmode: &PMode,
    partner: &Partner,
    limits: &Limits,
    response: Response<'_>,
    now: Timestamp,
) -> Result<Answer, AnswerError> {
    let root = root(&response, limits)?;
    let answer = judge(sent, pmode, partner, limits, (&root, false), now)?;
    if matches!(answer, Answer::Receipt(_)) && !(200..300).contains(&response.status) {
        return Err(AnswerError::Status(response.status));
    }
    Ok(answer)
}

/// Checks a receipt or an error about `sent` that `partner` posted by itself or bundled with something else.
///
/// # Errors
/// As [`check`].
//= AS4-BUNDLE-01
pub fn check_returned(
    sent: &Sent,
    pmode: &PMode,
    partner: &Partner,
    limits: &Limits,
    envelope: &[u8],
    now: Timestamp,
) -> Result<Answer, AnswerError> {
    judge(sent, pmode, partner, limits, (envelope, true), now)
}

/// `bundled`: whether a user message or a pull request may stand beside the signal.
//= AS4-RECEIPT-04
//= AS4-RECEIPT-05
//= AS4-RECEIPT-09
fn judge(
    sent: &Sent,
    pmode: &PMode,
    partner: &Partner,
    limits: &Limits,
    (bytes, bundled): (&[u8], bool),
    now: Timestamp,
) -> Result<Answer, AnswerError> {
    let document = Document::parse(bytes, limits).map_err(|error| AnswerError::Soap(error.into()))?;
    let envelope = Envelope::of(&document)?;
    let Some(element) = envelope.messaging else {
        let (code, reason) = envelope.fault().ok_or(SoapError::NoMessaging)?;
        return Err(AnswerError::Fault { code, reason });
    };
    let Messaging { user, signals } = messaging(element)?;
    if user.is_some() && !bundled {
        return Err(AnswerError::NotASignal);
    }
    let Some(Signal { info, body }) = signals.into_iter().next() else { return Err(AnswerError::NotASignal) };
    // The partner may show either token: which one it sends is its own leg's matter.
    let rules =
        Rules { profile: &pmode.profile, accept_tokens: &pmode.profile.security.accept_tokens, partner, limits, now };
    let secured = verify(&document, &envelope, &rules);
    match body {
        SignalBody::PullRequest(_) => Err(AnswerError::NotASignal),
        SignalBody::Errors(errors) => {
            let about = |error: &ErrorSignal| error.ref_to.as_ref() == Some(&sent.message_id);
            let authentic =
                secured.is_ok() && (info.ref_to.as_ref() == Some(&sent.message_id) || errors.iter().any(about));
            Ok(Answer::Errors(Errors { errors, authentic }))
        }
        SignalBody::Receipt(receipt) => {
            secured?;
            if info.ref_to.as_ref() != Some(&sent.message_id) {
                return Err(AnswerError::OtherMessage { got: info.ref_to, expected: sent.message_id.clone() });
            }
            check_digests(&receipt, &sent.references)?;
            let (message_id, timestamp) = (info.message_id, info.timestamp);
            Ok(Answer::Receipt(Receipted { message_id, timestamp, envelope: bytes.to_vec() }))
        }
    }
}

fn check_digests(receipt: &Receipt, sent: &[PartDigest]) -> Result<(), AnswerError> {
    if receipt.parts.is_empty() {
        return Err(AnswerError::NoProof);
    }
    let same = |one: &PartDigest, other: &PartDigest| one.algorithm == other.algorithm && one.value == other.value;
    for reference in sent {
        let mut named = receipt.parts.iter().filter(|part| part.uri == reference.uri).peekable();
        if named.peek().is_none() {
            return Err(AnswerError::NotCovered(reference.uri.clone()));
        }
        if named.any(|part| !same(part, reference)) {
            return Err(AnswerError::OtherDigest(reference.uri.clone()));
        }
    }
    match receipt.parts.iter().find(|part| !sent.iter().any(|reference| reference.uri == part.uri)) {
        Some(part) => Err(AnswerError::NotSent(part.uri.chars().take(200).collect())),
        None => Ok(()),
    }
}

/// The envelope: the body itself, or the root of a multipart (RFC 2387: the part `start` names, else the first).
fn root<'a>(response: &Response<'a>, limits: &Limits) -> Result<std::borrow::Cow<'a, [u8]>, AnswerError> {
    if response.body.iter().all(u8::is_ascii_whitespace) {
        return Err(AnswerError::Empty { status: response.status });
    }
    let other = || AnswerError::ContentType {
        status: response.status,
        content_type: response.content_type.chars().take(80).collect(),
    };
    let content_type = ContentType::parse(response.content_type).map_err(|_| other())?;
    match content_type.media() {
        ns::SOAP_MEDIA => Ok(response.body.into()),
        "multipart/related" => Ok(root_part(&content_type, response.body, limits)?.ok_or_else(other)?.into()),
        _ => Err(other()),
    }
}

fn root_part(content_type: &ContentType, body: &[u8], limits: &Limits) -> Result<Option<Vec<u8>>, MimeError> {
    let start = content_type.param("start").map(|id| id.trim_matches(['<', '>']));
    let mut reader = Reader::new(content_type, limits)?;
    reader.feed(body.to_vec().into());
    reader.eof();
    let mut found: Option<Vec<u8>> = None;
    let mut inside = false;
    while let Some(event) = reader.next()? {
        match event {
            Event::Part(head) => {
                let is_root = start.is_none_or(|start| head.content_id.as_deref() == Some(start));
                inside = is_root && found.is_none();
                if inside {
                    found = Some(Vec::new());
                }
            }
            Event::Data(bytes) => {
                if let Some(found) = found.as_mut().filter(|_| inside) {
                    found.extend_from_slice(&bytes);
                }
            }
            Event::PartEnd => inside = false,
            Event::End => break,
        }
    }
    Ok(found)
}
