//! Canonical forms, without comments: the exclusive one of WS-Security, and the inclusive one that publishers of service
//! metadata sign with.
//!
//! Implements xml-exc-c14n with the `InclusiveNamespaces` prefix list and Canonical XML 1.0 less attributes in the `xml`
//! namespace that an ancestor would hand down, written straight from the tree: one walk over the element that is asked
//! for. xmllint, xmlsec1 and bergshamra's canonicalizer are the second opinions in the tests.

use bergshamra::xml::uppsala;
use uppsala::{NodeId as Id, NodeKind};

use crate::Limits;
use crate::xml::{Document, NodeId, XmlError};

/// Why a canonical form could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum C14nError {
    /// The bytes are not XML that may be read.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// The node is no element of the document.
    #[error("no canonical form of what is no element")]
    NoElement,
}

/// The canonical form of one element and all below it.
///
/// `inclusive_prefixes` are the tokens of `InclusiveNamespaces/@PrefixList`, `#default` included.
///
/// # Errors
/// [`C14nError::NoElement`].
pub fn exclusive(document: &Document<'_>, element: NodeId, inclusive_prefixes: &[&str]) -> Result<Vec<u8>, C14nError> {
    document.tree.element(element.0).ok_or(C14nError::NoElement)?;
    let mut writer = Writer::new(&document.tree, inclusive_prefixes);
    writer.subtree(element.0);
    Ok(writer.out)
}

/// The canonical form of one element as an enveloped signature has it: in either form, and without one element below it.
///
/// # Errors
/// [`C14nError::NoElement`].
pub(crate) fn enveloped(
    document: &Document<'_>,
    element: NodeId,
    form: &Form,
    left_out: Option<NodeId>,
) -> Result<Vec<u8>, C14nError> {
    document.tree.element(element.0).ok_or(C14nError::NoElement)?;
    let prefixes: Vec<&str> = match form {
        Form::Exclusive { prefixes } => prefixes.iter().map(String::as_str).collect(),
        Form::Inclusive => Vec::new(),
    };
    let mut writer = Writer::new(&document.tree, &prefixes);
    writer.left_out = left_out.map(|node| node.0);
    if *form == Form::Inclusive {
        writer.everything = Some(element.0);
    }
    writer.subtree(element.0);
    Ok(writer.out)
}

/// Which namespaces a canonical form declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Form {
    /// Those that are used, and these where they are in scope.
    Exclusive {
        /// Tokens of `InclusiveNamespaces/@PrefixList`.
        prefixes: Vec<String>,
    },
    /// Those that are in scope.
    Inclusive,
}

/// The canonical form of a whole document: what is hashed of an XML part that is sent uncompressed.
///
/// # Errors
/// [`C14nError`]; the limits used are `xml_part`, `xml_part_nodes`, `depth`, `attributes`.
pub fn exclusive_part(bytes: &[u8], limits: &Limits) -> Result<Vec<u8>, C14nError> {
    let document = Document::parse_part(bytes, limits)?;
    let mut writer = Writer::new(&document.tree, &[]);
    let mut after = false;
    for child in document.tree.children_iter(document.tree.root()) {
        match document.tree.node_kind(child) {
            Some(NodeKind::Element(_)) => {
                writer.subtree(child);
                after = true;
            }
            Some(NodeKind::ProcessingInstruction(_)) if after => {
                writer.out.push(b'\n');
                writer.subtree(child);
            }
            Some(NodeKind::ProcessingInstruction(_)) => {
                writer.subtree(child);
                writer.out.push(b'\n');
            }
            _ => {}
        }
    }
    Ok(writer.out)
}

struct Writer<'d, 'p> {
    tree: &'d uppsala::Document<'d>,
    /// Empty for the default namespace.
    inclusive: Vec<&'p str>,
    /// The outermost element, where all namespaces in scope are declared.
    everything: Option<Id>,
    /// Left out, with all below it.
    left_out: Option<Id>,
    /// Namespaces rendered so far, by prefix, innermost last.
    rendered: Vec<(&'d str, &'d str)>,
    /// For each open element, how many were rendered outside it.
    outside: Vec<usize>,
    out: Vec<u8>,
}

