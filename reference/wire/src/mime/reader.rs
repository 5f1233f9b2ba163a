//! The reader: a buffer, a state, and one needle.

use std::collections::HashSet;

use bytes::{Buf, Bytes, BytesMut};
use memchr::memmem::Finder;

use super::transfer::Decoder;
use super::{ContentType, Event, MimeError, header, writer};
use crate::Limits;

/// White space after a boundary; more than this is no honest padding.
const PADDING: usize = 64;

/// Reads a multipart body that is fed in pieces of any size.
pub struct Reader {
    /// CR LF, two hyphens, the boundary.
    needle: Finder<'static>,
    buffer: BytesMut,
    state: State,
    ended: bool,
    parts: usize,
    preamble: usize,
    content_ids: HashSet<String>,
    /// For a part that travels as base64.
    decoder: Option<Decoder>,
    max_parts: usize,
    max_header: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Preamble,
    /// Behind a boundary: a line end, or two hyphens.
    Delimiter,
    Head,
    /// `first` until a byte of the part was seen: a boundary may follow the header block at once.
    Data {
        first: bool,
    },
    Done,
    Failed(MimeError),
}

impl Reader {
    /// Starts a body; the limits used are `parts` and `part_header`.
    ///
    /// # Errors
    /// [`MimeError::NotMultipart`], [`MimeError::Boundary`].
    pub fn new(content_type: &ContentType, limits: &Limits) -> Result<Self, MimeError> {
        if content_type.media() != "multipart/related" {
            return Err(MimeError::NotMultipart);
        }
        let boundary = content_type.param("boundary").filter(|b| writer::is_boundary(b)).ok_or(MimeError::Boundary)?;
        let needle = Finder::new(&format!("\r\n--{boundary}")).into_owned();
        Ok(Self {
            needle,
            // The first boundary may open the body: then no line end stands before it.
            buffer: BytesMut::from(&b"\r\n"[..]),
            state: State::Preamble,
            ended: false,
            parts: 0,
            preamble: 0,
            content_ids: HashSet::new(),
            decoder: None,
            max_parts: limits.parts,
            max_header: limits.part_header,
        })
    }

    /// Takes the next bytes of the body.
    pub fn feed(&mut self, bytes: Bytes) {
        if !matches!(self.state, State::Done | State::Failed(_)) {
            self.buffer.extend_from_slice(&bytes);
        }
    }

    /// Says that the body has ended.
    pub fn eof(&mut self) {
        self.ended = true;
    }

    /// What comes next; none when more bytes are wanted, or after [`Event::End`].
    ///
    /// # Errors
    /// See [`MimeError`]; the same error is given again when asked again.
    #[expect(clippy::should_implement_trait, reason = "an error ends the body, an iterator would go on")]
    pub fn next(&mut self) -> Result<Option<Event>, MimeError> {
        let result = self.step();
        if let Err(error) = &result {
            self.state = State::Failed(error.clone());
            self.buffer.clear();
        }
        result
    }

    fn step(&mut self) -> Result<Option<Event>, MimeError> {
        loop {
            let found = match &self.state {
                State::Preamble => self.preamble()?,
                State::Delimiter => self.delimiter()?,
                State::Head => self.head()?,
                State::Data { first } => {
                    let first = *first;
                    self.data(first)
                }
                State::Done => return Ok(None),
                State::Failed(error) => return Err(error.clone()),
            };
            match found {
                Found::Event(Event::Data(bytes)) => {
                    let bytes = match &mut self.decoder {
                        Some(decoder) => decoder.push(&bytes)?,
                        None => bytes,
                    };
                    if !bytes.is_empty() {
                        return Ok(Some(Event::Data(bytes)));
                    }
                }
                Found::Event(Event::PartEnd) => {
                    if let Some(decoder) = self.decoder.take() {
                        decoder.finish()?;
                    }
                    return Ok(Some(Event::PartEnd));
                }
                Found::Event(event) => return Ok(Some(event)),
                Found::Moved => {}
                Found::Wanting if !self.ended => return Ok(None),
                Found::Wanting if self.state == State::Preamble => return Err(MimeError::NoBoundary),
                Found::Wanting => return Err(MimeError::Truncated),
            }
        }
    }

