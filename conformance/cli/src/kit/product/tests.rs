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

fn exported(product: Product) -> Vec<(String, Vec<u8>)> {
    let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(NOW));
    let authority = Authority::new("Suite", now).unwrap();
    let kit = sound_kit(&authority);
    let issue = |profile: Profile| authority.issue(&profile, now).unwrap();
    let keys = OwnKeys { tls: issue(Profile::tls("TH")), signing: issue(Profile::signing("TH")) };
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
    // Every reference leads to a definition of that name.
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
        ("initiatorParty", "name", "party"),
        ("responderParty", "name", "party"),
        ("identifier", "partyIdType", "partyIdType"),
        ("propertyRef", "property", "property"),
    ];
    for (element, attribute, target) in references {
        let known = defined(target);
        for node in document.descendants().filter(|node| node.tag_name().name() == element) {
            let name = node.attribute(attribute).unwrap_or_else(|| panic!("{element} without {attribute}"));
            assert!(known.contains(name), "{element}/@{attribute} = {name}, known {known:?}");
        }
    }
    assert_eq!(defined("legConfiguration").len(), 2);
    let policy = text(&files, "policies/carnet-sign-only.xml");
    let policy = Document::parse(&policy).unwrap();
    assert_eq!(children(&policy, "SignedParts"), ["Header", "Body", "Attachments"]);
    assert!(policy.descendants().any(|node| node.tag_name().name() == "WssX509PkiPathV1Token11"));
    assert!(!policy.descendants().any(|node| node.tag_name().name().contains("Encrypted")));
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
        let bytes = |name: &str| files.iter().find(|(file, _)| file == name).map(|(_, bytes)| bytes.clone()).unwrap();
        let store = |bytes: &[u8]| {
            p12_keystore::KeyStore::from_pkcs12(bytes, "swordfish", p12_keystore::Pkcs12ImportPolicy::Strict).unwrap()
        };
        let keys = store(&bytes(KEY_STORE));
        assert!(keys.entry(alias).is_some() && keys.entry("own-tls").is_some(), "{product:?}");
        let trusted = store(&bytes(TRUST_STORE));
        let aliases: BTreeSet<&str> = trusted.entries().map(|(alias, _)| alias.as_str()).collect();
        let partner = if product == Product::Domibus { "SUITE" } else { "partner-signing" };
        assert_eq!(aliases, [partner, "partner-tls", "signing-anchor", "signing-issuer", "tls-anchor"].into());
        assert_eq!(bytes(PASSWORD), b"swordfish\n");
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
