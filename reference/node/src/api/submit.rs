//! Submitting: a document is validated against the pack that knows it, prepared, and stored in the outbox before the
//! answer leaves.

#![expect(unused_qualifications, reason = "the macro of utoipa qualifies what it is given")]

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use carnet_as4::header::Property;
use carnet_as4::id::{Action, ConversationId, MessageId, PartyId, Service};
use carnet_as4::pmode::Leg;
use carnet_exchange::{Direction, Message, Place, Spool, SpoolError};
use carnet_fixtures::Severity;
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::IntoParams;

use super::model::Submitted;
use super::problem::{Finding, Kind, Problem};
use super::{Api, intake, property, read};
use crate::send::{Draft, DraftPart, Octets, PrepareError, Prepared, prepare, submit};
use crate::terms::Terms;
use crate::worker::Worker;

/// Longest that a request waits for what becomes of its message.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Largest document that is read for validation; a larger leading part is no document of a pack.
const LARGEST_DOCUMENT: u64 = 16 * 1024 * 1024;

/// Where a message goes, and as what.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct SubmitQuery {
    /// PartyId of the partner.
    to: String,
    /// Service; with `action`, where the pack does not tell them.
    service: Option<String>,
    /// The service's type.
    service_type: Option<String>,
    /// Action.
    action: Option<String>,
    /// AgreementRef, where several agreements with the partner allow the same service and action. When left out, that of the
    /// message it answers, else that of the first P-Mode.
    agreement: Option<String>,
    /// ConversationId; a fresh one when left out.
    conversation: Option<String>,
    /// MessageId of the message it answers. Where Two-Way is agreed it must be there, name a message that the partner
    /// sent, and the reply goes into that message's conversation.
    ref_to: Option<String>,
}

