//! One sending: the request, the answer's judgement, and the outcome that is stored.

use std::sync::Arc;
use std::time::Duration;

use carnet_as4::error::Ebms;
use carnet_as4::outbound::Encryption;
use carnet_as4::outbound::answer::{Answer, Errors, Response, check};
use carnet_as4::partner::Partner;
use carnet_as4::pmode::PMode;
use carnet_exchange::{Attempt, MISSING_RECEIPT, Next, Outcome, Schedule, Sent, Spool, State, Ticket, Unit};
use carnet_wire::encryption::{Fresh, Recipient};
use carnet_wire::trust::within_validity;
use http::header::CONTENT_TYPE;
use jiff::Timestamp;
use rustls_pki_types::UnixTime;

use super::Outgoing;
use super::body::Request;
use crate::kept::{Kept, whole};
use crate::locate::{Way, WayError, wanted};
use crate::log::Chain;
use crate::node::{Claim, Node};
use crate::terms::Terms;

/// What came of a sending.
enum Came {
    Receipt(Vec<u8>),
    /// The partner said no, for good.
    Refused {
        code: String,
        note: String,
    },
    /// It waited for its puller's receipt in vain.
    Lapsed,
    /// No good receipt; the code is what the producer is told when no retry mends it.
    Nothing {
        code: &'static str,
        note: String,
    },
}

/// Sends once and stores what came of it.
pub(super) async fn attempt(node: Arc<Node>, outgoing: Outgoing, claim: Claim) {
    let terms = node.terms.load_full();
    let (key, id) = (outgoing.key, outgoing.sent.message_id.as_str().to_owned());
    let (pmode, attempts) = (outgoing.pmode.clone(), outgoing.attempts + 1);
    let schedule = terms.agreements.pmodes.named(&pmode).map_or(Schedule { interval: RETRY, count: 0 }, schedule);
    // Pulled as often as agreed, and its last time is up.
    let came = match outgoing.pull {
        true => Came::Lapsed,
        false => send(&node, &terms, outgoing).await,
    };
    let at = Timestamp::now();
    let sent = match came {
        //= EDEL-PULL-03
        Came::Lapsed => {
            let note = format!("pulled {} times, no receipt", attempts - 1);
            tracing::error!(id, %key, note, "giving up");
            Sent::Failed { code: MISSING_RECEIPT.to_owned(), note }
        }
        Came::Receipt(receipt) => {
            tracing::info!(id, %key, attempts, "delivered");
            Sent::Receipted { receipt: receipt.into(), envelope: bytes::Bytes::new() }
        }
        Came::Refused { code, note } => {
            tracing::warn!(id, %key, attempts, code, note, "the partner refused a message");
            Sent::Failed { code, note }
        }
        Came::Nothing { code, note } => match schedule.next(attempts, at) {
            //= AS4-RETRY-01
            Next::At(due) => {
                tracing::warn!(id, %key, attempts, note, %due, "no receipt, sending again");
                Sent::Retry { due, note }
            }
            //= AS4-RETRY-04
            Next::Exhausted { .. } => {
                tracing::error!(id, %key, attempts, code, note, "no receipt, giving up");
                Sent::Failed { code: code.to_owned(), note }
            }
        },
    };
    let state = match &sent {
        Sent::Receipted { .. } => Some(State::Delivered),
        Sent::Retry { .. } => None,
        Sent::Failed { .. } => Some(State::Failed),
    };
    let outcome = node.store.begin(vec![Unit::Attempt(Attempt { message: key, sent, at })]).await;
    match outcome.map(|mut outcomes| outcomes.pop()) {
        Ok(Some(Outcome::Done { .. })) => {
            // Its place is free before its producer may submit the next.
            drop(claim);
            match state {
                Some(state) => node.settled.tell(&id, state),
                None => node.outbox.notify_one(),
            }
            return;
        }
        Ok(other) => tracing::error!(id, %key, outcome = ?other, "the store answered out of turn"),
        // It stays due, and is sent again with the same id.
        Err(error) => tracing::error!(id, %key, error = %Chain(&error), "failed to store an outcome"),
    }
    drop(claim);
    node.outbox.notify_one();
}

