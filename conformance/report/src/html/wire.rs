//! Messages as a person can read them, with the bytes that a finding points at marked.
//!
//! Long base64 (tokens, signatures) and binary runs are shortened and say how much was left out; what a finding marks
//! is never shortened away. The evidence has every byte. All messages of a page are packed into one gzip stream in
//! base64, which a browser unpacks when the first of them is opened: as plain text they would be most of the page.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::ops::Range;

use base64::Engine as _;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;

use crate::ReportError;

/// Most bytes of one message that a page shows; what lies around a mark is shown besides.
const LONGEST: usize = 12_000;
/// Bytes shown before and after a mark that lies beyond them.
const AROUND: usize = 600;
/// Bytes shown before and after a mark in an excerpt.
const EXCERPT: usize = 220;
/// Runs of base64 longer than this are shortened.
const BASE64: usize = 88;

/// A stretch of text, marked or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Piece {
    /// The text.
    #[serde(rename = "t")]
    pub(crate) text: String,
    /// A finding points at it.
    #[serde(rename = "m", skip_serializing_if = "std::ops::Not::not")]
    pub(crate) marked: bool,
}

/// The messages of a page; the same bytes with the same marks are kept once.
#[derive(Debug, Default)]
pub(super) struct Messages {
    all: Vec<Vec<Piece>>,
    known: BTreeMap<String, usize>,
}

impl Messages {
    /// Keeps the message with that digest and gives its place.
    pub(super) fn add(&mut self, sha256: &str, bytes: &[u8], marks: &[Range<usize>]) -> usize {
        if marks.is_empty()
            && let Some(known) = self.known.get(sha256)
        {
            return *known;
        }
        let place = self.all.len();
        self.all.push(pieces(bytes, marks, LONGEST));
        if marks.is_empty() {
            self.known.insert(sha256.to_owned(), place);
        }
        place
    }

    /// All of them, JSON in gzip in base64.
    ///
    /// # Errors
    /// They do not serialise or compress.
    pub(super) fn packed(&self) -> Result<String, ReportError> {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(&serde_json::to_vec(&self.all)?)?;
        Ok(base64::engine::general_purpose::STANDARD.encode(gzip.finish()?))
    }
}

/// What lies around a range, for a finding.
pub(super) fn around(bytes: &[u8], range: Range<usize>) -> Vec<Piece> {
    let range = inside(bytes, &range);
    let from = range.start.saturating_sub(EXCERPT);
    let to = (range.end + EXCERPT).min(bytes.len());
    let window = bytes.get(from..to).unwrap_or_default();
    let mark = range.start - from..range.end - from;
    pieces(window, std::slice::from_ref(&mark), window.len())
}

/// A message in stretches: its beginning, and what lies around each mark.
fn pieces(bytes: &[u8], marks: &[Range<usize>], longest: usize) -> Vec<Piece> {
    let mut marks: Vec<Range<usize>> = marks.iter().map(|mark| inside(bytes, mark)).collect();
    marks.sort_by_key(|mark| mark.start);
    let beginning = 0..bytes.len().min(longest);
    let mut shown = Vec::from([beginning]);
    for mark in &marks {
        let around = mark.start.saturating_sub(AROUND)..(mark.end + AROUND).min(bytes.len());
        match shown.last_mut() {
            Some(last) if around.start <= last.end => last.end = last.end.max(around.end),
            _ => shown.push(around),
        }
    }
    let mut pieces = Vec::new();
    let mut at = 0;
    for window in shown {
        gap(&mut pieces, window.start - at);
        at = window.start;
        for mark in marks.iter().filter(|mark| mark.end <= window.end && mark.end > window.start) {
            let start = mark.start.max(at);
            push(&mut pieces, as_text(bytes.get(at..start).unwrap_or_default(), BASE64), false);
            // A mark is shown as it is, unless it is a whole message.
            push(&mut pieces, as_text(bytes.get(start..mark.end).unwrap_or_default(), LONGEST), true);
            at = at.max(mark.end);
        }
        push(&mut pieces, as_text(bytes.get(at..window.end).unwrap_or_default(), BASE64), false);
        at = window.end;
    }
    gap(&mut pieces, bytes.len() - at);
    pieces
}

/// The part of a range that there are bytes for; of a very long one, its beginning.
fn inside(bytes: &[u8], range: &Range<usize>) -> Range<usize> {
    let start = range.start.min(bytes.len());
    start..range.end.clamp(start, bytes.len()).min(start + LONGEST)
}

