//! The SOAP envelope: where Security, Messaging and Body stand, each exactly once.
//! Leaves the ebMS header to `header` and signatures to `secure`. Clauses: SOAP 1.2 part 1, 2.4 and 5.2 (roles,
//! mustUnderstand), 5.4.7 (version mismatch); ebMS 3.0 core 5.1.

use crate::ns;
use carnet_wire::xml::{Document, Element, XmlError};

/// Why an envelope has not the shape it needs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SoapError {
    /// Not XML that may be read.
    #[error("envelope cannot be read")]
    Xml(#[from] XmlError),
    /// An envelope of SOAP 1.1.
    #[error("envelope is SOAP 1.1, expected SOAP 1.2")]
    Version,
    /// Another root, a second Header or Body, or something beside them.
    #[error("envelope is not a SOAP 1.2 envelope with one Header and one Body")]
    Shape,
    /// Header blocks that must be understood and are not.
    #[error("header blocks must be understood and are not: {}", .0.iter().map(|(_, local)| local.as_str()).collect::<Vec<_>>().join(", "))]
    NotUnderstood(Vec<(String, String)>),
    /// No Messaging header.
    #[error("envelope has no Messaging header")]
    NoMessaging,
    /// More than one Messaging or Security header.
    #[error("envelope has more than one {0} header")]
    Repeated(&'static str),
}

/// The parts of an envelope that matter, in one tree.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Envelope<'d> {
    pub(crate) security: Option<Element<'d>>,
    pub(crate) messaging: Option<Element<'d>>,
    pub(crate) body: Element<'d>,
}

impl<'d> Envelope<'d> {
    /// Finds each part by its path from the root, and refuses whatever could be mistaken for one of them.
    pub(crate) fn of(document: &'d Document<'_>) -> Result<Self, SoapError> {
        let root = document.root();
        if root.is(ns::SOAP11, "Envelope") {
            return Err(SoapError::Version);
        }
        if !root.is(ns::SOAP12, "Envelope") {
            return Err(SoapError::Shape);
        }
        let mut children = root.children();
        let (first, second, third) = (children.next(), children.next(), children.next());
        let (header, body) = match (first, second, third) {
            (Some(header), Some(body), None) if header.is(ns::SOAP12, "Header") && body.is(ns::SOAP12, "Body") => {
                (Some(header), body)
            }
            (Some(body), None, None) if body.is(ns::SOAP12, "Body") => (None, body),
            _ => return Err(SoapError::Shape),
        };
        let mut envelope = Self { security: None, messaging: None, body };
        let mut not_understood = Vec::new();
        for block in header.into_iter().flat_map(Element::children) {
            let slot = match block.name() {
                (ns::EBMS, "Messaging") => (&mut envelope.messaging, "Messaging"),
                (ns::WSSE, "Security") => (&mut envelope.security, "Security"),
                (namespace, local) => {
                    if must_understand(block) {
                        not_understood.push((namespace.to_owned(), local.to_owned()));
                    }
                    continue;
                }
            };
            if slot.0.replace(block).is_some() {
                return Err(SoapError::Repeated(slot.1));
            }
        }
        if not_understood.is_empty() { Ok(envelope) } else { Err(SoapError::NotUnderstood(not_understood)) }
    }

    /// Whether Body holds no element and no text.
    pub(crate) fn body_is_empty(&self) -> bool {
        self.body.children().next().is_none() && self.body.text().trim().is_empty()
    }

    /// Code and reason of a SOAP fault in Body.
    pub(crate) fn fault(&self) -> Option<(String, String)> {
        let fault = self.body.child(ns::SOAP12, "Fault")?;
        let text = |path: [&str; 2]| {
            let found = fault.child(ns::SOAP12, path[0])?.child(ns::SOAP12, path[1])?;
            Some(found.text().trim().chars().take(200).collect::<String>())
        };
        Some((text(["Code", "Value"]).unwrap_or_default(), text(["Reason", "Text"]).unwrap_or_default()))
    }
}

/// Whether a block addressed to this node has to be understood.
fn must_understand(block: Element<'_>) -> bool {
    let for_us = match block.attribute(ns::SOAP12, "role") {
        None => true,
        Some(role) => matches!(role.trim(), "" | ns::SOAP_ROLE_NEXT | ns::SOAP_ROLE_ULTIMATE),
    };
    let must = block.attribute(ns::SOAP12, "mustUnderstand").is_some_and(|value| matches!(value.trim(), "true" | "1"));
    for_us && must
}

#[cfg(test)]
mod tests {
    use super::*;
    use carnet_wire::Limits;

    fn shape(inner: &str) -> Result<(bool, bool, bool), SoapError> {
        let text = format!(
            "<s:Envelope xmlns:s='{}' xmlns:eb='{}' xmlns:w='{}'>{inner}</s:Envelope>",
            ns::SOAP12,
            ns::EBMS,
            ns::WSSE
        );
        let document = Document::parse(text.as_bytes(), &Limits::default())?;
        let envelope = Envelope::of(&document)?;
        Ok((envelope.security.is_some(), envelope.messaging.is_some(), envelope.body_is_empty()))
    }

    #[test]
    fn finds_each_part_once() {
        assert_eq!(
            shape("<s:Header><w:Security/><eb:Messaging/></s:Header><s:Body> </s:Body>"),
            Ok((true, true, true))
        );
        assert_eq!(shape("<s:Header/><s:Body>x</s:Body>"), Ok((false, false, false)));
        assert_eq!(shape("<s:Body/>"), Ok((false, false, true)));
    }

    #[test]
    fn refuses_what_could_be_mistaken() {
        for inner in [
            "",
            "<s:Header/>",
            "<s:Header/><s:Header/><s:Body/>",
            "<s:Header/><s:Body/><s:Body/>",
            "<s:Body/><s:Header/>",
            "<s:Header/><x/><s:Body/>",
        ] {
            assert_eq!(shape(inner), Err(SoapError::Shape), "{inner}");
        }
        assert_eq!(
            shape("<s:Header><eb:Messaging/><eb:Messaging/></s:Header><s:Body/>"),
            Err(SoapError::Repeated("Messaging"))
        );
        assert_eq!(
            shape("<s:Header><w:Security/><w:Security s:role='urn:x'/></s:Header><s:Body/>"),
            Err(SoapError::Repeated("Security"))
        );
    }

    #[test]
    fn a_foreign_block_is_refused_only_when_it_must_be_understood_here() {
        let header =
            |attributes: &str| shape(&format!("<s:Header><x:b xmlns:x='urn:x' {attributes}/></s:Header><s:Body/>"));
        let refused = Err(SoapError::NotUnderstood(vec![("urn:x".into(), "b".into())]));
        assert_eq!(header("s:mustUnderstand='true'"), refused);
        assert_eq!(header(&format!("s:mustUnderstand='1' s:role='{}'", ns::SOAP_ROLE_NEXT)), refused);
        assert!(header("").is_ok());
        assert!(header("s:mustUnderstand='0'").is_ok());
        assert!(header("s:mustUnderstand='true' s:role='urn:someone-else'").is_ok());
    }

    #[test]
    fn soap_1_1_is_a_version_mismatch() {
        let text = format!("<s:Envelope xmlns:s='{}'><s:Body/></s:Envelope>", ns::SOAP11);
        let document = Document::parse(text.as_bytes(), &Limits::default()).expect("xml");
        assert!(matches!(Envelope::of(&document), Err(SoapError::Version)));
    }
}
