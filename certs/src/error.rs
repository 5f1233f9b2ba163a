//! What can go wrong while making or reading certificates. One variant per cause.

use std::path::PathBuf;

/// Why a certificate, key or file could not be made or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertError {
    /// The key could not be made or parsed.
    #[error("key refused: {reason}")]
    Key {
        /// What the library said.
        reason: String,
    },
    /// A signature could not be made.
    #[error("{scheme} signature not made with a key of kind {kind}")]
    Sign {
        /// The scheme asked for.
        scheme: &'static str,
        /// The kind of key at hand.
        kind: &'static str,
    },
    /// The certificate library refused the parameters.
    #[error("certificate not issued")]
    Issue(#[from] rcgen::Error),
    /// Bytes that should be DER are not.
    #[error("not DER at byte {offset}: {rule}")]
    Der {
        /// Where the rule was broken, counted from the start of the value.
        offset: usize,
        /// The rule.
        rule: &'static str,
    },
    /// A certificate lacks a field that an edit needs.
    #[error("certificate has no {field}")]
    NoField {
        /// The missing field.
        field: &'static str,
    },
    /// An object identifier is not of the form `1.2.3`.
    #[error("object identifier {text:?} not understood, expected digits and dots")]
    Oid {
        /// What was given.
        text: String,
    },
    /// A PEM file does not hold what was looked for.
    #[error("PEM: no {wanted} found")]
    Pem {
        /// What was looked for.
        wanted: &'static str,
    },
    /// A PKCS#12 file could not be read or written.
    #[error("PKCS#12: {reason}")]
    Pkcs12 {
        /// What the library said.
        reason: String,
    },
    /// The PKCS#12 file holds no key together with its certificate.
    #[error("PKCS#12: no private key with its certificate inside")]
    Pkcs12Empty,
    /// A file could not be read or written.
    #[error("{} not usable", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A party has no name to call its files by.
    #[error("got the party {name:?}, expected a name")]
    Name {
        /// What was given.
        name: String,
    },
    /// The files of two parties would be the same.
    #[error("the parties {one:?} and {other:?} would have the same files")]
    SameFiles {
        /// The first.
        one: String,
        /// The other.
        other: String,
    },
    /// The certificates of an authority that exists name another address of its revocation lists than is wanted.
    #[error("the authority's certificates name {}, expected {expected}", got.as_deref().unwrap_or("no address of a revocation list"))]
    Lists {
        /// What they name.
        got: Option<String>,
        /// What they should.
        expected: String,
    },
    /// No kind of that name is in the zoo.
    #[error("zoo has no kind {slug:?}{}", near.as_ref().map(|near| format!("\nhelp: did you mean {near:?}?")).unwrap_or_default())]
    UnknownKind {
        /// What was asked for.
        slug: String,
        /// The nearest kind there is.
        near: Option<String>,
    },
    /// The zoo's own table is wrong.
    #[error("zoo table: {reason}")]
    Table {
        /// What is wrong with it.
        reason: String,
    },
    /// A kind was asked for a side on which its fault means nothing.
    #[error("zoo kind {slug:?} is for the {side} side only")]
    Side {
        /// The kind.
        slug: String,
        /// The side it is for.
        side: &'static str,
    },
}
