//! Whatever is changed in a signed message, it is refused, or it still says what was signed.

use carnet_wire::namespace::SOAP12;
use carnet_wire::signature::Policy;
use carnet_wire::xml::Document;
use carnet_wire::{Limits, c14n};
use proptest::prelude::*;

use super::support::{EB, capture, signed, unpack, verify};

/// Canonical forms of Messaging and Body.
fn said(envelope: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let document = Document::parse(envelope, &Limits::default()).ok()?;
    let of = |path: &[(&str, &str)]| c14n::exclusive(&document, document.by_path(path).ok()?.id(), &[]).ok();
    let messaging = of(&[(SOAP12, "Envelope"), (SOAP12, "Header"), (EB, "Messaging")])?;
    Some((messaging, of(&[(SOAP12, "Envelope"), (SOAP12, "Body")])?))
}

fn holds_only_if_it_says_the_same(genuine: &[u8], changed: &[u8]) {
    if verify(changed, &Policy::default()).is_ok() {
        assert_eq!(said(changed), said(genuine));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn one_byte_changed(at in any::<prop::sample::Index>(), byte in any::<u8>(), foreign in any::<bool>()) {
        let genuine = if foreign {
            unpack(&capture("03-sign-pkipath-gzip.request")).unwrap().0
        } else {
            signed("genuine@test").into_bytes()
        };
        let mut changed = genuine.clone();
        let at = at.index(changed.len());
        changed[at] = byte;
        holds_only_if_it_says_the_same(&genuine, &changed);
    }

    #[test]
    fn a_piece_moved_or_copied(from in any::<prop::sample::Index>(), length in 1usize..400, to in any::<prop::sample::Index>(), copy in any::<bool>()) {
        let genuine = signed("genuine@test").into_bytes();
        let from = from.index(genuine.len());
        let piece = genuine[from..(from + length).min(genuine.len())].to_vec();
        let mut changed = genuine.clone();
        if !copy {
            changed.drain(from..from + piece.len());
        }
        let to = to.index(changed.len() + 1);
        changed.splice(to..to, piece);
        holds_only_if_it_says_the_same(&genuine, &changed);
    }

    /// Elements moved as wholes: every well-formed wrapping that a move or copy of one element can make.
    #[test]
    fn an_element_moved_or_copied(which in any::<prop::sample::Index>(), into in any::<prop::sample::Index>(), copy in any::<bool>()) {
        let genuine = signed("genuine@test");
        let elements = ranges(&genuine);
        let (start, end) = elements[which.index(elements.len())];
        let piece = genuine[start..end].to_owned();
        let (_, target) = elements[into.index(elements.len())];
        let mut changed = genuine.clone();
        if copy || (start < target && target < end) {
            changed.insert_str(target, &piece);
        } else if target <= start {
            changed.replace_range(start..end, "");
            changed.insert_str(target, &piece);
        } else {
            changed.insert_str(target, &piece);
            changed.replace_range(start..end, "");
        }
        holds_only_if_it_says_the_same(genuine.as_bytes(), changed.as_bytes());
    }

    #[test]
    fn cut_anywhere(cut in any::<prop::sample::Index>()) {
        let genuine = signed("genuine@test");
        let at = cut.index(genuine.len());
        prop_assert!(verify(&genuine.as_bytes()[..at], &Policy::default()).is_err());
    }
}

/// Start and end of each element of canonical text, which has no empty-element tags, comments or CDATA.
fn ranges(text: &str) -> Vec<(usize, usize)> {
    let (mut open, mut found) = (Vec::new(), Vec::new());
    let mut at = 0;
    while let Some(less) = text[at..].find('<').map(|i| at + i) {
        let end = less + text[less..].find('>').unwrap() + 1;
        if text[less..].starts_with("</") {
            found.push((open.pop().unwrap(), end));
        } else {
            open.push(less);
        }
        at = end;
    }
    found
}
