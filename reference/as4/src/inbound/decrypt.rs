//! Step 4: decryption, of which the profile has none: whatever is encrypted is refused, before its signature is
//! looked at, as the signature covers what was encrypted.
//! Leaves the agreement to `pmode`. Clauses: eDelivery AS4 1.15 (encryption of payload parts), which `customs-c2c` leaves
//! to TLS.

use super::Fault;
use crate::ns;
use crate::soap::Envelope;
use carnet_wire::xml::Element;

//= CARNET-ENCRYPT-01
pub(super) fn refuse_encrypted(envelope: &Envelope<'_>) -> Result<(), Fault> {
    let encrypted = |element: Element<'_>| element.children().any(|child| child.name().0 == ns::XENC);
    if envelope.security.is_some_and(encrypted) {
        return Err(Fault::Encrypted("a part"));
    }
    if encrypted(envelope.body) {
        return Err(Fault::Encrypted("SOAP Body"));
    }
    Ok(())
}
