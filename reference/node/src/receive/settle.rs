//! A receipt or an error for a message that was pulled from here: looked up, checked against what was sent, stored.

use std::sync::Arc;

use bytes::Bytes;
use carnet_as4::inbound::{Fault, Returned};
use carnet_as4::outbound::answer::{Answer, AnswerError, check_returned};
use carnet_exchange::{Attempt, Direction, Message, MessageId, Outcome, Sent, State, StoreError, Unit};
use jiff::Timestamp;

use crate::log::Chain;
use crate::node::Node;
use crate::parts::Header;
use crate::send::told;
use crate::terms::Terms;

/// Settles what the signal in `envelope` is about; or why it is refused.
//= EDEL-PULL-06
pub(super) async fn settle(
    node: &Arc<Node>,
    terms: &Arc<Terms>,
    returned: &Returned,
    envelope: Bytes,
) -> Option<Fault> {
    let found = match look_up(node, returned).await {
        Ok(found) => found,
        Err(error) => {
            tracing::error!(error = %Chain(&error), "failed to look a pulled message up");
            return Some(Fault::Unavailable);
        }
    };
    let Some((message, header)) = found else { return Some(returned.loose()) };
    let (checking, pmode, at) = (Arc::clone(terms), message.pmode.clone(), Timestamp::now());
    let checked = node.pool.run(move |_| check(&checking, &pmode, &header, &envelope, at)).await;
    let sent = match checked {
        Ok(Some(Ok(Answer::Receipt(receipt)))) => {
            Sent::Receipted { receipt: receipt.envelope.into(), envelope: Bytes::new() }
        }
        Ok(Some(Ok(Answer::Errors(errors)))) => {
            let note = format!("the partner answered {}", told(&errors));
            let failure = errors.final_failure();
            tracing::warn!(id = message.id.as_str(), note, last = failure.is_some(), "a pulled message was refused");
            match failure {
                Some(failure) => Sent::Failed { code: failure.code.clone(), note },
                // It is pulled again, or lapses.
                None => return None,
            }
        }
        Ok(Some(Err(error))) => return Some(Fault::Receipt(error)),
        Ok(None) => return Some(returned.loose()),
        Err(_) => return Some(Fault::Unavailable),
    };
    let state = if matches!(sent, Sent::Receipted { .. }) { State::Delivered } else { State::Failed };
    let outcome = node.store.begin(vec![Unit::Attempt(Attempt { message: message.key, sent, at })]).await;
    match outcome.map(|mut outcomes| outcomes.pop()) {
        Ok(Some(Outcome::Done { .. })) => {
            tracing::info!(id = message.id.as_str(), key = %message.key, %state, "settled a pulled message");
            node.settled.tell(message.id.as_str(), state);
            None
        }
        // A receipt that came again, or after the producer was told that none came.
        Ok(Some(Outcome::Illegal { state })) => {
            tracing::info!(id = message.id.as_str(), %state, "a receipt came for a message that is settled");
            None
        }
        Ok(other) => {
            tracing::error!(id = message.id.as_str(), outcome = ?other, "the store answered out of turn");
            Some(Fault::Unavailable)
        }
        Err(error) => {
            tracing::error!(id = message.id.as_str(), error = %Chain(&error), "failed to store a receipt");
            Some(Fault::Unavailable)
        }
    }
}

/// The message a signal is about, if it was pulled from here.
async fn look_up(node: &Arc<Node>, returned: &Returned) -> Result<Option<(Message, Header)>, StoreError> {
    let Some(Ok(id)) = returned.about.as_ref().map(|id| MessageId::new(id.as_str())) else { return Ok(None) };
    let node = Arc::clone(node);
    let read = tokio::task::spawn_blocking(move || {
        let found = node.store.find(Direction::Out, &id, None)?;
        let Some(message) = found.filter(|message| message.pull && message.attempts > 0) else { return Ok(None) };
        let header = node.store.header(message.key)?.and_then(|header| Header::read(&header));
        Ok(header.map(|header| (message, header)))
    });
    read.await.unwrap_or(Err(StoreError::Closed))
}

/// The work of a worker thread; nothing when the P-Mode or the partner is gone.
fn check(
    terms: &Terms,
    pmode: &str,
    header: &Header,
    envelope: &[u8],
    now: Timestamp,
) -> Option<Result<Answer, AnswerError>> {
    let agreements = &terms.agreements;
    let pmode = agreements.pmodes.named(pmode)?;
    let partner = agreements.partner(&pmode.receiver().id)?;
    let sent = header.sent.as_ref()?;
    Some(check_returned(sent, pmode, &partner, &agreements.limits, envelope, now))
}
