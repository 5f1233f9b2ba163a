//! How the node is, what producers must know, what registries keep.

#![expect(unused_qualifications, reason = "the macro of utoipa qualifies what it is given")]

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use carnet_exchange::SpoolError;
use serde::Deserialize;
use utoipa::IntoParams;

use super::model::{CountItem, Health, NoticeItem, Page, RecordItem, direction};
use super::problem::{Kind, Problem};
use super::{Api, read};

/// Items of a page when none are asked for, and at most.
const PAGE: usize = 100;
/// Most items of a page.
const LARGEST_PAGE: usize = 1000;

/// Which notices.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoticeQuery {
    /// Those past this sequence number; 0 for all.
    #[serde(default)]
    after: i64,
    /// How many, at most 1000.
    limit: Option<usize>,
}

/// Which records.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordQuery {
    /// Those whose key begins so.
    #[serde(default)]
    prefix: String,
    /// Those past this key.
    #[serde(default)]
    after: String,
    /// How many, at most 1000.
    limit: Option<usize>,
}

/// Failures that the producer must know, oldest first.
#[utoipa::path(get, path = "/v1/notices", params(NoticeQuery), security(("token" = [])),
    responses((status = 200, body = Page<NoticeItem>), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn notices(
    State(api): State<Api>,
    query: Result<Query<NoticeQuery>, QueryRejection>,
) -> Result<Json<Page<NoticeItem>>, Problem> {
    let Query(query) = query.map_err(|error| Problem::new(Kind::BadRequest, error.body_text()))?;
    let notices = read(&api, move |node| node.store.notices(query.after, page(query.limit))).await?;
    let items = notices.into_iter().map(|notice| NoticeItem {
        sequence: notice.sequence,
        key: notice.message.0,
        message_id: notice.id.into(),
        at: notice.at.to_string(),
        code: notice.code,
        note: notice.note,
    });
    Ok(Json(Page { items: items.collect() }))
}

/// What a registry keeps, by key.
#[utoipa::path(get, path = "/v1/records/{registry}", params(("registry" = String, Path), RecordQuery), security(("token" = [])),
    responses((status = 200, body = Page<RecordItem>), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn records(
    State(api): State<Api>,
    registry: Result<Path<String>, PathRejection>,
    query: Result<Query<RecordQuery>, QueryRejection>,
) -> Result<Json<Page<RecordItem>>, Problem> {
    let Path(registry) = registry.map_err(|error| Problem::new(Kind::BadRequest, error.body_text()))?;
    let Query(query) = query.map_err(|error| Problem::new(Kind::BadRequest, error.body_text()))?;
    let limit = page(query.limit);
    let records = read(&api, move |node| node.store.records(&registry, &query.prefix, &query.after, limit)).await?;
    let items = records.into_iter();
    let items = items.map(|record| RecordItem { key: record.key, version: record.version, value: record.json });
    Ok(Json(Page { items: items.collect() }))
}

/// Whether the process lives.
#[utoipa::path(get, path = "/health", responses((status = 200, body = Health)))]
pub(crate) async fn health() -> Json<Health> {
    Json(Health { status: "alive".to_owned(), reasons: Vec::new(), messages: Vec::new() })
}

/// Whether the node takes messages.
#[utoipa::path(get, path = "/ready", responses((status = 200, body = Health), (status = 503, body = Health)))]
pub(crate) async fn ready(State(api): State<Api>) -> (StatusCode, Json<Health>) {
    let mut reasons = Vec::new();
    let counts = match read(&api, |node| node.store.counts()).await {
        Ok(counts) => counts,
        Err(_) => {
            reasons.push("the store cannot be read".to_owned());
            Vec::new()
        }
    };
    let spool = Arc::clone(&api.node.spool);
    match tokio::task::spawn_blocking(move || spool.room(0)).await {
        Ok(Ok(())) => {}
        Ok(Err(SpoolError::Full { .. })) => reasons.push("the disk has no more than what stays free on it".to_owned()),
        _ => reasons.push("the disk cannot be asked for its room".to_owned()),
    }
    if api.node.pool.free() == 0 {
        reasons.push("the workers' queue is full".to_owned());
    }
    let messages = counts.into_iter().map(|count| CountItem {
        direction: direction(count.direction).to_owned(),
        state: count.state.name().to_owned(),
        messages: count.messages,
    });
    let (code, status) = match reasons.is_empty() {
        true => (StatusCode::OK, "ready"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "not-ready"),
    };
    (code, Json(Health { status: status.to_owned(), reasons, messages: messages.collect() }))
}

/// How many items a page has.
pub(super) fn page(asked: Option<usize>) -> usize {
    asked.unwrap_or(PAGE).clamp(1, LARGEST_PAGE)
}
