//! From subject files to a kit: who the two parties are, and what each is told of the other.

use std::path::Path;

use carnet_catalogue::exchange::Exchanges;
use carnet_catalogue::ics::Ics;
use carnet_catalogue::profile::RSA;
use carnet_catalogue::subject::{IdentityFiles, Party, Subject};
use carnet_certs::{
    Authority, Crl, FolderPlan, Identity, KeyKind, UnixTime, Usage, common_name, file_stem, to_pem, write_folder,
    write_further,
};
use carnet_fixtures::Packs;
use carnet_harness::setup::{Address, SubjectFiles, lists_url, publisher_name, suite_url};
use rustls_pki_types::CertificateDer;

use super::product::OwnKeys;
use super::{Kit, ServiceActions, default_agreement, subject_of};
use crate::certs;
use crate::failure::Failure;

/// The kits that let the subject talk to the suite: `suite`, and `other` for the suite's second party where there is
/// one. Makes the suite's test PKI when it is not there yet.
///
/// # Errors
/// A file that cannot be read or written; a subject file that says neither where the suite listens nor its URL.
pub(crate) fn with_suite(file: &SubjectFiles, packs: &Packs, now: UnixTime) -> Result<Vec<(String, Kit)>, Failure> {
    let suite = &file.subject.suite;
    let Some(endpoint) = suite_url(suite) else {
        let problem = file.wrong("[suite]", "[suite] has neither `listen` nor `public_url`".to_owned());
        let help = "write where the subject can reach the suite, for example listen = \"0.0.0.0:8443\"";
        return Err(Failure::usage(problem.with_help(help)));
    };
    let pki = Pki::open(file, now)?;
    let exchanges = file.subject.exchange.clone();
    let main = Kit {
        endpoints: vec![endpoint],
        exchanges,
        ..pki.kit(&suite.party, suite.tls.as_ref(), suite.signing.as_ref(), packs)?
    };
    let main = pki.with_publisher(pki.with_further(main, now)?, now)?;
    let mut kits = vec![("suite".to_owned(), main)];
    if let Some(other) = &suite.other_party {
        let mut kit = pki.kit(other, None, None, packs)?;
        kit.agreement = (default_agreement(&file.subject.party.id, &other.id), None);
        kits.push(("other".to_owned(), kit));
    }
    Ok(kits)
}

/// The kit that lets the subject talk to another subject.
///
/// # Errors
/// A file that cannot be read.
pub(crate) fn with_partner(file: &SubjectFiles, partner: &SubjectFiles, packs: &Packs) -> Result<Kit, Failure> {
    let other = &partner.subject;
    let mut kit = base(file, &other.party, packs)?;
    // The suite's AgreementRef is an agreement with the suite; these two have one of their own.
    kit.agreement = (default_agreement(&file.subject.party.id, &other.party.id), None);
    kit.endpoints = vec![other.url.clone()];
    kit.tls_anchors = pem(&partner.anchors(&other.trust.tls).map_err(Failure::usage)?);
    kit.signing_anchors = pem(&partner.anchors(&other.trust.signing).map_err(Failure::usage)?);
    kit.signing_subject = other.trust.signing_subject.as_deref().map(subject_of);
    // Only anchors are known of a subject, so nothing can be bound to one certificate.
    kit.binding.tls = carnet_catalogue::ics::TlsBinding::Anchor;
    kit.binding.signer = carnet_catalogue::ics::SignerBinding::Anchored;
    Ok(kit)
}

/// Test keys for the subject itself, made by the suite's test CA at the first call and kept.
///
/// # Errors
/// A file that cannot be read or written.
pub(crate) fn own_keys(file: &SubjectFiles, now: UnixTime) -> Result<OwnKeys, Failure> {
    let pki = Pki::open(file, now)?;
    let own = &file.subject.party.id;
    if !has_keys(&file.pki(), own)? {
        let hosts = Address::parse(&file.subject.url).map(|address| vec![address.host]).unwrap_or_default();
        let plan = FolderPlan { hosts, ..FolderPlan::new(pki.authority.name(), vec![own.clone()]) };
        write_folder(&file.pki(), &plan, now).map_err(certs::failure)?;
    }
    let identity = |usage: &str| file.identity(None, own, usage).map_err(Failure::usage);
    let encrypts = file.subject.all_agreed().any(|(_, agreement)| agreement.secured().encryption == Some(RSA));
    let encryption = encrypts.then(|| {
        let (usage, kind) = (Usage::Encryption, KeyKind::Rsa2048);
        write_further(&file.pki(), own, usage, kind, now).map_err(Failure::usage)?;
        identity(&format!("{}-{}", usage.name(), kind.name()))
    });
    Ok(OwnKeys { tls: identity("tls")?, signing: identity("signing")?, encryption: encryption.transpose()? })
}

