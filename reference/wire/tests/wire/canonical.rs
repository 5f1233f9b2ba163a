//! Canonical form against xmllint and bergshamra's canonicalizer, and the emitting writer against both.

use std::io::Write as _;

use bergshamra::c14n::{C14nMode, canonicalize_doc};
use bergshamra::xml::{NodeSet, uppsala};
use carnet_wire::emit::{Canonical, Name};
use carnet_wire::namespace::SOAP12;
use carnet_wire::xml::Document;
use carnet_wire::{Limits, c14n};
use proptest::prelude::*;

use super::support::{EB, capture, run, signed, unpack, vector};

/// Recorded outputs: `NAME.xml` and what `xmllint --exc-c14n NAME.xml` wrote, as `NAME.c14n`.
const RECORDED: [&str; 5] = ["namespaces", "attributes", "text", "request", "receipt"];

#[test]
fn recorded_xmllint_outputs() {
    for name in RECORDED {
        let source = vector(&format!("xmllint/{name}.xml"));
        let expected = vector(&format!("xmllint/{name}.c14n"));
        let found = c14n::exclusive_part(&source, &Limits::default()).unwrap();
        // xmllint keeps comments; none of the recorded sources has any.
        assert_eq!(String::from_utf8(found).unwrap(), String::from_utf8(expected).unwrap(), "{name}");
    }
}

#[test]
fn what_we_emit_is_what_xmllint_makes_of_it() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let emitted = whole_emitted("message@test");
    file.write_all(emitted.as_bytes()).unwrap();
    let Some(output) = run("xmllint", &["--exc-c14n", file.path().to_str().unwrap()]) else { return };
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stdout).unwrap(), emitted);
}

#[test]
fn recorded_envelopes_as_xmllint_makes_them_today() {
    for name in ["03-sign-pkipath-gzip.request", "03-sign-pkipath-gzip.response", "05-message-properties.request"] {
        let (envelope, _) = unpack(&capture(name)).unwrap();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&envelope).unwrap();
        let Some(output) = run("xmllint", &["--exc-c14n", file.path().to_str().unwrap()]) else { return };
        assert!(output.status.success());
        let found = c14n::exclusive_part(&envelope, &Limits::default()).unwrap();
        assert_eq!(found, output.stdout, "{name}");
    }
}

/// No apex: the whole document is its own canonical form.
fn whole_emitted(message_id: &str) -> String {
    let s12 = |local| Name::new("S12", SOAP12, local);
    let eb = |local| Name::new("eb", EB, local);
    let mut out = Canonical::new();
    out.start(s12("Envelope"), &[]).start(s12("Header"), &[]);
    out.start(
        eb("Messaging"),
        &[(s12("mustUnderstand"), "true"), (Name::local("z"), "1"), (Name::local("a"), "\"\n\t<&>\r")],
    );
    out.leaf(eb("MessageId"), &[], message_id);
    out.leaf(
        Name::local("plain"),
        &[(Name::new("xml", carnet_wire::namespace::XML, "lang"), "en")],
        "a\r\nb ]]> é 語 <&>",
    );
    out.start(Name::new("", "urn:default", "d"), &[]).leaf(Name::new("", "urn:default", "e"), &[], "");
    out.leaf(Name::local("none"), &[], "").end();
    out.end().end().start(s12("Body"), &[]).end().end();
    out.finish().unwrap().text
}

#[test]
fn a_document_without_apex_is_its_own_canonical_form() {
    let emitted = whole_emitted("m");
    let found = c14n::exclusive_part(emitted.as_bytes(), &Limits::default()).unwrap();
    assert_eq!(String::from_utf8(found).unwrap(), emitted);
}

#[test]
fn each_signed_element_is_its_own_canonical_form() {
    let envelope = signed("message@test");
    let document = Document::parse(envelope.as_bytes(), &Limits::default()).unwrap();
    for (name, expected) in [("Messaging", 1), ("Body", 1), ("SignedInfo", 1)] {
        let found: Vec<_> = document.elements().filter(|e| e.name().1 == name).collect();
        assert_eq!(found.len(), expected);
        let canonical = c14n::exclusive(&document, found[0].id(), &[]).unwrap();
        assert!(envelope.contains(std::str::from_utf8(&canonical).unwrap()), "{name}");
    }
}

#[test]
fn inclusive_prefixes_are_rendered_where_they_are_in_scope() {
    let text = "<a:r xmlns:a=\"urn:a\" xmlns:b=\"urn:b\" xmlns=\"urn:d\"><a:c><a:e/></a:c></a:r>";
    let document = Document::parse(text.as_bytes(), &Limits::default()).unwrap();
    let c = document.root().children().next().unwrap().id();
    let canonical = |prefixes: &[&str]| String::from_utf8(c14n::exclusive(&document, c, prefixes).unwrap()).unwrap();
    assert_eq!(canonical(&[]), "<a:c xmlns:a=\"urn:a\"><a:e></a:e></a:c>");
    assert_eq!(canonical(&["b"]), "<a:c xmlns:a=\"urn:a\" xmlns:b=\"urn:b\"><a:e></a:e></a:c>");
    assert_eq!(canonical(&["#default"]), "<a:c xmlns=\"urn:d\" xmlns:a=\"urn:a\"><a:e></a:e></a:c>");
}

