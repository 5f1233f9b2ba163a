//! Which P-Mode a message runs under.
//! Leaves what a mismatch is answered with to `inbound`. Clauses: ebMS 3.0 core 5.2.2.7 (AgreementRef and its `pmode`
//! attribute), 4.3 (matching a message to its P-Mode).

use super::{Leg, Open, PMode, PModeError};
use crate::header::UserMessage;
use crate::id::{Action, Mpc, PModeId, PartyId, Service};
use std::collections::HashMap;

/// The P-Modes of a node: unique names, and no message matches two. However many there are, only those between the two
/// parties of a message are looked at.
#[derive(Debug, Clone, Default)]
pub struct PModes {
    all: Vec<PMode>,
    ids: HashMap<String, usize>,
    /// By sender, then by receiver.
    pairs: HashMap<PartyId, HashMap<PartyId, Vec<usize>>>,
    /// Those whose initiator is left open, by receiver.
    open: HashMap<PartyId, Vec<usize>>,
    /// Those whose responder is left open, by sender.
    open_to: HashMap<PartyId, Vec<usize>>,
    /// Those that are pulled, by channel.
    channels: HashMap<Mpc, Vec<usize>>,
}

/// Why no P-Mode fits a message: the first thing that no P-Mode has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// Addressed to someone else.
    #[error("message is for {to}, expected {us}")]
    NotForUs {
        /// The To party.
        to: PartyId,
        /// This node's party.
        us: PartyId,
    },
    /// No P-Mode with this sender.
    #[error("no P-Mode lets {from} send here")]
    Sender {
        /// The From party.
        from: PartyId,
    },
    /// No P-Mode of the sender has this agreement.
    #[error("no P-Mode of {from} has the agreement {agreement}")]
    Agreement {
        /// The From party.
        from: PartyId,
        /// What the header names, or `none`.
        agreement: String,
    },
    /// The `pmode` attribute names another P-Mode.
    #[error("header names the P-Mode {pmode}, which is not one of {from}")]
    PMode {
        /// The From party.
        from: PartyId,
        /// What the header names.
        pmode: PModeId,
    },
    /// No P-Mode of the sender has these roles.
    #[error("no P-Mode of {from} has the roles {from_role} and {to_role}")]
    Role {
        /// The From party.
        from: PartyId,
        /// Role of the sender.
        from_role: String,
        /// Role of the receiver.
        to_role: String,
    },
    /// No P-Mode of the sender has this channel.
    #[error("no P-Mode of {from} uses the channel {mpc}")]
    Mpc {
        /// The From party.
        from: PartyId,
        /// The channel.
        mpc: String,
    },
    /// The only P-Modes that fit are pulled and the message was pushed, or the other way about.
    #[error("message of {from} was {}, which its P-Mode does not agree on", if *.pulled { "pulled" } else { "pushed" })]
    Binding {
        /// The From party.
        from: PartyId,
        /// How it came.
        pulled: bool,
    },
    /// No P-Mode of the sender has this service.
    #[error("no P-Mode of {from} has the service {service}")]
    Service {
        /// The From party.
        from: PartyId,
        /// The service.
        service: Service,
    },
    /// No P-Mode of the sender has this action of the service.
    #[error("no P-Mode of {from} has action {action} of service {service}")]
    Action {
        /// The From party.
        from: PartyId,
        /// The service.
        service: Service,
        /// The action.
        action: Action,
    },
}

