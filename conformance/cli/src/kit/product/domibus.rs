//! A P-Mode configuration as Domibus reads it (its schema `domibus-pmode.xsd`), the security policies it names, and
//! where it finds the own keys.
//!
//! Where an agreement encrypts, every security is of the profile RSA: by it Domibus tells the certificate that signs from
//! the one that is encrypted for, and expects both under names of its own making.

use std::collections::{BTreeMap, BTreeSet};

use super::super::Kit;
use super::lines::{self, Carried, Line, Terms};
use super::policy;
use super::xml::Xml;
use super::{DEFAULT_MPC, EBMS, file_name};
use carnet_catalogue::subject::Party;

/// The files by name; with `password`, that of the own keys.
#[must_use]
pub(crate) fn files(kit: &Kit, own_url: &str, password: Option<&str>) -> Vec<(String, String)> {
    let mut files = vec![("domibus-pmode.xml".to_owned(), pmode(kit, own_url))];
    let used: BTreeMap<String, Terms<'_>> =
        lines::agreed(kit).into_iter().map(|terms| (security(&terms), terms)).collect();
    let profiled = encrypts(kit);
    files.extend(
        used.iter().map(|(name, terms)| (format!("policies/{}", policy_file(name)), policy::text(terms, profiled))),
    );
    if let (true, Some(password)) = (profiled, password) {
        files.push(("domibus.properties".to_owned(), properties(kit, password)));
    }
    files
}

/// Whether some agreement encrypts, so that Domibus needs its security profiles.
pub(super) fn encrypts(kit: &Kit) -> bool {
    lines::agreed(kit).iter().any(|terms| terms.encrypts)
}

/// The name under which Domibus looks for a party's certificate: `sign`, `encrypt` or `decrypt`.
pub(super) fn alias(kit: &Kit, party: &str, purpose: &str) -> String {
    if encrypts(kit) { format!("{party}_rsa_{purpose}") } else { party.to_owned() }
}

fn pmode(kit: &Kit, own_url: &str) -> String {
    let comment =
        format!("{} with {}. To be uploaded as current P-Mode, or merged into it.", kit.own.id, kit.partner.id);
    let lines = lines::all(kit);
    let mut xml = Xml::new(&comment);
    let root = [("xmlns:db", "http://domibus.eu/configuration"), ("party", kit.own.id.as_str())];
    xml.element("db:configuration", &root, |xml| {
        channels(xml, &lines);
        xml.element("businessProcesses", &[], |xml| {
            roles(xml, kit);
            parties(xml, kit, own_url);
            exchanges(xml, &lines);
            securities(xml, kit);
            errors_and_agreements(xml, kit);
            services(xml, &lines);
            reliability(xml, kit);
            legs(xml, &lines);
            processes(xml, &lines);
        });
    });
    xml.finish()
}

fn channels(xml: &mut Xml, lines: &[Line<'_>]) {
    let channels: BTreeSet<&str> = lines.iter().filter_map(Line::channel).chain([DEFAULT_MPC]).collect();
    xml.element("mpcs", &[], |xml| {
        for channel in channels {
            // Retention in minutes: what was downloaded goes after a day, what was not stays.
            let attributes = [
                ("name", channel_name(Some(channel))),
                ("qualifiedName", channel.to_owned()),
                ("enabled", "true".to_owned()),
                ("default", (channel == DEFAULT_MPC).to_string()),
                ("retention_downloaded", "1440".to_owned()),
                ("retention_undownloaded", "-1".to_owned()),
            ];
            empty(xml, "mpc", &attributes);
        }
    });
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
            // By its name Domibus looks for the party's certificate.
            xml.element("party", &[("name", &party.id), ("endpoint", url)], |xml| {
                xml.empty("identifier", &[("partyId", &party.id), ("partyIdType", &party.kind)]);
            });
        }
    });
}

