//! The operations of a forge on XML text, on bytes by offset, on header fields.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use carnet_catalogue::path::{Path, Target};
use carnet_catalogue::step::{Forge, Op};
use carnet_wire::gzip::{self, Deflate};
use roxmltree::{Document, ParsingOptions};

use super::ForgeError;
use super::xpath;

/// Applies an edit to XML bytes.
pub(crate) fn xml(bytes: &[u8], edit: &Forge) -> Result<Vec<u8>, ForgeError> {
    if let Some(place) = place_offset(&edit.place) {
        return offset(bytes, place, edit);
    }
    if edit.place == "start" {
        return offset(bytes, 0, edit);
    }
    let source = std::str::from_utf8(bytes).map_err(|_| unfit(edit, "the bytes are not UTF-8"))?;
    text(source, edit).map(String::into_bytes)
}

/// Applies an edit to XML text.
pub(crate) fn text(source: &str, edit: &Forge) -> Result<String, ForgeError> {
    if edit.place == "start" {
        let bytes = offset(source.as_bytes(), 0, edit)?;
        return String::from_utf8(bytes).map_err(|_| unfit(edit, "the result is not UTF-8"));
    }
    let path = Path::parse(&edit.place).map_err(|_| unfit(edit, "this is not a path that can be read"))?;
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    let document =
        Document::parse_with_options(source, options).map_err(|_| unfit(edit, "the text is not well-formed"))?;
    let element = xpath::element(&path, &document).ok_or_else(|| missing(edit))?;
    let with = edit.with.as_deref().unwrap_or_default();
    let times = times(edit)?;
    let changed = match &path.target {
        Target::Element => {
            let range = element.range();
            match edit.op {
                Op::Remove => splice(source, range, ""),
                Op::Insert => splice(source, range.end..range.end, &with.repeat(times)),
                Op::Replace => splice(source, range, with),
                Op::Duplicate => {
                    let copies = source.get(range.clone()).unwrap_or_default().repeat(times);
                    splice(source, range.end..range.end, &copies)
                }
                Op::Truncate => source.get(..range.start).unwrap_or_default().to_owned(),
                Op::Move => {
                    let to = edit.to.as_deref().ok_or_else(|| unfit(edit, "`to` is missing"))?;
                    let path = Path::parse(to).map_err(|_| unfit(edit, "`to` is not a path that can be read"))?;
                    let target = xpath::element(&path, &document).ok_or_else(|| missing(edit))?;
                    let end = inner(source, target.range(), edit)?.end;
                    let moved = source.get(range.clone()).unwrap_or_default().to_owned();
                    if end <= range.start {
                        splice(&splice(source, range, ""), end..end, &moved)
                    } else {
                        splice(&splice(source, end..end, &moved), range, "")
                    }
                }
                Op::Bytes => return Err(unfit(edit, "`bytes` wants an offset")),
            }
        }
        Target::Text => {
            let inner = inner(source, element.range(), edit)?;
            match edit.op {
                Op::Remove => splice(source, inner, ""),
                Op::Replace => splice(source, inner, with),
                Op::Insert => splice(source, inner.end..inner.end, with),
                _ => return Err(unfit(edit, "text can be removed, replaced or added to")),
            }
        }
        Target::Attribute(name) => match (edit.op, xpath::attribute(element, name)) {
            (Op::Remove, Some(attribute)) => {
                let range = attribute.range();
                splice(source, range.start.saturating_sub(1)..range.end, "")
            }
            (Op::Replace, Some(attribute)) => splice(source, attribute.range_value(), with),
            (Op::Insert, None) => {
                let end = tag_name_end(source, element.range());
                splice(source, end..end, &format!(" {name}=\"{with}\""))
            }
            (Op::Insert | Op::Remove | Op::Replace, _) => return Err(missing(edit)),
            _ => return Err(unfit(edit, "an attribute can be removed, replaced or inserted")),
        },
    };
    if changed == source { Err(ForgeError::NoChange { place: edit.place.clone() }) } else { Ok(changed) }
}

/// Applies an edit to bytes at an offset; negative counts from the end.
pub(crate) fn offset(bytes: &[u8], offset: i64, edit: &Forge) -> Result<Vec<u8>, ForgeError> {
    let at = resolve(bytes.len(), offset).ok_or_else(|| missing(edit))?;
    let new = new_bytes(edit)?;
    let (head, tail) = bytes.split_at(at);
    let changed = match edit.op {
        Op::Truncate => head.to_vec(),
        Op::Insert => [head, &new, tail].concat(),
        Op::Replace => [head, &new].concat(),
        Op::Bytes => {
            let rest = tail.get(new.len()..).ok_or_else(|| missing(edit))?;
            [head, &new, rest].concat()
        }
        Op::Remove => head.to_vec(),
        Op::Duplicate => [bytes, tail].concat(),
        Op::Move => return Err(unfit(edit, "bytes cannot be moved")),
    };
    if changed == bytes { Err(ForgeError::NoChange { place: edit.place.clone() }) } else { Ok(changed) }
}

/// Applies an edit to one header field of a block.
pub(crate) fn header(headers: &mut Vec<(String, String)>, name: &str, edit: &Forge) -> Result<(), ForgeError> {
    let index = headers.iter().position(|(key, _)| key.eq_ignore_ascii_case(name));
    let with = edit.with.clone().unwrap_or_default();
    match (edit.op, index) {
        (Op::Remove, Some(index)) => {
            headers.remove(index);
        }
        (Op::Replace, Some(index)) => {
            if let Some((_, value)) = headers.get_mut(index) {
                if *value == with {
                    return Err(ForgeError::NoChange { place: edit.place.clone() });
                }
                *value = with;
            }
        }
        (Op::Insert, _) => headers.extend(std::iter::repeat_n((name.to_owned(), with), times(edit)?)),
        (Op::Duplicate, Some(index)) => {
            let copy = headers.get(index).cloned().unwrap_or_default();
            headers.splice(index..index, std::iter::repeat_n(copy, times(edit)?));
        }
        (Op::Remove | Op::Replace | Op::Duplicate, None) => return Err(missing(edit)),
        _ => return Err(unfit(edit, "a header can be removed, replaced, inserted or duplicated")),
    }
    Ok(())
}

