//! Paths of few certificates, judged as a client's.

use rcgen::KeyUsagePurpose::{CrlSign, DigitalSignature, KeyCertSign, KeyEncipherment};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::server::danger::ClientCertVerifier as _;
use rustls_pki_types::UnixTime;

use super::*;
use crate::Trust;
use crate::verify::ClientVerifier;

struct Pki {
    root: CertifiedIssuer<'static, KeyPair>,
    /// The key of the authority `issuing`.
    key: KeyPair,
}

impl Pki {
    fn new() -> Self {
        let root = authority("root", &[KeyCertSign, CrlSign]);
        let root = CertifiedIssuer::self_signed(root, KeyPair::generate().unwrap()).unwrap();
        Self { root, key: KeyPair::generate().unwrap() }
    }

    /// A certificate of the authority's key.
    fn issuing(&self, usages: &[KeyUsagePurpose]) -> CertificateDer<'static> {
        authority("issuing", usages).signed_by(&self.key, &*self.root).unwrap().der().clone()
    }

    /// A leaf that the authority's key signed.
    fn leaf(&self, usages: &[KeyUsagePurpose]) -> CertificateDer<'static> {
        let params = authority("issuing", &[]);
        let issuer = Issuer::from_params(&params, &self.key);
        named("leaf", usages).signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap().der().clone()
    }

    fn verdict(&self, leaf: &CertificateDer<'_>, intermediates: &[CertificateDer<'_>]) -> Result<(), CertificateError> {
        let trust = Trust { anchors: vec![self.root.der().clone()], ..Trust::default() };
        let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(1_780_272_000));
        match ClientVerifier::new(&trust).unwrap().verify_client_cert(leaf, intermediates, now) {
            Ok(_) => Ok(()),
            Err(Error::InvalidCertificate(error)) => Err(error),
            Err(other) => panic!("{other}"),
        }
    }
}

fn named(name: &str, usages: &[KeyUsagePurpose]) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages = usages.to_vec();
    params
}

fn authority(name: &str, usages: &[KeyUsagePurpose]) -> CertificateParams {
    let mut params = named(name, usages);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

#[test]
fn usages_are_honoured_where_they_are_given() {
    let pki = Pki::new();
    let outcome = |leaf: &[KeyUsagePurpose], ca: &[KeyUsagePurpose]| pki.verdict(&pki.leaf(leaf), &[pki.issuing(ca)]);
    assert_eq!(outcome(&[DigitalSignature], &[KeyCertSign, CrlSign]), Ok(()));
    assert_eq!(outcome(&[], &[]), Ok(()));
    assert_eq!(outcome(&[KeyEncipherment], &[KeyCertSign]), Err(CertificateError::InvalidPurpose));
    assert_eq!(outcome(&[DigitalSignature], &[CrlSign]), Err(CertificateError::InvalidPurpose));
}

#[test]
fn a_stranger_with_the_issuers_name_lends_it_no_usage() {
    let pki = Pki::new();
    let decoy = authority("issuing", &[KeyCertSign]).self_signed(&KeyPair::generate().unwrap()).unwrap();
    let (leaf, issuing, decoy) = (pki.leaf(&[]), pki.issuing(&[CrlSign]), decoy.der().clone());
    for intermediates in [[issuing.clone(), decoy.clone()], [decoy, issuing]] {
        assert_eq!(pki.verdict(&leaf, &intermediates), Err(CertificateError::InvalidPurpose));
    }
}

#[test]
fn of_several_certificates_of_an_issuer_one_that_may_sign_is_enough() {
    let pki = Pki::new();
    let (leaf, old, new) = (pki.leaf(&[]), pki.issuing(&[CrlSign]), pki.issuing(&[KeyCertSign]));
    // Of the same name, under the same root, with a key of before.
    let rolled = authority("issuing", &[CrlSign]).signed_by(&KeyPair::generate().unwrap(), &*pki.root).unwrap();
    let rolled = rolled.der().clone();
    for intermediates in [[old.clone(), rolled.clone(), new.clone()], [new, rolled, old]] {
        assert_eq!(pki.verdict(&leaf, &intermediates), Ok(()));
    }
}

#[test]
fn certificates_that_play_no_part_are_passed_over() {
    let pki = Pki::new();
    let (leaf, issuing) = (pki.leaf(&[DigitalSignature]), pki.issuing(&[KeyCertSign]));
    let garbage = CertificateDer::from(vec![0x30, 0x01]);
    let stranger = named("stranger", &[KeyEncipherment]).self_signed(&KeyPair::generate().unwrap()).unwrap();
    assert_eq!(pki.verdict(&leaf, &[garbage.clone(), stranger.der().clone(), issuing]), Ok(()));
    assert_eq!(pki.verdict(&garbage, &[]), Err(CertificateError::BadEncoding));
    let other = Pki::new();
    assert_eq!(pki.verdict(&other.leaf(&[]), &[]), Err(CertificateError::UnknownIssuer));
}
