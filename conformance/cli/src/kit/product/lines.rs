//! What two parties may send each other, message by message: what the P-Modes of other products are made of.
//!
//! A product's own files say how it is written down. What no product here has a form for is left out: version 2.0 of
//! eDelivery AS4, and parties that nobody registered or that are looked up.

use carnet_catalogue::exchange::Under;
use carnet_catalogue::profile::RSA;
use carnet_catalogue::subject::Party;

use super::super::{Kit, Leg};
use super::{DEFAULT_MPC, file_name};

/// One kind of message, or the two of a Two-Way exchange, in one direction.
#[derive(Debug, Clone)]
pub(super) struct Line<'k> {
    /// Names it among all, fit for a file.
    pub(super) name: String,
    /// Names the process it belongs to: parties, agreement and pattern.
    pub(super) process: String,
    /// Who sends it.
    pub(super) sender: &'k Party,
    /// Who gets it.
    pub(super) receiver: &'k Party,
    /// What it goes under.
    pub(super) terms: Terms<'k>,
    /// Service.
    pub(super) service: &'k str,
    /// Its type attribute.
    pub(super) service_type: Option<&'k str>,
    /// Action.
    pub(super) action: &'k str,
    /// How it is carried.
    pub(super) carried: Carried<'k>,
    /// It names the outer corners.
    pub(super) corners: bool,
}

/// An agreement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Terms<'k> {
    /// Names it: `main`, or as `subject.toml` does.
    pub(super) id: &'k str,
    /// AgreementRef.
    pub(super) name: &'k str,
    /// Its type attribute.
    pub(super) kind: Option<&'k str>,
    /// Token of the messages of both.
    pub(super) token: &'k str,
    /// Payloads are compressed.
    pub(super) compress: bool,
    /// Payloads are encrypted by RSA.
    pub(super) encrypts: bool,
}

/// How a message gets from one to the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Carried<'k> {
    /// Pushed, on the channel of that name.
    Push(&'k str),
    /// Pulled from a channel: its receiver is the initiator.
    Pull(&'k str),
    /// Pushed, and answered by a push with that action.
    TwoWay(&'k str),
}

impl Line<'_> {
    /// Initiator and responder, each with its role.
    pub(super) fn sides(&self) -> [(&Party, &str); 2] {
        let (initiator, responder) = match self.carried {
            Carried::Pull(_) => (self.receiver, self.sender),
            _ => (self.sender, self.receiver),
        };
        [(initiator, &initiator.initiator_role), (responder, &responder.responder_role)]
    }

    /// The channel, where it is not the default one.
    pub(super) fn channel(&self) -> Option<&str> {
        match self.carried {
            Carried::Push(mpc) | Carried::Pull(mpc) => Some(mpc).filter(|mpc| *mpc != DEFAULT_MPC),
            Carried::TwoWay(_) => None,
        }
    }
}

/// The main agreement.
pub(super) fn main(kit: &Kit) -> Terms<'_> {
    Terms {
        id: "main",
        name: &kit.agreement.0,
        kind: kit.agreement.1.as_deref(),
        token: &kit.token,
        compress: kit.compress,
        encrypts: false,
    }
}

/// Every agreement that a product can be told of, the main one first.
pub(super) fn agreed(kit: &Kit) -> Vec<Terms<'_>> {
    let further = kit.further.iter().filter(|(_, agreement)| agreement.secured().signing == RSA);
    let further = further.map(|(id, agreement)| Terms {
        id,
        name: &agreement.name,
        kind: agreement.kind.as_deref(),
        token: &agreement.token,
        compress: agreement.compress,
        encrypts: agreement.secured().encryption.is_some(),
    });
    std::iter::once(main(kit)).chain(further).collect()
}

/// All lines of a kit.
pub(super) fn all(kit: &Kit) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    for terms in agreed(kit) {
        let mpc = match kit.further.iter().find(|(id, _)| id == terms.id) {
            Some((_, agreement)) => agreement.mpc.as_deref(),
            None => kit.mpc.as_deref(),
        };
        for leg in kit.legs() {
            let process = if terms.id == "main" { leg.slug() } else { format!("{}-{}", leg.slug(), terms.id) };
            for service in &kit.services {
                lines.extend(service.actions.iter().map(|action| Line {
                    name: file_name(&format!("{process}-{action}")),
                    process: file_name(&process),
                    sender: leg.initiator,
                    receiver: leg.responder,
                    terms,
                    service: &service.name,
                    service_type: service.kind.as_deref().filter(|kind| !kind.is_empty()),
                    action,
                    carried: Carried::Push(mpc.unwrap_or(DEFAULT_MPC)),
                    corners: false,
                }));
            }
        }
    }
    for leg in kit.legs() {
        lines.extend(
            [Under::TwoWay, Under::Pull, Under::FourCorner].into_iter().filter_map(|under| exchange(leg, under)),
        );
    }
    lines
}

/// The line of an exchange beside the plain one, in one direction; none where there is no such exchange.
fn exchange(leg: Leg<'_>, under: Under) -> Option<Line<'_>> {
    let kit = leg.kit;
    let terms = kit.exchanges.terms(under, false)?;
    let carried = match under {
        Under::TwoWay => Carried::TwoWay(kit.exchanges.terms(under, true)?.action),
        Under::Pull => {
            let pull = kit.exchanges.pull.as_ref()?;
            // Each channel is its sender's.
            Carried::Pull(if leg.initiator.id == kit.own.id { &pull.channel } else { &pull.offers })
        }
        _ => Carried::Push(DEFAULT_MPC),
    };
    let process = file_name(&format!("{}-{}", leg.slug(), under.as_str()));
    Some(Line {
        name: process.clone(),
        process,
        sender: leg.initiator,
        receiver: leg.responder,
        terms: main(kit),
        service: terms.service,
        service_type: terms.service_type.filter(|kind| !kind.is_empty()),
        action: terms.action,
        carried,
        corners: under == Under::FourCorner,
    })
}