impl PModes {
    /// Puts P-Modes together.
    ///
    /// # Errors
    /// [`PModeError::SameId`], or [`PModeError::Overlap`] when one message could match two.
    pub fn new(pmodes: Vec<PMode>) -> Result<Self, PModeError> {
        let mut put = Self::default();
        for (index, pmode) in pmodes.iter().enumerate() {
            if put.ids.insert(pmode.id.to_string(), index).is_some() {
                return Err(PModeError::SameId { id: pmode.id.clone() });
            }
            let (sender, receiver) = (pmode.sender().id.clone(), pmode.receiver().id.clone());
            let pair = match pmode.open {
                Some(Open::Initiator) => put.open.entry(receiver).or_default(),
                Some(Open::Responder) => put.open_to.entry(sender).or_default(),
                None => put.pairs.entry(sender).or_default().entry(receiver).or_default(),
            };
            for other in pair.iter().filter_map(|other| pmodes.get(*other)) {
                if let Some((service, action)) = overlap(other, pmode) {
                    return Err(PModeError::Overlap {
                        first: other.id.clone(),
                        second: pmode.id.clone(),
                        service: service.to_string(),
                        action: action.to_string(),
                    });
                }
            }
            pair.push(index);
            if pmode.is_pulled() {
                put.channels.entry(pmode.mpc.clone()).or_default().push(index);
            }
        }
        Ok(Self { all: pmodes, ..put })
    }

    /// All P-Modes, in the order they were given.
    pub fn iter(&self) -> impl Iterator<Item = &PMode> {
        self.all.iter()
    }

    /// The P-Mode of that name.
    #[must_use]
    pub fn named(&self, id: &str) -> Option<&PMode> {
        self.all.get(*self.ids.get(id)?)
    }

    /// The P-Modes whose messages are pulled from a channel, whoever pulls.
    pub fn channel(&self, mpc: &Mpc) -> impl Iterator<Item = &PMode> {
        self.channels.get(mpc).into_iter().flatten().filter_map(|index| self.all.get(*index))
    }

    /// The P-Mode to send under: from one party to another, for a service and action. The test service takes the first
    /// P-Mode between the two, of those that push a request when there is one. Where none names both parties, one that
    /// leaves its responder open is taken, if it is of the type of the receiver.
    #[must_use]
    pub fn leg(&self, from: &PartyId, to: &PartyId, service: &Service, action: &Action) -> Option<&PMode> {
        let allowed = self.between(from, to).filter(|pmode| pmode.allows(service, action));
        let named = allowed.min_by_key(|pmode| service.is_test() && (pmode.is_pulled() || pmode.leg == Leg::Reply));
        named.or_else(|| self.open_to(from).find(|pmode| fits(pmode, to, service, action)))
    }

    /// As [`PModes::leg`], under the agreement of that name.
    #[must_use]
    pub fn leg_under(
        &self,
        agreement: &str,
        from: &PartyId,
        to: &PartyId,
        service: &Service,
        action: &Action,
    ) -> Option<&PMode> {
        let named = |pmode: &&PMode| pmode.agreement.as_ref().is_some_and(|named| named.value() == agreement);
        let allowed = self.between(from, to).filter(|pmode| pmode.allows(service, action));
        allowed.chain(self.open_to(from).filter(|pmode| fits(pmode, to, service, action))).find(named)
    }

    /// The P-Modes under which a party sends to whoever is looked up.
    pub fn open_to(&self, from: &PartyId) -> impl Iterator<Item = &PMode> {
        self.open_to.get(from).into_iter().flatten().filter_map(|index| self.all.get(*index))
    }

    /// As [`PModes::leg`], for an answer to a message that ran under `asked`: under the same agreement and profile where
    /// that allows it, so that what came encrypted is not answered in the clear.
    #[must_use]
    pub fn answer(&self, asked: &PMode, service: &Service, action: &Action) -> Option<&PMode> {
        let (from, to) = (&asked.receiver().id, &asked.sender().id);
        let same = |pmode: &&PMode| {
            pmode.allows(service, action) && pmode.agreement == asked.agreement && pmode.profile.id == asked.profile.id
        };
        self.between(from, to).find(same).or_else(|| self.leg(from, to, service, action))
    }

    fn between(&self, from: &PartyId, to: &PartyId) -> impl Iterator<Item = &PMode> {
        let pair = self.pairs.get(from).and_then(|receivers| receivers.get(to));
        pair.into_iter().flatten().filter_map(|index| self.all.get(*index))
    }

