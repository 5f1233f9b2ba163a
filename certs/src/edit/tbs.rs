//! The signed part of a certificate (TBSCertificate, RFC 5280 4.1.2) as a tree that edits change. Signing it again is
//! the caller's.

use aws_lc_rs::digest;
use rustls_pki_types::UnixTime;

use super::{Edit, SHA1_WITH_RSA, rsa_algorithm};
use crate::der::{Node, tag};
use crate::issue::DAY;
use crate::{CertError, Key};

const SUBJECT_KEY_IDENTIFIER: &str = "2.5.29.14";
const KEY_USAGE: &str = "2.5.29.15";
const SUBJECT_ALT_NAME: &str = "2.5.29.17";
const BASIC_CONSTRAINTS: &str = "2.5.29.19";
const NAME_CONSTRAINTS: &str = "2.5.29.30";
const CRL_DISTRIBUTION_POINTS: &str = "2.5.29.31";
const EXTENDED_KEY_USAGE: &str = "2.5.29.37";
const COMMON_NAME: &str = "2.5.4.3";

/// The fields of TBSCertificate that edits touch, by their place after the version.
#[derive(Clone, Copy)]
pub(super) enum Field {
    Serial = 0,
    Algorithm = 1,
    Issuer = 2,
    Validity = 3,
    Subject = 4,
    PublicKey = 5,
}

/// The signed part of a certificate as a tree.
pub(super) struct Tbs {
    node: Node,
}

impl Tbs {
    pub(super) fn new(node: Node) -> Self {
        Self { node }
    }

    /// The bytes that are signed.
    pub(super) fn encode(&self) -> Vec<u8> {
        self.node.encode()
    }

    pub(super) fn into_node(self) -> Node {
        self.node
    }

    /// Puts another key in, with the key identifier that follows from it.
    pub(super) fn certify(&mut self, key: &Key) -> Result<(), CertError> {
        *self.field(Field::PublicKey)? = Node::parse(key.spki())?;
        let identifier = digest::digest(&digest::SHA256, key.spki());
        let identifier = Node::bytes(tag::OCTET_STRING, identifier.as_ref().get(..20).unwrap_or_default());
        self.set_extension(SUBJECT_KEY_IDENTIFIER, false, &identifier)
    }

    /// Applies one edit; a key that it makes is left in `key`.
    pub(super) fn apply(&mut self, edit: &Edit, now: UnixTime, key: &mut Option<Key>) -> Result<(), CertError> {
        match edit {
            Edit::Validity { from, to } => {
                self.dates(now, from * DAY, to * DAY)?;
            }
            Edit::ValiditySeconds { from, to } => self.dates(now, *from, *to)?,
            Edit::VersionOne => self.fields()?.retain(|node| !matches!(node.tag, tag::VERSION | tag::EXTENSIONS)),
            Edit::VersionOneWithExtensions => self.fields()?.retain(|node| node.tag != tag::VERSION),
            Edit::Serial { hex } => *self.field(Field::Serial)? = Node::bytes(tag::INTEGER, from_hex(hex)?),
            Edit::Subject { common_name } => rename(self.field(Field::Subject)?, common_name)?,
            Edit::Issuer { common_name } => rename(self.field(Field::Issuer)?, common_name)?,
            Edit::IssuerIsSubject => {
                let subject = self.field(Field::Subject)?.clone();
                *self.field(Field::Issuer)? = subject;
            }
            Edit::PublicKey { kind } => {
                let fresh = Key::generate(*kind)?;
                self.certify(&fresh)?;
                *key = Some(fresh);
            }
            Edit::KeyUsage { usages } => self.set_extension(KEY_USAGE, true, &key_usage(usages)?)?,
            Edit::ExtendedKeyUsage { oids } => {
                let oids = oids.iter().map(|oid| Node::oid(oid)).collect::<Result<_, _>>()?;
                self.set_extension(EXTENDED_KEY_USAGE, false, &Node::nodes(tag::SEQUENCE, oids))?;
            }
            Edit::BasicConstraints { ca, path_length } => {
                let mut inside = Vec::new();
                if *ca {
                    inside.push(Node::bytes(tag::BOOLEAN, [0xff]));
                }
                inside.extend(path_length.map(|length| Node::bytes(tag::INTEGER, [length])));
                self.set_extension(BASIC_CONSTRAINTS, true, &Node::nodes(tag::SEQUENCE, inside))?;
            }
            Edit::Hosts { names } => {
                let names = names.iter().map(|name| Node::bytes(0x82, name.as_bytes())).collect();
                self.set_extension(SUBJECT_ALT_NAME, false, &Node::nodes(tag::SEQUENCE, names))?;
            }
            Edit::NameConstraints { permitted, excluded } => {
                let mut inside = Vec::new();
                for (tag, names) in [(0xa0, permitted), (0xa1, excluded)] {
                    if !names.is_empty() {
                        inside.push(Node::nodes(tag, names.iter().map(|name| subtree(name)).collect()));
                    }
                }
                self.set_extension(NAME_CONSTRAINTS, true, &Node::nodes(tag::SEQUENCE, inside))?;
            }
            Edit::AddExtension { oid, critical, bytes } => {
                self.set_extension(oid, *critical, &Node::bytes(tag::OCTET_STRING, vec![0; *bytes]))?;
            }
            Edit::CrlDistributionPoint { url } => {
                let name = Node::nodes(0xa0, vec![Node::bytes(0x86, url.as_bytes())]);
                let point = Node::nodes(tag::SEQUENCE, vec![Node::nodes(0xa0, vec![name])]);
                self.set_extension(CRL_DISTRIBUTION_POINTS, false, &Node::nodes(tag::SEQUENCE, vec![point]))?;
            }
            Edit::RemoveExtension { oid } => {
                let oid = Node::oid(oid)?;
                self.extensions()?.retain(|extension| extension.children().first() != Some(&oid));
            }
            Edit::RepeatExtension { oid } => {
                let oid = Node::oid(oid)?;
                let extensions = self.extensions()?;
                let found = extensions.iter().find(|extension| extension.children().first() == Some(&oid)).cloned();
                extensions.push(found.ok_or(CertError::NoField { field: "such an extension" })?);
            }
            Edit::SignSha1 => *self.field(Field::Algorithm)? = rsa_algorithm(SHA1_WITH_RSA)?,
            // These change what is around the signed part.
            Edit::OuterAlgorithm
            | Edit::BreakSignature
            | Edit::Truncate { .. }
            | Edit::Append { .. }
            | Edit::LongLength => {}
        }
        Ok(())
    }

