//! One partner's kit, read and put together: bindings, trust, endpoints, P-Modes.

use std::sync::Arc;

use carnet_as4::id::PartyId;
use carnet_as4::partner::{self, SignerBinding, Subject};
use carnet_as4::pmode::PMode;
use carnet_https::{Endpoint, Revocation, Trust, certificates_from_pem, revocation_lists};
use carnet_wire::encryption::Recipient;
use carnet_wire::trust::{Anchors, RevocationPolicy};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer};
use toml::Spanned;

use super::kit::{KitFile, PartnerTable, SigningBinding, TlsBinding};
use super::place::{ConfigError, Source};

/// One partner of the node.
#[derive(Debug)]
pub struct Partner {
    /// As its messages are judged.
    pub binding: partner::Partner,
    /// Where it listens, the preferred one first; none when it only sends.
    pub endpoints: Vec<Endpoint>,
    /// Whom its servers' certificates must chain to.
    pub servers: Trust,
    /// The one certificate its servers may present, when that is agreed.
    pub pinned: Option<CertificateDer<'static>>,
}

/// A kit as it was read.
pub(super) struct Kit {
    pub(super) partner: Partner,
    pub(super) pmodes: Vec<PMode>,
}

impl Kit {
    /// Reads a `kit.toml` that the configuration names.
    pub(super) fn read(
        node: &Source,
        name: &Spanned<String>,
        us: &PartyId,
        revocation: Revocation,
    ) -> Result<Self, ConfigError> {
        let path = node.relative(name.get_ref());
        let source = Source::read(&path).map_err(|error| match error {
            ConfigError::Unreadable { file, source } => {
                ConfigError::File { place: node.place(name.span()), file, source }
            }
            other => other,
        })?;
        let KitFile { us: itself, partner: table, .. } = source.parse()?;
        if itself.party.get_ref() != us.value() {
            let help = format!("this kit was made for another party: the node's [party] id is {:?}", us.value());
            return Err(source.value(&itself.party, "the node's own party", help));
        }
        let lists = lists(&source, &table.crls)?;
        let party = party(&source, &table.party, &table.party_type)?;
        let servers = Trust { anchors: certificates(&source, &table.tls_anchors)?, lists, revocation };
        let pinned = tls_certificate(&source, &table)?;
        let binding = partner::Partner {
            tls: match (table.tls_binding.get_ref(), &pinned) {
                (TlsBinding::Exact, Some(certificate)) => partner::TlsBinding::Exact(certificate.clone()),
                (TlsBinding::Off, _) => partner::TlsBinding::Off,
                _ => partner::TlsBinding::Anchor(anchors(&source, &table.tls_anchors, &servers.lists, revocation)?),
            },
            signer: signer(&source, &table, &servers.lists, revocation)?,
            intermediates: match &table.signing_intermediates {
                Some(name) => certificates(&source, name)?,
                None => Vec::new(),
            },
            known: match &table.signing_certificate {
                Some(name) => certificates(&source, name)?,
                None => Vec::new(),
            },
            recipients: recipients(&source, &table)?,
            party,
        };
        let endpoints = table
            .endpoints
            .iter()
            .map(|url| {
                Endpoint::parse(url.get_ref())
                    .map_err(|_| source.value(url, "an https URL", "write it like \"https://host:8443/as4\""))
            })
            .collect::<Result<_, _>>()?;
        let pmodes = pmodes(&source, &table.pmodes)?;
        if let (Some(_), Some(first)) = (pmodes.iter().find(|pmode| pmode.open.is_some()), table.pmodes.first()) {
            let help = "name both parties, or list the P-Mode under [[dynamic]] or [[discovery]] of node.toml";
            return Err(source.value(first, "P-Modes that name both parties", help));
        }
        for (name, pmode) in table.pmodes.iter().zip(&pmodes) {
            let named = [&pmode.initiator.id, &pmode.responder.id];
            if ![us, &binding.party].iter().all(|party| named.contains(party)) {
                let help = format!(
                    "it is between {} and {}: list it in the kit of that partner, or mend [initiator] and [responder]",
                    named[0], named[1]
                );
                return Err(source.value(name, "a P-Mode of this node and the kit's partner", help));
            }
        }
        Ok(Self { partner: Partner { binding, endpoints, servers, pinned }, pmodes })
    }
}

/// Revocation lists of files.
pub(super) fn lists(
    source: &Source,
    names: &[Spanned<String>],
) -> Result<Vec<CertificateRevocationListDer<'static>>, ConfigError> {
    let mut lists = Vec::new();
    for name in names {
        let read = revocation_lists(&source.bytes(name)?);
        lists.extend(read.map_err(|error| source.crypto(name, error, "give a CRL as PEM or DER"))?);
    }
    Ok(lists)
}

