//! Writes XML for people: one element a line, indented, attribute values and text escaped.

use carnet_harness::forge::escape;

/// A document being written; an element that was opened is closed by the call that opened it.
#[derive(Debug)]
pub(crate) struct Xml {
    out: String,
    depth: usize,
}

impl Xml {
    /// A document whose comment says what it is for.
    #[must_use]
    pub(crate) fn new(comment: &str) -> Self {
        // Two hyphens would end a comment.
        let comment = comment.replace("--", "- -");
        Self { out: format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- {comment} -->\n"), depth: 0 }
    }

    /// An element with what `inside` writes.
    pub(crate) fn element(&mut self, name: &str, attributes: &[(&str, &str)], inside: impl FnOnce(&mut Self)) {
        self.start(name, attributes);
        self.out.push_str(">\n");
        self.depth += 1;
        inside(self);
        self.depth -= 1;
        self.indent();
        self.out.push_str(&format!("</{name}>\n"));
    }

    /// An element without content.
    pub(crate) fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.start(name, attributes);
        self.out.push_str("/>\n");
    }

    /// An element with text.
    pub(crate) fn text(&mut self, name: &str, attributes: &[(&str, &str)], text: &str) {
        self.start(name, attributes);
        self.out.push_str(&format!(">{}</{name}>\n", escape(text)));
    }

    /// The document.
    #[must_use]
    pub(crate) fn finish(self) -> String {
        self.out
    }

    fn start(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.indent();
        self.out.push_str(&format!("<{name}"));
        for (name, value) in attributes {
            self.out.push_str(&format!(" {name}=\"{}\"", escape(value)));
        }
    }

    fn indent(&mut self) {
        self.out.push_str(&"    ".repeat(self.depth));
    }
}
