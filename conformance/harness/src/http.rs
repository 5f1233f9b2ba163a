//! HTTP/1.1 written and read by hand, so that it can be written wrong and every byte can be shown.
//!
//! Reads what a peer sent as far as it came: content length, chunks or the end of the connection. Redirects,
//! cookies and caching are nobody's business here.

/// A request to be written; every piece can be forged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Request line without its line end.
    pub line: String,
    /// Headers in order.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl Request {
    /// A POST with content type and length.
    #[must_use]
    pub fn post(host: &str, path: &str, content_type: &str, body: Vec<u8>) -> Self {
        let headers = vec![
            ("Host".to_owned(), host.to_owned()),
            ("User-Agent".to_owned(), "carnet".to_owned()),
            ("Content-Type".to_owned(), content_type.to_owned()),
            ("Content-Length".to_owned(), body.len().to_string()),
            ("Connection".to_owned(), "close".to_owned()),
        ];
        Self { line: format!("POST {path} HTTP/1.1"), headers, body }
    }

    /// The bytes on the line.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = format!("{}\r\n", self.line).into_bytes();
        for (name, value) in &self.headers {
            bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

/// A request or response as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Request line or status line.
    pub line: String,
    /// Headers in order, names as written.
    pub headers: Vec<(String, String)>,
    /// Body, chunks joined.
    pub body: Vec<u8>,
    /// Offset of the body's first transported byte.
    pub body_offset: usize,
    /// Whether the body came to its end.
    pub complete: bool,
}

/// Why bytes are not an HTTP message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// No byte at all.
    #[error("there is no http message")]
    Empty,
    /// The header block does not end.
    #[error("http header block is cut short")]
    Head,
    /// A line of the header block is malformed.
    #[error("http header block is malformed")]
    Malformed,
    /// A chunk is malformed.
    #[error("http chunk is malformed")]
    Chunk,
}

/// Where a message ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// More bytes are wanted.
    Wants,
    /// All is there.
    Complete,
    /// It ends with the connection.
    UntilClose,
}

/// How far the bytes of one message have come.
#[must_use]
pub fn progress(bytes: &[u8]) -> Progress {
    Meter::default().progress(bytes)
}

/// Tells when a message that comes in pieces is whole; each byte is looked at about once, however it comes.
#[derive(Debug, Default)]
pub struct Meter {
    reached: Reached,
}

#[derive(Debug, Clone, Copy)]
enum Reached {
    /// In a header block that starts there.
    Head(usize),
    /// In a body that ends there.
    Body(usize),
    /// At a chunk whose line starts there.
    Chunk(usize),
    /// In a body that ends with the connection.
    Close,
    /// At the end.
    End,
}

impl Default for Reached {
    fn default() -> Self {
        Self::Head(0)
    }
}

impl Meter {
    /// How far `bytes` have come; they begin with those that were shown before.
    pub fn progress(&mut self, bytes: &[u8]) -> Progress {
        loop {
            let next = match self.reached {
                Reached::Head(start) => head(bytes, start),
                Reached::Body(end) => (bytes.len() >= end).then_some(Reached::End),
                Reached::Chunk(start) => chunk(bytes, start),
                Reached::Close => return Progress::UntilClose,
                Reached::End => return Progress::Complete,
            };
            match next {
                Some(next) => self.reached = next,
                None => return Progress::Wants,
            }
        }
    }
}

/// What follows a header block, once that is there.
fn head(bytes: &[u8], start: usize) -> Option<Reached> {
    let rest = bytes.get(start..)?;
    let end = find(rest, b"\r\n\r\n")? + 4;
    let Ok(message) = read_head(rest.get(..end)?) else { return Some(Reached::Close) };
    let body = start + end;
    Some(match message.status() {
        Some(100..=199) => Reached::Head(body),
        _ if message.chunked() => Reached::Chunk(body),
        status => match message.header("content-length").map(str::parse::<usize>) {
            Some(Ok(length)) => Reached::Body(body.saturating_add(length)),
            Some(Err(_)) => Reached::Close,
            None if matches!(status, None | Some(204 | 304)) => Reached::End,
            None => Reached::Close,
        },
    })
}

/// The chunk after the one at `start`, once that is there.
fn chunk(bytes: &[u8], start: usize) -> Option<Reached> {
    let rest = bytes.get(start..)?;
    let line = find(rest, b"\r\n")?;
    let Some(size) = rest.get(..line).and_then(chunk_size) else { return Some(Reached::Close) };
    let after = rest.get(line + 2..)?;
    if size == 0 {
        return (after.starts_with(b"\r\n") || find(after, b"\r\n\r\n").is_some()).then_some(Reached::End);
    }
    let next = start.saturating_add(line + 4).saturating_add(size);
    (bytes.len() >= next).then_some(Reached::Chunk(next))
}

