//! Arbitrary bytes and mutated real messages: never a panic, and whatever is still accepted says what was signed.

use crate::answers::{out_part, submission};
use crate::driver::{Http, property, receive, signal};
use crate::parties::{anchored, blue, customs, customs_as_partner, customs_with, ics2, now, vector};
use carnet_as4::header::SignalBody;
use carnet_as4::id::ConversationId;
use carnet_as4::inbound::{Accepted, Agreements, Decision, Inbound};
use carnet_as4::outbound::answer::{Response, check};
use carnet_as4::outbound::{Sent, package};
use carnet_as4::pmode::PMode;
use carnet_wire::Limits;
use carnet_wire::gzip;
use jiff::Timestamp;
use proptest::prelude::*;
use std::sync::Arc;

fn agreements() -> Arc<Agreements> {
    customs_with(anchored("blue", true))
}

fn genuine() -> Http {
    Http::recorded(vector!("03-sign-pkipath-gzip.request.http"))
}

fn accepted(http: &Http) -> Option<Accepted> {
    match receive(&agreements(), &[], http, now()).decision {
        Decision::Accept(accepted) => Some(*accepted),
        _ => None,
    }
}

/// A change to bytes.
#[derive(Debug, Clone)]
enum Change {
    Flip(usize, u8),
    Cut(usize),
    Remove(usize, usize),
    Repeat(usize, usize),
    Insert(usize, Vec<u8>),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let length = bytes.len().max(1);
        let span = |at: usize, count: usize| (at % length, (at % length + count).min(length));
        match self {
            Self::Flip(at, mask) => {
                if let Some(byte) = bytes.get_mut(at % length) {
                    *byte ^= mask;
                }
            }
            Self::Cut(at) => bytes.truncate(at % length),
            Self::Remove(at, count) => {
                let (from, to) = span(*at, *count);
                bytes.drain(from..to.min(bytes.len()));
            }
            Self::Repeat(at, count) => {
                let (from, to) = span(*at, *count);
                let piece = bytes.get(from..to).unwrap_or_default().to_vec();
                bytes.splice(from..from, piece);
            }
            Self::Insert(at, piece) => {
                let at = (at % length).min(bytes.len());
                bytes.splice(at..at, piece.iter().copied());
            }
        }
    }
}

fn change() -> impl Strategy<Value = Change> {
    let at = 0..1_000_000usize;
    prop_oneof![
        (at.clone(), 1..=255u8).prop_map(|(at, mask)| Change::Flip(at, mask)),
        at.clone().prop_map(Change::Cut),
        (at.clone(), 1..400usize).prop_map(|(at, count)| Change::Remove(at, count)),
        (at.clone(), 1..400usize).prop_map(|(at, count)| Change::Repeat(at, count)),
        (
            at,
            prop_oneof![
                Just(b"<!-- x -->".to_vec()),
                Just(b"<!DOCTYPE a>".to_vec()),
                Just(b"&amp;".to_vec()),
                Just(b"<eb:UserMessage>".to_vec()),
                Just(b"\r\n--".to_vec()),
                Just(b" wsu:Id=\"a\"".to_vec()),
                proptest::collection::vec(any::<u8>(), 1..20),
            ]
        )
            .prop_map(|(at, piece)| Change::Insert(at, piece)),
    ]
}

