//! A request's body taken into the spool while it arrives: one document, or a multipart with its attachments.

use std::sync::Arc;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE};
use bytes::Bytes;
use carnet_as4::header::Property;
use carnet_exchange::{PartWriter, Ticket};
use carnet_wire::mime::{ContentType, Event, Reader};
use http_body_util::BodyExt;

use super::problem::{Kind, Problem};
use super::property;
use crate::kept::Kept;
use crate::node::Node;
use crate::send::{DraftPart, Octets};

/// A longer body is looked at before it is taken: whether the disk has room for it.
const LARGE: u64 = 256 * 1024;

/// Reads a body into parts, the leading document first.
pub(super) async fn read(node: &Arc<Node>, headers: &HeaderMap, body: Body) -> Result<Vec<DraftPart>, Problem> {
    let text = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let text = text.ok_or_else(|| Problem::new(Kind::MediaType, "say with Content-Type what the document is"))?;
    let content_type = ContentType::parse(text).map_err(|error| Problem::new(Kind::MediaType, error.to_string()))?;
    let terms = node.terms.load_full();
    let multipart = content_type.media().starts_with("multipart/");
    let mut reader = match multipart {
        true => Some(Reader::new(&content_type, &terms.agreements.limits).map_err(|error| malformed(&error))?),
        false => None,
    };
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let length = length.unwrap_or_default();
    let most = terms.bodies.body_bytes;
    if length > most {
        return Err(too_large(most));
    }
    if length > LARGE {
        // As it was given, and beside it as it will travel.
        let spool = Arc::clone(&node.spool);
        blocking(move || spool.room(length.saturating_mul(2))).await?;
    }
    let mut intake = Intake {
        node: Arc::clone(node),
        ticket: Ticket(uuid::Uuid::now_v7().as_u128()),
        most,
        left: most,
        parts: Vec::new(),
        open: None,
    };
    if !multipart {
        let disposition = headers.get(CONTENT_DISPOSITION).map(|value| String::from_utf8_lossy(value.as_bytes()));
        let filename = disposition.and_then(|value| carnet_wire::mime::filename_of(&value));
        intake.begin(&content_type, filename, property::of_document(headers)?)?;
    }
    let mut body = body;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Problem::new(Kind::BadRequest, "the body broke off"))?;
        let Ok(bytes) = frame.into_data() else { continue };
        match &mut reader {
            Some(reader) => {
                reader.feed(bytes);
                intake.events(reader).await?;
            }
            None => intake.write(bytes).await?,
        }
    }
    match &mut reader {
        Some(reader) => {
            reader.eof();
            intake.events(reader).await?;
        }
        None => intake.end().await?,
    }
    if intake.parts.is_empty() {
        return Err(Problem::new(Kind::BadRequest, "the multipart has no part"));
    }
    Ok(intake.parts)
}

struct Intake {
    node: Arc<Node>,
    ticket: Ticket,
    /// Bytes that may be submitted at once, and what is left of them.
    most: u64,
    left: u64,
    parts: Vec<DraftPart>,
    open: Option<Open>,
}

struct Open {
    writer: Box<dyn PartWriter>,
    mime_type: String,
    character_set: Option<String>,
    filename: Option<String>,
    properties: Vec<Property>,
}

impl Intake {
    async fn events(&mut self, reader: &mut Reader) -> Result<(), Problem> {
        while let Some(event) = reader.next().map_err(|error| malformed(&error))? {
            match event {
                Event::Part(head) => {
                    let fallback = ContentType::parse("application/octet-stream").map_err(|error| malformed(&error))?;
                    let content_type = head.content_type.as_ref().unwrap_or(&fallback);
                    self.begin(content_type, head.filename(), property::of_part(&head)?)?;
                }
                Event::Data(bytes) => self.write(bytes).await?,
                Event::PartEnd => self.end().await?,
                Event::End => return Ok(()),
            }
        }
        Ok(())
    }

    fn begin(
        &mut self,
        content_type: &ContentType,
        filename: Option<String>,
        properties: Vec<Property>,
    ) -> Result<(), Problem> {
        // The payloads that will be sent are files 0, 1, ... of a ticket of their own.
        let number = u32::try_from(self.parts.len()).unwrap_or(u32::MAX);
        self.open = Some(Open {
            writer: self.node.spool.part(self.ticket, number)?,
            mime_type: content_type.media().to_owned(),
            character_set: content_type.charset().map(str::to_owned),
            filename,
            properties,
        });
        Ok(())
    }

    async fn write(&mut self, bytes: Bytes) -> Result<(), Problem> {
        let length = bytes.len() as u64;
        self.left = self.left.checked_sub(length).ok_or_else(|| too_large(self.most))?;
        let Some(open) = self.open.take() else { return Ok(()) };
        let Open { mut writer, .. } = open;
        let writer = if writer.blocks(bytes.len()) {
            blocking(move || writer.write(&bytes).map(|()| writer)).await?
        } else {
            writer.write(&bytes)?;
            writer
        };
        self.open = Some(Open { writer, ..open });
        Ok(())
    }

    async fn end(&mut self) -> Result<(), Problem> {
        let Some(open) = self.open.take() else { return Ok(()) };
        let Open { writer, mime_type, character_set, filename, properties } = open;
        let held = match writer.finish_blocks() {
            true => blocking(move || writer.finish()).await?,
            false => writer.finish()?,
        };
        let kept = Kept::new(held, Arc::clone(&self.node.spool));
        self.parts.push(DraftPart { octets: Octets::Spooled(kept), mime_type, character_set, filename, properties });
        Ok(())
    }
}

fn too_large(most: u64) -> Problem {
    Problem::new(Kind::TooLarge, format!("got more than {most} bytes"))
}

fn malformed(error: &carnet_wire::mime::MimeError) -> Problem {
    Problem::new(Kind::BadRequest, error.to_string())
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, carnet_exchange::SpoolError> + Send + 'static,
) -> Result<T, Problem> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => Ok(result?),
        Err(error) => Err(Problem::internal(&error)),
    }
}
