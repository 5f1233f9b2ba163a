//! What the forge writes right is read as right, and each operation does what it says.

use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use carnet_catalogue::step::{EncryptChoice, Forge, Op, Stage};
use carnet_certs::{Authority, Identity, KeyKind, Profile, Usage};
use carnet_wire::encryption::{DecryptionKey, EncryptionError};
use carnet_wire::signature::{Policy, Unverified};
use carnet_wire::xml::Document;
use carnet_wire::{Limits, namespace};
use proptest::prelude::*;

use super::edit::text;
use super::*;
use crate::judge::ebms;
use crate::root::{self, Package};
use crate::{Setup, http, sealed};

fn identity() -> &'static Identity {
    static IDENTITY: std::sync::OnceLock<Identity> = std::sync::OnceLock::new();
    IDENTITY.get_or_init(|| {
        let authority = Authority::new("Forge", Setup::now()).unwrap();
        authority.issue(&Profile::signing("SUITE"), Setup::now()).unwrap()
    })
}

fn draft(parts: &[&str]) -> Draft {
    let party = |id: &str| PartyRef { id: id.to_owned(), kind: String::new(), role: "role & <role>".to_owned() };
    Draft {
        message_id: "1@suite".to_owned(),
        timestamp: "2026-01-01T00:00:00Z".to_owned(),
        conversation: "c".to_owned(),
        refers_to: None,
        from: party("SUITE"),
        to: party("TH"),
        agreed: Agreed { name: "a".to_owned(), ..Agreed::default() },
        service: "s".to_owned(),
        service_type: None,
        action: "x".to_owned(),
        parts: parts
            .iter()
            .enumerate()
            .map(|(index, text)| PartDraft {
                cid: format!("{index}@suite"),
                mime: "application/xml".to_owned(),
                bytes: text.as_bytes().to_vec(),
                zeros: 0,
                compress: index == 0,
            })
            .collect(),
    }
}

fn edit(at: Stage, op: Op, place: &str, with: &str) -> Forge {
    Forge {
        at,
        op,
        place: place.to_owned(),
        with: Some(with.to_owned()),
        hex: None,
        times: None,
        gzip_zeros: None,
        to: None,
    }
}

fn target() -> Target {
    Target { host: "localhost".to_owned(), path: "/as4".to_owned() }
}

fn forged(parts: &[&str], signing: &Signing<'_>, edits: &[Forge]) -> Package {
    let forged = message(draft(parts), Some(signing), None, edits, &target()).unwrap();
    root::package(&http::read(&forged.bytes).unwrap()).unwrap()
}

#[test]
fn an_unspoilt_message_verifies_and_covers_everything() {
    for parts in [&[][..], &["<a/>"][..], &["<a/>", "<b>two</b>"][..]] {
        for token in ["x509-pkipath", "x509-v3"] {
            let package = forged(parts, &Signing::new(identity(), token), &[]);
            let ebms = ebms::read(&package.envelope).unwrap();
            assert_eq!(ebms.signature.fault, None);
            assert!(ebms.signature.messaging && ebms.signature.body);
            ebms.signature.covers_parts(&package).unwrap();
            assert_eq!(ebms.signature.token, Some(token));
            assert_eq!(ebms.user.unwrap().parts.len(), parts.len());
        }
    }
}

/// A certificate that can be encrypted for, and its key.
fn recipient(kind: KeyKind) -> (Identity, DecryptionKey) {
    let authority = Authority::new("Forge", Setup::now()).unwrap();
    let identity = authority.issue(&Profile::new("TH", Usage::Encryption).key_kind(kind), Setup::now()).unwrap();
    let key = DecryptionKey::new(identity.key.pkcs8().secret_pkcs8_der(), identity.leaf().unwrap().clone()).unwrap();
    (identity, key)
}

