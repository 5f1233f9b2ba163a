//! Edits of an issued certificate: what was signed is changed as a tree, then signed again, so that the edit is the
//! only fault. Field order and extension syntax follow RFC 5280 4.1 and 4.2.

use rustls_pki_types::{CertificateDer, UnixTime};
use serde::Deserialize;

use crate::der::{Node, tag};
use crate::{CertError, Key, KeyKind, Scheme};

mod tbs;

use tbs::{Field, Tbs};

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
    /// Other dates, in seconds from now.
    ValiditySeconds {
        /// Seconds from now to notBefore.
        from: i64,
        /// Seconds from now to notAfter.
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
    /// Where the revocation list is to be had.
    CrlDistributionPoint {
        /// Its address.
        url: String,
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

/// The same certificate for another key, signed again: for kinds of key that the library does not issue for.
pub(crate) fn rekey(der: &[u8], key: &Key, issuer: &Key) -> Result<CertificateDer<'static>, CertError> {
    let certificate = Node::parse(der)?;
    let [tbs, algorithm, _] = certificate.children() else {
        return Err(CertError::NoField { field: "signed part" });
    };
    let (mut tbs, algorithm) = (Tbs::new(tbs.clone()), algorithm.clone());
    tbs.certify(key)?;
    let signature = issuer.sign(issuer.certificate_scheme(), &tbs.encode())?;
    Ok(CertificateDer::from(sealed(tbs, algorithm, &signature).encode()))
}

/// Applies the edits and signs again with the issuer's key.
pub(crate) fn apply(
    der: &[u8],
    edits: &[Edit],
    serial: Option<&[u8]>,
    issuer: &Key,
    now: UnixTime,
) -> Result<Edited, CertError> {
    let certificate = Node::parse(der)?;
    let [tbs, ..] = certificate.children() else { return Err(CertError::NoField { field: "signed part" }) };
    let mut tbs = Tbs::new(tbs.clone());
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
    let mut signature = issuer.sign(scheme, &tbs.encode())?;
    if edits.contains(&Edit::BreakSignature)
        && let Some(last) = signature.last_mut()
    {
        *last ^= 1;
    }
    if edits.contains(&Edit::OuterAlgorithm) {
        algorithm = rsa_algorithm(SHA384_WITH_RSA)?;
    }
    let mut der = sealed(tbs, algorithm, &signature).encode();
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

fn sealed(tbs: Tbs, algorithm: Node, signature: &[u8]) -> Node {
    let bits = [&[0], signature].concat();
    Node::nodes(tag::SEQUENCE, vec![tbs.into_node(), algorithm, Node::bytes(tag::BIT_STRING, bits)])
}

fn rsa_algorithm(oid: &str) -> Result<Node, CertError> {
    Ok(Node::nodes(tag::SEQUENCE, vec![Node::oid(oid)?, Node::bytes(tag::NULL, [])]))
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
