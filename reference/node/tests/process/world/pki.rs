//! Certificates for the tests.

#![expect(clippy::unwrap_used, reason = "a helper of tests fails its test")]

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_RSA_SHA256,
};

pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A chain and a key, PEM.
pub(crate) struct Issued {
    pub(crate) chain: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    pub(crate) fn tls(&self, name: &str) -> Issued {
        let usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(name, &KeyPair::generate().unwrap(), usages)
    }

    pub(crate) fn signing(&self, name: &str) -> Issued {
        let mut issued = self.issue(name, &KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap(), vec![]);
        issued.chain.push_str(&self.pem());
        issued
    }

    fn issue(&self, name: &str, key: &KeyPair, usages: Vec<ExtendedKeyUsagePurpose>) -> Issued {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = usages;
        let leaf = params.signed_by(key, &*self.0).unwrap();
        Issued { chain: leaf.pem(), key: key.serialize_pem() }
    }
}
