//! From a document to what is stored and sent: compressed, hashed, packaged, signed. Work for a worker thread.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::sync::Arc;

use bytes::Bytes;
use carnet_as4::header::Property;
use carnet_as4::id::{Action, ContentId, ConversationId, IdError, MessageId, PartyId, Service};
use carnet_as4::inbound::Agreements;
use carnet_as4::outbound::{OutPart, PackageError, Sent, Submission, package};
use carnet_as4::pmode::PMode;
use carnet_exchange::{Digest, Held, Key, NewMessage, Part, Party, Place, Spool, SpoolError, Ticket};
use carnet_wire::digest::{DigestError, PartHasher, Transform};
use carnet_wire::gzip::Deflate;
use carnet_wire::mime::PartHeader;
use carnet_wire::wss::SignError;
use jiff::Timestamp;

use crate::kept::Kept;
use crate::node::fresh_id;
use crate::parts::{Header, properties};
use crate::terms::Terms;

/// What a producer hands over.
pub(crate) struct Draft {
    /// The receiving party.
    pub(crate) to: PartyId,
    pub(crate) service: Service,
    pub(crate) action: Action,
    /// The P-Mode of the message that it answers.
    pub(crate) asked: Option<String>,
    /// The agreement that its producer wants it to go under.
    pub(crate) agreement: Option<String>,
    /// A fresh one when left out.
    pub(crate) conversation: Option<ConversationId>,
    pub(crate) ref_to: Option<MessageId>,
    /// Message properties, in their order.
    pub(crate) properties: Vec<Property>,
    /// The leading document first.
    pub(crate) parts: Vec<DraftPart>,
}

impl Draft {
    /// The P-Mode that it goes under.
    pub(crate) fn leg<'a>(&self, agreements: &'a Agreements) -> Option<&'a PMode> {
        let pmodes = &agreements.pmodes;
        if let Some(agreement) = &self.agreement {
            return pmodes.leg_under(agreement, &agreements.us, &self.to, &self.service, &self.action);
        }
        match self.asked.as_deref().and_then(|asked| pmodes.named(asked)).filter(|asked| asked.open.is_none()) {
            Some(asked) => pmodes.answer(asked, &self.service, &self.action),
            None => pmodes.leg(&agreements.us, &self.to, &self.service, &self.action),
        }
    }
}

/// One payload as the producer gave it.
pub(crate) struct DraftPart {
    pub(crate) octets: Octets,
    /// Media type without parameters.
    pub(crate) mime_type: String,
    pub(crate) character_set: Option<String>,
    pub(crate) filename: Option<String>,
    /// Part properties beside those that say how the part travels.
    pub(crate) properties: Vec<Property>,
}

/// A payload's octets.
pub(crate) enum Octets {
    Memory(Bytes),
    Spooled(Kept),
}

/// A message that is ready to be stored and sent.
pub(crate) struct Prepared {
    pub(crate) message: NewMessage,
    pub(crate) outgoing: Outgoing,
    /// Removes payload files unless the message is stored.
    pub(crate) kept: Vec<Kept>,
}

/// Everything one sending needs.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    /// Its place in the store; known once it is there.
    pub(crate) key: Key,
    pub(crate) to: PartyId,
    /// For what it goes there; tells where that is when the receiver has to be looked up.
    pub(crate) service: Service,
    pub(crate) action: Action,
    pub(crate) pmode: String,
    /// Its receiver pulls it: it is never sent from here.
    pub(crate) pull: bool,
    pub(crate) envelope: Bytes,
    pub(crate) sent: Sent,
    pub(crate) parts: Vec<(PartHeader, Held)>,
    /// Sendings so far.
    pub(crate) attempts: u32,
}

