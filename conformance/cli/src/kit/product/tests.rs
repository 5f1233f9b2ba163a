//! The structure of each product's files, after their published schemas; and that the stores can be read.

use std::collections::BTreeSet;

use carnet_certs::{Authority, Profile, UnixTime};
use roxmltree::Document;

use super::xml::Xml;
use super::*;
use crate::kit::tests::kit;

const NOW: u64 = 1_764_000_000;

fn sound_kit(authority: &Authority) -> Kit {
    let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(NOW));
    let partner = authority.issue(&Profile::signing("SUITE"), now).unwrap();
    let leaf = carnet_certs::to_pem("CERTIFICATE", partner.leaf().unwrap());
    let mut kit = kit();
    kit.agreement.1 = Some("agreement & type".to_owned());
    kit.signing_certificate = Some(leaf.clone());
    kit.tls_certificate = Some(leaf);
    kit.signing_intermediates = Some(carnet_certs::to_pem("CERTIFICATE", authority.issuing()));
    kit.signing_anchors = authority.anchors_pem();
    kit.tls_anchors = authority.anchors_pem();
    kit
}

/// With the exchanges beside the plain one, and agreements that encrypt, name tokens, and are of version 2.0.
fn rich_kit(authority: &Authority) -> Kit {
    let exchanges: toml::Table = toml::from_str(include_str!("../../demo/exchanges.toml")).unwrap();
    let further = |id: &str, text: &str| {
        let agreement = toml::from_str(&format!("name = \"urn:test:{id}\"\n{text}")).unwrap();
        (id.to_owned(), agreement)
    };
    let certificate = sound_kit(authority).signing_certificate;
    Kit {
        exchanges: exchanges["exchange"].clone().try_into().unwrap(),
        further: vec![
            further("encrypted", "profile = \"edelivery-1.15-encrypted\""),
            further("issuer-serial", "profile = \"edelivery-1.15\"\ntoken = \"issuer-serial\""),
            further("edelivery-2.0", "profile = \"edelivery-2.0\""),
        ],
        encryption_certificate: certificate.clone(),
        rsa_encryption_certificate: certificate,
        ..sound_kit(authority)
    }
}

fn exported(product: Product) -> Vec<(String, Vec<u8>)> {
    exported_of(product, sound_kit)
}

fn exported_of(product: Product, kit: fn(&Authority) -> Kit) -> Vec<(String, Vec<u8>)> {
    let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(NOW));
    let authority = Authority::new("Suite", now).unwrap();
    let kit = kit(&authority);
    let issue = |profile: Profile| authority.issue(&profile, now).unwrap();
    let keys = OwnKeys {
        tls: issue(Profile::tls("TH")),
        signing: issue(Profile::signing("TH")),
        encryption: (!kit.further.is_empty()).then(|| issue(Profile::new("TH", carnet_certs::Usage::Encryption))),
    };
    let export =
        Export { product, kit: &kit, own_url: "https://th.example/msh", keys: Some(keys), password: "swordfish" };
    export.files().unwrap()
}

fn text(files: &[(String, Vec<u8>)], name: &str) -> String {
    let (_, bytes) = files.iter().find(|(file, _)| file == name).unwrap_or_else(|| panic!("no {name}"));
    String::from_utf8(bytes.clone()).unwrap()
}

/// Names of the child elements, in their order.
fn children(document: &Document<'_>, name: &str) -> Vec<String> {
    let node = document.descendants().find(|node| node.tag_name().name() == name).unwrap();
    node.children().filter(roxmltree::Node::is_element).map(|child| child.tag_name().name().to_owned()).collect()
}

