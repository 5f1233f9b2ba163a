//! What the signature of an envelope proves: who signed, and that Messaging, Body and every part are covered.
//! Leaves the signature's algorithms and digests to `carnet_wire::signature`, and hashing parts to the driver. Used on
//! the way in and on answers alike. Clauses: AS4 profile 1.0 section 5.1.4, 5.1.5; WSS SOAP message security 1.1.1; WSS
//! SwA profile 1.1 (Attachment-Content-Signature-Transform).

use crate::header::{PartDigest, Transform};
use crate::id::{ContentId, PartyId};
use crate::partner::{BindingError, Partner};
use crate::pmode::{Profile, TokenForm};
use crate::soap::Envelope;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carnet_wire::Limits;
use carnet_wire::namespace::{ATTACHMENT_CONTENT, EXC_C14N};
use carnet_wire::signature::{
    DigestAlgorithm, PartReference, Policy, Reference, SignatureAlgorithm, SignatureError, Transform as WireTransform,
    Unverified,
};
use carnet_wire::token::{Token, TokenType};
use carnet_wire::trust::TrustError;
use carnet_wire::xml::Document;
use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, UnixTime};
use std::time::Duration;

/// Why the security of an envelope is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum SecurityError {
    /// No signature at all.
    #[error("envelope is not signed")]
    Unsigned,
    /// The signature is malformed, outside what is allowed, or wrong.
    #[error("signature is refused")]
    Signature(#[from] SignatureError),
    /// A token that was not agreed.
    #[error("token of the signer is {0:?}, which is not agreed")]
    Token(TokenType),
    /// The signer is named by a token that carries no certificate, and none that is known of the party is meant.
    #[error("token names none of the certificates known of {0}")]
    Unknown(PartyId),
    /// A path was agreed, and the signer's certificate came alone in it.
    #[error("certificate path of {0} holds the signer alone, expected its issuers too")]
    LeafAlone(PartyId),
    /// The signer is not the party.
    #[error("signer is refused")]
    Signer(#[from] BindingError),
    /// Messaging or Body stands outside the signature: left out, or another element was signed in its place.
    #[error("{0} is not covered by the signature")]
    NotCovered(&'static str),
    /// A part stands outside the signature.
    #[error("part {0} is not covered by the signature")]
    PartNotCovered(ContentId),
}

/// What may sign, and how.
pub(crate) struct Rules<'a> {
    pub(crate) profile: &'a Profile,
    pub(crate) accept_tokens: &'a [TokenForm],
    pub(crate) partner: &'a Partner,
    pub(crate) limits: &'a Limits,
    pub(crate) now: Timestamp,
}

/// What a signature that holds covers.
pub(crate) struct Secured {
    /// Parts, by Content-ID, with the digests the signer claims.
    pub(crate) parts: Vec<PartReference>,
    /// All references, in order, for a receipt.
    pub(crate) references: Vec<PartDigest>,
    /// Who signed.
    pub(crate) signer: CertificateDer<'static>,
}

/// Verifies the signature, the signer, and that the very elements that are read are the ones signed.
//= AS4-SIGN-01
//= AS4-SIGN-03
//= AS4-SIGN-05
pub(crate) fn verify(
    document: &Document<'_>,
    envelope: &Envelope<'_>,
    rules: &Rules<'_>,
) -> Result<Secured, SecurityError> {
    let security = envelope.security.ok_or(SecurityError::Unsigned)?;
    let unverified = Unverified::read(document, security.id(), &policy(rules)).map_err(|error| match error {
        SignatureError::Unsigned => SecurityError::Unsigned,
        other => SecurityError::Signature(other),
    })?;
    let token = unverified.token();
    //= EDEL-TOKEN-01
    //= EDEL-TOKEN-03
    let form = match token.token_type() {
        TokenType::X509PkiPath => TokenForm::PkiPath,
        TokenType::X509V3 => TokenForm::X509v3,
        TokenType::Ski => TokenForm::Ski,
        TokenType::IssuerSerial => TokenForm::IssuerSerial,
        other @ TokenType::Thumbprint => return Err(SecurityError::Token(other)),
    };
    if !rules.accept_tokens.contains(&form) {
        return Err(SecurityError::Token(token.token_type()));
    }
    let now = unix(rules.now);
    let mut completed = Vec::new();
    let chain = match form {
        // A path that leaves its issuers out is not completed: the profile asks the sender for all of it.
        TokenForm::PkiPath => token.chain(),
        TokenForm::X509v3 => {
            completed.extend_from_slice(token.chain());
            completed.extend_from_slice(&rules.partner.intermediates);
            completed.as_slice()
        }
        TokenForm::Ski | TokenForm::IssuerSerial => {
            completed = named(token, rules.partner, now)?;
            completed.as_slice()
        }
    };
    let alone = form == TokenForm::PkiPath && chain.len() == 1;
    rules.partner.check_signer(chain, now).map_err(|error| match error {
        //= EDEL-TOKEN-02
        BindingError::SignerTrust(party, TrustError::UnknownIssuer) if alone => SecurityError::LeafAlone(party),
        other => SecurityError::Signer(other),
    })?;
    let leaf = chain.first().ok_or(SecurityError::Token(token.token_type()))?;
    let verified = unverified.verify(leaf)?;
    let covered = |node| verified.elements.iter().any(|element| element.node == node);
    if let Some(messaging) = envelope.messaging
        && !covered(messaging.id())
    {
        return Err(SecurityError::NotCovered("Messaging"));
    }
    if !covered(envelope.body.id()) {
        return Err(SecurityError::NotCovered("Body"));
    }
    Ok(Secured {
        references: verified.references.iter().map(part_digest).collect(),
        parts: verified.parts,
        signer: leaf.clone(),
    })
}

/// The certificate that the token names, among those known of the partner, with its issuers. A key that lives on in a
/// new certificate keeps its identifier, so the first that is good now is taken.
fn named(token: &Token, partner: &Partner, now: UnixTime) -> Result<Vec<CertificateDer<'static>>, SecurityError> {
    let mut chains = partner.known.iter().filter(|certificate| token.names(certificate)).map(|leaf| {
        let mut chain = vec![leaf.clone()];
        chain.extend_from_slice(&partner.intermediates);
        chain
    });
    let first = chains.next().ok_or_else(|| SecurityError::Unknown(partner.party.clone()))?;
    let good = |chain: &Vec<CertificateDer<'static>>| partner.check_signer(chain, now).is_ok();
    if good(&first) {
        return Ok(first);
    }
    Ok(chains.find(good).unwrap_or(first))
}