/// Between attempts where the P-Mode is gone: there are none.
const RETRY: Duration = Duration::from_secs(60);

/// The retry part of a P-Mode.
pub(crate) fn schedule(pmode: &PMode) -> Schedule {
    let awareness = &pmode.reception_awareness;
    Schedule { interval: awareness.retry_interval, count: awareness.retry_count }
}

async fn send(node: &Arc<Node>, terms: &Arc<Terms>, outgoing: Outgoing) -> Came {
    let pmode = terms.agreements.pmodes.named(&outgoing.pmode);
    let discovery = pmode.and_then(|pmode| Some((terms.discoveries.get(pmode.id.as_str())?, pmode)));
    let Some((discovery, pmode)) = discovery else {
        let way = terms.ways.get(outgoing.to.value()).zip(terms.agreements.partner(&outgoing.to));
        return match way {
            Some((client, partner)) => {
                let way = Way { client: Arc::clone(client), partner: Arc::new(partner.into_owned()) };
                over(node, terms, outgoing, way).await
            }
            None => {
                let error = WayError::NoEndpoint(outgoing.to.value().to_owned());
                Came::Nothing { code: MISSING_RECEIPT, note: error.to_string() }
            }
        };
    };
    let wanted = wanted(pmode, &outgoing.to, &outgoing.service, &outgoing.action);
    //= EDEL-DYNSENDER-02
    let way = match discovery.way(pmode, &outgoing.to, &wanted).await {
        Ok(way) => way,
        Err(error) => {
            let note = Chain(&error).to_string();
            return Came::Nothing { code: Ebms::ConnectionFailure.code(), note };
        }
    };
    let came = over(node, terms, outgoing, way).await;
    // Whatever was wrong, another endpoint or certificate may have taken its place meanwhile.
    if !matches!(came, Came::Receipt(_)) {
        discovery.forget(&wanted);
    }
    came
}

/// Sends over a way that is known.
async fn over(node: &Arc<Node>, terms: &Arc<Terms>, outgoing: Outgoing, way: Way) -> Came {
    let nothing = |note: String| Came::Nothing { code: MISSING_RECEIPT, note };
    let (outgoing, sealed) = match encrypted(node, terms, outgoing, &way.partner).await {
        Ok(encrypted) => encrypted,
        Err(note) => return nothing(note),
    };
    let request = match Request::of(&outgoing, &node.spool) {
        Ok(request) => request.keeping(sealed),
        Err(error) => return nothing(Chain(&error).to_string()),
    };
    let answer = match way.client.post(&request.headers, || request.body()).await {
        Ok(sent) => sent.answer,
        Err(error) => return nothing(Chain(&error).to_string()),
    };
    let terms = Arc::clone(terms);
    let judged = node.pool.run(move |_| judge(&terms, &outgoing, &way.partner, &answer)).await;
    judged.unwrap_or_else(|error| nothing(error.to_string()))
}

/// The message as it goes over the line: encrypted for the partner's certificate of today, where that is agreed. What was
/// encrypted for this sending is to be kept until it is over.
pub(crate) async fn encrypted(
    node: &Arc<Node>,
    terms: &Terms,
    outgoing: Outgoing,
    partner: &Partner,
) -> Result<(Outgoing, Vec<Kept>), String> {
    let pmode = terms.agreements.pmodes.named(&outgoing.pmode);
    let Some(agreed) = pmode.and_then(|pmode| pmode.profile.encryption.as_ref()).filter(|_| !outgoing.parts.is_empty())
    else {
        return Ok((outgoing, Vec::new()));
    };
    let agreed = |recipient: &&Arc<Recipient>| agreed.keys.iter().any(|uri| uri == recipient.method().uri());
    let recipient = partner.recipients.iter().find(agreed).cloned();
    let recipient = recipient.ok_or_else(|| format!("party {} has no encryption certificate", outgoing.to.value()))?;
    let spool = Arc::clone(&node.spool);
    let sealed = node.pool.run(move |_| seal(&recipient, &spool, outgoing)).await;
    sealed.map_err(|error| error.to_string())?
}

