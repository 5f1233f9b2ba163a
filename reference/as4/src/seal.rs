//! An envelope sealed: Messaging and Body in canonical form, the Security header over them and over every part.
//! Leaves the header's content to `header` and the signature to `carnet_wire::wss`.
//! Clauses: AS4 profile 1.0 section 5.1.4, 5.1.5 and 5.1.8 (what is signed), SOAP 1.2.

use crate::header::{Content, MESSAGING_ID, PartDigest, Transform, write};
use crate::ns;
use crate::partner::Identity;
use crate::pmode::Signs;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carnet_wire::emit::{Canonical, EmitError, Emitted, Name};
use carnet_wire::namespace::{ATTACHMENT_CONTENT, EXC_C14N};
use carnet_wire::wss::{SecurityIds, SignError, SignedReference, security_header};

const BODY_ID: &str = "as4-body";
const IDS: SecurityIds<'_> = SecurityIds { token: "as4-token", signature: "as4-signature" };

/// A sealed envelope and what its signature covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sealed {
    pub(crate) envelope: Vec<u8>,
    pub(crate) references: Vec<PartDigest>,
}

/// Writes and signs an ebMS message. `parts` are Content-ID, its form in a URI, and SHA-256.
//= AS4-SIGN-01
//= AS4-SIGN-02
pub(crate) fn message(
    content: Content<'_>,
    parts: &[(&str, [u8; 32])],
    identity: &Identity,
    signs: Signs,
) -> Result<Sealed, SignError> {
    seal(Some(write(content)?), &empty_body()?, parts, identity, signs)
}

/// Writes and signs a SOAP fault: no Messaging, the fault in Body.
pub(crate) fn fault(body: &Emitted, identity: &Identity, signs: Signs) -> Result<Sealed, SignError> {
    seal(None, body, &[], identity, signs)
}

/// Begins a Body that will be signed.
pub(crate) fn body() -> Canonical {
    let mut out = Canonical::new();
    out.apex(Name::new("S12", ns::SOAP12, "Body"), &[(Name::new("wsu", ns::WSU, "Id"), BODY_ID)]);
    out
}

fn empty_body() -> Result<Emitted, EmitError> {
    let mut out = body();
    out.end();
    out.finish()
}

fn seal(
    messaging: Option<Emitted>,
    body: &Emitted,
    parts: &[(&str, [u8; 32])],
    identity: &Identity,
    signs: Signs,
) -> Result<Sealed, SignError> {
    let digest = |emitted: &Emitted| emitted.digests.first().map(|apex| apex.sha256).ok_or(SignError::Nothing);
    let mut signed = Vec::with_capacity(parts.len() + 2);
    if let Some(messaging) = &messaging {
        signed.push(SignedReference::Element { id: MESSAGING_ID, sha256: digest(messaging)? });
    }
    signed.push(SignedReference::Element { id: BODY_ID, sha256: digest(body)? });
    signed.extend(parts.iter().map(|(cid, sha256)| SignedReference::Part { cid, sha256: *sha256 }));
    let identity = identity.of(signs);
    let security = security_header(identity.token(signs.token)?, &IDS, &signed, identity.signer())?;
    let messaging = messaging.as_ref().map_or("", |emitted| emitted.text.as_str());
    let envelope = format!(
        "<S12:Envelope xmlns:S12=\"{}\"><S12:Header>{security}{messaging}</S12:Header>{}</S12:Envelope>",
        ns::SOAP12,
        body.text
    );
    Ok(Sealed { envelope: envelope.into_bytes(), references: signed.iter().map(reference).collect() })
}

//= AS4-SIGN-06
fn reference(signed: &SignedReference<'_>) -> PartDigest {
    let (uri, transform, sha256) = match signed {
        SignedReference::Element { id, sha256 } => (format!("#{id}"), EXC_C14N, sha256),
        SignedReference::Part { cid, sha256 } => (format!("cid:{cid}"), ATTACHMENT_CONTENT, sha256),
    };
    PartDigest {
        uri,
        algorithm: ns::SHA256.to_owned(),
        value: STANDARD.encode(sha256),
        transforms: vec![Transform { algorithm: transform.to_owned(), prefixes: Vec::new() }],
    }
}
