//! Why no message of the subject reached the suite: what the suite's endpoint saw, and what it did not.

use std::time::Duration;

use super::Break;
use super::own::issuer;
use crate::evidence::{Direction, Event, Evidence, Kind, Side};
use crate::judge::view::Attempt;
use crate::line::Ending;
use crate::root;
use crate::setup::Setup;

/// The break behind a push that was awaited and did not come.
pub(super) fn missing(setup: &Setup, evidence: &Evidence, attempt: &Attempt, waited: Duration) -> Break {
    if let Some(hook) = attempt.hooks.iter().find(|hook| !hook.success) {
        let said: String = String::from_utf8_lossy(&hook.output).trim().chars().take(300).collect();
        return Break::new(
            format!("the `send` hook did not succeed: {said}"),
            "correct [hooks.send] in subject.toml; run what it names by hand first",
        );
    }
    let strays: Vec<&Event> = evidence.events.iter().filter(|event| event.scope.is_none()).collect();
    if let Some(bytes) = strays.iter().find_map(|event| match &event.kind {
        Kind::Bytes { direction: Direction::In, blob } => evidence.blob(blob).ok(),
        _ => None,
    }) {
        return stray(setup, bytes);
    }
    let handshake = strays.iter().rev().find_map(|event| match &event.kind {
        Kind::NotConnected { side: Side::Subject, ending, .. } => Some(ending),
        _ => None,
    });
    if let Some(ending) = handshake {
        return refused_us(setup, ending);
    }
    if strays.iter().any(|event| matches!(event.kind, Kind::Connected { side: Side::Subject, .. })) {
        return Break::new(
            "they connected to our endpoint and sent nothing",
            "let their operator look at the node's log: it gave up after the TLS handshake",
        );
    }
    let listen = setup.subject.suite.listen.clone().unwrap_or_default();
    let address = setup.suite_url().unwrap_or_default();
    Break::new(
        format!("within {waited:?} nothing came to {listen}, which they are to reach as {address}"),
        "let them send to that address (P-Mode, DNS, firewall, NAT); if it is not the one that leads here, set \
         suite.public_url",
    )
}

/// A message came that no case would recognise as its own.
fn stray(setup: &Setup, bytes: &[u8]) -> Break {
    let names = root::envelope_text(bytes).map(|envelope| root::names(&envelope)).unwrap_or_default();
    match names.conversation {
        Some(conversation) => Break::new(
            format!("a message came, under ConversationId {conversation:?}, which is not the one we gave"),
            "let the `send` hook pass ${fresh.conversation} on, or set agreement.conversation to the one they use",
        ),
        None => Break::new(
            "something came to our endpoint that is no ebMS user message",
            format!("let them send AS4 messages to {}", setup.suite_url().unwrap_or_default()),
        ),
    }
}

/// They reached us and ended the handshake.
fn refused_us(setup: &Setup, ending: &Ending) -> Break {
    let chain = &setup.partner.tls.chain;
    let top = chain.last().map(|last| issuer(last)).unwrap_or_default();
    let how = match ending {
        Ending::Alert { name } => format!("alert {name}"),
        Ending::Protocol { what } => what.clone(),
        _ => "no alert".to_owned(),
    };
    Break::new(
        format!("they reached us and refused our server certificate: {how}"),
        format!("let them install tls-anchors.pem of the suite's kit ({top}) as trust anchor for TLS servers, too"),
    )
}
