//! One certificate chain per reason, made for a fixed clock.

use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CustomExtension, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, NameConstraints,
    RevokedCertParams, SanType, SerialNumber, date_time_ymd,
};

use super::*;

fn now() -> UnixTime {
    // 2030-06-01
    UnixTime::since_unix_epoch(Duration::from_secs(1_906_502_400))
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2030, 1, 1);
    params.not_after = date_time_ymd(2031, 1, 1);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params
}

fn authority(name: &str, constraint: BasicConstraints) -> CertificateParams {
    let mut params = params(name);
    params.is_ca = IsCa::Ca(constraint);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

struct Pki {
    root: CertificateDer<'static>,
    intermediate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
    root_issuer: Issuer<'static, KeyPair>,
}

impl Pki {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut CertificateParams)) -> Self {
        let key = KeyPair::generate().unwrap();
        let root = authority("root", BasicConstraints::Unconstrained);
        let root_der = root.self_signed(&key).unwrap().der().clone();
        let root_issuer = Issuer::new(root, key);
        let key = KeyPair::generate().unwrap();
        let mut intermediate = authority("intermediate", BasicConstraints::Constrained(0));
        change(&mut intermediate);
        let intermediate_der = intermediate.signed_by(&key, &root_issuer).unwrap().der().clone();
        Self { root: root_der, intermediate: intermediate_der, issuer: Issuer::new(intermediate, key), root_issuer }
    }

    fn leaf(&self, change: impl FnOnce(&mut CertificateParams)) -> CertificateDer<'static> {
        let mut params = params("leaf");
        params.serial_number = Some(SerialNumber::from(7u64));
        change(&mut params);
        params.signed_by(&KeyPair::generate().unwrap(), &self.issuer).unwrap().der().clone()
    }

    fn crl(
        &self,
        issuer: &Issuer<'_, KeyPair>,
        revoked: Option<u64>,
        next_year: i32,
    ) -> CertificateRevocationListDer<'static> {
        let revoked_certs = revoked
            .map(|serial| RevokedCertParams {
                serial_number: SerialNumber::from(serial),
                revocation_time: date_time_ymd(2030, 2, 1),
                reason_code: None,
                invalidity_date: None,
            })
            .into_iter()
            .collect();
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2030, 3, 1),
            next_update: date_time_ymd(next_year, 4, 1),
            crl_number: SerialNumber::from(1u64),
            issuing_distribution_point: None,
            revoked_certs,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(issuer).unwrap().der().clone()
    }

    fn verdict(&self, leaf: CertificateDer<'static>) -> Result<(), TrustError> {
        self.verdict_with(leaf, &[], RevocationPolicy::default())
    }

    fn verdict_with(
        &self,
        leaf: CertificateDer<'static>,
        crls: &[CertificateRevocationListDer<'_>],
        policy: RevocationPolicy,
    ) -> Result<(), TrustError> {
        Anchors::new(std::slice::from_ref(&self.root), crls, policy)?.verify(&[leaf, self.intermediate.clone()], now())
    }
}

#[test]
fn a_good_chain_is_trusted_with_and_without_its_root() {
    let pki = Pki::new();
    let leaf = pki.leaf(|_| {});
    assert_eq!(pki.verdict(leaf.clone()), Ok(()));
    let anchors = Anchors::new(std::slice::from_ref(&pki.root), &[], RevocationPolicy::default()).unwrap();
    assert_eq!(anchors.verify(&[leaf.clone(), pki.intermediate.clone(), pki.root.clone()], now()), Ok(()));
    assert_eq!(anchors.verify(std::slice::from_ref(&leaf), now()), Err(TrustError::UnknownIssuer));
    assert_eq!(anchors.verify(&[], now()), Err(TrustError::EmptyChain));
    // Other purposes are no reason to refuse a signing certificate.
    let tls_only = pki.leaf(|p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]);
    assert_eq!(pki.verdict(tls_only), Ok(()));
    let unrestricted = pki.leaf(|p| p.key_usages.clear());
    assert_eq!(pki.verdict(unrestricted), Ok(()));
}

