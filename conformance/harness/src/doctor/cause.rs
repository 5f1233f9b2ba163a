//! What an answer to a message of ours says: the layer that refused, and why.

use carnet_catalogue::case::Layer;

use super::own::{issuer, subject};
use super::{Break, alert, error};
use crate::evidence::Stage;
use crate::http::{self, Message};
use crate::judge::answer::{Answer, Refusal};
use crate::judge::ebms::Ebms;
use crate::judge::run::Finding;
use crate::judge::view::Exchange;
use crate::line::Ending;
use crate::setup::Setup;

/// Why an exchange of ours got no receipt; none when it got one.
pub(super) fn of_exchange(setup: &Setup, exchange: &Exchange) -> Option<Break> {
    let message = exchange.received.as_ref().and_then(|received| http::read(&received.bytes).ok());
    Some(match exchange.answer() {
        Answer::Receipt(_) => return None,
        Answer::Refusal(Refusal { layer: Layer::As4, signal: Some(signal), .. }) => {
            error::of_signal(setup, sent(exchange).as_ref(), signal)
        }
        Answer::Refusal(Refusal { layer: Layer::Tls, codes, .. }) => alert::refused(setup, &tls_end(codes)),
        Answer::Refusal(_) | Answer::Empty(_) => {
            message.as_ref().map_or_else(|| silent(setup), |message| of_http(setup, message))
        }
        Answer::Garbage(what) => match message.as_ref().filter(|message| is_html(message)) {
            Some(page) => of_http(setup, page),
            None => Break::new(
                format!("their answer cannot be read: {what}"),
                "correct `url`: it must be the address of an AS4 endpoint",
            ),
        },
        contradictory @ Answer::Both(_) => Break::new(
            format!("they answer our ping with {}", contradictory.describe()),
            "let their operator answer a message with a receipt or with an error, never with both",
        ),
        Answer::Message(_) => Break::new(
            "they answered with a user message in the place of the receipt",
            "let them answer a push with the receipt on the same connection (One-Way/Push)",
        ),
        Answer::Silence => silent(setup),
        unreachable @ Answer::Unreachable(..) => Break::new(
            format!("the connection worked a moment ago and does not now: {}", unreachable.describe()),
            if stage_is_tls(exchange) {
                "let their operator look at limits on handshakes"
            } else {
                "let their operator look at limits on connections"
            },
        ),
    })
}

/// The first finding of a judged cell as a break.
pub(super) fn of_finding(setup: &Setup, exchange: Option<&Exchange>, finding: &Finding) -> Break {
    let receipt = exchange.map(Exchange::answer).and_then(|answer| match answer {
        Answer::Receipt(receipt) => Some(receipt),
        _ => None,
    });
    if let ("receipt.signer-trusted", Some(receipt)) = (finding.check.as_str(), receipt) {
        return signer(setup, receipt, &finding.actual);
    }
    Break::new(format!("expected {}, got {}", finding.expected, finding.actual), finding.fix.clone())
}

/// What was seen of a good receipt.
pub(super) fn seen(exchange: &Exchange) -> String {
    let Answer::Receipt(receipt) = exchange.answer() else { return String::new() };
    let by = receipt.signature.chain.first().map(|leaf| subject(leaf)).unwrap_or_default();
    let parts = receipt.receipt.as_ref().map_or(0, Vec::len);
    format!("receipt over {parts} signed parts, signed by {by}, verified")
}

/// A receipt whose signer is not the agreed one.
fn signer(setup: &Setup, receipt: &Ebms, why: &str) -> Break {
    let chain = &receipt.signature.chain;
    let by = chain.first().map(|leaf| subject(leaf)).unwrap_or_default();
    let top = chain.last().map(|last| issuer(last)).unwrap_or_default();
    if receipt.signature.trusted(&setup.signing_anchors, Setup::now()).is_err() {
        return Break::new(
            format!("their receipt is signed by {by}, whose chain ends at {top}: {why}, by trust.signing"),
            format!("name the PEM file of {top} under trust.signing in subject.toml, if that is who signs for them"),
        );
    }
    Break::new(
        format!("their receipt is signed by {by}, and trust.signing_subject expects another: {why}"),
        "correct trust.signing_subject in subject.toml, or let them sign with the agreed certificate",
    )
}

