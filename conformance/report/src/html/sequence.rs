//! The sequence diagram of one execution: a line for each event, arrows between suite and subject.

use std::collections::BTreeMap;
use std::ops::Range;

use carnet_harness::evidence::{Direction, Event, Kind, Side};
use carnet_harness::judge::run::CellResult;
use carnet_harness::line::Ending;

use super::wire::Messages;
use crate::Source;
use crate::section::merged;

/// One line of a sequence diagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Event number in `events.jsonl`.
    pub(super) seq: u64,
    /// Milliseconds since the execution began.
    pub(super) at: String,
    /// Which way: `out` to the subject, `in` from it, `note` beside the line.
    pub(super) way: &'static str,
    /// In words.
    pub(super) label: String,
    /// Place of the bytes among the page's messages, where there are any.
    pub(super) message: Option<usize>,
    /// The findings that point here, by number.
    pub(super) findings: Vec<usize>,
}

/// The lines of the execution that the result speaks of.
pub(super) fn lines(source: &Source<'_>, cell: &CellResult, messages: &mut Messages) -> Vec<Line> {
    let events = source.execution(cell);
    let begun = events.first().map_or(0, |event| event.mono);
    // A list may have been fetched for an earlier case.
    let named = cell.findings.iter().flat_map(|finding| &finding.events).filter_map(|seq| source.event(*seq));
    let is_before = |event: &&Event| events.first().is_some_and(|first| event.seq < first.seq);
    let before: BTreeMap<u64, &Event> = named
        .filter(|event| matches!(event.kind, Kind::Fetched { .. }))
        .filter(is_before)
        .map(|event| (event.seq, event))
        .collect();
    let all = before.values().chain(events);
    all.filter_map(|event| line(source, cell, event, begun, messages)).collect()
}

fn line(source: &Source<'_>, cell: &CellResult, event: &Event, begun: u64, messages: &mut Messages) -> Option<Line> {
    let marks: Vec<Range<usize>> = cell
        .findings
        .iter()
        .filter_map(|finding| finding.range.filter(|range| range.event == event.seq))
        .map(|range| range.start..range.end)
        .collect();
    let mut message = None;
    let (way, label) = match &event.kind {
        Kind::Connected { side, tls, suite, chains } => {
            let tls = tls.as_ref().map_or_else(|| "without TLS".to_owned(), |version| format!("TLS {version}"));
            let suite = suite.as_ref().map_or_else(String::new, |suite| format!(", {suite}"));
            let presented = format!("certificates: subject {}, suite {}", chains.peer.len(), chains.own.len());
            ("note", format!("{} connected, {tls}{suite}; {presented}", opened(*side)))
        }
        Kind::NotConnected { side, stage, ending } => {
            let stage = format!("{stage:?}").to_lowercase();
            ("note", format!("{} did not connect ({stage}): {}", opened(*side), ended(ending)))
        }
        Kind::Bytes { direction, blob } => {
            let way = if *direction == Direction::Out { "out" } else { "in" };
            match source.evidence.redaction_of(event) {
                Some(reason) => (way, format!("redacted: {reason} ({} bytes)", blob.length)),
                None => {
                    let content = source.evidence.blob(blob).unwrap_or_default();
                    message = Some(messages.add(&blob.sha256, content, &marks));
                    (way, format!("{} ({} bytes)", first_line(content), blob.length))
                }
            }
        }
        Kind::ContentKey { .. } => ("note", "decrypted for the judge; the key of this one message is kept".to_owned()),
        Kind::Asked { request, answer, .. } => match source.evidence.redaction_of(event) {
            Some(reason) => ("in", format!("redacted: {reason} ({} bytes)", request.length)),
            None => {
                let said = source.evidence.blob(answer).unwrap_or_default();
                message = Some(messages.add(&answer.sha256, said, &marks));
                let asked = first_line(source.evidence.blob(request).unwrap_or_default());
                ("in", format!("asked the publisher: {asked}; it said: {}", first_line(said)))
            }
        },
        Kind::Fetched { list, request, answer } => match source.evidence.redaction_of(event) {
            Some(reason) => ("in", format!("redacted: {reason} ({} bytes)", request.length)),
            None => {
                let said = source.evidence.blob(answer).unwrap_or_default();
                message = Some(messages.add(&answer.sha256, said, &marks));
                let asked = first_line(source.evidence.blob(request).unwrap_or_default());
                let what = list.as_ref().map_or_else(|| "no revocation list".to_owned(), |list| format!("list {list}"));
                ("in", format!("fetched {what} at {}: {asked}; the suite said: {}", event.at, first_line(said)))
            }
        },
        // An alert is what the subject says; every other end is seen, not said.
        Kind::Ended { ending: ending @ Ending::Alert { .. } } => ("in", ended(ending)),
        Kind::Ended { ending } => ("note", ended(ending)),
        Kind::Face { accepts: false, .. } => {
            ("note", "the suite's endpoint takes no connections from here on".to_owned())
        }
        Kind::Face { chain, .. } => {
            ("note", format!("the suite's endpoint presents another chain from here on: {} certificates", chain.len()))
        }
        Kind::Prompted { by } => ("note", format!("the subject was made to send, by: {by}")),
        Kind::Hook { name, success, output: reference } => {
            message =
                source.evidence.blob(reference).ok().map(|output| messages.add(&reference.sha256, output, &marks));
            ("note", format!("hook {name} {}", if *success { "succeeded" } else { "failed" }))
        }
        Kind::Waited { arrived } => {
            ("note", format!("waited for a push: {}", if *arrived { "one came" } else { "none came" }))
        }
        Kind::Broken { reason } => ("note", format!("the suite could not go on: {reason}")),
        Kind::Lacking { reason } => ("note", format!("there was nothing to go on with: {reason}")),
        Kind::Declined { reason } => ("note", reason.clone()),
        Kind::Run(_) | Kind::Begin { .. } | Kind::End | Kind::Step | Kind::Finished => return None,
    };
    let micros = event.mono.saturating_sub(begun);
    Some(Line {
        seq: event.seq,
        at: format!("{}.{:01} ms", micros / 1000, micros % 1000 / 100),
        way,
        label,
        message,
        findings: (1..)
            .zip(merged(&cell.findings))
            .filter(|(_, (f, _))| f.events.contains(&event.seq))
            .map(|(n, _)| n)
            .collect(),
    })
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
