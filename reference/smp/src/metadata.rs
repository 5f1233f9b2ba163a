//! Reading a publisher's answer: signature and signer first, then what was asked, nothing else.
//!
//! A genuine answer about another participant or document proves nothing about this one and is refused. Clauses: BDXR SMP
//! 1.0, 3.5 (data model), 3.6 (signature), 3.3 (redirection).

use std::sync::Arc;

use carnet_wire::Limits;
use carnet_wire::signature::{DigestAlgorithm, Policy, SignatureAlgorithm, SignatureError, enveloped};
use carnet_wire::token::{TokenError, subject};
use carnet_wire::trust::{Anchors, TrustError};
use carnet_wire::xml::{Document, Element, XmlError, base64_binary};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use rustls_pki_types::{CertificateDer, UnixTime};

use crate::{Identifier, NAMESPACE, Question};

/// Whose answers are believed.
#[derive(Debug, Clone)]
pub struct Publisher {
    /// Who issues the certificate that signs them.
    pub anchors: Arc<Anchors>,
    /// Whom that certificate names: its subject as RFC 4514 text, or its common name. Without one, whoever the anchors
    /// issued for.
    pub subject: Option<String>,
}

/// What a publisher says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Where the participant receives.
    Endpoint(Endpoint),
    /// Another publisher knows: its address of the same answer.
    Elsewhere(String),
}

/// Where a participant receives, and who that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The address, as it is written.
    pub uri: String,
    /// Certificate of the receiving node: it signs receipts, and payloads are encrypted for it. Not judged yet.
    pub certificate: CertificateDer<'static>,
    /// From when on the endpoint no longer serves.
    pub expires: Option<Timestamp>,
}

/// Why an answer is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// Not XML that may be read.
    #[error("answer is no xml that may be read")]
    Xml(#[from] XmlError),
    /// Not signed service metadata, or not in its shape.
    #[error("answer has another shape than expected at {element}")]
    Shape {
        /// Local name of the element that was not as expected.
        element: &'static str,
    },
    /// Not signed, or the signature does not hold.
    #[error("signature of the answer is refused")]
    Signature(#[from] SignatureError),
    /// Signed by a certificate that does not lead to the anchors.
    #[error("signer of the answer is not trusted")]
    Untrusted(#[from] TrustError),
    /// Signed by somebody else than the publisher.
    #[error("answer is signed by {got}, expected {expected}")]
    Signer {
        /// The subject of the certificate.
        got: String,
        /// The publisher's.
        expected: String,
    },
    /// The signer's certificate has no subject that can be read.
    #[error("subject of the signer cannot be read")]
    Subject(#[source] TokenError),
    /// About another participant.
    #[error("answer is about participant {0}, which was not asked for")]
    OtherParticipant(Identifier),
    /// About another document.
    #[error("answer is about document {0}, which was not asked for")]
    OtherDocument(Identifier),
    /// The participant does not take part in the process.
    #[error("participant has no process {0}")]
    NoProcess(Identifier),
    /// No endpoint speaks the transport.
    #[error("participant has no endpoint of transport {0}")]
    NoTransport(String),
    /// The endpoints that do are not in service at this time.
    #[error("endpoint of transport {0} is not in service now")]
    NotInService(String),
}

/// Reads the answer to a question.
///
/// # Errors
/// [`MetadataError`]. Whatever is wrong, nothing of the answer is used.
//= EDEL-DYNSENDER-01
pub fn read(
    bytes: &[u8],
    question: &Question,
    publisher: &Publisher,
    limits: &Limits,
    now: Timestamp,
) -> Result<Answer, MetadataError> {
    let document = Document::parse(bytes, limits)?;
    let root = document.root();
    if !root.is(NAMESPACE, "SignedServiceMetadata") {
        return Err(MetadataError::Shape { element: "SignedServiceMetadata" });
    }
    //= EDEL-DYNSENDER-04
    let signers = enveloped(&document, &policy(limits))?;
    //= EDEL-DYNSENDER-05
    check_signer(&signers, publisher, now)?;
    let metadata = only(root, "ServiceMetadata")?;
    if let Some(redirect) = metadata.only_child(NAMESPACE, "Redirect")? {
        let href = redirect.attribute("", "href").ok_or(MetadataError::Shape { element: "Redirect" })?;
        return Ok(Answer::Elsewhere(href.trim().to_owned()));
    }
    let information = only(metadata, "ServiceInformation")?;
    //= EDEL-DYNSENDER-06
    let participant = identifier(only(information, "ParticipantIdentifier")?)?;
    if !participant.same_participant(&question.participant) {
        return Err(MetadataError::OtherParticipant(participant));
    }
    let kind = identifier(only(information, "DocumentIdentifier")?)?;
    if kind != question.document {
        return Err(MetadataError::OtherDocument(kind));
    }
    let process = process(only(information, "ProcessList")?, &question.process)?;
    endpoint(only(process, "ServiceEndpointList")?, &question.transport, now).map(Answer::Endpoint)
}

/// What publishers sign with.
fn policy(limits: &Limits) -> Policy {
    Policy {
        signatures: vec![
            SignatureAlgorithm::RsaSha256,
            SignatureAlgorithm::EcdsaP256Sha256,
            SignatureAlgorithm::Ed25519,
        ],
        digests: vec![DigestAlgorithm::Sha256],
        references: limits.references,
        certificates: limits.certificates,
    }
}

fn check_signer(chain: &[CertificateDer<'_>], publisher: &Publisher, now: Timestamp) -> Result<(), MetadataError> {
    let seconds = u64::try_from(now.as_second()).unwrap_or_default();
    publisher.anchors.verify(chain, UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds)))?;
    let (Some(expected), Some(leaf)) = (&publisher.subject, chain.first()) else { return Ok(()) };
    let got = subject(leaf).map_err(MetadataError::Subject)?;
    match got.matches(expected) {
        true => Ok(()),
        false => Err(MetadataError::Signer { got: got.rfc4514, expected: expected.clone() }),
    }
}

fn process<'d>(list: Element<'d>, wanted: &Identifier) -> Result<Element<'d>, MetadataError> {
    for process in list.children().filter(|child| child.is(NAMESPACE, "Process")) {
        if identifier(only(process, "ProcessIdentifier")?)? == *wanted {
            return Ok(process);
        }
    }
    Err(MetadataError::NoProcess(wanted.clone()))
}

