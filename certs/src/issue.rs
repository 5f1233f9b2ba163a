//! Profiles made into certificates by rcgen: what the authority issues when nothing is wrong.

use std::time::Duration;

use aws_lc_rs::digest;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CrlDistributionPoint, CustomExtension,
    DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyUsagePurpose, RevocationReason,
    RevokedCertParams, SerialNumber,
};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};

use crate::der::{Node, tag};
use crate::{CertError, Key, KeyKind, Profile, Usage, edit};

/// Seconds in a day.
pub(crate) const DAY: i64 = 86_400;

/// The moment some seconds from `now`, as rcgen wants it; a macro because that type is not ours to name.
macro_rules! moment {
    ($now:expr, $seconds:expr) => {
        rcgen::date_time_ymd(1970, 1, 1) + $crate::issue::offset($now, $seconds)
    };
}
pub(crate) use moment;

/// A certification authority: its key, the certificate others know it by, and where its revocation list is to be had.
#[derive(Debug, Clone)]
pub(crate) struct Ca {
    pub(crate) key: Key,
    pub(crate) der: CertificateDer<'static>,
    /// Named by all that it issues; by nothing where there is none.
    pub(crate) list: Option<String>,
}

impl Ca {
    /// A CA named `name` of `organisation`, under `parent` or self-signed, whose list is to be had at `list`. Its serial number
    /// follows from its name.
    pub(crate) fn new(
        organisation: &str,
        name: &str,
        key: Key,
        list: Option<String>,
        parent: Option<&Self>,
        now: UnixTime,
    ) -> Result<Self, CertError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = distinguished_name(None, Some(organisation), name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.serial_number = Some(SerialNumber::from_slice(&serial_for(&[organisation, name])));
        params.not_before = moment!(now, -DAY);
        params.not_after = moment!(now, 3650 * DAY);
        params.use_authority_key_identifier_extension = parent.is_some();
        // OpenSSL, asked for the status of a whole path, asks for the anchor's too.
        params.crl_distribution_points = points(parent.map_or(&list, |parent| &parent.list).as_ref());
        if parent.is_some() {
            // Whoever it issues to may be under any policy; an anchor says nothing of it.
            params.custom_extensions.push(policies(&[ANY_POLICY])?);
        }
        let pair = key.rcgen()?;
        let cert = match parent {
            Some(parent) => params.signed_by(&pair, &parent.issuer()?)?,
            None => params.self_signed(&pair)?,
        };
        Ok(Self { key, der: cert.der().clone(), list })
    }

