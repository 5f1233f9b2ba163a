//! Sign: the package becomes an envelope, and what must be remembered to check its receipt.
//! Leaves canonical form and signature to `seal`. Clauses: AS4 profile 1.0 section 5.1.4, 5.1.5.

use super::Package;
use crate::header::{Content, PartDigest};
use crate::id::MessageId;
use crate::partner::Identity;
use crate::seal;
use carnet_wire::wss::SignError;
use serde::{Deserialize, Serialize};

/// A signed envelope. A retry sends the same bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The SOAP envelope: the whole body when there are no parts, else the root part.
    pub envelope: Vec<u8>,
    /// What its receipt will be checked against.
    pub sent: Sent,
}

/// What was sent, as far as a receipt has to prove it. Keep it with the message until its receipt came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// The message.
    pub message_id: MessageId,
    /// The P-Mode it was sent under.
    pub pmode: String,
    /// Every signed thing, with its digest.
    pub references: Vec<PartDigest>,
}

impl Package {
    /// Signs the message. Costs a private-key operation, so it belongs on a worker thread.
    ///
    /// # Errors
    /// [`SignError`] of the key, or of a value that XML cannot hold.
    //= AS4-SIGN-01
    //= AS4-SIGN-02
    //= EDEL-TOKEN-02
    pub fn sign(&self, identity: &Identity) -> Result<Signed, SignError> {
        let parts: Vec<(&str, [u8; 32])> =
            self.message.parts.iter().zip(&self.digests).map(|(part, sha256)| (part.id.as_str(), *sha256)).collect();
        let sealed = seal::message(Content::User(&self.message), &parts, identity, self.signs)?;
        let sent = Sent {
            message_id: self.message.info.message_id.clone(),
            pmode: self.pmode.clone(),
            references: sealed.references,
        };
        Ok(Signed { envelope: sealed.envelope, sent })
    }
}
