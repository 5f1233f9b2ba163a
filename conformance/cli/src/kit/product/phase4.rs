//! P-Modes in the form in which phase4's XML-based P-Mode manager keeps them, and its crypto properties.

use super::super::Kit;
use super::lines::{self, Carried, Line};
use super::xml::Xml;
use super::{DEFAULT_MPC, KEY_STORE, OWN_ALIAS, TRUST_STORE};
use carnet_catalogue::subject::Party;

/// The files by name; the passwords are those of the stores beside them.
#[must_use]
pub(crate) fn files(kit: &Kit, password: &str) -> Vec<(String, String)> {
    vec![("phase4-pmodes.xml".to_owned(), pmodes(kit)), ("phase4.properties".to_owned(), properties(password))]
}

fn pmodes(kit: &Kit) -> String {
    let mut xml = Xml::new(&format!("{} with {}, for phase4's XML P-Mode manager.", kit.own.id, kit.partner.id));
    xml.element("root", &[], |xml| {
        for line in lines::all(kit) {
            pmode(xml, kit, &line);
        }
    });
    xml.finish()
}

fn pmode(xml: &mut Xml, kit: &Kit, line: &Line<'_>) {
    let (mep, binding) = match line.carried {
        Carried::Push(_) => ("oneway", "push"),
        Carried::Pull(_) => ("oneway", "pull"),
        Carried::TwoWay(_) => ("twoway", "pushpush"),
    };
    let attributes = [
        ("id", line.name.as_str()),
        ("creationldt", "2026-01-01T00:00:00"),
        ("Agreement", line.terms.name),
        ("MEP", mep),
        ("MEPBinding", binding),
    ];
    xml.element("item", &attributes, |xml| {
        let [(initiator, role), (responder, other)] = line.sides();
        party(xml, "Initiator", initiator, role);
        party(xml, "Responder", responder, other);
        leg(xml, kit, line, "Leg1", line.action, &initiator.id);
        if let Carried::TwoWay(reply) = line.carried {
            leg(xml, kit, line, "Leg2", reply, &responder.id);
        }
        if line.terms.compress {
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

/// One leg; `connects` is the party that opens the connection.
fn leg(xml: &mut Xml, kit: &Kit, line: &Line<'_>, element: &str, action: &str, connects: &str) {
    xml.element(element, &[], |xml| {
        let mut protocol = vec![("SOAPVersion", "1.2")];
        if let Some(endpoint) = kit.endpoints.first().filter(|_| connects == kit.own.id) {
            protocol.insert(0, ("Address", endpoint.as_str()));
        }
        xml.empty("Protocol", &protocol);
        let mut info = vec![("Service", line.service)];
        info.extend(line.service_type.map(|kind| ("ServiceType", kind)));
        info.extend([("Action", action), ("MPCID", line.channel().unwrap_or(DEFAULT_MPC))]);
        xml.empty("BusinessInfo", &info);
        let errors = [
            ("ReportAsResponse", "true"),
            ("ReportProcessErrorNotifyConsumer", "true"),
            ("ReportProcessErrorNotifyProducer", "true"),
            ("ReportDeliveryFailuresNotifyProducer", "true"),
        ];
        xml.empty("ErrorHandling", &errors);
        let mut security = vec![
            ("WSSVersion", "1.1.1"),
            ("X509SignatureHashFunction", "sha-256"),
            ("X509SignatureAlgorithm", "rsa-sha-256"),
        ];
        if line.terms.encrypts {
            security.push(("X509EncryptionAlgorithm", "aes128-gcm"));
        }
        // What was pulled is receipted by a request of its own.
        let pattern = if matches!(line.carried, Carried::Pull(_)) { "callback" } else { "response" };
        security.extend([
            ("PModeAuthorize", "false"),
            ("SendReceipt", "true"),
            ("SendReceiptReplyPattern", pattern),
            ("SendReceiptNonRepudiation", "true"),
        ]);
        xml.empty("Security", &security);
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
