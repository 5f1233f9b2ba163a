//! Checks on messages that the subject pushes, or hands out: their header here, what they carry, their security and their
//! retries in files of their own.

mod payload;
mod retry;
mod security;

use carnet_catalogue::exchange::Under;

use super::look::{Look, settle};
use super::{Named, Outcome};

const MESSAGING: &str = "/env:Envelope/env:Header/eb:Messaging";
const USER: &str = "/env:Envelope/env:Header/eb:Messaging/eb:UserMessage";

pub(crate) const CHECKS: &[Named] = &[
    Named {
        name: "message.well-formed",
        says: "the pushed message has what ebMS asks of every user message",
        with: &[],
        judge: well_formed,
    },
    Named {
        name: "message.signed",
        says: "one signature verifies, in its place, by a trusted signer",
        with: &[],
        judge: security::signed,
    },
    Named {
        name: "message.covered",
        says: "the signature covers Messaging, Body and every part, with their true digests",
        with: &[],
        judge: security::covered,
    },
    Named {
        name: "message.addressed",
        says: "From is the subject, To is the suite or whom it looked up, roles and agreement as agreed",
        with: &[],
        judge: addressed,
    },
    Named {
        name: "message.conversation-kept",
        says: "the answer carries the ConversationId of what it answers",
        with: &[],
        judge: conversation,
    },
    Named {
        name: "message.answers-request",
        says: "RefToMessageId is the MessageId of the request that was sent",
        with: &[],
        judge: answers,
    },
    Named {
        name: "message.four-corners",
        says: "originalSender and finalRecipient are there once each, with a value",
        with: &[],
        judge: corners,
    },
    Named {
        name: "message.part-properties",
        says: "each part names its MimeType, and CompressionType where it is compressed",
        with: &[],
        judge: payload::properties,
    },
    Named {
        name: "message.character-set",
        says: "each compressed XML part names its character set",
        with: &[],
        judge: payload::character_set,
    },
    Named {
        name: "message.encrypted",
        says: "every payload is encrypted for the suite as agreed, and nothing else is",
        with: &[],
        judge: super::encrypted::judge,
    },
    Named {
        name: "message.token-carries-path",
        says: "the token is an X509PKIPathv1 with more than the leaf",
        with: &[],
        judge: security::path,
    },
    Named {
        name: "message.token-agreed",
        says: "the token is the one that the agreement names, and leads to the certificate that signed",
        with: &[],
        judge: security::token,
    },
    Named {
        name: "message.retry-identical",
        says: "all pushes have the same MessageId and the same digests",
        with: &[],
        judge: retry::identical,
    },
    Named {
        name: "message.retry-spaced",
        says: "a retry does not come before the claimed interval",
        with: &[],
        judge: retry::spaced,
    },
    Named {
        name: "message.count-at-most",
        says: "the subject pushed no more often than its claims allow",
        with: &["count"],
        judge: retry::at_most,
    },
    Named {
        name: "message.client-certificate",
        says: "the subject presents a trusted client certificate when it pushes",
        with: &[],
        judge: security::client,
    },
];

fn well_formed(look: &Look<'_>) -> Outcome {
    settle((|| {
        let push = look.push()?;
        let Some(user) = &push.ebms.user else {
            return Ok(look.at(push.exchange, "eb:UserMessage", "another kind of message", Some(MESSAGING), None));
        };
        let missing = [
            ("eb:MessageInfo/eb:MessageId", push.ebms.message_id.is_empty()),
            ("eb:MessageInfo/eb:Timestamp", push.ebms.timestamp.is_empty()),
            ("eb:PartyInfo/eb:From/eb:PartyId", user.from.0.is_empty()),
            ("eb:PartyInfo/eb:To/eb:PartyId", user.to.0.is_empty()),
            ("eb:CollaborationInfo/eb:Service", user.service.is_empty()),
            ("eb:CollaborationInfo/eb:Action", user.action.is_empty()),
            ("eb:CollaborationInfo/eb:ConversationId", user.conversation.is_none()),
            ("mustUnderstand on eb:Messaging", !push.ebms.must_understand),
        ];
        if let Some((name, _)) = missing.iter().find(|(_, missing)| *missing) {
            return Ok(look.at(
                push.exchange,
                format!("{name} with a value"),
                "it is missing or empty",
                Some(USER),
                None,
            ));
        }
        Ok(match user.party_ids {
            (0 | 1, 0 | 1) => Outcome::Holds,
            (from, to) => look.at(
                push.exchange,
                "at most one PartyId in From and in To",
                format!("{from} and {to}"),
                Some(USER),
                None,
            ),
        })
    })())
}

