//! Step 3: the signature holds, its signer is the From party, and Messaging, Body and every part are covered.
//! Leaves verifying to `secure` and the parts' bytes to the driver. Clauses: AS4 profile 1.0 section 5.1.4, 5.1.5.

use super::identify::Identified;
use super::{Agreements, Fault};
use crate::header::UserMessage;
use crate::id::ContentId;
use crate::secure::{Rules, Secured, SecurityError, verify};
use crate::soap::Envelope;
use carnet_wire::xml::Document;
use jiff::Timestamp;

//= AS4-SIGN-02
pub(super) fn authenticate(
    agreements: &Agreements,
    identified: &Identified<'_>,
    document: &Document<'_>,
    envelope: &Envelope<'_>,
    message: &UserMessage,
    now: Timestamp,
) -> Result<Secured, Fault> {
    let rules = Rules {
        profile: &identified.pmode.profile,
        accept_tokens: &identified.pmode.security.accept_tokens,
        partner: &identified.partner,
        limits: &agreements.limits,
        now,
    };
    let secured = verify(document, envelope, &rules)?;
    let covered = |id: &ContentId| secured.parts.iter().any(|part| part.cid == id.as_str());
    match message.parts.iter().find(|part| !covered(&part.id)) {
        Some(part) => Err(SecurityError::PartNotCovered(part.id.clone()).into()),
        None => Ok(secured),
    }
}