#[test]
fn an_encrypted_message_reads_as_what_was_signed() {
    for kind in [KeyKind::Rsa2048, KeyKind::X25519, KeyKind::P256] {
        let (identity_of, key) = recipient(kind);
        let how = Encryption::of(identity_of.leaf().unwrap().clone(), &EncryptChoice::default()).unwrap();
        let signing = Signing::new(identity(), "x509-pkipath");
        let bytes = message(draft(&["<a/>", "<b>two</b>"]), Some(&signing), Some(&how), &[], &target()).unwrap().bytes;
        let mut package = root::package(&http::read(&bytes).unwrap()).unwrap();
        let signature = ebms::read(&package.envelope).unwrap().signature;
        assert_eq!(signature.fault, None, "{kind:?}");
        assert!(signature.covers_parts(&package).is_err(), "{kind:?}: nothing is encrypted");
        let content = sealed::reveal(&package.envelope, [&key]).unwrap();
        sealed::open(&mut package, &content);
        signature.covers_parts(&package).unwrap();
        assert_eq!(package.parts[1].body, b"<b>two</b>");
    }
}

#[test]
fn what_is_encrypted_otherwise_than_agreed_is_told_apart() {
    let (identity_of, _) = recipient(KeyKind::Rsa2048);
    let signing = Signing::new(identity(), "x509-pkipath");
    let refused = |choice: EncryptChoice| {
        let how = Encryption::of(identity_of.leaf().unwrap().clone(), &choice).unwrap();
        let bytes = message(draft(&["<a/>"]), Some(&signing), Some(&how), &[], &target()).unwrap().bytes;
        let package = root::package(&http::read(&bytes).unwrap()).unwrap();
        sealed::read(&package.envelope, &sealed::any()).unwrap_err()
    };
    let text = |text: &str| Some(text.to_owned());
    let by = |key: &str| EncryptChoice { key: text(key), ..EncryptChoice::default() };
    assert_eq!(refused(by("rsa-1.5")), EncryptionError::KeyMethod);
    assert_eq!(refused(by("rsa-oaep-sha1")), EncryptionError::KeyMethod);
    let cbc = EncryptChoice { content: text("aes128-cbc"), ..EncryptChoice::default() };
    assert_eq!(refused(cbc), EncryptionError::ContentAlgorithm);
    let messaging = EncryptChoice { messaging: true, ..EncryptChoice::default() };
    assert_eq!(refused(messaging), EncryptionError::Misplaced { element: "EncryptedData" });
    assert!(Encryption::of(identity_of.leaf().unwrap().clone(), &by("rsa")).unwrap_err().contains("got encrypt.key"));
}

#[test]
fn a_token_can_name_a_certificate_without_carrying_it() {
    for token in ["ski", "issuer-serial"] {
        let package = forged(&["<a/>"], &Signing::new(identity(), token), &[]);
        let document = Document::parse(&package.envelope, &Limits::default()).unwrap();
        let path = [(namespace::SOAP12, "Envelope"), (namespace::SOAP12, "Header"), (namespace::WSSE, "Security")];
        let security = document.by_path(&path).unwrap();
        let unverified = Unverified::read(&document, security.id(), &Policy::default()).unwrap();
        let leaf = identity().leaf().unwrap();
        assert!(unverified.token().names(leaf) && unverified.token().chain().is_empty(), "{token}");
        unverified.verify(leaf).unwrap();
    }
}

#[test]
fn what_is_left_out_of_the_signature_is_seen_to_be() {
    let mut signing = Signing::new(identity(), "x509-pkipath");
    signing.omit = Omit { messaging: true, body: true, parts: true };
    let failed = message(draft(&["<a/>"]), Some(&signing), None, &[], &target()).unwrap();
    let package = root::package(&http::read(&failed.bytes).unwrap()).unwrap();
    assert!(ebms::read(&package.envelope).unwrap().signature.fault.is_some(), "a signature over nothing");
    signing.omit = Omit { body: true, ..Omit::default() };
    let signature = ebms::read(&forged(&["<a/>"], &signing, &[]).envelope).unwrap().signature;
    assert!(signature.messaging && !signature.body && signature.fault.is_none());
}

#[test]
fn weak_algorithms_are_really_written() {
    let mut signing = Signing::new(identity(), "x509-pkipath");
    signing.algorithm = Algorithm::RsaSha1;
    let package = forged(&["<a/>"], &signing, &[]);
    let text = String::from_utf8(package.envelope.clone()).unwrap();
    assert!(text.contains("http://www.w3.org/2000/09/xmldsig#rsa-sha1"));
    assert!(ebms::read(&package.envelope).unwrap().signature.fault.is_some());
    signing = Signing { algorithm: Algorithm::RsaSha256, weak_digest: true, ..signing };
    let text = String::from_utf8(forged(&["<a/>"], &signing, &[]).envelope).unwrap();
    assert!(text.contains("http://www.w3.org/2000/09/xmldsig#sha1"));
}

