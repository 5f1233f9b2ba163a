//! Two machines against each other over a line that loses requests and answers and repeats requests, under a clock that
//! is only a number: what is delivered is delivered once, what is receipted was delivered, and every message ends.

use crate::answers::{out_part, submission};
use crate::driver::{Http, receive};
use crate::parties::{anchored, blue, customs_as_partner, customs_with, ics2, now, red};
use carnet_as4::error::Ebms;
use carnet_as4::inbound::{Agreements, Decision, Delivery, Fault};
use carnet_as4::outbound::answer::{Answer, Response, check};
use carnet_as4::outbound::{Sent, package};
use carnet_as4::pmode::PMode;
use carnet_wire::Limits;
use carnet_wire::mime::{PartHeader, Writer};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the line does to one try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Whole,
    RequestLost,
    AnswerLost,
    RequestTwice,
    RequestCut,
}

/// The sender's outbox entry.
struct Outgoing {
    http: Http,
    sent: Sent,
    tries: u32,
    next: Timestamp,
    end: Option<Result<(), Ebms>>,
}

/// The receiver's store, as far as the machine needs one: insert decides.
#[derive(Default)]
struct Receiver {
    known: BTreeMap<String, [[u8; 32]; 2]>,
    delivered: Vec<String>,
}

impl Receiver {
    fn take(&mut self, agreements: &Arc<Agreements>, http: &Http, now: Timestamp) -> (u16, Vec<u8>) {
        let answer = match receive(agreements, &[], http, now).decision {
            Decision::Pull(_) | Decision::Signal(_) => panic!("a signal where messages are sent"),
            Decision::Refuse(refused) => refused.answer.expect("an answer"),
            Decision::Accept(accepted) => {
                let id = accepted.message.info.message_id.to_string();
                match self.known.get(&id) {
                    Some(fingerprint) if *fingerprint == accepted.fingerprint => accepted.receipt,
                    Some(_) => accepted.refused(Fault::Conflict),
                    None => {
                        self.known.insert(id.clone(), accepted.fingerprint);
                        if accepted.delivery == Delivery::Deliver {
                            self.delivered.push(id);
                        }
                        accepted.receipt
                    }
                }
            }
        };
        let answer = answer.sign(&red()).expect("signed");
        (answer.status, answer.body)
    }
}

fn outgoing(id: &str, document: &[u8], pmode: &PMode, start: Timestamp) -> Outgoing {
    let (part, bytes) = out_part("doc@trader", document);
    let header = part.header();
    let package = package(pmode, &submission(id, vec![part])).expect("package");
    let signed = package.sign(&blue()).expect("signed");
    let mut writer = Writer::new("line").expect("boundary");
    let content_type = writer.content_type("application/soap+xml", None).expect("content type");
    let root = PartHeader { content_type: "application/soap+xml; charset=UTF-8".to_owned(), ..PartHeader::default() };
    let mut body = writer.part(&root).expect("head").to_vec();
    body.extend_from_slice(&signed.envelope);
    body.extend_from_slice(&writer.part(&header).expect("head"));
    body.extend_from_slice(&bytes);
    body.extend_from_slice(&writer.close());
    Outgoing { http: Http { content_type, body }, sent: signed.sent, tries: 0, next: start, end: None }
}

/// Runs every message to its end; gives what was delivered, and how each message ended.
fn run(faults: &[Vec<Line>]) -> (Vec<String>, Vec<Result<(), Ebms>>) {
    let agreements = customs_with(anchored("blue", true));
    let pmode = ics2();
    let retry = pmode.reception_awareness.clone();
    let mut clock = now();
    let mut receiver = Receiver::default();
    let mut outbox: Vec<Outgoing> = faults
        .iter()
        .enumerate()
        .map(|(index, _)| outgoing(&format!("m-{index}@trader"), format!("<D>{index}</D>").as_bytes(), &pmode, clock))
        .collect();
    while let Some(due) = outbox.iter().filter(|entry| entry.end.is_none()).map(|entry| entry.next).min() {
        clock = due;
        for (entry, faults) in outbox.iter_mut().zip(faults) {
            if entry.end.is_some() || entry.next > clock {
                continue;
            }
            let fault = faults.get(entry.tries as usize).copied().unwrap_or(Line::Whole);
            entry.tries += 1;
            let answered = carry(&mut receiver, &agreements, &entry.http, fault, clock).map(|(status, body)| {
                let response = Response { status, content_type: "application/soap+xml", body: &body };
                check(&entry.sent, &pmode, &customs_as_partner(), &Limits::default(), response, clock)
            });
            entry.end = match answered {
                Some(Ok(Answer::Receipt(_))) => Some(Ok(())),
                Some(Ok(Answer::Errors(errors))) if errors.final_failure().is_some() => {
                    Ebms::from_code(&errors.errors[0].code).map(Err)
                }
                _ if entry.tries > retry.retry_count => Some(Err(Ebms::MissingReceipt)),
                _ => None,
            };
            entry.next = clock + SignedDuration::try_from(retry.retry_interval).expect("interval");
        }
    }
    let ends = outbox.into_iter().map(|entry| entry.end.expect("an end")).collect();
    (receiver.delivered, ends)
}