#[test]
fn domibus_names_what_it_defines_in_the_order_of_its_schema() {
    let files = exported(Product::Domibus);
    let pmode = text(&files, "domibus-pmode.xml");
    let document = Document::parse(&pmode).unwrap();
    assert_eq!(document.root_element().tag_name().namespace(), Some("http://domibus.eu/configuration"));
    assert_eq!(document.root_element().attribute("party"), Some("TH"));
    let order = [
        "roles",
        "parties",
        "meps",
        "properties",
        "securities",
        "errorHandlings",
        "agreements",
        "services",
        "actions",
        "as4",
        "legConfigurations",
        "process",
        "process",
    ];
    assert_eq!(children(&document, "businessProcesses"), order);
    refers_to_what_it_defines(&document);
    assert_eq!(document.descendants().filter(|node| node.has_tag_name("legConfiguration")).count(), 2);
    let policy = text(&files, "policies/carnet-sign-only.xml");
    let policy = Document::parse(&policy).unwrap();
    assert_eq!(children(&policy, "SignedParts"), ["Header", "Body", "Attachments"]);
    assert!(policy.descendants().any(|node| node.tag_name().name() == "WssX509PkiPathV1Token11"));
    assert!(!policy.descendants().any(|node| node.tag_name().name().contains("Encrypted")));
}

#[test]
fn domibus_has_what_is_agreed_beside_the_plain_exchange() {
    let files = exported_of(Product::Domibus, rich_kit);
    let pmode = text(&files, "domibus-pmode.xml");
    let document = Document::parse(&pmode).unwrap();
    refers_to_what_it_defines(&document);
    let processes: Vec<(&str, &str, &str)> = document
        .descendants()
        .filter(|node| node.has_tag_name("process"))
        .map(|node| node.attribute("name").zip(node.attribute("mep")).zip(node.attribute("binding")).unwrap())
        .map(|((name, mep), binding)| (name, mep, binding))
        .collect();
    for direction in ["th-to-suite", "suite-to-th"] {
        let named = |end: &str| processes.iter().find(|(name, ..)| *name == format!("{direction}{end}")).copied();
        assert_eq!(named("-two-way").map(|one| (one.1, one.2)), Some(("twoway", "pushAndPush")));
        assert_eq!(named("-pull").map(|one| (one.1, one.2)), Some(("oneway", "pull")));
        assert!(named("-four-corner").is_some() && named("-encrypted").is_some() && named("-issuer-serial").is_some());
    }
    // The suite pulls what TH sends: there the suite is the initiator.
    let pull = document.descendants().find(|node| node.attribute("name") == Some("th-to-suite-pull")).unwrap();
    let initiator = pull.descendants().find(|node| node.has_tag_name("initiatorParty")).unwrap();
    assert_eq!(initiator.attribute("name"), Some("SUITE"));
    assert!(!pmode.contains("edelivery-2.0") && !pmode.contains("dynamic"), "{pmode}");
    let securities: Vec<_> = document.descendants().filter(|node| node.has_tag_name("security")).collect();
    assert_eq!(securities.len(), 3);
    assert!(securities.iter().all(|node| node.attribute("profile") == Some("RSA")));
    let policy = text(&files, "policies/carnet-sign-encrypt.xml");
    assert!(policy.contains("<sp:EncryptedParts>") && policy.contains("cxf:${algorithmSuitePlaceholder}"), "{policy}");
    assert!(text(&files, "policies/carnet-sign-only-issuer-serial.xml").contains("sp:RequireIssuerSerialReference"));
    assert!(text(&files, "domibus.properties").contains("rsa.decrypt.alias=TH_rsa_decrypt\n"));
    let keys = stored(&files, KEY_STORE);
    assert_eq!(keys, ["TH_rsa_decrypt", "TH_rsa_sign", "own-tls"].map(str::to_owned).into());
    let trusted = stored(&files, TRUST_STORE);
    assert!(trusted.contains("SUITE_rsa_sign") && trusted.contains("SUITE_rsa_encrypt"), "{trusted:?}");
}