    fn dates(&mut self, now: UnixTime, from: i64, to: i64) -> Result<(), CertError> {
        *self.field(Field::Validity)? = Node::nodes(tag::SEQUENCE, vec![time(now, from), time(now, to)]);
        Ok(())
    }

    fn fields(&mut self) -> Result<&mut Vec<Node>, CertError> {
        self.node.children_mut().ok_or(CertError::NoField { field: "signed part" })
    }

    /// One field, wherever the version puts it.
    pub(super) fn field(&mut self, field: Field) -> Result<&mut Node, CertError> {
        let fields = self.fields()?;
        let first = usize::from(fields.first().is_some_and(|node| node.tag == tag::VERSION));
        fields.get_mut(first + field as usize).ok_or(CertError::NoField { field: "such a field" })
    }

    fn extensions(&mut self) -> Result<&mut Vec<Node>, CertError> {
        let missing = || CertError::NoField { field: "extensions" };
        let fields = self.fields()?;
        let wrapper = fields.iter_mut().find(|node| node.tag == tag::EXTENSIONS).ok_or_else(missing)?;
        let list = wrapper.children_mut().and_then(|list| list.first_mut()).ok_or_else(missing)?;
        list.children_mut().ok_or_else(missing)
    }

    /// Replaces the extension where it stands, or adds it at the end.
    fn set_extension(&mut self, oid: &str, critical: bool, value: &Node) -> Result<(), CertError> {
        let oid = Node::oid(oid)?;
        let mut inside = vec![oid.clone()];
        if critical {
            inside.push(Node::bytes(tag::BOOLEAN, [0xff]));
        }
        inside.push(Node::bytes(tag::OCTET_STRING, value.encode()));
        let extension = Node::nodes(tag::SEQUENCE, inside);
        let extensions = self.extensions()?;
        match extensions.iter_mut().find(|extension| extension.children().first() == Some(&oid)) {
            Some(place) => *place = extension,
            None => extensions.push(extension),
        }
        Ok(())
    }
}

/// Sets the common name of a distinguished name.
fn rename(name: &mut Node, to: &str) -> Result<(), CertError> {
    let missing = CertError::NoField { field: "common name" };
    let oid = Node::oid(COMMON_NAME)?;
    let sets = name.children_mut().into_iter().flatten();
    let pairs = sets.filter_map(Node::children_mut).flatten().filter_map(Node::children_mut);
    for pair in pairs {
        if pair.first() == Some(&oid) {
            *pair = vec![oid, Node::bytes(tag::UTF8_STRING, to.as_bytes())];
            return Ok(());
        }
    }
    Err(missing)
}

fn subtree(name: &str) -> Node {
    Node::nodes(tag::SEQUENCE, vec![Node::bytes(0x82, name.as_bytes())])
}

fn key_usage(usages: &[String]) -> Result<Node, CertError> {
    const NAMES: [&str; 8] = [
        "digital-signature",
        "content-commitment",
        "key-encipherment",
        "data-encipherment",
        "key-agreement",
        "key-cert-sign",
        "crl-sign",
        "encipher-only",
    ];
    let mut bits = 0_u8;
    for usage in usages {
        let place = NAMES.iter().position(|name| name == usage);
        let place = place.ok_or_else(|| CertError::Table { reason: format!("key usage {usage:?} not known") })?;
        bits |= 0x80 >> place;
    }
    // DER drops trailing zero bits of a named bit list.
    let unused = bits.trailing_zeros().min(7) as u8;
    Ok(Node::bytes(tag::BIT_STRING, [unused, bits]))
}

/// UTCTime until 2049, GeneralizedTime from then on (RFC 5280 4.1.2.5).
fn time(now: UnixTime, seconds: i64) -> Node {
    let at = crate::issue::moment!(now, seconds);
    let (month, day, (hour, minute, second)) = (u8::from(at.month()), at.day(), at.to_hms());
    let rest = format!("{month:02}{day:02}{hour:02}{minute:02}{second:02}Z");
    if at.year() < 2050 {
        Node::bytes(tag::UTC_TIME, format!("{:02}{rest}", at.year() % 100))
    } else {
        Node::bytes(tag::GENERALIZED_TIME, format!("{:04}{rest}", at.year()))
    }
}

fn from_hex(hex: &str) -> Result<Vec<u8>, CertError> {
    let wrong = || CertError::Table { reason: format!("{hex:?} is not hexadecimal") };
    if !hex.is_ascii() || !hex.len().is_multiple_of(2) {
        return Err(wrong());
    }
    (0..hex.len())
        .step_by(2)
        .map(|at| hex.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()).ok_or_else(wrong))
        .collect()
}
