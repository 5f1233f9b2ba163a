//! The pass that applies limits before a tree is built, and the one thing the tree builder leaves out: literal line
//! ends and tabs in attribute values become spaces (XML 1.0, 3.3.3).

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::XmlError;
use crate::Limits;

/// Checks encoding and limits; gives the text without byte order mark, attribute values normalized.
pub(super) fn check<'a>(bytes: &'a [u8], size: usize, nodes: usize, limits: &Limits) -> Result<Cow<'a, str>, XmlError> {
    if bytes.len() > size {
        return Err(XmlError::TooLarge { got: bytes.len(), limit: size });
    }
    //= AS4-SOAP-03
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|e| XmlError::NotUtf8 { offset: e.valid_up_to() })?;
    if text.trim().is_empty() {
        return Err(XmlError::Empty);
    }
    if walk(text, nodes, limits)? { normalize(text).map(Cow::Owned) } else { Ok(Cow::Borrowed(text)) }
}

/// Whether an attribute value holds white space that must become spaces.
fn walk(text: &str, nodes: usize, limits: &Limits) -> Result<bool, XmlError> {
    let mut reader = Reader::from_str(text);
    let mut depth = 0usize;
    let mut count = 0usize;
    let mut normalize = false;
    loop {
        let offset = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        match reader.read_event().map_err(|_| XmlError::Malformed { offset })? {
            Event::Start(tag) => {
                depth += 1;
                count += attributes(&tag, limits, &mut normalize)?;
            }
            Event::Empty(tag) => {
                count += attributes(&tag, limits, &mut normalize)?;
                if depth >= limits.depth {
                    return Err(XmlError::Depth { limit: limits.depth });
                }
            }
            Event::End(_) => depth = depth.saturating_sub(1),
            Event::DocType(_) => return Err(XmlError::Doctype),
            Event::GeneralRef(name) => {
                let known = matches!(&*name, "lt" | "gt" | "amp" | "apos" | "quot") || name.starts_with('#');
                if !known {
                    return Err(XmlError::Entity);
                }
            }
            Event::Decl(declaration) => {
                let version = declaration.version().map_err(|_| XmlError::Malformed { offset })?;
                if &*version != "1.0" {
                    return Err(XmlError::Version);
                }
                if let Some(encoding) = declaration.encoding() {
                    let encoding = encoding.map_err(|_| XmlError::Malformed { offset })?;
                    if !encoding.eq_ignore_ascii_case("utf-8") && !encoding.eq_ignore_ascii_case("us-ascii") {
                        return Err(XmlError::Encoding);
                    }
                }
            }
            Event::Text(_) | Event::CData(_) | Event::Comment(_) | Event::PI(_) => {}
            Event::Eof => return Ok(normalize),
        }
        count += 1;
        if count > nodes {
            return Err(XmlError::Nodes { limit: nodes });
        }
        if depth > limits.depth {
            return Err(XmlError::Depth { limit: limits.depth });
        }
    }
}

/// How many attributes the tag has at most: each has an equals sign outside quotes.
fn attributes(tag: &BytesStart<'_>, limits: &Limits, normalize: &mut bool) -> Result<usize, XmlError> {
    let mut count = 0;
    let mut quote = None;
    for byte in tag.attributes_raw().bytes() {
        match (quote, byte) {
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'=') => count += 1,
            (Some(open), close) if open == close => quote = None,
            (Some(_), b'\t' | b'\n' | b'\r') => *normalize = true,
            _ => {}
        }
    }
    if count > limits.attributes {
        return Err(XmlError::Attributes { limit: limits.attributes });
    }
    Ok(count)
}

/// Copies the text with spaces for white space inside attribute values; everything outside tags stays.
fn normalize(text: &str) -> Result<String, XmlError> {
    let mut reader = Reader::from_str(text);
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    loop {
        let event = reader.read_event().map_err(|_| XmlError::Malformed { offset: from })?;
        let to = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX).min(text.len());
        let piece = text.get(from..to).ok_or(XmlError::Malformed { offset: from })?;
        match event {
            Event::Start(_) | Event::Empty(_) => copy_tag(&mut out, piece),
            Event::Eof => return Ok(out),
            _ => out.push_str(piece),
        }
        from = to;
    }
}

fn copy_tag(out: &mut String, tag: &str) {
    let mut quote = None;
    let mut chars = tag.chars().peekable();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), close) if open == close => quote = None,
            (Some(_), '\r') if chars.peek() == Some(&'\n') => continue,
            (Some(_), '\t' | '\n' | '\r') => {
                out.push(' ');
                continue;
            }
            _ => {}
        }
        out.push(c);
    }
}
