//! Whether a certificate chain leads to an anchor, rule by rule, so that a mutant can leave out any one of them.
//!
//! Written over a plain X.509 reader and not over the library that the judge and the node trust: a second witness. It
//! knows what test certificates use and no more: no policies, no name constraints but those on host names. Implements
//! RFC 5280, 6.1, as far as that goes.

mod rules;
mod signed;

use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::rule::{PathRule, Place};

/// Longest path that is followed, the leaf included.
const LONGEST: usize = 8;

/// Anchors and revocation lists.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trust {
    /// The anchors.
    pub(crate) anchors: Vec<CertificateDer<'static>>,
    /// Issuing CAs that are held, for a node that completes chains.
    pub(crate) held: Vec<CertificateDer<'static>>,
    /// The revocation lists.
    pub(crate) lists: Vec<CertificateRevocationListDer<'static>>,
}

/// How a path is asked about.
pub(crate) struct Question<'q> {
    /// Where.
    pub(crate) place: Place,
    /// The host that a server was asked for.
    pub(crate) host: Option<&'q str>,
    /// When.
    pub(crate) now: UnixTime,
    /// Whether a rule is checked.
    pub(crate) checks: &'q dyn Fn(PathRule) -> bool,
    /// Chains are completed from what is held.
    pub(crate) completes: bool,
    /// CAs are taken in the order in which they come.
    pub(crate) in_order: bool,
}

/// A path that was found: the leaf first; `anchored` when an anchor issued its last certificate.
struct Found<'c> {
    path: Vec<X509Certificate<'c>>,
    anchored: bool,
}

impl Trust {
    /// Holds a chain, leaf first, against every rule that is checked.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub(crate) fn verify(&self, chain: &[CertificateDer<'static>], question: &Question<'_>) -> Result<(), PathRule> {
        let holds = |rule: PathRule, holds: bool| if holds || !(question.checks)(rule) { Ok(()) } else { Err(rule) };
        let Some(leaf) = chain.first() else { return holds(PathRule::Present, false) };
        let Ok((rest, leaf)) = X509Certificate::from_der(leaf) else { return holds(PathRule::Encoding, false) };
        holds(PathRule::Encoding, rest.is_empty())?;
        let others: Vec<X509Certificate<'_>> = chain.iter().skip(1).filter_map(|der| read(der)).collect();
        let held: &[CertificateDer<'_>] = if question.completes { &self.held } else { &[] };
        let held: Vec<X509Certificate<'_>> = held.iter().filter_map(|der| read(der)).collect();
        let anchors: Vec<X509Certificate<'_>> = self.anchors.iter().filter_map(|der| read(der)).collect();
        let given: Vec<&X509Certificate<'_>> = others.iter().chain(&held).collect();
        let found = climb(leaf, &given, &anchors, question)?;
        holds(PathRule::Anchor, found.anchored)?;
        let lists: Vec<_> = self.lists.iter().filter_map(|der| signed::list(der)).collect();
        for (rule, broken) in rules::broken(&found, &lists, question) {
            holds(rule, !broken)?;
        }
        Ok(())
    }
}

/// Whether a serial number is none that RFC 5280 4.1.2.2 lets an issuer give: negative, zero, or longer than 20 bytes.
pub(crate) fn odd_serial(leaf: &[u8]) -> bool {
    read(leaf).is_some_and(|leaf| match leaf.raw_serial() {
        [0x80..=0xff, ..] => true,
        serial => serial.len() > 20 || serial.iter().all(|byte| *byte == 0),
    })
}

fn same(one: &X509Certificate<'_>, other: &X509Certificate<'_>) -> bool {
    one.tbs_certificate.as_ref() == other.tbs_certificate.as_ref()
}

fn read(der: &[u8]) -> Option<X509Certificate<'_>> {
    X509Certificate::from_der(der).ok().filter(|(rest, _)| rest.is_empty()).map(|(_, certificate)| certificate)
}

/// From the leaf to an anchor, each certificate once.
fn climb<'c>(
    leaf: X509Certificate<'c>,
    given: &[&X509Certificate<'c>],
    anchors: &[X509Certificate<'_>],
    question: &Question<'_>,
) -> Result<Found<'c>, PathRule> {
    let checks = question.checks;
    let mut path = vec![leaf];
    while let Some(last) = path.last().filter(|_| path.len() <= LONGEST) {
        let issued_by = |issuer: &X509Certificate<'_>| {
            let named = issuer.subject() == last.issuer() || !checks(PathRule::IssuerName);
            named.then(|| signed::by(last, issuer, checks))
        };
        let mut broken = None;
        let mut next = None;
        let mut fits = |signed: Result<(), PathRule>| match signed {
            Ok(()) => true,
            Err(rule) => {
                broken.get_or_insert(rule);
                false
            }
        };
        if anchors.iter().filter_map(&issued_by).any(&mut fits) {
            return Ok(Found { path, anchored: true });
        }
        let candidates =
            if question.in_order { given.get(path.len() - 1..path.len()).unwrap_or_default() } else { given };
        for candidate in candidates.iter().filter(|one| !path.iter().any(|seen| same(seen, one))) {
            if issued_by(candidate).is_some_and(&mut fits) {
                next = Some((*candidate).clone());
                break;
            }
        }
        match (next, broken) {
            (Some(issuer), _) => path.push(issuer),
            (None, Some(rule)) => return Err(rule),
            (None, None) => {
                // Someone among those given signed it, under another name.
                let other =
                    given.iter().any(|one| one.subject() != last.issuer() && signed::by(last, one, checks).is_ok());
                if other && checks(PathRule::IssuerName) {
                    return Err(PathRule::IssuerName);
                }
                break;
            }
        }
    }
    Ok(Found { path, anchored: false })
}

#[cfg(test)]
mod tests;
