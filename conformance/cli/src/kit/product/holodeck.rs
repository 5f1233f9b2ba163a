//! P-Modes as Holodeck B2B reads them (its schema `pmode.xsd`, namespace of 2014/10): one file for each direction,
//! Service and Action, as one of its P-Modes names no more than that; one for both legs of a Two-Way exchange.

use super::super::Kit;
use super::lines::{self, Carried, Line};
use super::xml::Xml;
use super::{DECRYPTION_ALIAS, EBMS, ENCRYPTION_ALIAS, OWN_ALIAS, PARTNER_ALIAS};
use carnet_catalogue::subject::Party;

const NAMESPACE: &str = "http://holodeck-b2b.org/schemas/2014/10/pmode";

/// The files by name.
#[must_use]
pub(crate) fn files(kit: &Kit, password: Option<&str>) -> Vec<(String, String)> {
    let file = |line: &Line<'_>| (format!("pmodes/{}.xml", line.name), pmode(kit, line, password));
    lines::all(kit).iter().map(file).collect()
}

fn pmode(kit: &Kit, line: &Line<'_>, password: Option<&str>) -> String {
    let (mep, binding) = match line.carried {
        Carried::Push(_) => ("oneWay", "push"),
        Carried::Pull(_) => ("oneWay", "pull"),
        Carried::TwoWay(_) => ("twoWay", "pushAndPush"),
    };
    let mut xml = Xml::new(&format!(
        "{} to {}: {}. To be put into the P-Mode directory.",
        line.sender.id, line.receiver.id, line.action
    ));
    xml.element("PMode", &[("xmlns", NAMESPACE)], |xml| {
        xml.text("id", &[("include", "false")], &format!("carnet.{}", line.name));
        xml.text("mep", &[], &format!("{EBMS}{mep}"));
        xml.text("mepBinding", &[], &format!("{EBMS}{binding}"));
        for (element, (party, role)) in ["Initiator", "Responder"].into_iter().zip(line.sides()) {
            partner(xml, element, party, role, kit, line, password);
        }
        if !line.terms.name.is_empty() {
            xml.element("Agreement", &[], |xml| {
                if let Some(kind) = line.terms.kind {
                    xml.text("type", &[], kind);
                }
                xml.text("name", &[], line.terms.name);
            });
        }
        leg(xml, kit, line, line.action, line.sender);
        if let Carried::TwoWay(reply) = line.carried {
            leg(xml, kit, line, reply, line.receiver);
        }
    });
    xml.finish()
}

/// One leg, by who sends its message.
fn leg(xml: &mut Xml, kit: &Kit, line: &Line<'_>, action: &str, sender: &Party) {
    let sends = sender.id == kit.own.id;
    let pulled = matches!(line.carried, Carried::Pull(_));
    xml.element("Leg", &[], |xml| {
        // Whoever connects needs the address: the sender of a push, the receiver of what is pulled.
        if sends != pulled {
            protocol(xml, kit);
        }
        if sends {
            xml.element("Receipt", &[], |xml| xml.text("NotifyReceiptToBusinessApplication", &[], "true"));
            retries(xml, kit);
        } else {
            let pattern = if pulled { "CALLBACK" } else { "RESPONSE" };
            xml.element("Receipt", &[], |xml| {
                xml.text("ReplyPattern", &[], pattern);
                if let (true, Some(endpoint)) = (pulled, kit.endpoints.first()) {
                    xml.text("To", &[], endpoint);
                }
            });
            xml.element("ReceptionAwareness", &[], |xml| xml.text("UseDuplicateElimination", &[], "true"));
        }
        delivery(xml);
        if let Carried::Pull(channel) = line.carried {
            xml.element("PullRequestFlow", &[], |xml| {
                xml.text("Mpc", &[], channel);
                // Whose signature may pull.
                if sends {
                    xml.element("SecurityConfiguration", &[], |xml| {
                        xml.element("Signing", &[], |xml| xml.text("KeystoreAlias", &[], PARTNER_ALIAS));
                    });
                }
            });
        }
        xml.element("UserMessageFlow", &[], |xml| {
            xml.element("BusinessInfo", &[], |xml| {
                xml.text("Action", &[], action);
                if let Some(mpc) = line.channel() {
                    xml.text("Mpc", &[], mpc);
                }
                xml.element("Service", &[], |xml| {
                    xml.text("name", &[], line.service);
                    if let Some(kind) = line.service_type {
                        xml.text("type", &[], kind);
                    }
                });
            });
            xml.element("ErrorHandling", &[], |xml| {
                xml.text("ReplyPattern", &[], "RESPONSE");
                xml.text("NotifyErrorToBusinessApplication", &[], "true");
            });
            xml.element("PayloadProfile", &[], |xml| {
                xml.text("UseAS4Compression", &[], if line.terms.compress { "true" } else { "false" });
            });
        });
    });
}

