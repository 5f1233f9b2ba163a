//! What signing and receiving an envelope cost beside the RSA operations they cannot do without.
//!
//! `cargo run --release -p carnet-wire --example sign_cost`; prints microseconds and ratios of one run.

#![expect(clippy::print_stdout, reason = "a program that prints figures")]
#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "it reads vectors and the clock to measure")]

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use base64::Engine as _;
use carnet_wire::emit::{Canonical, Name};
use carnet_wire::namespace::{SOAP12, WSSE, WSU};
use carnet_wire::signature::{Policy, Unverified};
use carnet_wire::token::TokenType;
use carnet_wire::trust::{Anchors, RevocationPolicy};
use carnet_wire::wss::{RsaSigner, SecurityIds, SignedReference, Signer, SigningToken, security_header};
use carnet_wire::xml::Document;
use carnet_wire::{Limits, digest};
use rustls_pki_types::{CertificateDer, UnixTime};

const EB: &str = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/";
const ROUNDS: u32 = 2_000;

fn main() -> Result<(), Box<dyn Error>> {
    let chain: Vec<_> = pem("blue-chain.pem")?.into_iter().map(CertificateDer::from).collect();
    let signer = RsaSigner::from_pkcs8(pem("blue.key")?.first().ok_or("no key")?)?;
    let token = SigningToken::new(TokenType::X509PkiPath, &chain)?;
    let anchors = Anchors::new(chain.get(2..).unwrap_or_default(), &[], RevocationPolicy::default())?;
    let now = UnixTime::since_unix_epoch(Duration::from_secs(1_795_532_400));
    let limits = Limits::default();

    let sample = envelope(&token, &signer)?;
    println!("envelope of {} bytes, RSA-2048, one core, mean of {ROUNDS} rounds", sample.len());
    let raw = measure("RSA signature alone", None, || signer.sign(b"as short as it gets").map(drop))?;
    measure("envelope written and signed", Some(raw), || envelope(&token, &signer).map(drop))?;
    measure("  read into a tree", Some(raw), || Document::parse(sample.as_bytes(), &limits).map(drop))?;
    measure("  chain of three", Some(raw), || anchors.verify(&chain, now))?;
    measure("envelope received: tree, lists, chain, signature", Some(raw), || {
        let document = Document::parse(sample.as_bytes(), &limits)?;
        let security = document.by_path(&[(SOAP12, "Envelope"), (SOAP12, "Header"), (WSSE, "Security")])?.id();
        let unverified = Unverified::read(&document, security, &Policy::default())?;
        let found = unverified.token().chain();
        anchors.verify(found, now)?;
        unverified.verify(found.first().ok_or("no leaf")?)?;
        Ok::<_, Box<dyn Error>>(())
    })?;
    Ok(())
}

fn measure<E>(what: &str, base: Option<f64>, mut round: impl FnMut() -> Result<(), E>) -> Result<f64, E> {
    for _ in 0..ROUNDS / 20 {
        black_box(round()?);
    }
    let start = Instant::now();
    for _ in 0..ROUNDS {
        black_box(round()?);
    }
    let micros = start.elapsed().as_secs_f64() * 1e6 / f64::from(ROUNDS);
    match base {
        Some(base) => println!("{what:50} {micros:8.1} us  {:6.3} of the signature", micros / base),
        None => println!("{what:50} {micros:8.1} us"),
    }
    Ok(micros)
}

fn envelope(token: &SigningToken, signer: &dyn Signer) -> Result<String, Box<dyn Error>> {
    let s12 = |local| Name::new("S12", SOAP12, local);
    let eb = |local| Name::new("eb", EB, local);
    let id = |value| (Name::new("wsu", WSU, "Id"), value);
    let mut out = Canonical::new();
    out.apex(eb("Messaging"), &[(s12("mustUnderstand"), "true"), id("messaging")]);
    out.start(eb("UserMessage"), &[]).start(eb("MessageInfo"), &[]);
    out.leaf(eb("Timestamp"), &[], "2026-11-24T15:00:00Z").leaf(eb("MessageId"), &[], "0190-message@customs.example");
    out.end().start(eb("PartyInfo"), &[]);
    for (party, value) in [("From", "PH"), ("To", "TH")] {
        out.start(eb(party), &[]);
        let kind = "urn:oasis:names:tc:ebcore:partyid-type:unregistered:customs";
        out.leaf(eb("PartyId"), &[(Name::local("type"), kind)], value);
        out.leaf(eb("Role"), &[], "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/initiator").end();
    }
    out.end().start(eb("CollaborationInfo"), &[]);
    out.leaf(eb("Service"), &[], "urn:carnet:service:declaration:1").leaf(eb("Action"), &[], "declaration");
    out.leaf(eb("ConversationId"), &[], "0190-conversation").end().end().end();
    out.apex(s12("Body"), &[id("body")]).end();
    let written = out.finish()?;
    let [messaging, body] = written.digests.as_slice() else { return Err("two digests".into()) };
    let references = [
        SignedReference::Element { id: "messaging", sha256: messaging.sha256 },
        SignedReference::Element { id: "body", sha256: body.sha256 },
        SignedReference::Part { cid: "part-1@customs.example", sha256: digest::sha256(b"") },
    ];
    let ids = SecurityIds { token: "token", signature: "signature" };
    let security = security_header(token, &ids, &references, signer)?;
    let piece = |range: &std::ops::Range<usize>| written.text.get(range.clone()).unwrap_or_default();
    let mut whole = Canonical::new();
    whole.start(s12("Envelope"), &[]).start(s12("Header"), &[]);
    whole.fragment(&security).fragment(piece(&messaging.range)).end().fragment(piece(&body.range)).end();
    Ok(whole.finish()?.text)
}

fn pem(name: &str) -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
    let path = format!("{}/../../fixtures/vectors/phase4/keys/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path)?;
    let blocks = text.split("-----BEGIN ").skip(1).filter_map(|b| b.split_once("-----\n")?.1.split_once("-----END"));
    blocks.map(|(b, _)| Ok(base64::engine::general_purpose::STANDARD.decode(b.replace('\n', ""))?)).collect()
}