    fn preamble(&mut self) -> Result<Found, MimeError> {
        let found = self.needle.find(&self.buffer);
        let passed = found.unwrap_or_else(|| self.buffer.len().saturating_sub(self.needle.needle().len() - 1));
        self.preamble += passed;
        if self.preamble > self.max_header {
            return Err(MimeError::HeaderTooLarge { limit: self.max_header });
        }
        self.buffer.advance(passed);
        if found.is_none() {
            return Ok(Found::Wanting);
        }
        self.pass_boundary();
        Ok(Found::Moved)
    }

    fn delimiter(&mut self) -> Result<Found, MimeError> {
        if self.buffer.starts_with(b"--") {
            self.buffer.clear();
            self.state = State::Done;
            return Ok(Found::Event(Event::End));
        }
        let padding = self.buffer.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
        let rest = self.buffer.get(padding..).unwrap_or_default();
        if padding > PADDING {
            return Err(MimeError::Delimiter);
        }
        if rest.starts_with(b"\r\n") {
            self.buffer.advance(padding + 2);
            self.parts += 1;
            if self.parts > self.max_parts {
                return Err(MimeError::TooManyParts { limit: self.max_parts });
            }
            self.state = State::Head;
            return Ok(Found::Moved);
        }
        let may_become_one = rest.is_empty() || rest == b"\r" || (padding == 0 && rest == b"-");
        if may_become_one { Ok(Found::Wanting) } else { Err(MimeError::Delimiter) }
    }

    fn head(&mut self) -> Result<Found, MimeError> {
        let (length, skip) = if self.buffer.starts_with(b"\r\n") {
            (0, 2)
        } else if let Some(at) = memchr::memmem::find(&self.buffer, b"\r\n\r\n") {
            (at + 2, 2)
        } else if self.buffer.len() > self.max_header {
            return Err(MimeError::HeaderTooLarge { limit: self.max_header });
        } else {
            return Ok(Found::Wanting);
        };
        if length > self.max_header {
            return Err(MimeError::HeaderTooLarge { limit: self.max_header });
        }
        let block = self.buffer.split_to(length);
        self.buffer.advance(skip);
        let head = header::part_head(&block)?;
        if let Some(id) = &head.content_id
            && !self.content_ids.insert(id.clone())
        {
            return Err(MimeError::DuplicateContentId);
        }
        self.state = State::Data { first: true };
        self.decoder = head.base64.then(Decoder::default);
        Ok(Found::Event(Event::Part(head)))
    }

    fn data(&mut self, first: bool) -> Found {
        let line = self.needle.needle().get(2..).unwrap_or_default();
        if first && self.buffer.starts_with(line) {
            self.buffer.advance(line.len());
            self.state = State::Delimiter;
            return Found::Event(Event::PartEnd);
        }
        if first && line.starts_with(&self.buffer) {
            return Found::Wanting;
        }
        self.state = State::Data { first: false };
        match self.needle.find(&self.buffer) {
            Some(0) => {
                self.pass_boundary();
                Found::Event(Event::PartEnd)
            }
            Some(at) => Found::Event(Event::Data(self.buffer.split_to(at).freeze())),
            None => {
                let safe = self.buffer.len() - self.possible_boundary();
                if safe == 0 {
                    return Found::Wanting;
                }
                Found::Event(Event::Data(self.buffer.split_to(safe).freeze()))
            }
        }
    }

    /// Bytes at the end of the buffer that may turn out to begin a boundary.
    fn possible_boundary(&self) -> usize {
        let needle = self.needle.needle();
        let tail = self.buffer.len().saturating_sub(needle.len() - 1);
        let window = self.buffer.get(tail..).unwrap_or_default();
        memchr::memchr_iter(b'\r', window)
            .filter_map(|at| window.get(at..))
            .find(|end| needle.starts_with(end))
            .map_or(0, <[u8]>::len)
    }

    fn pass_boundary(&mut self) {
        self.buffer.advance(self.needle.needle().len());
        self.state = State::Delimiter;
    }
}

enum Found {
    Event(Event),
    /// The state changed: look again.
    Moved,
    /// More bytes are wanted.
    Wanting,
}
