//! The life of a declaration: what moves it, and what is refused at each state.

use super::{Customs, about, fact, message, message_type};
use crate::Outcome;
use crate::declaration::{Act, State};
use carnet_fixtures::facts;

const AMENDMENT: &str = "valid/amendment-net-mass";
const CANCELLATION: &str = "valid/cancellation-export-sea";
const PRESENTATION: &str = "valid/presentation-sea";

//= PROC-ANSWER-01 test
//= PROC-MRN-01 test
#[test]
fn an_accepted_declaration_is_numbered_and_kept() {
    let mut customs = Customs::new();
    let decision = customs.act("declaration", &message("valid/export-sea"), "PH");
    assert_eq!(decision.result, Outcome::Accepted);
    assert_eq!(fact(&decision, "response-function"), "01");
    let mrn = fact(&decision, "mrn");
    assert_eq!(mrn, "26TH000000000001A8");
    let given = facts::read(message_type("declaration"), &message("valid/export-sea")).unwrap();
    assert_eq!(fact(&decision, "lrn"), given["lrn"][0]);
    let entry = customs.entry(&mrn.parse().unwrap());
    assert_eq!((entry.state, entry.version, entry.sender.as_str()), (State::Accepted, 1, "PH"));
    assert_eq!(entry.declarant, given["declarant.id"][0]);
    assert_eq!(entry.history.len(), 1);
}

//= PROC-LRN-01 test
#[test]
fn a_declarant_uses_a_reference_once() {
    let mut customs = Customs::new();
    let first = customs.accepted("valid/export-sea");
    let again = customs.act("declaration", &message("valid/export-sea"), "PH");
    assert_eq!(again.result, Outcome::Refused);
    assert_eq!(fact(&again, "error.code"), "26");
    assert_eq!(fact(&again, "error.tag"), "D026");
    assert!(again.records.is_empty());
    assert!(fact(&again, "error.description").contains(first.as_str()));
    let other = facts::set(message_type("declaration"), &message("valid/export-sea"), "declarant.id", "GB999999999000")
        .unwrap();
    assert_eq!(customs.act("declaration", &other, "PH").result, Outcome::Accepted);
}

#[test]
fn a_refused_declaration_may_come_again_with_its_reference() {
    let mut customs = Customs::new();
    let message_type = message_type("declaration");
    let wrong = facts::set(message_type, &message("valid/export-sea"), "items-total", "7").unwrap();
    let refused = customs.act("declaration", &wrong, "PH");
    assert_eq!((refused.result, fact(&refused, "error.code").as_str()), (Outcome::Refused, "14"));
    customs.accepted("valid/export-sea");
}

#[test]
fn two_decisions_on_one_number_cannot_both_stand() {
    let mut customs = Customs::new();
    let one = customs.decide("declaration", &message("valid/export-sea"), "PH");
    let two = customs.decide("declaration", &message("valid/export-air"), "PH");
    customs.keep(&one).unwrap();
    assert_eq!(customs.keep(&two), Err("serial/2026".to_owned()));
    let again = customs.decide("declaration", &message("valid/export-air"), "PH");
    customs.keep(&again).unwrap();
    assert_ne!(fact(&one, "mrn"), fact(&again, "mrn"));
}

#[test]
fn every_act_at_every_state_is_done_or_answered_out_of_sequence() {
    let acts =
        [("amendment", AMENDMENT, "07"), ("cancellation", CANCELLATION, "10"), ("presentation", PRESENTATION, "09")];
    for state in State::ALL {
        for (name, path, function) in acts {
            let mut customs = Customs::new();
            let mrn = customs.accepted("valid/export-sea");
            let way: &[(&str, &str)] = match state {
                State::Accepted => &[],
                State::Amended => &[("amendment", AMENDMENT)],
                State::Released => &[("presentation", PRESENTATION)],
                State::Cancelled => &[("cancellation", CANCELLATION)],
            };
            for (name, path) in way {
                customs.act(name, &about(path, name, mrn.as_str()), "PH");
            }
            let before = customs.entry(&mrn);
            assert_eq!(before.state, state);
            let decision = customs.act(name, &about(path, name, mrn.as_str()), "PH");
            let after = customs.entry(&mrn);
            match state.after(Act::of(name).unwrap()) {
                Some(next) => {
                    assert_eq!((decision.result, after.state), (Outcome::Accepted, next), "{name} at {state:?}");
                    assert_eq!(fact(&decision, "response-function"), function);
                    let asked = facts::read(message_type(name), &message(path)).unwrap();
                    assert_eq!(
                        fact(&decision, "lrn"),
                        asked["lrn"][0],
                        "the answer is matched by the reference of what was asked"
                    );
                    assert_eq!(after.version, before.version + u32::from(name == "amendment"));
                    assert_eq!(after.history.len(), before.history.len() + 1);
                    let keys: Vec<_> = after.history.iter().map(|step| step.message.unwrap()).collect();
                    assert!(keys.is_sorted_by(|one, next| one < next), "each step names its own message: {keys:?}");
                }
                None => {
                    assert_eq!((decision.result, &after), (Outcome::Refused, &before), "{name} at {state:?}");
                    assert_eq!(
                        (fact(&decision, "error.code"), fact(&decision, "error.tag")),
                        ("92".to_owned(), "D014".to_owned())
                    );
                }
            }
        }
    }
}

#[test]
fn each_act_is_out_of_sequence_somewhere() {
    for act in [Act::Declare, Act::Amend, Act::Cancel, Act::Present] {
        assert!(State::ALL.iter().any(|state| state.after(act).is_none()), "{act:?} is always taken");
    }
}

//= PROC-MRN-02 test
#[test]
fn an_unknown_number_is_answered_90_and_so_is_another_partys() {
    for (name, path) in [("amendment", AMENDMENT), ("cancellation", CANCELLATION), ("presentation", PRESENTATION)] {
        let mut customs = Customs::new();
        let decision = customs.act(name, &message(path), "PH");
        assert_eq!((decision.result, fact(&decision, "error.code").as_str()), (Outcome::Refused, "90"), "{name}");
        let mrn = customs.accepted("valid/export-sea");
        let foreign = customs.act(name, &about(path, name, mrn.as_str()), "SG");
        assert_eq!(fact(&foreign, "error.code"), "90", "{name}");
        assert_eq!(customs.entry(&mrn).state, State::Accepted);
    }
}

#[test]
fn an_invalid_number_is_answered_93() {
    let mut customs = Customs::new();
    let mrn = customs.accepted("valid/export-sea");
    let last = mrn.as_str().chars().last().unwrap().to_digit(10).unwrap();
    let wrong = format!("{}{}", &mrn.as_str()[..17], (last + 1) % 10);
    let decision = customs.act("cancellation", &about(CANCELLATION, "cancellation", &wrong), "PH");
    assert_eq!((decision.result, fact(&decision, "error.code").as_str()), (Outcome::Refused, "93"));
    assert_eq!(customs.entry(&mrn).state, State::Accepted);
}
