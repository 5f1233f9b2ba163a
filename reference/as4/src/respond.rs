//! Signals: the receipt, the error, the pull request and the SOAP fault, drafted first and signed by a call of its own.
//! Leaves when to send them to the driver: the receipt only after the message is committed.
//! Clauses: AS4 profile 1.0 section 5.1.8 (receipts are signed, Body included, and repeat the message's references), ebMS
//! 3.0 core 6.7 (errors), SOAP 1.2 part 1 section 5.4 (faults), eDelivery AS4 1.15 (answers are synchronous).

use crate::header::{Content, ErrorSignal, MessageInfo, PartDigest, Receipt, Signal, SignalBody, UserMessage};
use crate::id::Mpc;
use crate::inbound::{Fault, Refusal, SignalInfo};
use crate::ns;
use crate::partner::Identity;
use crate::pmode::Signs;
use crate::seal;
use crate::soap::SoapError;
use carnet_wire::emit::{Canonical, Emitted, Name};
use carnet_wire::wss::SignError;

/// An answer that is not signed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    status: u16,
    signs: Signs,
    body: DraftBody,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum DraftBody {
    Signal(Box<Signal>),
    VersionMismatch,
    MustUnderstand,
}

/// An answer, ready to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Value of Content-Type.
    pub content_type: &'static str,
    /// The SOAP envelope.
    pub body: Vec<u8>,
}

impl Draft {
    /// The receipt of a message, with the references its signature was made of.
    //= AS4-RECEIPT-01
    //= AS4-RECEIPT-03
    #[must_use]
    pub fn receipt(
        message: &UserMessage,
        references: Vec<PartDigest>,
        signs: impl Into<Signs>,
        signal: SignalInfo,
    ) -> Self {
        let info = MessageInfo {
            timestamp: signal.timestamp,
            message_id: signal.message_id,
            ref_to: Some(message.info.message_id.clone()),
        };
        let body = SignalBody::Receipt(Receipt { parts: references });
        Self { status: 200, signs: signs.into(), body: DraftBody::Signal(Box::new(Signal { info, body })) }
    }

    /// A request for a message that waits in a channel.
    //= EDEL-PULL-01
    #[must_use]
    pub fn pull(mpc: Mpc, signs: impl Into<Signs>, signal: SignalInfo) -> Self {
        let info = MessageInfo { timestamp: signal.timestamp, message_id: signal.message_id, ref_to: None };
        let body = SignalBody::PullRequest(mpc);
        Self { status: 200, signs: signs.into(), body: DraftBody::Signal(Box::new(Signal { info, body })) }
    }

    /// The error of a refusal. Only the table's text and the requirement are told.
    //= AS4-ERROR-01
    //= AS4-ERROR-02
    //= AS4-ERROR-03
    //= CARNET-ERROR-01
    #[must_use]
    pub fn error(refusal: &Refusal, signs: impl Into<Signs>, signal: SignalInfo) -> Self {
        let body = match &refusal.fault {
            //= EBMS-SOAP-02
            Fault::Soap(SoapError::Version) => DraftBody::VersionMismatch,
            Fault::Soap(SoapError::NotUnderstood(_)) => DraftBody::MustUnderstand,
            fault => DraftBody::Signal(Box::new(error_signal(fault, refusal, signal))),
        };
        Self { status: refusal.fault.status(), signs: signs.into(), body }
    }

    /// The signal, unless the answer is a SOAP fault.
    #[must_use]
    pub fn signal(&self) -> Option<&Signal> {
        match &self.body {
            DraftBody::Signal(signal) => Some(signal),
            _ => None,
        }
    }

    /// Signs the answer. Costs a private-key operation, so it belongs on a worker thread.
    ///
    /// # Errors
    /// [`SignError`] of the key.
    //= AS4-RECEIPT-02
    pub fn sign(&self, identity: &Identity) -> Result<Answer, SignError> {
        let sealed = match &self.body {
            DraftBody::Signal(signal) => seal::message(Content::Signal(signal), &[], identity, self.signs)?,
            DraftBody::VersionMismatch => {
                seal::fault(&fault("VersionMismatch", "The SOAP version is not supported")?, identity, self.signs)?
            }
            DraftBody::MustUnderstand => {
                let reason = "A header block that must be understood is not";
                seal::fault(&fault("MustUnderstand", reason)?, identity, self.signs)?
            }
        };
        Ok(Answer { status: self.status, content_type: "application/soap+xml; charset=UTF-8", body: sealed.envelope })
    }
}

fn error_signal(fault: &Fault, refusal: &Refusal, signal: SignalInfo) -> Signal {
    let row = fault.ebms();
    let error = ErrorSignal {
        code: row.code().to_owned(),
        severity: row.severity(),
        category: Some(row.category().as_str().to_owned()),
        short_description: Some(row.short_description().to_owned()),
        ref_to: refusal.message_id.clone(),
        description: Some(row.description().to_owned()),
        detail: Some(fault.requirement().to_owned()),
    };
    let info =
        MessageInfo { timestamp: signal.timestamp, message_id: signal.message_id, ref_to: refusal.message_id.clone() };
    Signal { info, body: SignalBody::Errors(vec![error]) }
}

/// A Body with a SOAP fault. Which header block was not understood is left out: its name is the sender's own text.
fn fault(code: &str, reason: &str) -> Result<Emitted, SignError> {
    let s = |local| Name::new("S12", ns::SOAP12, local);
    let mut out: Canonical = seal::body();
    out.start(s("Fault"), &[]);
    out.start(s("Code"), &[]).leaf(s("Value"), &[], &format!("S12:{code}")).end();
    out.start(s("Reason"), &[]).leaf(s("Text"), &[(Name::new("xml", ns::XML, "lang"), "en")], reason).end();
    out.end();
    out.end();
    Ok(out.finish()?)
}
