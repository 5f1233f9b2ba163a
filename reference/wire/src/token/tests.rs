//! Paths in both orders, names, and noise.

use proptest::prelude::*;
use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, DnValue, IsCa, Issuer, KeyPair};

use super::*;

fn chain_of(names: &[&str]) -> Vec<CertificateDer<'static>> {
    let mut chain: Vec<CertificateDer<'static>> = Vec::new();
    let mut issuer: Option<Issuer<'static, KeyPair>> = None;
    for name in names {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, *name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = match &issuer {
            Some(issuer) => params.signed_by(&key, issuer),
            None => params.self_signed(&key),
        };
        chain.insert(0, certificate.unwrap().der().clone());
        issuer = Some(Issuer::new(params, key));
    }
    chain
}

#[test]
fn paths_in_both_orders() {
    let chain = chain_of(&["root", "intermediate", "leaf"]);
    let path = pkipath(&chain);
    assert_eq!(read_pkipath(&path, 3), Ok(chain.clone()));
    let turned: Vec<_> = chain.iter().rev().cloned().collect();
    assert_eq!(read_pkipath(&pkipath(&turned), 3), Ok(chain.clone()));
    assert_eq!(read_pkipath(&pkipath(&chain[..1]), 3).as_deref(), Ok(&chain[..1]));
    let mixed = [chain[1].clone(), chain[0].clone(), chain[2].clone()];
    assert_eq!(read_pkipath(&pkipath(&mixed), 3), Err(TokenError::Order));
    let gap = [chain[0].clone(), chain[2].clone()];
    assert_eq!(read_pkipath(&pkipath(&gap), 3), Err(TokenError::Order));
    assert_eq!(read_pkipath(&path, 2), Err(TokenError::TooMany { limit: 2 }));
}

#[test]
fn broken_paths() {
    let path = pkipath(&chain_of(&["root"]));
    assert_eq!(read_pkipath(&[], 3), Err(TokenError::Malformed));
    assert_eq!(read_pkipath(&[0x30, 0], 3), Err(TokenError::EmptyPath));
    assert_eq!(read_pkipath(&[0x30, 0x80, 0, 0], 3), Err(TokenError::Malformed));
    assert_eq!(read_pkipath(&[0x30, 2, 0x30, 0], 3), Err(TokenError::Certificate));
    assert_eq!(read_pkipath(&[0x30, 3, 2, 1, 1], 3), Err(TokenError::Malformed));
    assert_eq!(read_pkipath(&[path.as_slice(), &[0]].concat(), 3), Err(TokenError::Malformed));
    for cut in 0..path.len() {
        assert!(read_pkipath(&path[..cut], 3).is_err());
    }
    // A length that is written longer than needed, or larger than memory.
    assert_eq!(read_pkipath(&[0x30, 0x81, 2, 0x30, 0], 3), Err(TokenError::Malformed));
    assert_eq!(read_pkipath(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff], 3), Err(TokenError::Malformed));
    assert_eq!(
        read_pkipath(&[0x30, 0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 3),
        Err(TokenError::Malformed)
    );
}

#[test]
fn subjects() {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CountryName, "PH");
    params.distinguished_name.push(DnType::OrganizationName, "Bureau, of \"Customs\" + #1");
    params.distinguished_name.push(DnType::CommonName, DnValue::Utf8String(" ñode ".to_owned()));
    let der = params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone();
    let subject = subject(&der).unwrap();
    assert_eq!(subject.rfc4514, "CN=\\ ñode\\ ,O=Bureau\\, of \\\"Customs\\\" \\+ #1,C=PH");
    assert_eq!(subject.common_name.as_deref(), Some(" ñode "));
    assert!(subject.matches("cn=\\ ñode\\ , o=Bureau\\, of \\\"Customs\\\" \\+ #1 ,C=PH"));
    assert!(!subject.matches("CN=\\ ñode\\ ,O=Bureau,C=PH"));
    assert!(!subject.matches("CN=other"));
    assert!(!subject.matches(""));
}

#[test]
fn a_common_name_alone_is_enough() {
    let der = chain_of(&["red"]).remove(0);
    let subject = subject(&der).unwrap();
    assert!(subject.matches("red"));
    assert!(subject.matches("CN=red"));
    assert!(!subject.matches("Red"));
    assert!(!subject.matches("CN=re"));
}

proptest! {
    #[test]
    fn noise_is_refused_not_fatal(noise in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(read_pkipath(&noise, 10).is_err());
        prop_assert!(read_pkipath(&crate::der::wrap(0x30, &noise), 10).is_err());
        prop_assert!(subject(&CertificateDer::from(noise)).is_err());
    }

    #[test]
    fn der_comes_back(content in prop::collection::vec(any::<u8>(), 0..70_000usize), after in any::<u8>()) {
        let mut bytes = crate::der::wrap(0x30, &content);
        bytes.push(after);
        let (tag, found, rest) = crate::der::element(&bytes).unwrap();
        prop_assert_eq!((tag, found, rest), (0x30, content.as_slice(), &[after][..]));
    }
}