/// Every reference leads to a definition of that name.
fn refers_to_what_it_defines(document: &Document<'_>) {
    let defined = |element: &str| -> BTreeSet<&str> {
        document
            .descendants()
            .filter(|node| node.tag_name().name() == element)
            .filter_map(|node| node.attribute("name"))
            .collect()
    };
    let references = [
        ("legConfiguration", "service", "service"),
        ("legConfiguration", "action", "action"),
        ("legConfiguration", "security", "security"),
        ("legConfiguration", "defaultMpc", "mpc"),
        ("legConfiguration", "receptionAwareness", "receptionAwareness"),
        ("legConfiguration", "reliability", "reliability"),
        ("legConfiguration", "errorHandling", "errorHandling"),
        ("process", "agreement", "agreement"),
        ("process", "mep", "mep"),
        ("process", "binding", "binding"),
        ("process", "initiatorRole", "role"),
        ("process", "responderRole", "role"),
        ("leg", "name", "legConfiguration"),
        ("legConfiguration", "propertySet", "propertySet"),
        ("initiatorParty", "name", "party"),
        ("responderParty", "name", "party"),
        ("identifier", "partyIdType", "partyIdType"),
        ("propertyRef", "property", "property"),
    ];
    for (element, attribute, target) in references {
        let known = defined(target);
        for node in document.descendants().filter(|node| node.tag_name().name() == element) {
            let Some(name) = node.attribute(attribute) else {
                assert_eq!(attribute, "propertySet", "{element} without {attribute}");
                continue;
            };
            assert!(known.contains(name), "{element}/@{attribute} = {name}, known {known:?}");
        }
    }
}

/// The aliases in a store.
fn stored(files: &[(String, Vec<u8>)], name: &str) -> BTreeSet<String> {
    let (_, bytes) = files.iter().find(|(file, _)| file == name).unwrap();
    let store = p12_keystore::KeyStore::from_pkcs12(bytes, "swordfish", p12_keystore::Pkcs12ImportPolicy::Strict);
    store.unwrap().entries().map(|(alias, _)| alias.clone()).collect()
}

#[test]
fn holodeck_has_a_pmode_for_each_direction_and_action_in_the_order_of_its_schema() {
    let files = exported(Product::Holodeck);
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).filter(|name| name.ends_with(".xml")).collect();
    let expected =
        ["th-to-suite-declaration", "th-to-suite-response", "suite-to-th-declaration", "suite-to-th-response"];
    assert_eq!(names, expected.map(|name| format!("pmodes/{name}.xml")));
    let sends = text(&files, "pmodes/th-to-suite-declaration.xml");
    let sends = Document::parse(&sends).unwrap();
    assert_eq!(sends.root_element().tag_name().namespace(), Some("http://holodeck-b2b.org/schemas/2014/10/pmode"));
    assert_eq!(children(&sends, "PMode"), ["id", "mep", "mepBinding", "Initiator", "Responder", "Agreement", "Leg"]);
    let leg = ["Protocol", "Receipt", "ReceptionAwareness", "DefaultDelivery", "UserMessageFlow"];
    assert_eq!(children(&sends, "Leg"), leg);
    let value = |document: &Document<'_>, name: &str| {
        document
            .descendants()
            .find(|node| node.tag_name().name() == name)
            .and_then(|node| node.text())
            .map(str::to_owned)
    };
    assert_eq!(value(&sends, "Address").as_deref(), Some("https://localhost:9443/as4"));
    assert_eq!(value(&sends, "IncludeCertificatePath").as_deref(), Some("true"));
    let takes = text(&files, "pmodes/suite-to-th-declaration.xml");
    let takes = Document::parse(&takes).unwrap();
    assert_eq!(children(&takes, "Leg"), &leg[1..]);
    assert_eq!(value(&takes, "ReplyPattern").as_deref(), Some("RESPONSE"));
}