/// Applies an edit to a line of text as a whole.
pub(crate) fn value(old: &str, edit: &Forge) -> Result<String, ForgeError> {
    let new = match edit.op {
        Op::Replace => edit.with.clone().unwrap_or_default(),
        Op::Remove => String::new(),
        _ => return Err(unfit(edit, "this can be replaced or removed")),
    };
    if new == old { Err(ForgeError::NoChange { place: edit.place.clone() }) } else { Ok(new) }
}

/// The new bytes of an edit: `hex`, `gzip_zeros`, else `with`.
pub(crate) fn new_bytes(edit: &Forge) -> Result<Vec<u8>, ForgeError> {
    match (&edit.hex, edit.gzip_zeros, &edit.with) {
        (Some(hex), ..) => hex::decode(hex).map_err(|_| unfit(edit, "`hex` is not hexadecimal")),
        (None, Some(zeros), _) => {
            let zeros = usize::try_from(zeros).map_err(|_| unfit(edit, "`gzip_zeros` is more than memory holds"))?;
            Ok(deflated(&[], zeros))
        }
        (None, None, with) => Ok(with.clone().unwrap_or_default().into_bytes()),
    }
}

/// Zeros are compressed by so many at once.
static PIECE: [u8; 64 << 10] = [0; 64 << 10];

/// So many lengths are remembered.
const REMEMBERED: usize = 8;

/// Zeros that were compressed before, by their number. A bomb takes longer to make than all else that a case needs, and
/// where many nodes are tried, each gets the same.
static COMPRESSED: Mutex<BTreeMap<usize, Vec<u8>>> = Mutex::new(BTreeMap::new());

/// Bytes and so many zeros after them, compressed.
pub(crate) fn deflated(bytes: &[u8], zeros: usize) -> Vec<u8> {
    match (bytes, zeros) {
        (_, 0) => gzip::deflate(bytes),
        ([], _) => bomb(zeros),
        _ => with_zeros(bytes, zeros),
    }
}

/// Nothing but zeros, compressed.
fn bomb(zeros: usize) -> Vec<u8> {
    let known = || COMPRESSED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(compressed) = known().get(&zeros) {
        return compressed.clone();
    }
    let compressed = with_zeros(&[], zeros);
    let mut known = known();
    if known.len() < REMEMBERED {
        known.insert(zeros, compressed.clone());
    }
    compressed
}

/// The zeros are never there all at once.
fn with_zeros(bytes: &[u8], zeros: usize) -> Vec<u8> {
    let mut deflate = Deflate::new(Vec::new());
    // A vector takes every byte, so no step can fail.
    let mut pushed = deflate.push(bytes);
    let mut left = zeros;
    while left > 0 {
        let piece = PIECE.get(..left.min(PIECE.len())).unwrap_or(&PIECE);
        pushed = pushed.and_then(|()| deflate.push(piece));
        left -= piece.len();
    }
    debug_assert!(pushed.is_ok());
    deflate.finish().unwrap_or_default()
}

/// How often an insertion or a copy is made.
pub(crate) fn times(edit: &Forge) -> Result<usize, ForgeError> {
    usize::try_from(edit.times.unwrap_or(1)).map_err(|_| unfit(edit, "`times` is more than memory holds"))
}

/// A place that is a number is an offset.
pub(crate) fn place_offset(place: &str) -> Option<i64> {
    place.parse().ok()
}

/// An offset into `length` bytes; negative counts from the end.
pub(crate) fn resolve(length: usize, offset: i64) -> Option<usize> {
    let at = if offset < 0 { i64::try_from(length).ok()?.checked_add(offset)? } else { offset };
    usize::try_from(at).ok().filter(|at| *at <= length)
}

pub(crate) fn unfit(edit: &Forge, what: &'static str) -> ForgeError {
    ForgeError::Unfit { op: edit.op, place: edit.place.clone(), what }
}

pub(crate) fn missing(edit: &Forge) -> ForgeError {
    ForgeError::NoSuchPlace { place: edit.place.clone(), stage: edit.at }
}

fn splice(source: &str, range: Range<usize>, with: &str) -> String {
    let mut out = String::with_capacity(source.len() + with.len());
    out.push_str(source.get(..range.start).unwrap_or_default());
    out.push_str(with);
    out.push_str(source.get(range.end..).unwrap_or_default());
    out
}

/// What stands between the start tag and the end tag of the element at `range`.
fn inner(source: &str, range: Range<usize>, edit: &Forge) -> Result<Range<usize>, ForgeError> {
    let element = source.get(range.clone()).unwrap_or_default();
    let end = element.rfind("</").ok_or_else(|| unfit(edit, "the element has no end tag"))?;
    let mut quote = None;
    for (index, byte) in element.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return Ok(range.start + index + 1..range.start + end),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    Err(unfit(edit, "the element has no start tag"))
}

fn tag_name_end(source: &str, range: Range<usize>) -> usize {
    let element = source.get(range.clone()).unwrap_or_default();
    range.start + element.find(|c: char| c.is_whitespace() || c == '>' || c == '/').unwrap_or(1)
}
