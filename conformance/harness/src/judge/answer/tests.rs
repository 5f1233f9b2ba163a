//! What an answer is taken for: receipts with errors beside them, answers that end too early.

use std::sync::Arc;

use super::{Answer, read};
use crate::evidence::{Event, Kind, Side};
use crate::forge::EB;
use crate::judge::refusal;
use crate::judge::view::{Bytes, Exchange};
use crate::line::Ending;

const RECEIPT: &str = "<eb:Receipt/>";

/// An exchange on which that came back.
fn answered(response: Vec<u8>) -> Exchange {
    let at = String::new();
    let event = Event { seq: 1, at, mono: 1, scope: None, step: None, connection: Some(1), kind: Kind::Step };
    let mut exchange = Exchange::new(&event, 0, Side::Suite);
    exchange.received = Some(Bytes { seq: 2, bytes: Arc::new(response) });
    exchange.ending = Some(Ending::Ours);
    exchange
}

fn response(status: u16, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\nContent-Type: application/soap+xml\r\nContent-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}

fn signal(inside: &str) -> String {
    format!(
        "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" xmlns:eb=\"{EB}\"><s:Header><eb:Messaging>\
         <eb:SignalMessage><eb:MessageInfo><eb:MessageId>a@b</eb:MessageId><eb:RefToMessageId>c@d</eb:RefToMessageId>\
         </eb:MessageInfo>{inside}</eb:SignalMessage></eb:Messaging></s:Header><s:Body/></s:Envelope>"
    )
}

fn error(code: &str, severity: &str) -> String {
    format!("<eb:Error errorCode=\"{code}\" severity=\"{severity}\"/>")
}

fn of(status: u16, inside: &str) -> Answer {
    read(&answered(response(status, &signal(inside))))
}

#[test]
fn an_error_refuses_by_its_severity() {
    let (warning, failure) = (error("EBMS:0004", "warning"), error("EBMS:0101", "failure"));
    assert!(matches!(of(200, RECEIPT), Answer::Receipt(_)));
    assert!(matches!(of(200, &format!("{RECEIPT}{warning}")), Answer::Receipt(_)), "a warning lets the receipt stand");
    assert_eq!(of(200, &format!("{RECEIPT}{failure}")), Answer::Both(vec!["EBMS:0101".to_owned()]));
    let Answer::Refusal(alone) = of(200, &warning) else { panic!("there is no receipt") };
    assert!(!alone.signal.unwrap().refuses(), "it is no more than a warning");
    assert!(
        matches!(of(500, &failure), Answer::Refusal(_)) && matches!(of(200, &(warning + &failure)), Answer::Refusal(_))
    );
    // An empty channel is told by a warning, and there is nothing else to tell it by.
    for (code, severity) in [("EBMS:0006", "warning"), ("EBMS:0004", "")] {
        let Answer::Refusal(refusal) = of(200, &error(code, severity)) else { panic!("{code}") };
        assert!(refusal.signal.unwrap().refuses(), "{code} of severity {severity:?}");
    }
}

#[test]
fn an_answer_that_ends_too_early_is_none() {
    let whole = response(200, &signal(RECEIPT));
    assert!(matches!(read(&answered(whole.clone())), Answer::Receipt(_)));
    let longer = String::from_utf8(whole).unwrap().replace("Content-Length: ", "Content-Length: 9");
    assert!(matches!(read(&answered(longer.into_bytes())), Answer::Garbage(_)));
    let body = signal(RECEIPT);
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunk = format!("{head}{:x}\r\n{body}\r\n", body.len());
    assert!(matches!(read(&answered(format!("{chunk}0\r\n\r\n").into_bytes())), Answer::Receipt(_)));
    assert!(matches!(read(&answered(chunk.into_bytes())), Answer::Garbage(_)));
    let until_close = format!("HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml\r\n\r\n{body}");
    assert!(matches!(read(&answered(until_close.into_bytes())), Answer::Receipt(_)), "its end is the connection's");
}

#[test]
fn a_busy_subject_has_not_refused() {
    for (status, busy) in [(400, false), (403, false), (408, true), (429, true), (500, false), (503, true), (504, true)]
    {
        let Answer::Refusal(refusal) = read(&answered(response(status, ""))) else { panic!("{status}") };
        assert_eq!(refusal::is_busy(&refusal), busy, "{status}");
    }
    let Answer::Refusal(signal) = of(503, &error("EBMS:0004", "failure")) else { panic!() };
    assert!(!refusal::is_busy(&signal), "an AS4 error says what it is about");
}
