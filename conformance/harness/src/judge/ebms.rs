//! Reads ebMS messages for the judge: user messages, receipts, errors, and what their signature covers.
//!
//! Written without a look at the node's own reader. Signature and trust by `carnet-wire`; the position of what was
//! signed is checked here: exactly one Header, Body, Messaging, Security and Signature, each at its path, and the
//! nodes that were verified are those very nodes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carnet_wire::digest::{self, Transform};
use carnet_wire::signature::{Policy, SignatureAlgorithm, Unverified};
use carnet_wire::token::TokenType;
use carnet_wire::trust::{Anchors, RevocationPolicy};
use carnet_wire::xml::{Document, Element};
use carnet_wire::{Limits, namespace};
use rustls_pki_types::{CertificateDer, UnixTime};

use crate::forge::{EB, error_row};
use crate::root::Package;

/// The severity of an error that lets the message stand.
const WARNING: &str = "warning";

const EBBP: &str = "http://docs.oasis-open.org/ebxml-bp/ebbp-signals-2.0";

/// What an envelope carries.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ebms {
    /// MessageId.
    pub message_id: String,
    /// RefToMessageId.
    pub refers_to: Option<String>,
    /// Timestamp.
    pub timestamp: String,
    /// A receipt, with the references it repeats.
    pub receipt: Option<Vec<Reference>>,
    /// Errors.
    pub errors: Vec<ErrorSeen>,
    /// A pull request, with the channel it names; empty for the default one.
    pub pull: Option<String>,
    /// A user message.
    pub user: Option<User>,
    /// Its signature.
    pub signature: Signature,
    /// Messaging carries `mustUnderstand`.
    pub must_understand: bool,
}

/// A `ds:Reference`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// URI.
    pub uri: String,
    /// Digest algorithm.
    pub method: String,
    /// Digest.
    pub digest: Vec<u8>,
}

/// An `eb:Error`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ErrorSeen {
    /// errorCode.
    pub code: String,
    /// severity.
    pub severity: String,
    /// category.
    pub category: String,
    /// shortDescription.
    pub short: String,
    /// refToMessageInError.
    pub in_error: Option<String>,
    /// Description and ErrorDetail.
    pub text: String,
}

/// Header fields of a user message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct User {
    /// From: PartyId, type, role.
    pub from: (String, String, String),
    /// To: PartyId, type, role.
    pub to: (String, String, String),
    /// Number of PartyId elements in From and To.
    pub party_ids: (usize, usize),
    /// AgreementRef.
    pub agreement: Option<String>,
    /// Service.
    pub service: String,
    /// Action.
    pub action: String,
    /// ConversationId.
    pub conversation: Option<String>,
    /// Message properties by name.
    pub properties: Vec<(String, String)>,
    /// PartInfo: href, and properties by name.
    pub parts: Vec<(String, Vec<(String, String)>)>,
}

/// What is known of a signature.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Signature {
    /// There is one.
    pub present: bool,
    /// Why it does not hold, or stands where it must not.
    pub fault: Option<String>,
    /// Messaging is covered.
    pub messaging: bool,
    /// The Body is covered.
    pub body: bool,
    /// Content-IDs covered, with the claimed digest.
    pub parts: Vec<(String, Vec<u8>)>,
    /// All references.
    pub references: Vec<Reference>,
    /// The signature algorithm.
    pub algorithm: Option<SignatureAlgorithm>,
    /// `x509-v3`, `x509-pkipath`, `ski`, `issuer-serial`.
    pub token: Option<&'static str>,
    /// Chain of the token, leaf first.
    pub chain: Vec<CertificateDer<'static>>,
}

/// Why an envelope could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EbmsError {
    /// The XML cannot be read.
    #[error("the envelope is not readable XML: {0}")]
    Xml(String),
    /// It is not SOAP 1.2 with one Header and one Body.
    #[error("the envelope is not SOAP 1.2: {0}")]
    Soap(String),
    /// No eb:Messaging, or several.
    #[error("the envelope does not carry one eb:Messaging: {0}")]
    Messaging(String),
}

