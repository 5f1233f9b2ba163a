//! Checks on HTTP.

use carnet_catalogue::case::Layer;

use super::look::{Look, settle};
use super::{Named, Outcome};
use crate::judge::answer::{Answer, Refusal};

pub(crate) const CHECKS: &[Named] = &[
    Named { name: "http.status-success", says: "the HTTP status is 2xx", with: &[], judge: success },
    Named {
        name: "http.status-in",
        says: "the HTTP status is one of those given",
        with: &["status"],
        judge: status_in,
    },
    Named {
        name: "http.soap-content-type",
        says: "the answer's content type is application/soap+xml or multipart/related",
        with: &[],
        judge: content_type,
    },
    Named {
        name: "http.no-internals",
        says: "the answer shows no stack trace, file path or exception name",
        with: &[],
        judge: no_internals,
    },
    Named {
        name: "answer.as4",
        says: "an AS4 answer came, whatever it says: a receipt or an ebMS error",
        with: &[],
        judge: as4,
    },
];

/// TLS, and whatever stands before AS4, let the request through.
fn as4(look: &Look<'_>) -> Outcome {
    settle((|| {
        let exchange = look.exchange()?;
        Ok(match exchange.answer() {
            Answer::Receipt(_) | Answer::Both(_) | Answer::Refusal(Refusal { layer: Layer::As4, .. }) => Outcome::Holds,
            other => look.deviation(exchange, "an AS4 answer: a receipt or an ebMS error", other.describe()),
        })
    })())
}

fn success(look: &Look<'_>) -> Outcome {
    settle((|| {
        let exchange = look.exchange()?;
        let line = status_line(look, exchange)?;
        let status = line.split(' ').nth(1).and_then(|status| status.parse::<u16>().ok());
        Ok(match status {
            Some(200..=299) => Outcome::Holds,
            _ => look.at(exchange, "HTTP status 2xx", line.clone(), None, Some(&line)),
        })
    })())
}

fn status_in(look: &Look<'_>) -> Outcome {
    settle((|| {
        let exchange = look.exchange()?;
        let wanted = look.with("status").unwrap_or_default();
        let line = status_line(look, exchange)?;
        let status = line.split(' ').nth(1).unwrap_or_default().to_owned();
        Ok(if wanted.split(',').map(str::trim).any(|one| one == status) {
            Outcome::Holds
        } else {
            look.at(exchange, format!("HTTP status {wanted}"), line.clone(), None, Some(&line))
        })
    })())
}

fn content_type(look: &Look<'_>) -> Outcome {
    settle((|| {
        let (exchange, _) = look.receipt()?;
        let message = exchange.received.as_ref().and_then(|bytes| crate::http::read(&bytes.bytes).ok());
        let value = message.and_then(|message| message.header("content-type").map(str::to_owned)).unwrap_or_default();
        let media = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        Ok(if matches!(media.as_str(), "application/soap+xml" | "multipart/related") {
            Outcome::Holds
        } else {
            look.at(
                exchange,
                "application/soap+xml or multipart/related",
                format!("content type {value:?}"),
                None,
                Some(&value),
            )
        })
    })())
}

fn no_internals(look: &Look<'_>) -> Outcome {
    settle((|| {
        let exchange = look.exchange()?;
        let Some(received) = &exchange.received else { return Ok(Outcome::Holds) };
        let text = String::from_utf8_lossy(&received.bytes);
        let telling = ["Exception", "\tat ", "panicked at", "Traceback", "/home/", "/usr/", "C:\\", ".java:", ".rs:"];
        Ok(match telling.iter().find(|word| text.contains(**word)) {
            Some(word) => look.at(
                exchange,
                "a text that tells the peer what it did wrong, and nothing of the inside",
                format!("the answer contains {word:?}"),
                None,
                Some(word),
            ),
            None => Outcome::Holds,
        })
    })())
}

fn status_line(look: &Look<'_>, exchange: &crate::judge::view::Exchange) -> Result<String, Outcome> {
    let message = exchange.received.as_ref().and_then(|bytes| crate::http::read(&bytes.bytes).ok());
    message
        .filter(|message| message.status().is_some())
        .map(|message| message.line)
        .ok_or_else(|| look.deviation(exchange, "an HTTP answer", exchange.answer().describe()))
}
