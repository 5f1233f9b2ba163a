//! Vectors, a fixed clock, the steps of a receiver, and envelopes of our own.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use bytes::Bytes;
use carnet_wire::emit::{Canonical, Name};
use carnet_wire::mime::{ContentType, Event, MimeError, PartHead, Reader};
use carnet_wire::namespace::{SOAP12, WSSE, WSU};
use carnet_wire::signature::{Policy, SignatureError, Unverified, Verified};
use carnet_wire::token::TokenType;
use carnet_wire::trust::{Anchors, RevocationPolicy, TrustError};
use carnet_wire::wss::{RsaSigner, SecurityIds, SignedReference, SigningToken, security_header};
use carnet_wire::xml::{Document, NodeId, XmlError};
use carnet_wire::{Limits, digest};
use rustls_pki_types::{CertificateDer, UnixTime};

pub(crate) const EB: &str = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/";

/// The day after the vectors were recorded.
pub(crate) fn clock() -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(1_795_532_400))
}

pub(crate) fn vectors() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/vectors")
}

pub(crate) fn vector(path: &str) -> Vec<u8> {
    std::fs::read(vectors().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// The blocks of a PEM file, decoded.
pub(crate) fn pem(path: &str) -> Vec<Vec<u8>> {
    let text = String::from_utf8(vector(path)).unwrap();
    text.split("-----BEGIN ")
        .skip(1)
        .map(|block| {
            let (_, body) = block.split_once("-----\n").unwrap();
            let (body, _) = body.split_once("-----END").unwrap();
            base64::engine::general_purpose::STANDARD.decode(body.replace('\n', "")).unwrap()
        })
        .collect()
}

pub(crate) fn chain(name: &str) -> Vec<CertificateDer<'static>> {
    pem(&format!("phase4/keys/{name}-chain.pem")).into_iter().map(CertificateDer::from).collect()
}

pub(crate) fn certificate(name: &str) -> CertificateDer<'static> {
    CertificateDer::from(pem(&format!("phase4/keys/{name}.pem")).remove(0))
}

pub(crate) fn anchors() -> Anchors {
    Anchors::new(&[certificate("root")], &[], RevocationPolicy::default()).unwrap()
}

/// One side of a recorded HTTP exchange.
pub(crate) struct Capture {
    pub(crate) content_type: String,
    pub(crate) body: Vec<u8>,
}

pub(crate) fn capture(name: &str) -> Capture {
    let raw = vector(&format!("phase4/{name}.http"));
    let split = raw.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    let head = std::str::from_utf8(&raw[..split]).unwrap();
    let header = |name: &str| {
        head.lines().find_map(|l| {
            let (n, v) = l.split_once(':')?;
            n.eq_ignore_ascii_case(name).then(|| v.trim().to_owned())
        })
    };
    let body = &raw[split + 4..];
    let body = match header("transfer-encoding").as_deref() {
        Some("chunked") => dechunk(body),
        _ => body.to_vec(),
    };
    Capture { content_type: header("content-type").unwrap(), body }
}

fn dechunk(mut raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some(line) = raw.windows(2).position(|w| w == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&raw[..line]).unwrap().trim(), 16).unwrap();
        let from = line + 2;
        let to = (from + size).min(raw.len());
        out.extend_from_slice(&raw[from..to]);
        if size == 0 || to + 2 > raw.len() {
            break;
        }
        raw = &raw[to + 2..];
    }
    out
}

pub(crate) type Parts = Vec<(PartHead, Vec<u8>)>;

/// Envelope and other parts of a body.
pub(crate) fn unpack(capture: &Capture) -> Result<(Vec<u8>, Parts), MimeError> {
    let content_type = ContentType::parse(&capture.content_type)?;
    if content_type.media() == "application/soap+xml" {
        return Ok((capture.body.clone(), Vec::new()));
    }
    let mut reader = Reader::new(&content_type, &Limits::default())?;
    reader.feed(Bytes::from(capture.body.clone()));
    reader.eof();
    let mut parts: Parts = Vec::new();
    while let Some(event) = reader.next()? {
        match event {
            Event::Part(head) => parts.push((head, Vec::new())),
            Event::Data(bytes) => parts.last_mut().unwrap().1.extend_from_slice(&bytes),
            Event::PartEnd | Event::End => {}
        }
    }
    let (_, envelope) = parts.remove(0);
    Ok((envelope, parts))
}

