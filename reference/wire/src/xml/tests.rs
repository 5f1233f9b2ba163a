//! What is refused, and what the view shows.

use proptest::prelude::*;

use super::*;
use crate::Limits;

fn error(text: &str) -> XmlError {
    match Document::parse(text.as_bytes(), &Limits::default()) {
        Err(error) => error,
        Ok(document) => panic!("accepted: {:?}", document.root()),
    }
}

#[test]
fn hostile_documents() {
    assert_eq!(error(""), XmlError::Empty);
    assert_eq!(error(" \n\t"), XmlError::Empty);
    assert_eq!(error("\u{feff}"), XmlError::Empty);
    assert_eq!(error("<!DOCTYPE a><a/>"), XmlError::Doctype);
    assert_eq!(error("<!DOCTYPE a [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><a>&e;</a>"), XmlError::Doctype);
    assert_eq!(error("<a>&e;</a>"), XmlError::Entity);
    assert_eq!(error("<?xml version=\"1.0\" encoding=\"utf-16\"?><a/>"), XmlError::Encoding);
    assert_eq!(error("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a/>"), XmlError::Encoding);
    assert_eq!(error("<?xml version=\"1.1\"?><a/>"), XmlError::Version);
    let malformed = [
        "<a>",
        "<a></b>",
        "<a/><b/>",
        "x<a/>",
        "<a/>x",
        "<a b='1' b='2'/>",
        "<a b=1/>",
        "<a b/>",
        "<p:a/>",
        "<a p:b='1'/>",
        "<a xmlns:p='u' xmlns:q='u' p:x='1' q:x='2'/>",
        "<a b='<'/>",
        "<a>]]></a>",
        "<a>&#0;</a>",
        "<a>&#x1;</a>",
        "<a>\u{1}</a>",
        "<a>&#xD800;</a>",
        "<a b='&e;'/>",
        "<a><!-- -- --></a>",
        "< a/>",
        "<a",
        "<a>&lt</a>",
        "<1/>",
        "<a xmlns:p=''/>",
        "<a xmlns:xml='urn:x'/>",
        "<a>&#99999999999;</a>",
    ];
    for text in malformed {
        let found = Document::parse(text.as_bytes(), &Limits::default()).map(drop);
        assert!(matches!(found, Err(XmlError::Malformed { .. } | XmlError::Entity)), "{text}: {found:?}");
    }
}

#[test]
fn bytes_that_are_no_text() {
    let parse = |bytes: &[u8]| Document::parse(bytes, &Limits::default()).map(drop);
    assert_eq!(parse(b"<a>\xff</a>"), Err(XmlError::NotUtf8 { offset: 3 }));
    assert!(matches!(parse(b"\xfe\xff\0<\0a\0/\0>"), Err(XmlError::NotUtf8 { .. })));
    assert!(parse(&vec![0; 1 << 20]).is_err());
    assert_eq!(parse(&vec![b' '; (1 << 20) + 1]), Err(XmlError::TooLarge { got: (1 << 20) + 1, limit: 1 << 20 }));
    assert_eq!(parse("\u{feff}<a/>".as_bytes()), Ok(()));
}

#[test]
fn depth_nodes_attributes() {
    let nested = |levels: usize| "<a>".repeat(levels) + &"</a>".repeat(levels);
    assert!(Document::parse(nested(64).as_bytes(), &Limits::default()).is_ok());
    assert_eq!(error(&nested(65)), XmlError::Depth { limit: 64 });
    let deep = Limits { envelope: 10 << 20, nodes: usize::MAX, ..Limits::default() };
    let found = Document::parse(nested(200_000).as_bytes(), &deep).map(drop);
    assert_eq!(found, Err(XmlError::Depth { limit: 64 }));
    let empty_below = "<a>".repeat(64) + "<a/>" + &"</a>".repeat(64);
    assert_eq!(error(&empty_below), XmlError::Depth { limit: 64 });
    assert_eq!(error(&format!("<a>{}</a>", "<b/>".repeat(20_000))), XmlError::Nodes { limit: 20_000 });
    let attributes = |count: usize| (0..count).map(|i| format!(" a{i}='='")).collect::<String>();
    assert!(Document::parse(format!("<a{}/>", attributes(128)).as_bytes(), &Limits::default()).is_ok());
    assert_eq!(error(&format!("<a{}/>", attributes(129))), XmlError::Attributes { limit: 128 });
    let namespaces: String = (0..129).map(|i| format!(" xmlns:p{i}='urn:{i}'")).collect();
    assert_eq!(error(&format!("<a{namespaces}/>")), XmlError::Attributes { limit: 128 });
    // One long value is bounded by the size alone, and costs no more than its length.
    let long = format!("<a b='{}'/>", "x".repeat(1_000_000));
    assert!(Document::parse(long.as_bytes(), &Limits::default()).is_ok());
}

