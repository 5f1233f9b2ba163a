//! Messages in and out: listed, shown with their history, their payloads, receipts and envelopes.

#![expect(unused_qualifications, reason = "the macro of utoipa qualifies what it is given")]

use std::io::Read;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use carnet_exchange::{Direction, Key, State as MessageState, StoreError};
use carnet_wire::gzip::Inflate;
use serde::Deserialize;
use tokio::sync::mpsc;
use utoipa::IntoParams;

use super::model::{HeaderItem, MessageDetail, MessageItem, Page, PartItem, mime_type};
use super::problem::{Kind, Problem};
use super::standing::page;
use super::{Api, read};
use crate::node::Node;
use crate::parts::{Header, is_compressed, property};

/// Which messages.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    /// `in` or `out`.
    direction: Option<String>,
    /// One state.
    state: Option<String>,
    /// One conversation.
    conversation: Option<String>,
    /// Those older than this key.
    before: Option<i64>,
    /// How many, at most 1000.
    limit: Option<usize>,
}

/// In which form a payload is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct PartQuery {
    /// `payload` (as its producer gave it, the default) or `transported` (as on the wire).
    form: Option<String>,
}

/// Messages in and out, newest first.
#[utoipa::path(get, path = "/v1/messages", params(ListQuery), security(("token" = [])),
    responses((status = 200, body = Page<MessageItem>), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn list(
    State(api): State<Api>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<Page<MessageItem>>, Problem> {
    let Query(query) = query.map_err(|error| Problem::new(Kind::BadRequest, error.body_text()))?;
    let refuse = |detail: &str| Problem::new(Kind::BadRequest, detail);
    let direction = match query.direction.as_deref() {
        None => None,
        Some("in") => Some(Direction::In),
        Some("out") => Some(Direction::Out),
        Some(_) => return Err(refuse("`direction` is `in` or `out`")),
    };
    let state = match query.state.as_deref() {
        None => None,
        Some(name) => Some(
            MessageState::from_name(name)
                .ok_or_else(|| refuse("`state` is `received`, `submitted`, `retrying`, `delivered` or `failed`"))?,
        ),
    };
    let asked = carnet_exchange::Query {
        direction,
        state,
        conversation: query.conversation,
        before: query.before.map(Key),
        limit: page(query.limit),
    };
    let messages = read(&api, move |node| node.store.list(&asked)).await?;
    Ok(Json(Page { items: messages.into_iter().map(MessageItem::from).collect() }))
}

/// One message with its parts and the steps it took.
#[utoipa::path(get, path = "/v1/messages/{key}", params(("key" = i64, Path)), security(("token" = [])),
    responses((status = 200, body = MessageDetail), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn show(
    State(api): State<Api>,
    key: Result<Path<i64>, PathRejection>,
) -> Result<Json<MessageDetail>, Problem> {
    let key = key_of(key)?;
    let detail = read(&api, move |node| {
        let Some(message) = node.store.message(key)? else { return Ok(None) };
        let header = node.store.header(key)?.and_then(|header| Header::read(&header));
        let parts = node.store.parts(key)?;
        let parts = parts.iter().enumerate().map(|(index, part)| PartItem::new(index, part, header.as_ref()));
        Ok(Some(MessageDetail {
            message: message.into(),
            header: header.as_ref().map(|header| HeaderItem::new(&header.message)),
            parts: parts.collect(),
            history: node.store.history(key)?.into_iter().map(Into::into).collect(),
            has_receipt: node.store.receipt(key)?.is_some(),
        }))
    });
    detail.await?.map(Json).ok_or_else(no_message)
}

/// A payload: as its producer gave it, or as it travelled.
#[utoipa::path(get, path = "/v1/messages/{key}/parts/{number}",
    params(("key" = i64, Path), ("number" = usize, Path, description = "From 1."), PartQuery), security(("token" = [])),
    responses((status = 200, content_type = "application/octet-stream"), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn part(
    State(api): State<Api>,
    path: Result<Path<(i64, usize)>, PathRejection>,
    query: Result<Query<PartQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let Path((key, number)) = path.map_err(|error| Problem::new(Kind::BadRequest, error.body_text()))?;
    let Query(query) = query.map_err(|error| Problem::new(Kind::BadRequest, error.body_text()))?;
    let transported = match query.form.as_deref() {
        None | Some("payload") => false,
        Some("transported") => true,
        Some(_) => return Err(Problem::new(Kind::BadRequest, "`form` is `payload` or `transported`")),
    };
    let key = Key(key);
    let found = read(&api, move |node| {
        let header = node.store.header(key)?.and_then(|header| Header::read(&header));
        let part = number.checked_sub(1).and_then(|index| {
            node.store.parts(key).map(|mut parts| (index < parts.len()).then(|| parts.swap_remove(index))).transpose()
        });
        let part = part.transpose()?;
        let filename = part.as_ref().and_then(|part| header?.filenames.remove(&part.cid));
        Ok(part.map(|part| (part, filename)))
    });
    let (part, filename) = found.await?.ok_or_else(no_message)?;
    let content_type = match (transported, property(&part, "CharacterSet")) {
        (true, _) => part.media_type.clone(),
        (false, Some(charset)) => format!("{}; charset={charset}", mime_type(&part)),
        (false, None) => mime_type(&part),
    };
    let mut headers = HeaderMap::new();
    let octets = HeaderValue::from_static("application/octet-stream");
    headers.insert(CONTENT_TYPE, HeaderValue::from_str(&content_type).unwrap_or(octets));
    let disposition = filename.and_then(|name| HeaderValue::from_str(&carnet_wire::mime::attachment(&name)).ok());
    if let Some(disposition) = disposition {
        headers.insert(CONTENT_DISPOSITION, disposition);
    }
    let inflate = !transported && is_compressed(&part);
    Ok((headers, stream(&api.node, part.held, inflate)).into_response())
}

/// The receipt: sent for a message in, received for a message out.
#[utoipa::path(get, path = "/v1/messages/{key}/receipt", params(("key" = i64, Path)), security(("token" = [])),
    responses((status = 200, content_type = "application/soap+xml"), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn receipt(
    State(api): State<Api>,
    key: Result<Path<i64>, PathRejection>,
) -> Result<Response, Problem> {
    soap(&api, key_of(key)?, |node, key| node.store.receipt(key)).await
}

/// The signed envelope: proof of origin.
#[utoipa::path(get, path = "/v1/messages/{key}/envelope", params(("key" = i64, Path)), security(("token" = [])),
    responses((status = 200, content_type = "application/soap+xml"), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn envelope(
    State(api): State<Api>,
    key: Result<Path<i64>, PathRejection>,
) -> Result<Response, Problem> {
    soap(&api, key_of(key)?, |node, key| node.store.envelope(key)).await
}

async fn soap(
    api: &Api,
    key: Key,
    of: impl FnOnce(&Node, Key) -> Result<Option<Bytes>, StoreError> + Send + 'static,
) -> Result<Response, Problem> {
    let bytes = read(api, move |node| of(node, key)).await?.ok_or_else(no_message)?;
    let content_type = [(CONTENT_TYPE, "application/soap+xml; charset=UTF-8")];
    Ok((StatusCode::OK, content_type, bytes).into_response())
}

fn key_of(key: Result<Path<i64>, PathRejection>) -> Result<Key, Problem> {
    let Path(key) = key.map_err(|error| Problem::new(Kind::BadRequest, error.body_text()))?;
    Ok(Key(key))
}

fn no_message() -> Problem {
    Problem::new(Kind::NotFound, "there is no such message, or it has no such part, receipt or envelope")
}

/// Streams octets out of the spool, a few pieces ahead of the socket.
fn stream(node: &Arc<Node>, held: carnet_exchange::Held, inflate: bool) -> Body {
    let (pieces, receiver) = mpsc::channel::<std::io::Result<Bytes>>(2);
    let node = Arc::clone(node);
    tokio::task::spawn_blocking(move || {
        let mut out = Pieces(pieces);
        let pumped = node.spool.read(&held).map_err(std::io::Error::other).and_then(|mut reader| {
            if !inflate {
                return std::io::copy(&mut reader, &mut out).map(drop);
            }
            let limits = &node.terms.load().agreements.limits;
            let mut inflate = Inflate::new(limits, &mut out);
            let mut piece = vec![0; 64 * 1024];
            loop {
                match reader.read(&mut piece)? {
                    0 => return inflate.finish().map(drop).map_err(std::io::Error::other),
                    read => inflate.push(piece.get(..read).unwrap_or_default()).map_err(std::io::Error::other)?,
                }
            }
        });
        if let Err(error) = pumped {
            // Cuts the answer short, so that it is not taken for whole.
            let _ = out.0.blocking_send(Err(error));
        }
    });
    Body::new(Receiving(receiver))
}

struct Pieces(mpsc::Sender<std::io::Result<Bytes>>);

impl std::io::Write for Pieces {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        let piece = Ok(Bytes::copy_from_slice(octets));
        self.0.blocking_send(piece).map_err(|_| std::io::ErrorKind::BrokenPipe)?;
        Ok(octets.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

struct Receiving(mpsc::Receiver<std::io::Result<Bytes>>);

impl hyper::body::Body for Receiving {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, Self::Error>>> {
        self.0.poll_recv(cx).map(|piece| piece.map(|piece| piece.map(hyper::body::Frame::data)))
    }
}
