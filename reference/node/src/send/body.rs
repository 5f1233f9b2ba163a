//! The request that carries a message: plain SOAP without parts, else a multipart whose length is known beforehand.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use carnet_exchange::{Place, Spool};
use carnet_https::SentBody;
use carnet_wire::mime::{MimeError, PartHeader, Writer};
use http::HeaderMap;
use http::header::{CONTENT_TYPE, HeaderValue};
use http_body_util::BodyExt;
use tokio::task::{JoinHandle, spawn_blocking};

use super::Outgoing;
use crate::kept::Kept;

/// Bytes read from a file at a time; two such pieces are in memory for each sending: one on its way, one read ahead.
const PIECE: usize = 128 * 1024;

/// A message as HTTP carries it: a request that can be made again for each endpoint, or the answer to a pull.
pub(crate) struct Request {
    pub(crate) headers: HeaderMap,
    pieces: Vec<Piece>,
    length: u64,
    spool: Arc<dyn Spool>,
    kept: Arc<Vec<Kept>>,
}

#[derive(Clone)]
enum Piece {
    Memory(Bytes),
    Spooled(carnet_exchange::Held),
}

impl Request {
    pub(crate) fn of(outgoing: &Outgoing, spool: &Arc<dyn Spool>) -> Result<Self, MimeError> {
        let mut headers = HeaderMap::new();
        let soap = "application/soap+xml; charset=UTF-8";
        if outgoing.parts.is_empty() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(soap));
            let pieces = vec![Piece::Memory(outgoing.envelope.clone())];
            let length = outgoing.envelope.len() as u64;
            return Ok(Self { headers, pieces, length, spool: Arc::clone(spool), kept: Arc::default() });
        }
        let uuid = uuid::Uuid::new_v4().simple();
        let mut writer = Writer::new(&format!("carnet-{uuid}"))?;
        let root = PartHeader {
            content_type: soap.to_owned(),
            content_id: format!("root-{uuid}@carnet"),
            headers: Vec::new(),
        };
        let content_type = writer.content_type(carnet_as4::ns::SOAP_MEDIA, Some(&root.content_id))?;
        headers.insert(CONTENT_TYPE, HeaderValue::from_str(&content_type).map_err(|_| MimeError::Unwritable)?);
        let mut pieces = vec![Piece::Memory(writer.part(&root)?), Piece::Memory(outgoing.envelope.clone())];
        for (header, held) in &outgoing.parts {
            pieces.push(Piece::Memory(writer.part(header)?));
            pieces.push(match &held.place {
                Place::Inline(bytes) => Piece::Memory(bytes.clone()),
                Place::File(_) => Piece::Spooled(held.clone()),
            });
        }
        pieces.push(Piece::Memory(writer.close()));
        let length = pieces.iter().map(Piece::length).sum();
        Ok(Self { headers, pieces, length, spool: Arc::clone(spool), kept: Arc::default() })
    }

    /// Keeps what was made for this sending until the last body of it is gone.
    pub(crate) fn keeping(self, kept: Vec<Kept>) -> Self {
        Self { kept: Arc::new(kept), ..self }
    }

    /// The body, from its beginning.
    pub(crate) fn body(&self) -> io::Result<SentBody> {
        let body = Body {
            pieces: self.pieces.iter().cloned().collect(),
            left: self.length,
            reading: None,
            spool: Arc::clone(&self.spool),
            _kept: Arc::clone(&self.kept),
        };
        Ok(body.boxed_unsync())
    }
}

impl Piece {
    fn length(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::Spooled(held) => held.length,
        }
    }
}

/// A file that is open.
type Source = Box<dyn Read + Send>;

/// The file with its next piece; nothing at its end.
type Next = io::Result<Option<(Source, Bytes)>>;

struct Body {
    pieces: VecDeque<Piece>,
    left: u64,
    /// A piece of a file that is being read.
    reading: Option<JoinHandle<Next>>,
    spool: Arc<dyn Spool>,
    _kept: Arc<Vec<Kept>>,
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<hyper::body::Frame<Bytes>>>> {
        loop {
            if let Some(reading) = &mut self.reading {
                let read = ready!(Pin::new(reading).poll(cx)).map_err(io::Error::other).flatten();
                self.reading = None;
                match read {
                    Ok(Some((source, bytes))) => {
                        self.reading = Some(spawn_blocking(move || piece(source)));
                        return Poll::Ready(Some(Ok(self.sent(bytes))));
                    }
                    Ok(None) => {}
                    Err(error) => return Poll::Ready(Some(Err(error))),
                }
            }
            match self.pieces.pop_front() {
                None => return Poll::Ready(None),
                Some(Piece::Memory(bytes)) if bytes.is_empty() => {}
                Some(Piece::Memory(bytes)) => return Poll::Ready(Some(Ok(self.sent(bytes)))),
                Some(Piece::Spooled(held)) => {
                    let spool = Arc::clone(&self.spool);
                    let first = move || piece(spool.read(&held).map_err(io::Error::other)?);
                    self.reading = Some(spawn_blocking(first));
                }
            }
        }
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        hyper::body::SizeHint::with_exact(self.left)
    }
}

impl Body {
    fn sent(&mut self, bytes: Bytes) -> hyper::body::Frame<Bytes> {
        self.left = self.left.saturating_sub(bytes.len() as u64);
        hyper::body::Frame::data(bytes)
    }
}

/// Reads the next piece, where blocking is allowed; nothing at the end. Between two pieces no thread is held, however slowly
/// the partner takes them.
fn piece(mut source: Source) -> Next {
    let mut piece = vec![0; PIECE];
    let read = source.read(&mut piece)?;
    piece.truncate(read);
    Ok((read > 0).then(|| (source, piece.into())))
}
