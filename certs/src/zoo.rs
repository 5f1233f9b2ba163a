//! The certificate zoo: kinds of certificate that a peer must refuse, each with one fault, and the few that it must
//! accept. The kinds are data, in `zoo.toml`.
//!
//! A kind is made from what the authority would have issued for the same profile: the named edits are applied and the
//! certificate is signed again by the CA it belongs to. So every other property equals the control's.

use std::sync::OnceLock;

use serde::Deserialize;

use crate::CertError;
pub use crate::edit::Edit;
use crate::issue::serial_for;

mod make;

/// The last words of the name of the CA whose revocation list another key signed.
pub(crate) const MISLISTED: &str = "Mislisted CA";

pub use make::make;

/// The table as shipped.
pub const TABLE: &str = include_str!("zoo.toml");

/// One kind of certificate.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Kind {
    /// Stable name, kebab case.
    pub slug: String,
    /// What is wrong with it, in one sentence.
    pub fault: String,
    /// Who can present it.
    #[serde(default)]
    pub side: Side,
    /// What a sound peer does with it.
    pub expect: Expect,
    /// How exactly the peer's clock must be ours for the fault to be the one that is named.
    #[serde(default)]
    pub clock: Clock,
    /// The published text that says so.
    pub clause: String,
    /// The kind it is compared with; `valid` unless said otherwise.
    #[serde(default = "valid")]
    pub control: String,
    /// The properties in which it differs from its control, and the only ones.
    #[serde(default)]
    pub differs: Vec<String>,
    /// What rustls-webpki answers: `ok` or the variant of its error.
    pub webpki: String,
    /// What `openssl verify` answers: 0, the number of its error, or -1 when it cannot read it.
    pub openssl: i16,
    /// Who signs the leaf.
    #[serde(default)]
    pub signer: Signer,
    /// What is presented, in this order; by default the leaf and the CAs up to the root.
    pub present: Option<Vec<Place>>,
    /// Which certificate the published revocation list names.
    pub revoked: Option<Place>,
    /// Whether the key that is used is another than the certified one.
    #[serde(default)]
    pub other_key: bool,
    /// Edits of the leaf.
    #[serde(default)]
    pub leaf: Vec<Edit>,
    /// Edits of the issuing CA's certificate, signed again by the root.
    #[serde(default)]
    pub issuing: Vec<Edit>,
}

impl Kind {
    /// The name of the authority's revocation list that tells what is wrong with it; none where no list does.
    #[must_use]
    pub fn list(&self) -> Option<&'static str> {
        match (self.revoked, self.signer) {
            (Some(Place::Leaf), _) => Some("issuing"),
            (Some(Place::Issuing), _) => Some("root"),
            (_, Signer::Lapsed) => Some("lapsed"),
            (_, Signer::Mislisted) => Some("mislisted"),
            _ => None,
        }
    }
}

/// Who can present a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// Client, server and message signer.
    #[default]
    Any,
    /// TLS client.
    Client,
    /// TLS server.
    Server,
    /// TLS client or server, not message signer.
    Tls,
}

impl Side {
    /// The side as users write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Client => "client",
            Self::Server => "server",
            Self::Tls => "tls",
        }
    }
}

/// What a sound peer does with a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expect {
    /// Must be refused.
    Refused,
    /// Must be accepted.
    Accepted,
    /// Sound peers differ.
    Either,
}

/// How exactly a peer's clock must be ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Clock {
    /// To the day: fit for a live node.
    #[default]
    Day,
    /// To the second: fit for a peer on a fixed clock only.
    Exact,
}

/// Who signs the leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signer {
    /// The authority's issuing CA.
    #[default]
    Issuing,
    /// The CA below the issuing CA.
    Lower,
    /// The CA whose revocation list has lapsed.
    Lapsed,
    /// A CA that never published a revocation list.
    Unlisted,
    /// A CA whose name stands on a revocation list that another key signed.
    Mislisted,
    /// The leaf's own key.
    Itself,
    /// The issuing CA of an authority nobody knows.
    Foreign,
    /// The issuing CA of an authority that bears our names over other keys.
    Namesake,
    /// Another leaf of ours, which is no CA.
    AnotherLeaf,
    /// One of two CAs that certify only each other.
    Loop,
    /// The last of twelve CAs in a row.
    LongPath,
}

/// A place in the presented chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// The leaf.
    Leaf,
    /// The issuing CA, edited when the kind says so.
    Issuing,
    /// The CA below the issuing CA.
    Lower,
    /// The root.
    Root,
}

/// Every kind, in the order of the table.
///
/// # Errors
/// [`CertError::Table`] when the shipped table is broken.
pub fn kinds() -> Result<&'static [Kind], CertError> {
    static KINDS: OnceLock<Result<Vec<Kind>, String>> = OnceLock::new();
    match KINDS.get_or_init(|| parse(TABLE)) {
        Ok(kinds) => Ok(kinds),
        Err(reason) => Err(CertError::Table { reason: reason.clone() }),
    }
}

/// The kind of that name.
///
/// # Errors
/// [`CertError::UnknownKind`] with the nearest name there is.
pub fn kind(slug: &str) -> Result<&'static Kind, CertError> {
    let kinds = kinds()?;
    kinds.iter().find(|kind| kind.slug == slug).ok_or_else(|| {
        let near = carnet_words::nearest(slug, kinds.iter().map(|kind| kind.slug.as_str()));
        CertError::UnknownKind { slug: slug.to_owned(), near: near.map(str::to_owned) }
    })
}

/// The serial numbers an authority's revocation lists name.
pub(crate) struct Revoked {
    pub(crate) by_root: Vec<Vec<u8>>,
    pub(crate) by_issuing: Vec<Vec<u8>>,
}

/// What the authority of that name has revoked.
pub(crate) fn revoked(authority: &str) -> Result<Revoked, CertError> {
    let mut lists = Revoked { by_root: Vec::new(), by_issuing: Vec::new() };
    for kind in kinds()? {
        let list = match kind.revoked {
            Some(Place::Leaf) => &mut lists.by_issuing,
            Some(Place::Issuing) => &mut lists.by_root,
            _ => continue,
        };
        list.push(serial_for(&[authority, "zoo", &kind.slug]).to_vec());
    }
    Ok(lists)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    format: u32,
    kind: Vec<Kind>,
}

fn parse(text: &str) -> Result<Vec<Kind>, String> {
    let table: Table = toml::from_str(text).map_err(|error| error.to_string())?;
    if table.format == 1 { Ok(table.kind) } else { Err(format!("format {}, expected 1", table.format)) }
}

fn valid() -> String {
    "valid".to_owned()
}