/// Reads an envelope.
///
/// # Errors
/// See [`EbmsError`].
pub fn read(envelope: &[u8]) -> Result<Ebms, EbmsError> {
    read_knowing(envelope, &[])
}

/// As [`read`], with certificates that a token may name without carrying them, each followed by its issuers.
///
/// # Errors
/// See [`EbmsError`].
pub fn read_knowing(envelope: &[u8], known: &[CertificateDer<'static>]) -> Result<Ebms, EbmsError> {
    let document = Document::parse(envelope, &Limits::default()).map_err(|error| EbmsError::Xml(error.to_string()))?;
    let places = Places::of(&document)?;
    Ok(Ebms { signature: signature(&document, &places, known), ..places.fields() })
}

/// What an envelope carries that was read already, less its signature.
///
/// # Errors
/// See [`EbmsError`].
pub fn fields(document: &Document<'_>) -> Result<Ebms, EbmsError> {
    Ok(Places::of(document)?.fields())
}

/// Where an envelope carries what.
struct Places<'d> {
    header: Element<'d>,
    messaging: Element<'d>,
    body: Element<'d>,
}

impl<'d> Places<'d> {
    fn of(document: &'d Document<'_>) -> Result<Self, EbmsError> {
        let soap = |error: carnet_wire::xml::XmlError| EbmsError::Soap(error.to_string());
        let header =
            document.by_path(&[(namespace::SOAP12, "Envelope"), (namespace::SOAP12, "Header")]).map_err(soap)?;
        let body = document.by_path(&[(namespace::SOAP12, "Envelope"), (namespace::SOAP12, "Body")]).map_err(soap)?;
        let messaging = header
            .only_child(EB, "Messaging")
            .map_err(|error| EbmsError::Messaging(error.to_string()))?
            .ok_or_else(|| EbmsError::Messaging("it is missing from the Header".to_owned()))?;
        Ok(Self { header, messaging, body })
    }

    fn fields(&self) -> Ebms {
        let messaging = self.messaging;
        let mut ebms = Ebms {
            must_understand: matches!(messaging.attribute(namespace::SOAP12, "mustUnderstand"), Some("true" | "1")),
            ..Ebms::default()
        };
        for child in messaging.children() {
            if let Some(info) = child.child(EB, "MessageInfo") {
                let text = |local: &str| info.child(EB, local).map(|element| element.text().trim().to_owned());
                ebms.message_id = text("MessageId").unwrap_or_default();
                ebms.timestamp = text("Timestamp").unwrap_or_default();
                ebms.refers_to = text("RefToMessageId").or(ebms.refers_to);
            }
            if child.is(EB, "SignalMessage") {
                // A pull request and a receipt may stand together, each in a signal of its own.
                ebms.receipt = child.child(EB, "Receipt").map(receipt).or(ebms.receipt);
                ebms.errors.extend(child.children().filter(|element| element.is(EB, "Error")).map(error));
                let pull = child.child(EB, "PullRequest");
                ebms.pull = pull.map(|pull| pull.attribute("", "mpc").unwrap_or_default().to_owned()).or(ebms.pull);
            } else if child.is(EB, "UserMessage") {
                ebms.user = Some(user(child));
            }
        }
        ebms
    }
}

impl Ebms {
    /// Whether it refuses what it answers. An error of severity warning lets the message stand, but for those codes of
    /// which that is the severity (ebMS3 Core 6.2.2 and 6.7).
    #[must_use]
    pub fn refuses(&self) -> bool {
        let by_code = |code: &str| error_row(code).is_some_and(|row| row.severity == WARNING);
        self.errors.iter().any(|error| error.severity != WARNING || by_code(&error.code))
    }
}

impl Signature {
    /// Why it does not hold, or is made in another way than agreed.
    #[must_use]
    pub fn fault_under(&self, agreed: &[SignatureAlgorithm]) -> Option<String> {
        let other = self.algorithm.filter(|algorithm| !agreed.contains(algorithm));
        self.fault.clone().or_else(|| other.map(|algorithm| format!("a signature by {}", algorithm.uri())))
    }

