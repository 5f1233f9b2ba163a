//! The commit, and the answer that follows from its outcome.

use std::sync::Arc;

use carnet_as4::inbound::{Accepted, Delivery, Fault};
use carnet_as4::pmode::Leg;
use carnet_as4::respond::Draft;
use carnet_exchange::{Digest, Direction, MessageId, NewMessage, Outcome, Part, Party, StoreError, Unit};
use carnet_https::{Peer, Response};
use http::StatusCode;

use super::judge::{Judged, Passed, id_of};
use super::{answered, status};
use crate::log::Chain;
use crate::node::Node;
use crate::parts::Header;
use crate::terms::Terms;

/// Commits what passed and answers.
pub(super) async fn keep(node: &Arc<Node>, terms: &Arc<Terms>, peer: &Peer, judged: Judged) -> Response {
    match judged {
        Judged::Failed(error) => {
            tracing::error!(error = %Chain(&error), "failed to sign an answer");
            status(StatusCode::INTERNAL_SERVER_ERROR)
        }
        Judged::Refused(refusal, code, answer) => {
            tracing::warn!(
                id = id_of(&refusal),
                connection = peer.connection,
                code = refusal.fault.ebms().code(),
                requirement = refusal.fault.requirement(),
                error = %Chain(&refusal),
                "refused a message"
            );
            match answer {
                Some(answer) => answered(answer),
                None => status(StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_REQUEST)),
            }
        }
        Judged::Accepted(passed) => accept(node, terms, *passed).await,
    }
}

async fn accept(node: &Arc<Node>, terms: &Arc<Terms>, passed: Passed) -> Response {
    let Passed { accepted, receipt, envelope, parts, at } = passed;
    let id = accepted.message.info.message_id.as_str().to_owned();
    //= EBMS-TEST-02
    if accepted.delivery == Delivery::Test {
        tracing::info!(id, "receipted a test message");
        return answered(receipt);
    }
    match answers_a_request(node, terms, &accepted).await {
        Ok(None) => {}
        Ok(Some(fault)) => {
            tracing::warn!(id, error = %Chain(&fault), "refused a reply");
            return sign(node, terms, accepted.refused(fault)).await;
        }
        Err(error) => {
            tracing::error!(id, error = %Chain(&error), "failed to look a request up");
            return sign(node, terms, accepted.refused(Fault::Unavailable)).await;
        }
    }
    let collaboration = &accepted.message.collaboration;
    let (from, to) = (&accepted.message.from.id, &accepted.message.to.id);
    let Ok(message_id) = MessageId::new(id.as_str()) else {
        // Both take the same ids; a difference would be ours.
        return status(StatusCode::INTERNAL_SERVER_ERROR);
    };
    let filenames =
        parts.iter().filter_map(|part| Some((part.id.as_str().to_owned(), part.filename.clone()?))).collect();
    let parts = accepted
        .message
        .parts
        .iter()
        .zip(&accepted.parts)
        .zip(parts)
        .filter_map(|((info, received), payload)| {
            Some(Part {
                cid: info.id.as_str().to_owned(),
                properties: crate::parts::properties(info),
                digest: Digest(received.digest.sha256),
                // The commit below names it from here on.
                held: payload.kept.release()?,
                media_type: payload.media_type,
            })
        })
        .collect::<Vec<_>>();
    let held: Vec<_> = parts.iter().map(|part| part.held.clone()).collect();
    let message = NewMessage {
        id: message_id,
        from: Party::new(from.value(), from.kind().unwrap_or_default()),
        to: Party::new(to.value(), to.kind().unwrap_or_default()),
        conversation: collaboration.conversation.as_str().to_owned(),
        ref_to: accepted.message.info.ref_to.as_ref().and_then(|id| MessageId::new(id.as_str()).ok()),
        pmode: accepted.pmode.as_str().to_owned(),
        service: collaboration.service.value().to_owned(),
        action: collaboration.action.as_str().to_owned(),
        pull: false,
        digests: vec![Digest(accepted.fingerprint)],
        header: Header { message: accepted.message.clone(), filenames, sent: None }.bytes(),
        envelope,
        parts,
        at,
    };
    //= AS4-RECEIPT-07
    let outcome = node.store.begin(vec![Unit::Receive { message, receipt: receipt.body.clone().into() }]).await;
    match outcome.map(|mut outcomes| outcomes.pop()) {
        Ok(Some(Outcome::New { message: key })) => {
            tracing::info!(id, %key, from = from.value(), action = collaboration.action.as_str(), "received");
            node.arrived.notify_one();
            answered(receipt)
        }
        //= AS4-DUPLICATE-01
        //= AS4-DUPLICATE-02
        Ok(Some(Outcome::Duplicate { message: key, .. })) => {
            tracing::info!(id, %key, "receipted a duplicate again, not delivered again");
            discard(node, held);
            answered(receipt)
        }
        Ok(Some(Outcome::Conflict { message: key })) => {
            tracing::warn!(id, %key, "refused a message whose id was received with another content");
            discard(node, held);
            sign(node, terms, accepted.refused(Fault::Conflict)).await
        }
        Ok(other) => {
            tracing::error!(id, outcome = ?other, "the store answered out of turn");
            discard(node, held);
            status(StatusCode::INTERNAL_SERVER_ERROR)
        }
        Err(error) => {
            tracing::error!(id, error = %Chain(&error), "failed to commit a message");
            // After a failure of the engine itself a commit may still have happened: its files stay till the sweep.
            if matches!(error, StoreError::Busy | StoreError::Full | StoreError::Closed) {
                discard(node, held);
            }
            sign(node, terms, accepted.refused(Fault::Unavailable)).await
        }
    }
}

/// Whether the reply of a Two-Way exchange answers what was sent from here to its sender, in the same conversation.
//= AS4-PUSH-02
//= AS4-PUSH-03
async fn answers_a_request(node: &Arc<Node>, terms: &Terms, accepted: &Accepted) -> Result<Option<Fault>, StoreError> {
    let pmode = terms.agreements.pmodes.named(accepted.pmode.as_str());
    if pmode.is_none_or(|pmode| pmode.leg != Leg::Reply) {
        return Ok(None);
    }
    let Some(Ok(id)) = accepted.message.info.ref_to.as_ref().map(|id| MessageId::new(id.as_str())) else {
        return Ok(Some(Fault::NoRequest));
    };
    let reading = Arc::clone(node);
    let found = tokio::task::spawn_blocking(move || reading.store.find(Direction::Out, &id, None));
    let request = found.await.unwrap_or(Err(StoreError::Closed))?;
    Ok(match request.filter(|request| request.to.id == accepted.message.from.id.value()) {
        None => Some(Fault::UnknownRequest),
        Some(request) if request.conversation != accepted.message.collaboration.conversation.as_str() => {
            Some(Fault::OtherConversation)
        }
        Some(_) => None,
    })
}

async fn sign(node: &Arc<Node>, terms: &Arc<Terms>, draft: Draft) -> Response {
    let terms = Arc::clone(terms);
    match node.pool.run(move |_| draft.sign(&terms.identity)).await {
        Ok(Ok(answer)) => answered(answer),
        Ok(Err(_)) | Err(_) => status(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// Removes files that no commit names, off the async workers.
fn discard(node: &Arc<Node>, held: Vec<carnet_exchange::Held>) {
    let spool = Arc::clone(&node.spool);
    tokio::task::spawn_blocking(move || held.iter().for_each(|held| spool.discard(held)));
}
