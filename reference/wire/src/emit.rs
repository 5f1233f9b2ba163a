//! Writes XML that already is in exclusive canonical form.
//!
//! Signing costs little when the text that is sent is the text that is hashed: each element that will be signed (an
//! *apex*) declares every namespace it uses, even one that stands around it already, so its bytes equal its
//! canonical form and can be hashed where they stand. Declarations are sorted by prefix, attributes by namespace and
//! local name; no empty-element tags; values escaped. Implements xml-exc-c14n for the writer's side, empty prefix list.

use crate::digest;

/// Prefix, namespace and local name of an element or attribute; prefix and namespace empty for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name<'n> {
    /// Prefix that is written.
    pub prefix: &'n str,
    /// Namespace the prefix is bound to.
    pub namespace: &'n str,
    /// Local name.
    pub local: &'n str,
}

impl<'n> Name<'n> {
    /// A name with prefix.
    pub const fn new(prefix: &'n str, namespace: &'n str, local: &'n str) -> Self {
        Self { prefix, namespace, local }
    }

    /// A name without prefix and namespace.
    pub const fn local(local: &'n str) -> Self {
        Self { prefix: "", namespace: "", local }
    }
}

/// An attribute: name and unescaped value.
pub type Attribute<'n> = (Name<'n>, &'n str);

/// Why a text could not be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EmitError {
    /// A character that XML 1.0 cannot carry.
    #[error("text holds a character that xml cannot carry: {0:?}")]
    Character(char),
    /// A name that is no NCName.
    #[error("not an xml name")]
    Name,
    /// An attribute is written twice on one element.
    #[error("an attribute is repeated")]
    RepeatedAttribute,
    /// One prefix stands for two namespaces on one element.
    #[error("a prefix stands for two namespaces")]
    Prefix,
    /// More elements were ended than begun, or fewer.
    #[error("elements are not balanced")]
    Unbalanced,
    /// An apex without namespace below a default namespace has no canonical form of its own.
    #[error("a signed element without namespace stands below a default namespace")]
    DefaultNamespace,
}

/// What was hashed while it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digested {
    /// Where the apex stands in the text.
    pub range: std::ops::Range<usize>,
    /// SHA-256 of its canonical form.
    pub sha256: [u8; 32],
}

/// The writer. The first error is kept and given by [`Canonical::finish`].
#[derive(Debug, Default)]
pub struct Canonical {
    out: String,
    open: Vec<Open>,
    /// Bindings written so far, innermost last.
    bound: Vec<(String, String)>,
    /// Bindings before this index belong to elements around the apex and do not count inside it.
    floor: usize,
    digests: Vec<Digested>,
    error: Option<EmitError>,
}

#[derive(Debug)]
struct Open {
    /// The end tag's name stands in `out` at this range.
    name: std::ops::Range<usize>,
    bound: usize,
    apex: Option<Apex>,
}

#[derive(Debug)]
struct Apex {
    from: usize,
    floor: usize,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emitted {
    /// The text.
    pub text: String,
    /// Each apex, in the order in which they ended.
    pub digests: Vec<Digested>,
}

impl Canonical {
    /// An empty writer.
    pub fn new() -> Self {
        Self { out: String::with_capacity(4096), ..Self::default() }
    }

    /// Begins an element.
    pub fn start(&mut self, name: Name<'_>, attributes: &[Attribute<'_>]) -> &mut Self {
        self.open_tag(name, attributes, None);
        self
    }

