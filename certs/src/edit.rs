//! Edits of an issued certificate: what was signed is changed as a tree, then signed again, so that the edit is the
//! only fault. Field order and extension syntax follow RFC 5280 4.1 and 4.2.

use aws_lc_rs::digest;
use rustls_pki_types::{CertificateDer, UnixTime};
use serde::Deserialize;

use crate::der::{Node, tag};
use crate::{CertError, Key, KeyKind, Scheme};

const SUBJECT_KEY_IDENTIFIER: &str = "2.5.29.14";
const KEY_USAGE: &str = "2.5.29.15";
const SUBJECT_ALT_NAME: &str = "2.5.29.17";
const BASIC_CONSTRAINTS: &str = "2.5.29.19";
const NAME_CONSTRAINTS: &str = "2.5.29.30";
const EXTENDED_KEY_USAGE: &str = "2.5.29.37";
const COMMON_NAME: &str = "2.5.4.3";
const SHA1_WITH_RSA: &str = "1.2.840.113549.1.1.5";
const SHA384_WITH_RSA: &str = "1.2.840.113549.1.1.12";

/// One change to a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "op", rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum Edit {
    /// Other dates, in days from now.
    Validity {
        /// Days from now to notBefore.
        from: i64,
        /// Days from now to notAfter.
        to: i64,
    },
    /// Version 1, which has no extensions.
    VersionOne,
    /// Version 1 by number, with the extensions left in.
    VersionOneWithExtensions,
    /// Another serial number, as hexadecimal content bytes.
    Serial {
        /// The content of the INTEGER.
        hex: String,
    },
    /// Another common name in the subject.
    Subject {
        /// The name; `\u0000` is allowed here, as attackers use it.
        common_name: String,
    },
    /// Another common name in the issuer.
    Issuer {
        /// The name.
        common_name: String,
    },
    /// The issuer named as the subject is: what a self-signed certificate looks like.
    IssuerIsSubject,
    /// A fresh key of another kind, with the key identifier that follows from it.
    PublicKey {
        /// The kind.
        kind: KeyKind,
    },
    /// These key usages, marked critical.
    KeyUsage {
        /// Names as in RFC 5280 4.2.1.3, in kebab case.
        usages: Vec<String>,
    },
    /// These extended key usages.
    ExtendedKeyUsage {
        /// Dotted object identifiers.
        oids: Vec<String>,
    },
    /// Basic constraints, marked critical.
    BasicConstraints {
        /// Whether it is a CA.
        ca: bool,
        /// pathLenConstraint.
        path_length: Option<u8>,
    },
    /// Subject alternative names.
    Hosts {
        /// DNS names.
        names: Vec<String>,
    },
    /// Name constraints on DNS names, marked critical.
    NameConstraints {
        /// Permitted subtrees.
        #[serde(default)]
        permitted: Vec<String>,
        /// Excluded subtrees.
        #[serde(default)]
        excluded: Vec<String>,
    },
    /// An extension nobody knows.
    AddExtension {
        /// Its dotted object identifier.
        oid: String,
        /// Whether it is critical.
        critical: bool,
        /// How many zero bytes its value holds.
        bytes: usize,
    },
    /// An extension left out.
    RemoveExtension {
        /// Its dotted object identifier.
        oid: String,
    },
    /// An extension given twice.
    RepeatExtension {
        /// Its dotted object identifier.
        oid: String,
    },
    /// Signed with SHA-1 (RSA issuers only).
    SignSha1,
    /// The algorithm outside the signed part names another than the one inside.
    OuterAlgorithm,
    /// The last bit of the signature flipped.
    BreakSignature,
    /// The last bytes of the whole certificate cut off.
    Truncate {
        /// How many.
        bytes: usize,
    },
    /// Bytes after the end of the certificate.
    Append {
        /// How many zero bytes.
        bytes: usize,
    },
    /// The outermost length in one byte more than needed: BER, not DER.
    LongLength,
}

