//! What is hashed by which type.

use proptest::prelude::*;

use super::*;

fn of(media: &str, bytes: &[u8]) -> [u8; 32] {
    part(Transform::of(media), bytes, &Limits::default()).unwrap().sha256
}

#[test]
fn the_type_decides() {
    let expected = [
        ("application/gzip", Transform::Raw),
        ("application/octet-stream", Transform::Raw),
        ("application/pdf", Transform::Raw),
        ("", Transform::Raw),
        ("application/xml; charset=utf-8", Transform::Xml),
        ("Application/XML", Transform::Xml),
        ("text/xml", Transform::Xml),
        ("application/soap+xml", Transform::Xml),
        ("image/svg+xml", Transform::Xml),
        ("model/x3d+xml", Transform::Raw),
        ("text/plain", Transform::Text),
        ("text/csv", Transform::Text),
    ];
    for (media, transform) in expected {
        assert_eq!(Transform::of(media), transform, "{media}");
    }
}

#[test]
fn the_same_xml_in_other_bytes_has_the_same_digest() {
    let one = "<a b='1' xmlns:x='urn:x'/>".as_bytes();
    let other = "<?xml version=\"1.0\"?>\n<!-- c --><a   b=\"1\"></a>".as_bytes();
    assert_eq!(of("application/xml", one), of("text/xml", other));
    assert_ne!(of("application/octet-stream", one), of("application/octet-stream", other));
    assert_ne!(of("application/xml", one), of("application/xml", b"<a b='2'/>"));
}

#[test]
fn line_ends_of_text() {
    let expected = sha256(b"a\r\nb\r\n\r\nc\r\n");
    for text in ["a\nb\n\nc\n", "a\rb\r\rc\r", "a\r\nb\r\n\r\nc\r\n", "a\nb\r\n\nc\r"] {
        assert_eq!(of("text/plain", text.as_bytes()), expected, "{text:?}");
    }
    assert_ne!(of("application/octet-stream", b"a\nb\n\nc\n"), expected);
}

#[test]
fn an_xml_part_must_be_xml_and_small() {
    let limits = Limits { xml_part: 100, ..Limits::default() };
    let mut hasher = PartHasher::new(Transform::Xml, &limits);
    assert_eq!(hasher.update(&[b' '; 101]), Err(DigestError::TooLarge { limit: 100 }));
    let broken = part(Transform::Xml, b"<a>", &limits);
    assert!(matches!(broken, Err(DigestError::Canonical(_))));
    let entity = part(Transform::Xml, b"<!DOCTYPE a><a/>", &limits);
    assert!(matches!(entity, Err(DigestError::Canonical(_))));
}

proptest! {
    #[test]
    fn pieces_do_not_matter(text in "[a\r\n]{0,60}", cut in 0usize..60) {
        let bytes = text.as_bytes();
        let (head, tail) = bytes.split_at(cut.min(bytes.len()));
        for transform in [Transform::Raw, Transform::Text] {
            let mut hasher = PartHasher::new(transform, &Limits::default());
            hasher.update(head).unwrap();
            hasher.update(tail).unwrap();
            prop_assert_eq!(hasher.finish().unwrap(), part(transform, bytes, &Limits::default()).unwrap());
        }
    }
}
