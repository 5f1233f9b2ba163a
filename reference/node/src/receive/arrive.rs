//! A body taken apart while it arrives: the envelope in memory, parts into the spool.
//!
//! A small message is judged in one go once it is there. Of a large one the envelope is judged first, and what it does
//! not ask for is never kept. What may come before the envelope is bounded, and no part is looked into before it is asked
//! for: `judge` hashes. Waiting for the spool is waiting for the disk: nothing is read from the peer meanwhile.

use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use carnet_as4::id::ContentId;
use carnet_as4::inbound::{Expect, ExpectedPart, Fault, Inbound};
use carnet_exchange::{PartWriter, Spool, SpoolError, Ticket};
use carnet_https::{Body, BodyError};
use carnet_wire::Limits;
use carnet_wire::digest::Transform;
use carnet_wire::mime::{ContentType, Event, MimeError, PartHead, Reader};
use carnet_wire::xml::XmlError;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use jiff::Timestamp;

use crate::kept::Kept;
use crate::node::Node;

/// A request of at most so many bytes is judged in one go.
const SMALL: u64 = 256 * 1024;

/// How a body is packed.
pub(super) struct Framing {
    reader: Option<Reader>,
    start: Option<String>,
    /// The body's length, where its sender says it beforehand.
    announced: Option<u64>,
}

/// Why reading ended before the body did.
pub(super) enum Broke {
    /// The message is at fault.
    Fault(Fault),
    /// The envelope was refused: the fault stands in the machine.
    Refused,
    /// The workers' queue is full.
    Busy,
    /// A worker failed.
    Worker,
    /// The connection.
    Body(BodyError),
    /// The disk.
    Spool(SpoolError),
}

/// A message that is arriving.
pub(super) struct Arrival<'a> {
    node: &'a Arc<Node>,
    limits: Limits,
    framing: Framing,
    ticket: Ticket,
    /// Away while a worker has it.
    pub(super) inbound: Option<Inbound>,
    /// The envelope, once it is whole; away once it was judged.
    pub(super) envelope: Option<Bytes>,
    /// The parts beside it.
    pub(super) parts: Vec<Streamed>,
    /// What the envelope asks for, once it was judged.
    pub(super) expected: Option<Vec<ExpectedPart>>,
    /// Bytes of parts that came before the envelope.
    before_root: u64,
    collecting: Collecting,
}

/// A part that arrived whole.
pub(super) struct Streamed {
    pub(super) id: Option<ContentId>,
    pub(super) media_type: String,
    pub(super) filename: Option<String>,
    /// What is hashed of it.
    pub(super) transform: Transform,
    pub(super) held: Kept,
}

enum Collecting {
    Nothing,
    Root(BytesMut),
    Part(Box<Part>),
    Unwanted,
}

struct Part {
    id: Option<ContentId>,
    media_type: String,
    filename: Option<String>,
    transform: Transform,
    /// Away while it writes.
    writer: Option<Box<dyn PartWriter>>,
    length: u64,
    most: u64,
}

impl Framing {
    /// Reads Content-Type: a plain envelope, or a multipart with one.
    pub(super) fn of(headers: &http::HeaderMap, limits: &Limits) -> Result<Self, Fault> {
        let text = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).ok_or(Fault::ContentType)?;
        let content_type = ContentType::parse(text).map_err(|_| Fault::ContentType)?;
        let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        match content_type.media() {
            carnet_as4::ns::SOAP_MEDIA => Ok(Self { reader: None, start: None, announced: length }),
            "multipart/related" => Ok(Self {
                reader: Some(Reader::new(&content_type, limits)?),
                start: content_type.param("start").map(|id| id.trim_matches(['<', '>']).to_owned()),
                announced: length,
            }),
            _ => Err(Fault::ContentType),
        }
    }

    fn is_small(&self) -> bool {
        self.announced.is_some_and(|length| length <= SMALL)
    }
}

impl<'a> Arrival<'a> {
    pub(super) fn new(node: &'a Arc<Node>, limits: Limits, framing: Framing, inbound: Inbound) -> Self {
        let collecting = match framing.reader {
            Some(_) => Collecting::Nothing,
            None => Collecting::Root(BytesMut::new()),
        };
        Self {
            node,
            limits,
            framing,
            ticket: Ticket(uuid::Uuid::now_v7().as_u128()),
            inbound: Some(inbound),
            envelope: None,
            parts: Vec::new(),
            expected: None,
            before_root: 0,
            collecting,
        }
    }

    /// Reads the body to its end.
    pub(super) async fn read(&mut self, body: &mut Body) -> Result<(), Broke> {
        loop {
            let bytes = body.next().await.map_err(Broke::Body)?;
            let ended = bytes.is_none();
            // What the disk and the workers take is not the peer's slowness.
            let begun = Instant::now();
            match (&mut self.framing.reader, bytes) {
                (Some(reader), Some(bytes)) => reader.feed(bytes),
                (Some(reader), None) => reader.eof(),
                (None, Some(bytes)) => self.data(bytes).await?,
                (None, None) => self.end_root().await?,
            }
            while let Some(event) = self.event()? {
                match event {
                    Event::Part(head) => self.begin(&head)?,
                    Event::Data(bytes) => self.data(bytes).await?,
                    Event::PartEnd => self.end().await?,
                    Event::End => break,
                }
            }
            if ended {
                return Ok(());
            }
            body.forgive(begun.elapsed());
        }
    }

    fn event(&mut self) -> Result<Option<Event>, Broke> {
        match &mut self.framing.reader {
            Some(reader) => reader.next().map_err(|error| Broke::Fault(Fault::Mime(error))),
            None => Ok(None),
        }
    }