/// A certificate after its edits and the key it now certifies, when an edit made a new one.
pub(crate) struct Edited {
    pub(crate) der: CertificateDer<'static>,
    pub(crate) key: Option<Key>,
}

/// Applies the edits and signs again with the issuer's key.
pub(crate) fn apply(
    der: &[u8],
    edits: &[Edit],
    serial: Option<&[u8]>,
    issuer: &Key,
    now: UnixTime,
) -> Result<Edited, CertError> {
    let mut certificate = Node::parse(der)?;
    let [tbs, ..] = certificate.children() else { return Err(CertError::NoField { field: "signed part" }) };
    let mut tbs = Tbs { node: tbs.clone() };
    let mut key = None;
    if let Some(serial) = serial {
        *tbs.field(Field::Serial)? = Node::bytes(tag::INTEGER, serial);
    }
    for edit in edits {
        tbs.apply(edit, now, &mut key)?;
    }
    let sha1 = edits.contains(&Edit::SignSha1);
    let scheme = if sha1 { Scheme::RsaPkcs1Sha1 } else { issuer.certificate_scheme() };
    let mut algorithm = tbs.field(Field::Algorithm)?.clone();
    let mut signature = issuer.sign(scheme, &tbs.node.encode())?;
    if edits.contains(&Edit::BreakSignature)
        && let Some(last) = signature.last_mut()
    {
        *last ^= 1;
    }
    if edits.contains(&Edit::OuterAlgorithm) {
        algorithm = rsa_algorithm(SHA384_WITH_RSA)?;
    }
    let bits = [&[0], signature.as_slice()].concat();
    certificate = Node::nodes(tag::SEQUENCE, vec![tbs.node, algorithm, Node::bytes(tag::BIT_STRING, bits)]);
    let mut der = certificate.encode();
    for edit in edits {
        match edit {
            Edit::Truncate { bytes } => der.truncate(der.len().saturating_sub(*bytes)),
            Edit::Append { bytes } => der.extend(std::iter::repeat_n(0, *bytes)),
            Edit::LongLength => lengthen(&mut der),
            _ => {}
        }
    }
    Ok(Edited { der: CertificateDer::from(der), key })
}

/// The fields of TBSCertificate that edits touch, by their place after the version.
#[derive(Clone, Copy)]
enum Field {
    Serial = 0,
    Algorithm = 1,
    Issuer = 2,
    Validity = 3,
    Subject = 4,
    PublicKey = 5,
}

struct Tbs {
    node: Node,
}

impl Tbs {
    fn apply(&mut self, edit: &Edit, now: UnixTime, key: &mut Option<Key>) -> Result<(), CertError> {
        match edit {
            Edit::Validity { from, to } => {
                *self.field(Field::Validity)? = Node::nodes(tag::SEQUENCE, vec![time(now, *from), time(now, *to)]);
            }
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
                *self.field(Field::PublicKey)? = Node::parse(fresh.spki())?;
                let identifier = digest::digest(&digest::SHA256, fresh.spki());
                let identifier = Node::bytes(tag::OCTET_STRING, identifier.as_ref().get(..20).unwrap_or_default());
                self.set_extension(SUBJECT_KEY_IDENTIFIER, false, &identifier)?;
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

    fn fields(&mut self) -> Result<&mut Vec<Node>, CertError> {
        self.node.children_mut().ok_or(CertError::NoField { field: "signed part" })
    }

    fn field(&mut self, field: Field) -> Result<&mut Node, CertError> {
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

fn rsa_algorithm(oid: &str) -> Result<Node, CertError> {
    Ok(Node::nodes(tag::SEQUENCE, vec![Node::oid(oid)?, Node::bytes(tag::NULL, [])]))
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
fn time(now: UnixTime, days: i64) -> Node {
    let at = crate::issue::moment!(now, days * crate::issue::DAY);
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

/// `30 82 LL LL` becomes `30 83 00 LL LL`.
fn lengthen(der: &mut Vec<u8>) {
    if let Some(length) = der.get_mut(1)
        && (0x81..0x84).contains(length)
    {
        *length += 1;
        der.insert(2, 0);
    }
}
