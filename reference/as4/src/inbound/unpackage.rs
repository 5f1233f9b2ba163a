//! Step 1: the envelope's bytes become one tree, and the tree's Messaging header messages.
//! Leaves MIME to the driver and everything the message claims to the steps that follow.
//! Clauses: ebMS 3.0 core 5.1 and 5.2, eDelivery AS4 1.15 (empty Body).

use super::{Fault, Returned};
use crate::header::{HeaderError, Messaging, Signal, SignalBody, UserMessage, messaging};
use crate::id::{MessageId, Mpc};
use crate::soap::{Envelope, SoapError};
use carnet_wire::Limits;
use carnet_wire::xml::Document;

/// Reads the bytes of an envelope; a byte order mark before it is taken.
//= EBMS-SOAP-01
//= AS4-SOAP-03
pub(super) fn document<'b>(bytes: &'b [u8], limits: &Limits) -> Result<Document<'b>, Fault> {
    Document::parse(bytes, limits).map_err(|error| Fault::Soap(error.into()))
}

/// What an envelope asks for, and the signal that is bundled with it.
pub(super) enum Content {
    User(Box<UserMessage>, Option<Returned>),
    Pull(Pull, Option<Returned>),
    Signal(Returned),
}

/// A pull request as it was read.
pub(super) struct Pull {
    pub(super) message_id: MessageId,
    pub(super) mpc: Mpc,
}

/// Reads what the envelope holds, or says why it holds nothing.
pub(super) fn content(envelope: &Envelope<'_>) -> Result<Content, Fault> {
    let element = envelope.messaging.ok_or(Fault::Soap(SoapError::NoMessaging))?;
    let Messaging { user, signals } = messaging(element)?;
    let (mut pull, mut returned) = (None, None);
    for Signal { info, body } in signals {
        match body {
            SignalBody::PullRequest(mpc) => pull = Some(Pull { message_id: info.message_id, mpc }),
            // The first counts most.
            _ if returned.is_some() => {}
            SignalBody::Receipt(_) => returned = Some(Returned::new(info, None)),
            SignalBody::Errors(errors) => returned = Some(Returned::new(info, Some(errors))),
        }
    }
    match (user, pull, returned) {
        (Some(user), _, returned) => Ok(Content::User(user, returned)),
        (None, Some(pull), returned) => Ok(Content::Pull(pull, returned)),
        (None, None, Some(returned)) => Ok(Content::Signal(returned)),
        (None, None, None) => Err(HeaderError::EmptySignal.into()),
    }
}
