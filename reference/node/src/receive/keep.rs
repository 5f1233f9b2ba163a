//! The commit, and the answer that follows from its outcome.

use std::sync::Arc;

use carnet_as4::inbound::{Accepted, Delivery, Fault};
use carnet_as4::pmode::Leg;
use carnet_as4::respond::Draft;
use carnet_exchange::{Digest, Direction, MessageId, NewMessage, Outcome, Part, Party, StoreError, Unit};
use http::StatusCode;

use super::Reply;
use super::hand_out::hand_out;
use super::judge::{Judged, Passed, id_of};
use super::settle::settle;
use crate::log::Chain;
use crate::node::Node;
use crate::parts::Header;
use crate::process::HANDED_ON;
use crate::terms::Terms;

/// Commits what passed and answers.
pub(crate) async fn keep(node: &Arc<Node>, terms: &Arc<Terms>, connection: Option<u64>, judged: Judged) -> Reply {
    match judged {
        Judged::Failed(error) => {
            tracing::error!(error = %Chain(&error), "failed to sign an answer");
            Reply::Status(StatusCode::INTERNAL_SERVER_ERROR)
        }
        Judged::Refused(refusal, code, answer) => {
            tracing::warn!(
                id = id_of(&refusal),
                connection,
                code = refusal.fault.ebms().code(),
                requirement = refusal.fault.requirement(),
                error = %Chain(&refusal),
                "refused a message"
            );
            match answer {
                Some(answer) => Reply::Signal(answer),
                None => status(code),
            }
        }
        Judged::Pull(granted, envelope) => hand_out(node, terms, &granted, envelope).await,
        Judged::Signal(loose, envelope) => match settle(node, terms, &loose.returned, envelope).await {
            None => Reply::Status(StatusCode::ACCEPTED),
            Some(fault) => {
                tracing::warn!(id = loose.returned.message_id.as_str(), error = %Chain(&fault), "refused a signal");
                let refused = loose.refused(fault);
                match refused.answer {
                    Some(draft) => sign(node, terms, draft).await,
                    None => status(refused.status),
                }
            }
        },
        Judged::Accepted(passed) => {
            let bundled = passed.accepted.bundled.clone().map(|returned| (returned, passed.envelope.clone()));
            let reply = accept(node, terms, *passed).await;
            // Each message of a bundle is taken for itself (core 5.2.4); the answer is the user message's.
            if let Some((returned, envelope)) = bundled
                && let Some(fault) = settle(node, terms, &returned, envelope).await
            {
                let id = returned.message_id.as_str();
                tracing::warn!(id, error = %Chain(&fault), "passed over a bundled signal");
            }
            reply
        }
    }
}

async fn accept(node: &Arc<Node>, terms: &Arc<Terms>, passed: Passed) -> Reply {
    let Passed { accepted, receipt, envelope, parts, at, handed_on } = passed;
    let id = accepted.message.info.message_id.as_str().to_owned();
    //= EBMS-TEST-02
    if accepted.delivery == Delivery::Test {
        tracing::info!(id, "receipted a test message");
        return Reply::Signal(receipt);
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
        return Reply::Status(StatusCode::INTERNAL_SERVER_ERROR);
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
        digests: accepted.fingerprint.map(Digest).to_vec(),
        header: Header { message: accepted.message.clone(), filenames, sent: None }.bytes(),
        envelope,
        parts,
        at,
    };
    //= AS4-RECEIPT-07
    let unit = Unit::Receive {
        message,
        receipt: receipt.body.clone().into(),
        handed_on: handed_on.then(|| HANDED_ON.to_owned()),
    };
    let outcome = node.store.begin(vec![unit]).await;
    match outcome.map(|mut outcomes| outcomes.pop()) {
        Ok(Some(Outcome::New { message: key })) => {
            tracing::info!(id, %key, from = from.value(), action = collaboration.action.as_str(), "received");
            if !handed_on {
                node.arrived.notify_one();
            }
            Reply::Signal(receipt)
        }
        //= AS4-DUPLICATE-01
        //= AS4-DUPLICATE-02
        Ok(Some(Outcome::Duplicate { message: key, .. })) => {
            tracing::info!(id, %key, "receipted a duplicate again, not delivered again");
            discard(node, held);
            Reply::Signal(receipt)
        }
        Ok(Some(Outcome::Conflict { message: key })) => {
            tracing::warn!(id, %key, "refused a message whose id was received with another content");
            discard(node, held);
            sign(node, terms, accepted.refused(Fault::Conflict)).await
        }
        Ok(other) => {
            tracing::error!(id, outcome = ?other, "the store answered out of turn");
            discard(node, held);
            Reply::Status(StatusCode::INTERNAL_SERVER_ERROR)
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

/// Signs an answer on a worker.
pub(super) async fn sign(node: &Arc<Node>, terms: &Arc<Terms>, draft: Draft) -> Reply {
    let terms = Arc::clone(terms);
    match node.pool.run(move |_| draft.sign(&terms.identity)).await {
        Ok(Ok(answer)) => Reply::Signal(answer),
        Ok(Err(_)) | Err(_) => Reply::Status(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// Removes files that no commit names, off the async workers.
fn discard(node: &Arc<Node>, held: Vec<carnet_exchange::Held>) {
    let spool = Arc::clone(&node.spool);
    tokio::task::spawn_blocking(move || held.iter().for_each(|held| spool.discard(held)));
}

fn status(code: u16) -> Reply {
    Reply::Status(StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_REQUEST))
}
