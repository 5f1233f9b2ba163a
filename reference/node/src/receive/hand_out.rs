//! A pull answered: a message that waits is claimed, durably, and only then leaves as the answer.

use std::sync::Arc;

use bytes::Bytes;
use carnet_as4::inbound::{Fault, Granted};
use carnet_exchange::{Grant, Next, Outcome, Pull, StoreError, Unit};
use jiff::Timestamp;

use super::Reply;
use super::keep::sign;
use super::settle::settle;
use crate::log::Chain;
use crate::node::Node;
use crate::send::{Request, encrypted, outgoing, schedule};
use crate::terms::Terms;

/// Answers a pull request; `envelope` is the request as it came, for what is bundled with it.
pub(super) async fn hand_out(node: &Arc<Node>, terms: &Arc<Terms>, granted: &Granted, envelope: Bytes) -> Reply {
    if let Some(returned) = &granted.bundled
        && let Some(fault) = settle(node, terms, returned, envelope).await
    {
        tracing::warn!(id = returned.message_id.as_str(), error = %Chain(&fault), "passed over a bundled signal");
    }
    let fault = match claim(node, terms, granted).await {
        Ok(Some(reply)) => return reply,
        Ok(None) => Fault::EmptyChannel,
        Err(error) => {
            tracing::error!(error = %Chain(&error), mpc = granted.mpc.as_str(), "failed to hand a message out");
            Fault::Unavailable
        }
    };
    sign(node, terms, granted.refused(fault)).await
}

/// Why a message that waits cannot be handed out.
#[derive(Debug, thiserror::Error)]
enum ClaimError {
    /// The store fails, or what it holds is damaged.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It cannot be encrypted as agreed.
    #[error("failed to encrypt: {0}")]
    Encrypt(String),
}

//= EDEL-PULL-03
//= EDEL-PULL-05
async fn claim(node: &Arc<Node>, terms: &Terms, granted: &Granted) -> Result<Option<Reply>, ClaimError> {
    let at = Timestamp::now();
    let pmodes = granted.pmodes.iter().filter_map(|id| terms.agreements.pmodes.named(id.as_str()));
    let grants = pmodes.map(|pmode| {
        let schedule = schedule(pmode);
        let due = match schedule.next(0, at) {
            Next::At(due) => due,
            Next::Exhausted { .. } => Timestamp::MAX,
        };
        Grant { pmode: pmode.id.to_string(), due, retries: schedule.count }
    });
    let pull = Pull { grants: grants.collect(), at };
    let outcome = node.store.begin(vec![Unit::Pull(pull)]).await?.pop();
    let Some(Outcome::Pulled { message: key }) = outcome else { return Ok(None) };
    // The last time that it is pulled, the outbox learns when its time is up.
    node.outbox.notify_one();
    let reading = Arc::clone(node);
    let loaded = tokio::task::spawn_blocking(move || match reading.store.message(key)? {
        Some(message) => outgoing(&reading, message).map(Some),
        None => Ok(None),
    });
    let Some(message) = loaded.await.unwrap_or(Err(StoreError::Closed))? else { return Ok(None) };
    //= EDEL-PULL-07
    let partner = terms.agreements.partner(&granted.partner);
    let partner = partner.ok_or_else(|| ClaimError::Encrypt(format!("no kit names {}", granted.partner.value())))?;
    let (message, sealed) = encrypted(node, terms, message, &partner).await.map_err(ClaimError::Encrypt)?;
    let damaged = |_| StoreError::Damaged { what: "a message to be pulled" };
    let request = Request::of(&message, &node.spool).map_err(damaged)?.keeping(sealed);
    let body = request.body().map_err(|_| StoreError::Damaged { what: "a message to be pulled" })?;
    let id = message.sent.message_id.as_str();
    tracing::info!(id, %key, to = granted.partner.value(), mpc = granted.mpc.as_str(), "handed a message out");
    Ok(Some(Reply::Message(request.headers, body)))
}