fn addressed(look: &Look<'_>) -> Outcome {
    settle((|| {
        let push = look.push()?;
        let subject = &look.judge.subject;
        let Some(user) = &push.ebms.user else {
            return Ok(look.deviation(push.exchange, "eb:UserMessage", "another kind of message"));
        };
        // Whom only the publisher knows has an id of its own in each case.
        let looked_up = look.case.step.iter().any(|step| step.under == Some(Under::Discovery));
        let receivers = subject.exchange.discovery.as_ref().filter(|_| looked_up).map(|agreed| &agreed.party);
        let to = match receivers {
            Some(prefix) if user.to.0.starts_with(prefix.as_str()) => &user.to.0,
            Some(prefix) => prefix,
            None => &subject.suite.party.id,
        };
        let wanted = [
            ("From/PartyId", &user.from.0, &subject.party.id),
            ("From/PartyId/@type", &user.from.1, &subject.party.kind),
            ("From/Role", &user.from.2, &subject.party.initiator_role),
            ("To/PartyId", &user.to.0, to),
            ("To/PartyId/@type", &user.to.1, &subject.suite.party.kind),
            ("To/Role", &user.to.2, &subject.suite.party.responder_role),
        ];
        let agreed = &look.agreed().name;
        let named = user.agreement.clone().unwrap_or_default();
        if !agreed.is_empty() && named != *agreed {
            let (expected, actual) = (format!("AgreementRef {agreed}"), format!("AgreementRef {named:?}"));
            return Ok(look.at(push.exchange, expected, actual, Some(USER), Some(&named)));
        }
        if let Some((name, got, expected)) = wanted.into_iter().find(|(_, got, expected)| got != expected) {
            return Ok(look.at(
                push.exchange,
                format!("{name} {expected}"),
                format!("{name} {got:?}"),
                Some(USER),
                Some(got),
            ));
        }
        Ok(Outcome::Holds)
    })())
}

fn conversation(look: &Look<'_>) -> Outcome {
    settle((|| {
        let push = look.push()?;
        let exchange = look.attempt.sent_at(None).ok_or_else(|| Outcome::Unclear("nothing was sent".to_owned()))?;
        let (sent, _) = look.sent(exchange)?;
        let wanted = sent.user.and_then(|user| user.conversation).unwrap_or_default();
        let got = push.ebms.user.as_ref().and_then(|user| user.conversation.clone()).unwrap_or_default();
        Ok(if got == wanted {
            Outcome::Holds
        } else {
            look.at(
                push.exchange,
                format!("ConversationId {wanted}"),
                format!("ConversationId {got:?}"),
                Some(USER),
                Some(&got),
            )
        })
    })())
}

fn answers(look: &Look<'_>) -> Outcome {
    settle((|| {
        let push = look.push()?;
        let exchange = look.attempt.sent_at(None).ok_or_else(|| Outcome::Unclear("nothing was sent".to_owned()))?;
        let (sent, _) = look.sent(exchange)?;
        let got = push.ebms.refers_to.clone().unwrap_or_default();
        Ok(if got == sent.message_id {
            Outcome::Holds
        } else {
            let expected = format!("RefToMessageId {}", sent.message_id);
            look.at(push.exchange, expected, format!("RefToMessageId {got:?}"), Some(USER), Some(&got))
        })
    })())
}

fn corners(look: &Look<'_>) -> Outcome {
    settle((|| {
        let push = look.push()?;
        let properties = push.ebms.user.as_ref().map(|user| user.properties.clone()).unwrap_or_default();
        for name in ["originalSender", "finalRecipient"] {
            let values: Vec<&str> =
                properties.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect();
            if !matches!(values.as_slice(), [value] if !value.is_empty()) {
                let (expected, actual) = (format!("one message property {name} with a value"), format!("{values:?}"));
                return Ok(look.at(push.exchange, expected, actual, Some(USER), Some("MessageProperties")));
            }
        }
        Ok(Outcome::Holds)
    })())
}