fn chunk_size(line: &[u8]) -> Option<usize> {
    let line = std::str::from_utf8(line).ok()?;
    usize::from_str_radix(line.split(';').next().unwrap_or_default().trim(), 16).ok()
}

/// Takes the lines of one whole header block apart.
fn read_head(block: &[u8]) -> Result<Message, HttpError> {
    let head = std::str::from_utf8(block).map_err(|_| HttpError::Malformed)?;
    let mut lines = head.trim_end_matches("\r\n").split("\r\n");
    let line = lines.next().unwrap_or_default().to_owned();
    let headers = lines
        .map(|line| line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned())))
        .collect::<Option<Vec<_>>>()
        .ok_or(HttpError::Malformed)?;
    Ok(Message { line, headers, body: Vec::new(), body_offset: 0, complete: false })
}

/// Reads one message as far as it came; interim responses (1xx) are passed over.
///
/// # Errors
/// See [`HttpError`].
pub fn read(bytes: &[u8]) -> Result<Message, HttpError> {
    let mut start = 0;
    loop {
        let rest = bytes.get(start..).unwrap_or_default();
        if rest.is_empty() {
            return Err(if start == 0 { HttpError::Empty } else { HttpError::Head });
        }
        let end = find(rest, b"\r\n\r\n").ok_or(HttpError::Head)? + 4;
        let body_offset = start + end;
        let message = Message { body_offset, ..read_head(rest.get(..end).unwrap_or_default())? };
        match message.status() {
            Some(100..=199) => start = body_offset,
            _ => return message.with_body(bytes.get(body_offset..).unwrap_or_default()),
        }
    }
}

impl Message {
    /// The status of a response.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        let mut words = self.line.split(' ');
        let version = words.next()?;
        if !version.starts_with("HTTP/") {
            return None;
        }
        words.next()?.parse().ok()
    }

    /// The first header of that name, whatever its case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Whether it ended before the length that it gave, or before its last chunk.
    #[must_use]
    pub fn cut_short(&self) -> bool {
        !self.complete && (self.chunked() || self.header("content-length").is_some())
    }

    fn chunked(&self) -> bool {
        self.header("transfer-encoding").is_some_and(|value| value.to_ascii_lowercase().contains("chunked"))
    }

    fn with_body(mut self, rest: &[u8]) -> Result<Self, HttpError> {
        if self.chunked() {
            (self.body, self.complete) = dechunk(rest)?;
        } else if let Some(length) = self.header("content-length") {
            let length: usize = length.parse().map_err(|_| HttpError::Malformed)?;
            self.body = rest.get(..length).unwrap_or(rest).to_vec();
            self.complete = rest.len() >= length;
        } else if matches!(self.status(), Some(204 | 304)) || self.status().is_none() {
            self.complete = true;
        } else {
            self.body = rest.to_vec();
        }
        Ok(self)
    }
}

fn dechunk(mut rest: &[u8]) -> Result<(Vec<u8>, bool), HttpError> {
    let mut body = Vec::new();
    loop {
        let Some(end) = find(rest, b"\r\n") else { return Ok((body, false)) };
        let size = rest.get(..end).and_then(chunk_size).ok_or(HttpError::Chunk)?;
        rest = rest.get(end + 2..).unwrap_or_default();
        if size == 0 {
            return Ok((body, rest.starts_with(b"\r\n") || find(rest, b"\r\n\r\n").is_some()));
        }
        let Some(chunk) = rest.get(..size) else {
            body.extend_from_slice(rest);
            return Ok((body, false));
        };
        body.extend_from_slice(chunk);
        let Some(next) = size.checked_add(2).and_then(|after| rest.get(after..)) else { return Ok((body, false)) };
        rest = next;
    }
}

/// Where `needle` first stands in `bytes`; an empty one stands nowhere.
#[must_use]
pub fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    if needle.is_empty() {
        return None;
    }
    bytes.windows(needle.len()).position(|window| window == needle)
}

/// A response without a body that a case asks for; `fields` are whole lines.
pub(crate) fn scripted(status: u16, fields: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} Scripted\r\n{fields}Content-Length: 0\r\n\r\n").into_bytes()
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
