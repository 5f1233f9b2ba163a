//! What every store does, whatever it is made of.

use std::collections::BTreeSet;

use bytes::Bytes;
use carnet_exchange::*;

use crate::support::*;

macro_rules! contract {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[test] fn $name() { super::$name::<crate::support::OnSqlite>(); })*
        }
        mod memory {
            $(#[test] fn $name() { super::$name::<crate::support::InMemory>(); })*
        }
    };
}

contract!(
    a_message_comes_back_as_it_was,
    the_same_id_is_a_duplicate_with_its_receipt_or_a_conflict,
    a_message_that_nothing_acts_on_is_delivered_as_it_is_received,
    a_refused_message_leaves_no_trace,
    processing_happens_once_with_all_that_follows,
    a_stale_record_undoes_the_whole_unit,
    an_answer_whose_id_is_taken_undoes_the_whole_unit,
    units_of_one_commit_are_independent,
    records_are_written_over_the_version_that_was_read,
    records_are_listed_by_prefix,
    sending_ends_with_a_receipt,
    sending_ends_with_the_producer_being_told,
    the_due_queue_is_in_order_and_leaves_out_what_is_under_way,
    a_message_to_be_pulled_waits_for_its_puller,
    pulls_at_once_get_different_messages,
    a_pulled_message_without_receipt_is_pulled_again_and_then_lapses,
    steps_of_the_other_direction_are_illegal,
    what_is_unknown_is_unknown,
    listing_pages_and_filters,
    too_many_parts_are_refused_before_anything_is_written,
    what_was_acknowledged_survives_a_crash,
    a_second_crash_changes_nothing,
);

fn a_message_comes_back_as_it_was<S: Subject>() {
    let subject = S::new();
    let store = subject.store();
    let mut sent = message("one");
    sent.ref_to = Some(id("earlier"));
    sent.parts.push(inline("second@carnet.example", b""));
    let key = new(store, Unit::Receive { message: sent.clone(), receipt: "receipt".into(), handed_on: None });
    let stored = store.message(key).unwrap().unwrap();
    let expected = Message {
        key,
        direction: Direction::In,
        id: sent.id.clone(),
        from: sent.from.clone(),
        to: sent.to.clone(),
        conversation: sent.conversation.clone(),
        ref_to: sent.ref_to.clone(),
        pmode: sent.pmode.clone(),
        service: sent.service.clone(),
        action: sent.action.clone(),
        pull: false,
        state: State::Received,
        attempts: 0,
        due: None,
        created: sent.at,
        changed: sent.at,
        digests: sent.digests.clone(),
    };
    assert_eq!(stored, expected);
    assert_eq!(store.parts(key).unwrap(), sent.parts);
    assert_eq!(store.envelope(key).unwrap(), Some(sent.envelope));
    assert_eq!(store.header(key).unwrap(), Some(sent.header));
    assert_eq!(store.receipt(key).unwrap(), Some(Bytes::from("receipt")));
    assert_eq!(store.find(Direction::In, &sent.id, Some(&sent.from)).unwrap(), Some(expected.clone()));
    assert_eq!(store.find(Direction::In, &sent.id, None).unwrap(), Some(expected));
    assert_eq!(store.find(Direction::Out, &sent.id, None).unwrap(), None);
    assert_eq!(store.find(Direction::In, &sent.id, Some(&party("PH"))).unwrap(), None);
}

