//! What comes beside user messages: a receipt or an error for a message that was pulled from here, and a pull request.
//! Leaves what was sent, and what waits, to the store: it is the driver that looks there. Clauses: AS4 profile 1.0 2.1.1
//! (receipts of pulled messages come by themselves or bundled), eDelivery AS4 1.15 1.5.5 (pull).

use super::{Agreements, Fault, Refusal, SignalInfo};
use crate::header::{ErrorSignal, MessageInfo};
use crate::id::{MessageId, Mpc, PModeId, PartyId};
use crate::ns;
use crate::partner::BindingError;
use crate::pmode::Signs;
use crate::respond::Draft;
use crate::secure::{Rules, SecurityError, unix, verify};
use crate::soap::Envelope;
use carnet_wire::xml::Document;
use jiff::Timestamp;
use rustls_pki_types::CertificateDer;

/// A receipt or errors for a message that was sent from here. Nothing of it is proven: look up what [`Returned::about`]
/// names, and ask [`outbound::answer::check_returned`](crate::outbound::answer::check_returned).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returned {
    /// Id of the signal.
    pub message_id: MessageId,
    /// The message it says it is about.
    pub about: Option<MessageId>,
    /// Codes of the errors; none for a receipt.
    pub errors: Vec<String>,
}

impl Returned {
    pub(super) fn new(info: MessageInfo, errors: Option<Vec<ErrorSignal>>) -> Self {
        let errors = errors.unwrap_or_default();
        Self {
            about: info.ref_to.or_else(|| errors.iter().find_map(|error| error.ref_to.clone())),
            errors: errors.iter().take(5).map(|error| error.code.chars().take(16).collect()).collect(),
            message_id: info.message_id,
        }
    }

    /// Why it is refused when nothing that was pulled from here is what it is about.
    #[must_use]
    pub fn loose(&self) -> Fault {
        match self.errors.as_slice() {
            [] => Fault::LooseReceipt,
            codes => Fault::LooseError(codes.join(", ")),
        }
    }
}

/// A signal that came by itself, and how to answer it.
#[derive(Debug)]
pub struct Loose {
    /// The signal.
    pub returned: Returned,
    pub(super) signal: SignalInfo,
}

impl Loose {
    /// The refusal with the error to be signed; errors are never answered with errors.
    #[must_use]
    pub fn refused(self, fault: Fault) -> super::Refused {
        let refusal = Refusal { message_id: Some(self.returned.message_id), fault };
        super::decision::refuse(refusal, None, self.signal)
    }
}

/// A pull request that may be answered with a message.
#[derive(Debug)]
pub struct Granted {
    /// Id of the request.
    pub message_id: MessageId,
    /// Who pulls.
    pub partner: PartyId,
    /// The channel.
    pub mpc: Mpc,
    /// The P-Modes whose messages wait in that channel for that partner; never empty.
    pub pmodes: Vec<PModeId>,
    /// A receipt or an error that came with it.
    pub bundled: Option<Returned>,
    pub(super) signs: Signs,
    pub(super) signal: SignalInfo,
}

impl Granted {
    /// The error, to be signed: nothing waits, or it cannot be handed out now.
    //= EDEL-PULL-04
    #[must_use]
    pub fn refused(&self, fault: Fault) -> Draft {
        let refusal = Refusal { message_id: Some(self.message_id.clone()), fault };
        Draft::error(&refusal, self.signs, self.signal.clone())
    }
}

/// Leave to pull, before the answer's id is known.
pub(super) struct Leave {
    pub(super) message_id: MessageId,
    pub(super) mpc: Mpc,
    pub(super) partner: PartyId,
    pub(super) pmodes: Vec<PModeId>,
    pub(super) signs: Signs,
    pub(super) bundled: Option<Returned>,
}

/// Who may pull from a channel: the party that a P-Mode lets receive from it, shown by its signature on the request.
//= EDEL-PULL-01
//= EDEL-PULL-02
//= EBMS-PULL-01
pub(super) fn authorize(
    agreements: &Agreements,
    pull: &super::unpackage::Pull,
    bundled: Option<Returned>,
    (document, envelope): (&Document<'_>, &Envelope<'_>),
    tls_chain: &[CertificateDer<'static>],
    now: Timestamp,
) -> Result<Leave, Fault> {
    if pull.mpc.as_str() == ns::DEFAULT_MPC {
        return Err(Fault::DefaultChannel);
    }
    let offered = || agreements.pmodes.channel(&pull.mpc).filter(|pmode| pmode.sender().id == agreements.us);
    let mut refused = Fault::UnknownChannel(pull.mpc.clone());
    for pmode in offered() {
        let party = &pmode.receiver().id;
        let Some(partner) = agreements.partner(party) else { continue };
        if let Err(error) = partner.check_tls(tls_chain, unix(now)) {
            refused = Fault::Channel { mpc: pull.mpc.clone(), source: error };
            continue;
        }
        let rules = Rules {
            profile: &pmode.profile,
            accept_tokens: &pmode.security.accept_tokens,
            partner: &partner,
            limits: &agreements.limits,
            now,
        };
        match verify(document, envelope, &rules) {
            Ok(_) => {
                let of_partner = offered().filter(|other| other.receiver().id == *party);
                return Ok(Leave {
                    pmodes: of_partner.map(|pmode| pmode.id.clone()).collect(),
                    partner: party.clone(),
                    signs: pmode.signs(),
                    message_id: pull.message_id.clone(),
                    mpc: pull.mpc.clone(),
                    bundled,
                });
            }
            // Another partner of the same channel may have signed it.
            Err(SecurityError::Signer(
                error @ (BindingError::SignerCertificate(_)
                | BindingError::SignerSubject { .. }
                | BindingError::SignerTrust(..)),
            )) => refused = Fault::Channel { mpc: pull.mpc.clone(), source: error },
            Err(error) => return Err(error.into()),
        }
    }
    Err(refused)
}