#[test]
fn a_message_cut_anywhere_is_refused() {
    for http in [genuine(), Http::recorded(vector!("06-ping.request.http"))] {
        // The line end behind the closing boundary, or behind the envelope, may be missing.
        for length in (0..http.body.len() - 4).step_by(10) {
            let cut = Http { content_type: http.content_type.clone(), body: http.body[..length].to_vec() };
            assert!(accepted(&cut).is_none(), "cut at {length} of {}", http.body.len());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_mutated_message_is_refused_or_says_the_same(changes in proptest::collection::vec(change(), 1..4)) {
        let mut http = genuine();
        for change in &changes {
            change.apply(&mut http.body);
        }
        if let Some(mutated) = accepted(&http) {
            let original = accepted(&genuine()).expect("the genuine message");
            prop_assert_eq!(mutated.message, original.message);
            prop_assert_eq!(mutated.fingerprint, original.fingerprint);
            prop_assert_eq!(mutated.signer, original.signer);
        }
    }

    #[test]
    fn a_mutated_plain_envelope_is_refused_or_says_the_same(changes in proptest::collection::vec(change(), 1..4)) {
        let genuine = Http::recorded(vector!("06-ping.request.http"));
        let mut http = genuine.clone();
        for change in &changes {
            change.apply(&mut http.body);
        }
        if let Some(mutated) = accepted(&http) {
            prop_assert_eq!(mutated.message, accepted(&genuine).expect("the genuine message").message);
        }
    }

    #[test]
    fn a_mutated_receipt_is_not_believed_or_proves_the_same(changes in proptest::collection::vec(change(), 1..4)) {
        let accepted = accepted(&genuine()).expect("the genuine message");
        let Some(SignalBody::Receipt(receipt)) = accepted.receipt.signal().map(|signal| signal.body.clone()) else {
            return Err(TestCaseError::fail("no receipt"));
        };
        let sent = Sent {
            message_id: accepted.message.info.message_id,
            pmode: accepted.pmode.to_string(),
            references: receipt.parts,
        };
        let mut http = Http::recorded(vector!("03-sign-pkipath-gzip.response.http"));
        for change in &changes {
            change.apply(&mut http.body);
        }
        let response = Response { status: 200, content_type: &http.content_type, body: &http.body };
        // Whether it is believed is decided by what survived; that it ends without panic is asserted by ending.
        let answer = check(&sent, &ics2(), &customs_as_partner(), &Limits::default(), response, now());
        if let Ok(carnet_as4::outbound::answer::Answer::Receipt(receipted)) = answer {
            prop_assert_eq!(receipted.message_id.as_str(), "70113100-b86d-4317-9ca7-c3dcc3c9263c@phase4");
        }
    }

    #[test]
    fn what_is_packaged_is_what_is_read(
        properties in proptest::collection::vec(("[a-z<&\"']{1,9}", "[ -~\t\n\ré中\u{1F6A2}]{1,40}"), 0..4),
        conversation in "[!-~]{0,30}",
        nanoseconds in 0..2_000_000_000_000_000_000i128,
        plain in any::<bool>(),
    ) {
        let (mut part, bytes) = out_part("doc@trader", b"<D/>");
        part.properties = properties.iter().map(|(name, value)| property(name, value)).collect();
        let parts = if plain { Vec::new() } else { vec![part] };
        let mut out = submission("m-1@trader", parts.clone());
        out.properties = parts.first().map_or_else(|| vec![property("a", "b")], |part| part.properties.clone());
        out.conversation = ConversationId::parse(&conversation).expect("conversation");
        out.timestamp = Timestamp::from_nanosecond(nanoseconds).expect("time");
        let package = package(&ics2(), &out).expect("package");
        let signed = package.sign(&blue()).expect("signed");
        let mut inbound = Inbound::new(agreements(), Vec::new());
        inbound.envelope(&signed.envelope, now());
        for part in &parts {
            inbound.part(&part.id, Ok(part.digest));
            inbound.inflated(&part.id, gzip::inflate(&bytes, &Limits::default()).map(|bytes| bytes.len() as u64));
        }
        match inbound.finish(signal("a@b", now())) {
            Decision::Accept(accepted) => prop_assert_eq!(&accepted.message, package.message()),
            other => return Err(TestCaseError::fail(format!("{other:?}"))),
        }
    }

    #[test]
    fn arbitrary_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let mut inbound = Inbound::new(Arc::new(customs()), Vec::new());
        inbound.envelope(&bytes, now());
        prop_assert!(matches!(inbound.finish(signal("a@b", now())), Decision::Refuse(_)));
    }

    #[test]
    fn arbitrary_text_is_no_pmode_and_no_panic(text in "\\PC{0,300}", line in 0..40usize) {
        prop_assert!(PMode::read("x.toml", &text).is_err());
        let example = include_str!("../../examples/customs-c2c.toml");
        let edited: Vec<&str> = example.lines().enumerate().map(|(at, old)| if at == line { text.as_str() } else { old }).collect();
        if let Err(error) = PMode::read("x.toml", &edited.join("\n")) {
            prop_assert!(error.to_string().contains("help:"));
        }
    }
}
