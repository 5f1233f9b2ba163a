//! Which P-Mode a message runs under.
//! Leaves what a mismatch is answered with to `inbound`. Clauses: ebMS 3.0 core 5.2.2.7 (AgreementRef and its `pmode`
//! attribute), 4.3 (matching a message to its P-Mode).

use super::{PMode, PModeError};
use crate::header::UserMessage;
use crate::id::{Action, PModeId, PartyId, Service};

/// The P-Modes of a node: unique names, and no message matches two.
#[derive(Debug, Clone, Default)]
pub struct PModes(Vec<PMode>);

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
        for (index, one) in pmodes.iter().enumerate() {
            for other in pmodes.iter().skip(index + 1) {
                if one.id == other.id {
                    return Err(PModeError::SameId { id: one.id.clone() });
                }
                if let Some((service, action)) = overlap(one, other) {
                    return Err(PModeError::Overlap {
                        first: one.id.clone(),
                        second: other.id.clone(),
                        service: service.to_string(),
                        action: action.to_string(),
                    });
                }
            }
        }
        Ok(Self(pmodes))
    }

    /// All P-Modes, in the order they were given.
    pub fn iter(&self) -> impl Iterator<Item = &PMode> {
        self.0.iter()
    }

    /// The P-Mode of that name.
    #[must_use]
    pub fn named(&self, id: &str) -> Option<&PMode> {
        self.0.iter().find(|pmode| pmode.id.as_str() == id)
    }

    /// The P-Mode to send under: from one party to another, for a service and action. The test service takes the first
    /// P-Mode between the two.
    #[must_use]
    pub fn leg(&self, from: &PartyId, to: &PartyId, service: &Service, action: &Action) -> Option<&PMode> {
        self.0
            .iter()
            .find(|pmode| pmode.initiator.id == *from && pmode.responder.id == *to && pmode.allows(service, action))
    }

    /// The P-Mode a received message runs under.
    ///
    /// # Errors
    /// [`Mismatch`]: the first thing about the message that no P-Mode agrees with.
    //= EBMS-PMODE-03
    pub fn of(&self, message: &UserMessage, us: &PartyId) -> Result<&PMode, Mismatch> {
        let from = || message.from.id.clone();
        let collaboration = &message.collaboration;
        if message.to.id != *us {
            return Err(Mismatch::NotForUs { to: message.to.id.clone(), us: us.clone() });
        }
        let mut left: Vec<&PMode> = self.0.iter().collect();
        narrow(
            &mut left,
            |pmode| pmode.initiator.id == message.from.id && pmode.responder.id == *us,
            || Mismatch::Sender { from: from() },
        )?;
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
            |pmode| pmode.initiator.role == message.from.role && pmode.responder.role == message.to.role,
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
    if one.initiator != other.initiator || one.responder != other.responder || one.mpc != other.mpc || !agreements_meet
    {
        return None;
    }
    one.services.iter().find_map(|entry| {
        let actions = &other.service(&entry.service)?.actions;
        entry.actions.iter().find(|action| actions.contains(action)).map(|action| (&entry.service, action))
    })
}
