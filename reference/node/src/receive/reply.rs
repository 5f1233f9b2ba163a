//! What leaves in answer to what came, before it is HTTP.

use bytes::Bytes;
use carnet_as4::respond::Answer;
use carnet_https::{Response, SentBody, whole};
use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{HeaderMap, StatusCode};

/// An answer.
pub(crate) enum Reply {
    /// A receipt or an error, signed.
    Signal(Answer),
    /// The message that was pulled.
    Message(HeaderMap, SentBody),
    /// A status and nothing else.
    Status(StatusCode),
    /// Come back later.
    Busy,
}

impl From<Reply> for Response {
    fn from(reply: Reply) -> Self {
        let (status, headers, body) = match reply {
            Reply::Signal(answer) => {
                let mut headers = HeaderMap::new();
                headers.insert(CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
                let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                (status, headers, whole(Bytes::from(answer.body)))
            }
            Reply::Message(headers, body) => (StatusCode::OK, headers, body),
            Reply::Status(status) => (status, HeaderMap::new(), whole(Bytes::new())),
            Reply::Busy => {
                let mut headers = HeaderMap::new();
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
                (StatusCode::SERVICE_UNAVAILABLE, headers, whole(Bytes::new()))
            }
        };
        let mut response = Self::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
    }
}
