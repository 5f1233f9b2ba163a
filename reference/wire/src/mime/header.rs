//! Header lines, parameters and percent escapes.

use super::content_type::is_token;
use super::{ContentType, MimeError, PartHead};

/// `; name=value; name="quoted \" value"`; none when malformed or a name is repeated.
pub fn parameters(text: &str) -> Option<Vec<(String, String)>> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix(';') {
            rest = after.trim_start();
            continue;
        }
        let (name, after) = rest.split_once('=')?;
        let name = name.trim();
        if !is_token(name) {
            return None;
        }
        let (value, after) = value(after.trim_start())?;
        if found.iter().any(|(n, _)| n.eq_ignore_ascii_case(name)) {
            return None;
        }
        found.push((name.to_owned(), value));
        rest = after.trim_start();
        if !rest.is_empty() && !rest.starts_with(';') {
            return None;
        }
    }
    Some(found)
}

fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(|c: char| c == ';' || c.is_ascii_whitespace()).unwrap_or(text.len());
        let (value, rest) = text.split_at_checked(end)?;
        // Slashes and the like are written without quotes by some senders.
        let fits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_graphic() && b != b'"');
        return fits.then(|| (value.to_owned(), rest));
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, quoted.get(at + 1..)?)),
            '\\' => value.push(chars.next()?.1),
            c => value.push(c),
        }
    }
    None
}

/// Reads a header block: lines that end with CR LF, continuation lines joined.
pub(super) fn part_head(block: &[u8]) -> Result<PartHead, MimeError> {
    let text = std::str::from_utf8(block).map_err(|_| MimeError::Header)?;
    let mut headers: Vec<(String, String)> = Vec::new();
    for line in text.split_terminator("\r\n") {
        if line.chars().any(|c| c.is_control() && c != '\t') {
            return Err(MimeError::Header);
        }
        if line.starts_with([' ', '\t']) {
            let (_, value) = headers.last_mut().ok_or(MimeError::Header)?;
            value.push(' ');
            value.push_str(line.trim());
            continue;
        }
        let (name, value) = line.split_once(':').ok_or(MimeError::Header)?;
        if !is_token(name) {
            return Err(MimeError::Header);
        }
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let content_id = once(&headers, "Content-ID")?.map(content_id).transpose()?;
    let content_type = once(&headers, "Content-Type")?.map(ContentType::parse).transpose()?;
    let encoding = once(&headers, "Content-Transfer-Encoding")?.unwrap_or("binary");
    let base64 = encoding.eq_ignore_ascii_case("base64");
    if !base64 && !["binary", "8bit", "7bit"].iter().any(|e| encoding.eq_ignore_ascii_case(e)) {
        return Err(MimeError::TransferEncoding);
    }
    Ok(PartHead { content_id, content_type, headers, base64 })
}

fn once<'h>(headers: &'h [(String, String)], name: &'static str) -> Result<Option<&'h str>, MimeError> {
    let mut found = headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str());
    match (found.next(), found.next()) {
        (_, Some(_)) => Err(MimeError::RepeatedHeader(name)),
        (first, None) => Ok(first),
    }
}

/// `<id>`; the brackets are required by RFC 2045 and left out by some senders.
fn content_id(value: &str) -> Result<String, MimeError> {
    let bare = value.strip_prefix('<').and_then(|v| v.strip_suffix('>')).unwrap_or(value);
    let fits = !bare.is_empty() && !bare.contains(['<', '>']) && !bare.contains(char::is_whitespace);
    if fits { Ok(bare.to_owned()) } else { Err(MimeError::Header) }
}