fn the_same_id_is_a_duplicate_with_its_receipt_or_a_conflict<S: Subject>() {
    let subject = S::new();
    let store = subject.store();
    let key = new(store, receive("one"));
    let again = Unit::Receive { message: message("one"), receipt: "a later receipt".into(), handed_on: None };
    assert_eq!(one(store, again), Outcome::Duplicate { message: key, receipt: Some("receipt of one".into()) });
    let mut other = message("one");
    other.digests[1] = sha256(b"other octets");
    let other = Unit::Receive { message: other, receipt: "x".into(), handed_on: None };
    assert_eq!(one(store, other), Outcome::Conflict { message: key });
    let mut fewer = message("one");
    fewer.digests.pop();
    let fewer = Unit::Receive { message: fewer, receipt: "x".into(), handed_on: None };
    assert_eq!(one(store, fewer), Outcome::Conflict { message: key });
    let mut more = message("one");
    more.digests.push(sha256(b"what is told apart since"));
    let more = Unit::Receive { message: more, receipt: "x".into(), handed_on: None };
    assert!(matches!(one(store, more), Outcome::Duplicate { message, .. } if message == key));
    let mut stranger = message("one");
    stranger.from = party("VN");
    let stranger = Unit::Receive { message: stranger, receipt: "x".into(), handed_on: None };
    assert!(matches!(one(store, stranger), Outcome::New { .. }), "ids belong to their sender");
    let outgoing = new(store, submit("one", 0));
    assert_eq!(one(store, submit("one", 0)), Outcome::Duplicate { message: outgoing, receipt: None });
    let mut longer = message("one");
    longer.digests.push(sha256(b"one part more"));
    let longer = Unit::Submit { message: longer, due: at(0) };
    assert_eq!(one(store, longer), Outcome::Conflict { message: outgoing });
    assert_eq!(store.receipt(key).unwrap(), Some("receipt of one".into()));
}

fn a_message_that_nothing_acts_on_is_delivered_as_it_is_received<S: Subject>() {
    let subject = S::new();
    let store = subject.store();
    let handed_on = || Some("handed to the back end".to_owned());
    let unit = || Unit::Receive { message: message("one"), receipt: "receipt".into(), handed_on: handed_on() };
    let key = new(store, unit());
    assert!(store.unprocessed(Key::START, 9).unwrap().is_empty());
    assert_eq!(one(store, Unit::Process(delivered(key))), Outcome::Illegal { state: State::Delivered });
    assert_eq!(one(store, unit()), Outcome::Duplicate { message: key, receipt: Some("receipt".into()) });
    let steps: Vec<_> = store.history(key).unwrap().into_iter().map(|e| (e.at, e.state, e.note)).collect();
    assert_eq!(
        steps,
        [(at(0), State::Received, String::new()), (at(0), State::Delivered, "handed to the back end".to_owned())],
        "once, whatever came after"
    );
    let stored = store.message(key).unwrap().unwrap();
    assert_eq!((stored.state, stored.changed, stored.attempts), (State::Delivered, at(0), 0));
    let reopened = subject.crash();
    assert_eq!(reopened.store().history(key).unwrap().len(), 2);
}

fn a_refused_message_leaves_no_trace<S: Subject>() {
    let subject = S::new();
    let store = subject.store();
    new(store, receive("one"));
    let before = (store.counts().unwrap(), store.list(&all()).unwrap());
    let mut other = message("one");
    other.digests.clear();
    other.parts = vec![Part {
        held: Held { length: 1, sha256: sha256(b"x"), place: Place::File("00000000000000000000000000000001.0".into()) },
        ..inline("x", b"x")
    }];
    let other = Unit::Receive { message: other, receipt: "x".into(), handed_on: None };
    assert!(matches!(one(store, other), Outcome::Conflict { .. }));
    assert_eq!((store.counts().unwrap(), store.list(&all()).unwrap()), before);
    assert!(!store.names_file("00000000000000000000000000000001.0").unwrap());
}

