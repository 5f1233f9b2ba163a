//! Content-Type: media type and parameters.

use super::MimeError;
use super::header::parameters;

/// A parsed `Content-Type`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentType {
    media: String,
    parameters: Vec<(String, String)>,
}

impl ContentType {
    /// Reads a header value such as `multipart/related; type="application/soap+xml"; boundary=b`.
    ///
    /// # Errors
    /// [`MimeError::ContentType`].
    pub fn parse(value: &str) -> Result<Self, MimeError> {
        let (media, rest) = value.split_once(';').map_or((value, ""), |(m, r)| (m, r));
        let media = media.trim().to_ascii_lowercase();
        let (kind, subtype) = media.split_once('/').ok_or(MimeError::ContentType)?;
        if !is_token(kind) || !is_token(subtype) {
            return Err(MimeError::ContentType);
        }
        let parameters = parameters(rest).ok_or(MimeError::ContentType)?;
        Ok(Self { media, parameters })
    }

    /// The media type in lower case, without parameters.
    pub fn media(&self) -> &str {
        &self.media
    }

    /// The parameter's value, unquoted; names ignore case.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// `charset`.
    pub fn charset(&self) -> Option<&str> {
        self.param("charset")
    }
}

/// RFC 2045 token.
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() && !br#"()<>@,;:\"/[]?="#.contains(&b))
}
