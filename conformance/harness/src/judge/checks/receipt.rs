//! Checks on the receipt that answers a message.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carnet_certs::common_name;

use super::look::{Look, settle};
use super::{Named, Outcome};
use crate::judge::answer::Answer;
use crate::judge::ebms::Reference;

const MESSAGING: &str = "/env:Envelope/env:Header/eb:Messaging";
const RECEIPT: &str = "/env:Envelope/env:Header/eb:Messaging/eb:SignalMessage/eb:Receipt";

pub(crate) const CHECKS: &[Named] = &[
    Named {
        name: "receipt.refers-to-sent",
        says: "RefToMessageId is the MessageId that was sent",
        with: &[],
        judge: refers,
    },
    Named {
        name: "receipt.digests-equal-sent",
        says: "the receipt repeats each reference of the sent signature with its digest, and no other",
        with: &[],
        judge: digests,
    },
    Named {
        name: "receipt.signed",
        says: "the receipt carries one signature that verifies, in its place",
        with: &[],
        judge: signed,
    },
    Named {
        name: "receipt.messaging-signed",
        says: "the receipt's signature covers eb:Messaging",
        with: &[],
        judge: messaging,
    },
    Named {
        name: "receipt.body-signed",
        says: "the receipt's signature covers the SOAP Body, though it is empty",
        with: &[],
        judge: body,
    },
    Named {
        name: "receipt.signer-trusted",
        says: "the receipt's signer chains to the agreed anchors and is the agreed one",
        with: &[],
        judge: trusted,
    },
    Named {
        name: "receipt.token-carries-path",
        says: "the receipt's token is an X509PKIPathv1 with more than the leaf",
        with: &[],
        judge: path,
    },
    Named {
        name: "receipt.own-message-id",
        says: "the receipt has a MessageId of its own and a timestamp",
        with: &[],
        judge: own_id,
    },
    Named {
        name: "receipt.same-digests-as",
        says: "the receipt repeats the same references as the receipt of an earlier step",
        with: &["earlier"],
        judge: same,
    },
];

fn refers(look: &Look<'_>) -> Outcome {
    settle((|| {
        let (exchange, receipt) = look.receipt()?;
        let (sent, _) = look.sent(exchange)?;
        let got = receipt.refers_to.clone().unwrap_or_default();
        Ok(if got == sent.message_id {
            Outcome::Holds
        } else {
            let xpath = format!("{MESSAGING}/eb:SignalMessage/eb:MessageInfo/eb:RefToMessageId");
            look.at(
                exchange,
                format!("RefToMessageId {}", sent.message_id),
                format!("RefToMessageId {got:?}"),
                Some(&xpath),
                Some(&got),
            )
        })
    })())
}

fn digests(look: &Look<'_>) -> Outcome {
    settle((|| {
        let (exchange, receipt) = look.receipt()?;
        let (sent, _) = look.sent(exchange)?;
        let repeated = receipt.receipt.clone().unwrap_or_default();
        if sent.signature.references.is_empty() {
            return Err(Outcome::Unclear("what was sent was not signed".to_owned()));
        }
        if repeated.is_empty() {
            return Ok(look.at(
                exchange,
                "NonRepudiationInformation with a ds:Reference for each signed part",
                "a receipt without any reference",
                Some(RECEIPT),
                None,
            ));
        }
        Ok(match difference(&sent.signature.references, &repeated) {
            None => Outcome::Holds,
            Some((expected, actual, shows)) => look.at(exchange, expected, actual, Some(RECEIPT), shows.as_deref()),
        })
    })())
}

fn signed(look: &Look<'_>) -> Outcome {
    settle((|| {
        let (exchange, receipt) = look.receipt()?;
        let signature = &receipt.signature;
        Ok(match (&look.fault(signature), signature.present) {
            (None, true) => Outcome::Holds,
            (Some(fault), _) => {
                look.at(exchange, "a signature that verifies", fault.clone(), Some(SIGNATURE), Some("<ds:Signature"))
            }
            (None, false) => look.deviation(exchange, "a signed receipt", "a receipt without a signature"),
        })
    })())
}

const SIGNATURE: &str = "/env:Envelope/env:Header/wsse:Security/ds:Signature";

fn messaging(look: &Look<'_>) -> Outcome {
    settle((|| {
        let (exchange, receipt) = look.receipt()?;
        Ok(if receipt.signature.messaging {
            Outcome::Holds
        } else {
            look.at(exchange, "a signature over eb:Messaging", "eb:Messaging is not covered", Some(MESSAGING), None)
        })
    })())
}

fn body(look: &Look<'_>) -> Outcome {
    settle((|| {
        let (exchange, receipt) = look.receipt()?;
        Ok(if receipt.signature.body {
            Outcome::Holds
        } else {
            look.at(
                exchange,
                "a signature over the SOAP Body",
                "the Body is not covered",
                Some("/env:Envelope/env:Body"),
                None,
            )
        })
    })())
}

