//! The part of XPath that cases use to name a place: absolute steps, `//`, `*`, `[N]`, `[@a='v']`, `@a`, `text()`.

use roxmltree::{Document, Node};

/// Prefixes that cases may use; a name without prefix matches any namespace.
pub(crate) const PREFIXES: [(&str, &str); 9] = [
    ("env", carnet_wire::namespace::SOAP12),
    ("eb", "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/"),
    ("ebbp", "http://docs.oasis-open.org/ebxml-bp/ebbp-signals-2.0"),
    ("wsse", carnet_wire::namespace::WSSE),
    ("wsu", carnet_wire::namespace::WSU),
    ("ds", carnet_wire::namespace::DS),
    ("xenc", carnet_wire::namespace::XENC),
    ("xml", carnet_wire::namespace::XML),
    ("xsi", "http://www.w3.org/2001/XMLSchema-instance"),
];

/// What a path ends in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// The element itself.
    Element,
    /// An attribute: prefix (or empty) and local name.
    Attribute(String, String),
    /// What stands between start tag and end tag.
    Text,
}

/// A path, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path {
    steps: Vec<Step>,
    pub(crate) target: Target,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Step {
    anywhere: bool,
    prefix: String,
    local: String,
    index: Option<usize>,
    attribute: Option<(String, String)>,
}

impl Path {
    /// Reads a path; none when it is not of the kind described above.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut rest = text;
        let mut steps = Vec::new();
        let mut target = Target::Element;
        while !rest.is_empty() {
            let anywhere = rest.starts_with("//");
            rest = rest.strip_prefix(if anywhere { "//" } else { "/" })?;
            if let Some(attribute) = rest.strip_prefix('@') {
                let (prefix, local) = split_name(attribute);
                target = Target::Attribute(prefix, local);
                break;
            }
            if rest == "text()" {
                target = Target::Text;
                break;
            }
            let (step, after) = Step::parse(rest, anywhere)?;
            steps.push(step);
            rest = after;
        }
        if steps.is_empty() { None } else { Some(Self { steps, target }) }
    }

    /// The first element the steps lead to.
    pub(crate) fn element<'a, 'i>(&self, document: &'a Document<'i>) -> Option<Node<'a, 'i>> {
        let mut at = vec![document.root()];
        for step in &self.steps {
            at = at.into_iter().flat_map(|node| step.from(node)).collect();
        }
        at.into_iter().next()
    }
}

impl Step {
    fn parse(text: &str, anywhere: bool) -> Option<(Self, &str)> {
        let end = text.find(['/', '[']).unwrap_or(text.len());
        let (name, mut rest) = text.split_at(end);
        let (prefix, local) = split_name(name);
        if local.is_empty() {
            return None;
        }
        let mut step = Self { anywhere, prefix, local, index: None, attribute: None };
        while let Some(inner) = rest.strip_prefix('[') {
            let (predicate, after) = inner.split_once(']')?;
            if let Some(attribute) = predicate.strip_prefix('@') {
                let (name, value) = attribute.split_once('=')?;
                step.attribute = Some((name.to_owned(), value.trim_matches(['\'', '"']).to_owned()));
            } else {
                step.index = Some(predicate.parse().ok()?);
            }
            rest = after;
        }
        Some((step, rest))
    }

    fn from<'a, 'i>(&self, node: Node<'a, 'i>) -> Vec<Node<'a, 'i>> {
        let mut matches: Vec<Node<'a, 'i>> = if self.anywhere {
            node.descendants().filter(|node| self.matches(node)).collect()
        } else {
            node.children().filter(|node| self.matches(node)).collect()
        };
        if let Some(index) = self.index {
            matches = index.checked_sub(1).and_then(|index| matches.get(index).copied()).into_iter().collect();
        }
        matches
    }

    fn matches(&self, node: &Node<'_, '_>) -> bool {
        if !node.is_element() {
            return false;
        }
        let name = node.tag_name();
        let namespace = PREFIXES.iter().find(|(prefix, _)| *prefix == self.prefix).map(|(_, uri)| *uri);
        let named = self.local == "*" || name.name() == self.local;
        let spaced = self.prefix.is_empty() || (namespace.is_some() && name.namespace() == namespace);
        let attributed = self.attribute.as_ref().is_none_or(|(name, value)| {
            node.attributes().any(|attribute| attribute.name() == name && attribute.value() == value)
        });
        named && spaced && attributed
    }
}

fn split_name(text: &str) -> (String, String) {
    match text.split_once(':') {
        Some((prefix, local)) => (prefix.to_owned(), local.to_owned()),
        None => (String::new(), text.to_owned()),
    }
}