/// The profile's algorithms; a name that `carnet-wire` does not know allows nothing.
//= EDEL-ALGORITHM-01
fn policy(rules: &Rules<'_>) -> Policy {
    let security = &rules.profile.security;
    Policy {
        signatures: security.signatures.iter().filter_map(|uri| SignatureAlgorithm::from_uri(uri)).collect(),
        digests: security.digests.iter().filter_map(|uri| DigestAlgorithm::from_uri(uri)).collect(),
        references: rules.limits.references,
        certificates: rules.limits.certificates,
    }
}

fn part_digest(reference: &Reference) -> PartDigest {
    let transform = match &reference.transform {
        WireTransform::Exclusive { prefixes } => {
            Transform { algorithm: EXC_C14N.to_owned(), prefixes: prefixes.clone() }
        }
        WireTransform::AttachmentContent => {
            Transform { algorithm: ATTACHMENT_CONTENT.to_owned(), prefixes: Vec::new() }
        }
    };
    PartDigest {
        uri: reference.uri.clone(),
        algorithm: reference.digest_method.uri().to_owned(),
        value: STANDARD.encode(&reference.digest),
        transforms: vec![transform],
    }
}

/// Times before 1970 are taken as 1970: no certificate is valid then.
pub(crate) fn unix(time: Timestamp) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(time.as_second()).unwrap_or_default()))
}