fn exchanges(xml: &mut Xml, lines: &[Line<'_>]) {
    let patterns: BTreeSet<(&str, &str)> = lines.iter().map(pattern).chain([("oneway", "push")]).collect();
    let (meps, bindings): (BTreeSet<&str>, BTreeSet<&str>) = patterns.into_iter().unzip();
    xml.element("meps", &[], |xml| {
        for mep in meps {
            let value = if mep == "oneway" { "oneWay" } else { "twoWay" };
            xml.empty("mep", &[("name", mep), ("value", &format!("{EBMS}{value}"))]);
        }
        for binding in bindings {
            xml.empty("binding", &[("name", binding), ("value", &format!("{EBMS}{binding}"))]);
        }
    });
    // The schema asks for a property and a set of them, whether or not a leg asks for the set.
    xml.element("properties", &[], |xml| {
        let corners = lines.iter().any(|line| line.corners);
        let known = ["originalSender", "finalRecipient"].map(|name| (name, "true"));
        let known = known.into_iter().filter(|_| corners).chain([("trackingIdentifier", "false")]);
        for (name, required) in known {
            xml.empty("property", &[("name", name), ("key", name), ("datatype", "string"), ("required", required)]);
        }
        xml.element("propertySet", &[("name", "optional")], |xml| {
            xml.empty("propertyRef", &[("property", "trackingIdentifier")]);
        });
        if corners {
            xml.element("propertySet", &[("name", "corners")], |xml| {
                for name in ["originalSender", "finalRecipient", "trackingIdentifier"] {
                    xml.empty("propertyRef", &[("property", name)]);
                }
            });
        }
    });
}

fn securities(xml: &mut Xml, kit: &Kit) {
    let names: BTreeSet<String> = lines::agreed(kit).iter().map(security).collect();
    xml.element("securities", &[], |xml| {
        for name in &names {
            let file = policy_file(name);
            let mut attributes =
                vec![("name", name.as_str()), ("policy", file.as_str()), ("signatureMethod", "RSA_SHA256")];
            if encrypts(kit) {
                attributes.push(("profile", "RSA"));
            }
            xml.empty("security", &attributes);
        }
    });
}

fn errors_and_agreements(xml: &mut Xml, kit: &Kit) {
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
        for terms in lines::agreed(kit) {
            let kind = terms.kind.unwrap_or_default();
            xml.empty("agreement", &[("name", terms.id), ("value", terms.name), ("type", kind)]);
        }
    });
}

fn services(xml: &mut Xml, lines: &[Line<'_>]) {
    let services: BTreeSet<(&str, Option<&str>)> = lines.iter().map(|line| (line.service, line.service_type)).collect();
    xml.element("services", &[], |xml| {
        for (service, kind) in services {
            let name = service_name(service, kind);
            let mut attributes = vec![("name", name.as_str()), ("value", service)];
            attributes.extend(kind.map(|kind| ("type", kind)));
            xml.empty("service", &attributes);
        }
    });
    let actions: BTreeSet<&str> = lines.iter().flat_map(actions).collect();
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
        for pattern in ["response", "callback"] {
            xml.empty("reliability", &[("name", pattern), ("nonRepudiation", "true"), ("replyPattern", pattern)]);
        }
    });
}