fn base(file: &SubjectFiles, partner: &Party, packs: &Packs) -> Result<Kit, Failure> {
    let subject = &file.subject;
    let ics: &Ics = &file.ics;
    let named = subject.agreement.name.clone();
    Ok(Kit {
        own: subject.party.clone(),
        own_name: subject.name.clone(),
        partner: partner.clone(),
        endpoints: Vec::new(),
        tls_anchors: String::new(),
        tls_certificate: None,
        signing_anchors: String::new(),
        signing_intermediates: None,
        signing_certificate: None,
        signing_subject: None,
        crls: Vec::new(),
        lists_at: None,
        binding: ics.binding.clone(),
        agreement: (named, subject.agreement.kind.clone()),
        token: subject.agreement.token.clone(),
        compress: subject.agreement.compress,
        mpc: subject.agreement.mpc.clone(),
        reception_awareness: ics.reception_awareness,
        services: services(subject, packs),
        exchanges: Exchanges::default(),
        publisher: None,
        publisher_certificate: None,
        encryption_certificate: None,
        rsa_encryption_certificate: None,
        further: Vec::new(),
    })
}

/// The services of every pack as the subject names them, and the sample's.
fn services(subject: &Subject, packs: &Packs) -> Vec<ServiceActions> {
    let mut services: Vec<ServiceActions> = Vec::new();
    for pack in packs.iter() {
        let named = subject.service.iter().find(|service| service.pack == pack.id);
        let name = named.and_then(|named| named.service.clone()).unwrap_or_else(|| pack.service.clone());
        let kind = named.and_then(|named| named.service_type.clone());
        let actions = pack
            .types
            .iter()
            .map(|message| named.and_then(|named| named.actions.get(&message.name)).unwrap_or(&message.action).clone());
        add(&mut services, name, kind, actions);
    }
    if let Some(sample) = &subject.sample
        && let (Some(service), Some(action)) = (&sample.service, &sample.action)
    {
        add(&mut services, service.clone(), sample.service_type.clone(), [action.clone()]);
    }
    services
}

fn add(
    services: &mut Vec<ServiceActions>,
    name: String,
    kind: Option<String>,
    actions: impl IntoIterator<Item = String>,
) {
    let place = services.iter().position(|service| service.name == name && service.kind == kind).unwrap_or_else(|| {
        services.push(ServiceActions { name, kind, actions: Vec::new() });
        services.len() - 1
    });
    if let Some(service) = services.get_mut(place) {
        for action in actions {
            if !service.actions.contains(&action) {
                service.actions.push(action);
            }
        }
    }
}

/// Whether the folder has keys of that party already.
fn has_keys(pki: &Path, party: &str) -> Result<bool, Failure> {
    let stem = file_stem(party).map_err(certs::failure)?;
    Ok(pki.join(format!("{stem}-tls.pem")).exists())
}

/// The suite's test PKI for one subject, made at the first call.
struct Pki<'a> {
    file: &'a SubjectFiles,
    authority: Authority,
    crls: Vec<Crl>,
}

impl<'a> Pki<'a> {
    fn open(file: &'a SubjectFiles, now: UnixTime) -> Result<Self, Failure> {
        let suite = &file.subject.suite;
        let dir = file.pki();
        let lists = suite.lists.as_ref().map(lists_url);
        let mut missing = Vec::new();
        for party in std::iter::once(&suite.party).chain(&suite.other_party) {
            if !has_keys(&dir, &party.id)? {
                missing.push(party.id.clone());
            }
        }
        if !missing.is_empty() {
            let host = suite_url(suite).as_deref().and_then(Address::parse).map(|address| address.host);
            let hosts = host.filter(|host| host != "localhost").map(|host| vec![host]).unwrap_or_default();
            let plan = FolderPlan { hosts, lists: lists.clone(), ..FolderPlan::new("Carnet suite", missing) };
            write_folder(&dir, &plan, now).map_err(certs::failure)?;
        }
        let authority = Authority::load(&dir.join("authority")).map_err(Failure::usage)?;
        lists.map_or(Ok(()), |lists| authority.publishes_at(&lists)).map_err(certs::failure)?;
        let crls = authority.crls(now).map_err(Failure::ours)?;
        Ok(Self { file, authority, crls })
    }

