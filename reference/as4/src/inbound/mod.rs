//! A message's way in, as a push machine: envelope, then each part, then a decision.
//!
//! One file per step: `unpackage` (the one tree, each element once), `identify` (P-Mode, partner, connection),
//! `authenticate` (token, trust, signature, position and coverage), `decrypt` (what is encrypted, and the key for it),
//! `decompress` (part properties, what inflating found), `signal` (receipts and pull requests), `refusal` (every way to fail and its row of the error table);
//! the last step, `respond`, is a module of its own. Leaves MIME, hashing and inflating of parts to the driver, and
//! whether a message is new to the store.
//!
//! ```text
//! Inbound::new -> envelope(bytes, now) -> Expect::Parts: part(..), inflated(..) for each -> finish(..) -> Decision
//!                                      -> Expect::Nothing                                -> finish(..) -> Decision
//! ```

mod authenticate;
mod charset;
mod decision;
mod decompress;
mod decrypt;
mod identify;
mod refusal;
mod signal;
mod unpackage;

pub use crate::agreements::{Agreements, Partners};
pub use decision::{Accepted, Decision, Delivery, ReceivedPart, Refused};
pub use refusal::{Fault, Refusal, Requirement};
pub use signal::{Granted, Loose, Returned};

use crate::header::{PartDigest, UserMessage};
use crate::id::{ContentId, MessageId, Mpc, PModeId, PartyId};
use crate::ns;
use crate::pmode::Signs;
use crate::soap::Envelope;
use carnet_wire::digest;
use carnet_wire::encryption::{ContentKey, Encrypted, OVERHEAD};
use carnet_wire::gzip::GzipError;
use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use std::sync::Arc;

/// Id and time of the signal that will answer a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignalInfo {
    /// A fresh id.
    pub message_id: MessageId,
    /// Now.
    pub timestamp: Timestamp,
}

/// What the machine waits for after the envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expect {
    /// These parts, in any order: hash each as its transported media type asks for and report it with
    /// [`Inbound::part`]; a compressed one that hashed right is reported with [`Inbound::inflated`] too. Parts that are
    /// not listed are dropped unread.
    Parts(Vec<ExpectedPart>),
    /// No part: call [`Inbound::finish`]. A refusal may stand already, so the rest of the body need not be kept.
    Nothing,
}

/// A part the machine waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedPart {
    /// Its Content-ID.
    pub id: ContentId,
    /// Whether it is to be inflated.
    pub compressed: bool,
    /// Most bytes, transported and inflated alike.
    pub max_bytes: u64,
    /// Whether it is a payload. A part that is signed without being listed in the header is hashed only.
    pub payload: bool,
    /// The media type of what comes out, when it is encrypted: it goes through [`Inbound::decrypt`] whole, and what
    /// comes out is hashed as this media type asks for, reported and kept.
    pub encrypted: Option<String>,
}

/// The machine for one message.
pub struct Inbound {
    agreements: Arc<Agreements>,
    origin: Origin,
    message_id: Option<MessageId>,
    signs: Option<Signs>,
    fault: Option<Fault>,
    open: Option<Open>,
    signal: Option<Signalled>,
}

/// How a message came.
enum Origin {
    /// Over a connection with that client certificate chain, leaf first.
    Pushed { tls_chain: Vec<CertificateDer<'static>> },
    /// In answer to a pull request of ours.
    Pulled { partner: PartyId, mpc: Mpc },
}

/// A signal without user message.
enum Signalled {
    Pull(signal::Leave),
    Returned(Returned),
}

/// A message whose envelope passed.
struct Open {
    message: UserMessage,
    pmode: PModeId,
    max_bytes: u64,
    references: Vec<PartDigest>,
    signer: CertificateDer<'static>,
    bundled: Option<Returned>,
    parts: Vec<Part>,
    key: Option<ContentKey>,
}

struct Part {
    expected: ExpectedPart,
    claimed: Vec<u8>,
    digest: Option<digest::PartDigest>,
    inflated: Option<u64>,
}

impl Inbound {
    /// A machine for one message that came over a connection with that client certificate chain, leaf first.
    #[must_use]
    pub fn new(agreements: Arc<Agreements>, tls_chain: Vec<CertificateDer<'static>>) -> Self {
        Self::of(agreements, Origin::Pushed { tls_chain })
    }

    /// A machine for what that partner answers to a pull request for that channel.
    #[must_use]
    pub fn pulled(agreements: Arc<Agreements>, partner: PartyId, mpc: Mpc) -> Self {
        Self::of(agreements, Origin::Pulled { partner, mpc })
    }