fn partner(
    xml: &mut Xml,
    element: &str,
    party: &Party,
    role: &str,
    kit: &Kit,
    line: &Line<'_>,
    password: Option<&str>,
) {
    let own = party.id == kit.own.id;
    // Where the product uses a key of its own, its operator writes that key's password here.
    let secret = [("password", password.unwrap_or_default())];
    let secret: &[(&str, &str)] = if own && password.is_some() { &secret } else { &[] };
    xml.element(element, &[], |xml| {
        let kind = [("type", party.kind.as_str())];
        xml.text("PartyId", if party.kind.is_empty() { &[] } else { &kind }, &party.id);
        xml.text("Role", &[], role);
        xml.element("SecurityConfiguration", &[], |xml| {
            xml.element("Signing", &[], |xml| {
                if !own {
                    return xml.text("KeystoreAlias", &[], PARTNER_ALIAS);
                }
                xml.text("KeystoreAlias", secret, OWN_ALIAS);
                let reference = match line.terms.token {
                    "ski" => "KeyIdentifier",
                    "issuer-serial" => "IssuerSerial",
                    _ => "BSTReference",
                };
                xml.text("KeyReferenceMethod", &[], reference);
                if reference == "BSTReference" {
                    let path = if line.terms.token == "x509-pkipath" { "true" } else { "false" };
                    xml.text("IncludeCertificatePath", &[], path);
                }
                xml.text("Algorithm", &[], "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256");
                xml.text("HashFunction", &[], "http://www.w3.org/2001/04/xmlenc#sha256");
            });
            if line.terms.encrypts {
                // For whom messages to this party are encrypted; its own key opens what it gets.
                xml.element("Encryption", &[], |xml| {
                    xml.text("KeystoreAlias", secret, if own { DECRYPTION_ALIAS } else { ENCRYPTION_ALIAS });
                    xml.text("Algorithm", &[], "http://www.w3.org/2009/xmlenc11#aes128-gcm");
                    xml.element("KeyTransport", &[], |xml| {
                        xml.text("Algorithm", &[], "http://www.w3.org/2009/xmlenc11#rsa-oaep");
                        xml.text("MGFAlgorithm", &[], "http://www.w3.org/2009/xmlenc11#mgf1sha256");
                        xml.text("DigestAlgorithm", &[], "http://www.w3.org/2001/04/xmlenc#sha256");
                    });
                });
            }
        });
    });
}

fn protocol(xml: &mut Xml, kit: &Kit) {
    xml.element("Protocol", &[], |xml| {
        if let Some(endpoint) = kit.endpoints.first() {
            xml.text("Address", &[], endpoint);
        }
        xml.text("SoapVersion", &[], "1.2");
    });
}

fn retries(xml: &mut Xml, kit: &Kit) {
    let retry = &kit.reception_awareness;
    xml.element("ReceptionAwareness", &[], |xml| {
        xml.text("MaxRetries", &[], &retry.retry_count.to_string());
        // Whole seconds.
        xml.text("RetryInterval", &[], &retry.retry_interval.0.as_secs().max(1).to_string());
    });
}

/// Delivery to files, the one method that needs nothing installed; the operator's own takes its place.
fn delivery(xml: &mut Xml) {
    xml.element("DefaultDelivery", &[], |xml| {
        xml.text("DeliveryMethod", &[], "org.holodeckb2b.backend.file.NotifyAndDeliverOperation");
        for (name, value) in [("format", "ebms"), ("deliveryDirectory", "data/msg_in")] {
            xml.element("Parameter", &[], |xml| {
                xml.text("name", &[], name);
                xml.text("value", &[], value);
            });
        }
    });
}
