//! Certificates for the tests.

#![expect(clippy::unwrap_used, reason = "a helper of tests fails its test")]

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, CustomExtension, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, PKCS_ED25519, PKCS_RSA_SHA256, SerialNumber,
    date_time_ymd,
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

    /// A revocation list that names nobody and lapses at the beginning of that year.
    pub(crate) fn list(&self, until: i32) -> String {
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2000, 1, 1),
            next_update: date_time_ymd(until, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: Vec::new(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&*self.0).unwrap().pem().unwrap()
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

    /// As eDelivery 2.0 signs.
    pub(crate) fn signing_ed25519(&self, name: &str) -> Issued {
        let mut issued = self.issue(name, &KeyPair::generate_for(&PKCS_ED25519).unwrap(), vec![]);
        issued.chain.push_str(&self.pem());
        issued
    }

    /// A signing certificate issued under a certificate policy, given as the DER of its OID.
    pub(crate) fn signing_under(&self, name: &str, oid: &[u8]) -> Issued {
        let wrap = |tag: u8, content: &[u8]| [&[tag, u8::try_from(content.len()).unwrap()], content].concat();
        let policies = wrap(0x30, &wrap(0x30, oid));
        let extension = CustomExtension::from_oid_content(&[2, 5, 29, 32], policies);
        let key = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
        let mut issued = self.issue_with(name, &key, vec![], vec![extension], &[KeyUsagePurpose::DigitalSignature]);
        issued.chain.push_str(&self.pem());
        issued
    }

    /// What others encrypt for: RSA as eDelivery 1.15 has it, P-256 as 2.0 has it.
    pub(crate) fn encryption(&self, name: &str, rsa: bool) -> Issued {
        let (key, usage) = match rsa {
            true => (KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap(), KeyUsagePurpose::KeyEncipherment),
            false => (KeyPair::generate().unwrap(), KeyUsagePurpose::KeyAgreement),
        };
        self.issue_with(name, &key, vec![], vec![], &[usage])
    }

    /// One certificate to sign with and to be encrypted for, as service metadata carry it.
    pub(crate) fn signing_and_encryption(&self, name: &str) -> Issued {
        let key = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
        let both = [KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        let mut issued = self.issue_with(name, &key, vec![], vec![], &both);
        issued.chain.push_str(&self.pem());
        issued
    }

    /// A signing certificate that has ended.
    pub(crate) fn signing_expired(&self, name: &str) -> Issued {
        let key = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
        let leaf = params.signed_by(&key, &*self.0).unwrap();
        Issued { chain: format!("{}{}", leaf.pem(), self.pem()), key: key.serialize_pem() }
    }

    fn issue(&self, name: &str, key: &KeyPair, usages: Vec<ExtendedKeyUsagePurpose>) -> Issued {
        self.issue_with(name, key, usages, vec![], &[KeyUsagePurpose::DigitalSignature])
    }

    fn issue_with(
        &self,
        name: &str,
        key: &KeyPair,
        usages: Vec<ExtendedKeyUsagePurpose>,
        extensions: Vec<CustomExtension>,
        usage: &[KeyUsagePurpose],
    ) -> Issued {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.key_usages = usage.to_vec();
        params.extended_key_usages = usages;
        params.custom_extensions = extensions;
        let leaf = params.signed_by(key, &*self.0).unwrap();
        Issued { chain: leaf.pem(), key: key.serialize_pem() }
    }
}
