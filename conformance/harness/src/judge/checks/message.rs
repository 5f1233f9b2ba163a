//! Checks on messages that the subject pushes.

use carnet_catalogue::exchange::Under;
use carnet_certs::common_name;

use super::look::{Look, Push, settle};
use super::receipt::difference;
use super::{Named, Outcome, broken};

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
        judge: signed,
    },
    Named {
        name: "message.covered",
        says: "the signature covers Messaging, Body and every part, with their true digests",
        with: &[],
        judge: covered,
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
        judge: properties,
    },
    Named {
        name: "message.character-set",
        says: "each compressed XML part names its character set",
        with: &[],
        judge: character_set,
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
        judge: path,
    },
    Named {
        name: "message.token-agreed",
        says: "the token is the one that the agreement names, and leads to the certificate that signed",
        with: &[],
        judge: token,
    },
    Named {
        name: "message.retry-identical",
        says: "all pushes have the same MessageId and the same digests",
        with: &[],
        judge: retry,
    },
    Named {
        name: "message.retry-spaced",
        says: "a retry does not come before the claimed interval",
        with: &[],
        judge: spaced,
    },
    Named {
        name: "message.count-at-most",
        says: "the subject pushed no more often than its claims allow",
        with: &["count"],
        judge: at_most,
    },
    Named {
        name: "message.client-certificate",
        says: "the subject presents a trusted client certificate when it pushes",
        with: &[],
        judge: client,
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

fn signed(look: &Look<'_>) -> Outcome {
    settle((|| {
        let push = look.push()?;
        let signature = &push.ebms.signature;
        let actual = match (&look.fault(signature), signature.present) {
            (Some(fault), _) => fault.clone(),
            (None, false) => "a message without a signature".to_owned(),
            (None, true) => match signature.trusted(&look.judge.signing_anchors, look.judge.clock) {
                Ok(()) => return Ok(subject_fits(look, &push)),
                Err(why) => why,
            },
        };
        Ok(look.at(
            push.exchange,
            "a signature by a trusted signer that verifies",
            actual,
            Some(MESSAGING),
            Some("<ds:Signature"),
        ))
    })())
}

fn subject_fits(look: &Look<'_>, push: &Push<'_>) -> Outcome {
    let Some(wanted) = &look.judge.subject.trust.signing_subject else { return Outcome::Holds };
    let name = push.ebms.signature.chain.first().and_then(common_name).unwrap_or_default();
    if name == wanted.trim_start_matches("CN=") {
        Outcome::Holds
    } else {
        look.deviation(push.exchange, format!("a signer with common name {wanted}"), format!("common name {name:?}"))
    }
}

fn covered(look: &Look<'_>) -> Outcome {
    settle((|| {
        let push = look.push()?;
        let signature = &push.ebms.signature;
        let actual = match (signature.messaging, signature.body, signature.covers_parts(&push.package)) {
            (false, ..) => "eb:Messaging is not covered".to_owned(),
            (_, false, _) => "the Body is not covered".to_owned(),
            (_, _, Err(why)) => why,
            (true, true, Ok(())) => return Ok(Outcome::Holds),
        };
        Ok(look.at(push.exchange, "a signature over Messaging, Body and every part", actual, Some(MESSAGING), None))
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

fn properties(look: &Look<'_>) -> Outcome {
    settle((|| {
        let push = look.push()?;
        let parts = push.ebms.user.as_ref().map(|user| user.parts.clone()).unwrap_or_default();
        if parts.len() != push.package.parts.len() {
            let actual = format!("{} PartInfo for {} parts", parts.len(), push.package.parts.len());
            return Ok(look.at(push.exchange, "one PartInfo for each MIME part", actual, Some(USER), None));
        }
        for (href, properties) in &parts {
            let value = |name: &str| properties.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
            let cid = href.strip_prefix("cid:").unwrap_or(href);
            let Some(part) = push.package.parts.iter().find(|part| part.cid.as_deref() == Some(cid)) else {
                return Ok(look.at(
                    push.exchange,
                    "a MIME part for each href",
                    format!("no part for {href}"),
                    Some(USER),
                    Some(href),
                ));
            };
            let compressed = part.content_type.starts_with("application/gzip");
            let says = value("CompressionType") == Some("application/gzip");
            if compressed != says || (compressed && value("MimeType").is_none()) {
                let actual = format!("content type {:?} with properties {properties:?}", part.content_type);
                return Ok(look.at(
                    push.exchange,
                    "CompressionType application/gzip and MimeType on a part of type application/gzip, and only there",
                    actual,
                    Some(USER),
                    Some(href),
                ));
            }
        }
        Ok(Outcome::Holds)
    })())
}

fn character_set(look: &Look<'_>) -> Outcome {
    settle((|| {
        let push = look.push()?;
        let parts = push.ebms.user.as_ref().map(|user| user.parts.clone()).unwrap_or_default();
        for (href, properties) in &parts {
            let value = |name: &str| properties.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
            let media = value("MimeType").unwrap_or_default();
            let xml = matches!(media, "application/xml" | "text/xml") || media.ends_with("+xml");
            if xml && value("CompressionType").is_some() && value("CharacterSet").is_none_or(str::is_empty) {
                return Ok(look.at(
                    push.exchange,
                    "a part property CharacterSet on a compressed XML part",
                    format!("none among {properties:?}"),
                    Some(USER),
                    Some(href),
                ));
            }
        }
        Ok(Outcome::Holds)
    })())
}

fn path(look: &Look<'_>) -> Outcome {
    settle((|| {
        let push = look.push()?;
        let signature = &push.ebms.signature;
        Ok(if signature.token == Some("x509-pkipath") && signature.chain.len() > 1 {
            Outcome::Holds
        } else {
            let actual =
                format!("token {} with {} certificate(s)", signature.token.unwrap_or("none"), signature.chain.len());
            look.at(
                push.exchange,
                "X509PKIPathv1 with the chain of the signer",
                actual,
                Some(MESSAGING),
                Some("BinarySecurityToken"),
            )
        })
    })())
}

fn token(look: &Look<'_>) -> Outcome {
    settle((|| {
        let push = look.push()?;
        let (signature, agreed) = (&push.ebms.signature, &look.agreed().token);
        let actual = match &look.fault(signature) {
            None if signature.token == Some(agreed.as_str()) => return Ok(Outcome::Holds),
            None => format!("token {}", signature.token.unwrap_or("none")),
            Some(fault) => format!("token {}: {fault}", signature.token.unwrap_or("none")),
        };
        let expected = format!("a signature that verifies by a token {agreed}");
        Ok(look.at(push.exchange, expected, actual, Some(MESSAGING), Some("SecurityTokenReference")))
    })())
}

fn retry(look: &Look<'_>) -> Outcome {
    settle((|| {
        let pushes = look.messages();
        let [first, rest @ ..] = pushes.as_slice() else {
            return Err(broken("a message and its retry", "no message", look.wait_events()));
        };
        if rest.is_empty() {
            return Ok(look.deviation(first, "a retry", "one push only"));
        }
        let original = look.read_push(first)?;
        for exchange in rest {
            let again = look.read_push(exchange)?;
            if again.ebms.message_id != original.ebms.message_id {
                let (expected, actual) = (original.ebms.message_id, again.ebms.message_id);
                return Ok(look.at(
                    exchange,
                    format!("MessageId {expected}"),
                    format!("MessageId {actual}"),
                    Some(USER),
                    Some(&actual),
                ));
            }
            let parts = |push: &Push<'_>| {
                push.ebms.signature.references.iter().filter(|r| r.uri.starts_with("cid:")).cloned().collect::<Vec<_>>()
            };
            let (old, new) = (parts(&original), parts(&again));
            let digests =
                |list: &[crate::judge::ebms::Reference]| list.iter().map(|r| r.digest.clone()).collect::<Vec<_>>();
            if digests(&old) != digests(&new) {
                let (expected, actual, shows) = difference(&old, &new).unwrap_or_default();
                return Ok(look.at(exchange, expected, actual, Some(MESSAGING), shows.as_deref()));
            }
        }
        Ok(Outcome::Holds)
    })())
}

fn spaced(look: &Look<'_>) -> Outcome {
    let pushes = look.messages();
    let time = |seq: u64| look.attempt.times.get(&seq).copied().unwrap_or_default();
    let interval = look.judge.ics.reception_awareness.retry_interval.0.as_micros();
    for pair in pushes.windows(2) {
        let [first, second] = pair else { continue };
        let gap = u128::from(time(second.seq).saturating_sub(time(first.seq)));
        // A tenth is the clocks' and the line's.
        if gap * 10 < interval * 9 {
            return look.deviation(
                second,
                "at least the claimed retry interval between two attempts",
                "a retry before the interval was over",
            );
        }
    }
    if pushes.len() < 2 {
        broken("a message and its retry", "fewer than two pushes", look.wait_events())
    } else {
        Outcome::Holds
    }
}

fn at_most(look: &Look<'_>) -> Outcome {
    let claimed = look.judge.ics.reception_awareness.retry_count as usize + 1;
    let limit = look.with("count").and_then(|count| count.parse().ok()).unwrap_or(claimed);
    let pushes = look.messages();
    match pushes.last() {
        None => broken("a message from the subject", "none came", look.wait_events()),
        Some(last) if pushes.len() > limit => {
            look.deviation(last, format!("at most {limit} pushes"), format!("{} pushes", pushes.len()))
        }
        Some(_) => Outcome::Holds,
    }
}

fn client(look: &Look<'_>) -> Outcome {
    settle((|| {
        let push = look.push()?;
        let chain: Vec<_> =
            push.exchange.peer_chain.iter().map(|der| rustls_pki_types::CertificateDer::from(der.to_vec())).collect();
        let signature = crate::judge::ebms::Signature { chain, ..Default::default() };
        Ok(match signature.trusted(&look.judge.tls_anchors, look.judge.clock) {
            Ok(()) => Outcome::Holds,
            Err(why) => look.deviation(push.exchange, "a client certificate under the agreed anchors", why),
        })
    })())
}
