//! Tests of the pure parts.

use std::{
    future::Future,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use jiff::Timestamp;
use proptest::prelude::*;

use crate::*;

#[test]
fn message_ids_are_names() {
    for good in ["a", "0192@carnet.example", "urn:uuid:1", &"x".repeat(998)] {
        assert_eq!(MessageId::new(good).unwrap().as_str(), good);
    }
    assert_eq!(MessageId::new(""), Err(InvalidMessageId::Empty));
    assert_eq!(MessageId::new("x".repeat(999)), Err(InvalidMessageId::TooLong(999)));
    for (text, c) in [("a b", ' '), ("<a@b>", '<'), ("a\u{0}", '\0'), ("a\u{2028}b", '\u{2028}')] {
        assert_eq!(MessageId::new(text), Err(InvalidMessageId::Character(c)));
    }
}

#[test]
fn a_message_id_from_json_is_checked_too() {
    assert!(serde_json::from_str::<MessageId>("\"a@b\"").is_ok());
    assert!(serde_json::from_str::<MessageId>("\"a b\"").is_err());
}

#[test]
fn final_states_stay() {
    for from in State::ALL {
        for to in State::ALL {
            assert!(!(from.is_final() && from.may_become(to)), "{from} to {to}");
            assert!(!to.may_become(State::first(Direction::In)), "nothing is received again");
            assert!(!to.may_become(State::first(Direction::Out)), "nothing is submitted again");
        }
        assert_eq!(State::from_name(from.name()), Some(from));
    }
    assert!(State::Retrying.may_become(State::Retrying));
    assert!(!State::Received.may_become(State::Retrying), "incoming messages are not sent");
}

#[test]
fn digests_join_and_split() {
    let digests = [Digest([1; 32]), Digest([2; 32])];
    assert_eq!(Digest::split(&Digest::join(&digests)).unwrap(), digests);
    assert_eq!(Digest::split(&[0; 33]), None);
    assert_eq!(Digest([0xab; 32]).to_string(), "ab".repeat(32));
}

#[test]
fn three_retries_then_missing_receipt() {
    let schedule = Schedule { interval: Duration::from_secs(5), count: 3 };
    let now = Timestamp::from_second(1_000).unwrap();
    let again = Next::At(Timestamp::from_second(1_005).unwrap());
    assert_eq!([1, 2, 3].map(|attempts| schedule.next(attempts, now)), [again; 3]);
    assert_eq!(schedule.next(4, now), Next::Exhausted { code: "EBMS:0301" });
}

proptest! {
    #[test]
    fn every_schedule_ends(interval in 0u64..=u64::MAX, count in 0u32..50, start in 0i64..4_000_000_000) {
        let schedule = Schedule { interval: Duration::from_secs(interval), count };
        let mut now = Timestamp::from_second(start).unwrap();
        let mut attempts = 1;
        while let Next::At(next) = schedule.next(attempts, now) {
            prop_assert!(next >= now);
            now = next;
            attempts += 1;
        }
        prop_assert!(attempts <= count + 1);
    }
}

struct Counting(AtomicUsize);

impl Wake for Counting {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn a_pending_commit_wakes_its_task_once_answered() {
    let woken = Arc::new(Counting(AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&woken));
    let mut context = Context::from_waker(&waker);
    let (pending, completer) = Pending::new();
    let mut pending = pin!(pending);
    assert!(pending.as_mut().poll(&mut context).is_pending());
    completer.complete(Ok(vec![Outcome::Unknown]));
    assert_eq!(woken.0.load(Ordering::SeqCst), 1);
    match pending.as_mut().poll(&mut context) {
        Poll::Ready(Ok(outcomes)) => assert_eq!(outcomes, [Outcome::Unknown]),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_completer_dropped_unanswered_closes() {
    let (pending, completer) = Pending::new();
    drop(completer);
    assert!(matches!(pending.wait(), Err(StoreError::Closed)));
}

#[test]
fn a_blocked_wait_is_released_from_another_thread() {
    let (pending, completer) = Pending::new();
    let waiting = std::thread::spawn(move || pending.wait());
    completer.complete(Ok(Vec::new()));
    assert!(waiting.join().unwrap().unwrap().is_empty());
}