#[test]
fn each_fault_has_its_reason() {
    let pki = Pki::new();
    let expired = pki.leaf(|p| p.not_after = date_time_ymd(2030, 5, 1));
    assert_eq!(pki.verdict(expired.clone()), Err(TrustError::Expired));
    assert_eq!(within_validity(&expired, now()), Err(TrustError::Expired));
    let future = pki.leaf(|p| p.not_before = date_time_ymd(2030, 7, 1));
    assert_eq!(pki.verdict(future.clone()), Err(TrustError::NotYetValid));
    assert_eq!(within_validity(&future, now()), Err(TrustError::NotYetValid));
    assert_eq!(within_validity(&pki.leaf(|_| {}), now()), Ok(()));
    let agreement = pki.leaf(|p| p.key_usages = vec![KeyUsagePurpose::KeyAgreement]);
    assert_eq!(pki.verdict(agreement), Err(TrustError::WrongUsage));
    let promised = pki.leaf(|p| p.key_usages = vec![KeyUsagePurpose::ContentCommitment]);
    assert_eq!(pki.verdict(promised), Ok(()));
    let critical = pki.leaf(|p| {
        let mut extension = CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]);
        extension.set_criticality(true);
        p.custom_extensions.push(extension);
    });
    assert_eq!(pki.verdict(critical), Err(TrustError::CriticalExtension));
    let authority = pki.leaf(|p| p.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
    assert_eq!(pki.verdict(authority), Err(TrustError::WrongUsage));
    let other = Pki::new();
    assert_eq!(pki.verdict(other.leaf(|_| {})), Err(TrustError::Signature));
    let stranger = params("stranger").self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone();
    assert_eq!(pki.verdict(stranger), Err(TrustError::UnknownIssuer));
    let garbage = CertificateDer::from(vec![0x30, 3, 2, 1, 1]);
    assert_eq!(pki.verdict(garbage.clone()), Err(TrustError::Malformed));
    assert_eq!(within_validity(&garbage, now()), Err(TrustError::Malformed));
}

#[test]
fn faults_of_the_issuers() {
    let not_an_authority = Pki::with(|p| p.is_ca = IsCa::NoCa);
    let leaf = not_an_authority.leaf(|_| {});
    assert_eq!(not_an_authority.verdict(leaf), Err(TrustError::NotAuthority));
    let constrained = Pki::with(|p| {
        p.name_constraints = Some(NameConstraints {
            permitted_subtrees: vec![GeneralSubtree::DnsName("customs.test".to_owned())],
            excluded_subtrees: vec![],
        });
    });
    let named =
        |name: &str| constrained.leaf(|p| p.subject_alt_names = vec![SanType::DnsName(name.try_into().unwrap())]);
    assert_eq!(constrained.verdict(named("a.customs.test")), Ok(()));
    assert_eq!(constrained.verdict(named("a.other.test")), Err(TrustError::NameConstraint));
    // The intermediate may issue leaves only; here it issued another authority.
    let pki = Pki::new();
    let key = KeyPair::generate().unwrap();
    let second = authority("second", BasicConstraints::Unconstrained);
    let second_der = second.signed_by(&key, &pki.issuer).unwrap().der().clone();
    let leaf = params("leaf").signed_by(&KeyPair::generate().unwrap(), &Issuer::new(second, key)).unwrap();
    let anchors = Anchors::new(std::slice::from_ref(&pki.root), &[], RevocationPolicy::default()).unwrap();
    let chain = [leaf.der().clone(), second_der, pki.intermediate.clone()];
    assert_eq!(anchors.verify(&chain, now()), Err(TrustError::PathLength));
}

#[test]
fn issuers_that_may_not_sign_certificates_are_in_no_path() {
    let lists_only = vec![KeyUsagePurpose::CrlSign];
    let pki = Pki::with(|p| p.key_usages = lists_only.clone());
    let anchors = Anchors::new(std::slice::from_ref(&pki.root), &[], RevocationPolicy::default()).unwrap();
    let (leaf, lists_only) = (pki.leaf(|_| {}), pki.intermediate.clone());
    assert_eq!(anchors.verify(&[leaf.clone(), lists_only.clone()], now()), Err(TrustError::NotAuthority));
    // A stranger of the same name lends it no usage.
    let decoy = authority("intermediate", BasicConstraints::Unconstrained);
    let decoy = decoy.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone();
    for chain in [[&leaf, &lists_only, &decoy], [&leaf, &decoy, &lists_only]] {
        assert!(anchors.verify(&chain.map(Clone::clone), now()).is_err());
    }
    // Another certificate of the same key that may sign is a path of its own.
    let renewed = authority("intermediate", BasicConstraints::Constrained(0));
    let renewed = renewed.signed_by(pki.issuer.key(), &pki.root_issuer).unwrap().der().clone();
    for chain in [[&leaf, &lists_only, &renewed], [&leaf, &renewed, &lists_only]] {
        assert_eq!(anchors.verify(&chain.map(Clone::clone), now()), Ok(()));
    }
    let unrestricted = Pki::with(|p| p.key_usages.clear());
    assert_eq!(unrestricted.verdict(unrestricted.leaf(|_| {})), Ok(()));
}