    fn of(agreements: Arc<Agreements>, origin: Origin) -> Self {
        Self { agreements, origin, message_id: None, signs: None, fault: None, open: None, signal: None }
    }

    /// Takes the SOAP envelope: the whole body, or the root part. Costs a signature verification, so it belongs on a
    /// worker thread.
    pub fn envelope(&mut self, bytes: &[u8], now: Timestamp) -> Expect {
        if self.fault.is_some() || self.open.is_some() || self.signal.is_some() {
            return Expect::Nothing;
        }
        match self.open(bytes, now) {
            Ok(None) => Expect::Nothing,
            Ok(Some(open)) => {
                let parts: Vec<_> = open.parts.iter().map(|part| part.expected.clone()).collect();
                self.open = Some(open);
                if parts.is_empty() { Expect::Nothing } else { Expect::Parts(parts) }
            }
            Err(fault) => {
                self.fault = Some(fault);
                Expect::Nothing
            }
        }
    }

    /// The message as its envelope tells it; `None` before the envelope passed. Its parts are not proven yet.
    #[must_use]
    pub fn message(&self) -> Option<&UserMessage> {
        self.open.as_ref().map(|open| &open.message)
    }

    /// Whether the message is refused already; the driver can stop reading.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.fault.is_some()
    }

    /// Reports a part that arrived: its digest and length, or why it has none.
    //= AS4-SIGN-04
    //= EBMS-PAYLOAD-04
    pub fn part(&mut self, id: &ContentId, hashed: Result<digest::PartDigest, digest::DigestError>) {
        let Some(part) = self.open.as_mut().and_then(|open| open.parts.iter_mut().find(|part| part.expected.id == *id))
        else {
            return;
        };
        let most = part.expected.max_bytes;
        let fault = match hashed {
            _ if part.digest.is_some() => Fault::PartTwice(id.clone()),
            Ok(digest) if digest.length > most => Fault::PartTooLarge { part: id.clone(), most },
            Ok(digest) if digest.sha256[..] == part.claimed[..] => {
                part.digest = Some(digest);
                return;
            }
            Ok(_) => Fault::PartChanged(id.clone()),
            Err(source) => Fault::PartUnreadable { part: id.clone(), source },
        };
        self.refuse(fault);
    }

    /// Decrypts a part that arrived whole; `None` when the message is refused for it.
    //= EDEL-ENCRYPT-05
    pub fn decrypt(&mut self, id: &ContentId, transported: Vec<u8>) -> Option<Vec<u8>> {
        let open = self.open.as_ref()?;
        let expected = &open.parts.iter().find(|part| part.expected.id == *id)?.expected;
        if expected.max_bytes < transported.len() as u64 {
            self.refuse(Fault::PartTooLarge { part: id.clone(), most: expected.max_bytes });
            return None;
        }
        match open.key.as_ref().map(|key| key.decrypt(transported)) {
            Some(Ok(content)) => Some(content),
            Some(Err(error)) => {
                self.refuse(error.into());
                None
            }
            None => None,
        }
    }

    /// Reports what inflating a part came to: its length, or why it has none.
    pub fn inflated(&mut self, id: &ContentId, result: Result<u64, GzipError>) {
        let Some(open) = self.open.as_mut() else { return };
        let Some(info) = open.message.parts.iter().find(|part| part.id == *id) else { return };
        match decompress::check_inflated(info, result, open.max_bytes) {
            Ok(length) => {
                if let Some(part) = open.parts.iter_mut().find(|part| part.expected.id == *id) {
                    part.inflated = Some(length);
                }
            }
            Err(fault) => self.refuse(fault),
        }
    }

    /// Refuses the message for what the driver found out: a broken multipart, a body cut short. The first fault stands.
    pub fn refuse(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
    }

    /// Decides. `signal` becomes id and time of the answer, whichever that is.
    #[must_use]
    pub fn finish(mut self, signal: SignalInfo) -> Decision {
        let fault = self.fault.take().or_else(|| self.incomplete());
        match (fault, self.open, self.signal) {
            (None, None, Some(Signalled::Pull(leave))) => {
                let signal::Leave { message_id, mpc, partner, pmodes, signs, bundled } = leave;
                Decision::Pull(Box::new(Granted { message_id, mpc, partner, pmodes, signs, bundled, signal }))
            }
            (None, None, Some(Signalled::Returned(returned))) => Decision::Signal(Box::new(Loose { returned, signal })),
            (None, Some(open), _) => Decision::Accept(Box::new(decision::accept(open, &self.agreements, signal))),
            (fault, ..) => {
                let fault = fault.unwrap_or(Fault::Soap(carnet_wire::xml::XmlError::Empty.into()));
                let refusal = Refusal { message_id: self.message_id, fault };
                Decision::Refuse(Box::new(decision::refuse(refusal, self.signs, signal)))
            }
        }
    }

