//! Where the parts of an HTTP message lie: head, MIME head, envelope, payload, closing delimiter, last chunk.

use std::ops::Range;

use carnet_catalogue::step::OffsetClass;

use crate::http::{self, find};

/// Bytes per chunk, so that even a small message has several.
const CHUNK: usize = 1 << 10;

/// A byte inside the part, chosen by the seed; something of the part lies before it where the part is long enough.
///
/// # Errors
/// In words: the message has no such part.
pub(super) fn place(bytes: &[u8], class: OffsetClass, seed: u64) -> Result<usize, String> {
    let range = part(bytes, class).ok_or_else(|| format!("the message has no {class:?} to disturb"))?;
    if class == OffsetClass::LastChunk {
        // Before its line end it is no chunk at all, so that the body cannot be taken for whole.
        return Ok(range.start + (seed % 2) as usize);
    }
    let inner = (range.len().saturating_sub(1) as u64).max(1);
    Ok(range.start + ((seed % inner) as usize + 1).min(range.len()))
}

/// The message with its body in chunks instead of a content length.
///
/// # Errors
/// In words: it is no HTTP message.
pub(super) fn chunked(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let message = http::read(bytes).map_err(|error| error.to_string())?;
    let mut out = format!("{}\r\n", message.line).into_bytes();
    for (name, value) in message.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("content-length")) {
        out.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    out.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
    for chunk in message.body.chunks(CHUNK) {
        out.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        out.extend_from_slice(chunk);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"0\r\n\r\n");
    Ok(out)
}

fn part(bytes: &[u8], class: OffsetClass) -> Option<Range<usize>> {
    let message = http::read(bytes).ok()?;
    let body = message.body_offset;
    match class {
        OffsetClass::TlsHello | OffsetClass::TlsRecord => None,
        OffsetClass::HttpHead => Some(0..body),
        OffsetClass::LastChunk => bytes.ends_with(b"0\r\n\r\n").then(|| bytes.len() - 5..bytes.len()),
        OffsetClass::MimeHead => Some(body..head_end(bytes, body)?).filter(|_| boundary(&message).is_some()),
        OffsetClass::Envelope => match boundary(&message) {
            Some(boundary) => section(bytes, body, &boundary, 0),
            None => Some(body..bytes.len()),
        },
        OffsetClass::Payload => section(bytes, body, &boundary(&message)?, 1),
        OffsetClass::ClosingBoundary => {
            let closing = format!("\r\n--{}--", boundary(&message)?);
            let start = body + find(bytes.get(body..)?, closing.as_bytes())?;
            Some(start..start + closing.len())
        }
    }
}

/// The content of the part of that number.
fn section(bytes: &[u8], body: usize, boundary: &str, number: usize) -> Option<Range<usize>> {
    let delimiter = format!("\r\n--{boundary}");
    let mut from = body;
    for _ in 0..number {
        from += find(bytes.get(from..)?, delimiter.as_bytes())? + delimiter.len();
        if bytes.get(from..)?.starts_with(b"--") {
            return None;
        }
    }
    let start = head_end(bytes, from)?;
    let length = find(bytes.get(start..)?, delimiter.as_bytes())?;
    Some(start..start + length)
}

fn head_end(bytes: &[u8], from: usize) -> Option<usize> {
    Some(from + find(bytes.get(from..)?, b"\r\n\r\n")? + 4)
}

fn boundary(message: &http::Message) -> Option<String> {
    let parsed = carnet_wire::mime::ContentType::parse(message.header("content-type")?).ok()?;
    parsed.param("boundary").map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &[u8] = b"POST / HTTP/1.1\r\nContent-Type: multipart/related; boundary=\"b1\"\r\nContent-Length: 97\r\n\r\n\
        --b1\r\nContent-Type: application/soap+xml\r\n\r\n<envelope/>\r\n--b1\r\nContent-ID: <p>\r\n\r\npayload\r\n--b1--\r\n";

    fn text(class: OffsetClass) -> &'static str {
        std::str::from_utf8(&MESSAGE[part(MESSAGE, class).unwrap()]).unwrap()
    }

    #[test]
    fn parts_are_found_and_the_seed_chooses_inside_them() {
        assert!(text(OffsetClass::HttpHead).ends_with("97\r\n\r\n"));
        assert!(text(OffsetClass::MimeHead).starts_with("--b1"));
        assert_eq!(text(OffsetClass::Envelope), "<envelope/>");
        assert_eq!(text(OffsetClass::Payload), "payload");
        assert_eq!(text(OffsetClass::ClosingBoundary), "\r\n--b1--");
        for class in [OffsetClass::HttpHead, OffsetClass::Payload, OffsetClass::ClosingBoundary] {
            let range = part(MESSAGE, class).unwrap();
            let places: std::collections::BTreeSet<usize> =
                (0..200).map(|seed| place(MESSAGE, class, seed).unwrap()).collect();
            assert!(places.iter().all(|place| *place > range.start && *place < range.end), "{class:?}");
            assert!(places.len() > 1);
        }
    }

    #[test]
    fn chunks_carry_the_same_body_and_the_last_one_can_be_cut() {
        let out = chunked(MESSAGE).unwrap();
        let (before, after) = (http::read(MESSAGE).unwrap(), http::read(&out).unwrap());
        assert_eq!(before.body, after.body);
        for seed in 0..4 {
            let cut = place(&out, OffsetClass::LastChunk, seed).unwrap();
            let read = http::read(&out[..cut]).unwrap();
            assert!(!read.complete, "{seed}");
        }
    }

    #[test]
    fn what_is_not_there_cannot_be_disturbed() {
        let bare = b"POST / HTTP/1.1\r\nContent-Type: application/soap+xml\r\nContent-Length: 4\r\n\r\n<a/>";
        assert!(place(bare, OffsetClass::Payload, 1).is_err());
        assert!(place(bare, OffsetClass::MimeHead, 1).is_err());
        assert!(place(bare, OffsetClass::Envelope, 1).is_ok());
    }
}
