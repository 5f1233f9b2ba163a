//! WS-SecurityPolicy as Domibus reads it: Messaging, Body and every part signed with an X.509 token, and the parts
//! encrypted where that is agreed.

use super::EBMS;
use super::lines::Terms;
use super::xml::Xml;

/// The policy of an agreement; with `profiled` its algorithms are those of the security profile that names it.
pub(super) fn text(terms: &Terms<'_>, profiled: bool) -> String {
    let namespaces = [
        ("xmlns:wsp", "http://www.w3.org/ns/ws-policy"),
        ("xmlns:sp", "http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702"),
        ("xmlns:sp13", "http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200802"),
        ("xmlns:cxf", "http://e-delivery.eu/custom/security-policy"),
    ];
    let what = if terms.encrypts { "Sign and encrypt" } else { "Sign only" };
    let mut xml = Xml::new(&format!("{what}. To be put into the policies directory."));
    // With its profiles Domibus puts the name of their algorithms here.
    let suite = if profiled { "cxf:${algorithmSuitePlaceholder}" } else { "cxf:Basic128GCMSha256MgfSha256" };
    xml.element("wsp:Policy", &namespaces, |xml| {
        xml.element("wsp:ExactlyOne", &[], |xml| {
            xml.element("wsp:All", &[], |xml| {
                nested(xml, "sp:AsymmetricBinding", |xml| {
                    token(xml, "sp:InitiatorToken", terms.token);
                    token(xml, "sp:RecipientToken", terms.token);
                    nested(xml, "sp:Layout", |xml| xml.empty("sp:Lax", &[]));
                    if terms.encrypts {
                        xml.empty("sp:SignBeforeEncrypting", &[]);
                    }
                    nested(xml, "sp:AlgorithmSuite", |xml| xml.empty(suite, &[]));
                });
                xml.element("sp:SignedParts", &[], |xml| {
                    xml.empty("sp:Header", &[("Namespace", EBMS), ("Name", "Messaging")]);
                    xml.empty("sp:Body", &[]);
                    xml.element("sp:Attachments", &[], |xml| xml.empty("sp13:ContentSignatureTransform", &[]));
                });
                if terms.encrypts {
                    xml.element("sp:EncryptedParts", &[], |xml| xml.empty("sp:Attachments", &[]));
                }
            });
        });
    });
    xml.finish()
}

/// A token that travels, or one that is only named.
fn token(xml: &mut Xml, whose: &str, token: &str) {
    let (include, reference, kind) = match token {
        "x509-pkipath" => ("Always", None, "sp:WssX509PkiPathV1Token11"),
        "ski" => ("Never", Some("sp:RequireKeyIdentifierReference"), "sp:WssX509V3Token11"),
        "issuer-serial" => ("Never", Some("sp:RequireIssuerSerialReference"), "sp:WssX509V3Token11"),
        _ => ("Always", None, "sp:WssX509V3Token11"),
    };
    let include = format!("http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702/IncludeToken/{include}");
    nested(xml, whose, |xml| {
        xml.element("sp:X509Token", &[("sp:IncludeToken", &include)], |xml| {
            xml.element("wsp:Policy", &[], |xml| {
                if let Some(reference) = reference {
                    xml.empty(reference, &[]);
                }
                xml.empty(kind, &[]);
            });
        });
    });
}

fn nested(xml: &mut Xml, name: &str, inside: impl FnOnce(&mut Xml)) {
    xml.element(name, &[], |xml| xml.element("wsp:Policy", &[], inside));
}
