//! A P-Mode configuration as Domibus reads it (its schema `domibus-pmode.xsd`), and the security policy it names.

use std::collections::BTreeSet;

use super::super::{Kit, Leg};
use super::xml::Xml;
use super::{DEFAULT_MPC, EBMS, file_name};
use carnet_catalogue::subject::Party;

const POLICY: &str = "carnet-sign-only.xml";

/// The files by name.
#[must_use]
pub(crate) fn files(kit: &Kit, own_url: &str) -> Vec<(String, String)> {
    vec![("domibus-pmode.xml".to_owned(), pmode(kit, own_url)), (format!("policies/{POLICY}"), policy(kit))]
}

fn pmode(kit: &Kit, own_url: &str) -> String {
    let comment =
        format!("{} with {}. To be uploaded as current P-Mode, or merged into it.", kit.own.id, kit.partner.id);
    let mut xml = Xml::new(&comment);
    let root = [("xmlns:db", "http://domibus.eu/configuration"), ("party", kit.own.id.as_str())];
    xml.element("db:configuration", &root, |xml| {
        let mpc = kit.mpc.as_deref().unwrap_or(DEFAULT_MPC);
        xml.element("mpcs", &[], |xml| {
            // Retention in minutes: what was downloaded goes after a day, what was not stays.
            let attributes = [
                ("name", "mpc"),
                ("qualifiedName", mpc),
                ("enabled", "true"),
                ("default", "true"),
                ("retention_downloaded", "1440"),
                ("retention_undownloaded", "-1"),
            ];
            xml.empty("mpc", &attributes);
        });
        xml.element("businessProcesses", &[], |xml| {
            roles(xml, kit);
            parties(xml, kit, own_url);
            exchanges(xml);
            xml.element("securities", &[], |xml| {
                xml.empty("security", &[("name", "signOnly"), ("policy", POLICY), ("signatureMethod", "RSA_SHA256")]);
            });
            errors_and_agreement(xml, kit);
            services(xml, kit);
            reliability(xml, kit);
            legs(xml, kit);
            for leg in kit.legs() {
                process(xml, leg);
            }
        });
    });
    xml.finish()
}

/// Every role of either direction, each once; named by its value.
fn roles(xml: &mut Xml, kit: &Kit) {
    let of = |party: &Party| [party.initiator_role.clone(), party.responder_role.clone()];
    let roles: BTreeSet<String> = of(&kit.own).into_iter().chain(of(&kit.partner)).collect();
    xml.element("roles", &[], |xml| {
        for role in &roles {
            xml.empty("role", &[("name", role), ("value", role)]);
        }
    });
}

fn parties(xml: &mut Xml, kit: &Kit, own_url: &str) {
    let partner_url = kit.endpoints.first().map_or("", String::as_str);
    xml.element("parties", &[], |xml| {
        let kinds: BTreeSet<&str> = [kit.own.kind.as_str(), kit.partner.kind.as_str()].into();
        xml.element("partyIdTypes", &[], |xml| {
            for kind in &kinds {
                xml.empty("partyIdType", &[("name", kind), ("value", kind)]);
            }
        });
        for (party, url) in [(&kit.own, own_url), (&kit.partner, partner_url)] {
            // The name is the alias under which Domibus looks for the party's certificate.
            xml.element("party", &[("name", &party.id), ("endpoint", url)], |xml| {
                xml.empty("identifier", &[("partyId", &party.id), ("partyIdType", &party.kind)]);
            });
        }
    });
}

fn exchanges(xml: &mut Xml) {
    xml.element("meps", &[], |xml| {
        xml.empty("mep", &[("name", "oneway"), ("value", &format!("{EBMS}oneWay"))]);
        xml.empty("binding", &[("name", "push"), ("value", &format!("{EBMS}push"))]);
    });
    // The schema asks for a property and a set of them; neither leg asks for the set.
    xml.element("properties", &[], |xml| {
        let attributes = [
            ("name", "trackingIdentifier"),
            ("key", "trackingIdentifier"),
            ("datatype", "string"),
            ("required", "false"),
        ];
        xml.empty("property", &attributes);
        xml.element("propertySet", &[("name", "optional")], |xml| {
            xml.empty("propertyRef", &[("property", "trackingIdentifier")]);
        });
    });
}

fn errors_and_agreement(xml: &mut Xml, kit: &Kit) {
    xml.element("errorHandlings", &[], |xml| {
        let attributes = [
            ("name", "synchronous"),
            ("errorAsResponse", "true"),
            ("businessErrorNotifyProducer", "true"),
            ("businessErrorNotifyConsumer", "true"),
            ("deliveryFailureNotifyProducer", "true"),
        ];
        xml.empty("errorHandling", &attributes);
    });
    xml.element("agreements", &[], |xml| {
        let kind = kit.agreement.1.as_deref().unwrap_or_default();
        xml.empty("agreement", &[("name", "agreement"), ("value", &kit.agreement.0), ("type", kind)]);
    });
}

fn services(xml: &mut Xml, kit: &Kit) {
    xml.element("services", &[], |xml| {
        for service in &kit.services {
            let (name, kind) = (service_name(&service.name, service.kind.as_deref()), service.kind.as_deref());
            let mut attributes = vec![("name", name.as_str()), ("value", service.name.as_str())];
            attributes.extend(kind.filter(|kind| !kind.is_empty()).map(|kind| ("type", kind)));
            xml.empty("service", &attributes);
        }
    });
    let actions: BTreeSet<&String> = kit.services.iter().flat_map(|service| &service.actions).collect();
    xml.element("actions", &[], |xml| {
        for action in actions {
            xml.empty("action", &[("name", action), ("value", action)]);
        }
    });
}