fn gap(pieces: &mut Vec<Piece>, length: usize) {
    if length > 0 {
        push(pieces, format!("\n[{length} bytes more in the evidence]\n"), false);
    }
}

fn push(pieces: &mut Vec<Piece>, text: String, marked: bool) {
    if !text.is_empty() {
        pieces.push(Piece { text, marked });
    }
}

/// Bytes as text; base64 longer than `longest` and whatever is no text say how much they are.
fn as_text(bytes: &[u8], longest: usize) -> String {
    let mut text = String::new();
    let mut binary = 0;
    for chunk in bytes.utf8_chunks() {
        // Bytes that happen to be letters between bytes that are none are no text.
        if binary > 0 && chunk.valid().len() < 8 {
            binary += chunk.valid().len() + chunk.invalid().len();
            continue;
        }
        tell(&mut text, &mut binary);
        shorten(&mut text, chunk.valid(), longest);
        binary = chunk.invalid().len();
    }
    tell(&mut text, &mut binary);
    text
}

fn tell(text: &mut String, binary: &mut usize) {
    if *binary > 0 {
        *text += &format!("[{binary} bytes of binary]");
        *binary = 0;
    }
}

/// Appends `valid` with control characters replaced and long base64 shortened.
fn shorten(text: &mut String, valid: &str, longest: usize) {
    let base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
    let mut rest = valid;
    while let Some(first) = rest.chars().next() {
        let run = rest.find(|c| !base64(c)).unwrap_or(rest.len());
        let (piece, after) = rest.split_at(if run == 0 { first.len_utf8() } else { run });
        if run > longest {
            let (head, _) = piece.split_at(24);
            *text += &format!("{head}... ({} characters)", piece.len());
        } else if run == 0 && first.is_control() && first != '\n' && first != '\t' {
            if first != '\r' && !text.ends_with('\u{25af}') {
                text.push('\u{25af}');
            }
        } else {
            *text += piece;
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, Messages, Piece, around, as_text, pieces};

    fn plain(pieces: &[Piece]) -> String {
        pieces.iter().map(|piece| piece.text.as_str()).collect()
    }

    #[test]
    fn long_base64_and_binary_are_shortened() {
        let shown =
            as_text(&[b"<a>".as_slice(), &[b'A'; 500], b"</a>\r\n", &[159, 1, 200], b"<end/> here"].concat(), 88);
        assert_eq!(shown, "<a>AAAAAAAAAAAAAAAAAAAAAAAA... (500 characters)</a>\n[3 bytes of binary]<end/> here");
    }

    #[test]
    fn a_message_never_shows_more_than_its_limit_but_every_mark() {
        let mut long = "a b ".repeat(10_000).into_bytes();
        long.extend_from_slice(b"<wrong>here</wrong>");
        let mark = long.len() - 12..long.len() - 8;
        let shown = pieces(&long, std::slice::from_ref(&mark), LONGEST);
        assert!(plain(&shown).len() < LONGEST + 1_000);
        assert_eq!(shown.iter().find(|piece| piece.marked).map(|piece| piece.text.as_str()), Some("here"));
        assert!(plain(&pieces(&long, &[], LONGEST)).len() < LONGEST + 100);
    }

    #[test]
    fn what_is_marked_is_shown_whole_and_nothing_is_shown_twice() {
        let digest = "B".repeat(120);
        let text = format!("<x>{digest}</x><y>{}</y>", "C".repeat(120));
        let shown = pieces(text.as_bytes(), &[3..123, 3..10], LONGEST);
        assert_eq!(plain(&shown), format!("<x>{digest}</x><y>{}... (120 characters)</y>", "C".repeat(24)));
        assert!(shown.iter().any(|piece| piece.marked));
    }

    #[test]
    fn a_range_beyond_the_bytes_is_harmless() {
        assert_eq!(plain(&around(b"abc", 2..900)), "abc");
        assert_eq!(plain(&around(b"", 5..6)), "");
    }

    #[test]
    fn the_same_bytes_are_kept_once_and_packing_is_stable() {
        let mut messages = Messages::default();
        assert_eq!(messages.add("1", b"one", &[]), messages.add("1", b"one", &[]));
        assert_ne!(messages.add("1", b"one", &[]), messages.add("2", b"two", &[]));
        assert_eq!(messages.packed().ok(), messages.packed().ok());
    }
}