    fn begin(&mut self, head: &PartHead) -> Result<(), Broke> {
        let is_root = self.envelope.is_none()
            && self.expected.is_none()
            && self.framing.start.as_deref().is_none_or(|start| head.content_id.as_deref() == Some(start));
        if is_root {
            if head.media() != carnet_as4::ns::SOAP_MEDIA {
                return Err(Broke::Fault(Fault::ContentType));
            }
            self.collecting = Collecting::Root(BytesMut::new());
            return Ok(());
        }
        let id = head.content_id.as_deref().and_then(|id| ContentId::parse(id).ok());
        let asked = self.expected.as_ref().map(|expected| expected.iter().find(|part| Some(&part.id) == id.as_ref()));
        let most = match asked {
            // Judged, and not asked for: outside the message, so never kept.
            Some(None) => {
                self.collecting = Collecting::Unwanted;
                return Ok(());
            }
            Some(Some(part)) => part.max_bytes,
            None => u64::MAX,
        };
        let number = u32::try_from(self.parts.len()).unwrap_or(u32::MAX);
        let writer = self.node.spool.part(self.ticket, number).map_err(Broke::Spool)?;
        self.collecting = Collecting::Part(Box::new(Part {
            transform: Transform::of(head.media()),
            media_type: head.header("content-type").unwrap_or("text/plain").to_owned(),
            filename: head.filename(),
            length: 0,
            id,
            writer: Some(writer),
            most,
        }));
        Ok(())
    }

    async fn data(&mut self, bytes: Bytes) -> Result<(), Broke> {
        match &mut self.collecting {
            Collecting::Root(root) => {
                let limit = self.limits.envelope;
                if root.len() + bytes.len() > limit {
                    let error = XmlError::TooLarge { got: root.len() + bytes.len(), limit };
                    return Err(Broke::Fault(Fault::Soap(error.into())));
                }
                root.extend_from_slice(&bytes);
            }
            Collecting::Part(part) => {
                if self.envelope.is_none() {
                    self.before_root += bytes.len() as u64;
                    let most = self.limits.before_root;
                    if self.before_root > most {
                        return Err(Broke::Fault(Fault::LateRoot { most }));
                    }
                }
                part.take(bytes).await?;
            }
            Collecting::Nothing | Collecting::Unwanted => {}
        }
        Ok(())
    }

    async fn end(&mut self) -> Result<(), Broke> {
        match std::mem::replace(&mut self.collecting, Collecting::Nothing) {
            root @ Collecting::Root(_) => {
                self.collecting = root;
                self.end_root().await
            }
            Collecting::Part(part) => {
                let streamed = part.end(&self.node.spool).await?;
                self.parts.push(streamed);
                Ok(())
            }
            Collecting::Nothing | Collecting::Unwanted => Ok(()),
        }
    }

    /// The envelope is whole. That of a large message is judged now, before more is read.
    async fn end_root(&mut self) -> Result<(), Broke> {
        let Collecting::Root(root) = std::mem::replace(&mut self.collecting, Collecting::Nothing) else {
            return Err(Broke::Fault(Fault::Mime(MimeError::Truncated)));
        };
        let root = root.freeze();
        self.envelope = Some(root.clone());
        if self.framing.is_small() || self.framing.reader.is_none() {
            return Ok(());
        }
        let Some(mut inbound) = self.inbound.take() else { return Err(Broke::Worker) };
        let judged = self.node.pool.try_run(move |_| {
            let expect = inbound.envelope(&root, Timestamp::now());
            (inbound, expect)
        });
        let (inbound, expect) = judged.map_err(|_| Broke::Busy)?.await.map_err(|_| Broke::Worker)?;
        let refused = inbound.is_refused();
        self.inbound = Some(inbound);
        let expected = match expect {
            Expect::Parts(parts) => parts,
            Expect::Nothing => Vec::new(),
        };
        // Parts that came before the envelope are kept only if it asks for them.
        self.parts.retain(|part| expected.iter().any(|expected| Some(&expected.id) == part.id.as_ref()));
        self.expected = Some(expected);
        if refused {
            return Err(Broke::Refused);
        }
        // Told now, a sender does not send for nothing.
        let (spool, more) = (Arc::clone(&self.node.spool), self.framing.announced.unwrap_or_default());
        blocking(move || spool.room(more)).await?.map_err(Broke::Spool)
    }
}

impl Part {
    async fn take(&mut self, bytes: Bytes) -> Result<(), Broke> {
        self.length += bytes.len() as u64;
        if self.length > self.most {
            let fault = match self.id.clone() {
                Some(part) => Fault::PartTooLarge { part, most: self.most },
                None => Fault::Mime(MimeError::Truncated),
            };
            return Err(Broke::Fault(fault));
        }
        let Some(mut writer) = self.writer.take() else { return Err(Broke::Worker) };
        if writer.blocks(bytes.len()) {
            let (back, result) = blocking(move || {
                let result = writer.write(&bytes);
                (writer, result)
            })
            .await?;
            self.writer = Some(back);
            result.map_err(Broke::Spool)
        } else {
            let result = writer.write(&bytes);
            self.writer = Some(writer);
            result.map_err(Broke::Spool)
        }
    }

    async fn end(self, spool: &Arc<dyn Spool>) -> Result<Streamed, Broke> {
        let Some(writer) = self.writer else { return Err(Broke::Worker) };
        let held = match writer.finish_blocks() {
            true => blocking(move || writer.finish()).await?,
            false => writer.finish(),
        };
        let held = held.map_err(Broke::Spool)?;
        Ok(Streamed {
            id: self.id,
            media_type: self.media_type,
            filename: self.filename,
            transform: self.transform,
            held: Kept::new(held, Arc::clone(spool)),
        })
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Broke> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Broke::Worker)
}
