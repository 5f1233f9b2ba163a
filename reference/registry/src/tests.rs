//! The registry as a node drives it: real documents in, records kept as a store keeps them, answers read back.

mod answers;
mod life;
mod mrn;

use crate::declaration::{Arrival, Entry, Registry};
use crate::{DecideError, Decision, Mrn, Outcome};
use carnet_exchange::{Key, Record};
use carnet_fixtures::{Depth, MessageType, Packs, Validator, facts};
use jiff::Timestamp;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::LazyLock;

static PACKS: LazyLock<Packs> = LazyLock::new(|| Packs::embedded().unwrap());

thread_local! {
    static VALIDATOR: RefCell<Validator> = RefCell::default();
}

fn message_type(name: &str) -> &'static MessageType {
    PACKS.message_type("declaration", name).unwrap()
}

fn message(path: &str) -> Vec<u8> {
    PACKS.message("declaration", path).unwrap().unwrap().bytes().unwrap().into_owned()
}

/// An administration with its records, at a fixed time.
struct Customs {
    registry: Registry,
    records: BTreeMap<String, Record>,
    answers: i64,
}

impl Customs {
    fn new() -> Self {
        Self { registry: Registry::new("TH"), records: BTreeMap::new(), answers: 0 }
    }

    /// What is decided, without keeping it.
    fn decide(&mut self, name: &str, document: &[u8], sender: &str) -> Decision {
        let message_type = message_type(name);
        let verdict = VALIDATOR.with_borrow_mut(|one| one.validate(message_type, document, Depth::Full)).unwrap();
        self.answers += 1;
        let reference = format!("{:032}", self.answers);
        let now: Timestamp = "2026-03-20T11:39:18Z".parse().unwrap();
        let message = Key(self.answers);
        let arrival =
            Arrival { message_type, document, message, verdict: &verdict, sender, now, reference: &reference };
        let read = |key: &str| Ok::<_, Infallible>(self.records.get(key).cloned());
        self.registry.decide(&arrival, read).unwrap().unwrap()
    }

    /// Keeps records as a store does: each over the version that was read, all or none.
    fn keep(&mut self, decision: &Decision) -> Result<(), String> {
        for write in &decision.records {
            let found = self.records.get(&write.key).map_or(0, |record| record.version);
            if found != write.expected_version {
                return Err(write.key.clone());
            }
        }
        for write in &decision.records {
            let version = write.expected_version + 1;
            self.records
                .insert(write.key.clone(), Record { key: write.key.clone(), version, json: write.json.clone() });
        }
        Ok(())
    }

    fn act(&mut self, name: &str, document: &[u8], sender: &str) -> Decision {
        let decision = self.decide(name, document, sender);
        self.keep(&decision).unwrap();
        decision
    }

    /// Takes in a declaration and gives its number.
    fn accepted(&mut self, path: &str) -> Mrn {
        let decision = self.act("declaration", &message(path), "PH");
        assert_eq!(decision.result, Outcome::Accepted, "{}", decision.note);
        fact(&decision, "mrn").parse().unwrap()
    }

    fn entry(&self, mrn: &Mrn) -> Entry {
        serde_json::from_value(self.records[&format!("mrn/{mrn}")].json.clone()).unwrap()
    }
}

/// The facts of an answer.
fn answered(decision: &Decision) -> BTreeMap<String, Vec<String>> {
    facts::read(message_type(decision.answer.message_type), &decision.answer.document).unwrap()
}

fn fact(decision: &Decision, name: &str) -> String {
    answered(decision).remove(name).unwrap_or_default().join(" ")
}

/// A copy of a message of the pack that names another MRN.
fn about(path: &str, name: &str, mrn: &str) -> Vec<u8> {
    facts::set(message_type(name), &message(path), "mrn", mrn).unwrap()
}

#[test]
fn only_its_own_messages_are_acted_on() {
    let acted: Vec<&str> = PACKS
        .iter()
        .flat_map(|pack| &pack.types)
        .filter(|one| Registry::acts_on(one))
        .map(|one| one.name.as_str())
        .collect();
    assert_eq!(acted, ["amendment", "cancellation", "presentation", "declaration"]);
}

#[test]
fn a_damaged_record_decides_nothing() {
    let document = message("valid/export-sea");
    let message_type = message_type("declaration");
    let verdict = VALIDATOR.with_borrow_mut(|one| one.validate(message_type, &document, Depth::Full)).unwrap();
    let arrival = Arrival {
        message_type,
        document: &document,
        message: Key(1),
        verdict: &verdict,
        sender: "PH",
        now: Timestamp::UNIX_EPOCH,
        reference: "1",
    };
    let damaged = |key: &str| {
        Ok::<_, Infallible>(Some(Record {
            key: key.to_owned(),
            version: 1,
            json: serde_json::json!({"format": 1, "x": 2}),
        }))
    };
    assert!(matches!(Registry::new("TH").decide(&arrival, damaged), Err(DecideError::Damaged { .. })));
    let unreadable = |_: &str| Err::<Option<Record>, &str>("no disk");
    assert!(matches!(Registry::new("TH").decide(&arrival, unreadable), Err(DecideError::Read("no disk"))));
}
