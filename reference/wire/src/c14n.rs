//! Exclusive canonical form, without comments.
//!
//! Implements xml-exc-c14n with the `InclusiveNamespaces` prefix list, on bergshamra's canonicalizer. Other
//! canonical forms are not offered: the profiles use none.

use bergshamra::c14n as engine;
use bergshamra::xml::NodeSet;

use crate::Limits;
use crate::xml::{Document, NodeId, XmlError};

/// Why a canonical form could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum C14nError {
    /// The bytes are not XML that may be read.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// The canonicalizer refused the tree.
    #[error("no canonical form of this element")]
    Engine,
}

/// The canonical form of one element and all below it.
///
/// `inclusive_prefixes` are the tokens of `InclusiveNamespaces/@PrefixList`, `#default` included.
///
/// # Errors
/// [`C14nError::Engine`].
pub fn exclusive(document: &Document<'_>, element: NodeId, inclusive_prefixes: &[&str]) -> Result<Vec<u8>, C14nError> {
    let nodes = NodeSet::tree_without_comments(element.0, &document.tree);
    engine::canonicalize_doc(&document.tree, engine::C14nMode::Exclusive, Some(&nodes), inclusive_prefixes)
        .map_err(|_| C14nError::Engine)
}

/// The canonical form of a whole document: what is hashed of an XML part that is sent uncompressed.
///
/// # Errors
/// [`C14nError`]; the limits used are `xml_part`, `xml_part_nodes`, `depth`, `attributes`.
pub fn exclusive_part(bytes: &[u8], limits: &Limits) -> Result<Vec<u8>, C14nError> {
    let document = Document::parse_part(bytes, limits)?;
    let nodes = NodeSet::all_without_comments(&document.tree);
    engine::canonicalize_doc::<&str>(&document.tree, engine::C14nMode::Exclusive, Some(&nodes), &[])
        .map_err(|_| C14nError::Engine)
}
