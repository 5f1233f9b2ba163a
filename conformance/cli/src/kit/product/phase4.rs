//! P-Modes in the form in which phase4's XML-based P-Mode manager keeps them, and its crypto properties.

use super::super::{Kit, Leg};
use super::xml::Xml;
use super::{DEFAULT_MPC, KEY_STORE, OWN_ALIAS, TRUST_STORE, file_name};
use carnet_catalogue::subject::Party;

/// The files by name; the passwords are those of the stores beside them.
#[must_use]
pub(crate) fn files(kit: &Kit, password: &str) -> Vec<(String, String)> {
    vec![("phase4-pmodes.xml".to_owned(), pmodes(kit)), ("phase4.properties".to_owned(), properties(password))]
}

fn pmodes(kit: &Kit) -> String {
    let mut xml = Xml::new(&format!("{} with {}, for phase4's XML P-Mode manager.", kit.own.id, kit.partner.id));
    xml.element("root", &[], |xml| {
        for leg in kit.legs() {
            for service in &kit.services {
                for action in &service.actions {
                    pmode(xml, leg, &service.name, service.kind.as_deref(), action);
                }
            }
        }
    });
    xml.finish()
}

fn pmode(xml: &mut Xml, leg: Leg<'_>, service: &str, kind: Option<&str>, action: &str) {
    let kit = leg.kit;
    let id = file_name(&format!("{}-{action}", leg.slug()));
    let attributes = [
        ("id", id.as_str()),
        ("creationldt", "2026-01-01T00:00:00"),
        ("Agreement", &kit.agreement.0),
        ("MEP", "oneway"),
        ("MEPBinding", "push"),
    ];
    xml.element("item", &attributes, |xml| {
        party(xml, "Initiator", leg.initiator, &leg.initiator.initiator_role);
        party(xml, "Responder", leg.responder, &leg.responder.responder_role);
        xml.element("Leg1", &[], |xml| {
            let mut protocol = vec![("SOAPVersion", "1.2")];
            if let Some(endpoint) = kit.endpoints.first().filter(|_| leg.initiator.id == kit.own.id) {
                protocol.insert(0, ("Address", endpoint.as_str()));
            }
            xml.empty("Protocol", &protocol);
            let mut info = vec![("Service", service)];
            info.extend(kind.filter(|kind| !kind.is_empty()).map(|kind| ("ServiceType", kind)));
            info.extend([("Action", action), ("MPCID", kit.mpc.as_deref().unwrap_or(DEFAULT_MPC))]);
            xml.empty("BusinessInfo", &info);
            let errors = [
                ("ReportAsResponse", "true"),
                ("ReportProcessErrorNotifyConsumer", "true"),
                ("ReportProcessErrorNotifyProducer", "true"),
                ("ReportDeliveryFailuresNotifyProducer", "true"),
            ];
            xml.empty("ErrorHandling", &errors);
            let security = [
                ("WSSVersion", "1.1.1"),
                ("X509SignatureHashFunction", "sha-256"),
                ("X509SignatureAlgorithm", "rsa-sha-256"),
                ("PModeAuthorize", "false"),
                ("SendReceipt", "true"),
                ("SendReceiptReplyPattern", "response"),
                ("SendReceiptNonRepudiation", "true"),
            ];
            xml.empty("Security", &security);
        });
        if kit.compress {
            xml.empty("PayloadServices", &[("CompressionMode", "gzip")]);
        }
        let retry = &kit.reception_awareness;
        let awareness = [
            ("ReceptionAwareness", "true".to_owned()),
            ("Retry", "true".to_owned()),
            ("MaxRetries", retry.retry_count.to_string()),
            ("RetryIntervalMS", retry.retry_interval.0.as_millis().to_string()),
            ("DuplicateDetection", "true".to_owned()),
        ];
        let awareness: Vec<(&str, &str)> = awareness.iter().map(|(name, value)| (*name, value.as_str())).collect();
        // Spelt so by phase4.
        xml.empty("RecepetionAwareness", &awareness);
    });
}

fn party(xml: &mut Xml, element: &str, party: &Party, role: &str) {
    let mut attributes = Vec::new();
    if !party.kind.is_empty() {
        attributes.push(("IDType", party.kind.as_str()));
    }
    attributes.extend([("IDValue", party.id.as_str()), ("Role", role)]);
    xml.empty(element, &attributes);
}

fn properties(password: &str) -> String {
    let merlin = "org.apache.wss4j.crypto.merlin";
    let lines = [
        ("keystore.type", "PKCS12"),
        ("keystore.file", KEY_STORE),
        ("keystore.password", password),
        ("keystore.alias", OWN_ALIAS),
        ("keystore.private.password", password),
        ("truststore.type", "PKCS12"),
        ("truststore.file", TRUST_STORE),
        ("truststore.password", password),
    ];
    let mut text = "# phase4: crypto configuration; file names count from where phase4 runs.\n".to_owned();
    for (name, value) in lines {
        text.push_str(&format!("{merlin}.{name}={value}\n"));
    }
    text
}