/// P-Modes of files.
pub(super) fn pmodes(source: &Source, names: &[Spanned<String>]) -> Result<Vec<PMode>, ConfigError> {
    let mut pmodes = Vec::new();
    for file in names {
        let bytes = source.bytes(file)?;
        let name = source.relative(file.get_ref()).display().to_string();
        let text =
            String::from_utf8(bytes).map_err(|_| source.value(file, "a file in UTF-8", "save the P-Mode as UTF-8"))?;
        pmodes.push(PMode::read(&name, &text)?);
    }
    Ok(pmodes)
}

/// A PartyId with its type.
pub(super) fn party(source: &Source, id: &Spanned<String>, kind: &Spanned<String>) -> Result<PartyId, ConfigError> {
    PartyId::new(id.get_ref(), Some(kind.get_ref()))
        .map_err(|error| source.value(id, "a PartyId that its type allows", error.to_string()))
}

pub(super) fn certificates(
    source: &Source,
    name: &Spanned<String>,
) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    certificates_from_pem(&source.bytes(name)?).map_err(|error| source.crypto(name, error, "give certificates as PEM"))
}

pub(super) fn anchors(
    source: &Source,
    name: &Spanned<String>,
    lists: &[CertificateRevocationListDer<'static>],
    revocation: Revocation,
) -> Result<Arc<Anchors>, ConfigError> {
    let policy = RevocationPolicy {
        require_status: !revocation.allow_unlisted,
        enforce_expiration: !revocation.allow_stale,
        ..RevocationPolicy::default()
    };
    Anchors::new(&certificates(source, name)?, lists, policy)
        .map(Arc::new)
        .map_err(|error| source.crypto(name, error, "give authorities' certificates as PEM"))
}

/// Whom payloads for the partner are encrypted for.
fn recipients(source: &Source, table: &PartnerTable) -> Result<Vec<Arc<Recipient>>, ConfigError> {
    let Some(name) = &table.encryption_certificate else { return Ok(Vec::new()) };
    let mut recipients: Vec<Arc<Recipient>> = Vec::new();
    for leaf in certificates(source, name)? {
        let recipient = Recipient::new(leaf).map_err(|error| {
            let help = "give certificates of RSA, X25519 or P-256 whose key usage allows encryption";
            source.value(name, "certificates to encrypt for", format!("{error}: {help}"))
        })?;
        if recipients.iter().any(|known| known.method() == recipient.method()) {
            let help = "keep the one that the partner uses now: no message is encrypted for both";
            return Err(source.value(name, "one certificate for each kind of key", help));
        }
        recipients.push(Arc::new(recipient));
    }
    Ok(recipients)
}

fn tls_certificate(source: &Source, table: &PartnerTable) -> Result<Option<CertificateDer<'static>>, ConfigError> {
    match (table.tls_binding.get_ref(), &table.tls_certificate) {
        (TlsBinding::Exact, Some(name)) => Ok(certificates(source, name)?.into_iter().next()),
        (TlsBinding::Exact, None) => Err(ConfigError::Missing {
            place: source.place(table.tls_binding.span()),
            missing: "`tls_certificate`",
            because: "`tls_binding` is \"exact\"",
            help: "name the partner's certificate, or bind to its issuer with \"anchor\"".to_owned(),
        }),
        _ => Ok(None),
    }
}

fn signer(
    source: &Source,
    table: &PartnerTable,
    lists: &[CertificateRevocationListDer<'static>],
    revocation: Revocation,
) -> Result<SignerBinding, ConfigError> {
    let anchors = anchors(source, &table.signing_anchors, lists, revocation)?;
    let missing = |missing, because, help: &str| ConfigError::Missing {
        place: source.place(table.signing_binding.span()),
        missing,
        because,
        help: help.to_owned(),
    };
    match table.signing_binding.get_ref() {
        SigningBinding::Pinned => {
            let Some(name) = &table.signing_certificate else {
                let help = "name the partner's certificate, or bind to its subject with \"anchored\"";
                return Err(missing("`signing_certificate`", "`signing_binding` is \"pinned\"", help));
            };
            Ok(SignerBinding::Pinned { certificates: certificates(source, name)?, anchors: Some(anchors) })
        }
        SigningBinding::Anchored => {
            let Some(text) = &table.signing_subject else {
                let help = "name the subject, like \"CN=TH signing\", or pin the certificate with \"pinned\"";
                return Err(missing("`signing_subject`", "`signing_binding` is \"anchored\"", help));
            };
            let subject = Subject::parse(text.get_ref())
                .ok_or_else(|| source.value(text, "a subject of RFC 4514", "write it like \"CN=TH signing,C=TH\""))?;
            Ok(SignerBinding::Anchored { anchors, subject, policies: Vec::new() })
        }
    }
}
