//! Who signed a certificate or a revocation list.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use aws_lc_rs::digest::{Context, SHA256};
use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use x509_parser::asn1_rs::{Oid, oid};
use x509_parser::prelude::{CertificateRevocationList, FromDer as _, X509Certificate};
use x509_parser::x509::{AlgorithmIdentifier, SubjectPublicKeyInfo};

use crate::rule::PathRule;

const RSA_SHA256: Oid<'_> = oid!(1.2.840.113549.1.1.11);
const RSA_SHA1: Oid<'_> = oid!(1.2.840.113549.1.1.5);
const ECDSA_SHA256: Oid<'_> = oid!(1.2.840.10045.4.3.2);

/// Whether `issuer` signed `certificate`.
///
/// # Errors
/// The rule that is broken: the signature, the hash, or the algorithm that is named twice.
pub(super) fn by(
    certificate: &X509Certificate<'_>,
    issuer: &X509Certificate<'_>,
    checks: &dyn Fn(PathRule) -> bool,
) -> Result<(), PathRule> {
    let (inside, outside) = (&certificate.tbs_certificate.signature, &certificate.signature_algorithm);
    let twice = inside.algorithm == outside.algorithm;
    if !twice && checks(PathRule::AlgorithmTwice) {
        return Err(PathRule::AlgorithmTwice);
    }
    let algorithm = if twice { outside } else { inside };
    if algorithm.algorithm == RSA_SHA1 && checks(PathRule::WeakHash) {
        return Err(PathRule::WeakHash);
    }
    let message = certificate.tbs_certificate.as_ref();
    let holds = verifies(algorithm, issuer.public_key(), message, &certificate.signature_value.data);
    // What is signed by the algorithm that stands outside cannot be checked by the one inside.
    if holds || !twice || !checks(PathRule::Signature) { Ok(()) } else { Err(PathRule::Signature) }
}

/// A revocation list that reads.
pub(super) fn list(der: &[u8]) -> Option<CertificateRevocationList<'_>> {
    CertificateRevocationList::from_der(der).ok().map(|(_, list)| list)
}

/// Whether the issuer's list, signed by it, names the certificate.
pub(super) fn revoked(
    certificate: &X509Certificate<'_>,
    issuer: &SubjectPublicKeyInfo<'_>,
    lists: &[CertificateRevocationList<'_>],
) -> bool {
    lists.iter().filter(|list| list.issuer() == certificate.issuer()).any(|list| {
        let tbs = list.tbs_cert_list.as_ref();
        verifies(&list.signature_algorithm, issuer, tbs, &list.signature_value.data)
            && list.iter_revoked_certificates().any(|revoked| revoked.raw_serial() == certificate.raw_serial())
    })
}

/// Whether a list is in date, and signed by the key of its issuer where that is known: an anchor is given by its name.
pub(super) fn in_date(list: &CertificateRevocationList<'_>, key: Option<&SubjectPublicKeyInfo<'_>>, now: i64) -> bool {
    let signed = |key: &SubjectPublicKeyInfo<'_>| {
        verifies(&list.signature_algorithm, key, list.tbs_cert_list.as_ref(), &list.signature_value.data)
    };
    list.next_update().is_none_or(|next| next.timestamp() >= now) && key.is_none_or(signed)
}

/// Whether a signature is the key's. The few certificates of a test PKI are presented again and again, to every node:
/// what came of each of their signatures is remembered, by the digest of all that it follows from.
fn verifies(algorithm: &AlgorithmIdentifier<'_>, key: &SubjectPublicKeyInfo<'_>, tbs: &[u8], value: &[u8]) -> bool {
    static KNOWN: LazyLock<Mutex<HashMap<Vec<u8>, bool>>> = LazyLock::new(Mutex::default);
    let algorithm = &algorithm.algorithm;
    let mut asked = Context::new(&SHA256);
    for part in [algorithm.as_bytes(), &key.subject_public_key.data, tbs, value] {
        asked.update(&part.len().to_be_bytes());
        asked.update(part);
    }
    let asked = asked.finish().as_ref().to_vec();
    let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = known().get(&asked) {
        return *known;
    }
    let verifies = is_signed(algorithm, key, tbs, value);
    known().insert(asked, verifies);
    verifies
}

fn is_signed(algorithm: &Oid<'_>, key: &SubjectPublicKeyInfo<'_>, tbs: &[u8], value: &[u8]) -> bool {
    let verifiers: [(Oid<'_>, &'static dyn VerificationAlgorithm); 3] = [
        (RSA_SHA256, &signature::RSA_PKCS1_2048_8192_SHA256),
        (RSA_SHA1, &signature::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY),
        (ECDSA_SHA256, &signature::ECDSA_P256_SHA256_ASN1),
    ];
    let verifier = verifiers.into_iter().find(|(named, _)| named == algorithm);
    verifier.is_some_and(|(_, verifier)| {
        UnparsedPublicKey::new(verifier, &key.subject_public_key.data).verify(tbs, value).is_ok()
    })
}