fn of_http(setup: &Setup, message: &Message) -> Break {
    let status = message.status().unwrap_or_default();
    let path = &setup.address.path;
    let page = if is_html(message) { " with a web page" } else { "" };
    match status {
        404 | 410 => Break::new(
            format!("HTTP {status}: there is nothing at {path}"),
            "correct the path in `url`: ask them for the whole address of their AS4 endpoint",
        ),
        401 | 403 => Break::new(
            format!("HTTP {status}: they do not let us in at {path}{page}"),
            "let them allow our TLS certificate (partner-tls.pem of the suite's kit) and our address, in whatever \
             stands before the node",
        ),
        405 => Break::new(
            format!("HTTP 405: {path} takes no POST"),
            "correct the path in `url`: an AS4 endpoint takes POST",
        ),
        407 => Break::new("HTTP 407: the proxy wants a login", "let the proxy allow this machine without one"),
        413 => Break::new(
            format!("HTTP 413: the message is too large for what stands before {path}"),
            "let them raise the limit of the HTTP body",
        ),
        415 => Break::new(
            format!("HTTP 415: {path} does not take multipart/related"),
            "correct the path in `url`, or let them allow SOAP with attachments there",
        ),
        300..=399 => Break::new(
            format!("HTTP {status}: they send us on to {:?}", message.header("location").unwrap_or_default()),
            "write the final address into `url`: AS4 messages follow no redirects",
        ),
        _ if is_html(message) => Break::new(
            format!("HTTP {status}{page} instead of a SOAP message"),
            "correct `url`: it leads to a web page, not to an AS4 endpoint",
        ),
        400 => Break::new(
            format!("HTTP 400 without an AS4 answer: {}", excerpt(message)),
            "let their operator look at its HTTP log; a web server that misses a client certificate answers so, too",
        ),
        502..=504 => Break::new(
            format!("HTTP {status}: what stands before their node does not reach it"),
            "start their node, or correct the route from their proxy to it",
        ),
        500..=599 => Break::new(
            format!("HTTP {status} without an AS4 answer: {}", excerpt(message)),
            "let their operator look at the node's log of that moment",
        ),
        200..=299 => Break::new(
            format!("HTTP {status} without a receipt"),
            "let them send the receipt in the HTTP response itself (ReplyPattern response), and correct the path in \
             `url` if it is no AS4 endpoint",
        ),
        _ => Break::new(
            format!("HTTP {status} without an AS4 answer: {}", excerpt(message)),
            "let their operator look at its HTTP log",
        ),
    }
}

fn silent(setup: &Setup) -> Break {
    Break::new(
        format!("they took our message and did not answer within {:?}", setup.ics.answer_within.0),
        "raise answer_within in ics.toml or use --patience; if it stays so, let their operator look at the node's log",
    )
}

fn sent(exchange: &Exchange) -> Option<Ebms> {
    exchange.sent(&[])?.ebms.clone().ok()
}

fn tls_end(codes: &[String]) -> Ending {
    match codes.first().map(String::as_str) {
        Some("close") | None => Ending::Close,
        Some(name) => Ending::Alert { name: name.to_owned() },
    }
}

fn stage_is_tls(exchange: &Exchange) -> bool {
    matches!(exchange.not_connected, Some((Stage::Tls, _)))
}

fn is_html(message: &Message) -> bool {
    let declared = message.header("content-type").is_some_and(|value| value.to_ascii_lowercase().contains("html"));
    declared || String::from_utf8_lossy(&message.body).trim_start().to_ascii_lowercase().starts_with("<!doctype html")
}

/// The beginning of a body, in one line.
fn excerpt(message: &Message) -> String {
    let text = String::from_utf8_lossy(&message.body);
    let words: Vec<&str> = text.split_whitespace().collect();
    let line: String = words.join(" ").chars().filter(|c| !c.is_control()).take(160).collect();
    if line.is_empty() { "an empty body".to_owned() } else { line }
}
