//! The pass that applies limits before a tree is built.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::XmlError;
use crate::Limits;

/// Checks encoding and limits; gives the text without byte order mark.
pub(super) fn check<'a>(bytes: &'a [u8], size: usize, nodes: usize, limits: &Limits) -> Result<&'a str, XmlError> {
    if bytes.len() > size {
        return Err(XmlError::TooLarge { got: bytes.len(), limit: size });
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|e| XmlError::NotUtf8 { offset: e.valid_up_to() })?;
    if text.trim().is_empty() {
        return Err(XmlError::Empty);
    }
    walk(text, nodes, limits)?;
    Ok(text)
}

fn walk(text: &str, nodes: usize, limits: &Limits) -> Result<(), XmlError> {
    let mut reader = Reader::from_str(text);
    let mut depth = 0usize;
    let mut count = 0usize;
    loop {
        let offset = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        match reader.read_event().map_err(|_| XmlError::Malformed { offset })? {
            Event::Start(tag) => {
                depth += 1;
                count += attributes(&tag, limits)?;
            }
            Event::Empty(tag) => {
                count += attributes(&tag, limits)?;
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
            Event::Eof => return Ok(()),
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

/// An upper bound of the tag's attributes: each has an equals sign.
fn attributes(tag: &BytesStart<'_>, limits: &Limits) -> Result<usize, XmlError> {
    let raw = tag.attributes_raw();
    let mut count = 0;
    let mut quote = None;
    for byte in raw.bytes() {
        match (quote, byte) {
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'=') => count += 1,
            (Some(open), close) if open == close => quote = None,
            _ => {}
        }
    }
    if count > limits.attributes {
        return Err(XmlError::Attributes { limit: limits.attributes });
    }
    Ok(count)
}
