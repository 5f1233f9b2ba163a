//! The list itself, in the order in which a node looks.

use aws_lc_rs::digest as hash;
use carnet_harness::judge::ebms::User;
use carnet_harness::root::Part;
use carnet_wire::digest::{self, Transform};
use carnet_wire::{Limits, gzip, token};

use super::{Agreed, Broken, Received};
use crate::ground::{CORNERS, DYNAMIC, EXCHANGE, PARTIES, POLICY};
use crate::mutation::Mutation;
use crate::rule::Rule;

/// One rule: its error, and whether it holds.
pub(super) struct Check {
    rule: Rule,
    code: &'static str,
    holds: fn(&Received, &Agreed<'_>) -> bool,
}

impl Check {
    pub(super) fn hold(&self, received: &Received, agreed: &Agreed<'_>, mutation: &Mutation) -> Result<(), Broken> {
        if !mutation.checks(self.rule) || (self.holds)(received, agreed) {
            Ok(())
        } else {
            Err(Broken::Rule(self.rule, self.code))
        }
    }
}

const fn check(rule: Rule, code: &'static str, holds: fn(&Received, &Agreed<'_>) -> bool) -> Check {
    Check { rule, code, holds }
}

/// Inflated size up to which a part is bearable.
const MEASURE: u64 = 16 << 20;

/// What must hold before the signer is looked at.
pub(super) const BEFORE_TRUST: &[Check] = &[
    check(Rule::HeaderMustUnderstand, "EBMS:0009", |m, _| !m.seen.unknown_block),
    check(Rule::EncryptionAgreed, "EBMS:0103", |m, _| m.agreement.encrypts() || !m.encryption.present),
    check(Rule::EncryptionKey, "EBMS:0103", |m, _| m.encryption.fault != Some(Rule::EncryptionKey)),
    check(Rule::EncryptionContent, "EBMS:0103", |m, _| m.encryption.fault != Some(Rule::EncryptionContent)),
    check(Rule::EncryptionForm, "EBMS:0103", |m, _| m.encryption.fault != Some(Rule::EncryptionForm)),
    check(Rule::EncryptionDecrypts, "EBMS:0102", |m, _| m.encryption.fault != Some(Rule::EncryptionDecrypts)),
    check(Rule::TokenAgreed, "EBMS:0103", |m, _| m.agreement.takes_names() || !m.signature.named),
    check(Rule::SignaturePresent, "EBMS:0103", |m, _| m.signature.present),
    check(Rule::SignaturePlace, "EBMS:0101", |m, _| !m.faulty(Rule::SignaturePlace)),
    check(Rule::SignatureForm, "EBMS:0101", |m, _| !m.faulty(Rule::SignatureForm)),
    check(Rule::SignatureAlgorithm, "EBMS:0101", |m, _| !m.faulty(Rule::SignatureAlgorithm)),
    check(Rule::SignatureDigestMethod, "EBMS:0101", |m, _| !m.faulty(Rule::SignatureDigestMethod)),
    check(Rule::SignatureIds, "EBMS:0101", |m, _| !m.faulty(Rule::SignatureIds)),
    check(Rule::SignatureToken, "EBMS:0101", |m, _| !m.faulty(Rule::SignatureToken)),
    check(Rule::SignatureValue, "EBMS:0101", |m, _| !m.faulty(Rule::SignatureValue)),
    check(Rule::SignatureDigest, "EBMS:0101", |m, _| !m.faulty(Rule::SignatureDigest)),
    check(Rule::CoverageMessaging, "EBMS:0101", |m, _| !m.signature.present || m.signature.messaging),
    check(Rule::CoverageBody, "EBMS:0101", |m, _| !m.signature.present || m.signature.body),
];