/// One part at a time is in memory; encrypted, it waits in the spool like any other.
fn seal(recipient: &Recipient, spool: &Arc<dyn Spool>, outgoing: Outgoing) -> Result<(Outgoing, Vec<Kept>), String> {
    let now = UnixTime::since_unix_epoch(Duration::from_secs(
        u64::try_from(Timestamp::now().as_second()).unwrap_or_default(),
    ));
    within_validity(recipient.certificate(), now).map_err(|error| format!("encryption certificate: {error}"))?;
    let mut random = [0; 64];
    aws_lc_rs::rand::fill(&mut random).map_err(|_| "no randomness to encrypt with".to_owned())?;
    let told = |error: &dyn std::error::Error| Chain(error).to_string();
    let mut encryption = Encryption::new(recipient, Fresh::new(&random)).map_err(|error| told(&error))?;
    let ticket = Ticket(uuid::Uuid::now_v7().as_u128());
    let (mut parts, mut kept) = (Vec::new(), Vec::new());
    for (number, (header, held)) in (0..).zip(&outgoing.parts) {
        let content = whole(spool, held).map_err(|error| told(&error))?;
        let (header, octets) = encryption.part(header, content).map_err(|error| told(&error))?;
        let mut writer = spool.part(ticket, number).map_err(|error| told(&error))?;
        writer.write(&octets).map_err(|error| told(&error))?;
        let held = writer.finish().map_err(|error| told(&error))?;
        parts.push((header, held.clone()));
        kept.push(Kept::new(held, Arc::clone(spool)));
    }
    let envelope = std::str::from_utf8(&outgoing.envelope).map_err(|error| error.to_string())?;
    let envelope = encryption.envelope(envelope).map_err(|error| told(&error))?;
    Ok((Outgoing { envelope: envelope.into(), parts, ..outgoing }, kept))
}

fn judge(terms: &Terms, outgoing: &Outgoing, partner: &Partner, answer: &carnet_https::Answer) -> Came {
    let agreements = &terms.agreements;
    let Some(pmode) = agreements.pmodes.named(&outgoing.pmode) else {
        let note = format!("P-Mode {} is no longer configured", outgoing.pmode);
        return Came::Nothing { code: MISSING_RECEIPT, note };
    };
    let response = Response {
        status: answer.status.as_u16(),
        content_type: answer.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default(),
        body: &answer.body,
    };
    match check(&outgoing.sent, pmode, partner, &agreements.limits, response, Timestamp::now()) {
        Ok(Answer::Receipt(receipt)) => Came::Receipt(receipt.envelope),
        Ok(Answer::Errors(errors)) => {
            let note = format!("the partner answered {}", told(&errors));
            match errors.final_failure() {
                Some(failure) => Came::Refused { code: failure.code.clone(), note },
                None => Came::Nothing { code: Ebms::MissingReceipt.code(), note },
            }
        }
        Err(error) => Came::Nothing { code: error.ebms().code(), note: Chain(&error).to_string() },
    }
}

/// What errors say, for people.
pub(crate) fn told(errors: &Errors) -> String {
    let told: Vec<String> = errors
        .errors
        .iter()
        .map(|error| {
            let words = [error.short_description.as_deref(), error.detail.as_deref()];
            let words = words.into_iter().flatten().collect::<Vec<_>>().join(" ");
            format!("{} {words}", error.code).trim_end().to_owned()
        })
        .collect();
    told.join("; ")
}
