//! multipart/related in pieces: a reader that is fed and asked, a writer that knows its length beforehand.
//!
//! The reader keeps no part: bytes go out as they come in. Preamble and epilogue are passed over. Transfer encodings
//! binary, 8bit and 7bit are taken as they are and base64 is undone, as a signature covers what was encoded (WSS SwA
//! profile 1.1, 5.2); quoted-printable is refused by name, because line ends do not survive it. Which part is the root, and whether parts are referenced, is left to the caller.
//! Implements RFC 2045, 2046 (5.1.1), 2387, 2392 and SOAP messages with attachments as AS4 uses them.

mod content_type;
mod disposition;
mod header;
mod reader;
mod transfer;
mod writer;

pub use content_type::ContentType;
pub use disposition::{attachment, filename_of};
pub use header::parameters;
pub use reader::Reader;
pub use writer::{PartHeader, Writer};

use bytes::Bytes;

use crate::percent;

/// Why a body was refused, or could not be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MimeError {
    /// `Content-Type` is not `type/subtype; name=value ...`.
    #[error("content type is malformed")]
    ContentType,
    /// The media type is not multipart/related.
    #[error("content type is not multipart/related")]
    NotMultipart,
    /// `boundary` is missing, too long, or holds characters that a boundary may not have.
    #[error("multipart boundary is missing or malformed")]
    Boundary,
    /// The body ended before the closing boundary.
    #[error("multipart body is cut short")]
    Truncated,
    /// The body ended and no boundary line was found at all.
    #[error("multipart body has no boundary line")]
    NoBoundary,
    /// A boundary line goes on with other text.
    #[error("multipart boundary line is malformed")]
    Delimiter,
    /// More parts than the limit.
    #[error("multipart body has more than {limit} parts")]
    TooManyParts {
        /// Parts allowed.
        limit: usize,
    },
    /// A part's header block, or the preamble, is longer than the limit.
    #[error("multipart header is longer than {limit} bytes")]
    HeaderTooLarge {
        /// Bytes allowed.
        limit: usize,
    },
    /// A header line is not `name: value`, not text, or begins a block with a continuation.
    #[error("multipart header is malformed")]
    Header,
    /// A header that matters is repeated.
    #[error("multipart header {0} is repeated")]
    RepeatedHeader(&'static str),
    /// Two parts have the same Content-ID.
    #[error("two parts have the same content-id")]
    DuplicateContentId,
    /// quoted-printable or an unknown transfer encoding.
    #[error("content transfer encoding is not binary, 8bit, 7bit or base64")]
    TransferEncoding,
    /// A part that is said to be base64 and is not.
    #[error("part is not base64, as its content transfer encoding says")]
    Base64,
    /// A value that would break the header it is written to.
    #[error("value cannot be written to a header")]
    Unwritable,
}

/// The header block of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartHead {
    /// Content-ID without angle brackets.
    pub content_id: Option<String>,
    /// Content-Type, none when absent (RFC 2045 then means text/plain).
    pub content_type: Option<ContentType>,
    /// All headers in order, continuation lines joined.
    pub headers: Vec<(String, String)>,
    /// Whether the part's bytes travel as base64; they come out of the reader decoded.
    pub base64: bool,
}

impl PartHead {
    /// The first header of that name, case ignored.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// The media type in lower case, `text/plain` when the part names none.
    pub fn media(&self) -> &str {
        self.content_type.as_ref().map_or("text/plain", ContentType::media)
    }

    /// `filename` of Content-Disposition.
    pub fn filename(&self) -> Option<String> {
        filename_of(self.header("content-disposition")?)
    }
}

/// What the reader found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A part begins.
    Part(PartHead),
    /// Bytes of that part; never empty.
    Data(Bytes),
    /// That part ends.
    PartEnd,
    /// The closing boundary was read; what follows is passed over.
    End,
}

/// The Content-ID that a `cid:` URI names, percent-decoded (RFC 2392); none for another URI or broken escapes.
pub fn content_id_of(uri: &str) -> Option<String> {
    percent::decoded(uri.strip_prefix("cid:")?)
}

#[cfg(test)]
mod tests;
