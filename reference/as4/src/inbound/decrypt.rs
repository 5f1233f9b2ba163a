//! Step 4: what is encrypted, whether that is what was agreed, and the key of the message.
//!
//! What the header says is read before the signature is looked at, but no key is used before the signer is known: the
//! signature covers what was encrypted, so it can be verified first. Where the profile agrees on no encryption,
//! whatever is encrypted is refused; where it does, every payload must be. Leaves algorithms to `carnet_wire::encryption`
//! and the parts' bytes to the driver. Clauses: eDelivery AS4 1.15 (encryption of payload parts), WSS SwA profile 1.1.1.

use super::Fault;
use crate::header::UserMessage;
use crate::ns;
use crate::pmode::Profile;
use crate::soap::Envelope;
use carnet_wire::Limits;
use carnet_wire::encryption::{ContentAlgorithm, Encrypted, KeyMethod, Policy};
use carnet_wire::xml::{Document, Element};

/// Reads what is encrypted and holds it against the profile; none where none is agreed.
pub(super) fn agreed(
    document: &Document<'_>,
    envelope: &Envelope<'_>,
    profile: &Profile,
    limits: &Limits,
) -> Result<Option<Encrypted>, Fault> {
    let Some(agreed) = &profile.encryption else {
        refuse_encrypted(envelope)?;
        return Ok(None);
    };
    let Some(security) = envelope.security else { return Ok(None) };
    let policy = Policy {
        keys: agreed.keys.iter().filter_map(|uri| KeyMethod::from_uri(uri)).collect(),
        contents: agreed.contents.iter().filter_map(|uri| ContentAlgorithm::from_uri(uri)).collect(),
        parts: limits.parts,
        certificates: limits.certificates,
    };
    Ok(Encrypted::read(document, security.id(), &policy)?)
}

/// All payloads and nothing else.
//= EDEL-ENCRYPT-01
//= EDEL-ENCRYPT-03
pub(super) fn check_parts(message: &UserMessage, encrypted: Option<&Encrypted>) -> Result<(), Fault> {
    let parts = encrypted.map(Encrypted::parts).unwrap_or_default();
    if let Some(part) = message.parts.iter().find(|info| !parts.iter().any(|part| part.cid == info.id.as_str())) {
        return Err(Fault::NotEncrypted(part.id.clone()));
    }
    match parts.iter().find(|part| !message.parts.iter().any(|info| info.id.as_str() == part.cid)) {
        Some(part) => Err(Fault::NoPayload(part.cid.chars().take(80).collect())),
        None => Ok(()),
    }
}

//= CARNET-ENCRYPT-01
fn refuse_encrypted(envelope: &Envelope<'_>) -> Result<(), Fault> {
    let encrypted = |element: Element<'_>| element.children().any(|child| child.name().0 == ns::XENC);
    if envelope.security.is_some_and(encrypted) {
        return Err(Fault::Encrypted("a part"));
    }
    if encrypted(envelope.body) {
        return Err(Fault::Encrypted("SOAP Body"));
    }
    Ok(())
}