fn trusted(look: &Look<'_>) -> Outcome {
    settle((|| {
        let (exchange, receipt) = look.receipt()?;
        let chain = &receipt.signature;
        if let Err(why) = chain.trusted(&look.judge.signing_anchors, look.judge.clock) {
            return Ok(look.at(exchange, "a signer under the agreed anchors", why, Some(SIGNATURE), None));
        }
        let Some(wanted) = &look.judge.subject.trust.signing_subject else { return Ok(Outcome::Holds) };
        let name = chain.chain.first().and_then(common_name).unwrap_or_default();
        Ok(if name == wanted.trim_start_matches("CN=") {
            Outcome::Holds
        } else {
            look.at(
                exchange,
                format!("a signer with common name {wanted}"),
                format!("common name {name:?}"),
                Some(SIGNATURE),
                None,
            )
        })
    })())
}

fn path(look: &Look<'_>) -> Outcome {
    settle((|| {
        let (exchange, receipt) = look.receipt()?;
        let signature = &receipt.signature;
        Ok(if signature.token == Some("x509-pkipath") && signature.chain.len() > 1 {
            Outcome::Holds
        } else {
            let token = signature.token.unwrap_or("none");
            look.at(
                exchange,
                "a BinarySecurityToken of type X509PKIPathv1 with the chain of the signer",
                format!("token {token} with {} certificate(s)", signature.chain.len()),
                Some("/env:Envelope/env:Header/wsse:Security/wsse:BinarySecurityToken"),
                Some("BinarySecurityToken"),
            )
        })
    })())
}

fn own_id(look: &Look<'_>) -> Outcome {
    settle((|| {
        let (exchange, receipt) = look.receipt()?;
        let (sent, _) = look.sent(exchange)?;
        let info = format!("{MESSAGING}/eb:SignalMessage/eb:MessageInfo");
        let actual = match (&receipt.message_id, &receipt.timestamp) {
            (id, _) if id.is_empty() => "no MessageId".to_owned(),
            (id, _) if *id == sent.message_id => "the MessageId of the message it acknowledges".to_owned(),
            (_, timestamp)
                if timestamp.parse::<jiff::Timestamp>().is_err()
                    && timestamp.parse::<jiff::civil::DateTime>().is_err() =>
            {
                format!("timestamp {timestamp:?}")
            }
            _ => return Ok(Outcome::Holds),
        };
        Ok(look.at(exchange, "a MessageId of its own and an xs:dateTime timestamp", actual, Some(&info), None))
    })())
}

fn same(look: &Look<'_>) -> Outcome {
    settle((|| {
        let (exchange, receipt) = look.receipt()?;
        let earlier = look.with("earlier").and_then(|name| look.case.step_named(name)).map(|(index, _)| index);
        let first = look
            .attempt
            .exchanges
            .iter()
            .find(|other| other.side == crate::evidence::Side::Suite && Some(other.step) == earlier)
            .ok_or_else(|| Outcome::Unclear("with.earlier names no step that sent something".to_owned()))?;
        let Answer::Receipt(before) = first.answer() else {
            return Err(look.deviation(first, "a receipt on the first message", first.answer().describe()));
        };
        let (old, new) = (before.receipt.clone().unwrap_or_default(), receipt.receipt.clone().unwrap_or_default());
        if old.is_empty() {
            return Ok(look.deviation(first, "a receipt with references", "a receipt without any"));
        }
        Ok(match difference(&old, &new) {
            None => Outcome::Holds,
            Some((expected, actual, shows)) => look.at(exchange, expected, actual, Some(RECEIPT), shows.as_deref()),
        })
    })())
}

/// The first difference between two sets of references: what should be, what is, and a text that shows it.
pub(crate) fn difference(expected: &[Reference], got: &[Reference]) -> Option<(String, String, Option<String>)> {
    for reference in expected {
        let digest = STANDARD.encode(&reference.digest);
        match got.iter().find(|other| other.uri == reference.uri) {
            None => {
                let (what, uris) =
                    (reference.uri.clone(), got.iter().map(|other| other.uri.clone()).collect::<Vec<_>>().join(", "));
                return Some((format!("a reference to {what}"), format!("references to {uris}"), None));
            }
            Some(other) if other.digest != reference.digest || other.method != reference.method => {
                let actual = STANDARD.encode(&other.digest);
                return Some((
                    format!("digest {digest} for {}", reference.uri),
                    format!("digest {actual}"),
                    Some(actual),
                ));
            }
            Some(_) => {}
        }
    }
    let extra = got.iter().find(|other| !expected.iter().any(|reference| reference.uri == other.uri))?;
    Some((
        "no reference but those of the signed parts".to_owned(),
        format!("a reference to {}", extra.uri),
        Some(extra.uri.clone()),
    ))
}