fn processing_happens_once_with_all_that_follows<S: Subject>() {
    let subject = S::new();
    let store = subject.store();
    let key = new(store, receive("one"));
    assert_eq!(keys(&store.unprocessed(Key::START, 9).unwrap()), [key]);
    let process = Process {
        records: vec![write("mrn/1", 0, 1), write("lrn/1", 0, 2)],
        answers: vec![message("answer")],
        ..delivered(key)
    };
    let Outcome::Done { answers } = one(store, Unit::Process(process.clone())) else { panic!("not done") };
    assert_eq!(answers.len(), 1);
    let answer = store.message(answers[0]).unwrap().unwrap();
    assert_eq!((answer.state, answer.due), (State::Submitted, Some(at(1))));
    assert_eq!(store.record("declaration", "lrn/1").unwrap().unwrap().version, 1);
    assert_eq!(
        one(store, Unit::Process(process)),
        Outcome::Illegal { state: State::Delivered },
        "nothing is delivered twice"
    );
    assert!(store.unprocessed(Key::START, 9).unwrap().is_empty());
    let steps: Vec<_> = store.history(key).unwrap().into_iter().map(|e| (e.at, e.state, e.note)).collect();
    assert_eq!(steps, [(at(0), State::Received, String::new()), (at(1), State::Delivered, "accepted".to_owned())]);
}

fn a_stale_record_undoes_the_whole_unit<S: Subject>() {
    let subject = S::new();
    let store = subject.store();
    let key = new(store, receive("one"));
    assert_eq!(one(store, Unit::Record(write("taken", 0, 1))), DONE);
    let process = Process {
        records: vec![write("fresh", 0, 1), write("taken", 0, 2)],
        answers: vec![message("answer")],
        ..delivered(key)
    };
    let stale = |found| Outcome::Stale { registry: "declaration".into(), key: "taken".into(), found };
    assert_eq!(one(store, Unit::Process(process.clone())), stale(1));
    assert_eq!(store.message(key).unwrap().unwrap().state, State::Received);
    assert_eq!(store.record("declaration", "fresh").unwrap(), None);
    assert_eq!(store.find(Direction::Out, &id("answer"), None).unwrap(), None);
    let again = Process { records: vec![write("fresh", 0, 1), write("taken", 1, 2)], ..process };
    assert!(matches!(one(store, Unit::Process(again)), Outcome::Done { .. }));
    let twice = Unit::Process(Process {
        records: vec![write("new", 0, 1), write("new", 0, 2)],
        ..delivered(new(store, receive("two")))
    });
    assert!(matches!(one(store, twice), Outcome::Stale { found: 1, .. }));
    assert_eq!(store.record("declaration", "new").unwrap(), None);
}

fn an_answer_whose_id_is_taken_undoes_the_whole_unit<S: Subject>() {
    let subject = S::new();
    let store = subject.store();
    let key = new(store, receive("one"));
    let taken = new(store, submit("answer", 0));
    let mut answer = message("answer");
    answer.digests.clear();
    let process = Process { records: vec![write("r", 0, 1)], answers: vec![answer], ..delivered(key) };
    assert_eq!(one(store, Unit::Process(process)), Outcome::Conflict { message: taken });
    assert_eq!(store.message(key).unwrap().unwrap().state, State::Received);
    assert_eq!(store.record("declaration", "r").unwrap(), None);
}

fn units_of_one_commit_are_independent<S: Subject>() {
    let subject = S::new();
    let store = subject.store();
    let outcomes = store
        .commit(vec![
            receive("one"),
            Unit::Record(write("r", 7, 1)),
            receive("one"),
            Unit::Process(delivered(Key(99))),
            Unit::Process(delivered(Key(1))),
            receive("two"),
        ])
        .unwrap();
    let [first, stale, again, unknown, done, last] = outcomes.try_into().unwrap();
    assert_eq!(first, Outcome::New { message: Key(1) });
    assert!(matches!(stale, Outcome::Stale { found: 0, .. }));
    assert!(matches!(again, Outcome::Duplicate { message: Key(1), .. }));
    assert_eq!(unknown, Outcome::Unknown);
    assert_eq!(done, DONE);
    assert!(matches!(last, Outcome::New { .. }));
}

