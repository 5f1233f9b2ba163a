//! Says what an answer is: at which layer, with which code. Layers first, codes after.

use carnet_catalogue::case::Layer;

use super::ebms::{self, Ebms};
use super::view::Exchange;
use crate::evidence::Stage;
use crate::http::{self, Message};
use crate::line::Ending;
use crate::root::{self, Package};
use crate::tls;

/// What came back on a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A receipt.
    Receipt(Box<Ebms>),
    /// A user message on the back channel.
    Message(Box<Ebms>),
    /// A refusal, or what looks like one.
    Refusal(Refusal),
    /// A receipt, and in the same answer an error that refuses what was receipted: its codes.
    Both(Vec<String>),
    /// An HTTP status below 400 without an AS4 answer.
    Empty(u16),
    /// Bytes that cannot be read, with what is wrong with them.
    Garbage(String),
    /// Nothing, and the connection stayed open.
    Silence,
    /// There was no connection: the stage it came to and how it ended.
    Unreachable(Stage, Ending),
}

/// A refusal with its layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Where it happened.
    pub layer: Layer,
    /// Alert name or `close`; status; `EBMS:nnnn`; business code.
    pub codes: Vec<String>,
    /// The error signal, when it is one.
    pub signal: Option<Box<Ebms>>,
}

impl Answer {
    /// In words, for findings.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Receipt(_) => "a receipt: the message was accepted".to_owned(),
            Self::Message(_) => "a user message on the back channel".to_owned(),
            Self::Refusal(refusal) => match refusal.layer {
                Layer::Tls => format!("the connection ended before any HTTP answer ({})", refusal.codes.join(", ")),
                Layer::Http => format!("HTTP {} without an AS4 answer", refusal.codes.join(", ")),
                Layer::As4 => format!("ebMS error {}", refusal.codes.join(", ")),
                Layer::Business => format!("business refusal with code {}", refusal.codes.join(", ")),
            },
            Self::Both(codes) => format!("a receipt and ebMS error {} in one answer", codes.join(", ")),
            Self::Empty(status) => format!("HTTP {status} without an AS4 answer"),
            Self::Garbage(what) => format!("an answer that cannot be read: {what}"),
            Self::Silence => "no answer in time".to_owned(),
            Self::Unreachable(stage, ending) => {
                let stage = match stage {
                    Stage::Name => "its name does not resolve",
                    Stage::Tcp => "no TCP connection",
                    Stage::Proxy => "no way through the proxy",
                    Stage::Tls | Stage::Done => "no TLS handshake",
                };
                format!("{stage} ({})", describe_ending(ending))
            }
        }
    }
}

/// What came back on an exchange that the suite opened; [`Exchange::answer`] asks once.
pub(super) fn read(exchange: &Exchange) -> Answer {
    if let Some((stage, ending)) = &exchange.not_connected {
        return match (stage, tls_code(ending)) {
            (Stage::Tls, Some(code)) => tls_refusal(code),
            _ => Answer::Unreachable(*stage, ending.clone()),
        };
    }
    let Some(received) = &exchange.received else {
        return match exchange.ending.as_ref().and_then(tls_code) {
            Some(code) => tls_refusal(code),
            None => Answer::Silence,
        };
    };
    if let Some(ending @ Ending::Limit { .. }) = &exchange.ending {
        return Answer::Garbage(describe_ending(ending));
    }
    let message = match http::read(&received.bytes) {
        Ok(message) => message,
        Err(error) => {
            return match tls::first_record(&received.bytes) {
                Some(record) if !record.starts_with("server_hello") => tls_refusal(record),
                Some(record) => Answer::Garbage(record),
                None => Answer::Garbage(error.to_string()),
            };
        }
    };
    let Some(status) = message.status() else {
        return Answer::Garbage("a request in the place of a response".to_owned());
    };
    if status < 400 && message.cut_short() {
        return Answer::Garbage("it ends before its Content-Length or its last chunk".to_owned());
    }
    match package(&message).map(|package| ebms::read(&package.envelope)) {
        Some(Ok(ebms)) if ebms.refuses() && ebms.receipt.is_some() => Answer::Both(codes(&ebms)),
        Some(Ok(ebms)) if ebms.receipt.is_some() && (200..300).contains(&status) => Answer::Receipt(Box::new(ebms)),
        Some(Ok(ebms)) if !ebms.errors.is_empty() => {
            Answer::Refusal(Refusal { layer: Layer::As4, codes: codes(&ebms), signal: Some(Box::new(ebms)) })
        }
        Some(Ok(ebms)) if ebms.user.is_some() => Answer::Message(Box::new(ebms)),
        Some(Err(error)) if status < 400 => Answer::Garbage(error.to_string()),
        _ if status >= 400 => {
            Answer::Refusal(Refusal { layer: Layer::Http, codes: vec![status.to_string()], signal: None })
        }
        _ => Answer::Empty(status),
    }
}

fn codes(ebms: &Ebms) -> Vec<String> {
    ebms.errors.iter().map(|error| error.code.clone()).collect()
}

/// The envelope and parts of an HTTP message; an empty body is none.
#[must_use]
pub fn package(message: &Message) -> Option<Package> {
    if message.body.is_empty() { None } else { root::package(message) }
}

fn tls_refusal(code: String) -> Answer {
    Answer::Refusal(Refusal { layer: Layer::Tls, codes: vec![code], signal: None })
}

/// The alert's name or `close`; none for an end that is no refusal.
fn tls_code(ending: &Ending) -> Option<String> {
    match ending {
        Ending::Alert { name } => Some(name.clone()),
        Ending::Close | Ending::Cut | Ending::Reset => Some("close".to_owned()),
        Ending::Timeout | Ending::Protocol { .. } | Ending::Ours | Ending::Limit { .. } => None,
    }
}

fn describe_ending(ending: &Ending) -> String {
    match ending {
        Ending::Alert { name } => format!("alert {name}"),
        Ending::Close => "closed".to_owned(),
        Ending::Cut => "cut off".to_owned(),
        Ending::Reset => "reset".to_owned(),
        Ending::Timeout => "timeout".to_owned(),
        Ending::Protocol { what } => what.clone(),
        Ending::Ours => "closed by the suite".to_owned(),
        Ending::Limit { bytes } => format!("more than {bytes} bytes without an end"),
    }
}

#[cfg(test)]
mod tests;