impl<'d, 'p> Writer<'d, 'p> {
    fn new(tree: &'d uppsala::Document<'d>, inclusive: &[&'p str]) -> Self {
        Self {
            tree,
            inclusive: inclusive.iter().map(|prefix| if *prefix == "#default" { "" } else { prefix }).collect(),
            everything: None,
            left_out: None,
            rendered: Vec::with_capacity(16),
            outside: Vec::with_capacity(16),
            out: Vec::with_capacity(4096),
        }
    }

    /// Writes a node and all below it; without recursion, however deep it is.
    fn subtree(&mut self, top: Id) {
        let mut at = top;
        loop {
            if self.left_out != Some(at) {
                self.begin(at);
                if let Some(child) = self.tree.first_child(at) {
                    at = child;
                    continue;
                }
            }
            loop {
                if self.left_out != Some(at) {
                    self.end(at);
                }
                if at == top {
                    return;
                }
                if let Some(next) = self.tree.next_sibling(at) {
                    at = next;
                    break;
                }
                let Some(parent) = self.tree.parent(at) else { return };
                at = parent;
            }
        }
    }

    fn begin(&mut self, node: Id) {
        match self.tree.node_kind(node) {
            Some(NodeKind::Element(element)) => self.start_tag(node, element),
            Some(NodeKind::Text(text) | NodeKind::CData(text)) => escape(&mut self.out, text, in_text),
            Some(NodeKind::ProcessingInstruction(instruction)) => {
                self.out.extend_from_slice(b"<?");
                self.out.extend_from_slice(instruction.target.as_bytes());
                if let Some(data) = instruction.data.as_deref().filter(|data| !data.is_empty()) {
                    self.out.push(b' ');
                    escape(&mut self.out, data, in_instruction);
                }
                self.out.extend_from_slice(b"?>");
            }
            _ => {}
        }
    }

    fn end(&mut self, node: Id) {
        if let Some(element) = self.tree.element(node) {
            self.out.extend_from_slice(b"</");
            name(&mut self.out, &element.name);
            self.out.push(b'>');
            self.rendered.truncate(self.outside.pop().unwrap_or_default());
        }
    }

    fn start_tag(&mut self, node: Id, element: &'d uppsala::Element<'d>) {
        self.out.push(b'<');
        name(&mut self.out, &element.name);
        let outside = self.rendered.len();
        self.outside.push(outside);
        let own = element.name.prefix.as_deref().unwrap_or("");
        self.utilize(outside, own, element.name.namespace_uri.as_deref().unwrap_or(""));
        for attribute in &element.attributes {
            if let Some(prefix) = attribute.name.prefix.as_deref().filter(|prefix| !prefix.is_empty()) {
                self.utilize(outside, prefix, attribute.name.namespace_uri.as_deref().unwrap_or(""));
            }
        }
        if let Some(outermost) = self.everything {
            self.declare_scope(node, outermost == node);
        }
        for index in 0..self.inclusive.len() {
            let prefix = self.inclusive.get(index).copied().unwrap_or_default();
            if let Some((prefix, namespace)) = self.in_scope(node, prefix) {
                self.utilize(outside, prefix, namespace);
            }
        }
        let declared = self.rendered.get_mut(outside..).unwrap_or_default();
        declared.sort_unstable();
        for (prefix, namespace) in declared {
            self.out.extend_from_slice(if prefix.is_empty() { b" xmlns" } else { b" xmlns:" });
            self.out.extend_from_slice(prefix.as_bytes());
            self.out.extend_from_slice(b"=\"");
            escape(&mut self.out, namespace, in_attribute);
            self.out.push(b'"');
        }
        self.attributes(element);
        self.out.push(b'>');
    }

    fn attributes(&mut self, element: &uppsala::Element<'_>) {
        let mut sorted: Vec<&uppsala::Attribute<'_>> = element.attributes.iter().collect();
        if sorted.len() > 1 {
            sorted.sort_by(|one, other| {
                let namespaces = (one.name.namespace_uri.as_deref(), other.name.namespace_uri.as_deref());
                let order = namespaces.0.unwrap_or("").cmp(namespaces.1.unwrap_or(""));
                order.then_with(|| one.name.local_name.cmp(&other.name.local_name))
            });
        }
        for attribute in sorted {
            self.out.push(b' ');
            name(&mut self.out, &attribute.name);
            self.out.extend_from_slice(b"=\"");
            escape(&mut self.out, &attribute.value, in_attribute);
            self.out.push(b'"');
        }
    }

    /// Declares a namespace on the element whose declarations begin at `outside`, unless the nearest one above declares
    /// the same.
    fn utilize(&mut self, outside: usize, prefix: &'d str, namespace: &'d str) {
        let bound = self.rendered.iter().rev().find(|(known, _)| *known == prefix).map(|(_, namespace)| *namespace);
        let known = bound == Some(namespace) || (bound.is_none() && prefix.is_empty() && namespace.is_empty());
        let here = self.rendered.get(outside..).unwrap_or_default();
        if prefix != "xml" && !known && !here.iter().any(|(known, _)| *known == prefix) {
            self.rendered.push((prefix, namespace));
        }
    }

    /// Declares what an element declares, and the outermost one what its ancestors do.
    fn declare_scope(&mut self, node: Id, outermost: bool) {
        let outside = self.outside.last().copied().unwrap_or_default();
        let mut at = Some(node);
        while let Some(element) = at.and_then(|node| self.tree.element(node)) {
            for (prefix, namespace) in &element.namespace_declarations {
                self.utilize(outside, prefix, namespace);
            }
            at = if outermost { at.and_then(|node| self.tree.parent(node)) } else { None };
        }
    }

    /// The binding of a prefix where it is in scope; that of no default namespace is there always.
    fn in_scope(&self, node: Id, prefix: &str) -> Option<(&'d str, &'d str)> {
        let mut at = Some(node);
        while let Some(element) = at.and_then(|node| self.tree.element(node)) {
            if let Some((prefix, namespace)) = element.namespace_declarations.iter().find(|(known, _)| known == prefix)
            {
                return Some((prefix, namespace));
            }
            at = at.and_then(|node| self.tree.parent(node));
        }
        prefix.is_empty().then_some(("", ""))
    }
}

fn name(out: &mut Vec<u8>, name: &uppsala::QName<'_>) {
    if let Some(prefix) = name.prefix.as_deref().filter(|prefix| !prefix.is_empty()) {
        out.extend_from_slice(prefix.as_bytes());
        out.push(b':');
    }
    out.extend_from_slice(name.local_name.as_bytes());
}

fn escape(out: &mut Vec<u8>, text: &str, reference: impl Fn(u8) -> Option<&'static str>) {
    let bytes = text.as_bytes();
    let mut from = 0;
    for (at, byte) in bytes.iter().enumerate() {
        if let Some(reference) = reference(*byte) {
            out.extend_from_slice(bytes.get(from..at).unwrap_or_default());
            out.extend_from_slice(reference.as_bytes());
            from = at + 1;
        }
    }
    out.extend_from_slice(bytes.get(from..).unwrap_or_default());
}

fn in_text(byte: u8) -> Option<&'static str> {
    match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'>' => Some("&gt;"),
        b'\r' => Some("&#xD;"),
        _ => None,
    }
}

fn in_attribute(byte: u8) -> Option<&'static str> {
    match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'"' => Some("&quot;"),
        b'\t' => Some("&#x9;"),
        b'\n' => Some("&#xA;"),
        b'\r' => Some("&#xD;"),
        _ => None,
    }
}

fn in_instruction(byte: u8) -> Option<&'static str> {
    (byte == b'\r').then_some("&#xD;")
}