fn records_are_written_over_the_version_that_was_read<S: Subject>() {
    let subject = S::new();
    let store = subject.store();
    for version in 0..5 {
        assert_eq!(one(store, Unit::Record(write("r", version, version as i64))), DONE);
    }
    let record = store.record("declaration", "r").unwrap().unwrap();
    assert_eq!((record.version, record.json), (5, serde_json::json!({ "value": 4 })));
    for expected in [0, 4, 6] {
        let outcome = one(store, Unit::Record(write("r", expected, 9)));
        assert!(matches!(outcome, Outcome::Stale { found: 5, .. }), "{outcome:?}");
    }
    assert_eq!(store.record("other", "r").unwrap(), None, "registries are apart");
}

fn records_are_listed_by_prefix<S: Subject>() {
    let subject = S::new();
    let store = subject.store();
    for key in ["lrn/b", "mrn", "lrn/a", "lrn/ü", "lrn", "lrn/c", "lro"] {
        one(store, Unit::Record(write(key, 0, 0)));
    }
    let listed = |prefix, after, limit| -> Vec<String> {
        let records = store.records("declaration", prefix, after, limit).unwrap();
        records.into_iter().map(|record| record.key).collect()
    };
    assert_eq!(listed("lrn/", "", 9), ["lrn/a", "lrn/b", "lrn/c", "lrn/ü"]);
    assert_eq!(listed("lrn/", "lrn/a", 2), ["lrn/b", "lrn/c"]);
    assert_eq!(listed("", "", 99).len(), 7);
    assert!(listed("x", "", 9).is_empty());
}

fn sending_ends_with_a_receipt<S: Subject>() {
    let subject = S::new();
    let store = subject.store();
    let mut unsigned = message("one");
    unsigned.envelope = Bytes::new();
    let key = new(store, Unit::Submit { message: unsigned, due: at(5) });
    assert_eq!(store.envelope(key).unwrap(), None);
    let retry = Sent::Retry { due: at(20), note: "connection cut".into() };
    let attempt = |sent, second| Unit::Attempt(Attempt { message: key, sent, at: at(second) });
    assert_eq!(one(store, attempt(retry.clone(), 10)), DONE);
    let stored = store.message(key).unwrap().unwrap();
    assert_eq!((stored.state, stored.attempts, stored.due), (State::Retrying, 1, Some(at(20))));
    let receipted = Sent::Receipted { receipt: "receipt".into(), envelope: "signed".into() };
    assert_eq!(one(store, attempt(receipted, 21)), DONE);
    let stored = store.message(key).unwrap().unwrap();
    assert_eq!((stored.state, stored.attempts, stored.due), (State::Delivered, 2, None));
    assert_eq!(store.receipt(key).unwrap(), Some("receipt".into()));
    assert_eq!(store.envelope(key).unwrap(), Some("signed".into()));
    assert_eq!(
        one(store, attempt(retry, 30)),
        Outcome::Illegal { state: State::Delivered },
        "a receipted message is not sent again"
    );
    let notes: Vec<_> = store.history(key).unwrap().into_iter().map(|e| (e.state, e.note)).collect();
    assert_eq!(
        notes,
        [
            (State::Submitted, String::new()),
            (State::Retrying, "connection cut".into()),
            (State::Delivered, String::new())
        ]
    );
    assert!(store.notices(0, 9).unwrap().is_empty());
}

