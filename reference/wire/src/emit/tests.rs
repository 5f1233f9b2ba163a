//! Declarations, order, escapes, apexes, and what is refused.

use proptest::prelude::*;

use super::*;
use crate::xml::Document;
use crate::{Limits, c14n};

const A: Name<'static> = Name::new("a", "urn:a", "A");

fn text(build: impl FnOnce(&mut Canonical)) -> Result<String, EmitError> {
    let mut out = Canonical::new();
    build(&mut out);
    out.finish().map(|e| e.text)
}

#[test]
fn declared_once_and_sorted() {
    let found = text(|out| {
        out.start(
            A,
            &[(Name::new("z", "urn:b", "q"), "1"), (Name::new("b", "urn:c", "p"), "2"), (Name::local("o"), "3")],
        );
        out.leaf(A, &[], "").end();
    });
    let expected =
        "<a:A xmlns:a=\"urn:a\" xmlns:b=\"urn:c\" xmlns:z=\"urn:b\" o=\"3\" z:q=\"1\" b:p=\"2\"><a:A></a:A></a:A>";
    assert_eq!(found.as_deref(), Ok(expected));
}

#[test]
fn an_apex_declares_again_and_is_hashed() {
    let mut out = Canonical::new();
    out.start(A, &[]).apex(A, &[]).leaf(A, &[], "t").end().leaf(A, &[], "").end();
    let emitted = out.finish().unwrap();
    assert_eq!(emitted.text, "<a:A xmlns:a=\"urn:a\"><a:A xmlns:a=\"urn:a\"><a:A>t</a:A></a:A><a:A></a:A></a:A>");
    let apex = &emitted.text[emitted.digests[0].range.clone()];
    assert_eq!(apex, "<a:A xmlns:a=\"urn:a\"><a:A>t</a:A></a:A>");
    assert_eq!(emitted.digests[0].sha256, digest::sha256(apex.as_bytes()));
    let document = Document::parse(emitted.text.as_bytes(), &Limits::default()).unwrap();
    let inner = document.root().children().next().unwrap().id();
    assert_eq!(c14n::exclusive(&document, inner, &[]).unwrap(), apex.as_bytes());
}

#[test]
fn refused() {
    let refuse = |build: fn(&mut Canonical)| text(build).unwrap_err();
    assert_eq!(
        refuse(|o| {
            o.leaf(A, &[], "\0");
        }),
        EmitError::Character('\0')
    );
    assert_eq!(
        refuse(|o| {
            o.leaf(A, &[], "\u{ffff}");
        }),
        EmitError::Character('\u{ffff}')
    );
    assert_eq!(
        refuse(|o| {
            o.leaf(A, &[(Name::local("x"), "\u{b}")], "");
        }),
        EmitError::Character('\u{b}')
    );
    assert_eq!(
        refuse(|o| {
            o.leaf(Name::local("a b"), &[], "");
        }),
        EmitError::Name
    );
    assert_eq!(
        refuse(|o| {
            o.leaf(Name::local("a><b"), &[], "");
        }),
        EmitError::Name
    );
    assert_eq!(
        refuse(|o| {
            o.leaf(Name::local("1"), &[], "");
        }),
        EmitError::Name
    );
    assert_eq!(
        refuse(|o| {
            o.leaf(A, &[(Name::local("x"), "1"), (Name::local("x"), "2")], "");
        }),
        EmitError::RepeatedAttribute
    );
    assert_eq!(
        refuse(|o| {
            o.leaf(A, &[(Name::new("a", "urn:other", "x"), "")], "");
        }),
        EmitError::Prefix
    );
    assert_eq!(
        refuse(|o| {
            o.leaf(Name::new("a", "", "x"), &[], "");
        }),
        EmitError::Prefix
    );
    assert_eq!(
        refuse(|o| {
            o.start(A, &[]);
        }),
        EmitError::Unbalanced
    );
    assert_eq!(
        refuse(|o| {
            o.end();
        }),
        EmitError::Unbalanced
    );
    assert_eq!(
        refuse(|o| {
            o.apex(A, &[]).apex(A, &[]).end().end();
        }),
        EmitError::Unbalanced
    );
    let default = refuse(|o| {
        o.start(Name::new("", "urn:d", "d"), &[]).apex(Name::local("n"), &[]).end().end();
    });
    assert_eq!(default, EmitError::DefaultNamespace);
}

fn xml_text() -> impl Strategy<Value = String> {
    prop::collection::vec(any::<char>(), 0..40).prop_map(|chars| {
        chars
            .into_iter()
            .filter(|c| !matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}'))
            .collect()
    })
}

proptest! {
    /// What is written reads back as it was meant, and is its own canonical form.
    #[test]
    fn any_text_survives(value in xml_text(), content in xml_text(), lines in "[\r\n\t \"'<>&]{0,20}") {
        let value = format!("{value}{lines}");
        let content = format!("{content}{lines}");
        let mut out = Canonical::new();
        out.start(A, &[(Name::new("b", "urn:b", "v"), &value), (Name::local("v"), &value)]);
        out.text(&content).leaf(Name::new("", "urn:d", "d"), &[], &content).end();
        let emitted = out.finish().unwrap().text;
        let document = Document::parse(emitted.as_bytes(), &Limits::default()).unwrap();
        prop_assert_eq!(document.root().attribute("", "v"), Some(value.as_str()));
        prop_assert_eq!(document.root().attribute("urn:b", "v"), Some(value.as_str()));
        let inner = document.root().child("urn:d", "d").unwrap();
        prop_assert_eq!(inner.text().into_owned(), content);
        let canonical = c14n::exclusive_part(emitted.as_bytes(), &Limits::default()).unwrap();
        prop_assert_eq!(String::from_utf8(canonical).unwrap(), emitted);
    }
}