fn reliability(xml: &mut Xml, kit: &Kit) {
    let retry = &kit.reception_awareness;
    // Domibus counts minutes from the first attempt to the last, and the attempts within them.
    let minutes = (retry.retry_interval.0.as_secs() * u64::from(retry.retry_count)).div_ceil(60).max(1);
    let retries = format!("{minutes};{};CONSTANT", retry.retry_count);
    xml.element("as4", &[], |xml| {
        xml.empty("receptionAwareness", &[("name", "retry"), ("retry", &retries), ("duplicateDetection", "true")]);
        xml.empty("reliability", &[("name", "receipt"), ("nonRepudiation", "true"), ("replyPattern", "response")]);
    });
}

fn legs(xml: &mut Xml, kit: &Kit) {
    xml.element("legConfigurations", &[], |xml| {
        for service in &kit.services {
            let named = service_name(&service.name, service.kind.as_deref());
            for action in &service.actions {
                let attributes = [
                    ("name", leg_name(&named, action)),
                    ("service", named.clone()),
                    ("action", action.clone()),
                    ("security", "signOnly".to_owned()),
                    ("defaultMpc", "mpc".to_owned()),
                    ("receptionAwareness", "retry".to_owned()),
                    ("reliability", "receipt".to_owned()),
                    ("errorHandling", "synchronous".to_owned()),
                    ("compressPayloads", kit.compress.to_string()),
                ];
                let attributes: Vec<(&str, &str)> =
                    attributes.iter().map(|(name, value)| (*name, value.as_str())).collect();
                xml.empty("legConfiguration", &attributes);
            }
        }
    });
}

fn process(xml: &mut Xml, leg: Leg<'_>) {
    let kit = leg.kit;
    let name = leg.slug();
    let attributes = [
        ("name", name.as_str()),
        ("agreement", "agreement"),
        ("mep", "oneway"),
        ("binding", "push"),
        ("initiatorRole", &leg.initiator.initiator_role),
        ("responderRole", &leg.responder.responder_role),
    ];
    xml.element("process", &attributes, |xml| {
        xml.element("initiatorParties", &[], |xml| xml.empty("initiatorParty", &[("name", &leg.initiator.id)]));
        xml.element("responderParties", &[], |xml| xml.empty("responderParty", &[("name", &leg.responder.id)]));
        xml.element("legs", &[], |xml| {
            for service in &kit.services {
                let named = service_name(&service.name, service.kind.as_deref());
                for action in &service.actions {
                    xml.empty("leg", &[("name", &leg_name(&named, action))]);
                }
            }
        });
    });
}

/// One service may stand in the list with two types.
fn service_name(name: &str, kind: Option<&str>) -> String {
    file_name(&format!("{name} {}", kind.unwrap_or_default()))
}

fn leg_name(service: &str, action: &str) -> String {
    format!("{service}.{}", file_name(action))
}

/// WS-SecurityPolicy: Messaging, Body and every part signed with an X.509 token, nothing encrypted.
fn policy(kit: &Kit) -> String {
    let token = if kit.token == "x509-pkipath" { "sp:WssX509PkiPathV1Token11" } else { "sp:WssX509V3Token11" };
    let namespaces = [
        ("xmlns:wsp", "http://www.w3.org/ns/ws-policy"),
        ("xmlns:sp", "http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702"),
        ("xmlns:sp13", "http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200802"),
        ("xmlns:cxf", "http://e-delivery.eu/custom/security-policy"),
    ];
    let mut xml = Xml::new("Sign only. To be put into the policies directory.");
    let always = "http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702/IncludeToken/Always";
    let x509 = |xml: &mut Xml, whose: &str| {
        nested(xml, whose, |xml| {
            xml.element("sp:X509Token", &[("sp:IncludeToken", always)], |xml| {
                xml.element("wsp:Policy", &[], |xml| xml.empty(token, &[]));
            });
        });
    };
    xml.element("wsp:Policy", &namespaces, |xml| {
        xml.element("wsp:ExactlyOne", &[], |xml| {
            xml.element("wsp:All", &[], |xml| {
                nested(xml, "sp:AsymmetricBinding", |xml| {
                    x509(xml, "sp:InitiatorToken");
                    x509(xml, "sp:RecipientToken");
                    nested(xml, "sp:Layout", |xml| xml.empty("sp:Lax", &[]));
                    nested(xml, "sp:AlgorithmSuite", |xml| xml.empty("cxf:Basic128GCMSha256MgfSha256", &[]));
                });
                xml.element("sp:SignedParts", &[], |xml| {
                    xml.empty("sp:Header", &[("Namespace", EBMS), ("Name", "Messaging")]);
                    xml.empty("sp:Body", &[]);
                    xml.element("sp:Attachments", &[], |xml| xml.empty("sp13:ContentSignatureTransform", &[]));
                });
            });
        });
    });
    xml.finish()
}

fn nested(xml: &mut Xml, name: &str, inside: impl FnOnce(&mut Xml)) {
    xml.element(name, &[], |xml| xml.element("wsp:Policy", &[], inside));
}
