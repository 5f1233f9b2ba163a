//! The rules that a path is held against once it is found.

use x509_parser::asn1_rs::{Oid, oid};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, GeneralSubtree, ParsedExtension};
use x509_parser::prelude::{CertificateRevocationList, X509Extension, X509Version};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::{SubjectPublicKeyInfo, X509Name};

use super::{Found, Question, signed};
use crate::rule::{PathRule, Place};

/// Extensions that are understood where they are critical (RFC 5280, 4.2).
const UNDERSTOOD: [Oid<'_>; 8] = [
    oid!(2.5.29.14), // subject key identifier
    oid!(2.5.29.15), // key usage
    oid!(2.5.29.17), // subject alternative names
    oid!(2.5.29.19), // basic constraints
    oid!(2.5.29.30), // name constraints
    oid!(2.5.29.31), // distribution points
    oid!(2.5.29.35), // authority key identifier
    oid!(2.5.29.37), // extended key usage
];

/// Each rule, and whether the path breaks it; the leaf stands first.
pub(super) fn broken(
    found: &Found<'_>,
    lists: &[CertificateRevocationList<'_>],
    question: &Question<'_>,
) -> Vec<(PathRule, bool)> {
    let path = &found.path;
    let Some((leaf, issuers)) = path.split_first() else { return Vec::new() };
    let now = i64::try_from(question.now.as_secs()).unwrap_or(i64::MAX);
    let ended = |one: &X509Certificate<'_>| one.validity().not_after.timestamp() < now;
    let early = |one: &X509Certificate<'_>| one.validity().not_before.timestamp() > now;
    let unknown = |one: &X509Certificate<'_>| {
        one.extensions().iter().any(|extension| extension.critical && !UNDERSTOOD.contains(&extension.oid))
    };
    let revoked = |at: usize| {
        // The last one is the anchor's to revoke; its list stands for it by name, as anchors are given and not signed.
        let (Some(one), issuer) = (path.get(at), path.get(at + 1)) else { return false };
        match issuer {
            Some(issuer) => signed::revoked(one, issuer.public_key(), lists),
            None => lists
                .iter()
                .filter(|list| list.issuer() == one.issuer())
                .any(|list| list.iter_revoked_certificates().any(|revoked| revoked.raw_serial() == one.raw_serial())),
        }
    };
    let purpose = |one: &X509Certificate<'_>| fits(one, question.place);
    let last = path.len().saturating_sub(1);
    vec![
        (PathRule::Version, path.iter().any(|one| one.version() != X509Version::V3 && !one.extensions().is_empty())),
        (PathRule::ExtensionsOnce, path.iter().any(repeats)),
        (PathRule::Critical, path.iter().any(unknown)),
        (PathRule::Expired, ended(leaf)),
        (PathRule::NotYetValid, early(leaf)),
        (PathRule::IssuerExpired, issuers.iter().any(ended)),
        (PathRule::IssuerNotYetValid, issuers.iter().any(early)),
        (PathRule::KeySize, path.iter().any(weak)),
        (PathRule::KeyUsage, usage(leaf).is_some_and(|usage| usage & SIGN == 0)),
        (PathRule::Purpose, !purpose(leaf)),
        (PathRule::IssuerPurpose, issuers.iter().any(|one| !purpose(one))),
        (PathRule::IssuerKeyUsage, issuers.iter().any(|one| usage(one).is_some_and(|usage| usage & CERTIFY == 0))),
        (PathRule::IssuerIsCa, issuers.iter().any(|one| !authority(one).0)),
        (
            PathRule::PathLength,
            issuers.iter().enumerate().any(|(below, one)| {
                authority(one).1.is_some_and(|most| u32::try_from(below).unwrap_or(u32::MAX) > most)
            }),
        ),
        (PathRule::Names, issuers.iter().any(|one| !permits(one, leaf))),
        (PathRule::Revoked, revoked(0)),
        (PathRule::IssuerRevoked, (1..=last).any(revoked)),
        (PathRule::Listed, authorities(found).any(|(name, _)| !lists.iter().any(|list| list.issuer() == name))),
        (
            PathRule::ListCurrent,
            authorities(found).any(|(name, key)| {
                let mut own = lists.iter().filter(|list| list.issuer() == name).peekable();
                own.peek().is_some() && !own.any(|list| signed::in_date(list, key, now))
            }),
        ),
        (PathRule::Host, question.host.is_some_and(|host| !hosts(leaf).any(|name| name == host))),
    ]
}

