//! What a node has agreed to, and with whom, found without looking at what else it has agreed to.
//! Leaves what a P-Mode says to `pmode` and what binds a certificate to a partner to `partner`.

use crate::id::PartyId;
use crate::partner::{Partner, Stranger};
use crate::pmode::PModes;
use carnet_wire::Limits;
use carnet_wire::encryption::DecryptionKey;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

/// What a node has agreed to, and with whom.
#[derive(Debug, Clone)]
pub struct Agreements {
    /// This node's party.
    pub us: PartyId,
    /// What may be exchanged.
    pub pmodes: PModes,
    /// With whom.
    pub partners: Partners,
    /// What a message may cost.
    pub limits: Limits,
    /// Keys that parts for this node are encrypted for, the old and the new while keys roll over.
    pub decryption: Vec<Arc<DecryptionKey>>,
}

impl Agreements {
    /// The partner of that party id.
    #[must_use]
    pub fn partner(&self, party: &PartyId) -> Option<Cow<'_, Partner>> {
        self.partners.of(party)
    }
}

/// The partners of a node. One for each value of a PartyId: the last, when several are put in.
/// Whoever has no place among them may be admitted as a [`Stranger`].
#[derive(Debug, Clone, Default)]
pub struct Partners {
    named: HashMap<String, Partner>,
    strangers: Vec<Stranger>,
}

impl Partners {
    /// The partner of that party id.
    #[must_use]
    //= EDEL-DYNRECEIVER-01
    pub fn of(&self, party: &PartyId) -> Option<Cow<'_, Partner>> {
        match self.named(party.value()) {
            Some(partner) => (partner.party == *party).then_some(Cow::Borrowed(partner)),
            None => self.strangers.iter().find_map(|stranger| stranger.partner(party)).map(Cow::Owned),
        }
    }

    /// With these strangers admitted.
    #[must_use]
    pub fn and_strangers(self, strangers: Vec<Stranger>) -> Self {
        Self { strangers, ..self }
    }

    /// The partner whose party id has that value, whatever its type.
    #[must_use]
    pub fn named(&self, value: &str) -> Option<&Partner> {
        self.named.get(value)
    }
}

impl FromIterator<Partner> for Partners {
    fn from_iter<I: IntoIterator<Item = Partner>>(partners: I) -> Self {
        let named = partners.into_iter().map(|partner| (partner.party.value().to_owned(), partner)).collect();
        Self { named, strangers: Vec::new() }
    }
}
