//! Signature wrapping and every other way to say more than was signed, from a genuine message of our own.

use carnet_wire::Limits;
use carnet_wire::namespace::{DS, WSSE};
use carnet_wire::signature::{Policy, SignatureError, Unverified};
use carnet_wire::xml::{Document, XmlError};

use super::support::{Stop, signed, verify};

fn stop(envelope: &str) -> Stop {
    match verify(envelope.as_bytes(), &Policy::default()) {
        Err(stop) => stop,
        Ok(_) => panic!("accepted"),
    }
}

fn refused(envelope: &str, expected: SignatureError) {
    assert_eq!(stop(envelope), Stop::Signature(expected));
}

/// The genuine text, changed once; the change must hit.
fn changed(from: &str, to: &str) -> String {
    let genuine = signed("genuine@test");
    assert_eq!(genuine.matches(from).count(), 1, "{from}");
    genuine.replace(from, to)
}

/// The piece of the genuine text from `open` up to and with `close`.
fn piece(open: &str, close: &str) -> String {
    let genuine = signed("genuine@test");
    let from = genuine.find(open).unwrap();
    let to = from + genuine[from..].find(close).unwrap() + close.len();
    genuine[from..to].to_owned()
}

#[test]
fn the_genuine_message_holds() {
    let verified = verify(signed("genuine@test").as_bytes(), &Policy::default()).unwrap();
    assert_eq!(verified.elements.len(), 2);
    assert_eq!(verified.parts.len(), 1);
    assert_eq!(verified.parts[0].cid, "part-1@test");
}

#[test]
fn moved_body() {
    let body = piece("<S12:Body", "</S12:Body>");
    let fake = body.replace("wsu:Id=\"body\"", "wsu:Id=\"fake\"");
    // The signed Body into an unknown header, another one in its place.
    let moved = changed(&body, &fake)
        .replace("</S12:Header>", &format!("<x:Old xmlns:x=\"urn:x\">{body}</x:Old></S12:Header>"));
    assert_eq!(stop(&moved), Stop::Coverage("Body"));
    // Into the security header.
    let hidden = changed(&body, &fake).replace("<ds:Signature ", &format!("{body}<ds:Signature "));
    assert_eq!(stop(&hidden), Stop::Coverage("Body"));
    // Two Bodies.
    let doubled = changed(&body, &format!("{fake}{body}"));
    assert_eq!(stop(&doubled), Stop::Xml(XmlError::Repeated { name: "Body".to_owned() }));
}

#[test]
fn moved_messaging() {
    let messaging = piece("<eb:Messaging", "</eb:Messaging>");
    let fake = messaging.replace("wsu:Id=\"messaging\"", "wsu:Id=\"fake\"").replace("genuine@test", "forged@test");
    let wrapped = changed(&messaging, &format!("{fake}<x:Old xmlns:x=\"urn:x\">{messaging}</x:Old>"));
    assert_eq!(stop(&wrapped), Stop::Coverage("Messaging"));
    let in_security = changed(&messaging, &fake).replace("<ds:Signature ", &format!("{messaging}<ds:Signature "));
    assert_eq!(stop(&in_security), Stop::Coverage("Messaging"));
    let in_body = changed(&messaging, &fake).replace("</S12:Body>", &format!("{messaging}</S12:Body>"));
    // The Body is signed as empty.
    assert_eq!(stop(&in_body), Stop::Signature(SignatureError::Digest));
    let nested = changed(&messaging, &fake.replace("</eb:Messaging>", &format!("{messaging}</eb:Messaging>")));
    assert_eq!(stop(&nested), Stop::Coverage("Messaging"));
}

#[test]
fn second_messaging_header_security() {
    let messaging = piece("<eb:Messaging", "</eb:Messaging>");
    let fake = messaging.replace("wsu:Id=\"messaging\"", "wsu:Id=\"fake\"");
    for both in [format!("{fake}{messaging}"), format!("{messaging}{fake}")] {
        assert_eq!(stop(&changed(&messaging, &both)), Stop::Xml(XmlError::Repeated { name: "Messaging".to_owned() }));
    }
    let second = changed("<S12:Body", "<S12:Header></S12:Header><S12:Body");
    assert_eq!(stop(&second), Stop::Xml(XmlError::Repeated { name: "Header".to_owned() }));
    let security = format!("<wsse:Security xmlns:wsse=\"{WSSE}\"></wsse:Security><eb:Messaging");
    let second = changed("<eb:Messaging", &security);
    assert_eq!(stop(&second), Stop::Xml(XmlError::Repeated { name: "Security".to_owned() }));
}