fn carry(
    receiver: &mut Receiver,
    agreements: &Arc<Agreements>,
    http: &Http,
    fault: Line,
    clock: Timestamp,
) -> Option<(u16, Vec<u8>)> {
    match fault {
        Line::RequestLost => None,
        Line::RequestCut => {
            let cut = Http { content_type: http.content_type.clone(), body: http.body[..http.body.len() / 2].to_vec() };
            // The line broke: whatever the receiver says to half a message, nobody hears it.
            receiver.take(agreements, &cut, clock);
            None
        }
        Line::Whole => Some(receiver.take(agreements, http, clock)),
        Line::AnswerLost => {
            receiver.take(agreements, http, clock);
            None
        }
        Line::RequestTwice => {
            receiver.take(agreements, http, clock);
            Some(receiver.take(agreements, http, clock))
        }
    }
}

#[test]
fn a_whole_line_delivers_once_and_receipts() {
    assert_eq!(run(&[vec![]]), (vec!["m-0@trader".to_owned()], vec![Ok(())]));
}

#[test]
fn a_lost_receipt_is_asked_for_again_without_a_second_delivery() {
    let (delivered, ends) = run(&[vec![Line::AnswerLost, Line::AnswerLost]]);
    assert_eq!((delivered.len(), ends), (1, vec![Ok(())]));
}

#[test]
fn a_dead_line_ends_in_missing_receipt() {
    let (delivered, ends) = run(&[vec![Line::RequestLost; 9]]);
    assert_eq!((delivered.len(), ends), (0, vec![Err(Ebms::MissingReceipt)]));
}

#[test]
fn half_a_message_is_nothing_and_does_not_spoil_the_whole() {
    let (delivered, ends) = run(&[vec![Line::RequestCut]]);
    assert_eq!((delivered.len(), ends), (1, vec![Ok(())]));
}

#[test]
fn the_same_id_with_another_document_is_a_conflict() {
    let agreements = customs_with(anchored("blue", true));
    let mut receiver = Receiver::default();
    let first = outgoing("m-0@trader", b"<D>1</D>", &ics2(), now());
    let second = outgoing("m-0@trader", b"<D>2</D>", &ics2(), now());
    receiver.take(&agreements, &first.http, now());
    let (status, body) = receiver.take(&agreements, &second.http, now());
    let response = Response { status, content_type: "application/soap+xml", body: &body };
    match check(&second.sent, &ics2(), &customs_as_partner(), &Limits::default(), response, now()) {
        Ok(Answer::Errors(errors)) => assert!(errors.final_failure().is_some_and(|error| error.code == "EBMS:0003")),
        other => panic!("{other:?}"),
    }
    assert_eq!(receiver.delivered.len(), 1);
}

fn line() -> impl Strategy<Value = Line> {
    prop_oneof![
        Just(Line::Whole),
        Just(Line::RequestLost),
        Just(Line::AnswerLost),
        Just(Line::RequestTwice),
        Just(Line::RequestCut),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_line_keeps_messages_conserved(faults in proptest::collection::vec(proptest::collection::vec(line(), 0..6), 1..4)) {
        let (delivered, ends) = run(&faults);
        let mut once = delivered.clone();
        once.sort();
        once.dedup();
        prop_assert_eq!(once.len(), delivered.len());
        for (index, end) in ends.iter().enumerate() {
            let id = format!("m-{index}@trader");
            match end {
                Ok(()) => prop_assert!(delivered.contains(&id)),
                Err(code) => prop_assert_eq!(*code, Ebms::MissingReceipt),
            }
        }
    }
}
