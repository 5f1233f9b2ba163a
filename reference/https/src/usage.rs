//! Key usage along a certificate path, which webpki does not look at (RFC 5280 4.2.1.3 and 6.1.4 (n)).
//!
//! Runs after webpki has accepted the path; signatures, dates and names are webpki's.

use rustls::CertificateError;
use rustls_pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::KeyUsage;
use x509_parser::prelude::FromDer as _;

/// Whether the leaf's key may sign, and the keys of the CAs above it may sign certificates. A certificate without key
/// usage may do either.
///
/// # Errors
/// [`CertificateError::InvalidPurpose`] when one may not, [`CertificateError::BadEncoding`] when one does not parse.
pub(crate) fn check(leaf: &CertificateDer<'_>, intermediates: &[CertificateDer<'_>]) -> Result<(), CertificateError> {
    let Ok((_, mut below)) = X509Certificate::from_der(leaf) else { return Err(CertificateError::BadEncoding) };
    //= TLS-USAGE-02
    if !allows(&below, KeyUsage::digital_signature)? {
        return Err(CertificateError::InvalidPurpose);
    }
    // What the peer sent beyond the path is nobody's business.
    let above: Vec<X509Certificate<'_>> =
        intermediates.iter().filter_map(|der| X509Certificate::from_der(der).ok()).map(|(_, ca)| ca).collect();
    //= TLS-PATH-08
    for _ in 0..above.len() {
        let issuers: Vec<_> = above.iter().filter(|ca| ca.subject() == below.issuer()).collect();
        let Some(first) = issuers.first() else { return Ok(()) };
        let mut may = false;
        for issuer in &issuers {
            may |= allows(issuer, KeyUsage::key_cert_sign)?;
        }
        if !may {
            return Err(CertificateError::InvalidPurpose);
        }
        below = (**first).clone();
    }
    Ok(())
}

fn allows(certificate: &X509Certificate<'_>, bit: impl Fn(&KeyUsage) -> bool) -> Result<bool, CertificateError> {
    let usage = certificate.key_usage().map_err(|_| CertificateError::BadEncoding)?;
    Ok(usage.is_none_or(|usage| bit(usage.value)))
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

    use super::*;

    /// A leaf under an intermediate of the given usages, and the intermediate.
    fn chain(leaf: &[KeyUsagePurpose], ca: &[KeyUsagePurpose]) -> (CertificateDer<'static>, CertificateDer<'static>) {
        let named = |name: &str, usages: &[KeyUsagePurpose]| {
            let mut params = CertificateParams::default();
            params.distinguished_name.push(DnType::CommonName, name);
            params.key_usages = usages.to_vec();
            params
        };
        let key = KeyPair::generate().unwrap();
        let mut issuing = named("issuing", ca);
        issuing.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuing_der = issuing.self_signed(&key).unwrap().der().clone();
        let issuer = Issuer::new(issuing, key);
        let der = named("leaf", leaf).signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap().der().clone();
        (der, issuing_der)
    }

    #[test]
    fn usages_are_honoured_where_they_are_given() {
        use KeyUsagePurpose::{CrlSign, DigitalSignature, KeyCertSign, KeyEncipherment};
        let outcome = |leaf: &[KeyUsagePurpose], ca: &[KeyUsagePurpose]| {
            let (leaf, ca) = chain(leaf, ca);
            check(&leaf, &[ca])
        };
        assert_eq!(outcome(&[DigitalSignature], &[KeyCertSign, CrlSign]), Ok(()));
        assert_eq!(outcome(&[], &[]), Ok(()));
        assert_eq!(outcome(&[KeyEncipherment], &[KeyCertSign]), Err(CertificateError::InvalidPurpose));
        assert_eq!(outcome(&[DigitalSignature], &[CrlSign]), Err(CertificateError::InvalidPurpose));
    }

    #[test]
    fn certificates_that_play_no_part_are_passed_over() {
        let (leaf, ca) = chain(&[KeyUsagePurpose::DigitalSignature], &[KeyUsagePurpose::KeyCertSign]);
        let stranger = CertificateDer::from(vec![0x30, 0x01]);
        assert_eq!(check(&leaf, &[stranger.clone(), ca]), Ok(()));
        assert_eq!(check(&stranger, &[]), Err(CertificateError::BadEncoding));
    }
}
