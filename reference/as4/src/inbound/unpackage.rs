//! Step 1: the envelope's bytes become one tree, and the tree's Messaging header a user message.
//! Leaves MIME to the driver and everything the message claims to the steps that follow.
//! Clauses: ebMS 3.0 core 5.1 and 5.2, eDelivery AS4 1.15 (empty Body).

use super::{Fault, Refusal};
use crate::header::{ErrorSignal, Messaging, SignalBody, UserMessage, messaging};
use crate::soap::{Envelope, SoapError};
use carnet_wire::Limits;
use carnet_wire::xml::Document;

/// Reads the bytes of an envelope; a byte order mark before it is taken.
//= EBMS-SOAP-01
//= AS4-SOAP-03
pub(super) fn document<'b>(bytes: &'b [u8], limits: &Limits) -> Result<Document<'b>, Fault> {
    Document::parse(bytes, limits).map_err(|error| Fault::Soap(error.into()))
}

/// Finds the user message, or says why there is none.
pub(super) fn user_message(envelope: &Envelope<'_>) -> Result<UserMessage, Box<Refusal>> {
    let refusal = |message_id, fault| Box::new(Refusal { message_id, fault });
    let element = envelope.messaging.ok_or_else(|| refusal(None, Fault::Soap(SoapError::NoMessaging)))?;
    match messaging(element).map_err(|error| refusal(None, error.into()))? {
        Messaging::User(message) => Ok(*message),
        Messaging::Signal(signal) => {
            let fault = match signal.body {
                SignalBody::PullRequest(_) => Fault::Pull,
                SignalBody::Receipt(_) => Fault::LooseReceipt,
                SignalBody::Errors(errors) => Fault::LooseError(summary(&errors)),
            };
            Err(refusal(Some(signal.info.message_id), fault))
        }
    }
}

fn summary(errors: &[ErrorSignal]) -> String {
    let codes: Vec<&str> = errors.iter().map(|error| error.code.as_str()).take(5).collect();
    codes.join(", ").chars().take(80).collect()
}
