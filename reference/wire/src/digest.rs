//! What is hashed of a part, and its SHA-256.
//!
//! The Attachment-Content-Signature-Transform depends on the media type under which a part is transported: XML is
//! hashed in exclusive canonical form without comments, other text with its line ends made CRLF, everything else
//! (gzip among it) as it is. Implements WS-Security SwA profile 1.1.1, 4.4.1 and 5.4.2.

use aws_lc_rs::digest::{Context, SHA256};

use crate::Limits;
use crate::c14n::{self, C14nError};

/// Why a part could not be hashed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DigestError {
    /// The part is larger than a part may be that must be brought into canonical form.
    #[error("xml part has more than {limit} bytes")]
    TooLarge {
        /// Bytes allowed.
        limit: usize,
    },
    /// The part says that it is XML and is not, or may not be read.
    #[error("xml part has no canonical form")]
    Canonical(#[from] C14nError),
}

/// What is done to a part before it is hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transform {
    /// The transported bytes.
    Raw,
    /// Line ends become CRLF.
    Text,
    /// Exclusive canonical form without comments.
    Xml,
}

impl Transform {
    /// The transform for a transported media type, such as `application/xml` or `application/gzip`; parameters are
    /// ignored, case too. A part that is sent compressed is transported as `application/gzip`.
    pub fn of(media: &str) -> Self {
        let media = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let suffixed = media.ends_with("+xml") && (media.starts_with("application/") || media.starts_with("image/"));
        match media.as_str() {
            "text/xml" | "application/xml" => Self::Xml,
            _ if suffixed => Self::Xml,
            _ if media.starts_with("text/") => Self::Text,
            _ => Self::Raw,
        }
    }
}

/// A part's digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PartDigest {
    /// SHA-256 over what the transform gives.
    pub sha256: [u8; 32],
    /// Transported bytes.
    pub length: u64,
}

/// Hashes a part in pieces; only XML is kept in memory, up to `Limits::xml_part`.
pub struct PartHasher {
    state: State,
    length: u64,
    limits: Limits,
}

enum State {
    Raw(Context),
    Text { context: Context, after_cr: bool },
    Xml(Vec<u8>),
}

impl PartHasher {
    /// Starts a part.
    pub fn new(transform: Transform, limits: &Limits) -> Self {
        let state = match transform {
            Transform::Raw => State::Raw(Context::new(&SHA256)),
            Transform::Text => State::Text { context: Context::new(&SHA256), after_cr: false },
            Transform::Xml => State::Xml(Vec::new()),
        };
        Self { state, length: 0, limits: limits.clone() }
    }

    /// Takes the next transported bytes.
    ///
    /// # Errors
    /// [`DigestError::TooLarge`].
    pub fn update(&mut self, bytes: &[u8]) -> Result<(), DigestError> {
        self.length = self.length.saturating_add(bytes.len() as u64);
        match &mut self.state {
            State::Raw(context) => context.update(bytes),
            State::Text { context, after_cr } => *after_cr = update_text(context, bytes, *after_cr),
            State::Xml(kept) => {
                if kept.len() + bytes.len() > self.limits.xml_part {
                    return Err(DigestError::TooLarge { limit: self.limits.xml_part });
                }
                kept.extend_from_slice(bytes);
            }
        }
        Ok(())
    }

    /// Ends the part.
    ///
    /// # Errors
    /// [`DigestError::Canonical`] for an XML part that cannot be read.
    pub fn finish(self) -> Result<PartDigest, DigestError> {
        let sha256 = match self.state {
            State::Raw(context) | State::Text { context, .. } => bytes_of(context),
            State::Xml(kept) => sha256(&c14n::exclusive_part(&kept, &self.limits)?),
        };
        Ok(PartDigest { sha256, length: self.length })
    }
}

/// Hashes a whole part.
///
/// # Errors
/// See [`DigestError`].
pub fn part(transform: Transform, bytes: &[u8], limits: &Limits) -> Result<PartDigest, DigestError> {
    let mut hasher = PartHasher::new(transform, limits);
    hasher.update(bytes)?;
    hasher.finish()
}

/// Plain SHA-256.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(bytes);
    bytes_of(context)
}

fn bytes_of(context: Context) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}

/// CR, LF and CR LF all count as one line end.
fn update_text(context: &mut Context, bytes: &[u8], mut after_cr: bool) -> bool {
    let mut start = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let ends = matches!(byte, b'\r' | b'\n');
        if ends {
            context.update(bytes.get(start..at).unwrap_or_default());
            start = at + 1;
            if *byte == b'\r' || !after_cr {
                context.update(b"\r\n");
            }
        }
        after_cr = *byte == b'\r';
    }
    context.update(bytes.get(start..).unwrap_or_default());
    after_cr
}

#[cfg(test)]
mod tests;
