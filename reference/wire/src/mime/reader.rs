//! The reader.
use super::{ContentType, Event, MimeError};
use crate::Limits;
use bytes::Bytes;

/// Reads a multipart body that is fed in pieces of any size.
pub struct Reader {}

impl Reader {
    /// Starts a body; the limits used are `parts` and `part_header`.
    ///
    /// # Errors
    /// [`MimeError::NotMultipart`], [`MimeError::Boundary`].
    pub fn new(content_type: &ContentType, limits: &Limits) -> Result<Self, MimeError> {
        todo!("{content_type:?}{limits:?}")
    }

    /// Takes the next bytes of the body.
    pub fn feed(&mut self, bytes: Bytes) {
        todo!("{bytes:?}")
    }

    /// Says that the body has ended.
    pub fn eof(&mut self) {
        todo!()
    }

    /// What comes next; none when more bytes are wanted, or after [`Event::End`].
    ///
    /// # Errors
    /// See [`MimeError`]; the same error is given again when asked again.
    #[expect(
        clippy::should_implement_trait,
        reason = "an error ends the body, an iterator would go on"
    )]
    pub fn next(&mut self) -> Result<Option<Event>, MimeError> {
        todo!()
    }
}
