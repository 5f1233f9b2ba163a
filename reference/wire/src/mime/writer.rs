//! The writer.

use bytes::Bytes;

use super::MimeError;
use super::content_type::is_token;

/// The header block of a part that is to be written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PartHeader {
    /// Content-Type with its parameters.
    pub content_type: String,
    /// Content-ID without angle brackets; empty for none.
    pub content_id: String,
    /// Further headers, such as Content-Disposition.
    pub headers: Vec<(String, String)>,
}

/// Frames parts: header blocks and boundaries are given as bytes, the parts' own bytes are the caller's to send.
#[derive(Debug, Clone)]
pub struct Writer {
    boundary: String,
    begun: bool,
}

impl Writer {
    /// A body with that boundary, which must not occur in any part.
    ///
    /// # Errors
    /// [`MimeError::Boundary`] when it is empty, longer than 70, or holds other characters than letters, digits and
    /// `'()+_,-./:=?`.
    pub fn new(boundary: &str) -> Result<Self, MimeError> {
        if !is_boundary(boundary) {
            return Err(MimeError::Boundary);
        }
        Ok(Self { boundary: boundary.to_owned(), begun: false })
    }

    /// The value of the body's Content-Type: `multipart/related` with type, boundary and, when given, the root
    /// part's Content-ID as `start`.
    ///
    /// # Errors
    /// [`MimeError::Unwritable`].
    pub fn content_type(&self, root_media: &str, start: Option<&str>) -> Result<String, MimeError> {
        let fits = |v: &str| v.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\');
        if !fits(root_media) || !start.is_none_or(fits) {
            return Err(MimeError::Unwritable);
        }
        let start = start.map_or_else(String::new, |id| format!("; start=\"<{id}>\""));
        Ok(format!("multipart/related; type=\"{root_media}\"; boundary=\"{}\"{start}", self.boundary))
    }

    /// Boundary line and header block that stand before the next part's bytes.
    ///
    /// # Errors
    /// [`MimeError::Unwritable`].
    pub fn part(&mut self, header: &PartHeader) -> Result<Bytes, MimeError> {
        let lead = if self.begun { "\r\n" } else { "" };
        let mut text = format!("{lead}--{}\r\n", self.boundary);
        line(&mut text, "Content-Type", &header.content_type)?;
        line(&mut text, "Content-Transfer-Encoding", "binary")?;
        if !header.content_id.is_empty() {
            if header.content_id.contains(['<', '>', ' ']) {
                return Err(MimeError::Unwritable);
            }
            line(&mut text, "Content-ID", &format!("<{}>", header.content_id))?;
        }
        for (name, value) in &header.headers {
            line(&mut text, name, value)?;
        }
        text.push_str("\r\n");
        self.begun = true;
        Ok(Bytes::from(text))
    }

    /// The closing boundary.
    pub fn close(&self) -> Bytes {
        Bytes::from(format!("\r\n--{}--\r\n", self.boundary))
    }

    /// Length of the whole body for these parts, headers and bytes.
    ///
    /// # Errors
    /// [`MimeError::Unwritable`].
    pub fn content_length(&self, parts: &[(&PartHeader, u64)]) -> Result<u64, MimeError> {
        let mut copy = Self { boundary: self.boundary.clone(), begun: false };
        let mut total = self.close().len() as u64;
        for (header, length) in parts {
            total += copy.part(header)?.len() as u64 + length;
        }
        Ok(total)
    }
}

pub(super) fn is_boundary(text: &str) -> bool {
    (1..=70).contains(&text.len())
        && !text.ends_with(' ')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&b))
}

fn line(text: &mut String, name: &str, value: &str) -> Result<(), MimeError> {
    if !is_token(name) || value.chars().any(char::is_control) {
        return Err(MimeError::Unwritable);
    }
    text.push_str(name);
    text.push_str(": ");
    text.push_str(value);
    text.push_str("\r\n");
    Ok(())
}
