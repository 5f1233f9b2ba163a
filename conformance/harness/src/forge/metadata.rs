//! Service metadata as a publisher signs them, rightly or wrongly.
//!
//! Written in canonical form with one enveloped signature over the whole document (OASIS BDXR SMP 1.0); canonical form and
//! digest come from `carnet-wire`. Who asks, and at which address, is `runner`'s.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carnet_catalogue::step::{Forge, Stage};
use carnet_certs::{Identity, Scheme};
use carnet_wire::digest::sha256;
use carnet_wire::xml::Document;
use carnet_wire::{Limits, c14n, namespace};
use rustls_pki_types::CertificateDer;

use super::envelope::escape;
use super::{ForgeError, at, edit};

/// Namespace of BDXR SMP 1.0.
const SMP: &str = "http://docs.oasis-open.org/bdxr/ns/SMP/2016/05";

/// What metadata are about: participant, document and process, each a scheme with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Who receives.
    pub participant: (String, String),
    /// What it receives.
    pub document: (String, String),
    /// In which process.
    pub process: (String, String),
    /// Over which transport.
    pub transport: String,
}

/// What metadata say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Metadata {
    /// Where a participant receives, for a day from an hour ago.
    Endpoint {
        /// What it is about.
        about: Subject,
        /// The address.
        uri: String,
        /// Certificate of whoever receives there.
        certificate: CertificateDer<'static>,
    },
    /// Another publisher knows.
    Elsewhere {
        /// The address of its answer.
        href: String,
        /// The name in its certificate.
        publisher: String,
    },
}

/// Signed metadata; without a signer, unsigned ones. Edits of the stage `document` get signed, those of `signed` do not.
///
/// # Errors
/// See [`ForgeError`]; an edit that does nothing is an error.
pub fn metadata(says: &Metadata, signer: Option<&Identity>, forge: &[Forge]) -> Result<Vec<u8>, ForgeError> {
    let mut document = format!(
        "<SignedServiceMetadata xmlns=\"{SMP}\"><ServiceMetadata>{}</ServiceMetadata></SignedServiceMetadata>",
        says.content()
    );
    for edit in at(forge, Stage::Document) {
        document = edit::text(&document, edit)?;
    }
    if let Some(signer) = signer {
        document = signed(&document, signer)?;
    }
    let mut bytes = document.into_bytes();
    for edit in at(forge, Stage::Signed) {
        bytes = edit::xml(&bytes, edit)?;
    }
    Ok(bytes)
}

impl Metadata {
    fn content(&self) -> String {
        match self {
            Self::Elsewhere { href, publisher } => format!(
                "<Redirect href=\"{}\"><CertificateUID>{}</CertificateUID></Redirect>",
                escape(href),
                escape(publisher)
            ),
            Self::Endpoint { about, uri, certificate } => {
                let named = |name: &str, (scheme, value): &(String, String)| {
                    format!("<{name} scheme=\"{}\">{}</{name}>", escape(scheme), escape(value))
                };
                let now = jiff::Timestamp::now().as_second();
                let time = |after: i64| {
                    jiff::Timestamp::from_second(now + after).map(|time| time.to_string()).unwrap_or_default()
                };
                [
                    "<ServiceInformation>",
                    &named("ParticipantIdentifier", &about.participant),
                    &named("DocumentIdentifier", &about.document),
                    "<ProcessList><Process>",
                    &named("ProcessIdentifier", &about.process),
                    "<ServiceEndpointList>",
                    &format!("<Endpoint transportProfile=\"{}\">", escape(&about.transport)),
                    &format!("<EndpointURI>{}</EndpointURI>", escape(uri)),
                    "<RequireBusinessLevelSignature>false</RequireBusinessLevelSignature>",
                    &format!("<ServiceActivationDate>{}</ServiceActivationDate>", time(-3600)),
                    &format!("<ServiceExpirationDate>{}</ServiceExpirationDate>", time(86_400)),
                    &format!("<Certificate>{}</Certificate>", STANDARD.encode(certificate)),
                    "<ServiceDescription>Conformance suite</ServiceDescription>",
                    "<TechnicalContactUrl>https://localhost/</TechnicalContactUrl>",
                    "</Endpoint></ServiceEndpointList></Process></ProcessList></ServiceInformation>",
                ]
                .concat()
            }
        }
    }
}

