//! A producer: submits documents to a node's API over one connection and waits until each is receipted.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
};

use serde_json::Value;

use crate::pair::{Failure, SERVICE, TOKEN};

/// One connection, kept alive.
pub(crate) struct Producer {
    stream: BufReader<TcpStream>,
    request: Vec<u8>,
}

/// What the node answered.
pub(crate) struct Submitted {
    pub(crate) message_id: String,
    /// `delivered` once the partner's receipt was verified and stored.
    pub(crate) state: String,
}

impl Producer {
    /// Connects. `wait` is how long a submission waits for the receipt, in seconds; 0 does not wait.
    pub(crate) fn connect(port: u16, document: &[u8], wait: u32) -> Result<Self, Failure> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        let prefer = if wait > 0 { format!("Prefer: wait={wait}\r\n") } else { String::new() };
        let mut request = format!(
            "POST /v1/messages?to=TH&service={SERVICE}&action=document HTTP/1.1\r\nHost: localhost\r\n\
             Authorization: Bearer {TOKEN}\r\nContent-Type: application/xml\r\n{prefer}Content-Length: {}\r\n\r\n",
            document.len()
        )
        .into_bytes();
        request.extend_from_slice(document);
        Ok(Self { stream: BufReader::new(stream), request })
    }

    /// Submits the document as a new message.
    pub(crate) fn submit(&mut self) -> Result<Submitted, Failure> {
        self.stream.get_mut().write_all(&self.request)?;
        let (status, answer) = read_answer(&mut self.stream)?;
        let text = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
        match (status, text("message_id"), text("state")) {
            (200 | 202, Some(message_id), Some(state)) => Ok(Submitted { message_id, state }),
            _ => Err(format!("the node answered {status}: {answer}").into()),
        }
    }
}

/// Status and body of an answer whose length is told.
pub(crate) fn read_answer(stream: &mut BufReader<TcpStream>) -> Result<(u16, Value), Failure> {
    let (status, length) = read_head(stream)?;
    let mut body = vec![0; usize::try_from(length.unwrap_or_default())?];
    stream.read_exact(&mut body)?;
    Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
}

/// Status and length of an answer; its body follows.
pub(crate) fn read_head(stream: &mut BufReader<TcpStream>) -> Result<(u16, Option<u64>), Failure> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let status = line.split(' ').nth(1).unwrap_or_default().parse()?;
    let mut length = None;
    loop {
        line.clear();
        stream.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { return Ok((status, length)) };
        if name.eq_ignore_ascii_case("content-length") {
            length = Some(value.trim().parse()?);
        }
    }
}

/// A real declaration of about 5 KB.
pub(crate) fn document() -> Result<Vec<u8>, Failure> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/packs/declaration/messages/valid");
    let mut nearest: Option<Vec<u8>> = None;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "xml") {
            continue;
        }
        let octets = std::fs::read(path)?;
        let away = |octets: &Vec<u8>| octets.len().abs_diff(5 * 1024);
        if nearest.as_ref().is_none_or(|best| away(&octets) < away(best)) {
            nearest = Some(octets);
        }
    }
    nearest.ok_or_else(|| "the declaration pack has no message".into())
}