#[test]
fn revocation() {
    let pki = Pki::new();
    let leaf = || pki.leaf(|_| {});
    let policy = RevocationPolicy::default();
    let with = |crl: CertificateRevocationListDer<'static>, policy| pki.verdict_with(leaf(), &[crl], policy);
    assert_eq!(with(pki.crl(&pki.issuer, None, 2030 + 1), policy), Ok(()));
    assert_eq!(with(pki.crl(&pki.issuer, Some(8), 2031), policy), Ok(()));
    assert_eq!(with(pki.crl(&pki.issuer, Some(7), 2031), policy), Err(TrustError::Revoked));
    assert_eq!(with(pki.crl(&pki.issuer, None, 2030), policy), Err(TrustError::CrlExpired));
    let lenient = RevocationPolicy { enforce_expiration: false, ..policy };
    assert_eq!(with(pki.crl(&pki.issuer, None, 2030), lenient), Ok(()));
    let strict = RevocationPolicy { require_status: true, ..policy };
    assert_eq!(pki.verdict_with(leaf(), &[], strict), Err(TrustError::UnknownStatus));
    // A list for the leaf's issuer only: the intermediate's own status is unknown.
    assert_eq!(with(pki.crl(&pki.issuer, None, 2031), strict), Err(TrustError::UnknownStatus));
    let leaf_only = RevocationPolicy { whole_chain: false, ..strict };
    assert_eq!(with(pki.crl(&pki.issuer, None, 2031), leaf_only), Ok(()));
    let both = [pki.crl(&pki.issuer, None, 2031), pki.crl(&pki.root_issuer, None, 2031)];
    assert_eq!(pki.verdict_with(leaf(), &both, strict), Ok(()));
    let forged = Pki::new();
    assert_eq!(with(pki.crl(&forged.issuer, Some(7), 2031), policy), Err(TrustError::CrlSignature));
    let garbage = CertificateRevocationListDer::from(vec![0x30, 0]);
    assert_eq!(pki.verdict_with(leaf(), &[garbage], policy), Err(TrustError::MalformedCrl));
}

#[test]
fn a_broken_anchor_is_refused_at_once() {
    let garbage = CertificateDer::from(vec![1, 2, 3]);
    assert_eq!(Anchors::new(&[garbage], &[], RevocationPolicy::default()).map(drop), Err(TrustError::Malformed));
}

#[test]
fn what_was_trusted_a_moment_ago_is_judged_again_when_time_or_chain_change() {
    let pki = Pki::new();
    let anchors = Anchors::new(std::slice::from_ref(&pki.root), &[], RevocationPolicy::default()).unwrap();
    let chain = [pki.leaf(|_| {}), pki.intermediate.clone()];
    assert_eq!(anchors.verify(&chain, now()), Ok(()));
    assert_eq!(anchors.verify(&chain, now()), Ok(()));
    let year = Duration::from_secs(365 * 24 * 3600);
    let later = UnixTime::since_unix_epoch(Duration::from_secs(now().as_secs()) + year);
    assert_eq!(anchors.verify(&chain, later), Err(TrustError::Expired));
    assert_eq!(anchors.verify(&chain, now()), Ok(()));
    // The same leaf behind another issuer, and another leaf behind the same.
    assert_eq!(anchors.verify(&[chain[0].clone(), pki.root.clone()], now()), Err(TrustError::UnknownIssuer));
    let stranger = Pki::new();
    assert_eq!(anchors.verify(&[stranger.leaf(|_| {}), chain[1].clone()], now()), Err(TrustError::Signature));
    for _ in 0..2 * REMEMBERED {
        assert_eq!(anchors.verify(&[pki.leaf(|_| {}), chain[1].clone()], now()), Ok(()));
    }
}

#[test]
fn whom_a_remembered_leaf_names_is_told_of_that_leaf() {
    let pki = Pki::new();
    let anchors = Anchors::new(std::slice::from_ref(&pki.root), &[], RevocationPolicy::default()).unwrap();
    let named = |name: &str| pki.leaf(|params| params.distinguished_name.push(DnType::CommonName, name));
    let (one, other) = (named("one"), named("other"));
    for _ in 0..2 {
        for (leaf, name) in [(&one, "one"), (&other, "other")] {
            let found = anchors.leaf(&[leaf.clone(), pki.intermediate.clone()], now()).unwrap();
            assert_eq!(found.common_name.as_deref(), Some(name));
        }
    }
}