    /// Issues what the profile asks for, under the given serial number.
    pub(crate) fn issue(
        &self,
        profile: &Profile,
        key: &Key,
        serial: &[u8],
        now: UnixTime,
    ) -> Result<CertificateDer<'static>, CertError> {
        let mut params = CertificateParams::new(profile.hosts.clone())?;
        params.distinguished_name =
            distinguished_name(profile.country.as_deref(), profile.organisation.as_deref(), &profile.common_name);
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        match profile.usage {
            Usage::Tls => {
                params.extended_key_usages =
                    vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
            }
            Usage::TlsServer => params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth],
            Usage::TlsClient => params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth],
            Usage::Signing => params.key_usages.push(KeyUsagePurpose::ContentCommitment),
            Usage::Encryption => {
                params.key_usages = vec![match key.kind() {
                    KeyKind::P256 | KeyKind::X25519 => KeyUsagePurpose::KeyAgreement,
                    _ => KeyUsagePurpose::KeyEncipherment,
                }];
            }
        }
        params.serial_number = Some(SerialNumber::from_slice(serial));
        params.not_before = moment!(now, -DAY);
        params.not_after = moment!(now, i64::from(profile.days) * DAY);
        params.use_authority_key_identifier_extension = true;
        params.crl_distribution_points = points(self.list.as_ref());
        if !profile.policies.is_empty() {
            params.custom_extensions.push(policies(&profile.policies)?);
        }
        if key.kind() == KeyKind::X25519 {
            // rcgen issues for keys that sign only.
            let other = Key::generate(KeyKind::Ed25519)?;
            let subject = rcgen::SubjectPublicKeyInfo::from_der(other.spki())?;
            return edit::rekey(params.signed_by(&subject, &self.issuer()?)?.der(), key, &self.key);
        }
        let subject = rcgen::SubjectPublicKeyInfo::from_der(key.spki())?;
        Ok(params.signed_by(&subject, &self.issuer()?)?.der().clone())
    }

    /// A revocation list good from an hour before now until `until` seconds after it.
    pub(crate) fn crl(
        &self,
        revoked: &[Vec<u8>],
        now: UnixTime,
        until: i64,
    ) -> Result<CertificateRevocationListDer<'static>, CertError> {
        // A list that has lapsed was fresh once, so it must have been made earlier still.
        let made = moment!(now, until.min(0) - 3600);
        let params = CertificateRevocationListParams {
            this_update: made,
            next_update: moment!(now, until),
            crl_number: SerialNumber::from(now.as_secs()),
            issuing_distribution_point: None,
            revoked_certs: revoked
                .iter()
                .map(|serial| RevokedCertParams {
                    serial_number: SerialNumber::from_slice(serial),
                    revocation_time: made,
                    reason_code: Some(RevocationReason::KeyCompromise),
                    invalidity_date: None,
                })
                .collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        Ok(params.signed_by(&self.issuer()?)?.into())
    }

    fn issuer(&self) -> Result<Issuer<'static, rcgen::KeyPair>, CertError> {
        Ok(Issuer::from_ca_cert_der(&self.der, self.key.rcgen()?)?)
    }
}

/// What certificates say of where their issuer's list is (RFC 5280, 4.2.1.13).
fn points(list: Option<&String>) -> Vec<CrlDistributionPoint> {
    list.map(|list| CrlDistributionPoint { uris: vec![list.clone()] }).into_iter().collect()
}

/// anyPolicy (RFC 5280, 4.2.1.4).
const ANY_POLICY: &str = "2.5.29.32.0";

/// The extension certificatePolicies, not critical, without qualifiers (RFC 5280, 4.2.1.4).
fn policies(oids: &[impl AsRef<str>]) -> Result<CustomExtension, CertError> {
    let information = |oid: &_| Ok(Node::nodes(tag::SEQUENCE, vec![Node::oid(AsRef::<str>::as_ref(oid))?]));
    let policies = oids.iter().map(information).collect::<Result<Vec<_>, CertError>>()?;
    Ok(CustomExtension::from_oid_content(&[2, 5, 29, 32], Node::nodes(tag::SEQUENCE, policies).encode()))
}

/// A positive serial number of 16 bytes that follows from the words, so that a revocation list can name a certificate
/// before it is made.
pub(crate) fn serial_for(words: &[&str]) -> [u8; 16] {
    let mut hash = digest::Context::new(&digest::SHA256);
    for word in words {
        hash.update(word.as_bytes());
        hash.update(&[0]);
    }
    let mut serial = [0; 16];
    for (to, from) in serial.iter_mut().zip(hash.finish().as_ref()) {
        *to = *from;
    }
    // First bits 01: positive and never shortened, so every serial number has the same form.
    if let Some(first) = serial.first_mut() {
        *first = (*first & 0x3f) | 0x40;
    }
    serial
}

/// `now` moved by some seconds, counted from 1970.
pub(crate) fn offset(now: UnixTime, seconds: i64) -> Duration {
    Duration::from_secs(now.as_secs().saturating_add_signed(seconds))
}

fn distinguished_name(country: Option<&str>, organisation: Option<&str>, common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    if let Some(country) = country {
        name.push(DnType::CountryName, country);
    }
    if let Some(organisation) = organisation {
        name.push(DnType::OrganizationName, organisation);
    }
    name.push(DnType::CommonName, common_name);
    name
}
