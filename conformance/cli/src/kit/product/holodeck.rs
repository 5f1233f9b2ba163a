//! P-Modes as Holodeck B2B reads them (its schema `pmode.xsd`, namespace of 2014/10): one file for each direction,
//! Service and Action, as one of its P-Modes names no more than that.

use super::super::{Kit, Leg};
use super::xml::Xml;
use super::{DEFAULT_MPC, EBMS, OWN_ALIAS, PARTNER_ALIAS, file_name};
use carnet_catalogue::subject::Party;

const NAMESPACE: &str = "http://holodeck-b2b.org/schemas/2014/10/pmode";

/// The files by name.
#[must_use]
pub(crate) fn files(kit: &Kit, password: Option<&str>) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for leg in kit.legs() {
        for service in &kit.services {
            for action in &service.actions {
                let name = file_name(&format!("{}-{action}", leg.slug()));
                let text = pmode(leg, &name, (&service.name, service.kind.as_deref()), action, password);
                files.push((format!("pmodes/{name}.xml"), text));
            }
        }
    }
    files
}

fn pmode(
    leg: Leg<'_>,
    name: &str,
    (service, kind): (&str, Option<&str>),
    action: &str,
    password: Option<&str>,
) -> String {
    let kit = leg.kit;
    let sends = leg.initiator.id == kit.own.id;
    let mut xml = Xml::new(&format!(
        "{} to {}: {action}. To be put into the P-Mode directory.",
        leg.initiator.id, leg.responder.id
    ));
    xml.element("PMode", &[("xmlns", NAMESPACE)], |xml| {
        xml.text("id", &[("include", "false")], &format!("carnet.{name}"));
        xml.text("mep", &[], &format!("{EBMS}oneWay"));
        xml.text("mepBinding", &[], &format!("{EBMS}push"));
        partner(xml, "Initiator", leg.initiator, &leg.initiator.initiator_role, kit, password);
        partner(xml, "Responder", leg.responder, &leg.responder.responder_role, kit, password);
        if !kit.agreement.0.is_empty() {
            xml.element("Agreement", &[], |xml| {
                if let Some(kind) = &kit.agreement.1 {
                    xml.text("type", &[], kind);
                }
                xml.text("name", &[], &kit.agreement.0);
            });
        }
        xml.element("Leg", &[], |xml| {
            if sends {
                sending(xml, kit);
            } else {
                xml.element("Receipt", &[], |xml| xml.text("ReplyPattern", &[], "RESPONSE"));
                xml.element("ReceptionAwareness", &[], |xml| xml.text("UseDuplicateElimination", &[], "true"));
            }
            delivery(xml);
            xml.element("UserMessageFlow", &[], |xml| {
                xml.element("BusinessInfo", &[], |xml| {
                    xml.text("Action", &[], action);
                    if let Some(mpc) = kit.mpc.as_deref().filter(|mpc| *mpc != DEFAULT_MPC) {
                        xml.text("Mpc", &[], mpc);
                    }
                    xml.element("Service", &[], |xml| {
                        xml.text("name", &[], service);
                        if let Some(kind) = kind.filter(|kind| !kind.is_empty()) {
                            xml.text("type", &[], kind);
                        }
                    });
                });
                xml.element("ErrorHandling", &[], |xml| {
                    xml.text("ReplyPattern", &[], "RESPONSE");
                    xml.text("NotifyErrorToBusinessApplication", &[], "true");
                });
                xml.element("PayloadProfile", &[], |xml| {
                    xml.text("UseAS4Compression", &[], if kit.compress { "true" } else { "false" });
                });
            });
        });
    });
    xml.finish()
}

fn partner(xml: &mut Xml, element: &str, party: &Party, role: &str, kit: &Kit, password: Option<&str>) {
    xml.element(element, &[], |xml| {
        let kind = [("type", party.kind.as_str())];
        xml.text("PartyId", if party.kind.is_empty() { &[] } else { &kind }, &party.id);
        xml.text("Role", &[], role);
        xml.element("SecurityConfiguration", &[], |xml| {
            xml.element("Signing", &[], |xml| {
                if party.id != kit.own.id {
                    return xml.text("KeystoreAlias", &[], PARTNER_ALIAS);
                }
                // Where the product uses a key of its own, its operator writes that key's password here.
                let password = [("password", password.unwrap_or_default())];
                xml.text("KeystoreAlias", if password[0].1.is_empty() { &[] } else { &password }, OWN_ALIAS);
                xml.text("KeyReferenceMethod", &[], "BSTReference");
                let path = if kit.token == "x509-pkipath" { "true" } else { "false" };
                xml.text("IncludeCertificatePath", &[], path);
                xml.text("Algorithm", &[], "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256");
                xml.text("HashFunction", &[], "http://www.w3.org/2001/04/xmlenc#sha256");
            });
        });
    });
}

fn sending(xml: &mut Xml, kit: &Kit) {
    xml.element("Protocol", &[], |xml| {
        if let Some(endpoint) = kit.endpoints.first() {
            xml.text("Address", &[], endpoint);
        }
        xml.text("SoapVersion", &[], "1.2");
    });
    xml.element("Receipt", &[], |xml| xml.text("NotifyReceiptToBusinessApplication", &[], "true"));
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