#[test]
fn an_envelope_edit_is_signed_and_a_signed_edit_is_not() {
    let signing = Signing::new(identity(), "x509-pkipath");
    let place = "//eb:CollaborationInfo/eb:Action/text()";
    let package = forged(&[], &signing, &[edit(Stage::Envelope, Op::Replace, place, "other")]);
    let ebms = ebms::read(&package.envelope).unwrap();
    assert_eq!((ebms.user.unwrap().action.as_str(), ebms.signature.fault), ("other", None));
    let package = forged(&[], &signing, &[edit(Stage::Signed, Op::Replace, place, "other")]);
    assert!(ebms::read(&package.envelope).unwrap().signature.fault.is_some());
}

#[test]
fn wrapping_is_caught_by_position() {
    let signing = Signing::new(identity(), "x509-pkipath");
    let messaging = "/env:Envelope/env:Header/eb:Messaging";
    let moved = Forge {
        to: Some("/env:Envelope/env:Header/wsse:Security".to_owned()),
        ..edit(Stage::Signed, Op::Move, messaging, "")
    };
    let copy = r#"<eb:Messaging xmlns:eb="http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/"><eb:UserMessage/></eb:Messaging>"#;
    let other = edit(Stage::Signed, Op::Insert, "/env:Envelope/env:Header/wsse:Security", copy);
    let package = forged(&[], &signing, &[moved, other]);
    assert!(!ebms::read(&package.envelope).unwrap().signature.messaging);
    let twice = edit(Stage::Signed, Op::Insert, messaging, copy);
    assert!(ebms::read(&forged(&[], &signing, &[twice]).envelope).is_err());
}

#[test]
fn an_edit_that_finds_or_changes_nothing_is_an_error() {
    let signing = Signing::new(identity(), "x509-pkipath");
    let fails = |edit: Forge| message(draft(&["<a/>"]), Some(&signing), None, &[edit], &target()).unwrap_err();
    assert!(matches!(fails(edit(Stage::Signed, Op::Remove, "//eb:Nothing", "")), ForgeError::NoSuchPlace { .. }));
    assert!(matches!(fails(edit(Stage::Mime, Op::Remove, "part:7", "")), ForgeError::NoSuchPlace { .. }));
    assert!(matches!(fails(edit(Stage::Http, Op::Remove, "X-Nothing", "")), ForgeError::NoSuchPlace { .. }));
    assert!(matches!(
        fails(edit(Stage::Envelope, Op::Replace, "//eb:Action/text()", "x")),
        ForgeError::NoChange { .. }
    ));
    assert!(matches!(fails(edit(Stage::Signed, Op::Bytes, "//eb:Action", "x")), ForgeError::Unfit { .. }));
}

#[test]
fn parts_are_moved_removed_and_added() {
    let signing = Signing::new(identity(), "x509-pkipath");
    let moved = Forge { to: Some("part:1".to_owned()), ..edit(Stage::Mime, Op::Move, "part:2", "") };
    let package = forged(&["<a/>", "<b/>"], &signing, &[moved]);
    assert_eq!(package.parts[0].cid.as_deref(), Some("1@suite"));
    let added = edit(Stage::Mime, Op::Insert, "part:1", "Content-Type: text/plain\r\nContent-ID: <n@suite>\r\n\r\nnew");
    let package = forged(&["<a/>"], &signing, &[added]);
    assert_eq!((package.parts.len(), package.parts[1].body.as_slice()), (2, &b"new"[..]));
    let removed = edit(Stage::Mime, Op::Remove, "part:1", "");
    assert!(forged(&["<a/>"], &signing, &[removed]).parts.is_empty());
}

