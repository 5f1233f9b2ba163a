//! What becomes of a message: accepted with its receipt drafted, or refused with its error drafted.
//! Leaves whether an accepted message is new to the store, and signing the answer to `respond`.
//! Clauses: AS4 profile 1.0 section 3.2 (duplicates), 5.1.8 (receipts); ebMS 3.0 core 5.2.2.9 (test service).

use super::{Agreements, Fault, Granted, Loose, Open, Part, Refusal, Returned, SignalInfo};
use crate::header::{Property, UserMessage};
use crate::id::{AgreementRef, ContentId, MessageId, PModeId};
use crate::pmode::{PMode, Signs};
use crate::respond::Draft;
use carnet_wire::digest;
use rustls_pki_types::CertificateDer;

/// What to do with a message.
#[derive(Debug)]
pub enum Decision {
    /// Commit it with its receipt, then send the receipt.
    Accept(Box<Accepted>),
    /// Store nothing, and send the error.
    Refuse(Box<Refused>),
    /// Claim a message that waits under the P-Modes and send it; with none, send the error of an empty channel.
    Pull(Box<Granted>),
    /// Find the message it is about, check it against that, and answer 202; or refuse it.
    Signal(Box<Loose>),
}

/// A message that passed every check.
#[derive(Debug, Clone)]
pub struct Accepted {
    /// Its header, read from the tree whose signature holds.
    pub message: UserMessage,
    /// The P-Mode it runs under.
    pub pmode: PModeId,
    /// Whether it is handed on.
    pub delivery: Delivery,
    /// Its payloads, in the order of the header.
    pub parts: Vec<ReceivedPart>,
    /// What makes it this message and no other: a hash over the parties, service, action and payload digests, and one over
    /// everything else of its header that a retry keeps. The same id with another fingerprint is no duplicate but a
    /// conflict.
    pub fingerprint: [[u8; 32]; 2],
    /// Who signed it.
    pub signer: CertificateDer<'static>,
    /// A receipt or an error that came with it, for a message that was pulled from here.
    pub bundled: Option<Returned>,
    /// The receipt, to be signed. It is the right answer to a new message and to a duplicate.
    pub receipt: Draft,
    signal: SignalInfo,
    signs: Signs,
}

impl Accepted {
    /// The error, to be signed and sent instead of the receipt, for what only the driver finds out: a conflict or a
    /// request that the store does not know, a disk that takes nothing now.
    #[must_use]
    pub fn refused(&self, fault: Fault) -> Draft {
        let refusal = Refusal { message_id: Some(self.message.info.message_id.clone()), fault };
        Draft::error(&refusal, self.signs, self.signal.clone())
    }
}

/// Whether an accepted message is handed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// It is.
    Deliver,
    /// It asked the test service for a receipt and nothing more.
    Test,
}

/// A payload that was received whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedPart {
    /// Its Content-ID.
    pub id: ContentId,
    /// Digest of the transported form, and transported bytes.
    pub digest: digest::PartDigest,
    /// Bytes after decompression; the same as transported when it came uncompressed.
    pub length: u64,
}

/// A message that is refused.
#[derive(Debug)]
pub struct Refused {
    /// Why; for the log, with its chain.
    pub refusal: Refusal,
    /// The answer, to be signed; `None` where an answer would be wrong: answer with the status and an empty body.
    pub answer: Option<Draft>,
    /// HTTP status of the answer.
    pub status: u16,
}

pub(super) fn accept(open: Open, agreements: &Agreements, signal: SignalInfo) -> Accepted {
    let pmode = agreements.pmodes.named(open.pmode.as_str());
    let signs = pmode.map_or_else(Signs::default, PMode::signs);
    //= EBMS-TEST-02
    let delivery = if open.message.is_test() { Delivery::Test } else { Delivery::Deliver };
    let parts = received(&open.message, &open.parts);
    Accepted {
        delivery,
        fingerprint: fingerprint(&open.message, &parts),
        parts,
        receipt: Draft::receipt(&open.message, open.references, signs, signal.clone()),
        signal,
        signs,
        pmode: open.pmode,
        signer: open.signer,
        bundled: open.bundled,
        message: open.message,
    }
}

//= AS4-RECEIPT-07
pub(super) fn refuse(refusal: Refusal, signs: Option<Signs>, signal: SignalInfo) -> Refused {
    let status = refusal.fault.status();
    //= AS4-ERROR-01
    let answer = match refusal.fault {
        Fault::LooseError(_) => None,
        _ => Some(Draft::error(&refusal, signs.unwrap_or_default(), signal)),
    };
    Refused { status, answer, refusal }
}

fn received(message: &UserMessage, parts: &[Part]) -> Vec<ReceivedPart> {
    let of = |id: &ContentId| parts.iter().find(|part| part.expected.id == *id);
    message
        .parts
        .iter()
        .filter_map(|info| {
            let part = of(&info.id)?;
            let digest = part.digest?;
            Some(ReceivedPart { id: info.id.clone(), length: part.inflated.unwrap_or(digest.length), digest })
        })
        .collect()
}

//= CARNET-DUPLICATE-01
/// Two hashes: one over the parties, service, action and payload digests, one over everything else that the header says.
/// Left out are the ids of message and parts, the time, and the order of properties, as a sender that builds its message
/// anew for a retry may change them.
fn fingerprint(message: &UserMessage, parts: &[ReceivedPart]) -> [[u8; 32]; 2] {
    let collaboration = &message.collaboration;
    let mut content = Fields::default();
    content.text(&message.from.id.to_string());
    content.text(&message.to.id.to_string());
    content.text(&collaboration.service.to_string());
    content.text(collaboration.action.as_str());
    for part in parts {
        content.0.extend_from_slice(&part.digest.sha256);
    }
    let mut header = Fields::default();
    header.optional(message.info.ref_to.as_ref().map(MessageId::as_str));
    header.text(message.mpc.as_str());
    header.text(message.from.role.as_str());
    header.text(message.to.role.as_str());
    header.optional(collaboration.agreement.as_ref().map(AgreementRef::value));
    header.optional(collaboration.agreement.as_ref().and_then(AgreementRef::kind));
    header.optional(collaboration.pmode.as_ref().map(PModeId::as_str));
    header.text(collaboration.conversation.as_str());
    header.properties(&message.properties);
    for part in &message.parts {
        header.optional(part.mime_type.as_deref());
        header.optional(part.character_set.as_deref());
        header.0.push(u8::from(part.compressed));
        header.properties(&part.properties);
    }
    [content, header].map(|fields| digest::sha256(&fields.0))
}

/// Fields one after another, so that no two lists of them are alike.
#[derive(Default)]
struct Fields(Vec<u8>);

impl Fields {
    fn number(&mut self, number: usize) {
        self.0.extend_from_slice(&(number as u64).to_be_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len());
        self.0.extend_from_slice(text.as_bytes());
    }

    fn optional(&mut self, text: Option<&str>) {
        self.0.push(u8::from(text.is_some()));
        self.text(text.unwrap_or_default());
    }

    fn properties(&mut self, properties: &[Property]) {
        let mut sorted: Vec<_> = properties.iter().collect();
        sorted.sort_unstable_by_key(|property| (&property.name, &property.kind, &property.value));
        self.number(sorted.len());
        for property in sorted {
            self.text(&property.name);
            self.optional(property.kind.as_deref());
            self.text(&property.value);
        }
    }
}
