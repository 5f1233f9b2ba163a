//! A small XML document, built whole and written indented. Knows no namespaces: names are written as given.

/// An element.
#[derive(Debug, Clone)]
pub(crate) struct Element {
    name: &'static str,
    attributes: Vec<(&'static str, String)>,
    text: Option<String>,
    children: Vec<Self>,
}

impl Element {
    /// An empty element.
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, attributes: Vec::new(), text: None, children: Vec::new() }
    }

    /// An element that holds text only.
    pub(crate) fn text(name: &'static str, text: impl ToString) -> Self {
        Self { text: Some(text.to_string()), ..Self::new(name) }
    }

    /// With an attribute.
    pub(crate) fn attr(mut self, name: &'static str, value: impl ToString) -> Self {
        self.attributes.push((name, value.to_string()));
        self
    }

    /// With one more child.
    pub(crate) fn child(mut self, child: Self) -> Self {
        self.children.push(child);
        self
    }

    /// With more children.
    pub(crate) fn children(mut self, children: impl IntoIterator<Item = Self>) -> Self {
        self.children.extend(children);
        self
    }

    /// The document with this root.
    pub(crate) fn document(&self) -> String {
        let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        self.write(&mut out, 0);
        out
    }

    fn write(&self, out: &mut String, depth: usize) {
        let indent = "  ".repeat(depth);
        *out += &format!("{indent}<{}", self.name);
        for (name, value) in &self.attributes {
            *out += &format!(" {name}=\"{}\"", escape(value));
        }
        match (&self.text, self.children.as_slice()) {
            (None, []) => *out += "/>\n",
            (Some(text), []) => *out += &format!(">{}</{}>\n", escape(text), self.name),
            (_, children) => {
                *out += ">\n";
                for child in children {
                    child.write(out, depth + 1);
                }
                *out += &format!("{indent}</{}>\n", self.name);
            }
        }
    }
}

/// Text as content or attribute value; characters that XML 1.0 cannot carry become U+FFFD.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\r' => out += "&#13;",
            '\n' | '\t' => out.push(c),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::Element;

    #[test]
    fn what_goes_in_comes_out_of_another_parser() {
        let nasty = "<a b=\"c\">&amp; ]]> 'x' \u{1f600} end";
        let text = Element::new("r").attr("k", nasty).child(Element::text("t", nasty)).document();
        let tree = roxmltree::Document::parse(&text).expect("well-formed");
        assert_eq!(tree.root_element().attribute("k"), Some(nasty));
        assert_eq!(tree.descendants().find(|node| node.has_tag_name("t")).and_then(|node| node.text()), Some(nasty));
    }

    #[test]
    fn control_characters_do_not_break_the_document() {
        let text = Element::text("t", "a\u{0}b\u{1b}[31m\u{ffff}").document();
        let tree = roxmltree::Document::parse(&text).expect("well-formed");
        assert_eq!(tree.root_element().text(), Some("a\u{fffd}b\u{fffd}[31m\u{fffd}"));
    }
}
