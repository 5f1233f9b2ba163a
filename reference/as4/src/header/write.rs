//! The ebMS header written in exclusive canonical form, so that what is hashed is what is sent.
//! Leaves the envelope around it to `seal`. Clauses: ebMS 3.0 core 5.2 and its schema, AS4 profile 1.0 section 3.1 and
//! 5.1.8.

use super::{ErrorSignal, MessageInfo, PartDigest, PartInfo, Party, Property, Signal, SignalBody, UserMessage};
use crate::ns;
use carnet_wire::emit::{Attribute, Canonical, EmitError, Emitted, Name};
use carnet_wire::namespace::EXC_C14N;
use carnet_wire::percent;

/// `wsu:Id` of the Messaging header this node writes.
pub(crate) const MESSAGING_ID: &str = "as4-messaging";

const fn eb(local: &str) -> Name<'_> {
    Name::new("eb", ns::EBMS, local)
}
const fn ds(local: &str) -> Name<'_> {
    Name::new("ds", ns::DS, local)
}
const fn ebbp(local: &str) -> Name<'_> {
    Name::new("ebbp", ns::EBBP, local)
}

/// What goes into a Messaging header.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Content<'m> {
    User(&'m UserMessage),
    Signal(&'m Signal),
}

/// The Messaging header, with its digest.
pub(crate) fn write(content: Content<'_>) -> Result<Emitted, EmitError> {
    let mut out = Canonical::new();
    out.apex(
        eb("Messaging"),
        &[(Name::new("S12", ns::SOAP12, "mustUnderstand"), "true"), (Name::new("wsu", ns::WSU, "Id"), MESSAGING_ID)],
    );
    match content {
        Content::User(message) => user_message(&mut out, message),
        Content::Signal(signal) => signal_message(&mut out, signal),
    }
    out.end();
    out.finish()
}

fn user_message(out: &mut Canonical, message: &UserMessage) {
    let mpc = [(Name::local("mpc"), message.mpc.as_str())];
    // The default channel is the one a message without the attribute is on.
    out.start(eb("UserMessage"), if message.mpc.as_str() == ns::DEFAULT_MPC { &[] } else { &mpc });
    message_info(out, &message.info);
    out.start(eb("PartyInfo"), &[]);
    party(out, "From", &message.from);
    party(out, "To", &message.to);
    out.end();
    let collaboration = &message.collaboration;
    out.start(eb("CollaborationInfo"), &[]);
    if let Some(agreement) = &collaboration.agreement {
        let mut attributes: Vec<Attribute<'_>> = Vec::with_capacity(2);
        attributes.extend(agreement.kind().map(|kind| (Name::local("type"), kind)));
        attributes.extend(collaboration.pmode.as_ref().map(|pmode| (Name::local("pmode"), pmode.as_str())));
        out.leaf(eb("AgreementRef"), &attributes, agreement.value());
    }
    let service = &collaboration.service;
    typed(out, "Service", service.kind(), service.value());
    out.leaf(eb("Action"), &[], collaboration.action.as_str());
    //= AS4-COLLABORATION-03
    out.leaf(eb("ConversationId"), &[], collaboration.conversation.as_str());
    out.end();
    if !message.properties.is_empty() {
        out.start(eb("MessageProperties"), &[]);
        properties(out, &message.properties);
        out.end();
    }
    if !message.parts.is_empty() {
        out.start(eb("PayloadInfo"), &[]);
        //= AS4-PAYLOAD-02
        message.parts.iter().for_each(|part| part_info(out, part));
        out.end();
    }
    out.end();
}

fn message_info(out: &mut Canonical, info: &MessageInfo) {
    out.start(eb("MessageInfo"), &[]);
    out.leaf(eb("Timestamp"), &[], &format!("{:.3}", info.timestamp));
    out.leaf(eb("MessageId"), &[], info.message_id.as_str());
    if let Some(ref_to) = &info.ref_to {
        out.leaf(eb("RefToMessageId"), &[], ref_to.as_str());
    }
    out.end();
}

//= AS4-PARTY-01
fn party(out: &mut Canonical, side: &'static str, party: &Party) {
    out.start(eb(side), &[]);
    typed(out, "PartyId", party.id.kind(), party.id.value());
    out.leaf(eb("Role"), &[], party.role.as_str());
    out.end();
}

fn typed(out: &mut Canonical, local: &'static str, kind: Option<&str>, value: &str) {
    let attributes: Vec<Attribute<'_>> = kind.into_iter().map(|kind| (Name::local("type"), kind)).collect();
    out.leaf(eb(local), &attributes, value);
}

fn properties(out: &mut Canonical, list: &[Property]) {
    for property in list {
        let mut attributes: Vec<Attribute<'_>> = vec![(Name::local("name"), &property.name)];
        attributes.extend(property.kind.as_deref().map(|kind| (Name::local("type"), kind)));
        out.leaf(eb("Property"), &attributes, &property.value);
    }
}

//= AS4-COMPRESSION-02
fn part_info(out: &mut Canonical, part: &PartInfo) {
    let own = |name: &str, value: &str| Property { name: name.to_owned(), kind: None, value: value.to_owned() };
    let mut list: Vec<Property> = Vec::with_capacity(3 + part.properties.len());
    list.extend(part.mime_type.as_deref().map(|value| own("MimeType", value)));
    list.extend(part.character_set.as_deref().map(|value| own("CharacterSet", value)));
    list.extend(part.compressed.then(|| own("CompressionType", ns::GZIP_MEDIA)));
    list.extend(part.properties.iter().cloned());
    // RFC 2392: the rest may not stand in a URL as it is.
    let href = format!("cid:{}", percent::encoded(part.id.as_str(), "-._~@!$&'()*+,;=:"));
    out.start(eb("PartInfo"), &[(Name::local("href"), &href)]);
    if !list.is_empty() {
        out.start(eb("PartProperties"), &[]);
        properties(out, &list);
        out.end();
    }
    out.end();
}

fn signal_message(out: &mut Canonical, signal: &Signal) {
    out.start(eb("SignalMessage"), &[]);
    message_info(out, &signal.info);
    match &signal.body {
        SignalBody::Receipt(receipt) => {
            out.start(eb("Receipt"), &[]);
            out.start(ebbp("NonRepudiationInformation"), &[]);
            receipt.parts.iter().for_each(|part| reference(out, part));
            out.end();
            out.end();
        }
        SignalBody::Errors(errors) => errors.iter().for_each(|error| error_signal(out, error)),
        SignalBody::PullRequest(mpc) => {
            out.start(eb("PullRequest"), &[(Name::local("mpc"), mpc.as_str())]).end();
        }
    }
    out.end();
}

fn error_signal(out: &mut Canonical, error: &ErrorSignal) {
    let mut attributes: Vec<Attribute<'_>> =
        vec![(Name::local("errorCode"), &error.code), (Name::local("severity"), error.severity.as_str())];
    attributes.extend(error.category.as_deref().map(|value| (Name::local("category"), value)));
    attributes.extend(error.short_description.as_deref().map(|value| (Name::local("shortDescription"), value)));
    attributes.extend(error.ref_to.as_ref().map(|value| (Name::local("refToMessageInError"), value.as_str())));
    out.start(eb("Error"), &attributes);
    if let Some(description) = &error.description {
        out.leaf(eb("Description"), &[(Name::new("xml", ns::XML, "lang"), "en")], description);
    }
    if let Some(detail) = &error.detail {
        out.leaf(eb("ErrorDetail"), &[], detail);
    }
    out.end();
}

//= AS4-RECEIPT-03
//= AS4-RECEIPT-08
fn reference(out: &mut Canonical, part: &PartDigest) {
    out.start(ebbp("MessagePartNRInformation"), &[]);
    out.start(ds("Reference"), &[(Name::local("URI"), &part.uri)]);
    if !part.transforms.is_empty() {
        out.start(ds("Transforms"), &[]);
        for transform in &part.transforms {
            out.start(ds("Transform"), &[(Name::local("Algorithm"), &transform.algorithm)]);
            if !transform.prefixes.is_empty() {
                let list = transform.prefixes.join(" ");
                out.start(Name::new("ec", EXC_C14N, "InclusiveNamespaces"), &[(Name::local("PrefixList"), &list)])
                    .end();
            }
            out.end();
        }
        out.end();
    }
    out.start(ds("DigestMethod"), &[(Name::local("Algorithm"), &part.algorithm)]).end();
    out.leaf(ds("DigestValue"), &[], &part.value);
    out.end();
    out.end();
}