/// Why a document cannot be sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PrepareError {
    /// No P-Mode allows it.
    #[error("no P-Mode lets {from} send action {action} of service {service} to {to}")]
    NotAgreed { from: String, to: String, service: String, action: String },
    /// The P-Mode refuses it.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// A part cannot be hashed.
    #[error("failed to hash a part")]
    Digest(#[from] DigestError),
    /// The key refuses.
    #[error("failed to sign")]
    Sign(#[from] SignError),
    /// An identifier cannot be made.
    #[error(transparent)]
    Id(#[from] IdError),
    /// The disk refuses.
    #[error(transparent)]
    Spool(#[from] SpoolError),
}

/// Prepares a message; nothing is stored but payload files.
pub(crate) fn prepare(
    draft: Draft,
    terms: &Terms,
    spool: &Arc<dyn Spool>,
    at: Timestamp,
) -> Result<Prepared, PrepareError> {
    let agreements = &terms.agreements;
    let us = &agreements.us;
    let pmode = draft.leg(agreements);
    let pmode = pmode.ok_or_else(|| PrepareError::NotAgreed {
        from: us.value().to_owned(),
        to: draft.to.value().to_owned(),
        service: draft.service.value().to_owned(),
        action: draft.action.as_str().to_owned(),
    })?;
    let pmode = &*pmode.towards(&draft.to);
    let uuid = uuid::Uuid::now_v7();
    let (mut parts, mut kept, mut filenames) = (Vec::new(), Vec::new(), BTreeMap::new());
    for (number, part) in draft.parts.into_iter().enumerate() {
        let id = ContentId::parse(&format!("{}-{}@carnet", uuid.simple(), number + 1))?;
        if let Some(name) = &part.filename {
            filenames.insert(id.as_str().to_owned(), name.clone());
        }
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        let mut writer = spool.part(Ticket(uuid.as_u128()), number)?;
        let media = if pmode.payload.compress { carnet_as4::ns::GZIP_MEDIA } else { &part.mime_type };
        let mut sink = Sink {
            hasher: PartHasher::new(Transform::of(media), &agreements.limits),
            writer: &mut *writer,
            failed: None,
        };
        transport(part.octets, spool, pmode.payload.compress, &mut sink)?;
        let digest = sink.hasher.finish()?;
        //= EDEL-ENCRYPT-01
        let most = agreements.limits.encrypted;
        if pmode.profile.encryption.is_some() && digest.length > most {
            return Err(PackageError::PartTooLarge { part: id, got: digest.length, most }.into());
        }
        kept.push(Kept::new(writer.finish()?, Arc::clone(spool)));
        parts.push(OutPart {
            compressed: pmode.payload.compress,
            mime_type: part.mime_type,
            character_set: part.character_set,
            filename: part.filename,
            properties: part.properties,
            digest,
            id,
        });
    }
    let submission = Submission {
        message_id: fresh_id(us)?,
        timestamp: at,
        conversation: match draft.conversation {
            Some(conversation) => conversation,
            None => ConversationId::parse(&uuid.to_string())?,
        },
        ref_to: draft.ref_to,
        service: draft.service,
        action: draft.action,
        properties: draft.properties,
        parts,
    };
    let package = package(pmode, &submission)?;
    let header = package.message().clone();
    let signed = package.sign(&terms.identity)?;
    let envelope = Bytes::from(signed.envelope);
    let stored = header
        .parts
        .iter()
        .zip(&submission.parts)
        .zip(&kept)
        .filter_map(|((info, part), kept)| {
            Some(Part {
                cid: info.id.as_str().to_owned(),
                media_type: part.header().content_type,
                properties: properties(info),
                digest: Digest(part.digest.sha256),
                held: kept.held()?.clone(),
            })
        })
        .collect::<Vec<_>>();
    let party = |id: &PartyId| Party::new(id.value(), id.kind().unwrap_or_default());
    let exchange_id =
        |id: &MessageId| carnet_exchange::MessageId::new(id.as_str()).map_err(|_| IdError::Empty { what: "MessageId" });
    let outgoing = Outgoing {
        key: Key::START,
        to: draft.to.clone(),
        service: submission.service.clone(),
        action: submission.action.clone(),
        pmode: pmode.id.as_str().to_owned(),
        pull: pmode.is_pulled(),
        envelope: envelope.clone(),
        parts: submission.parts.iter().map(OutPart::header).zip(stored.iter().map(|part| part.held.clone())).collect(),
        sent: signed.sent.clone(),
        attempts: 0,
    };
    let message = NewMessage {
        id: exchange_id(&submission.message_id)?,
        from: party(us),
        to: party(&draft.to),
        conversation: submission.conversation.as_str().to_owned(),
        ref_to: submission.ref_to.as_ref().map(exchange_id).transpose()?,
        pmode: pmode.id.as_str().to_owned(),
        service: submission.service.value().to_owned(),
        action: submission.action.as_str().to_owned(),
        pull: pmode.is_pulled(),
        digests: submission.parts.iter().map(|part| Digest(part.digest.sha256)).collect(),
        header: Header { message: header, filenames, sent: Some(signed.sent) }.bytes(),
        envelope,
        parts: stored,
        at,
    };
    Ok(Prepared { message, outgoing, kept })
}

/// Hashes and spools what is written to it.
struct Sink<'a> {
    hasher: PartHasher,
    writer: &'a mut dyn carnet_exchange::PartWriter,
    failed: Option<PrepareError>,
}

impl Write for Sink<'_> {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        let hashed = self.hasher.update(octets).map_err(PrepareError::from);
        let written = hashed.and_then(|()| self.writer.write(octets).map_err(PrepareError::from));
        match written {
            Ok(()) => Ok(octets.len()),
            Err(error) => {
                self.failed = Some(error);
                Err(std::io::ErrorKind::Other.into())
            }
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Brings octets into their transported form.
fn transport(octets: Octets, spool: &Arc<dyn Spool>, compress: bool, sink: &mut Sink<'_>) -> Result<(), PrepareError> {
    let copied = match &octets {
        Octets::Memory(bytes) => whole(bytes, compress, sink),
        Octets::Spooled(kept) => match kept.held() {
            Some(Held { place: Place::Inline(bytes), .. }) => whole(bytes, compress, sink),
            Some(held) => copy(&mut *spool.read(held)?, compress, sink),
            None => Ok(()),
        },
    };
    copied.map_err(|error| sink.failed.take().unwrap_or(PrepareError::Spool(SpoolError::Io(error))))
}

fn whole(bytes: &[u8], compress: bool, sink: &mut Sink<'_>) -> std::io::Result<()> {
    if !compress {
        return sink.write_all(bytes);
    }
    let mut deflate = Deflate::new(sink);
    deflate.push(bytes)?;
    deflate.finish().map(drop)
}

fn copy(reader: &mut dyn Read, compress: bool, sink: &mut Sink<'_>) -> std::io::Result<()> {
    if !compress {
        return std::io::copy(reader, sink).map(drop);
    }
    let mut deflate = Deflate::new(sink);
    let mut piece = vec![0; 64 * 1024];
    loop {
        match reader.read(&mut piece)? {
            0 => return deflate.finish().map(drop),
            read => deflate.push(piece.get(..read).unwrap_or_default())?,
        }
    }
}