#[test]
fn identifiers_used_twice() {
    for attribute in ["Id", "ID", "id", "x:Id"] {
        let twice = changed("<S12:Header>", &format!("<S12:Header><x:A xmlns:x=\"urn:x\" {attribute}=\"body\"></x:A>"));
        refused(&twice, SignatureError::DuplicateId);
    }
    // Even one that no reference names.
    let twice = changed("<S12:Header>", "<S12:Header><A Id=\"z\"></A><A Id=\"z\"></A>");
    refused(&twice, SignatureError::DuplicateId);
}

#[test]
fn an_identifier_of_another_kind_is_no_identifier() {
    let other = changed(" wsu:Id=\"body\"", " id=\"body\"");
    refused(&other, SignatureError::UnknownId);
    let gone = changed(" wsu:Id=\"body\"", "");
    refused(&gone, SignatureError::UnknownId);
}

#[test]
fn signatures_too_many_or_elsewhere() {
    let signature = piece("<ds:Signature ", "</ds:Signature>");
    let signature_alone = signature.replace("<ds:Signature ", &format!("<ds:Signature xmlns:wsse=\"{WSSE}\" "));
    let other = signature_alone.replace("Id=\"signature\"", "Id=\"other\"");
    refused(&changed(&signature, &format!("{other}{signature}")), SignatureError::SecondSignature);
    refused(&changed(&signature, &format!("{signature}{other}")), SignatureError::SecondSignature);
    // One anywhere before the genuine one is the one that the engine would verify.
    let before = changed("<S12:Header>", &format!("<S12:Header><A>{other}</A>"));
    refused(&before, SignatureError::SecondSignature);
    let wrapped = changed(&signature, &format!("<A>{signature}</A>"));
    refused(&wrapped, SignatureError::Misplaced);
    let moved = changed(&signature, "").replace("</S12:Header>", &format!("{signature_alone}</S12:Header>"));
    refused(&moved, SignatureError::Misplaced);
    refused(&changed(&signature, ""), SignatureError::Unsigned);
}

#[test]
fn references_to_files_documents_and_pointers() {
    let uris = [
        "",
        "secret.txt",
        "./secret.txt",
        "/etc/hostname",
        "file:///etc/hostname",
        "http://127.0.0.1/",
        "#",
        "#xpointer(/)",
        "#xpointer(id('body'))",
        "CID:part-1@test",
        "cid:%zz",
        "#a b",
    ];
    for uri in uris {
        let envelope = changed("URI=\"#body\"", &format!("URI=\"{uri}\""));
        refused(&envelope, SignatureError::ReferenceUri);
    }
    refused(&changed(" URI=\"#body\"", ""), SignatureError::ReferenceUri);
}

#[test]
fn attributes_in_a_namespace_do_not_stand_in() {
    // The engine looks attributes up by local name: these would make it open a file before it verifies anything.
    let foreign =
        changed("<ds:Reference URI=\"#body\"", "<ds:Reference xmlns:x=\"urn:x\" x:URI=\"Cargo.toml\" URI=\"#body\"");
    refused(&foreign, SignatureError::Shape { element: "SignedInfo" });
}

#[test]
fn transforms() {
    let reference = piece("<ds:Reference URI=\"#body\"", "</ds:Reference>");
    let exclusive = "<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"></ds:Transform>";
    assert!(reference.contains(exclusive));
    let algorithm = |uri: &str| format!("<ds:Transform Algorithm=\"{uri}\"></ds:Transform>");
    let hostile = [
        algorithm("http://www.w3.org/TR/1999/REC-xslt-19991116"),
        algorithm("http://www.w3.org/TR/1999/REC-xpath-19991116"),
        algorithm("http://www.w3.org/2002/06/xmldsig-filter2"),
        algorithm("http://www.w3.org/2000/09/xmldsig#enveloped-signature"),
        algorithm("http://www.w3.org/2000/09/xmldsig#base64"),
        algorithm("http://www.w3.org/TR/2001/REC-xml-c14n-20010315"),
        algorithm("http://www.w3.org/2001/10/xml-exc-c14n#WithComments"),
        algorithm("http://docs.oasis-open.org/wss/oasis-wss-SwAProfile-1.1#Attachment-Complete-Signature-Transform"),
        algorithm("http://docs.oasis-open.org/wss/oasis-wss-SwAProfile-1.1#Attachment-Content-Signature-Transform"),
        algorithm(""),
        format!("{exclusive}{exclusive}"),
        String::new(),
        exclusive.replace("ds:Transform", "Transform"),
        exclusive.replace("></", "><x></x></"),
    ];
    for transform in hostile {
        let envelope = changed(&reference, &reference.replace(exclusive, &transform));
        refused(&envelope, SignatureError::Transform);
    }
    let without = reference.replace(&format!("<ds:Transforms>{exclusive}</ds:Transforms>"), "");
    refused(&changed(&reference, &without), SignatureError::Shape { element: "Transforms" });
    // A part is never canonicalized by an instruction of the signature.
    let part = piece("<ds:Reference URI=\"cid:", "</ds:Reference>");
    let from = part.find("<ds:Transform ").unwrap();
    let to = part.find("</ds:Transforms>").unwrap();
    let swapped = part.replace(&part[from..to], exclusive);
    refused(&changed(&part, &swapped), SignatureError::Transform);
}

