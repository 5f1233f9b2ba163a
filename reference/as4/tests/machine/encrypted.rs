//! Encrypted parts and the profiles that agree on them: what phase4 encrypted is taken, what is encrypted here is taken
//! by the other end, and whatever was not agreed, does not decrypt or is too large is refused.

use crate::answers::{out_part, submission};
use crate::driver::{Http, receive, told};
use crate::parties::{anchored, chain, change, customs, customs_as_partner, identity, now, vector};
use carnet_as4::header::SignalBody;
use carnet_as4::inbound::{Agreements, Decision};
use carnet_as4::outbound::answer::{Answer, Response, check};
use carnet_as4::outbound::{Encryption, Sent, package};
use carnet_as4::partner::Identity;
use carnet_as4::pmode::{PMode, PModes};
use carnet_wire::Limits;
use carnet_wire::encryption::{DecryptionKey, Fresh, Recipient};
use carnet_wire::mime::{PartHeader, Writer};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject as _;
use std::sync::Arc;

macro_rules! request {
    ($name:literal) => {
        Http::recorded(vector!($name, ".request.http"))
    };
}
macro_rules! response {
    ($name:literal) => {
        Http::recorded(vector!($name, ".response.http"))
    };
}

fn key(pem: &[u8], certificate: &[u8]) -> Arc<DecryptionKey> {
    let pkcs8 = PrivatePkcs8KeyDer::from_pem_slice(pem).expect("key");
    Arc::new(DecryptionKey::new(pkcs8.secret_pkcs8_der(), chain(certificate)[0].clone()).expect("fits"))
}

/// One of the profiles, with the identities of the recorded pair.
struct Side {
    pmode: PMode,
    sender: Identity,
    receiver: Identity,
    names: [&'static str; 2],
    key: Arc<DecryptionKey>,
}

fn pmode(profile: &str) -> PMode {
    let text = include_str!("ics2.toml").replace("\"customs-c2c\"", &format!("\"{profile}\""));
    PMode::read("ics2.toml", &text).expect("P-Mode")
}

fn first() -> Side {
    Side {
        pmode: pmode("edelivery-1.15-encrypted"),
        sender: identity(vector!("keys/blue-chain.pem"), vector!("keys/blue.key")),
        receiver: identity(vector!("keys/red-chain.pem"), vector!("keys/red.key")),
        names: ["blue", "red"],
        key: key(vector!("keys/red.key"), vector!("keys/red-chain.pem")),
    }
}

fn second() -> Side {
    Side {
        pmode: pmode("edelivery-2.0"),
        sender: identity(vector!("keys/blue-ed25519-chain.pem"), vector!("keys/blue-ed25519.key")),
        receiver: identity(vector!("keys/red-ed25519-chain.pem"), vector!("keys/red-ed25519.key")),
        names: ["blue ed25519", "red ed25519"],
        key: key(vector!("keys/red-x25519.key"), vector!("keys/red-x25519-chain.pem")),
    }
}

impl Side {
    fn agreements(&self) -> Agreements {
        let mut agreements = customs();
        agreements.pmodes = PModes::new(vec![self.pmode.clone()]).expect("P-Modes");
        change(&mut agreements, |partner| partner.signer = anchored(self.names[0], true));
        agreements.decryption = vec![Arc::clone(&self.key)];
        agreements
    }

    fn told(&self, agreements: Agreements, http: &Http) -> (&'static str, &'static str) {
        told(&receive(&Arc::new(agreements), &[], http, now()).decision)
    }

