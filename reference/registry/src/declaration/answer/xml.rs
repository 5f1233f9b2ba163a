//! Writing XML text: every value is escaped, and what XML 1.0 cannot carry is replaced.

/// A document in the making.
#[derive(Debug, Default)]
pub(super) struct Xml {
    text: String,
}

impl Xml {
    /// Opens an element.
    pub(super) fn open(&mut self, name: &str) {
        self.open_in(name, &[]);
    }

    /// Opens an element that declares prefixes.
    pub(super) fn open_in(&mut self, name: &str, prefixes: &[(&str, &str)]) {
        self.text.push('<');
        self.text.push_str(name);
        for (prefix, uri) in prefixes {
            self.attribute(&format!("xmlns:{prefix}"), uri);
        }
        self.text.push('>');
    }

    /// An element with text.
    pub(super) fn leaf(&mut self, name: &str, value: &str) {
        self.leaf_with(name, &[], value);
    }

    /// An element with attributes and text.
    pub(super) fn leaf_with(&mut self, name: &str, attributes: &[(&str, &str)], value: &str) {
        self.text.push('<');
        self.text.push_str(name);
        for (name, value) in attributes {
            self.attribute(name, value);
        }
        self.text.push('>');
        self.escaped(value);
        self.close(name);
    }

    /// Closes an element.
    pub(super) fn close(&mut self, name: &str) {
        self.text.push_str("</");
        self.text.push_str(name);
        self.text.push('>');
    }

    /// The bytes, with the XML declaration.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}\n", self.text).into_bytes()
    }

    fn attribute(&mut self, name: &str, value: &str) {
        self.text.push(' ');
        self.text.push_str(name);
        self.text.push_str("=\"");
        self.escaped(value);
        self.text.push('"');
    }

    fn escaped(&mut self, value: &str) {
        for c in value.chars() {
            match c {
                '&' => self.text.push_str("&amp;"),
                '<' => self.text.push_str("&lt;"),
                '>' => self.text.push_str("&gt;"),
                '"' => self.text.push_str("&quot;"),
                '\r' => self.text.push_str("&#13;"),
                '\t' | '\n' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..='\u{10FFFF}' => {
                    self.text.push(c);
                }
                _ => self.text.push('\u{FFFD}'),
            }
        }
    }
}
