//! DER as a tree that can be edited: just enough of X.690 for certificates, with one-byte tags.

use crate::CertError;

/// Universal tags and the two context tags that certificates use.
pub(crate) mod tag {
    pub(crate) const BOOLEAN: u8 = 0x01;
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const BIT_STRING: u8 = 0x03;
    pub(crate) const OCTET_STRING: u8 = 0x04;
    pub(crate) const NULL: u8 = 0x05;
    pub(crate) const OID: u8 = 0x06;
    pub(crate) const UTF8_STRING: u8 = 0x0c;
    pub(crate) const UTC_TIME: u8 = 0x17;
    pub(crate) const GENERALIZED_TIME: u8 = 0x18;
    pub(crate) const SEQUENCE: u8 = 0x30;
    pub(crate) const VERSION: u8 = 0xa0;
    pub(crate) const EXTENSIONS: u8 = 0xa3;
}

/// Depth beyond which nothing in a certificate lies.
const MAX_DEPTH: usize = 32;

/// One value: a tag with either bytes or further values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) tag: u8,
    pub(crate) content: Content,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    Bytes(Vec<u8>),
    Nodes(Vec<Node>),
}

impl Node {
    pub(crate) fn bytes(tag: u8, bytes: impl Into<Vec<u8>>) -> Self {
        Self { tag, content: Content::Bytes(bytes.into()) }
    }

    pub(crate) fn nodes(tag: u8, nodes: Vec<Self>) -> Self {
        Self { tag, content: Content::Nodes(nodes) }
    }

    /// An OBJECT IDENTIFIER from its dotted form.
    pub(crate) fn oid(dotted: &str) -> Result<Self, CertError> {
        let refused = || CertError::Oid { text: dotted.to_owned() };
        let arcs = dotted.split('.').map(str::parse::<u64>).collect::<Result<Vec<_>, _>>().map_err(|_| refused())?;
        let [first @ 0..=2, second @ 0..=39, rest @ ..] = arcs.as_slice() else { return Err(refused()) };
        let mut bytes = Vec::new();
        for arc in std::iter::once(first * 40 + second).chain(rest.iter().copied()) {
            let digits = (64 - arc.leading_zeros()).div_ceil(7).max(1);
            for place in (0..digits).rev() {
                let more = if place == 0 { 0 } else { 0x80 };
                bytes.push(((arc >> (7 * place)) & 0x7f) as u8 | more);
            }
        }
        Ok(Self::bytes(tag::OID, bytes))
    }

    /// Reads one value that fills the whole input.
    pub(crate) fn parse(der: &[u8]) -> Result<Self, CertError> {
        let (node, used) = parse_at(der, 0, 0)?;
        if used == der.len() { Ok(node) } else { Err(CertError::Der { offset: used, rule: "bytes after the value" }) }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let content = match &self.content {
            Content::Bytes(bytes) => bytes.clone(),
            Content::Nodes(nodes) => nodes.iter().flat_map(Self::encode).collect(),
        };
        let mut out = vec![self.tag];
        if content.len() < 0x80 {
            out.push(content.len() as u8);
        } else {
            let length = content.len().to_be_bytes();
            let skip = length.iter().take_while(|byte| **byte == 0).count();
            out.push(0x80 | (length.len() - skip) as u8);
            out.extend(length.iter().skip(skip));
        }
        out.extend(content);
        out
    }

    /// The values inside, none for a primitive.
    pub(crate) fn children(&self) -> &[Self] {
        match &self.content {
            Content::Nodes(nodes) => nodes,
            Content::Bytes(_) => &[],
        }
    }

    /// The values inside, to be changed.
    pub(crate) fn children_mut(&mut self) -> Option<&mut Vec<Self>> {
        match &mut self.content {
            Content::Nodes(nodes) => Some(nodes),
            Content::Bytes(_) => None,
        }
    }
}

/// Reads the value at the start of `der`; returns it with the bytes it took.
fn parse_at(der: &[u8], base: usize, depth: usize) -> Result<(Node, usize), CertError> {
    let broken = |rule| CertError::Der { offset: base, rule };
    if depth > MAX_DEPTH {
        return Err(broken("nested too deep"));
    }
    let [tag, first, rest @ ..] = der else { return Err(broken("cut short before its length")) };
    if tag & 0x1f == 0x1f {
        return Err(broken("tag of several bytes"));
    }
    let (length, header) = match *first {
        short @ 0..=0x7f => (usize::from(short), 2),
        0x80 => return Err(broken("indefinite length")),
        long => {
            let count = usize::from(long & 0x7f);
            let bytes = rest.get(..count).filter(|_| count <= 4).ok_or_else(|| broken("length not understood"))?;
            (bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), 2 + count)
        }
    };
    let end = header + length;
    let content = der.get(header..end).ok_or_else(|| broken("cut short"))?;
    if tag & 0x20 == 0 {
        return Ok((Node::bytes(*tag, content), end));
    }
    let mut nodes = Vec::new();
    let mut at = 0;
    while let Some(rest) = content.get(at..).filter(|rest| !rest.is_empty()) {
        let (node, used) = parse_at(rest, base + header + at, depth + 1)?;
        nodes.push(node);
        at += used;
    }
    Ok((Node::nodes(*tag, nodes), end))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn object_identifiers_are_packed_as_x690_has_it() {
        // openssl asn1parse -genstr OID:1.3.6.1.4.1.55555.1 and OID:2.5.29.17
        let encoded = |dotted: &str| Node::oid(dotted).unwrap().encode();
        assert_eq!(encoded("1.3.6.1.4.1.55555.1"), [6, 9, 0x2b, 6, 1, 4, 1, 0x83, 0xb2, 3, 1]);
        assert_eq!(encoded("2.5.29.17"), [6, 3, 0x55, 0x1d, 0x11]);
        for wrong in ["", "1", "3.1", "1.40", "1.2.x", "1..2"] {
            assert!(Node::oid(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn depth_and_forms_are_bounded() {
        let mut deep = vec![0x30, 0];
        for _ in 0..40 {
            deep = [&[0x30, deep.len() as u8], deep.as_slice()].concat();
        }
        assert!(matches!(Node::parse(&deep), Err(CertError::Der { rule: "nested too deep", .. })));
        assert!(matches!(Node::parse(&[0x30, 0x80, 0, 0]), Err(CertError::Der { rule: "indefinite length", .. })));
        assert!(matches!(Node::parse(&[5, 0, 0]), Err(CertError::Der { rule: "bytes after the value", .. })));
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_back(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(node) = Node::parse(&bytes) {
                let written = node.encode();
                prop_assert_eq!(Node::parse(&written).unwrap(), node);
                prop_assert!(written.len() <= bytes.len());
            }
        }
    }
}