/// What must hold of a message whose signer is known.
pub(super) const AFTER_TRUST: &[Check] = &[
    check(Rule::HeaderUserMessage, "EBMS:0009", |m, _| m.seen.user_messages == 1),
    check(Rule::HeaderMessageId, "EBMS:0009", |m, _| !m.ebms.message_id.is_empty()),
    check(Rule::HeaderServiceUri, "EBMS:0003", |m, _| m.seen.service_typed || m.user().service.contains(':')),
    check(Rule::PModeFrom, "EBMS:0010", |m, a| {
        a.partners.iter().any(|(id, _)| *id == m.user().from.0) || is_visitor(m)
    }),
    check(Rule::VisitorPolicy, "EBMS:0101", |m, _| {
        let named = |leaf| token::policies(leaf).is_ok_and(|policies| policies.iter().any(|policy| policy == POLICY));
        !is_visitor(m) || m.signature.chain.first().is_some_and(named)
    }),
    check(Rule::SignerParty, "EBMS:0101", |m, _| !m.signature.present || m.signer_name() == m.user().from.0),
    check(Rule::TlsParty, "EBMS:0101", |m, a| {
        let known = a.partners.iter().any(|(id, _)| *id == m.user().from.0);
        !known || a.client.is_some_and(|name| *name == m.user().from.0)
    }),
    check(Rule::PModeTo, "EBMS:0010", |m, a| m.user().to.0 == a.own),
    check(Rule::PModeAgreement, "EBMS:0010", |m, a| {
        let named = m.user().agreement.as_deref();
        a.partners.iter().any(|(_, agreement)| named == Some(agreement.as_str()))
    }),
    check(Rule::CornersThere, "EBMS:0010", |m, _| corners(m).is_none_or(|corners| !corners.iter().any(Vec::is_empty))),
    check(Rule::CornersOnce, "EBMS:0010", |m, _| corners(m).is_none_or(|corners| corners.iter().all(|c| c.len() < 2))),
    check(Rule::CornersFilled, "EBMS:0010", |m, _| {
        corners(m).is_none_or(|corners| corners.iter().flatten().all(|value| !value.is_empty()))
    }),
    check(Rule::PModeService, "EBMS:0001", |m, a| (a.offers)(&m.user().service, None)),
    check(Rule::PModeAction, "EBMS:0001", |m, a| {
        // Only where the service is an agreed one; else that rule speaks.
        !(a.offers)(&m.user().service, None) || (a.offers)(&m.user().service, Some(&m.user().action))
    }),
    check(Rule::PayloadReference, "EBMS:0011", |m, _| m.user().parts.iter().all(|(href, _)| href.starts_with("cid:"))),
    check(Rule::PayloadOnce, "EBMS:0009", |m, _| {
        let parts = &m.user().parts;
        !(0..parts.len()).any(|at| parts.iter().take(at).any(|earlier| Some(&earlier.0) == parts.get(at).map(|p| &p.0)))
    }),
    check(Rule::PayloadThere, "EBMS:0007", |m, _| {
        m.user().parts.iter().filter(|(href, _)| href.starts_with("cid:")).all(|(href, _)| m.part(href).is_some())
    }),
    check(Rule::PayloadMimeType, "EBMS:0003", |m, _| {
        m.user()
            .parts
            .iter()
            .all(|part| property(part, "CompressionType").is_none() || property(part, "MimeType").is_some())
    }),
    check(Rule::PayloadCharacterSet, "EBMS:0003", |m, _| {
        m.user().parts.iter().all(|part| property(part, "CharacterSet").is_none_or(named_set))
    }),
    check(Rule::EncryptionDemanded, "EBMS:0103", |m, _| {
        !m.agreement.encrypts() || m.listed().all(|(cid, _)| m.encryption.sealed.contains(&cid))
    }),
    check(Rule::CoverageParts, "EBMS:0101", |m, _| {
        !m.signature.present || m.listed().all(|(cid, _)| m.signature.reference(&cid).is_some())
    }),
    check(Rule::PartDigest, "EBMS:0101", |m, _| {
        m.listed().all(|(cid, part)| {
            let Some(claimed) = m.signature.reference(&cid) else { return true };
            is_digest(claimed, part) || m.as_it_came(&cid).is_some_and(|part| is_digest(claimed, part))
        })
    }),
    check(Rule::PayloadMeasure, "EBMS:0303", |m, _| {
        let limits = Limits { inflated: MEASURE, ..Limits::default() };
        m.compressed().all(|part| {
            !matches!(
                gzip::inflate(&part.body, &limits),
                Err(gzip::GzipError::TooLarge { .. } | gzip::GzipError::Ratio { .. })
            )
        })
    }),
    check(Rule::PayloadGzip, "EBMS:0303", |m, _| {
        let limits = Limits { inflated: MEASURE, ..Limits::default() };
        m.compressed().all(|part| {
            matches!(
                gzip::inflate(&part.body, &limits),
                Ok(_) | Err(gzip::GzipError::TooLarge { .. } | gzip::GzipError::Ratio { .. })
            )
        })
    }),
];

/// Whether the message is one that a party may send that nobody registered, and of none of the partners.
pub(super) fn is_visitor(m: &Received) -> bool {
    let user = m.user();
    user.service == EXCHANGE && user.action == DYNAMIC && !PARTIES.contains(&user.from.0.as_str())
}

/// The values of each outer corner; none where corners were not agreed.
fn corners(m: &Received) -> Option<[Vec<&str>; 2]> {
    let user = m.user();
    let values = |name: &str| user.properties.iter().filter(|(key, _)| key == name).map(|(_, v)| v.as_str()).collect();
    (user.service == EXCHANGE && user.action == CORNERS).then(|| [values("originalSender"), values("finalRecipient")])
}

/// Whether that is what the part comes to.
fn is_digest(claimed: &[u8], part: &Part) -> bool {
    match claimed.len() {
        // A node that takes SHA-1 compares it, too.
        20 => hash::digest(&hash::SHA1_FOR_LEGACY_USE_ONLY, &part.body).as_ref() == claimed,
        _ => digest::part(Transform::of(&part.content_type), &part.body, &Limits::default())
            .is_ok_and(|digest| digest.sha256.as_slice() == claimed),
    }
}

/// A property of a part.
pub(super) fn property<'p>(part: &'p (String, Vec<(String, String)>), name: &str) -> Option<&'p str> {
    part.1.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// A name as XML declarations have it.
fn named_set(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
}

impl Received {
    /// The user message; an empty one where there is none.
    pub(crate) fn user(&self) -> &User {
        self.ebms.user.as_ref().unwrap_or(&self.nobody)
    }
}