#[test]
fn text_is_read_over_comments_and_sections() {
    let text = "<a>one<!-- c --> two<![CDATA[ <three>]]><?p i?> &amp;&#65;<b>!</b></a>";
    let document = Document::parse(text.as_bytes(), &Limits::default()).unwrap();
    assert_eq!(document.root().text(), "one two <three> &A!");
    assert!(document.root().has_comment_or_instruction());
    assert_eq!(document.root().simple_text(), Err(XmlError::NotText { name: "a".to_owned() }));
    let b = document.root().child("", "b").unwrap();
    assert_eq!(b.simple_text().unwrap(), "!");
    assert!(!b.has_comment_or_instruction());
}

#[test]
fn names_paths_and_attributes() {
    let text = "<s:E xmlns:s='urn:s' xmlns='urn:d' x='1' s:x='2'><b/><s:H><c/></s:H></s:E>";
    let document = Document::parse(text.as_bytes(), &Limits::default()).unwrap();
    let root = document.root();
    assert_eq!(root.name(), ("urn:s", "E"));
    assert_eq!(root.prefix(), "s");
    assert_eq!((root.attribute("", "x"), root.attribute("urn:s", "x")), (Some("1"), Some("2")));
    assert_eq!(root.attribute("urn:d", "x"), None);
    let c = document.by_path(&[("urn:s", "E"), ("urn:s", "H"), ("urn:d", "c")]).unwrap();
    assert_eq!(c.name(), ("urn:d", "c"));
    assert_eq!(c.parent().unwrap().name(), ("urn:s", "H"));
    assert_eq!(document.element(c.id()), Some(c));
    let missing = document.by_path(&[("urn:s", "E"), ("urn:s", "b")]);
    assert_eq!(missing, Err(XmlError::Missing { name: "b".to_owned() }));
    assert!(document.by_path(&[("urn:x", "E")]).is_err());
    assert_eq!(document.elements().count(), 4);
    let owned = document.clone().into_owned();
    assert_eq!(owned.elements().count(), 4);
}

#[test]
fn attribute_values_are_normalized() {
    let text = "<a b='1\n2\t3\r\n4\r5&#10;' c=\"it's\n\"><!-- b='\n' --><![CDATA[d='\n']]></a>";
    let document = Document::parse(text.as_bytes(), &Limits::default()).unwrap();
    assert_eq!(document.root().attribute("", "b"), Some("1 2 3 4 5\n"));
    assert_eq!(document.root().attribute("", "c"), Some("it's "));
    assert_eq!(document.root().text(), "d='\n'");
}

proptest! {
    #[test]
    fn noise_is_refused_not_fatal(noise in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = Document::parse(&noise, &Limits::default());
    }

    #[test]
    fn markup_noise_is_refused_not_fatal(noise in "[<>/a:='\"&;!?\\[\\]CDATA#x0-9 \n-]{0,120}") {
        if let Ok(document) = Document::parse(noise.as_bytes(), &Limits::default()) {
            let _ = document.root().text();
            prop_assert!(document.elements().count() >= 1);
        }
    }

    /// A cut anywhere is refused.
    #[test]
    fn cut_short(cut in 1usize..60) {
        let text = "<s:E xmlns:s='urn:s'><s:H a='1'>text &amp; more</s:H><b/></s:E>";
        let piece = text.get(..cut.min(text.len() - 1)).unwrap();
        prop_assert!(Document::parse(piece.as_bytes(), &Limits::default()).is_err());
    }
}
