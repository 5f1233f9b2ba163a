//! A driver without network: takes HTTP content type and body apart as a node does, all in memory.

use bytes::Bytes;
use carnet_as4::header::Property;
use carnet_as4::id::{ContentId, MessageId};
use carnet_as4::inbound::{Agreements, Decision, Expect, Fault, Inbound, SignalInfo};
use carnet_wire::digest::{PartHasher, Transform};
use carnet_wire::gzip;
use carnet_wire::mime::{ContentType, Event, Reader};
use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use std::sync::Arc;

/// An HTTP body with its content type.
#[derive(Debug, Clone)]
pub(crate) struct Http {
    pub(crate) content_type: String,
    pub(crate) body: Vec<u8>,
}

impl Http {
    /// Reads a recorded message: start line, headers, body; chunks are joined.
    pub(crate) fn recorded(raw: &[u8]) -> Self {
        let split = raw.windows(4).position(|window| window == b"\r\n\r\n").expect("header block");
        let head = std::str::from_utf8(&raw[..split]).expect("ascii header");
        let header = |name: &str| {
            head.lines().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
            })
        };
        let rest = &raw[split + 4..];
        let body = if header("transfer-encoding").is_some() { unchunked(rest) } else { rest.to_vec() };
        Self { content_type: header("content-type").unwrap_or_default(), body }
    }
}

/// What was received, with the transported bytes of each part.
pub(crate) struct Received {
    pub(crate) decision: Decision,
    pub(crate) parts: Vec<(ContentId, Vec<u8>)>,
}

/// Drives one message through the machine.
pub(crate) fn receive(
    agreements: &Arc<Agreements>,
    tls_chain: &[CertificateDer<'static>],
    http: &Http,
    now: Timestamp,
) -> Received {
    let mut inbound = Inbound::new(Arc::clone(agreements), tls_chain.to_vec());
    let mut parts = Vec::new();
    match ContentType::parse(&http.content_type) {
        Ok(content_type) if content_type.media() == "application/soap+xml" => {
            inbound.envelope(&http.body, now);
        }
        Ok(content_type) if content_type.media() == "multipart/related" => {
            if let Err(error) = multipart(&mut inbound, &content_type, http, now, &mut parts) {
                inbound.refuse(error);
            }
        }
        _ => inbound.refuse(Fault::ContentType),
    }
    Received { decision: inbound.finish(signal("answer@here", now)), parts }
}

fn multipart(
    inbound: &mut Inbound,
    content_type: &ContentType,
    http: &Http,
    now: Timestamp,
    parts: &mut Vec<(ContentId, Vec<u8>)>,
) -> Result<(), Fault> {
    let mut limits = carnet_wire::Limits::default();
    let mut reader = Reader::new(content_type, &limits)?;
    // Small pieces, so that no boundary is met whole by luck.
    for piece in http.body.chunks(97) {
        reader.feed(Bytes::copy_from_slice(piece));
    }
    reader.eof();
    let mut all: Vec<(Option<String>, String, Vec<u8>)> = Vec::new();
    while let Some(event) = reader.next()? {
        match event {
            Event::Part(head) => all.push((head.content_id.clone(), head.media().to_owned(), Vec::new())),
            Event::Data(bytes) => all.last_mut().expect("data follows a part").2.extend_from_slice(&bytes),
            Event::PartEnd => {}
            Event::End => break,
        }
    }
    let mut all = all.into_iter();
    let (_, _, envelope) = all.next().expect("a multipart has a part");
    let Expect::Parts(expected) = inbound.envelope(&envelope, now) else { return Ok(()) };
    for (id, media, bytes) in all {
        let Some(expected) = id.and_then(|id| expected.iter().find(|part| part.id.as_str() == id)) else { continue };
        let (media, bytes) = match &expected.encrypted {
            None => (media, bytes),
            Some(inner) => match inbound.decrypt(&expected.id, bytes) {
                Some(content) => (inner.clone(), content),
                None => continue,
            },
        };
        let mut hasher = PartHasher::new(Transform::of(&media), &limits);
        let hashed = hasher.update(&bytes).and_then(|()| hasher.finish());
        inbound.part(&expected.id, hashed);
        if expected.compressed && !inbound.is_refused() {
            limits.inflated = expected.max_bytes;
            inbound.inflated(&expected.id, gzip::inflate(&bytes, &limits).map(|bytes| bytes.len() as u64));
        }
        if expected.payload {
            parts.push((expected.id.clone(), bytes));
        }
    }
    Ok(())
}

pub(crate) fn signal(id: &str, timestamp: Timestamp) -> SignalInfo {
    SignalInfo { message_id: MessageId::parse(id).expect("id"), timestamp }
}

pub(crate) fn property(name: &str, value: &str) -> Property {
    Property { name: name.to_owned(), kind: None, value: value.to_owned() }
}

/// The row and requirement a refusal tells its peer, with the fault for messages.
pub(crate) fn told(decision: &Decision) -> (&'static str, &'static str) {
    match decision {
        Decision::Accept(accepted) => panic!("accepted {}", accepted.message.info.message_id),
        Decision::Refuse(refused) => (refused.refusal.fault.ebms().code(), refused.refusal.fault.requirement()),
        Decision::Pull(granted) => panic!("may pull from {}", granted.mpc),
        // About nothing that was pulled: what a driver answers whose store knows nothing.
        Decision::Signal(loose) => (loose.returned.loose().ebms().code(), loose.returned.loose().requirement()),
    }
}

fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let Some(end) = rest.windows(2).position(|window| window == b"\r\n") else { return body };
        let size = std::str::from_utf8(&rest[..end]).ok().and_then(|text| usize::from_str_radix(text.trim(), 16).ok());
        let Some(size) = size.filter(|size| *size > 0 && end + 2 + size <= rest.len()) else { return body };
        body.extend_from_slice(&rest[end + 2..end + 2 + size]);
        rest = rest.get(end + 2 + size + 2..).unwrap_or_default();
    }
}