fn endpoint(list: Element<'_>, transport: &str, now: Timestamp) -> Result<Endpoint, MetadataError> {
    let mut spoken = list.children().filter(|child| {
        child.is(NAMESPACE, "Endpoint") && child.attribute("", "transportProfile").map(str::trim) == Some(transport)
    });
    let mut found = spoken.next().ok_or_else(|| MetadataError::NoTransport(transport.to_owned()))?;
    loop {
        let expires = time(found, "ServiceExpirationDate")?;
        let begun = time(found, "ServiceActivationDate")?.is_none_or(|begins| begins <= now);
        if begun && expires.is_none_or(|expires| now < expires) {
            let uri = text(only(found, "EndpointURI")?, "EndpointURI")?;
            return Ok(Endpoint { uri, certificate: certificate(only(found, "Certificate")?)?, expires });
        }
        found = spoken.next().ok_or_else(|| MetadataError::NotInService(transport.to_owned()))?;
    }
}

/// The certificate in base64; some publishers keep the lines that PEM puts around it.
fn certificate(element: Element<'_>) -> Result<CertificateDer<'static>, MetadataError> {
    let text = text(element, "Certificate")?;
    let dense: String = text.lines().filter(|line| !line.trim_start().starts_with("-----")).collect();
    let der = base64_binary(&dense).filter(|der| !der.is_empty());
    der.map(CertificateDer::from).ok_or(MetadataError::Shape { element: "Certificate" })
}

/// An `xs:dateTime`; without a zone it is taken as UTC.
fn time(parent: Element<'_>, name: &'static str) -> Result<Option<Timestamp>, MetadataError> {
    let Some(element) = parent.only_child(NAMESPACE, name)? else { return Ok(None) };
    let text = text(element, name)?;
    let local = || text.parse::<DateTime>().and_then(|time| TimeZone::UTC.to_timestamp(time));
    text.parse().or_else(|_| local()).map(Some).map_err(|_| MetadataError::Shape { element: name })
}

fn identifier(element: Element<'_>) -> Result<Identifier, MetadataError> {
    let scheme = element.attribute("", "scheme").unwrap_or_default().trim();
    Ok(Identifier::new(scheme, text(element, "Identifier")?))
}

fn text(element: Element<'_>, name: &'static str) -> Result<String, MetadataError> {
    let text = element.simple_text().map_err(|_| MetadataError::Shape { element: name })?;
    Ok(text.trim().to_owned())
}

fn only<'d>(parent: Element<'d>, name: &'static str) -> Result<Element<'d>, MetadataError> {
    parent.only_child(NAMESPACE, name)?.ok_or(MetadataError::Shape { element: name })
}

#[cfg(test)]
mod tests;