fn sending_ends_with_the_producer_being_told<S: Subject>() {
    let subject = S::new();
    let store = subject.store();
    let keys = ["one", "two"].map(|name| new(store, submit(name, 0)));
    for key in keys {
        let sent = Sent::Failed { code: MISSING_RECEIPT.into(), note: "4 attempts".into() };
        assert_eq!(one(store, Unit::Attempt(Attempt { message: key, sent, at: at(9) })), DONE);
    }
    let notices = store.notices(0, 9).unwrap();
    assert_eq!(notices.iter().map(|n| n.message).collect::<Vec<_>>(), keys);
    assert_eq!(
        notices[0],
        Notice {
            sequence: 1,
            message: keys[0],
            id: id("one"),
            at: at(9),
            code: "EBMS:0301".into(),
            note: "4 attempts".into()
        }
    );
    assert_eq!(store.notices(1, 9).unwrap(), notices[1..]);
    assert_eq!(store.message(keys[0]).unwrap().unwrap().state, State::Failed);
    assert_eq!(store.history(keys[0]).unwrap()[1].note, "EBMS:0301 4 attempts");
    assert_eq!(store.next_due(&BTreeSet::new()).unwrap(), None);
}

fn the_due_queue_is_in_order_and_leaves_out_what_is_under_way<S: Subject>() {
    let subject = S::new();
    let store = subject.store();
    let late = new(store, submit("late", 30));
    let soon = new(store, submit("soon", 10));
    let also = new(store, submit("also", 10));
    new(store, receive("incoming"));
    let nothing = BTreeSet::new();
    let due = |second, limit, except| keys(&store.due(at(second), limit, except).unwrap());
    assert_eq!(due(9, 9, &nothing), []);
    assert_eq!(due(10, 9, &nothing), [soon, also]);
    assert_eq!(due(30, 2, &nothing), [soon, also]);
    assert_eq!(due(30, 2, &BTreeSet::from([soon])), [also, late]);
    assert_eq!(store.next_due(&nothing).unwrap(), Some(at(10)));
    assert_eq!(store.next_due(&BTreeSet::from([soon, also])).unwrap(), Some(at(30)));
    assert_eq!(store.next_due(&BTreeSet::from([soon, also, late])).unwrap(), None);
}

fn a_message_to_be_pulled_waits_for_its_puller<S: Subject>() {
    let subject = S::new();
    let store = subject.store();
    let first = new(store, submit_for_pull("first", "a"));
    let second = new(store, submit_for_pull("second", "a"));
    let other = new(store, submit_for_pull("other", "b"));
    assert!(store.due(at(99), 9, &BTreeSet::new()).unwrap().is_empty(), "it is not sent");
    assert_eq!(store.next_due(&BTreeSet::new()).unwrap(), None);
    assert_eq!(one(store, pull(&["c"], 1)), Outcome::Empty);
    assert_eq!(one(store, pull(&[], 1)), Outcome::Empty);
    assert_eq!(one(store, pull(&["b", "a"], 1)), Outcome::Pulled { message: first }, "the oldest first");
    assert_eq!(one(store, pull(&["b"], 1)), Outcome::Pulled { message: other });
    assert_eq!(one(store, pull(&["b", "a"], 1)), Outcome::Pulled { message: second });
    assert_eq!(one(store, pull(&["b", "a"], 1)), Outcome::Empty);
    let stored = store.message(first).unwrap().unwrap();
    assert_eq!((stored.state, stored.attempts, stored.due), (State::Retrying, 1, Some(at(11))));
    assert!(stored.pull);
    let receipted = Sent::Receipted { receipt: "receipt".into(), envelope: Bytes::new() };
    let settled = Unit::Attempt(Attempt { message: first, sent: receipted, at: at(2) });
    assert_eq!(one(store, settled), DONE);
    let stored = store.message(first).unwrap().unwrap();
    assert_eq!((stored.state, stored.attempts, stored.due), (State::Delivered, 1, None));
    let steps: Vec<_> = store.history(first).unwrap().into_iter().map(|e| (e.at, e.state, e.note)).collect();
    assert_eq!(
        steps,
        [
            (at(0), State::Submitted, String::new()),
            (at(1), State::Retrying, "pulled".to_owned()),
            (at(2), State::Delivered, String::new())
        ]
    );
    assert_eq!(one(store, pull(&["a"], 50)), Outcome::Pulled { message: second }, "what is receipted is never pulled");
}

