//! What went over the wire in one execution of a cell, from its events: rows of a sequence diagram with the bytes.
//!
//! Bytes are shown as text; long base64 (tokens, signatures, compressed payloads) and binary runs are shortened and
//! say how much was left out. The evidence has every byte.

use carnet_harness::evidence::{Direction, Event, Evidence, Kind, Purpose, Scope, Side};
use carnet_harness::judge::run::CellResult;
use carnet_harness::line::Ending;
use carnet_harness::verdict::Verdict;

/// Most bytes of one message that a page shows, where there is something to look into.
const LONGEST: usize = 12_000;
/// The same for a cell that passed.
const LONGEST_PASSED: usize = 2_500;
/// Runs of base64 longer than this are shortened.
const BASE64: usize = 88;

/// One row of a sequence diagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// Event number in `events.jsonl`.
    pub(crate) seq: u64,
    /// Milliseconds since the execution began.
    pub(crate) at: String,
    /// Which way: `out` to the subject, `in` from it, `note` beside the line.
    pub(crate) way: &'static str,
    /// In words.
    pub(crate) label: String,
    /// The bytes as text, where there are any.
    pub(crate) bytes: Option<String>,
}

/// The rows of a cell's last execution as itself, not as the control of others.
pub(crate) fn rows(evidence: &Evidence, cell: &CellResult) -> Vec<Row> {
    let Some(scope) = last_execution(evidence, cell) else { return Vec::new() };
    let events: Vec<&Event> = evidence.events.iter().filter(|event| event.scope.as_ref() == Some(scope)).collect();
    let begun = events.first().map_or(0, |event| event.mono);
    let longest = if cell.verdict == Verdict::Pass { LONGEST_PASSED } else { LONGEST };
    events.into_iter().filter_map(|event| row(evidence, event, begun, longest)).collect()
}

fn last_execution<'a>(evidence: &'a Evidence, cell: &CellResult) -> Option<&'a Scope> {
    let mut own = evidence.events.iter().filter(|event| {
        matches!(event.kind, Kind::Begin { purpose: Purpose::Case | Purpose::Repeat })
            && event.scope.as_ref().is_some_and(|scope| scope.case == cell.case.as_str() && scope.cell == cell.cell)
    });
    own.next_back()?.scope.as_ref()
}

fn row(evidence: &Evidence, event: &Event, begun: u64, longest: usize) -> Option<Row> {
    let mut bytes = None;
    let (way, label) = match &event.kind {
        Kind::Connected { side, tls, suite, chains } => {
            let who = opened(*side);
            let tls = tls.as_ref().map_or_else(|| "without TLS".to_owned(), |version| format!("TLS {version}"));
            let suite = suite.as_ref().map_or_else(String::new, |suite| format!(", {suite}"));
            let presented = format!("certificates: subject {}, suite {}", chains.peer.len(), chains.own.len());
            ("note", format!("{who} connected, {tls}{suite}; {presented}"))
        }
        Kind::NotConnected { side, stage, ending } => {
            let stage = format!("{stage:?}").to_lowercase();
            ("note", format!("{} did not connect ({stage}): {}", opened(*side), ended(ending)))
        }
        Kind::Bytes { direction, blob } => {
            let content = evidence.blob(blob).unwrap_or_default();
            bytes = Some(as_text(content, longest));
            let way = if *direction == Direction::Out { "out" } else { "in" };
            (way, format!("{} ({} bytes)", first_line(content), blob.length))
        }
        Kind::Ended { ending } => ("note", ended(ending)),
        Kind::Face { accepts: false, .. } => {
            ("note", "the suite's endpoint takes no connections from here on".to_owned())
        }
        Kind::Face { chain, .. } => {
            ("note", format!("the suite's endpoint presents another chain from here on: {} certificates", chain.len()))
        }
        Kind::Prompted { by } => ("note", format!("the subject was made to send, by: {by}")),
        Kind::Hook { name, success, output } => {
            bytes = evidence.blob(output).ok().map(|output| as_text(output, longest));
            ("note", format!("hook {name} {}", if *success { "succeeded" } else { "failed" }))
        }
        Kind::Waited { arrived } => {
            ("note", format!("waited for a push: {}", if *arrived { "one came" } else { "none came" }))
        }
        Kind::Broken { reason } => ("note", format!("the suite could not go on: {reason}")),
        Kind::Run(_) | Kind::Begin { .. } | Kind::End | Kind::Step | Kind::Finished => return None,
    };
    let micros = event.mono.saturating_sub(begun);
    Some(Row { seq: event.seq, at: format!("{}.{:01} ms", micros / 1000, micros % 1000 / 100), way, label, bytes })
}

fn opened(side: Side) -> &'static str {
    match side {
        Side::Suite => "suite",
        Side::Subject => "subject",
    }
}

fn ended(ending: &Ending) -> String {
    match ending {
        Ending::Alert { name } => format!("ended by the TLS alert {name}"),
        Ending::Close => "the subject closed".to_owned(),
        Ending::Cut => "the stream ended without close_notify".to_owned(),
        Ending::Reset => "the connection was reset".to_owned(),
        Ending::Timeout => "nothing came in time".to_owned(),
        Ending::Protocol { what } => format!("TLS was broken: {what}"),
        Ending::Ours => "the suite closed".to_owned(),
        Ending::Limit { bytes } => format!("the suite read no further than {bytes} bytes"),
    }
}

fn first_line(bytes: &[u8]) -> String {
    let line = bytes.split(|b| *b == b'\r' || *b == b'\n').next().unwrap_or_default();
    let text: String = String::from_utf8_lossy(line.get(..line.len().min(80)).unwrap_or_default()).into_owned();
    if text.chars().all(|c| !c.is_control() && c != '\u{fffd}') { text } else { "binary".to_owned() }
}

/// Bytes as text that a person can read.
fn as_text(bytes: &[u8], longest: usize) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        shorten(&mut text, chunk.valid());
        let invalid = chunk.invalid().len();
        if invalid > 0 && !text.ends_with('\u{25af}') {
            text.push('\u{25af}');
        }
        if text.len() > longest {
            let end = (0..=longest).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            text.truncate(end);
            text += "\n... the rest is in the evidence";
            break;
        }
    }
    text
}

/// Appends `valid` with control characters replaced and long base64 shortened.
fn shorten(text: &mut String, valid: &str) {
    let base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
    let mut rest = valid;
    while let Some(first) = rest.chars().next() {
        let run = rest.find(|c| !base64(c)).unwrap_or(rest.len());
        let (piece, after) = rest.split_at(if run == 0 { first.len_utf8() } else { run });
        if run > BASE64 {
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
    use super::as_text;

    #[test]
    fn long_base64_and_binary_are_shortened() {
        let shown =
            as_text(&[b"<a>".as_slice(), &[b'A'; 500], b"</a>\r\n", &[0, 159, 1], b"end"].concat(), super::LONGEST);
        assert_eq!(shown, "<a>AAAAAAAAAAAAAAAAAAAAAAAA... (500 characters)</a>\n\u{25af}end");
    }

    #[test]
    fn a_page_never_shows_more_than_its_limit() {
        let long = "a b ".repeat(10_000);
        assert!(as_text(long.as_bytes(), super::LONGEST).len() < super::LONGEST + 100);
    }
}