#[test]
fn algorithms() {
    let rsa = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
    let weak = [
        "http://www.w3.org/2001/04/xmldsig-more#rsa-md5",
        "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
        "http://www.w3.org/2000/09/xmldsig#hmac-sha1",
        "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256",
        "http://www.w3.org/2021/04/xmldsig-more#eddsa-ed25519",
        "",
    ];
    for uri in weak {
        refused(&changed(rsa, uri), SignatureError::Algorithm);
    }
    let truncated = changed(
        &format!("<ds:SignatureMethod Algorithm=\"{rsa}\">"),
        &format!("<ds:SignatureMethod Algorithm=\"{rsa}\"><ds:HMACOutputLength>8</ds:HMACOutputLength>"),
    );
    refused(&truncated, SignatureError::Algorithm);
    let reference = piece("<ds:Reference URI=\"#body\"", "</ds:Reference>");
    for uri in [
        "http://www.w3.org/2001/04/xmldsig-more#md5",
        "http://www.w3.org/2000/09/xmldsig#sha1",
        "http://www.w3.org/2001/04/xmlenc#ripemd160",
        "",
    ] {
        let weak = reference.replace("http://www.w3.org/2001/04/xmlenc#sha256", uri);
        refused(&changed(&reference, &weak), SignatureError::DigestAlgorithm);
    }
    let method = "<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\">";
    for uri in
        ["http://www.w3.org/TR/2001/REC-xml-c14n-20010315", "http://www.w3.org/2001/10/xml-exc-c14n#WithComments"]
    {
        let other = method.replace("http://www.w3.org/2001/10/xml-exc-c14n#", uri);
        refused(&changed(method, &other), SignatureError::Canonicalization);
    }
}

#[test]
fn ten_thousand_references_cost_nothing() {
    let reference = piece("<ds:Reference URI=\"#body\"", "</ds:Reference>");
    let many = changed(&reference, &reference.repeat(1_000));
    refused(&many, SignatureError::TooManyReferences { limit: 128 });
    let more = changed(&reference, &reference.repeat(10_000));
    assert!(matches!(stop(&more), Stop::Xml(XmlError::TooLarge { .. })));
    // Where the envelope may be larger, they are counted and none is looked at.
    let limits = Limits { envelope: 8 << 20, nodes: 1_000_000, ..Limits::default() };
    let document = Document::parse(more.as_bytes(), &limits).unwrap();
    let security = document.elements().find(|e| e.is(WSSE, "Security")).unwrap().id();
    let read = Unverified::read(&document, security, &Policy::default()).map(drop);
    assert_eq!(read, Err(SignatureError::TooManyReferences { limit: 128 }));
    refused(&changed(&reference, &reference.repeat(2)), SignatureError::RepeatedReference);
}

#[test]
fn shapes() {
    let info = piece("<ds:SignedInfo", "</ds:SignedInfo>");
    let references = piece("<ds:Reference URI=\"#messaging\"", "</ds:SignedInfo>").replace("</ds:SignedInfo>", "");
    refused(&changed(&references, ""), SignatureError::NoReference);
    refused(&changed(&info, &format!("{info}{info}")), SignatureError::Shape { element: "SignatureValue" });
    refused(&changed(&info, ""), SignatureError::Shape { element: "SignedInfo" });
    let empty = format!("<ds:SignedInfo xmlns:ds=\"{DS}\"></ds:SignedInfo>");
    refused(&changed(&info, &empty), SignatureError::Shape { element: "SignedInfo" });
    let value = piece("<ds:SignatureValue", "</ds:SignatureValue>");
    refused(&changed(&value, &format!("{value}{value}")), SignatureError::Shape { element: "KeyInfo" });
    refused(&changed(&value, "<ds:SignatureValue></ds:SignatureValue>"), SignatureError::Value);
    refused(&changed(&value, "<ds:SignatureValue>!!</ds:SignatureValue>"), SignatureError::Value);
    let object = changed("</ds:Signature>", "<ds:Object></ds:Object></ds:Signature>");
    refused(&object, SignatureError::Shape { element: "KeyInfo" });
    let manifest = changed("<ds:Reference URI=\"#body\"", "<ds:Manifest></ds:Manifest><ds:Reference URI=\"#body\"");
    refused(&manifest, SignatureError::Shape { element: "Reference" });
    let digest = piece("<ds:Reference URI=\"#body\"", "</ds:Reference>");
    let from = digest.find("<ds:DigestValue>").unwrap();
    let short = format!("{}<ds:DigestValue>AAAA</ds:DigestValue></ds:Reference>", &digest[..from]);
    refused(&changed(&digest, &short), SignatureError::Value);
}

