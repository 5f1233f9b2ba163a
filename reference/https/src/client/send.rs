//! One request on one endpoint.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::{sleep_until, timeout};

use super::connect::Connected;
use super::pool::{Lease, Pool};
use super::{Answer, ClientError};
use crate::{ClientLimits, SentBody};

/// Posts a body and waits for the answer's head; its body is still to be read.
pub(super) async fn post(
    pool: &Pool,
    limits: &ClientLimits,
    headers: http::HeaderMap,
    body: SentBody,
) -> Result<(Lease, http::Response<Incoming>), ClientError> {
    let mut request = http::Request::new(body);
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = pool.endpoint.target.clone();
    *request.headers_mut() = headers;
    if let Ok(host) = http::HeaderValue::from_str(pool.endpoint.authority.as_str()) {
        request.headers_mut().insert(http::header::HOST, host);
    }
    let mut lease = pool.lease().await?;
    loop {
        // A connection just given back may still be settling, and a kept one may be found closed.
        let ready = lease.connected.sender.ready().await;
        let outcome = match ready {
            Ok(()) => head(&mut lease.connected, limits, request).await,
            Err(error) => Err(Failed::Unsent(error, Some(Box::new(request)))),
        };
        match outcome {
            Ok(response) => return Ok((lease, response)),
            // The request never left: a kept connection had closed meanwhile, so a new one is tried once.
            Err(Failed::Unsent(_, Some(unsent))) if lease.used => {
                drop(lease);
                lease = pool.fresh().await?;
                request = *unsent;
            }
            Err(Failed::Unsent(error, _)) => return Err(ClientError::Unsent(error)),
            Err(Failed::Sent(error)) => return Err(error),
        }
    }
}

pub(super) enum Failed {
    Unsent(hyper::Error, Option<Box<http::Request<SentBody>>>),
    Sent(ClientError),
}

/// Sends the request and waits for the answer's head; the wait begins with the last byte written, so that a large
/// body may take its time.
pub(super) async fn head(
    connected: &mut Connected,
    limits: &ClientLimits,
    request: http::Request<SentBody>,
) -> Result<http::Response<Incoming>, Failed> {
    let started = tokio::time::Instant::now();
    let progress = connected.progress.clone();
    let mut answer = std::pin::pin!(connected.sender.try_send_request(request));
    loop {
        let deadline = progress.last_write().max(started) + limits.response;
        tokio::select! {
            answer = answer.as_mut() => return answer.map_err(|mut error| {
                match error.take_message() {
                    Some(request) => Failed::Unsent(error.into_error(), Some(Box::new(request))),
                    None => Failed::Sent(ClientError::Broken(error.into_error())),
                }
            }),
            () = sleep_until(deadline) => {
                if progress.last_write().max(started) + limits.response <= tokio::time::Instant::now() {
                    return Err(Failed::Sent(ClientError::AnswerTimeout(limits.response)));
                }
            }
        }
    }
}

/// Reads the whole answer and gives its connection back.
pub(super) async fn finish(
    pool: &Pool,
    limits: &ClientLimits,
    lease: Lease,
    response: http::Response<Incoming>,
) -> Result<Answer, ClientError> {
    let (head, incoming) = response.into_parts();
    // An answer that stalls, or comes byte by byte, is none in time.
    let body = timeout(limits.response, read(incoming, limits))
        .await
        .map_err(|_| ClientError::AnswerTimeout(limits.response))??;
    pool.give_back(lease);
    Ok(Answer { status: head.status, headers: head.headers, body })
}

pub(super) async fn read(mut incoming: Incoming, limits: &ClientLimits) -> Result<Bytes, ClientError> {
    let mut body = BytesMut::new();
    loop {
        let frame = timeout(limits.body_stall, incoming.frame())
            .await
            .map_err(|_| ClientError::AnswerStalled(limits.body_stall))?;
        let Some(frame) = frame else {
            return Ok(body.freeze());
        };
        if let Ok(data) = frame.map_err(ClientError::Broken)?.into_data() {
            if (body.len() + data.len()) as u64 > limits.body_bytes {
                return Err(ClientError::AnswerTooLarge(limits.body_bytes));
            }
            body.extend_from_slice(&data);
        }
    }
}
