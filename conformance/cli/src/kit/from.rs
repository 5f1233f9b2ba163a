//! From subject files to a kit: who the two parties are, and what each is told of the other.

use std::fs;
use std::path::{Path, PathBuf};

use carnet_catalogue::ics::Ics;
use carnet_catalogue::subject::{IdentityFiles, Party, Subject};
use carnet_certs::{Authority, FolderPlan, Identity, UnixTime, write_folder};
use carnet_fixtures::Packs;

use super::{Kit, ServiceActions, default_agreement, subject_of};
use crate::failure::Failure;
use crate::files::SubjectFile;

/// The kits that let the subject talk to the suite: `suite`, and `other` for the suite's second party where there is
/// one. Makes the suite's test PKI when it is not there yet.
///
/// # Errors
/// A file that cannot be read or written; a subject file that says neither where the suite listens nor its URL.
pub(crate) fn with_suite(file: &SubjectFile, packs: &Packs, now: UnixTime) -> Result<Vec<(String, Kit)>, Failure> {
    let suite = &file.subject.suite;
    let Some(endpoint) = suite.public_url.clone().or_else(|| suite.listen.as_deref().map(listen_url)) else {
        let what = format!("{}: [suite] has neither `listen` nor `public_url`", file.path.display());
        let help = "write where the subject can reach the suite, for example listen = \"0.0.0.0:8443\"";
        return Err(Failure::usage(what).help(help));
    };
    let pki = Pki::open(file, now)?;
    let main =
        Kit { endpoints: vec![endpoint], ..pki.kit(&suite.party, suite.tls.as_ref(), suite.signing.as_ref(), packs)? };
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
pub(crate) fn with_partner(file: &SubjectFile, partner: &SubjectFile, packs: &Packs) -> Result<Kit, Failure> {
    let other = &partner.subject;
    let mut kit = base(file, &other.party, packs)?;
    // The suite's AgreementRef is an agreement with the suite; these two have one of their own.
    kit.agreement = (default_agreement(&file.subject.party.id, &other.party.id), None);
    kit.endpoints = vec![other.url.clone()];
    kit.tls_anchors = partner.read_all(&other.trust.tls)?;
    kit.signing_anchors = partner.read_all(&other.trust.signing)?;
    kit.signing_subject = other.trust.signing_subject.as_deref().map(subject_of);
    // Only anchors are known of a subject, so nothing can be bound to one certificate.
    kit.binding.tls = carnet_catalogue::ics::TlsBinding::Anchor;
    kit.binding.signer = carnet_catalogue::ics::SignerBinding::Anchored;
    Ok(kit)
}

/// Test keys for the subject itself, TLS and signing, made by the suite's test CA at the first call and kept.
///
/// # Errors
/// A file that cannot be read or written.
pub(crate) fn own_keys(file: &SubjectFile, now: UnixTime) -> Result<(Identity, Identity), Failure> {
    let pki = Pki::open(file, now)?;
    let own = &file.subject.party.id;
    let stem = own.to_lowercase();
    if !pki.dir.join(format!("{stem}-tls.pem")).exists() {
        let hosts = host_of(&file.subject.url).map(|host| vec![host]).unwrap_or_default();
        let parties = vec![own.clone()];
        let plan = FolderPlan { authority: pki.authority.name().to_owned(), parties, hosts, pkcs12_password: None };
        write_folder(&pki.dir, &plan, now).map_err(Failure::usage)?;
    }
    let identity = |usage: &str| {
        let file = |ending: &str| read(&pki.dir.join(format!("{stem}-{usage}{ending}")));
        Identity::from_pem(&file(".pem")?, &file(".key.pem")?).map_err(Failure::usage)
    };
    Ok((identity("tls")?, identity("signing")?))
}

fn base(file: &SubjectFile, partner: &Party, packs: &Packs) -> Result<Kit, Failure> {
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
        binding: ics.binding.clone(),
        agreement: (named, subject.agreement.kind.clone()),
        token: subject.agreement.token.clone(),
        compress: subject.agreement.compress,
        mpc: subject.agreement.mpc.clone(),
        reception_awareness: ics.reception_awareness,
        services: services(subject, packs),
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

/// The suite's test PKI for one subject, made at the first call.
struct Pki<'a> {
    file: &'a SubjectFile,
    dir: PathBuf,
    authority: Authority,
    crls: Vec<(String, Vec<u8>)>,
}

impl<'a> Pki<'a> {
    fn open(file: &'a SubjectFile, now: UnixTime) -> Result<Self, Failure> {
        let suite = &file.subject.suite;
        let dir = file.resolve(suite.pki.as_deref().unwrap_or(Path::new("suite-pki")));
        let mut missing: Vec<String> =
            std::iter::once(&suite.party).chain(&suite.other_party).map(|p| p.id.clone()).collect();
        missing.retain(|party| !dir.join(format!("{}-tls.pem", party.to_lowercase())).exists());
        if !missing.is_empty() {
            let host = suite.public_url.as_deref().and_then(host_of);
            let hosts = host.map(|host| vec![host]).unwrap_or_default();
            let plan =
                FolderPlan { authority: "Carnet suite".to_owned(), parties: missing, hosts, pkcs12_password: None };
            write_folder(&dir, &plan, now).map_err(Failure::usage)?;
        }
        let authority = Authority::load(&dir.join("authority")).map_err(Failure::usage)?;
        let lists = authority.crls(now).map_err(Failure::ours)?;
        let crls = lists
            .into_iter()
            .filter(|crl| crl.fault.is_none())
            .map(|crl| (crl.name.to_owned(), crl.der.to_vec()))
            .collect();
        Ok(Self { file, dir, authority, crls })
    }

    fn kit(
        &self,
        party: &Party,
        tls: Option<&IdentityFiles>,
        signing: Option<&IdentityFiles>,
        packs: &Packs,
    ) -> Result<Kit, Failure> {
        let chain = |own: Option<&IdentityFiles>, usage: &str| match own {
            Some(files) => self.file.chain_pem(files),
            None => read(&self.dir.join(format!("{}-{usage}.pem", party.id.to_lowercase()))),
        };
        let (tls_chain, signing_chain) = (chain(tls, "tls")?, chain(signing, "signing")?);
        Ok(Kit {
            tls_anchors: anchors(tls.is_some().then_some(&tls_chain), &self.authority),
            signing_anchors: anchors(signing.is_some().then_some(&signing_chain), &self.authority),
            signing_subject: common_name(&signing_chain).as_deref().map(subject_of),
            tls_certificate: Some(leaf(&tls_chain)),
            signing_intermediates: blocks(&signing_chain)
                .get(1..)
                .filter(|rest| !rest.is_empty())
                .map(<[String]>::concat),
            signing_certificate: Some(leaf(&signing_chain)),
            crls: self.crls.clone(),
            ..base(self.file, party, packs)?
        })
    }
}

/// With an identity of one's own, the last certificate of its chain is an anchor beside the suite's.
fn anchors(own: Option<&String>, authority: &Authority) -> String {
    let last = own.and_then(|chain| blocks(chain).last().cloned()).unwrap_or_default();
    format!("{last}{}", authority.anchors_pem())
}

fn leaf(chain: &str) -> String {
    blocks(chain).first().cloned().unwrap_or_default()
}

fn blocks(chain: &str) -> Vec<String> {
    const END: &str = "-----END CERTIFICATE-----\n";
    chain.split_inclusive(END).filter(|block| block.ends_with(END)).map(str::to_owned).collect()
}

fn common_name(chain: &str) -> Option<String> {
    let chain = carnet_certs::certificates_from_pem(chain).ok()?;
    carnet_certs::common_name(chain.first()?)
}

fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| Failure::file("read", path, &error))
}

/// The URL of an endpoint that listens on `address`; one that listens everywhere is reached here by name.
fn listen_url(address: &str) -> String {
    let (host, port) = address.rsplit_once(':').unwrap_or((address, "443"));
    let host = match host {
        "0.0.0.0" | "[::]" | "127.0.0.1" | "[::1]" => "localhost",
        other => other,
    };
    format!("https://{host}:{port}/as4")
}

fn host_of(url: &str) -> Option<String> {
    let authority = url.split_once("://")?.1.split('/').next()?;
    let host = if authority.starts_with('[') {
        authority.split_once(']').map(|(host, _)| host.trim_start_matches('['))
    } else {
        authority.split(':').next()
    };
    host.map(str::to_owned)
}
