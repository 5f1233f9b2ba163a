//! Movement reference numbers, against numbers that a real administration issued.

use crate::{InvalidMrn, Mrn};
use proptest::prelude::*;

/// From the notifications of the UK's customs declaration service.
const REAL: [&str; 6] = [
    "26GB345BQQV9HNYAR0",
    "23GB5SCPZSPYDAUAA1",
    "24GBDIRIGZ7QLCPAA8",
    "20GB1NA4Y2YSRFGVR6",
    "22GB37AEDQ0215GAR0",
    "22GB9FBBTYCDO59AR0",
];

#[test]
fn real_numbers_are_numbers() {
    for text in REAL {
        assert_eq!(text.parse::<Mrn>().unwrap().as_str(), text);
    }
}

#[test]
fn what_is_wrong_is_said() {
    let said = |text: &str| text.parse::<Mrn>().unwrap_err();
    assert_eq!(said("26GB345BQQV9HNYAR"), InvalidMrn::Length(17));
    assert_eq!(said("26GB345BQQV9HNYAr0"), InvalidMrn::Character('r'));
    assert_eq!(said("2AGB345BQQV9HNYAR0"), InvalidMrn::Year("2A".to_owned()));
    assert_eq!(said("26G1345BQQV9HNYAR0"), InvalidMrn::Country("G1".to_owned()));
    assert_eq!(said("26GB345BQQV9HNYAR1"), InvalidMrn::CheckDigit { got: '1', expected: 0 });
    assert_eq!(said("26GB345BQQV9HNYARA"), InvalidMrn::CheckDigit { got: 'A', expected: 0 });
    assert_eq!(said("ééééééééé"), InvalidMrn::Length(9));
    assert_eq!(said("éééééééééééééééééé"), InvalidMrn::Character('é'));
}

#[test]
fn serials_end() {
    assert!(Mrn::issue(2026, "TH", Mrn::PER_YEAR, 'A').is_none());
    assert!(Mrn::issue(2026, "th", 1, 'A').is_none());
    assert!(Mrn::issue(2026, "THA", 1, 'A').is_none());
    assert_eq!(Mrn::issue(2026, "TH", Mrn::PER_YEAR - 1, 'A').unwrap().as_str()[..17], *"26THZZZZZZZZZZZZA");
}

proptest! {
    #[test]
    fn every_number_issued_is_one_and_no_two_are_equal(serial in 0..Mrn::PER_YEAR - 1, year in 2000i16..2100) {
        let (one, next) = (Mrn::issue(year, "PH", serial, 'R').unwrap(), Mrn::issue(year, "PH", serial + 1, 'R').unwrap());
        prop_assert_eq!(one.as_str().parse::<Mrn>().unwrap(), one.clone());
        prop_assert_ne!(one, next);
    }

    #[test]
    fn another_check_digit_is_refused(which in 0usize..6, digit in 1u32..10) {
        let right = REAL[which].chars().last().unwrap().to_digit(10).unwrap();
        let text = format!("{}{}", &REAL[which][..17], (right + digit) % 10);
        let refused = matches!(text.parse::<Mrn>(), Err(InvalidMrn::CheckDigit { .. }));
        prop_assert!(refused, "{text} is taken");
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,20}") {
        let _ = text.parse::<Mrn>();
    }
}
