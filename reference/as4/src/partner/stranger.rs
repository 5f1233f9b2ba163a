//! Parties that no agreement names: a Dynamic Receiver knows each by the certificate that names it.
//! Leaves judging that certificate to `partner`. Clauses: eDelivery AS4 1.15 section 1.5.3.

use super::{Partner, SignerBinding, Subject, TlsBinding};
use crate::id::PartyId;
use carnet_wire::trust::Anchors;
use std::fmt;
use std::sync::Arc;

/// Parties that nobody named beforehand: each is known by the certificate that names it.
#[derive(Clone)]
pub struct Stranger {
    /// The type its PartyId must have.
    pub party_type: Option<String>,
    /// Which connections may carry its messages.
    pub tls: TlsBinding,
    /// Who issues its signing certificate.
    pub anchors: Arc<Anchors>,
    /// Whom that certificate names, with `{party}` where the value of the PartyId stands.
    pub subject: Subject,
    /// Certificate policies, by OID.
    pub policies: Vec<String>,
}

impl Stranger {
    /// That party as a partner; nothing when its PartyId is of another type or could not be told from the rest of a name.
    #[must_use]
    pub fn partner(&self, party: &PartyId) -> Option<Partner> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
        let fits = party.kind() == self.party_type.as_deref() && party.value().chars().all(plain);
        fits.then(|| Partner {
            party: party.clone(),
            tls: self.tls.clone(),
            signer: SignerBinding::Anchored {
                anchors: Arc::clone(&self.anchors),
                subject: self.subject.of(party.value()),
                policies: self.policies.clone(),
            },
            intermediates: Vec::new(),
            known: Vec::new(),
            recipients: Vec::new(),
        })
    }
}

impl fmt::Debug for Stranger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Stranger").field(&self.subject).finish()
    }
}