fn pulls_at_once_get_different_messages<S: Subject>() {
    let subject = S::new();
    let store = subject.store();
    let keys: Vec<_> = (0..4).map(|n| new(store, submit_for_pull(&n.to_string(), "a"))).collect();
    let outcomes = store.commit((0..5).map(|_| pull(&["a"], 1)).collect()).unwrap();
    let expected: Vec<_> = keys.iter().map(|key| Outcome::Pulled { message: *key }).collect();
    assert_eq!(outcomes[..4], expected);
    assert_eq!(outcomes[4], Outcome::Empty);
    let subject = subject.crash();
    assert_eq!(one(subject.store(), pull(&["a"], 5)), Outcome::Empty, "a claim outlives a crash");
}

fn a_pulled_message_without_receipt_is_pulled_again_and_then_lapses<S: Subject>() {
    let subject = S::new();
    let store = subject.store();
    let key = new(store, submit_for_pull("one", "a"));
    for second in [0, 10, 20] {
        assert!(store.due(at(99), 9, &BTreeSet::new()).unwrap().is_empty());
        assert_eq!(one(store, pull(&["a"], second)), Outcome::Pulled { message: key });
        assert_eq!(one(store, pull(&["a"], second + 9)), Outcome::Empty, "the retry interval is not over");
    }
    assert_eq!(one(store, pull(&["a"], 99)), Outcome::Empty, "it was pulled once and twice again");
    assert_eq!(keys(&store.due(at(30), 9, &BTreeSet::new()).unwrap()), [key], "its producer is to be told");
    assert_eq!(store.next_due(&BTreeSet::new()).unwrap(), Some(at(30)));
    let sent = Sent::Failed { code: MISSING_RECEIPT.into(), note: "pulled 3 times".into() };
    assert_eq!(one(store, Unit::Attempt(Attempt { message: key, sent, at: at(31) })), DONE);
    let stored = store.message(key).unwrap().unwrap();
    assert_eq!((stored.state, stored.attempts, stored.due), (State::Failed, 3, None));
    assert_eq!(store.notices(0, 9).unwrap()[0].code, "EBMS:0301");
    assert_eq!(store.history(key).unwrap().len(), 5);
}

fn steps_of_the_other_direction_are_illegal<S: Subject>() {
    let subject = S::new();
    let store = subject.store();
    let incoming = new(store, receive("in"));
    let outgoing = new(store, submit("out", 0));
    let sent = Sent::Failed { code: "EBMS:0004".into(), note: String::new() };
    let attempt = Unit::Attempt(Attempt { message: incoming, sent, at: at(1) });
    assert_eq!(one(store, attempt), Outcome::Illegal { state: State::Received });
    let process = Unit::Process(delivered(outgoing));
    assert_eq!(one(store, process), Outcome::Illegal { state: State::Submitted });
    for state in [State::Received, State::Submitted, State::Retrying] {
        let odd = Unit::Process(Process { state, ..delivered(incoming) });
        assert_eq!(one(store, odd), Outcome::Illegal { state: State::Received });
    }
    assert!(store.notices(0, 9).unwrap().is_empty());
}

fn what_is_unknown_is_unknown<S: Subject>() {
    let subject = S::new();
    let store = subject.store();
    for key in [Key(0), Key(1), Key(-1), Key(i64::MIN), Key(i64::MAX)] {
        assert_eq!(store.message(key).unwrap(), None);
        assert_eq!(store.envelope(key).unwrap(), None);
        assert_eq!(store.receipt(key).unwrap(), None);
        assert!(store.parts(key).unwrap().is_empty());
        assert!(store.history(key).unwrap().is_empty());
        assert_eq!(one(store, Unit::Process(delivered(key))), Outcome::Unknown);
    }
    assert!(!store.names_file("x").unwrap());
    assert!(store.counts().unwrap().is_empty());
}