#[test]
fn a_receipt_repeats_the_references_of_what_it_answers() {
    let signing = Signing::new(identity(), "x509-pkipath");
    let package = forged(&["<a/>"], &signing, &[]);
    let envelope = String::from_utf8(package.envelope.clone()).unwrap();
    let draft = SignalDraft::receipt("2@suite".to_owned(), "2026-01-01T00:00:00Z".to_owned(), &envelope).unwrap();
    let receipt = ebms::read(&signal(&draft, Some(&signing), &[]).unwrap()).unwrap();
    assert_eq!(receipt.refers_to.as_deref(), Some("1@suite"));
    assert_eq!(receipt.receipt.unwrap(), ebms::read(&package.envelope).unwrap().signature.references);
    assert_eq!(receipt.signature.fault, None);
}

#[test]
fn status_line_and_fields_of_a_response_are_forged() {
    let edits = [
        edit(Stage::Http, Op::Replace, "request-line", "HTTP/1.1 302 Found"),
        edit(Stage::Http, Op::Replace, "Content-Type", "text/xml"),
    ];
    let response = response("200 OK", "application/soap+xml", b"<a/>".to_vec(), &edits).unwrap();
    let read = http::read(&response).unwrap();
    assert_eq!(
        (read.status(), read.header("content-type"), read.body.as_slice()),
        (Some(302), Some("text/xml"), &b"<a/>"[..])
    );
}

#[test]
fn the_error_table_has_each_code_once() {
    for number in ["0001", "0003", "0004", "0006", "0010", "0011", "0101", "0103", "0202", "0301", "0302", "0303"] {
        let row = error_row(&format!("EBMS:{number}")).unwrap();
        assert_eq!(row.severity == "warning", number == "0006");
    }
    assert!(error_row("EBMS:9999").is_none());
}

proptest! {
    /// Whatever stands in a header field comes back as it was.
    #[test]
    fn any_text_survives_the_envelope(text in "[ -~]{1,40}") {
        let mut draft = draft(&[]);
        draft.conversation = text.clone();
        let forged = message(draft, None, None, &[], &target()).unwrap();
        let package = root::package(&http::read(&forged.bytes).unwrap()).unwrap();
        let user = ebms::read(&package.envelope).unwrap().user.unwrap();
        prop_assert_eq!(user.conversation.unwrap(), text.trim());
    }

    /// A path is read or refused; neither panics, nor does applying it.
    #[test]
    fn any_path_is_read_or_refused(place in "[/@a-z:\\[\\]0-9'=*()]{0,30}", with in "[<>a-z ]{0,10}") {
        let operation = edit(Stage::Envelope, Op::Replace, &place, &with);
        let _ = text("<a xmlns='n'><b c='d'>e</b><b/></a>", &operation);
    }
}

#[test]
fn an_edit_of_signed_info_is_signed() {
    let signing = Signing::new(identity(), "x509-pkipath");
    let twice =
        Forge { times: Some(3), ..edit(Stage::SignedInfo, Op::Duplicate, "/ds:SignedInfo/ds:Reference[1]", "") };
    let text = String::from_utf8(forged(&[], &signing, &[twice]).envelope).unwrap();
    assert_eq!(text.matches("URI=\"#messaging\"").count(), 4);
    let start = text.find("<ds:SignedInfo").unwrap();
    let end = text.find("</ds:SignedInfo>").unwrap() + "</ds:SignedInfo>".len();
    let value = text[end..].split_once("<ds:SignatureValue>").unwrap().1.split_once('<').unwrap().0;
    let value = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, value).unwrap();
    let pair = RsaKeyPair::from_pkcs8(identity().key.pkcs8().secret_pkcs8_der()).unwrap();
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref());
    key.verify(&text.as_bytes()[start..end], &value).unwrap();
}

#[test]
fn a_key_in_the_message_and_a_secret_that_is_none_are_really_written() {
    let of = |signing: Signing<'_>| String::from_utf8(forged(&[], &signing, &[]).envelope).unwrap();
    for (token, element) in [("key-value", "<ds:RSAKeyValue><ds:Modulus>"), ("x509-data", "<ds:X509Certificate>")] {
        let text = of(Signing::new(identity(), token));
        assert!(text.contains(element) && !text.contains("BinarySecurityToken"), "{token}");
    }
    let text = of(Signing { algorithm: Algorithm::HmacSha256, ..Signing::new(identity(), "x509-v3") });
    assert!(text.contains("#hmac-sha256"));
}

