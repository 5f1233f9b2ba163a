//! A message's way in: a list of named checks, one rule each; the first that is broken names the error.
//!
//! It reads with the harness's own readers and `carnet-wire`; what a message is then worth is `node`'s.

mod checks;
mod decrypt;
mod read;
mod signature;

pub(crate) use read::{Reading, Received};
pub(crate) use signature::{Signed, signature_of};

use crate::mutation::Mutation;
use crate::rule::{PathRule, Place, Rule};

/// Why a message is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken {
    /// A rule of the list, with the code of the error.
    Rule(Rule, &'static str),
    /// A rule of the signer's certificate path.
    Path(PathRule),
    /// A habit of the mutant, with the code of the error.
    Habit(&'static str),
}

impl Broken {
    /// The code of the error it is answered with.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Rule(_, code) | Self::Habit(code) => code,
            Self::Path(_) => "EBMS:0101",
        }
    }
}

/// Holds what was received against the list.
///
/// # Errors
/// The first rule that is broken and not left out.
pub(crate) fn check(received: &Received, agreed: &Agreed<'_>, mutation: &Mutation) -> Result<(), Broken> {
    for check in checks::BEFORE_TRUST {
        check.hold(received, agreed, mutation)?;
    }
    if mutation.checks(Rule::SignaturePresent) || received.signature.present {
        (agreed.trusted)(&received.signature.chain, Place::Signer).map_err(Broken::Path)?;
    }
    // A signal is held against its own rules.
    if received.seen.user_messages == 0 && (received.seen.pull || received.ebms.receipt.is_some()) {
        return Ok(());
    }
    for check in checks::AFTER_TRUST {
        check.hold(received, agreed, mutation)?;
    }
    Ok(())
}

/// What was agreed, as the checks ask about it.
pub(crate) struct Agreed<'a> {
    /// This party.
    pub(crate) own: &'a str,
    /// The names of the agreements with each partner, by the partner's PartyId.
    pub(crate) partners: &'a [(String, String)],
    /// The common name of the client certificate: the PartyId of whom it was issued to.
    pub(crate) client: Option<&'a str>,
    /// Whether a service is agreed, and an action of it.
    pub(crate) offers: &'a dyn Fn(&str, Option<&str>) -> bool,
    /// Whether a chain is trusted.
    pub(crate) trusted: &'a dyn Fn(Chain<'_>, Place) -> Result<(), PathRule>,
}

/// A chain, leaf first.
pub(crate) type Chain<'c> = &'c [rustls_pki_types::CertificateDer<'static>];