/// Submits a document.
///
/// The body is the document, or `multipart/related` with the document first and attachments after it. It is validated
/// by the pack that knows it; then it is stored, and this answers. Sending follows. With `Prefer: wait=SECONDS`
/// (RFC 7240, at most 60) it answers 200 when the message is delivered or failed within that time.
#[utoipa::path(post, path = "/v1/messages", params(SubmitQuery,
        ("Prefer" = Option<String>, Header, description = "`wait=10`: answers 200 with the final state when there is one within so many seconds, at most 60."),
        ("Message-Property" = Option<Vec<String>>, Header, description = "A message property, one in each header: `name=originalSender; type=\"urn:x\"; value=\"c1\"`."),
        ("Part-Property" = Option<Vec<String>>, Header, description = "A property of the document, in the same form; of an attachment in the header of its MIME part."),
        ("Content-Disposition" = Option<String>, Header, description = "`attachment; filename=\"name.xml\"`: the document's file name.")), security(("token" = [])),
    request_body(content(("application/xml"), ("multipart/related")), description = "The document, or a multipart with the document first and attachments after it."),
    responses((status = 202, body = Submitted), (status = 200, body = Submitted), (status = "4XX", body = Problem, content_type = "application/problem+json"), (status = "5XX", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn message(
    State(api): State<Api>,
    query: Result<Query<SubmitQuery>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<Submitted>), Problem> {
    let Query(query) = query.map_err(|error| Problem::new(Kind::BadRequest, error.body_text()))?;
    let properties = property::of_message(&headers)?;
    let parts = intake::read(&api.node, &headers, body).await?;
    take(api, Submission { query, properties, parts, test: None }, patience(&headers)).await
}

/// Submits an ebMS test message: receipted by the partner, delivered to nobody.
#[utoipa::path(post, path = "/v1/pings", params(PingQuery, ("Prefer" = Option<String>, Header, description = "`wait=10`: answers 200 with the final state when there is one within so many seconds, at most 60.")), security(("token" = [])),
    responses((status = 202, body = Submitted), (status = 200, body = Submitted), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn ping(
    State(api): State<Api>,
    query: Result<Query<PingQuery>, QueryRejection>,
    headers: HeaderMap,
) -> Result<(StatusCode, Json<Submitted>), Problem> {
    let Query(PingQuery { to }) = query.map_err(|error| Problem::new(Kind::BadRequest, error.body_text()))?;
    let query = SubmitQuery { to, ..SubmitQuery::default() };
    let test = (carnet_as4::ns::TEST_SERVICE.to_owned(), carnet_as4::ns::TEST_ACTION.to_owned());
    let submission = Submission { query, properties: Vec::new(), parts: Vec::new(), test: Some(test) };
    take(api, submission, patience(&headers)).await
}

/// Pulls from every channel now, instead of when it is time again.
#[utoipa::path(post, path = "/v1/pulls", security(("token" = [])),
    responses((status = 202), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn pull(State(api): State<Api>) -> StatusCode {
    api.node.pull.notify_one();
    StatusCode::ACCEPTED
}

/// Whom to ping.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct PingQuery {
    /// PartyId of the partner.
    to: String,
}

/// What was handed over.
struct Submission {
    query: SubmitQuery,
    properties: Vec<Property>,
    parts: Vec<DraftPart>,
    /// Service and action of the test service.
    test: Option<(String, String)>,
}

async fn take(
    api: Api,
    submission: Submission,
    patience: Option<Duration>,
) -> Result<(StatusCode, Json<Submitted>), Problem> {
    let (terms, spool) = (api.node.terms.load_full(), Arc::clone(&api.node.spool));
    let request = request(&api, submission.query.ref_to.as_deref()).await?;
    let job = api.node.pool.try_run(move |worker| ready(worker, &terms, &spool, submission, request));
    let job = job.map_err(|error| Problem::new(Kind::Busy, error.to_string()))?;
    let (prepared, warnings) = job.await.map_err(|error| Problem::internal(&error))??;
    let message = &prepared.message;
    let (message_id, conversation) = (message.id.as_str().to_owned(), message.conversation.clone());
    let (service, action) = (message.service.clone(), message.action.clone());
    let waiting = patience.map(|patience| (api.node.settled.expect(&message.id), patience));
    let key = submit(&api.outbox, prepared).await?;
    tracing::debug!(id = message_id, %key, action, "submitted");
    let settled = match waiting {
        Some((waiting, patience)) => waiting.hear(patience).await,
        None => None,
    };
    let (status, state) = match settled {
        Some(state) => (StatusCode::OK, state.name()),
        None => (StatusCode::ACCEPTED, carnet_exchange::State::Submitted.name()),
    };
    Ok((status, Json(Submitted { key: key.0, message_id, conversation, service, action, state, warnings })))
}

/// How long the producer would rather wait than ask again (RFC 7240, 4.3).
fn patience(headers: &HeaderMap) -> Option<Duration> {
    let preferences = headers.get_all("prefer").into_iter().filter_map(|value| value.to_str().ok());
    let mut named = preferences.flat_map(|value| value.split(',')).filter_map(|one| one.split_once('='));
    let (_, wait) = named.find(|(name, _)| name.trim().eq_ignore_ascii_case("wait"))?;
    // Parameters of a preference stand behind a semicolon.
    let wait = wait.split(';').next().unwrap_or_default().trim().trim_matches('"');
    wait.parse().ok().map(|seconds| Duration::from_secs(seconds).min(LONGEST_WAIT))
}

/// The work of a worker thread: identify, validate, prepare.
fn ready(
    worker: &mut Worker,
    terms: &Terms,
    spool: &Arc<dyn Spool>,
    submission: Submission,
    request: Option<Message>,
) -> Result<(Prepared, Vec<Finding>), Problem> {
    let Submission { query, properties, parts, test } = submission;
    let agreements = &terms.agreements;
    if agreements.partners.named(&query.to).is_none() && agreements.pmodes.open_to(&agreements.us).next().is_none() {
        return Err(Problem::new(Kind::UnknownPartner, format!("no kit names the party {:?}", query.to)));
    }
    let named = query.service.clone().zip(query.action.clone());
    if query.service.is_some() != query.action.is_some() {
        return Err(Problem::new(Kind::BadRequest, "give `service` and `action` together, or neither"));
    }
    let (document, mut warnings) = (leading(parts.first(), spool)?, Vec::new());
    let (service, action) = match (test, named) {
        (Some(test), _) => test,
        (None, Some(named)) => named,
        (None, None) => identify(worker, document.as_deref())?,
    };
    if let Some(document) = &document {
        let verdict = worker.validate(&service, &action, document).map_err(|error| Problem::internal(&error))?;
        if let Some(verdict) = verdict {
            let valid = verdict.is_valid();
            let findings = verdict.findings.into_iter().map(finding).collect();
            if !valid {
                return Err(Problem::invalid(findings));
            }
            warnings = findings;
        }
    }
    let service = Service::new(&service, query.service_type.as_deref()).map_err(bad_id)?;
    let action = Action::parse(&action).map_err(bad_id)?;
    let to = receiver(terms, &query.to, &service, &action)?;
    // What answers a message goes under the agreement of that message.
    let asked = request.as_ref().filter(|request| request.from.id == to.value()).map(|request| request.pmode.clone());
    let mut draft = Draft {
        asked,
        agreement: query.agreement,
        service,
        action,
        conversation: query.conversation.as_deref().map(ConversationId::parse).transpose().map_err(bad_id)?,
        ref_to: query.ref_to.as_deref().map(MessageId::parse).transpose().map_err(bad_id)?,
        properties,
        to,
        parts,
    };
    let pmode = draft.leg(&terms.agreements);
    if pmode.is_some_and(|pmode| pmode.leg == Leg::Reply) && !draft.service.is_test() {
        reply(&mut draft, request.as_ref())?;
    }
    let prepared = prepare(draft, terms, spool, Timestamp::now()).map_err(unprepared)?;
    Ok((prepared, warnings))
}

/// The party that a producer names: a partner, else one of the type that may be looked up for that service and action.
fn receiver(terms: &Terms, name: &str, service: &Service, action: &Action) -> Result<PartyId, Problem> {
    let agreements = &terms.agreements;
    if let Some(partner) = agreements.partners.named(name) {
        return Ok(partner.party.clone());
    }
    let pmode = agreements.pmodes.open_to(&agreements.us).find(|pmode| pmode.allows(service, action));
    let pmode = pmode.ok_or_else(|| {
        let detail = format!("no kit names the party {name:?}, and none is looked up for action {action} of {service}");
        Problem::new(Kind::NotAgreed, detail)
    })?;
    PartyId::new(name, pmode.responder.id.kind()).map_err(bad_id)
}

/// The message of the partner's that a reply answers, if it is here.
async fn request(api: &Api, ref_to: Option<&str>) -> Result<Option<Message>, Problem> {
    let Some(Ok(id)) = ref_to.map(carnet_exchange::MessageId::new) else { return Ok(None) };
    read(api, move |node| node.store.find(Direction::In, &id, None)).await
}

/// The reply of a Two-Way exchange goes to who sent the request, in its conversation.
//= AS4-PUSH-02
//= AS4-PUSH-03
fn reply(draft: &mut Draft, request: Option<&Message>) -> Result<(), Problem> {
    let refuse = |detail: &str| Problem::new(Kind::NotAgreed, detail);
    let request = request.filter(|request| request.from.id == draft.to.value());
    let request = request.ok_or_else(|| {
        refuse("this is the reply of a two-way exchange: `ref_to` must name a message that came from the partner")
    })?;
    let conversation = ConversationId::parse(&request.conversation).map_err(bad_id)?;
    match &draft.conversation {
        Some(other) if *other != conversation => {
            Err(refuse("a reply belongs into the conversation of its request: leave `conversation` out"))
        }
        _ => {
            draft.conversation = Some(conversation);
            Ok(())
        }
    }
}

fn identify(worker: &Worker, document: Option<&[u8]>) -> Result<(String, String), Problem> {
    let packs = worker.library.packs().map_err(|error| Problem::internal(&error))?;
    let known = document.and_then(|document| packs.identify(document));
    let known = known.ok_or_else(|| {
        let detail = "the document is of no message type that a pack knows; name `service` and `action` to send it";
        Problem::new(Kind::UnknownDocument, detail)
    })?;
    Ok((known.service.clone(), known.action.clone()))
}

/// The leading part's octets, where it may be a document.
fn leading(part: Option<&DraftPart>, spool: &Arc<dyn Spool>) -> Result<Option<Vec<u8>>, Problem> {
    let held = match part.map(|part| &part.octets) {
        None => return Ok(None),
        Some(Octets::Memory(bytes)) => return Ok(Some(bytes.to_vec())),
        Some(Octets::Spooled(kept)) => kept.held(),
    };
    match held {
        Some(held) if held.length <= LARGEST_DOCUMENT => match &held.place {
            Place::Inline(bytes) => Ok(Some(bytes.to_vec())),
            Place::File(_) => {
                let mut bytes = Vec::new();
                spool.read(held)?.read_to_end(&mut bytes).map_err(SpoolError::Io)?;
                Ok(Some(bytes))
            }
        },
        _ => Ok(None),
    }
}

fn finding(finding: carnet_fixtures::Finding) -> Finding {
    Finding {
        severity: match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        code: finding.code,
        pointer: finding.pointer,
        reason: finding.reason,
        original: finding.original,
        rule: finding.rule,
    }
}

fn bad_id(error: carnet_as4::id::IdError) -> Problem {
    Problem::new(Kind::BadRequest, error.to_string())
}

fn unprepared(error: PrepareError) -> Problem {
    match error {
        PrepareError::NotAgreed { .. } | PrepareError::Package(_) => {
            Problem::new(Kind::NotAgreed, crate::log::Chain(&error).to_string())
        }
        PrepareError::Digest(_) => Problem::new(Kind::BadRequest, crate::log::Chain(&error).to_string()),
        PrepareError::Spool(error) => error.into(),
        error => Problem::internal(&error),
    }
}