    /// Opens the envelope; nothing when it holds signals alone.
    fn open(&mut self, bytes: &[u8], now: Timestamp) -> Result<Option<Open>, Fault> {
        let agreements = Arc::clone(&self.agreements);
        let document = unpackage::document(bytes, &agreements.limits)?;
        let envelope = Envelope::of(&document)?;
        let (message, bundled) = match unpackage::content(&envelope)? {
            unpackage::Content::User(message, bundled) => (*message, bundled),
            unpackage::Content::Pull(pull, bundled) => {
                self.message_id = Some(pull.message_id.clone());
                let Origin::Pushed { tls_chain } = &self.origin else {
                    return Err(Fault::UnknownChannel(pull.mpc));
                };
                let leave = signal::authorize(&agreements, &pull, bundled, (&document, &envelope), tls_chain, now)?;
                self.signal = Some(Signalled::Pull(leave));
                return Ok(None);
            }
            unpackage::Content::Signal(returned) => {
                self.message_id = Some(returned.message_id.clone());
                self.signal = Some(Signalled::Returned(returned));
                return Ok(None);
            }
        };
        self.message_id = Some(message.info.message_id.clone());
        let identified = identify::identify(&agreements, &message, &self.origin, now)?;
        self.signs = Some(identified.pmode.signs());
        let profile = &identified.pmode.profile;
        let encrypted = decrypt::agreed(&document, &envelope, profile, &agreements.limits)?;
        let secured = authenticate::authenticate(&agreements, &identified, &document, &envelope, &message, now)?;
        //= AS4-PAYLOAD-01
        if !envelope.body_is_empty() {
            return Err(Fault::BodyNotEmpty);
        }
        message.parts.iter().try_for_each(decompress::check_properties)?;
        identify::check_exchange(identified.pmode, &message)?;
        let mut max_bytes = identified.pmode.payload.max_bytes;
        let mut key = None;
        if profile.encryption.is_some() {
            decrypt::check_parts(&message, encrypted.as_ref())?;
            if let Some(encrypted) = &encrypted {
                key = Some(encrypted.open(agreements.decryption.iter().map(|key| &**key))?);
            }
            max_bytes = max_bytes.min(agreements.limits.encrypted);
        }
        let parts = secured
            .parts
            .into_iter()
            .map(|signed| part(signed, &message, max_bytes, encrypted.as_ref()))
            .collect::<Result<_, _>>()?;
        Ok(Some(Open {
            pmode: identified.pmode.id.clone(),
            max_bytes,
            references: secured.references,
            signer: secured.signer,
            bundled,
            parts,
            key,
            message,
        }))
    }

    /// What is still missing when the body has ended.
    //= EBMS-PAYLOAD-01
    fn incomplete(&self) -> Option<Fault> {
        self.open.as_ref()?.parts.iter().find_map(|part| {
            let id = || part.expected.id.clone();
            match (part.digest, part.expected.compressed, part.inflated) {
                (None, _, _) => Some(Fault::PartMissing(id())),
                (Some(_), true, None) => Some(Fault::NotInflated(id())),
                _ => None,
            }
        })
    }
}

fn part(
    signed: carnet_wire::signature::PartReference,
    message: &UserMessage,
    max_bytes: u64,
    encrypted: Option<&Encrypted>,
) -> Result<Part, Fault> {
    let id = ContentId::parse(&signed.cid).map_err(|error| Fault::Header(error.into()))?;
    let info = message.parts.iter().find(|part| part.id == id);
    let encrypted = encrypted.and_then(|all| all.parts().iter().find(|part| part.cid == id.as_str()));
    let encrypted = encrypted.map(|part| part.media.clone().unwrap_or_else(|| ns::OCTETS_MEDIA.to_owned()));
    Ok(Part {
        expected: ExpectedPart {
            compressed: info.is_some_and(|part| part.compressed),
            payload: info.is_some(),
            // Nonce and tag travel with the content.
            max_bytes: max_bytes.saturating_add(if encrypted.is_some() { OVERHEAD } else { 0 }),
            encrypted,
            id,
        },
        claimed: signed.digest,
        digest: None,
        inflated: None,
    })
}