/// Where a receiver stopped.
#[derive(Debug, PartialEq)]
pub(crate) enum Stop {
    Mime(MimeError),
    Xml(XmlError),
    Signature(SignatureError),
    Trust(TrustError),
    /// Something that must be signed is not, or stands elsewhere.
    Coverage(&'static str),
    Part,
}

/// All of a receiver's checks, as `as4` makes them.
pub(crate) fn receive(capture: &Capture, policy: &Policy) -> Result<Verified, Stop> {
    receive_knowing(capture, policy, &[certificate("inter")])
}

/// As [`receive`]; `issuers` are known beside what the token carries.
pub(crate) fn receive_knowing(
    capture: &Capture,
    policy: &Policy,
    issuers: &[CertificateDer<'static>],
) -> Result<Verified, Stop> {
    let (envelope, parts) = unpack(capture).map_err(Stop::Mime)?;
    let verified = verify_knowing(&envelope, policy, issuers)?;
    for (head, bytes) in &parts {
        let cid = head.content_id.clone().unwrap();
        let claimed = verified.parts.iter().find(|p| p.cid == cid).ok_or(Stop::Coverage("part"))?;
        let transform = digest::Transform::of(head.media());
        let found = digest::part(transform, bytes, &Limits::default()).map_err(|_| Stop::Part)?;
        if claimed.digest != found.sha256 {
            return Err(Stop::Part);
        }
    }
    Ok(verified)
}

pub(crate) fn verify(envelope: &[u8], policy: &Policy) -> Result<Verified, Stop> {
    verify_knowing(envelope, policy, &[certificate("inter")])
}

fn verify_knowing(envelope: &[u8], policy: &Policy, issuers: &[CertificateDer<'static>]) -> Result<Verified, Stop> {
    let document = Document::parse(envelope, &Limits::default()).map_err(Stop::Xml)?;
    let at = |path: &[(&str, &str)]| document.by_path(path).map(carnet_wire::xml::Element::id).map_err(Stop::Xml);
    let header = [(SOAP12, "Envelope"), (SOAP12, "Header")];
    let security = at(&[header[0], header[1], (WSSE, "Security")])?;
    let unverified = Unverified::read(&document, security, policy).map_err(Stop::Signature)?;
    let mut path = unverified.token().chain().to_vec();
    if unverified.token().token_type() == TokenType::X509V3 {
        path.extend_from_slice(issuers);
    }
    anchors().verify(&path, clock()).map_err(Stop::Trust)?;
    let verified = unverified.verify(&path[0]).map_err(Stop::Signature)?;
    let covers = |node: NodeId| verified.elements.iter().any(|e| e.node == node);
    if !covers(at(&[header[0], header[1], (EB, "Messaging")])?) {
        return Err(Stop::Coverage("Messaging"));
    }
    if !covers(at(&[header[0], (SOAP12, "Body")])?) {
        return Err(Stop::Coverage("Body"));
    }
    Ok(verified)
}

/// A signed envelope of our own by `blue`, with one part.
pub(crate) fn signed(message_id: &str) -> String {
    fast(message_id, &[SignedReference::Part { cid: "part-1@test", sha256: digest::sha256(b"part one") }])
}

/// The same without a part.
pub(crate) fn signed_without_parts(message_id: &str) -> String {
    fast(message_id, &[])
}

fn fast(message_id: &str, parts: &[SignedReference<'_>]) -> String {
    let mut out = Canonical::new();
    messaging_and_body(&mut out, message_id);
    let emitted = out.finish().unwrap();
    let mut references = vec![
        SignedReference::Element { id: "messaging", sha256: emitted.digests[0].sha256 },
        SignedReference::Element { id: "body", sha256: emitted.digests[1].sha256 },
    ];
    references.extend_from_slice(parts);
    let token = SigningToken::new(TokenType::X509PkiPath, &chain("blue")).unwrap();
    let ids = SecurityIds { token: "token", signature: "signature" };
    let security = security_header(&token, &ids, &references, &blue()).unwrap();
    let (messaging, body) =
        (&emitted.text[emitted.digests[0].range.clone()], &emitted.text[emitted.digests[1].range.clone()]);
    let mut whole = Canonical::new();
    let s12 = |local| Name::new("S12", SOAP12, local);
    whole.start(s12("Envelope"), &[]).start(s12("Header"), &[]);
    whole.fragment(&security).fragment(messaging).end().fragment(body).end();
    whole.finish().unwrap().text
}

/// The same envelope without a signature.
pub(crate) fn unsigned(message_id: &str) -> String {
    let mut out = Canonical::new();
    messaging_and_body(&mut out, message_id);
    let emitted = out.finish().unwrap();
    let (messaging, body) =
        (&emitted.text[emitted.digests[0].range.clone()], &emitted.text[emitted.digests[1].range.clone()]);
    format!("<S12:Envelope xmlns:S12=\"{SOAP12}\"><S12:Header>{messaging}</S12:Header>{body}</S12:Envelope>")
}

fn messaging_and_body(out: &mut Canonical, message_id: &str) {
    let eb = |local| Name::new("eb", EB, local);
    let id = |value| (Name::new("wsu", WSU, "Id"), value);
    out.apex(eb("Messaging"), &[(Name::new("S12", SOAP12, "mustUnderstand"), "true"), id("messaging")]);
    out.start(eb("UserMessage"), &[]).leaf(eb("MessageId"), &[], message_id);
    out.leaf(eb("Property"), &[(Name::local("name"), "a<b & \"c\"\t")], "x < y > z & \r end");
    out.end().end();
    out.apex(Name::new("S12", SOAP12, "Body"), &[id("body")]).end();
}

pub(crate) fn blue() -> RsaSigner {
    RsaSigner::from_pkcs8(&pem("phase4/keys/blue.key").remove(0)).unwrap()
}

/// Runs another tool. When it is not installed the test is skipped with a line that says so; under CI it fails.
pub(crate) fn run(tool: &str, arguments: &[&str]) -> Option<std::process::Output> {
    match Command::new(tool).args(arguments).output() {
        Ok(output) => Some(output),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{tool} is not installed");
            eprintln!("SKIPPED: {tool} is not installed");
            None
        }
        Err(e) => panic!("{tool}: {e}"),
    }
}