    /// The kit with the further agreements of the subject file; keys that they need are made at the first call.
    fn with_further(&self, mut kit: Kit, now: UnixTime) -> Result<Kit, Failure> {
        let party = &kit.partner.id;
        let further = |usage: Usage, kind: &str| -> Result<String, Failure> {
            let kind = KeyKind::by_name(kind).ok_or_else(|| Failure::ours(format_args!("no key of kind {kind}")))?;
            write_further(&self.file.pki(), party, usage, kind, now).map_err(Failure::usage)?;
            let made = self.file.further(usage, kind.name()).map_err(Failure::usage)?;
            Ok(pem(made.chain.get(..1).unwrap_or_default()))
        };
        let (mut signing, mut encryption) = (kit.signing_certificate.clone().unwrap_or_default(), String::new());
        for agreement in self.file.subject.agreements.values() {
            let profile = agreement.secured();
            if profile.signing != RSA {
                let certificate = further(Usage::Signing, profile.signing)?;
                signing.push_str(if signing.contains(&certificate) { "" } else { &certificate });
            }
            if let Some(kind) = profile.encryption {
                let certificate = match &self.file.subject.suite.encryption {
                    Some(own) if kind == RSA => {
                        let own = self.file.identity(Some(own), party, "encryption").map_err(Failure::usage)?;
                        pem(own.chain.get(..1).unwrap_or_default())
                    }
                    _ => further(Usage::Encryption, kind)?,
                };
                encryption.push_str(if encryption.contains(&certificate) { "" } else { &certificate });
                if kind == RSA {
                    kit.rsa_encryption_certificate = Some(certificate);
                }
            }
        }
        let agreements = self.file.subject.agreements.iter();
        kit.further = agreements.map(|(name, agreement)| (name.clone(), agreement.clone())).collect();
        kit.signing_certificate = Some(signing);
        kit.encryption_certificate = (!encryption.is_empty()).then_some(encryption);
        Ok(kit)
    }

    /// The kit with the publisher that says where parties receive; its key is made at the first call.
    fn with_publisher(&self, mut kit: Kit, now: UnixTime) -> Result<Kit, Failure> {
        if kit.exchanges.discovery.is_some() {
            let name = publisher_name(&self.file.subject);
            let kind = KeyKind::Rsa2048;
            write_further(&self.file.pki(), &name, Usage::Signing, kind, now).map_err(Failure::usage)?;
            let usage = format!("{}-{}", Usage::Signing.name(), kind.name());
            let made = self.file.identity(None, &name, &usage).map_err(Failure::usage)?;
            kit.publisher_certificate = Some(made.chain_pem());
            kit.publisher = Some(name);
        }
        Ok(kit)
    }

    fn kit(
        &self,
        party: &Party,
        tls: Option<&IdentityFiles>,
        signing: Option<&IdentityFiles>,
        packs: &Packs,
    ) -> Result<Kit, Failure> {
        let identity = |own, usage| self.file.identity(own, &party.id, usage).map_err(Failure::usage);
        let (tls_identity, signing_identity) = (identity(tls, "tls")?, identity(signing, "signing")?);
        let trusted = self.file.subject.trust.subject_trusts_suite_ca;
        let anchors = |own: Option<&IdentityFiles>, identity: &Identity| match own {
            None => self.authority.anchors_pem(),
            // The last certificate of its chain, and the suite's test CA only where the operator takes it.
            Some(_) => {
                let last = identity.chain.last().map(|last| pem(std::slice::from_ref(last))).unwrap_or_default();
                if trusted { last + &self.authority.anchors_pem() } else { last }
            }
        };
        let lists = trusted || tls.is_none() || signing.is_none();
        Ok(Kit {
            tls_anchors: anchors(tls, &tls_identity),
            signing_anchors: anchors(signing, &signing_identity),
            signing_subject: signing_identity.leaf().and_then(common_name).as_deref().map(subject_of),
            tls_certificate: Some(pem(tls_identity.chain.get(..1).unwrap_or_default())),
            signing_intermediates: signing_identity.chain.get(1..).filter(|rest| !rest.is_empty()).map(pem),
            signing_certificate: Some(pem(signing_identity.chain.get(..1).unwrap_or_default())),
            crls: if lists { self.crls.clone() } else { Vec::new() },
            lists_at: self.file.subject.suite.lists.as_ref().filter(|_| lists).map(lists_url),
            ..base(self.file, party, packs)?
        })
    }
}

fn pem(chain: &[CertificateDer<'static>]) -> String {
    chain.iter().map(|der| to_pem("CERTIFICATE", der)).collect()
}