    /// Begins an element whose canonical form will be hashed; it must not stand in another apex's way: inside an
    /// apex it redeclares what the outer one declared, so the outer bytes are no canonical form any more.
    pub fn apex(&mut self, name: Name<'_>, attributes: &[Attribute<'_>]) -> &mut Self {
        let apex = Apex { from: self.out.len(), floor: self.floor };
        if self.open.iter().any(|o| o.apex.is_some()) {
            self.fail(EmitError::Unbalanced);
        }
        self.floor = self.bound.len();
        self.open_tag(name, attributes, Some(apex));
        self
    }

    /// Writes text.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.escape(text, false);
        self
    }

    /// Ends the innermost element.
    pub fn end(&mut self) -> &mut Self {
        let Some(open) = self.open.pop() else {
            self.fail(EmitError::Unbalanced);
            return self;
        };
        let name = self.out.get(open.name).unwrap_or_default().to_owned();
        self.out.push_str("</");
        self.out.push_str(&name);
        self.out.push('>');
        self.bound.truncate(open.bound);
        if let Some(apex) = open.apex {
            self.floor = apex.floor;
            let range = apex.from..self.out.len();
            let sha256 = digest::sha256(self.out.as_bytes().get(range.clone()).unwrap_or_default());
            self.digests.push(Digested { range, sha256 });
        }
        self
    }

    /// An element with text only.
    pub fn leaf(&mut self, name: Name<'_>, attributes: &[Attribute<'_>], text: &str) -> &mut Self {
        self.start(name, attributes).text(text).end()
    }

    /// Writes what another writer made, as it is: one or more elements that declare what they use.
    pub fn fragment(&mut self, canonical: &str) -> &mut Self {
        self.out.push_str(canonical);
        self
    }

    /// Ends the text.
    ///
    /// # Errors
    /// The first thing that could not be written, see [`EmitError`].
    pub fn finish(self) -> Result<Emitted, EmitError> {
        match self.error {
            Some(error) => Err(error),
            None if !self.open.is_empty() => Err(EmitError::Unbalanced),
            None => Ok(Emitted { text: self.out, digests: self.digests }),
        }
    }

    fn open_tag(&mut self, name: Name<'_>, attributes: &[Attribute<'_>], apex: Option<Apex>) {
        let bound = self.bound.len();
        self.out.push('<');
        let from = self.out.len();
        self.write_name(name);
        let name_range = from..self.out.len();
        self.declare(name, attributes);
        self.write_attributes(attributes);
        self.out.push('>');
        self.open.push(Open { name: name_range, bound, apex });
    }

    fn declare(&mut self, name: Name<'_>, attributes: &[Attribute<'_>]) {
        let mut used: Vec<(&str, &str)> = Vec::with_capacity(4);
        used.push((name.prefix, name.namespace));
        used.extend(attributes.iter().filter(|(n, _)| !n.prefix.is_empty()).map(|(n, _)| (n.prefix, n.namespace)));
        used.sort_unstable();
        used.dedup();
        if used.windows(2).any(|w| matches!(w, [a, b] if a.0 == b.0)) {
            self.fail(EmitError::Prefix);
        }
        for (prefix, namespace) in used {
            if prefix == "xml" || self.is_bound(prefix, namespace) {
                continue;
            }
            if !prefix.is_empty() && namespace.is_empty() {
                self.fail(EmitError::Prefix);
            }
            self.out.push_str(" xmlns");
            if !prefix.is_empty() {
                self.out.push(':');
                self.out.push_str(prefix);
            }
            self.out.push_str("=\"");
            self.escape(namespace, true);
            self.out.push('"');
            self.bound.push((prefix.to_owned(), namespace.to_owned()));
        }
    }

    fn is_bound(&mut self, prefix: &str, namespace: &str) -> bool {
        let inner = self.bound.get(self.floor..).unwrap_or_default();
        if let Some((_, bound)) = inner.iter().rev().find(|(p, _)| p == prefix) {
            return bound == namespace;
        }
        if !prefix.is_empty() || !namespace.is_empty() {
            return false;
        }
        let outer = self.bound.get(..self.floor).unwrap_or_default();
        if outer.iter().rev().find(|(p, _)| p.is_empty()).is_some_and(|(_, ns)| !ns.is_empty()) {
            self.fail(EmitError::DefaultNamespace);
        }
        true
    }

    fn write_attributes(&mut self, attributes: &[Attribute<'_>]) {
        let mut sorted: Vec<&Attribute<'_>> = attributes.iter().collect();
        sorted.sort_unstable_by_key(|(n, _)| (n.namespace, n.local));
        if sorted.windows(2).any(|w| matches!(w, [a, b] if (a.0.namespace, a.0.local) == (b.0.namespace, b.0.local))) {
            self.fail(EmitError::RepeatedAttribute);
        }
        for (name, value) in sorted {
            self.out.push(' ');
            self.write_name(*name);
            self.out.push_str("=\"");
            self.escape(value, true);
            self.out.push('"');
        }
    }

    fn write_name(&mut self, name: Name<'_>) {
        if !is_ncname(name.local) || !(name.prefix.is_empty() || is_ncname(name.prefix)) {
            self.fail(EmitError::Name);
        }
        if !name.prefix.is_empty() {
            self.out.push_str(name.prefix);
            self.out.push(':');
        }
        self.out.push_str(name.local);
    }

    fn escape(&mut self, text: &str, attribute: bool) {
        let bytes = text.as_bytes();
        let (mut start, mut at) = (0, 0);
        // Nearly all of a message is base64 and names: found plain by one look at each byte.
        while let Some(plain) = bytes.get(at..).and_then(|rest| rest.iter().position(|byte| !PLAIN[usize::from(*byte)]))
        {
            at += plain;
            let byte = bytes.get(at).copied().unwrap_or_default();
            let reference = match (byte, attribute) {
                (b'&', _) => "&amp;",
                (b'<', _) => "&lt;",
                (b'>', false) => "&gt;",
                (b'"', true) => "&quot;",
                (b'\t', true) => "&#x9;",
                (b'\n', true) => "&#xA;",
                (b'\r', _) => "&#xD;",
                (0..=8 | 0xb | 0xc | 0xe..=0x1f, _) => {
                    self.fail(EmitError::Character(char::from(byte)));
                    at += 1;
                    continue;
                }
                // U+FFFE and U+FFFF are the only others that xml cannot carry; both begin with these bytes.
                (0xef, _) => {
                    match text.get(at..at + 3) {
                        Some("\u{fffe}") => self.fail(EmitError::Character('\u{fffe}')),
                        Some("\u{ffff}") => self.fail(EmitError::Character('\u{ffff}')),
                        _ => {}
                    }
                    at += 1;
                    continue;
                }
                _ => {
                    at += 1;
                    continue;
                }
            };
            self.out.push_str(text.get(start..at).unwrap_or_default());
            self.out.push_str(reference);
            at += 1;
            start = at;
        }
        self.out.push_str(text.get(start..).unwrap_or_default());
    }

    fn fail(&mut self, error: EmitError) {
        self.error.get_or_insert(error);
    }
}

/// Bytes that stand for themselves in text and in attributes alike.
const PLAIN: [bool; 256] = {
    let mut plain = [true; 256];
    let mut byte = 0;
    while byte < 0x20 {
        plain[byte] = false;
        byte += 1;
    }
    plain[b'&' as usize] = false;
    plain[b'<' as usize] = false;
    plain[b'>' as usize] = false;
    plain[b'"' as usize] = false;
    plain[0xef] = false;
    plain
};

/// Names are ours or a peer's; the ASCII part of NCName and all letters beyond it are enough.
fn is_ncname(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && chars.all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

#[cfg(test)]
mod tests;