fn legs(xml: &mut Xml, lines: &[Line<'_>]) {
    let mut written = BTreeSet::new();
    xml.element("legConfigurations", &[], |xml| {
        for line in lines {
            for action in actions(line).into_iter().filter(|action| written.insert(leg_name(line, action))) {
                let pulled = matches!(line.carried, Carried::Pull(_));
                let mut attributes = vec![
                    ("name", leg_name(line, action)),
                    ("service", service_name(line.service, line.service_type)),
                    ("action", action.to_owned()),
                    ("security", security(&line.terms)),
                    ("defaultMpc", channel_name(line.channel())),
                    ("receptionAwareness", "retry".to_owned()),
                    ("reliability", if pulled { "callback" } else { "response" }.to_owned()),
                    ("errorHandling", "synchronous".to_owned()),
                    ("compressPayloads", line.terms.compress.to_string()),
                ];
                if line.corners {
                    attributes.insert(7, ("propertySet", "corners".to_owned()));
                }
                empty(xml, "legConfiguration", &attributes);
            }
        }
    });
}

/// One process for the lines of each: parties, agreement and pattern.
fn processes(xml: &mut Xml, lines: &[Line<'_>]) {
    let mut written = BTreeSet::new();
    for first in lines.iter().filter(|line| written.insert(line.process.as_str())) {
        let [(initiator, initiator_role), (responder, responder_role)] = first.sides();
        let (mep, binding) = pattern(first);
        let attributes = [
            ("name", first.process.as_str()),
            ("agreement", first.terms.id),
            ("mep", mep),
            ("binding", binding),
            ("initiatorRole", initiator_role),
            ("responderRole", responder_role),
        ];
        xml.element("process", &attributes, |xml| {
            xml.element("initiatorParties", &[], |xml| xml.empty("initiatorParty", &[("name", &initiator.id)]));
            xml.element("responderParties", &[], |xml| xml.empty("responderParty", &[("name", &responder.id)]));
            xml.element("legs", &[], |xml| {
                for line in lines.iter().filter(|line| line.process == first.process) {
                    for action in actions(line) {
                        xml.empty("leg", &[("name", &leg_name(line, action))]);
                    }
                }
            });
        });
    }
}

/// Where Domibus finds the own keys.
fn properties(kit: &Kit, password: &str) -> String {
    let mut text = "# Domibus: lines for domibus.properties; the stores are those beside this file.\n".to_owned();
    for purpose in ["sign", "decrypt"] {
        let prefix = format!("domibus.security.key.private.rsa.{purpose}");
        let alias = alias(kit, &kit.own.id, purpose);
        text += &format!("{prefix}.alias={alias}\n{prefix}.password={password}\n{prefix}.type=RSA\n");
    }
    text
}

/// Pattern and binding by their names here.
fn pattern(line: &Line<'_>) -> (&'static str, &'static str) {
    match line.carried {
        Carried::Push(_) => ("oneway", "push"),
        Carried::Pull(_) => ("oneway", "pull"),
        Carried::TwoWay(_) => ("twoway", "pushAndPush"),
    }
}

fn actions<'k>(line: &Line<'k>) -> Vec<&'k str> {
    let reply = match line.carried {
        Carried::TwoWay(reply) => Some(reply),
        _ => None,
    };
    std::iter::once(line.action).chain(reply).collect()
}

fn security(terms: &Terms<'_>) -> String {
    let token = match terms.token {
        "x509-pkipath" => "",
        other => other,
    };
    file_name(&format!("{} {token}", if terms.encrypts { "signEncrypt" } else { "signOnly" }))
}

fn policy_file(security: &str) -> String {
    format!("carnet-{}.xml", security.replace("signEncrypt", "sign-encrypt").replace("signOnly", "sign-only"))
}

fn channel_name(channel: Option<&str>) -> String {
    channel.filter(|channel| *channel != DEFAULT_MPC).map_or_else(|| "mpc".to_owned(), file_name)
}

/// One service may stand in the list with two types.
fn service_name(name: &str, kind: Option<&str>) -> String {
    file_name(&format!("{name} {}", kind.unwrap_or_default()))
}

/// The same in both directions, and for each security and channel its own.
fn leg_name(line: &Line<'_>, action: &str) -> String {
    let mut name = format!("{}.{}", service_name(line.service, line.service_type), file_name(action));
    if line.terms.id != "main" {
        name += &format!(".{}", file_name(line.terms.id));
    }
    match line.carried {
        Carried::Pull(channel) => format!("{name}.{}", file_name(channel)),
        _ => name,
    }
}

fn empty(xml: &mut Xml, name: &str, attributes: &[(&str, String)]) {
    let attributes: Vec<(&str, &str)> = attributes.iter().map(|(name, value)| (*name, value.as_str())).collect();
    xml.empty(name, &attributes);
}
