//! XML from strangers, read once: the tree that a signature is checked on is the tree that headers are read from.
//!
//! UTF-8 only, no DOCTYPE, no entity but the five of XML, limits on size, depth, nodes and attributes. A pull parser
//! (quick-xml) applies the limits before the tree (uppsala, which is canonicalized and verified) is built, so both must
//! accept the document. Meaning of the elements, and processing instructions in SOAP: left to the caller.
//! Implements XML 1.0 (fifth edition) with Namespaces 1.0, less DTDs.

mod scan;
mod tree;

pub use tree::{Document, Element, NodeId, Step};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Why XML was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum XmlError {
    /// Nothing, or white space only.
    #[error("xml is empty")]
    Empty,
    /// More bytes than the limit.
    #[error("xml is too large: got {got} bytes, expected at most {limit}")]
    TooLarge {
        /// Bytes given.
        got: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Bytes that are not UTF-8.
    #[error("xml is not utf-8 at byte {offset}")]
    NotUtf8 {
        /// Where the first wrong byte is.
        offset: usize,
    },
    /// The XML declaration names another encoding.
    #[error("xml declares another encoding than utf-8")]
    Encoding,
    /// The XML declaration names another version.
    #[error("xml declares another version than 1.0")]
    Version,
    /// A document type declaration.
    #[error("xml carries a document type declaration")]
    Doctype,
    /// A general entity other than the five predefined ones.
    #[error("xml refers to an entity that is not predefined")]
    Entity,
    /// Elements nested too deep.
    #[error("xml is nested deeper than {limit}")]
    Depth {
        /// Levels allowed.
        limit: usize,
    },
    /// Too many nodes.
    #[error("xml has more than {limit} nodes")]
    Nodes {
        /// Nodes allowed.
        limit: usize,
    },
    /// Too many attributes on one element.
    #[error("an xml element has more than {limit} attributes")]
    Attributes {
        /// Attributes and namespace declarations allowed.
        limit: usize,
    },
    /// Not well-formed, or a prefix is not bound.
    #[error("xml is not well-formed at byte {offset}")]
    Malformed {
        /// About where, in bytes.
        offset: usize,
    },
    /// An element that must be there once is not there.
    #[error("xml element {name} is missing")]
    Missing {
        /// Local name that was looked for.
        name: String,
    },
    /// An element that must be there once is there again.
    #[error("xml element {name} is repeated")]
    Repeated {
        /// Local name that was looked for.
        name: String,
    },
    /// An element that may hold text only holds elements.
    #[error("xml element {name} holds elements, expected text")]
    NotText {
        /// Local name of the element.
        name: String,
    },
}

/// The bytes of an `xs:base64Binary`, which may hold white space anywhere.
#[must_use]
pub fn base64_binary(text: &str) -> Option<Vec<u8>> {
    if let Ok(bytes) = STANDARD.decode(text) {
        return Some(bytes);
    }
    let dense: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    STANDARD.decode(dense).ok()
}

#[cfg(test)]
mod tests;
