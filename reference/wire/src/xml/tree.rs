//! The tree and its read-only view.

use std::borrow::Cow;

use bergshamra::xml::uppsala;
use uppsala::NodeKind;

use super::{XmlError, scan};
use crate::Limits;

/// One step of a path from the root: namespace, local name.
pub type Step<'p> = (&'p str, &'p str);

/// A node of one document; results of a signature check can be compared with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NodeId(pub(crate) uppsala::NodeId);

/// A parsed document.
#[derive(Debug, Clone)]
pub struct Document<'a> {
    pub(crate) tree: uppsala::Document<'a>,
    root: uppsala::NodeId,
}

/// An element of a document.
#[derive(Clone, Copy)]
pub struct Element<'d> {
    tree: &'d uppsala::Document<'d>,
    node: uppsala::NodeId,
}

impl<'a> Document<'a> {
    /// Reads an envelope-sized document.
    ///
    /// # Errors
    /// See [`XmlError`]; the limits used are `envelope`, `depth`, `nodes`, `attributes`.
    pub fn parse(bytes: &'a [u8], limits: &Limits) -> Result<Self, XmlError> {
        Self::build(bytes, limits.envelope, limits.nodes, limits)
    }

    /// Reads a payload-sized document: as [`Document::parse`] under the limits `xml_part` and `xml_part_nodes`.
    ///
    /// # Errors
    /// See [`XmlError`].
    pub fn parse_part(bytes: &'a [u8], limits: &Limits) -> Result<Self, XmlError> {
        Self::build(bytes, limits.xml_part, limits.xml_part_nodes, limits)
    }

    fn build(bytes: &'a [u8], size: usize, nodes: usize, limits: &Limits) -> Result<Self, XmlError> {
        let parser = uppsala::Parser::new()
            .with_forbid_dtd(true)
            .with_forbid_entities(true)
            .with_max_depth(u32::try_from(limits.depth).unwrap_or(u32::MAX));
        let tree = match scan::check(bytes, size, nodes, limits)? {
            Cow::Borrowed(text) => parser.parse(text),
            Cow::Owned(text) => parser.parse(&text).map(uppsala::Document::into_static),
        }
        .map_err(|_| XmlError::Malformed { offset: bytes.len() })?;
        let root = tree.document_element().ok_or(XmlError::Empty)?;
        let document = Self { tree, root };
        // Namespaces 1.0, 2.2: a prefix cannot be unbound; the tree builder lets it pass.
        if document.elements().any(Element::unbinds_a_prefix) {
            return Err(XmlError::Malformed { offset: bytes.len() });
        }
        Ok(document)
    }

    /// A copy that borrows nothing.
    pub fn into_owned(self) -> Document<'static> {
        Document { root: self.root, tree: self.tree.into_static() }
    }

    /// The document element.
    pub fn root(&self) -> Element<'_> {
        Element { tree: &self.tree, node: self.root }
    }

    /// The element of that id; none when it names no element of this document.
    pub fn element(&self, id: NodeId) -> Option<Element<'_>> {
        self.tree.element(id.0)?;
        Some(Element { tree: &self.tree, node: id.0 })
    }

    /// The one element at that path, the first step being the root: each step must match exactly one child.
    ///
    /// # Errors
    /// [`XmlError::Missing`] or [`XmlError::Repeated`] with the step's local name.
    pub fn by_path(&self, path: &[Step<'_>]) -> Result<Element<'_>, XmlError> {
        let mut steps = path.iter();
        let mut at = self.root();
        if let Some((namespace, local)) = steps.next()
            && !at.is(namespace, local)
        {
            return Err(XmlError::Missing { name: (*local).to_owned() });
        }
        for (namespace, local) in steps {
            at = at.only_child(namespace, local)?.ok_or_else(|| XmlError::Missing { name: (*local).to_owned() })?;
        }
        Ok(at)
    }

    /// All elements in document order.
    pub fn elements(&self) -> impl Iterator<Item = Element<'_>> {
        self.root().descendants()
    }
}

impl<'d> Element<'d> {
    /// The element's id in its document.
    pub fn id(self) -> NodeId {
        NodeId(self.node)
    }

    /// Namespace (empty: none) and local name.
    pub fn name(self) -> (&'d str, &'d str) {
        self.raw().map_or(("", ""), |e| (e.name.namespace_uri.as_deref().unwrap_or(""), &e.name.local_name))
    }