#[test]
fn comments_and_instructions_inside_the_signature() {
    let value = piece("<ds:SignatureValue>", "</ds:SignatureValue>");
    for node in ["<!-- c -->", "<?p i?>"] {
        let (head, tail) = value.split_at(40);
        refused(&changed(&value, &format!("{head}{node}{tail}")), SignatureError::Comment);
        refused(&changed("</ds:SignedInfo>", &format!("{node}</ds:SignedInfo>")), SignatureError::Comment);
    }
}

#[test]
fn a_comment_does_not_shorten_a_signed_text() {
    // Comments are left out of the canonical form: the signature holds, so the whole text must be read.
    let split = changed("genuine@test", "genuine<!-- -->@test");
    let verified = verify(split.as_bytes(), &Policy::default()).unwrap();
    assert_eq!(verified.elements.len(), 2);
    let document = Document::parse(split.as_bytes(), &Limits::default()).unwrap();
    let id = document.elements().find(|e| e.name().1 == "MessageId").unwrap();
    assert_eq!(id.text(), "genuine@test");
    assert!(id.has_comment_or_instruction());
}

#[test]
fn what_was_signed_may_not_change() {
    refused(&changed("genuine@test", "forged@test"), SignatureError::Digest);
    refused(&changed("</S12:Body>", "x</S12:Body>"), SignatureError::Digest);
    refused(
        &changed(" wsu:Id=\"messaging\" S12:mustUnderstand=\"true\"", " wsu:Id=\"messaging\""),
        SignatureError::Digest,
    );
    let cid = changed("cid:part-1@test", "cid:part-2@test");
    refused(&cid, SignatureError::Mismatch);
}

#[test]
fn tokens() {
    use carnet_wire::token::TokenError;
    let token = piece("<wsse:BinarySecurityToken", "</wsse:BinarySecurityToken>");
    let refuse = |envelope: &str, error| refused(envelope, SignatureError::Token(error));
    refuse(&changed(&token, ""), TokenError::NotFound);
    refuse(&changed(&token, &token.replace("PKIPathv1", "v3")), TokenError::Certificate);
    refuse(&changed(&token, &token.replace("#X509PKIPathv1", "#PKCS7")), TokenError::Type);
    refuse(&changed(&token, &token.replace("#Base64Binary", "#HexBinary")), TokenError::Encoding);
    let open = token.find('>').unwrap() + 1;
    let empty = format!("{}</wsse:BinarySecurityToken>", &token[..open]);
    refuse(&changed(&token, &empty), TokenError::Malformed);
    let no_path = format!("{}MAA=</wsse:BinarySecurityToken>", &token[..open]);
    refuse(&changed(&token, &no_path), TokenError::EmptyPath);
    let outside =
        token.replace("<wsse:BinarySecurityToken ", &format!("<wsse:BinarySecurityToken xmlns:wsse=\"{WSSE}\" "));
    let moved = changed(&token, "").replace("</S12:Header>", &format!("{outside}</S12:Header>"));
    refuse(&moved, TokenError::NotFound);
    let reference = piece("<wsse:Reference URI=\"#token\"", "</wsse:Reference>");
    refuse(&changed(&reference, &format!("{reference}{reference}")), TokenError::Reference);
    refuse(&changed(&reference, "<ds:KeyName>blue</ds:KeyName>"), TokenError::Type);
    let str_open = "<wsse:SecurityTokenReference";
    let key_value = changed(str_open, &format!("<ds:KeyValue></ds:KeyValue>{str_open}"));
    refuse(&key_value, TokenError::Reference);
}

/// The signature value is checked before a reference is worked through: with a wrong value, a wrong digest is not
/// even seen.
#[test]
fn the_value_comes_first() {
    let value = piece("<ds:SignatureValue>", "</ds:SignatureValue>");
    let reversed: String = value[19..50].chars().rev().collect();
    let forged = changed(&value, &value.replace(&value[19..50], &reversed)).replace("genuine@test", "forged@test");
    refused(&forged, SignatureError::Mismatch);
    refused(&changed("genuine@test", "forged@test"), SignatureError::Digest);
}

#[test]
fn another_certificate_than_the_named_one_is_refused() {
    let envelope = signed("genuine@test");
    let document = Document::parse(envelope.as_bytes(), &Limits::default()).unwrap();
    let security = document.elements().find(|e| e.is(WSSE, "Security")).unwrap().id();
    let unverified = Unverified::read(&document, security, &Policy::default()).unwrap();
    let red = super::support::chain("red").remove(0);
    assert_eq!(unverified.verify(&red), Err(SignatureError::OtherCertificate));
}