/// The authorities of a path that ends at an anchor, each with its name and, where it is not the anchor, its key. What is no
/// authority publishes no list.
fn authorities<'f>(
    found: &'f Found<'_>,
) -> impl Iterator<Item = (&'f X509Name<'f>, Option<&'f SubjectPublicKeyInfo<'f>>)> {
    let issuers = found.path.iter().skip(1).filter(|one| authority(one).0);
    let anchor = found.path.last().filter(|_| found.anchored);
    let own = issuers.map(|one| (one.subject(), Some(one.public_key())));
    own.chain(anchor.map(|last| (last.issuer(), None))).filter(|_| found.anchored)
}

/// `digitalSignature` and `keyCertSign` as they stand in the bits of a key usage.
const SIGN: u16 = 1;
const CERTIFY: u16 = 1 << 5;

fn parsed<'p>(certificate: &'p X509Certificate<'_>) -> impl Iterator<Item = &'p ParsedExtension<'p>> {
    certificate.extensions().iter().map(X509Extension::parsed_extension)
}

fn repeats(certificate: &X509Certificate<'_>) -> bool {
    let all = certificate.extensions();
    all.iter().enumerate().any(|(at, one)| all.iter().skip(at + 1).any(|other| other.oid == one.oid))
}

fn weak(certificate: &X509Certificate<'_>) -> bool {
    matches!(certificate.public_key().parsed(), Ok(PublicKey::RSA(key)) if key.key_size() < 2048)
}

fn usage(certificate: &X509Certificate<'_>) -> Option<u16> {
    parsed(certificate).find_map(|extension| match extension {
        ParsedExtension::KeyUsage(usage) => Some(usage.flags),
        _ => None,
    })
}

/// Whether it is an authority, and how many authorities it allows below.
fn authority(certificate: &X509Certificate<'_>) -> (bool, Option<u32>) {
    parsed(certificate)
        .find_map(|extension| match extension {
            ParsedExtension::BasicConstraints(constraints) => Some((constraints.ca, constraints.path_len_constraint)),
            _ => None,
        })
        .unwrap_or((false, None))
}

/// Messages are signed under any purpose: AS4 profiles demand none.
fn fits(certificate: &X509Certificate<'_>, place: Place) -> bool {
    let named = parsed(certificate).find_map(|extension| match extension {
        ParsedExtension::ExtendedKeyUsage(usage) => Some(usage),
        _ => None,
    });
    match (named, place) {
        (None, _) | (_, Place::Signer | Place::ReceiptSigner | Place::Publisher | Place::Found) => true,
        (Some(usage), Place::Client) => usage.any || usage.client_auth,
        (Some(usage), Place::Server) => usage.any || usage.server_auth,
    }
}

/// The host names and addresses of a certificate, as text.
fn hosts<'h>(certificate: &'h X509Certificate<'_>) -> impl Iterator<Item = String> + 'h {
    parsed(certificate)
        .filter_map(|extension| match extension {
            ParsedExtension::SubjectAlternativeName(names) => Some(&names.general_names),
            _ => None,
        })
        .flatten()
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_ascii_lowercase()),
            GeneralName::IPAddress([a, b, c, d]) => Some(format!("{a}.{b}.{c}.{d}")),
            _ => None,
        })
}

/// Whether the constraints of an authority permit every host name of the leaf.
fn permits(authority: &X509Certificate<'_>, leaf: &X509Certificate<'_>) -> bool {
    let constraints = parsed(authority).find_map(|extension| match extension {
        ParsedExtension::NameConstraints(constraints) => Some(constraints),
        _ => None,
    });
    let Some(constraints) = constraints else { return true };
    let below = |host: &str, trees: &[GeneralSubtree<'_>]| {
        trees.iter().any(|tree| match tree.base {
            GeneralName::DNSName(base) => {
                host == base || host.strip_suffix(base).is_some_and(|head| head.ends_with('.') || base.starts_with('.'))
            }
            _ => false,
        })
    };
    let names_hosts =
        |trees: &[GeneralSubtree<'_>]| trees.iter().any(|tree| matches!(tree.base, GeneralName::DNSName(_)));
    hosts(leaf).filter(|host| !host.starts_with(|c: char| c.is_ascii_digit())).all(|host| {
        let permitted =
            constraints.permitted_subtrees.as_ref().is_none_or(|trees| !names_hosts(trees) || below(&host, trees));
        let excluded = constraints.excluded_subtrees.as_ref().is_some_and(|trees| below(&host, trees));
        permitted && !excluded
    })
}