#[test]
fn holodeck_has_what_is_agreed_beside_the_plain_exchange() {
    let files = exported_of(Product::Holodeck, rich_kit);
    let read = |name: &str| text(&files, &format!("pmodes/{name}.xml"));
    let names = |text: &str, name: &str| children(&Document::parse(text).unwrap(), name);
    let two_way = read("th-to-suite-two-way");
    assert!(two_way.contains("/twoWay<") && two_way.contains("/pushAndPush<"), "{two_way}");
    assert_eq!(names(&two_way, "PMode").iter().filter(|name| *name == "Leg").count(), 2);
    // What the suite sends waits there: TH initiates, posts its receipts and needs the address.
    let pulls = read("suite-to-th-pull");
    let leg = ["Protocol", "Receipt", "ReceptionAwareness", "DefaultDelivery", "PullRequestFlow", "UserMessageFlow"];
    assert_eq!(names(&pulls, "Leg"), leg);
    assert!(pulls.contains("<Mpc>urn:carnet:mpc:SUITE:PARTY</Mpc>") && pulls.contains(">CALLBACK<"), "{pulls}");
    let waits = read("th-to-suite-pull");
    assert_eq!(names(&waits, "Leg"), &leg[1..]);
    assert_eq!(names(&waits, "PullRequestFlow"), ["Mpc", "SecurityConfiguration"]);
    let encrypted = read("th-to-suite-encrypted-declaration");
    assert!(encrypted.contains(">partner-encryption<") && encrypted.contains(">own-encryption<"), "{encrypted}");
    assert!(read("th-to-suite-issuer-serial-response").contains("<KeyReferenceMethod>IssuerSerial<"));
    assert!(!files.iter().any(|(name, _)| name.contains("2.0")));
    assert!(stored(&files, KEY_STORE).contains("own-encryption"));
}

#[test]
fn phase4_has_what_is_agreed_beside_the_plain_exchange() {
    let pmodes = text(&exported_of(Product::Phase4, rich_kit), "phase4-pmodes.xml");
    let document = Document::parse(&pmodes).unwrap();
    let item = |id: &str| document.descendants().find(|node| node.attribute("id") == Some(id)).unwrap();
    let two_way = item("suite-to-th-two-way");
    assert_eq!((two_way.attribute("MEP"), two_way.attribute("MEPBinding")), (Some("twoway"), Some("pushpush")));
    assert!(two_way.children().any(|node| node.has_tag_name("Leg2")));
    assert_eq!(item("th-to-suite-pull").attribute("MEPBinding"), Some("pull"));
    let encrypted = item("th-to-suite-encrypted-response");
    let security = encrypted.descendants().find(|node| node.has_tag_name("Security")).unwrap();
    assert_eq!(security.attribute("X509EncryptionAlgorithm"), Some("aes128-gcm"));
    assert_eq!(encrypted.attribute("Agreement"), Some("urn:test:encrypted"));
}

#[test]
fn phase4_has_an_item_for_each_direction_and_action() {
    let files = exported(Product::Phase4);
    let pmodes = text(&files, "phase4-pmodes.xml");
    let document = Document::parse(&pmodes).unwrap();
    let items: Vec<_> = document.root_element().children().filter(roxmltree::Node::is_element).collect();
    assert_eq!(items.len(), 4);
    for item in &items {
        let names: Vec<&str> =
            item.children().filter(roxmltree::Node::is_element).map(|node| node.tag_name().name()).collect();
        assert_eq!(names, ["Initiator", "Responder", "Leg1", "PayloadServices", "RecepetionAwareness"]);
    }
    let properties = text(&files, "phase4.properties");
    assert!(properties.contains("merlin.keystore.file=keystore.p12\n"), "{properties}");
}

#[test]
fn stores_hold_the_own_keys_and_what_is_to_be_trusted() {
    for (product, alias) in
        [(Product::Domibus, "TH"), (Product::Holodeck, "own-signing"), (Product::Phase4, "own-signing")]
    {
        let files = exported(product);
        let keys = stored(&files, KEY_STORE);
        assert!(keys.contains(alias) && keys.contains("own-tls"), "{product:?}");
        let aliases = stored(&files, TRUST_STORE);
        let partner = if product == Product::Domibus { "SUITE" } else { "partner-signing" };
        let expected = [partner, "partner-tls", "signing-anchor", "signing-issuer", "tls-anchor"];
        assert_eq!(aliases, expected.map(str::to_owned).into());
        assert_eq!(text(&files, PASSWORD), "swordfish\n");
    }
}

#[test]
fn values_are_escaped() {
    let mut xml = Xml::new("a -- b");
    xml.element("a", &[("b", "\"<&>\"")], |xml| xml.text("c", &[], "<&>"));
    let text = xml.finish();
    let document = Document::parse(&text).unwrap();
    assert_eq!(document.root_element().attribute("b"), Some("\"<&>\""));
    assert_eq!(document.descendants().find(|node| node.has_tag_name("c")).unwrap().text(), Some("<&>"));
}
