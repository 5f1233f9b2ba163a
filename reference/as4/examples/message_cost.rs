//! What a message costs a processor before HTTP and store, step by step, and with 1, 100 and 10,000 partners.
//!
//! `cargo run --release -p carnet-as4 --example message_cost`, or with other numbers of partners behind `--`; prints microseconds of processor time of one thread. The
//! keys are RSA-2048, the document is of about 5 KB and travels compressed. What other programs do meanwhile does not
//! count.

#![expect(clippy::print_stdout, reason = "a program that prints figures")]
#![expect(clippy::disallowed_methods, reason = "it reads processor time to measure")]

use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;

use carnet_as4::id::{Action, ContentId, ConversationId, MessageId, PartyId, Service};
use carnet_as4::inbound::{Agreements, Decision, Inbound, SignalInfo};
use carnet_as4::outbound::answer::{Answer, Response, check};
use carnet_as4::outbound::{OutPart, Sent, Submission, package};
use carnet_as4::partner::{Identity, Partner, SignerBinding, Subject, TlsBinding};
use carnet_as4::pmode::{PMode, PModes};
use carnet_wire::digest::PartDigest;
use carnet_wire::trust::{Anchors, RevocationPolicy};
use carnet_wire::wss::{RsaSigner, Signer};
use carnet_wire::{Limits, digest, gzip};
use jiff::Timestamp;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};

type Failure = Box<dyn Error>;

const ROUNDS: u32 = 1_000;
const CUSTOMS: &str = "urn:oasis:names:tc:ebcore:partyid-type:unregistered:customs";
const PMODE: &str = include_str!("customs-c2c.toml");
const DOCUMENT: &[u8] = include_bytes!("../../../fixtures/packs/declaration/messages/valid/amendment-item-price.xml");

macro_rules! key {
    ($name:literal) => {
        include_bytes!(concat!("../../../fixtures/vectors/phase4/keys/", $name))
    };
}

fn main() -> Result<(), Failure> {
    let now: Timestamp = "2026-11-23T16:00:00Z".parse()?;
    let key = PrivatePkcs8KeyDer::from_pem_slice(key!("blue.key"))?;
    let signer = RsaSigner::from_pkcs8(key.secret_pkcs8_der())?;
    let limits = Limits::default();
    println!("document of {} octets, RSA-2048, mean of {ROUNDS} rounds, us of a processor", DOCUMENT.len());
    let raw = measure("RSA signature alone", || Ok(signer.sign(b"as short as it gets").map(drop)?))?;
    let compressing = measure("sender: compress and hash", || {
        black_box(compressed());
        Ok(())
    })?;
    let asked = std::env::args().skip(1).map(|number| number.parse()).collect::<Result<Vec<usize>, _>>()?;
    for partners in if asked.is_empty() { vec![1, 100, 10_000] } else { asked } {
        let (sender, receiver) = (Side::new("PH", "TH", partners)?, Side::new("TH", "PH", partners)?);
        println!("with {partners} partners");
        let octets = compressed();
        let (envelope, sent) = sender.send(&octets, now)?;
        let receipt = receiver.receive(&envelope, &octets, now, true)?;
        let packaging = measure("  sender: choose the P-Mode, package, sign", || sender.send(&octets, now).map(drop))?;
        let verifying = measure("  receiver: read, verify, inflate", || {
            receiver.receive(&envelope, &octets, now, false).map(drop)
        })?;
        let receiving = measure("  receiver: the same, and sign the receipt", || {
            receiver.receive(&envelope, &octets, now, true).map(drop)
        })?;
        let checking = measure("  sender: verify the receipt", || sender.check(&sent, &receipt, now, &limits))?;
        println!("    receiver without its signature {:.0}", receiving - raw);
        println!("    both, signatures included      {:.0}", compressing + packaging + receiving + checking);
        println!("    of it the two signatures       {:.1} %", {
            200.0 * raw / (compressing + packaging + receiving + checking)
        });
        black_box(verifying);
    }
    Ok(())
}

fn compressed() -> Vec<u8> {
    let octets = gzip::deflate(DOCUMENT);
    black_box(digest::sha256(&octets));
    octets
}

/// A party with its agreements; the partner it exchanges with is the last of many.
struct Side {
    agreements: Arc<Agreements>,
    identity: Identity,
    us: PartyId,
    them: PartyId,
}