#[test]
fn a_digest_before_compression_is_not_that_of_what_is_transported() {
    let early = Signing { before_compression: true, ..Signing::new(identity(), "x509-v3") };
    let package = forged(&["<a/>", "<b>two</b>"], &early, &[]);
    let signature = ebms::read(&package.envelope).unwrap().signature;
    assert_eq!(signature.fault, None);
    assert!(signature.covers_parts(&package).is_err());
    // The second part is not compressed: nothing changes for it.
    let later = forged(&["<a/>", "<b>two</b>"], &Signing::new(identity(), "x509-v3"), &[]);
    let parts = |package: &Package| ebms::read(&package.envelope).unwrap().signature.parts;
    assert_eq!(parts(&package)[1], parts(&later)[1]);
}

#[test]
fn floods_and_bombs_have_the_size_that_was_asked_for() {
    let signing = Signing::new(identity(), "x509-v3");
    let raw = |edits: &[Forge]| message(draft(&["<a/>"]), Some(&signing), None, edits, &target()).unwrap().bytes;
    let times = |edit: Forge| Forge { times: Some(50), ..edit };
    let count = |bytes: &[u8], what: &str| String::from_utf8_lossy(bytes).matches(what).count();
    let fields = raw(&[times(edit(Stage::Http, Op::Insert, "X-Flood", "flood"))]);
    assert_eq!(count(&fields, "X-Flood: flood\r\n"), 50);
    let parts = raw(&[times(edit(Stage::Mime, Op::Insert, "part:1", "Content-Type: text/plain\r\n\r\nflood"))]);
    assert_eq!(count(&parts, "\r\n\r\nflood\r\n--"), 50);
    let bomb = Forge { gzip_zeros: Some(1 << 20), with: None, ..edit(Stage::Http, Op::Replace, "body", "") };
    let bomb = http::read(&raw(&[bomb])).unwrap();
    assert_eq!(carnet_wire::gzip::inflate(&bomb.body, &Limits::default()).unwrap(), vec![0; 1 << 20]);
    assert_eq!(edit::deflated(&[], 1 << 20), bomb.body, "the second time");
    let mixed = carnet_wire::gzip::inflate(&edit::deflated(b"<a/>", 100_001), &Limits::default()).unwrap();
    assert_eq!((mixed.get(..4), mixed.len()), (Some(b"<a/>".as_slice()), 100_005));
}

#[test]
fn an_id_that_a_comment_splits_is_the_whole_of_it() {
    let split = edit(Stage::Envelope, Op::Replace, "//eb:MessageId/text()", "one<!-- -->two@suite");
    let forged = message(draft(&[]), Some(&Signing::new(identity(), "x509-v3")), None, &[split], &target()).unwrap();
    assert_eq!(forged.message_id, "onetwo@suite");
}

#[test]
fn what_goes_out_again_has_its_envelope_changed_and_its_signature_and_parts_kept() {
    let signing = Signing::new(identity(), "x509-v3");
    let sent = message(draft(&["<a/>"]), Some(&signing), None, &[], &target()).unwrap();
    let id = &sent.message_id;
    let (half, rest) = id.split_at(4);
    let split = edit(Stage::Signed, Op::Replace, "//eb:MessageId/text()", &format!("{half}<!-- -->{rest}"));
    let bytes = again(&sent.bytes, std::slice::from_ref(&split)).unwrap();
    let read = http::read(&bytes).unwrap();
    assert!(read.complete && http::find(&bytes, b"<!-- -->").is_some());
    let (before, after) = (root::package(&http::read(&sent.bytes).unwrap()).unwrap(), root::package(&read).unwrap());
    assert_eq!((&after.parts, root::names(&after.text().unwrap()).message_id.as_ref()), (&before.parts, Some(id)));
    assert_eq!(SignalDraft::receipt("r".to_owned(), "t".to_owned(), &after.text().unwrap()).unwrap().refers_to, *id);
    assert!(again(&sent.bytes, &[edit(Stage::Envelope, Op::Remove, "//eb:Action", "")]).is_err());
}