    /// The P-Mode a received message runs under; `pulled` when it came in answer to a pull request of ours.
    ///
    /// # Errors
    /// [`Mismatch`]: the first thing about the message that no P-Mode agrees with.
    //= EBMS-PMODE-03
    pub fn of(&self, message: &UserMessage, us: &PartyId, pulled: bool) -> Result<&PMode, Mismatch> {
        let from = || message.from.id.clone();
        let collaboration = &message.collaboration;
        if message.to.id != *us {
            return Err(Mismatch::NotForUs { to: message.to.id.clone(), us: us.clone() });
        }
        let mut left: Vec<&PMode> = self.between(&message.from.id, us).collect();
        if left.is_empty() {
            let open = self.open.get(us).into_iter().flatten().filter_map(|index| self.all.get(*index));
            left = open.filter(|pmode| pmode.initiator.id.kind() == message.from.id.kind()).collect();
        }
        narrow(&mut left, |_| true, || Mismatch::Sender { from: from() })?;
        narrow(
            &mut left,
            |pmode| pmode.agreement.is_none() || pmode.agreement == collaboration.agreement,
            || {
                let agreement = collaboration.agreement.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string);
                Mismatch::Agreement { from: from(), agreement }
            },
        )?;
        if let Some(named) = &collaboration.pmode {
            narrow(&mut left, |pmode| pmode.id == *named, || Mismatch::PMode { from: from(), pmode: named.clone() })?;
        }
        narrow(
            &mut left,
            |pmode| pmode.sender().role == message.from.role && pmode.receiver().role == message.to.role,
            || Mismatch::Role {
                from: from(),
                from_role: message.from.role.to_string(),
                to_role: message.to.role.to_string(),
            },
        )?;
        narrow(
            &mut left,
            |pmode| pmode.mpc == message.mpc,
            || Mismatch::Mpc { from: from(), mpc: message.mpc.to_string() },
        )?;
        narrow(&mut left, |pmode| pmode.is_pulled() == pulled, || Mismatch::Binding { from: from(), pulled })?;
        let (service, action) = (&collaboration.service, &collaboration.action);
        narrow(
            &mut left,
            |pmode| service.is_test() || pmode.service(service).is_some(),
            || Mismatch::Service { from: from(), service: service.clone() },
        )?;
        narrow(
            &mut left,
            |pmode| pmode.allows(service, action),
            || Mismatch::Action { from: from(), service: service.clone(), action: action.clone() },
        )?;
        left.first().copied().ok_or_else(|| Mismatch::Sender { from: from() })
    }
}

/// Whether a P-Mode that leaves its responder open is for such a receiver.
fn fits(pmode: &PMode, to: &PartyId, service: &Service, action: &Action) -> bool {
    pmode.responder.id.kind() == to.kind() && pmode.allows(service, action)
}

fn narrow<'a>(
    left: &mut Vec<&'a PMode>,
    keep: impl Fn(&'a PMode) -> bool,
    mismatch: impl FnOnce() -> Mismatch,
) -> Result<(), Mismatch> {
    left.retain(|pmode| keep(pmode));
    if left.is_empty() { Err(mismatch()) } else { Ok(()) }
}

/// An action that a message of either P-Mode may ask for while everything else it carries fits both.
fn overlap<'a>(one: &'a PMode, other: &PMode) -> Option<(&'a Service, &'a Action)> {
    let agreements_meet = one.agreement.is_none() || other.agreement.is_none() || one.agreement == other.agreement;
    let parties_differ = one.sender() != other.sender() || one.receiver() != other.receiver();
    if parties_differ || one.mpc != other.mpc || one.is_pulled() != other.is_pulled() || !agreements_meet {
        return None;
    }
    one.services.iter().find_map(|entry| {
        let actions = &other.service(&entry.service)?.actions;
        entry.actions.iter().find(|action| actions.contains(action)).map(|action| (&entry.service, action))
    })
}