fn listing_pages_and_filters<S: Subject>() {
    let subject = S::new();
    let store = subject.store();
    let incoming: Vec<_> = (0..5).map(|n| new(store, receive(&format!("in{n}")))).collect();
    let outgoing = new(store, submit("in0", 0));
    one(store, Unit::Process(delivered(incoming[1])));
    let listed = |query: Query| keys(&store.list(&query).unwrap());
    assert_eq!(listed(Query { limit: 2, ..all() }), [outgoing, incoming[4]]);
    assert_eq!(listed(Query { before: Some(incoming[4]), limit: 2, ..all() }), [incoming[3], incoming[2]]);
    assert_eq!(listed(Query { direction: Some(Direction::Out), ..all() }), [outgoing]);
    assert_eq!(listed(Query { state: Some(State::Delivered), ..all() }), [incoming[1]]);
    assert_eq!(listed(Query { state: Some(State::Received), ..all() }).len(), 4);
    let conversation = Some("conversation of in0".to_owned());
    assert_eq!(listed(Query { conversation, ..all() }), [outgoing, incoming[0]]);
    let counts = store.counts().unwrap();
    let counts: Vec<_> = counts.iter().map(|c| (c.direction, c.state, c.messages)).collect();
    assert_eq!(
        counts,
        [
            (Direction::In, State::Received, 4),
            (Direction::In, State::Delivered, 1),
            (Direction::Out, State::Submitted, 1)
        ]
    );
}

fn too_many_parts_are_refused_before_anything_is_written<S: Subject>() {
    let subject = S::new();
    let store = subject.store();
    let mut large = message("large");
    large.parts = (0..200).map(|n| inline(&n.to_string(), b"x")).collect();
    let key = new(store, Unit::Receive { message: large.clone(), receipt: "r".into(), handed_on: None });
    assert_eq!(store.parts(key).unwrap(), large.parts);
    large.id = id("larger");
    large.parts.push(inline("200", b"x"));
    let units = vec![receive("other"), Unit::Receive { message: large, receipt: "r".into(), handed_on: None }];
    assert!(matches!(store.commit(units), Err(StoreError::TooManyParts { got: 201, limit: 200 })));
    assert_eq!(store.find(Direction::In, &id("other"), None).unwrap(), None);
}

fn what_was_acknowledged_survives_a_crash<S: Subject>() {
    let subject = S::new();
    let store = subject.store();
    let key = new(store, receive("one"));
    let waiting = new(store, submit("out", 7));
    let process = Process { records: vec![write("r", 0, 1)], answers: vec![message("answer")], ..delivered(key) };
    one(store, Unit::Process(process));
    let look = |store: &dyn Store| {
        (
            store.list(&all()).unwrap(),
            store.history(key).unwrap(),
            store.parts(waiting).unwrap(),
            store.receipt(key).unwrap(),
            store.records("declaration", "", "", 9).unwrap(),
            store.counts().unwrap(),
        )
    };
    let before = look(store);
    let subject = subject.crash();
    let store = subject.store();
    assert_eq!(look(store), before);
    assert!(matches!(one(store, receive("one")), Outcome::Duplicate { .. }));
    let again = one(store, Unit::Process(delivered(key)));
    assert_eq!(again, Outcome::Illegal { state: State::Delivered });
    assert!(new(store, receive("two")) > waiting, "keys go on rising");
}

fn a_second_crash_changes_nothing<S: Subject>() {
    let subject = S::new();
    let key = new(subject.store(), receive("one"));
    let subject = subject.crash();
    let other = new(subject.store(), receive("two"));
    let subject = subject.crash();
    assert_eq!(keys(&subject.store().unprocessed(Key::START, 9).unwrap()), [key, other]);
}

fn all() -> Query {
    Query { limit: 1000, ..Query::default() }
}

fn keys(messages: &[Message]) -> Vec<Key> {
    messages.iter().map(|message| message.key).collect()
}
