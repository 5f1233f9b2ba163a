//! Follows the paths that cases name a place by, see [`carnet_catalogue::path`].

use carnet_catalogue::path::{Name, Path, Prefix, Step};
use roxmltree::{Attribute, Document, Node};

/// The namespace of a prefix.
const fn namespace(prefix: Prefix) -> &'static str {
    match prefix {
        Prefix::Env => carnet_wire::namespace::SOAP12,
        Prefix::Eb => "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/",
        Prefix::Ebbp => "http://docs.oasis-open.org/ebxml-bp/ebbp-signals-2.0",
        Prefix::Wsse => carnet_wire::namespace::WSSE,
        Prefix::Wsu => carnet_wire::namespace::WSU,
        Prefix::Ds => carnet_wire::namespace::DS,
        Prefix::Xenc => carnet_wire::namespace::XENC,
        Prefix::Xml => carnet_wire::namespace::XML,
        Prefix::Xsi => "http://www.w3.org/2001/XMLSchema-instance",
    }
}

/// The first element the steps of a path lead to.
pub(crate) fn element<'a, 'i>(path: &Path, document: &'a Document<'i>) -> Option<Node<'a, 'i>> {
    let mut at = vec![document.root()];
    for step in &path.steps {
        at = at.into_iter().flat_map(|node| from(step, node)).collect();
    }
    at.into_iter().next()
}

/// The attribute of that name; one without prefix is of any namespace.
pub(crate) fn attribute<'a, 'i>(element: Node<'a, 'i>, name: &Name) -> Option<Attribute<'a, 'i>> {
    let spaced =
        |found: &Attribute<'_, '_>| name.prefix.is_none_or(|prefix| found.namespace() == Some(namespace(prefix)));
    element.attributes().find(|found| found.name() == name.local && spaced(found))
}

fn from<'a, 'i>(step: &Step, node: Node<'a, 'i>) -> Vec<Node<'a, 'i>> {
    let mut found: Vec<Node<'a, 'i>> = if step.anywhere {
        node.descendants().filter(|node| matches(step, node)).collect()
    } else {
        node.children().filter(|node| matches(step, node)).collect()
    };
    if let Some(index) = step.index {
        found = index.checked_sub(1).and_then(|index| found.get(index).copied()).into_iter().collect();
    }
    found
}

fn matches(step: &Step, node: &Node<'_, '_>) -> bool {
    if !node.is_element() {
        return false;
    }
    let name = node.tag_name();
    let named = step.name.local == "*" || name.name() == step.name.local;
    let spaced = step.name.prefix.is_none_or(|prefix| name.namespace() == Some(namespace(prefix)));
    let attributed = step.attribute.as_ref().is_none_or(|(name, value)| {
        node.attributes().any(|attribute| attribute.name() == name && attribute.value() == value)
    });
    named && spaced && attributed
}
