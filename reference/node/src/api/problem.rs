//! Errors of the API as problem details (RFC 9457). Texts are for the back end's developer; no path, key or cause
//! inside the node is told.

use axum::http::header::{CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// A problem: what, and what to do.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// `urn:carnet:problem:NAME`, one for each kind.
    #[serde(rename = "type")]
    kind: String,
    /// The kind in words.
    title: &'static str,
    /// HTTP status.
    status: u16,
    /// What happened this time.
    detail: String,
    /// For an invalid document: what was found.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    findings: Vec<Finding>,
}

/// One deviation of a document.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Finding {
    /// `error` or `warning`.
    pub(crate) severity: &'static str,
    /// Error code of the pack.
    pub(crate) code: String,
    /// XPath or JSON Pointer.
    pub(crate) pointer: String,
    /// For people.
    pub(crate) reason: String,
    /// The value found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) original: Option<String>,
    /// Which rule.
    pub(crate) rule: String,
}

/// The kinds of problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Unauthorized,
    NotFound,
    MethodNotAllowed,
    BadRequest,
    TooLarge,
    MediaType,
    UnknownPartner,
    UnknownDocument,
    NotAgreed,
    InvalidDocument,
    Busy,
    Full,
    Internal,
}

impl Kind {
    fn told(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "unauthorized", "A bearer token is needed"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not-found", "There is no such thing"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "method", "The method does not fit"),
            Self::BadRequest => (StatusCode::BAD_REQUEST, "bad-request", "The request cannot be read"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The request is too large"),
            Self::MediaType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", "The media type is not taken"),
            Self::UnknownPartner => (StatusCode::UNPROCESSABLE_ENTITY, "unknown-partner", "The partner is not known"),
            Self::UnknownDocument => {
                (StatusCode::UNPROCESSABLE_ENTITY, "unknown-document", "No pack knows the document")
            }
            Self::NotAgreed => (StatusCode::UNPROCESSABLE_ENTITY, "not-agreed", "No P-Mode allows the message"),
            Self::InvalidDocument => {
                (StatusCode::UNPROCESSABLE_ENTITY, "invalid-document", "The document is not valid")
            }
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy", "The node is busy"),
            Self::Full => (StatusCode::INSUFFICIENT_STORAGE, "full", "The disk is full"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "The node failed; its log says why"),
        }
    }
}

impl Problem {
    pub(crate) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        let (status, name, title) = kind.told();
        Self {
            kind: format!("urn:carnet:problem:{name}"),
            title,
            status: status.as_u16(),
            detail: detail.into(),
            findings: Vec::new(),
        }
    }

    pub(crate) fn invalid(findings: Vec<Finding>) -> Self {
        let detail = format!("{} deviations were found; nothing was sent", findings.len());
        Self { findings, ..Self::new(Kind::InvalidDocument, detail) }
    }

    /// Something of the node's own, told to the log alone.
    pub(crate) fn internal(error: &dyn std::error::Error) -> Self {
        tracing::error!(error = %crate::log::Chain(error), "failed to answer the back end");
        Self::new(Kind::Internal, "the request may be tried again")
    }
}

impl From<carnet_exchange::StoreError> for Problem {
    fn from(error: carnet_exchange::StoreError) -> Self {
        match error {
            carnet_exchange::StoreError::Busy => Self::new(Kind::Busy, "the store's queue is full; try again"),
            carnet_exchange::StoreError::Full => Self::new(Kind::Full, "nothing was stored"),
            other => Self::internal(&other),
        }
    }
}

impl From<carnet_exchange::SpoolError> for Problem {
    fn from(error: carnet_exchange::SpoolError) -> Self {
        match error {
            carnet_exchange::SpoolError::Full { .. } => Self::new(Kind::Full, "nothing was stored"),
            other => Self::internal(&other),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        (status, headers, serde_json::to_vec(&self).unwrap_or_default()).into_response()
    }
}