    /// Whether the chain leads to one of the anchors at that time; in words why not.
    ///
    /// # Errors
    /// In words.
    pub fn trusted(&self, anchors: &[CertificateDer<'static>], now: UnixTime) -> Result<(), String> {
        if self.chain.is_empty() {
            return Err("the signature carries no certificate".to_owned());
        }
        let policy = RevocationPolicy { require_status: false, enforce_expiration: false, whole_chain: false };
        let anchors = Anchors::new(anchors, &[], policy).map_err(|error| error.to_string())?;
        anchors.verify(&self.chain, now).map_err(|error| error.to_string())
    }

    /// Whether every part of the package is covered with the digest it really has; in words why not.
    ///
    /// # Errors
    /// In words.
    pub fn covers_parts(&self, package: &Package) -> Result<(), String> {
        for part in &package.parts {
            let cid = part.cid.clone().unwrap_or_default();
            let Some((_, claimed)) = self.parts.iter().find(|(covered, _)| *covered == cid) else {
                return Err(format!("part {cid} is not covered by the signature"));
            };
            let digest = digest::part(Transform::of(&part.content_type), &part.body, &Limits::default())
                .map_err(|error| format!("part {cid}: {error}"))?;
            if digest.sha256.as_slice() != claimed.as_slice() {
                return Err(format!("the digest of part {cid} differs from the signed one"));
            }
        }
        match self
            .parts
            .iter()
            .find(|(covered, _)| !package.parts.iter().any(|part| part.cid.as_deref() == Some(covered)))
        {
            Some((missing, _)) => Err(format!("the signature covers part {missing}, which is not there")),
            None => Ok(()),
        }
    }
}

fn signature(document: &Document<'_>, places: &Places<'_>, known: &[CertificateDer<'static>]) -> Signature {
    let Places { header, messaging, body } = *places;
    let mut seen = Signature::default();
    let security: Vec<Element<'_>> =
        header.children().filter(|element| element.is(namespace::WSSE, "Security")).collect();
    seen.present = document.elements().any(|element| element.is(namespace::DS, "Signature"));
    let [security] = security.as_slice() else {
        if seen.present || !security.is_empty() {
            seen.fault = Some(format!("got {} wsse:Security in the Header, expected 1", security.len()));
        }
        return seen;
    };
    // Whether it is the agreed one is asked where the agreement is known.
    let signatures =
        vec![SignatureAlgorithm::RsaSha256, SignatureAlgorithm::Ed25519, SignatureAlgorithm::EcdsaP256Sha256];
    let policy = Policy { signatures, ..Policy::default() };
    let unverified = match Unverified::read(document, security.id(), &policy) {
        Ok(unverified) => unverified,
        Err(error) => {
            if seen.present {
                seen.fault = Some(error.to_string());
            }
            return seen;
        }
    };
    seen.references = unverified
        .references()
        .iter()
        .map(|reference| Reference {
            uri: reference.uri.clone(),
            method: reference.digest_method.uri().to_owned(),
            digest: reference.digest.clone(),
        })
        .collect();
    seen.algorithm = Some(unverified.algorithm());
    seen.token = Some(match unverified.token().token_type() {
        TokenType::X509V3 => "x509-v3",
        TokenType::X509PkiPath => "x509-pkipath",
        TokenType::Ski => "ski",
        TokenType::IssuerSerial => "issuer-serial",
        TokenType::Thumbprint => "thumbprint-sha1",
    });
    seen.chain = unverified.token().chain().to_vec();
    if seen.chain.is_empty()
        && let Some(named) = known.iter().position(|certificate| unverified.token().names(certificate))
    {
        seen.chain = known.get(named..).unwrap_or_default().to_vec();
    }
    let Some(leaf) = seen.chain.first() else {
        seen.fault = Some("the token names a certificate that is not known of the subject".to_owned());
        return seen;
    };
    match unverified.verify(leaf) {
        Ok(verified) => {
            let covers = |element: Element<'_>| verified.elements.iter().any(|signed| signed.node == element.id());
            seen.messaging = covers(messaging);
            seen.body = covers(body);
            seen.parts = verified.parts.iter().map(|part| (part.cid.clone(), part.digest.clone())).collect();
            let at = document.element(verified.signature).and_then(Element::parent);
            if at.is_none_or(|parent| parent.id() != security.id()) {
                seen.fault = Some("the signature stands outside wsse:Security".to_owned());
            }
        }
        Err(error) => seen.fault = Some(error.to_string()),
    }
    seen
}

fn receipt(receipt: Element<'_>) -> Vec<Reference> {
    receipt
        .descendants()
        .filter(|element| element.is(EBBP, "MessagePartNRInformation"))
        .flat_map(|part| part.children().filter(|element| element.is(namespace::DS, "Reference")).collect::<Vec<_>>())
        .map(|reference| {
            let digest: String = reference
                .child(namespace::DS, "DigestValue")
                .map(|value| value.text().split_whitespace().collect())
                .unwrap_or_default();
            Reference {
                uri: reference.attribute("", "URI").unwrap_or_default().to_owned(),
                method: reference
                    .child(namespace::DS, "DigestMethod")
                    .and_then(|method| method.attribute("", "Algorithm"))
                    .unwrap_or_default()
                    .to_owned(),
                digest: STANDARD.decode(digest).unwrap_or_default(),
            }
        })
        .collect()
}

fn error(error: Element<'_>) -> ErrorSeen {
    let attribute = |name: &str| error.attribute("", name).unwrap_or_default().to_owned();
    let text = |local: &str| error.child(EB, local).map(|element| element.text().trim().to_owned()).unwrap_or_default();
    ErrorSeen {
        code: attribute("errorCode"),
        severity: attribute("severity"),
        category: attribute("category"),
        short: attribute("shortDescription"),
        in_error: error.attribute("", "refToMessageInError").map(str::to_owned),
        text: format!("{} {}", text("Description"), text("ErrorDetail")).trim().to_owned(),
    }
}

fn user(message: Element<'_>) -> User {
    let party = |local: &str| -> ((String, String, String), usize) {
        let Some(party) = message.child(EB, "PartyInfo").and_then(|info| info.child(EB, local)) else {
            return Default::default();
        };
        let ids: Vec<Element<'_>> = party.children().filter(|element| element.is(EB, "PartyId")).collect();
        let id = ids.first().map(|id| id.text().trim().to_owned()).unwrap_or_default();
        let kind = ids.first().and_then(|id| id.attribute("", "type")).unwrap_or_default().to_owned();
        let role = party.child(EB, "Role").map(|role| role.text().trim().to_owned()).unwrap_or_default();
        ((id, kind, role), ids.len())
    };
    let collaboration = message.child(EB, "CollaborationInfo");
    let text = |local: &str| {
        collaboration.and_then(|info| info.child(EB, local)).map(|element| element.text().trim().to_owned())
    };
    let parts = message
        .child(EB, "PayloadInfo")
        .map(|info| info.children().filter(|element| element.is(EB, "PartInfo")).map(part).collect())
        .unwrap_or_default();
    let ((from, from_ids), (to, to_ids)) = (party("From"), party("To"));
    User {
        from,
        to,
        party_ids: (from_ids, to_ids),
        agreement: text("AgreementRef"),
        service: text("Service").unwrap_or_default(),
        action: text("Action").unwrap_or_default(),
        conversation: text("ConversationId"),
        properties: properties(message.child(EB, "MessageProperties")),
        parts,
    }
}

fn part(part: Element<'_>) -> (String, Vec<(String, String)>) {
    (part.attribute("", "href").unwrap_or_default().to_owned(), properties(part.child(EB, "PartProperties")))
}

/// Properties by name, in order.
fn properties(of: Option<Element<'_>>) -> Vec<(String, String)> {
    let property = |property: Element<'_>| {
        (property.attribute("", "name").unwrap_or_default().to_owned(), property.text().trim().to_owned())
    };
    of.map(|of| of.children().map(property).collect()).unwrap_or_default()
}