/// The document with its signature as the last child of the root.
fn signed(document: &str, signer: &Identity) -> Result<String, ForgeError> {
    let failed = |what: String| ForgeError::Sign { what };
    let read = Document::parse(document.as_bytes(), &Limits::default()).map_err(|error| failed(error.to_string()))?;
    let content = c14n::exclusive(&read, read.root().id(), &[]).map_err(|error| failed(error.to_string()))?;
    let method = |name: &str, algorithm: &str| format!("<{name} Algorithm=\"{algorithm}\"></{name}>");
    let info = [
        method("CanonicalizationMethod", namespace::EXC_C14N),
        method("SignatureMethod", namespace::RSA_SHA256),
        "<Reference URI=\"\"><Transforms>".to_owned(),
        method("Transform", namespace::ENVELOPED),
        method("Transform", namespace::EXC_C14N),
        "</Transforms>".to_owned(),
        method("DigestMethod", namespace::SHA256),
        format!("<DigestValue>{}</DigestValue></Reference>", STANDARD.encode(sha256(&content))),
    ]
    .concat();
    let ds = namespace::DS;
    let octets = format!("<SignedInfo xmlns=\"{ds}\">{info}</SignedInfo>");
    let value =
        signer.key.sign(Scheme::RsaPkcs1Sha256, octets.as_bytes()).map_err(|error| failed(error.to_string()))?;
    let chain: String =
        signer.chain.iter().map(|one| format!("<X509Certificate>{}</X509Certificate>", STANDARD.encode(one))).collect();
    let signature = format!(
        "<Signature xmlns=\"{ds}\"><SignedInfo>{info}</SignedInfo><SignatureValue>{}</SignatureValue><KeyInfo><X509Data>\
         {chain}</X509Data></KeyInfo></Signature>",
        STANDARD.encode(value)
    );
    let end = document.rfind("</").ok_or_else(|| failed("the document has no root".to_owned()))?;
    let (before, after) = document.split_at(end);
    Ok([before, &signature, after].concat())
}

#[cfg(test)]
mod tests {
    use carnet_catalogue::step::Op;
    use carnet_certs::{Authority, Profile, UnixTime};
    use carnet_wire::signature::{Policy, SignatureError, enveloped};

    use super::*;

    fn about() -> Metadata {
        let pair = |scheme: &str, value: &str| (scheme.to_owned(), value.to_owned());
        Metadata::Endpoint {
            about: Subject {
                participant: pair("urn:x", "A & B"),
                document: pair("", "<d>"),
                process: pair("", "p"),
                transport: "t".to_owned(),
            },
            uri: "https://localhost/as4?a&b".to_owned(),
            certificate: CertificateDer::from(vec![1, 2, 3]),
        }
    }

    fn read(bytes: &[u8]) -> Result<usize, SignatureError> {
        let document = Document::parse(bytes, &Limits::default()).unwrap();
        enveloped(&document, &Policy::default()).map(|chain| chain.len())
    }

    /// What is changed before signing is signed, what is changed after breaks it.
    #[test]
    fn metadata_verify_unless_they_are_spoilt_after_signing() {
        let signer = Authority::new("A", UnixTime::now()).unwrap();
        let signer = signer.issue(&Profile::signing("SMP"), UnixTime::now()).unwrap();
        let edit = |at| Forge {
            at,
            op: Op::Replace,
            place: "//EndpointURI/text()".to_owned(),
            with: Some("https://other/".to_owned()),
            hex: None,
            times: None,
            gzip_zeros: None,
            to: None,
        };
        let made = |edits: &[Forge]| metadata(&about(), Some(&signer), edits).unwrap();
        assert_eq!(read(&made(&[])), Ok(2));
        assert_eq!(read(&made(&[edit(Stage::Document)])), Ok(2));
        assert_eq!(read(&made(&[edit(Stage::Signed)])), Err(SignatureError::Digest));
        let elsewhere = Metadata::Elsewhere { href: "http://next/?a&b".to_owned(), publisher: "SMP".to_owned() };
        assert_eq!(read(&metadata(&elsewhere, Some(&signer), &[]).unwrap()), Ok(2));
        assert!(read(&metadata(&elsewhere, None, &[]).unwrap()).is_err());
    }
}