impl Side {
    fn new(us: &str, them: &str, partners: usize) -> Result<Self, Failure> {
        let anchors = Anchors::new(&chain(key!("root.pem"))?, &[], RevocationPolicy::default())?;
        let anchors = Arc::new(anchors);
        let (own, theirs) = if us == "PH" { ("blue", "red") } else { ("red", "blue") };
        let (mut all, mut pmodes) = (Vec::new(), Vec::new());
        for number in 1..=partners {
            let party = if number == partners { them.to_owned() } else { format!("P{number}") };
            let subject = Subject::parse(&format!("CN={theirs}")).ok_or("subject")?;
            all.push(Partner {
                party: PartyId::new(&party, Some(CUSTOMS))?,
                tls: TlsBinding::Off,
                signer: SignerBinding::Anchored { anchors: Arc::clone(&anchors), subject, policies: Vec::new() },
                intermediates: Vec::new(),
                known: Vec::new(),
                recipients: Vec::new(),
            });
            let (from, to) = if us == "PH" { ("PH", party.as_str()) } else { (party.as_str(), "TH") };
            let text = PMODE
                .replace("customs-c2c.PH.TH", &format!("customs-c2c.{from}.{to}"))
                .replace("party = \"PH\"", &format!("party = \"{from}\""))
                .replace("party = \"TH\"", &format!("party = \"{to}\""));
            pmodes.push(PMode::read("pmode.toml", &text)?);
        }
        let (chain_pem, key_pem): (&[u8], &[u8]) = match own {
            "blue" => (key!("blue-chain.pem"), key!("blue.key")),
            _ => (key!("red-chain.pem"), key!("red.key")),
        };
        let key = PrivatePkcs8KeyDer::from_pem_slice(key_pem)?;
        let signer = RsaSigner::from_pkcs8(key.secret_pkcs8_der())?;
        Ok(Self {
            us: PartyId::new(us, Some(CUSTOMS))?,
            them: PartyId::new(them, Some(CUSTOMS))?,
            identity: Identity::new(&chain(chain_pem)?, Arc::new(signer))?,
            agreements: Arc::new(Agreements {
                us: PartyId::new(us, Some(CUSTOMS))?,
                pmodes: PModes::new(pmodes)?,
                partners: all.into_iter().collect(),
                limits: Limits::default(),
                decryption: Vec::new(),
            }),
        })
    }

    fn send(&self, octets: &[u8], now: Timestamp) -> Result<(Vec<u8>, Sent), Failure> {
        let service = Service::new("urn:carnet:service:declaration:1", None)?;
        let action = Action::parse("declaration")?;
        let pmode = self.agreements.pmodes.leg(&self.us, &self.them, &service, &action).ok_or("no P-Mode")?;
        let submission = Submission {
            message_id: MessageId::parse("message@ph.example")?,
            timestamp: now,
            conversation: ConversationId::parse("conversation")?,
            ref_to: None,
            service,
            action,
            properties: Vec::new(),
            parts: vec![OutPart {
                id: ContentId::parse("part@ph.example")?,
                mime_type: "application/xml".to_owned(),
                character_set: Some("UTF-8".to_owned()),
                compressed: true,
                filename: None,
                properties: Vec::new(),
                digest: PartDigest { sha256: digest::sha256(octets), length: octets.len() as u64 },
            }],
        };
        let signed = package(pmode, &submission)?.sign(&self.identity)?;
        Ok((signed.envelope, signed.sent))
    }

    /// The receipt; empty unless it is to be signed.
    fn receive(&self, envelope: &[u8], octets: &[u8], now: Timestamp, sign: bool) -> Result<Vec<u8>, Failure> {
        let mut inbound = Inbound::new(Arc::clone(&self.agreements), Vec::new());
        inbound.envelope(envelope, now);
        let id = ContentId::parse("part@ph.example")?;
        inbound.part(&id, Ok(PartDigest { sha256: digest::sha256(octets), length: octets.len() as u64 }));
        let inflated = gzip::inflate(octets, &self.agreements.limits)?;
        inbound.inflated(&id, Ok(inflated.len() as u64));
        let signal = SignalInfo { message_id: MessageId::parse("receipt@th.example")?, timestamp: now };
        match inbound.finish(signal) {
            Decision::Accept(accepted) if sign => Ok(accepted.receipt.sign(&self.identity)?.body),
            Decision::Accept(_) => Ok(Vec::new()),
            Decision::Refuse(refused) => Err(format!("refused: {:?}", refused.refusal).into()),
            other => Err(format!("no push: {other:?}").into()),
        }
    }

    fn check(&self, sent: &Sent, receipt: &[u8], now: Timestamp, limits: &Limits) -> Result<(), Failure> {
        let pmode = self.agreements.pmodes.named("customs-c2c.PH.TH.declaration").ok_or("no P-Mode")?;
        let partner = self.agreements.partner(&self.them).ok_or("no partner")?;
        let response = Response { status: 200, content_type: "application/soap+xml; charset=UTF-8", body: receipt };
        match check(sent, pmode, &partner, limits, response, now)? {
            Answer::Receipt(_) => Ok(()),
            Answer::Errors(errors) => Err(format!("refused: {errors:?}").into()),
        }
    }
}

fn chain(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Failure> {
    Ok(CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>()?)
}

fn measure(what: &str, mut round: impl FnMut() -> Result<(), Failure>) -> Result<f64, Failure> {
    for _ in 0..ROUNDS / 20 {
        round()?;
    }
    let before = processor_time()?;
    for _ in 0..ROUNDS {
        round()?;
    }
    let micros = (processor_time()? - before) / 1e3 / f64::from(ROUNDS);
    println!("{what:45} {micros:8.1}");
    Ok(micros)
}

/// Nanoseconds that this thread had a processor, as Linux counts them.
fn processor_time() -> Result<f64, Failure> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(text.split(' ').next().ok_or("schedstat")?.parse()?)
}
