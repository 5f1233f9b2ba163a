//! Writes multipart/related by hand, and edits its parts.

use carnet_catalogue::step::{Forge, Op};

use super::ForgeError;
use super::edit::{self, missing, unfit};
use super::envelope::Transported;

/// A multipart/related body to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MimeBody {
    /// Boundary of the body.
    pub boundary: String,
    /// Content type of the whole.
    pub content_type: String,
    /// Parts, the envelope first.
    pub parts: Vec<Transported>,
    /// The closing boundary is written.
    pub closed: bool,
}

impl MimeBody {
    /// The envelope and its payloads.
    #[must_use]
    pub fn new(message_id: &str, envelope: Vec<u8>, payloads: Vec<Transported>) -> Self {
        let digest = hex::encode(carnet_wire::digest::sha256(message_id.as_bytes()));
        let boundary = format!("carnet-{}", digest.get(..24).unwrap_or_default());
        let cid = format!("envelope-{}@suite.carnet", digest.get(..12).unwrap_or_default());
        let root = Transported {
            headers: vec![
                ("Content-Type".to_owned(), "application/soap+xml; charset=UTF-8".to_owned()),
                ("Content-Transfer-Encoding".to_owned(), "binary".to_owned()),
                ("Content-ID".to_owned(), format!("<{cid}>")),
            ],
            cid: cid.clone(),
            body: envelope,
        };
        let content_type =
            format!("multipart/related; boundary=\"{boundary}\"; type=\"application/soap+xml\"; start=\"<{cid}>\"");
        let mut parts = vec![root];
        parts.extend(payloads);
        Self { boundary, content_type, parts, closed: true }
    }

    /// The bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for part in &self.parts {
            out.extend_from_slice(format!("--{}\r\n", self.boundary).as_bytes());
            for (name, value) in &part.headers {
                out.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
            }
            out.extend_from_slice(b"\r\n");
            out.extend_from_slice(&part.body);
            out.extend_from_slice(b"\r\n");
        }
        if self.closed {
            out.extend_from_slice(format!("--{}--\r\n", self.boundary).as_bytes());
        }
        out
    }
}

/// Applies edits of the stage `mime`; gives the content type and the bytes.
pub(crate) fn edit<'f>(
    body: &mut MimeBody,
    edits: impl Iterator<Item = &'f Forge>,
) -> Result<(String, Vec<u8>), ForgeError> {
    let mut raw: Option<Vec<u8>> = None;
    for edit in edits {
        match edit.place.as_str() {
            "boundary" => body.boundary = edit::value(&body.boundary, edit)?,
            "content-type" => body.content_type = edit::value(&body.content_type, edit)?,
            "close" => {
                if edit.op != Op::Remove {
                    return Err(unfit(edit, "the closing boundary can only be removed"));
                }
                body.closed = false;
            }
            place if place.starts_with("part:") => edit_parts(&mut body.parts, edit)?,
            place => {
                let offset = edit::place_offset(place).ok_or_else(|| missing(edit))?;
                raw = Some(edit::offset(&raw.unwrap_or_else(|| body.to_bytes()), offset, edit)?);
            }
        }
    }
    Ok((body.content_type.clone(), raw.unwrap_or_else(|| body.to_bytes())))
}

/// `part:N`, `part:N/body`, `part:N/body:OFFSET`, `part:N/HEADER`. Before signing, 1 is the first payload too.
pub(crate) fn edit_parts(parts: &mut Vec<Transported>, edit: &Forge) -> Result<(), ForgeError> {
    let place = edit.place.strip_prefix("part:").ok_or_else(|| missing(edit))?;
    let (number, inner) = place.split_once('/').map_or((place, None), |(number, inner)| (number, Some(inner)));
    let number: usize = number.parse().map_err(|_| missing(edit))?;
    let before_signing = edit.at == carnet_catalogue::step::Stage::Envelope;
    let index = if before_signing { number.checked_sub(1).ok_or_else(|| missing(edit))? } else { number };
    let Some(part) = parts.get_mut(index) else { return Err(missing(edit)) };
    match inner {
        None => whole(parts, index, edit),
        Some("body") => {
            part.body = edit::offset(&part.body, 0, edit)?;
            Ok(())
        }
        Some(inner) => match inner.strip_prefix("body:").and_then(edit::place_offset) {
            Some(offset) => {
                part.body = edit::offset(&part.body, offset, edit)?;
                Ok(())
            }
            None => edit::header(&mut part.headers, inner, edit),
        },
    }
}

fn whole(parts: &mut Vec<Transported>, index: usize, edit: &Forge) -> Result<(), ForgeError> {
    match edit.op {
        Op::Remove => {
            parts.remove(index);
        }
        Op::Duplicate => {
            let copy = parts.get(index).cloned().ok_or_else(|| missing(edit))?;
            parts.splice(index + 1..index + 1, std::iter::repeat_n(copy, edit::times(edit)?));
        }
        Op::Move => {
            let to = edit.to.as_deref().and_then(|to| to.strip_prefix("part:")).and_then(|to| to.parse::<usize>().ok());
            let to = to.filter(|to| *to < parts.len()).ok_or_else(|| missing(edit))?;
            let part = parts.remove(index);
            parts.insert(to, part);
        }
        Op::Insert => {
            let text = edit::new_bytes(edit)?;
            let split = crate::http::find(&text, b"\r\n\r\n")
                .ok_or_else(|| unfit(edit, "a part needs headers and an empty line"))?;
            let head = String::from_utf8_lossy(text.get(..split).unwrap_or_default()).into_owned();
            let headers = head
                .split("\r\n")
                .filter_map(|line| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned())))
                .collect();
            let body = text.get(split + 4..).unwrap_or_default().to_vec();
            let part = Transported { headers, cid: String::new(), body };
            parts.splice(index + 1..index + 1, std::iter::repeat_n(part, edit::times(edit)?));
        }
        _ => return Err(unfit(edit, "a part can be removed, moved, duplicated, or another inserted after it")),
    }
    Ok(())
}