/// Every element of the text, and the whole of it, in both canonical forms.
fn agrees(text: &str) {
    const LISTS: [&[&str]; 4] = [&[], &["a"], &["b", "#default"], &["a", "b", "c", "#default", "none"]];
    let (Ok(ours), Ok(theirs)) = (Document::parse(text.as_bytes(), &Limits::default()), uppsala::parse(text)) else {
        return;
    };
    let engine = |nodes: &NodeSet, prefixes: &[&str]| {
        String::from_utf8(canonicalize_doc(&theirs, C14nMode::Exclusive, Some(nodes), prefixes).unwrap()).unwrap()
    };
    let elements = theirs.descendants(theirs.root()).into_iter().filter(|node| theirs.element(*node).is_some());
    let mut seen = 0;
    for (element, node) in ours.elements().zip(elements) {
        for prefixes in LISTS {
            let found = String::from_utf8(c14n::exclusive(&ours, element.id(), prefixes).unwrap()).unwrap();
            let expected = engine(&NodeSet::tree_without_comments(node, &theirs), prefixes);
            assert_eq!(found, expected, "{element:?} with {prefixes:?} of {text}");
        }
        seen += 1;
    }
    assert!(seen > 0);
    let whole = String::from_utf8(c14n::exclusive_part(text.as_bytes(), &Limits::default()).unwrap()).unwrap();
    assert_eq!(whole, engine(&NodeSet::all_without_comments(&theirs), &[]), "{text}");
}

#[test]
fn recorded_envelopes_as_the_other_canonicalizer_makes_them() {
    for name in ["03-sign-pkipath-gzip.request", "03-sign-pkipath-gzip.response", "05-message-properties.request"] {
        let (envelope, _) = unpack(&capture(name)).unwrap();
        agrees(std::str::from_utf8(&envelope).unwrap());
    }
}

/// A document that is made of the bytes given: elements with and without prefix, declarations and redeclarations,
/// attributes, text to be escaped, CDATA, comments, processing instructions.
fn made_of(bytes: &[u8]) -> String {
    const NAMES: [&str; 6] = ["e", "a:e", "b:e", "c:f", "f", "a:g"];
    const DECLARED: [&str; 8] = [
        "",
        " xmlns:a=\"urn:1\"",
        " xmlns:b=\"urn:2\" xmlns:c=\"urn:1\"",
        " xmlns=\"urn:3\"",
        " xmlns=\"\"",
        " xmlns:a=\"urn:4\" xmlns=\"urn:1\"",
        " xmlns:c=\"urn:3\"",
        " xmlns:b=\"urn:&amp;1\"",
    ];
    const ATTRIBUTES: [&str; 6] = [
        "",
        " x=\"1\" a:x=\"&lt;2>\"",
        " c:y=\"&#9;&#13;\" b:z=\"&quot;\"",
        " z=\"3\" b:a=\"4\"",
        " xml:lang=\"en\" a:z=\"'\"",
        " y=\"\"",
    ];
    const CONTENT: [&str; 6] =
        ["t &amp; &lt; &gt; \u{e9}", "<![CDATA[<&>]]>", "<!-- c -->", "<?p d?>", "&#13;\n\t", "<?q?>"];
    let at = |list: &[&'static str], byte: u8| *list.get(usize::from(byte) % list.len()).unwrap();
    let scope = " xmlns:a=\"urn:1\" xmlns:b=\"urn:2\" xmlns:c=\"urn:3\"";
    let (mut text, mut open) = (format!("<?before it?><!-- it --><r{scope}>"), vec!["r"]);
    for triple in bytes.chunks_exact(3) {
        match triple[0] % 4 {
            0 | 1 if open.len() < 20 => {
                let name = at(&NAMES, triple[1]);
                text.push_str(&format!("<{name}{}{}>", at(&DECLARED, triple[2]), at(&ATTRIBUTES, triple[2] / 8)));
                open.push(name);
            }
            2 if open.len() > 1 => text.push_str(&format!("</{}>", open.pop().unwrap())),
            _ => text.push_str(at(&CONTENT, triple[1])),
        }
    }
    while let Some(name) = open.pop() {
        text.push_str(&format!("</{name}>"));
    }
    text + "<?after it?><!-- it -->"
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_document_as_the_other_canonicalizer_makes_it(bytes in prop::collection::vec(any::<u8>(), 0..90)) {
        agrees(&made_of(&bytes));
    }
}
