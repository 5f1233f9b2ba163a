//! The part of XPath that cases use to name a place: absolute steps, `//`, `*`, `[N]`, `[@a='v']`, `@a`, `text()`.
//!
//! Here a path is read, so that one that leads nowhere is found when cases are loaded; `carnet-harness` follows it.

use std::fmt;

use crate::error::Wrong;
use crate::read;

/// Prefixes that cases may use; a name without prefix matches any namespace. `carnet-harness` knows the namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prefix {
    /// SOAP 1.2.
    Env,
    /// ebMS 3.
    Eb,
    /// ebBP signals.
    Ebbp,
    /// WS-Security.
    Wsse,
    /// Its utilities.
    Wsu,
    /// XML Signature.
    Ds,
    /// XML Encryption.
    Xenc,
    /// XML itself.
    Xml,
    /// XML Schema instances.
    Xsi,
}

impl Prefix {
    const ALL: [(&str, Self); 9] = [
        ("env", Self::Env),
        ("eb", Self::Eb),
        ("ebbp", Self::Ebbp),
        ("wsse", Self::Wsse),
        ("wsu", Self::Wsu),
        ("ds", Self::Ds),
        ("xenc", Self::Xenc),
        ("xml", Self::Xml),
        ("xsi", Self::Xsi),
    ];

    fn parse(text: &str) -> Result<Self, Wrong> {
        if let Some((_, found)) = Self::ALL.iter().find(|(known, _)| *known == text) {
            return Ok(*found);
        }
        let known = Self::ALL.map(|(known, _)| known);
        Err(Wrong::new(format!("a path has no prefix `{text}`"), read::near_or_all(text, &known)))
    }

    fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(_, known)| *known == self).map_or("", |(text, _)| text)
    }
}

/// A name of an element or an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// Where it has one.
    pub prefix: Option<Prefix>,
    /// What stands behind it.
    pub local: String,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.prefix {
            Some(prefix) => write!(f, "{}:{}", prefix.as_str(), self.local),
            None => f.write_str(&self.local),
        }
    }
}

/// What a path ends in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The element itself.
    Element,
    /// One of its attributes.
    Attribute(Name),
    /// What stands between start tag and end tag.
    Text,
}

/// A path, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// From the document to the element; never empty.
    pub steps: Vec<Step>,
    /// What of the element is meant.
    pub target: Target,
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// At any depth, and not a child.
    pub anywhere: bool,
    /// The element; its local name may be `*`.
    pub name: Name,
    /// Which of them, from 1.
    pub index: Option<usize>,
    /// Local name and value of an attribute that it has.
    pub attribute: Option<(String, String)>,
}

impl Path {
    /// Reads a path.
    ///
    /// # Errors
    /// It is not of the kind described above, or has a prefix that cases do not know.
    pub fn parse(text: &str) -> Result<Self, Wrong> {
        let mut rest = text;
        let mut steps = Vec::new();
        let mut target = Target::Element;
        while !rest.is_empty() {
            let anywhere = rest.starts_with("//");
            let slash = if anywhere { "//" } else { "/" };
            rest = rest.strip_prefix(slash).ok_or_else(|| unreadable(text))?;
            if let Some(attribute) = rest.strip_prefix('@') {
                target = Target::Attribute(name(attribute)?.ok_or_else(|| unreadable(text))?);
                break;
            }
            if rest == "text()" {
                target = Target::Text;
                break;
            }
            let (step, after) = step(rest, anywhere)?.ok_or_else(|| unreadable(text))?;
            steps.push(step);
            rest = after;
        }
        if steps.is_empty() { Err(unreadable(text)) } else { Ok(Self { steps, target }) }
    }
}

fn unreadable(text: &str) -> Wrong {
    let help = "a path goes from the root by `/` or `//`: names with a prefix or without, `*`, `[N]`, `[@name='value']`, \
                at the end perhaps `@name` or `text()`";
    Wrong::new(format!("{text:?} is not a path that can be read"), help.to_owned())
}

/// A step and what follows it; none where there is no such step.
fn step(text: &str, anywhere: bool) -> Result<Option<(Step, &str)>, Wrong> {
    let (word, mut rest) = text.split_at(text.find(['/', '[']).unwrap_or(text.len()));
    let Some(name) = name(word)? else { return Ok(None) };
    let mut step = Step { anywhere, name, index: None, attribute: None };
    while let Some(inner) = rest.strip_prefix('[') {
        let Some((predicate, after)) = inner.split_once(']') else { return Ok(None) };
        if let Some(attribute) = predicate.strip_prefix('@') {
            let Some((name, value)) = attribute.split_once('=').filter(|(name, _)| is_name(name)) else {
                return Ok(None);
            };
            step.attribute = Some((name.to_owned(), value.trim_matches(['\'', '"']).to_owned()));
        } else {
            step.index = predicate.parse().ok().filter(|index| *index > 0);
            if step.index.is_none() {
                return Ok(None);
            }
        }
        rest = after;
    }
    Ok(Some((step, rest)))
}

/// A name; none where the text is none.
fn name(text: &str) -> Result<Option<Name>, Wrong> {
    let (prefix, local) = text.split_once(':').map_or((None, text), |(prefix, local)| (Some(prefix), local));
    if local != "*" && !is_name(local) {
        return Ok(None);
    }
    Ok(Some(Name { prefix: prefix.map(Prefix::parse).transpose()?, local: local.to_owned() }))
}

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_alphabetic() || first == '_')
        && text.chars().all(|c| c.is_alphanumeric() || ['_', '-', '.'].contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_read_or_what_is_wrong_with_it_is_said() {
        let path = Path::parse("/env:Envelope//eb:Property[@name='x/y'][2]/@wsu:Id").unwrap();
        assert_eq!(path.steps.len(), 2);
        let last = path.steps.last().unwrap();
        assert_eq!((last.anywhere, last.index), (true, Some(2)));
        assert_eq!(last.attribute, Some(("name".to_owned(), "x/y".to_owned())));
        assert_eq!(path.target, Target::Attribute(Name { prefix: Some(Prefix::Wsu), local: "Id".to_owned() }));
        assert_eq!(Path::parse("//*/text()").unwrap().target, Target::Text);
        let help = |text: &str| Path::parse(text).unwrap_err().help.unwrap();
        assert_eq!(help("//ebp:Action"), "did you mean `eb`?");
        assert_eq!(help("/soapenv:Envelope"), "it is one of env, eb, ebbp, wsse, wsu, ds, xenc, xml, xsi");
        for text in ["", "/", "eb:Action", "//eb:Action/", "//a[", "//a[0]", "//a[last()]", "//a/@b/c", "//a/text()/b"]
        {
            assert!(help(text).starts_with("a path goes from the root"), "{text}");
        }
    }
}
