//! What a node has agreed to, and with whom, found without looking at what else it has agreed to.
//! Leaves what a P-Mode says to `pmode` and what binds a certificate to a partner to `partner`.

use crate::id::PartyId;
use crate::partner::Partner;
use crate::pmode::PModes;
use carnet_wire::Limits;
use std::collections::HashMap;

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
}

impl Agreements {
    /// The partner of that party id.
    #[must_use]
    pub fn partner(&self, party: &PartyId) -> Option<&Partner> {
        self.partners.of(party)
    }
}

/// The partners of a node. One for each value of a PartyId: the last, when several are put in.
#[derive(Debug, Clone, Default)]
pub struct Partners(HashMap<String, Partner>);

impl Partners {
    /// The partner of that party id.
    #[must_use]
    pub fn of(&self, party: &PartyId) -> Option<&Partner> {
        self.named(party.value()).filter(|partner| partner.party == *party)
    }

    /// The partner whose party id has that value, whatever its type.
    #[must_use]
    pub fn named(&self, value: &str) -> Option<&Partner> {
        self.0.get(value)
    }
}

impl FromIterator<Partner> for Partners {
    fn from_iter<I: IntoIterator<Item = Partner>>(partners: I) -> Self {
        Self(partners.into_iter().map(|partner| (partner.party.value().to_owned(), partner)).collect())
    }
}