    /// A message of one part as its sender puts it on the line; `edit` gets at the transported part.
    fn sent(&self, document: &[u8], edit: impl FnOnce(Vec<u8>) -> Vec<u8>) -> (Http, Sent) {
        let (part, bytes) = out_part("doc@trader", document);
        let header = part.header();
        let package = package(&self.pmode, &submission("encrypted-1@trader", vec![part])).expect("package");
        let signed = package.sign(&self.sender).expect("signed");
        let recipient = Recipient::new(self.key.certificate().clone()).expect("recipient");
        let envelope = std::str::from_utf8(&signed.envelope).expect("utf-8");
        let mut encryption = Encryption::new(&recipient, Fresh::new(&[9; 64])).expect("key");
        let (header, bytes) = encryption.part(&header, bytes).expect("encrypted");
        let mut writer = Writer::new("line").expect("boundary");
        let content_type = writer.content_type("application/soap+xml", None).expect("content type");
        let root = PartHeader { content_type: "application/soap+xml".to_owned(), ..PartHeader::default() };
        let mut body = writer.part(&root).expect("head").to_vec();
        body.extend_from_slice(&encryption.envelope(envelope).expect("envelope"));
        assert_eq!(header.content_type, "application/octet-stream");
        body.extend_from_slice(&writer.part(&header).expect("head"));
        body.extend_from_slice(&edit(bytes));
        body.extend_from_slice(&writer.close());
        (Http { content_type, body }, signed.sent)
    }
}

#[test]
fn what_phase4_encrypted_is_taken_and_its_receipt_proves_what_was_signed() {
    for (side, http, receipt) in [
        (first(), request!("26-encrypted-rsa-oaep"), response!("26-encrypted-rsa-oaep")),
        (second(), request!("28-edelivery2-ed25519-x25519"), response!("28-edelivery2-ed25519-x25519")),
    ] {
        let mut agreements = side.agreements();
        change(&mut agreements, |partner| partner.intermediates = chain(vector!("keys/inter.pem")));
        let received = receive(&Arc::new(agreements), &[], &http, now());
        let Decision::Accept(accepted) = received.decision else { panic!("{}", side.names[0]) };
        let document = carnet_wire::gzip::inflate(&received.parts[0].1, &Limits::default()).expect("gzip");
        assert!(document.starts_with(b"<?xml"));
        assert_eq!(accepted.parts[0].length, document.len() as u64);
        let Some(SignalBody::Receipt(drafted)) = accepted.receipt.signal().map(|signal| &signal.body) else {
            panic!("no receipt drafted")
        };
        let (message_id, references) = (accepted.message.info.message_id.clone(), drafted.parts.clone());
        let sent = Sent { message_id, pmode: accepted.pmode.to_string(), references };
        let response = Response { status: 200, content_type: &receipt.content_type, body: &receipt.body };
        let mut partner = customs_as_partner();
        partner.signer = anchored(side.names[1], true);
        partner.intermediates = chain(vector!("keys/inter.pem"));
        let checked = check(&sent, &side.pmode, &partner, &Limits::default(), response, now());
        assert!(matches!(checked, Ok(Answer::Receipt(_))), "{checked:?}");
    }
}

#[test]
fn what_is_encrypted_here_is_taken_and_its_receipt_proves_what_was_signed() {
    for side in [first(), second()] {
        let (http, sent) = side.sent(b"<D>secret</D>", |part| part);
        assert!(!http.body.windows(6).any(|window| window == b"secret"));
        let Decision::Accept(accepted) = receive(&Arc::new(side.agreements()), &[], &http, now()).decision else {
            panic!("{}", side.names[0])
        };
        let answer = accepted.receipt.sign(&side.receiver).expect("signed");
        let response = Response { status: 200, content_type: "application/soap+xml", body: &answer.body };
        let mut partner = customs_as_partner();
        partner.signer = anchored(side.names[1], true);
        let checked = check(&sent, &side.pmode, &partner, &Limits::default(), response, now());
        assert!(matches!(checked, Ok(Answer::Receipt(_))), "{checked:?}");
    }
}

#[test]
fn a_payload_that_is_not_encrypted_is_refused_where_encryption_is_agreed() {
    let side = first();
    assert_eq!(side.told(side.agreements(), &request!("02-sign-x509v3-gzip")), ("EBMS:0103", "EDEL-ENCRYPT-01"));
    // A ping has no payload to encrypt.
    let ping = receive(&Arc::new(side.agreements()), &[], &request!("06-ping"), now());
    assert!(matches!(ping.decision, Decision::Accept(_)));
}

#[test]
fn what_does_not_decrypt_is_told_as_such_and_no_more() {
    for side in [first(), second()] {
        let decryption = ("EBMS:0102", "EDEL-ENCRYPT-05");
        let (changed, _) = side.sent(b"<D/>", |mut part| {
            part[20] ^= 1;
            part
        });
        assert_eq!(side.told(side.agreements(), &changed), decryption);
        // Compressed again after it was encrypted.
        let (compressed, _) = side.sent(b"<D/>", |part| carnet_wire::gzip::deflate(&part));
        assert_eq!(side.told(side.agreements(), &compressed), decryption);
        let (whole, _) = side.sent(b"<D/>", |part| part);
        let mut other = side.agreements();
        other.decryption.clear();
        assert_eq!(side.told(other, &whole), decryption);
    }
}

#[test]
fn no_key_is_used_for_a_sender_that_is_not_known() {
    let side = first();
    let (http, _) = side.sent(b"<D/>", |part| part);
    let mut agreements = side.agreements();
    change(&mut agreements, |partner| partner.signer = anchored("red", true));
    agreements.decryption.clear();
    // Without a key it could not have been decrypted: the signer was looked at first.
    assert_eq!(side.told(agreements, &http), ("EBMS:0101", "EDEL-TRUST-01"));
}

#[test]
fn the_old_and_the_new_key_decrypt_while_keys_roll_over() {
    let side = second();
    let (http, _) = side.sent(b"<D/>", |part| part);
    let mut agreements = side.agreements();
    let new = key(vector!("keys/blue-x25519.key"), vector!("keys/blue-x25519-chain.pem"));
    agreements.decryption.insert(0, new);
    assert!(matches!(receive(&Arc::new(agreements), &[], &http, now()).decision, Decision::Accept(_)));
}

#[test]
fn an_encrypted_part_is_held_to_the_size_that_fits_memory() {
    let side = first();
    let (http, _) = side.sent(b"<D>as long as it takes</D>", |part| part);
    let mut agreements = side.agreements();
    agreements.limits.encrypted = 16;
    assert_eq!(side.told(agreements, &http), ("EBMS:0010", "EBMS-PAYLOAD-03"));
}
