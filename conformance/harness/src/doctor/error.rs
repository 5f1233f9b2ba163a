//! What an ebMS error says about the agreement: which value does not match, or whose signature is not trusted.

use super::Break;
use super::own::{issuer, subject};
use crate::forge::EB;
use crate::judge::ebms::{Ebms, ErrorSeen};
use crate::setup::Setup;

/// The break behind an error signal that answers `sent`.
pub(super) fn of_signal(setup: &Setup, sent: Option<&Ebms>, signal: &Ebms) -> Break {
    let Some(error) = signal.errors.first() else {
        return Break::new("they answered with an error signal without an error", "let their operator look at its log");
    };
    let said = said(error);
    match error.code.as_str() {
        "EBMS:0001" | "EBMS:0003" | "EBMS:0010" => mismatch(setup, sent, error, &said),
        "EBMS:0101" | "EBMS:0102" => Break::new(
            format!("they do not accept our signature ({}): {said}", signer(setup)),
            format!(
                "let them install signing-anchors.pem of the suite's kit as trust anchor for messages of party {}, and \
                 bind that party to our signer; if they hold it, compare the token: agreement.token is {:?}",
                setup.subject.suite.party.id, setup.subject.agreement.token
            ),
        ),
        "EBMS:0103" => Break::new(
            format!("our message breaks their security policy: {said}"),
            "compare the security of the P-Mode: we sign Messaging, Body and every part with RSA-SHA256, and encrypt \
             nothing",
        ),
        "EBMS:0007" | "EBMS:0011" => Break::new(
            format!("they did not find the payload in its MIME part: {said}"),
            "let nothing in between rewrite the HTTP body; compare the packaging of the P-Mode",
        ),
        "EBMS:0303" => Break::new(
            format!("they could not decompress the payload: {said}"),
            "let them turn AS4 compression on, or set agreement.compress = false",
        ),
        "EBMS:0009" => Break::new(
            format!("they find our ebMS header invalid: {said}"),
            "compare party ids, types and roles in subject.toml with what their schema and profile allow",
        ),
        "EBMS:0005" | "EBMS:0202" => Break::new(
            format!("their node has trouble of its own: {said}"),
            "let their operator look at its log and its connections behind",
        ),
        _ => Break::new(
            format!("they refuse our message: {said}"),
            "let their operator look up that error in the log; the text is theirs",
        ),
    }
}

/// The error in one line: code, name, their words.
fn said(error: &ErrorSeen) -> String {
    let words = [&error.short, &error.text].into_iter().filter(|text| !text.is_empty());
    let mut said = words.fold(error.code.clone(), |said, text| format!("{said} {text}"));
    said.retain(|c| !c.is_control());
    if let Some((at, _)) = said.char_indices().nth(400) {
        said.truncate(at);
        said.push_str("...");
    }
    said
}

fn signer(setup: &Setup) -> String {
    let leaf = setup.partner.signing.leaf();
    leaf.map(|leaf| format!("{}, issued by {}", subject(leaf), issuer(leaf))).unwrap_or_default()
}

/// One value of the header: how people call it, what we sent, where it is set.
struct Agreed {
    name: &'static str,
    words: &'static [&'static str],
    value: String,
    key: &'static str,
}

fn mismatch(setup: &Setup, sent: Option<&Ebms>, error: &ErrorSeen, said: &str) -> Break {
    let agreed = values(setup, sent);
    let named: Vec<&Agreed> = named(&agreed, &error.text);
    let list = |values: &[&Agreed]| {
        let each: Vec<String> =
            values.iter().map(|one| format!("{} {:?} ({})", one.name, one.value, one.key)).collect();
        each.join(", ")
    };
    if named.is_empty() {
        let all: Vec<&Agreed> = agreed.iter().filter(|one| !one.value.is_empty()).collect();
        return Break::new(
            format!("they know no agreement that fits our message, and do not say which value: {said}"),
            format!("compare with what they installed, and correct one side: {}", list(&all)),
        );
    }
    Break::new(
        format!("they do not know what we sent as {}: {said}", list(&named)),
        "correct that key in subject.toml, or let them install the P-Mode of the suite's kit",
    )
}

/// The values that the error's words point at: by value where one is quoted, else by name.
fn named<'a>(agreed: &'a [Agreed], text: &str) -> Vec<&'a Agreed> {
    let quotes = |value: &str| {
        value.len() > 1
            && text.match_indices(value).any(|(at, _)| {
                let edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && !matches!(c, '/' | ':' | '-'));
                edge(text.get(..at).and_then(|before| before.chars().next_back()))
                    && edge(text.get(at + value.len()..).and_then(|after| after.chars().next()))
            })
    };
    let by_value: Vec<&Agreed> = agreed.iter().filter(|one| quotes(&one.value)).collect();
    if !by_value.is_empty() {
        return by_value;
    }
    let lower = text.to_ascii_lowercase();
    agreed.iter().filter(|one| one.words.iter().any(|word| lower.contains(word))).collect()
}

fn values(setup: &Setup, sent: Option<&Ebms>) -> Vec<Agreed> {
    let subject = &setup.subject;
    // Service and action of the test are the standard's, so they cannot be what was agreed otherwise.
    let user = sent.and_then(|sent| sent.user.as_ref()).filter(|user| !user.service.starts_with(EB));
    let agreed = |name, words, value: &str, key| Agreed { name, words, value: value.to_owned(), key };
    vec![
        agreed("AgreementRef", &["agreement"], &subject.agreement.name, "agreement.name"),
        agreed("From/PartyId", &["from/partyid", "sender", "initiator"], &subject.suite.party.id, "suite.party.id"),
        agreed("From/PartyId/@type", &[], &subject.suite.party.kind, "suite.party.type"),
        agreed("From/Role", &["role"], &subject.suite.party.initiator_role, "suite.party.initiator_role"),
        agreed("To/PartyId", &["to/partyid", "addressee", "recipient"], &subject.party.id, "party.id"),
        agreed("To/PartyId/@type", &[], &subject.party.kind, "party.type"),
        agreed("To/Role", &["role"], &subject.party.responder_role, "party.responder_role"),
        agreed(
            "Service",
            &["eb:service", "the service", "service '", "service \""],
            user.map_or("", |user| &user.service),
            "sample.service",
        ),
        agreed(
            "Action",
            &["eb:action", "the action", "action '", "action \""],
            user.map_or("", |user| &user.action),
            "sample.action",
        ),
        agreed("MPC", &["mpc"], subject.agreement.mpc.as_deref().unwrap_or_default(), "agreement.mpc"),
    ]
}