    /// Prefix as written, empty when there is none.
    pub fn prefix(self) -> &'d str {
        self.raw().and_then(|e| e.name.prefix.as_deref()).unwrap_or("")
    }

    /// Whether that is the element's name.
    pub fn is(self, namespace: &str, local: &str) -> bool {
        self.name() == (namespace, local)
    }

    /// The attribute's value; an empty namespace means an attribute without prefix.
    pub fn attribute(self, namespace: &str, local: &str) -> Option<&'d str> {
        self.attributes().find(|(ns, name, _)| *ns == namespace && *name == local).map(|(_, _, value)| value)
    }

    /// Namespace, local name and value of each attribute, declarations of namespaces left out.
    pub fn attributes(self) -> impl Iterator<Item = (&'d str, &'d str, &'d str)> {
        self.raw()
            .map(|e| e.attributes.as_slice())
            .unwrap_or_default()
            .iter()
            .map(|a| (a.name.namespace_uri.as_deref().unwrap_or(""), &*a.name.local_name, &*a.value))
    }

    /// Child elements in order.
    pub fn children(self) -> impl Iterator<Item = Element<'d>> {
        let tree = self.tree;
        tree.children_iter(self.node).filter(|id| tree.element(*id).is_some()).map(move |node| Element { tree, node })
    }

    /// The first child element of that name.
    pub fn child(self, namespace: &str, local: &str) -> Option<Element<'d>> {
        self.children().find(|c| c.is(namespace, local))
    }

    /// The child element of that name, of which there may be one at most.
    ///
    /// # Errors
    /// [`XmlError::Repeated`].
    pub fn only_child(self, namespace: &str, local: &str) -> Result<Option<Element<'d>>, XmlError> {
        let mut found = self.children().filter(|c| c.is(namespace, local));
        match (found.next(), found.next()) {
            (_, Some(_)) => Err(XmlError::Repeated { name: local.to_owned() }),
            (first, None) => Ok(first),
        }
    }

    /// The parent element.
    pub fn parent(self) -> Option<Element<'d>> {
        let node = self.tree.parent(self.node)?;
        self.tree.element(node).map(|_| Element { tree: self.tree, node })
    }

    /// The element itself and all elements below it, in document order.
    pub fn descendants(self) -> impl Iterator<Item = Element<'d>> {
        let tree = self.tree;
        let mut next = Some(self.node);
        let top = self.node;
        std::iter::from_fn(move || {
            let node = next?;
            next = following(tree, node, top);
            Some(node)
        })
        .filter(move |id| tree.element(*id).is_some())
        .map(move |node| Element { tree, node })
    }

    /// All text below the element, over comments, CDATA sections and elements.
    pub fn text(self) -> Cow<'d, str> {
        let mut pieces = self.texts();
        let Some(first) = pieces.next() else {
            return Cow::Borrowed("");
        };
        let mut all = Cow::Borrowed(first);
        for piece in pieces {
            all.to_mut().push_str(piece);
        }
        all
    }

    /// As [`Element::text`], for an element that may not hold elements.
    ///
    /// # Errors
    /// [`XmlError::NotText`].
    pub fn simple_text(self) -> Result<Cow<'d, str>, XmlError> {
        if self.children().next().is_some() {
            return Err(XmlError::NotText { name: self.name().1.to_owned() });
        }
        Ok(self.text())
    }

    /// Whether a comment or processing instruction is somewhere below the element.
    pub fn has_comment_or_instruction(self) -> bool {
        self.nodes()
            .any(|n| matches!(self.tree.node_kind(n), Some(NodeKind::Comment(_) | NodeKind::ProcessingInstruction(_))))
    }

    fn texts(self) -> impl Iterator<Item = &'d str> {
        let tree = self.tree;
        self.nodes().filter_map(move |n| match tree.node_kind(n) {
            Some(NodeKind::Text(t) | NodeKind::CData(t)) => Some(&**t),
            _ => None,
        })
    }

    fn nodes(self) -> impl Iterator<Item = uppsala::NodeId> {
        let (tree, top) = (self.tree, self.node);
        let mut next = Some(top);
        std::iter::from_fn(move || {
            let node = next?;
            next = following(tree, node, top);
            Some(node)
        })
    }

    fn unbinds_a_prefix(self) -> bool {
        let declared = self.raw().map(|e| e.namespace_declarations.as_slice()).unwrap_or_default();
        declared.iter().any(|(prefix, namespace)| !prefix.is_empty() && namespace.is_empty())
    }

    fn raw(self) -> Option<&'d uppsala::Element<'d>> {
        self.tree.element(self.node)
    }
}

impl std::fmt::Debug for Element<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (namespace, local) = self.name();
        write!(f, "{{{namespace}}}{local}#{}", self.node.index())
    }
}

impl PartialEq for Element<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.node == other.node && std::ptr::eq(self.tree, other.tree)
    }
}

impl Eq for Element<'_> {}

/// The node after `node` in document order, inside the subtree of `top`.
fn following(tree: &uppsala::Document<'_>, node: uppsala::NodeId, top: uppsala::NodeId) -> Option<uppsala::NodeId> {
    if let Some(child) = tree.first_child(node) {
        return Some(child);
    }
    let mut at = node;
    while at != top {
        if let Some(sibling) = tree.next_sibling(at) {
            return Some(sibling);
        }
        at = tree.parent(at)?;
    }
    None
}
