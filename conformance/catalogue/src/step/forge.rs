//! Deliberate malformation: what is done at which place of a message, and what can be known of it before there is one.

use serde::{Deserialize, Serialize};

use crate::error::Wrong;
use crate::path::{Path, Target};
use crate::read::{did_you_mean, near_or_all, nearest};

/// The stage after which a forge operation applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// The business document, before compression.
    Document,
    /// The SOAP envelope before it is signed; edits get signed.
    Envelope,
    /// `ds:SignedInfo` before the signature value is made of it; edits get signed.
    #[serde(rename = "signed-info")]
    SignedInfo,
    /// The signed envelope, with what its receiver needs to decrypt; edits break the signature where it covers them.
    Signed,
    /// The MIME body.
    Mime,
    /// The HTTP request.
    Http,
}

/// The operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Op {
    /// Takes the place away.
    Remove,
    /// Puts `with` after the place.
    Insert,
    /// Puts `with` in the place of it.
    Replace,
    /// Moves the place to the end of the element that `to` names.
    Move,
    /// Repeats the place.
    Duplicate,
    /// Ends the bytes at the place.
    Truncate,
    /// Overwrites the bytes at an offset.
    Bytes,
}

impl Op {
    /// As cases write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Remove => "remove",
            Self::Insert => "insert",
            Self::Replace => "replace",
            Self::Move => "move",
            Self::Duplicate => "duplicate",
            Self::Truncate => "truncate",
            Self::Bytes => "bytes",
        }
    }
}

/// One deliberate malformation.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forge {
    /// Stage after which it applies.
    pub at: Stage,
    /// Operation.
    pub op: Op,
    /// The place: an XPath (`document`, `envelope`, `signed-info`, `signed`); `part:N`, `part:N/HEADER`, `part:N/body` or an offset (`mime`);
    /// a header name, `request-line`, `body` or an offset (`http`).
    #[serde(rename = "where")]
    pub place: String,
    /// The new text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with: Option<String>,
    /// The new bytes in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hex: Option<String>,
    /// How often `insert` and `duplicate` do it; once where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// The new bytes are these zeros, this many, gzipped: a bomb.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gzip_zeros: Option<u64>,
    /// The target of `move`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// What is wrong with a forge operation, and under which of its keys.
pub(crate) type Misfit = (&'static str, Wrong);

/// What a place is, and so what can be done there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Element,
    Text,
    Attribute,
    Bytes,
    Header,
    Line,
    Part,
    Closing,
}

impl Kind {
    /// In words, with the operations it takes.
    fn takes(self) -> (&'static str, &'static [Op]) {
        use Op::{Bytes, Duplicate, Insert, Move, Remove, Replace, Truncate};
        match self {
            Self::Element => ("an element", &[Remove, Insert, Replace, Move, Duplicate, Truncate]),
            Self::Text => ("a text", &[Remove, Insert, Replace]),
            Self::Attribute => ("an attribute", &[Remove, Insert, Replace]),
            Self::Bytes => ("an offset", &[Remove, Insert, Replace, Duplicate, Truncate, Bytes]),
            Self::Header => ("a header", &[Remove, Insert, Replace, Duplicate]),
            Self::Line => ("this place", &[Remove, Replace]),
            Self::Part => ("a part", &[Remove, Insert, Move, Duplicate]),
            Self::Closing => ("the closing boundary", &[Remove]),
        }
    }

    /// Bytes are put there, and not text alone.
    fn holds_bytes(self) -> bool {
        matches!(self, Self::Bytes | Self::Part)
    }
}

impl Forge {
    /// Holds it against what its operation needs, with `place` as the place of one cell.
    pub(crate) fn check(&self, place: &str) -> Result<(), Misfit> {
        let kind = self.kind(place).map_err(|wrong| ("where", wrong))?;
        let (name, ops) = kind.takes();
        if !ops.contains(&self.op) {
            let takes: Vec<&str> = ops.iter().map(|op| op.as_str()).collect();
            let what = format!("`{}` is nothing that is done at {name}", self.op.as_str());
            return Err(("op", Wrong::new(what, format!("{name} takes {}", takes.join(", ")))));
        }
        match self.op {
            Op::Insert | Op::Replace | Op::Bytes => self.content(kind),
            Op::Move => self.target(kind),
            Op::Remove | Op::Duplicate | Op::Truncate => Ok(()),
        }
    }

    /// What is put there must be said, in a way that fits the place.
    fn content(&self, kind: Kind) -> Result<(), Misfit> {
        let bytes = self.hex.is_some() || self.gzip_zeros.is_some();
        let op = self.op.as_str();
        match (kind.holds_bytes(), &self.with, bytes) {
            (_, Some(_), _) | (true, None, true) => Ok(()),
            (true, None, false) => {
                let help = "add `with`, `hex` or `gzip_zeros`";
                Err(("op", Wrong::new(format!("`{op}` does not say what it puts there"), help.to_owned())))
            }
            (false, None, _) => {
                let help = "add `with`; nothing at all is `with = \"\"`";
                Err(("op", Wrong::new(format!("`{op}` does not say which text it puts there"), help.to_owned())))
            }
        }
    }

    /// Where a `move` goes must be said.
    fn target(&self, kind: Kind) -> Result<(), Misfit> {
        let Some(to) = &self.to else {
            let help = if kind == Kind::Part { "add `to = \"part:N\"`" } else { "add `to`, the path of an element" };
            return Err(("op", Wrong::new("`move` does not say where to".to_owned(), help.to_owned())));
        };
        if to.contains("${") {
            return Ok(());
        }
        match kind {
            Kind::Part => part(to, 0).map(drop),
            _ => Path::parse(to).map(drop),
        }
        .map_err(|wrong| ("to", wrong))
    }

    fn kind(&self, place: &str) -> Result<Kind, Wrong> {
        let offset = place.parse::<i64>().is_ok();
        match self.at {
            Stage::Document | Stage::Signed if offset => Ok(Kind::Bytes),
            Stage::Envelope if place.starts_with("part:") => part(place, 1),
            Stage::Document | Stage::Signed | Stage::Envelope | Stage::SignedInfo => xml(place),
            Stage::Mime | Stage::Http if offset => Ok(Kind::Bytes),
            Stage::Mime => mime(place),
            Stage::Http => http(place),
        }
    }
}

fn xml(place: &str) -> Result<Kind, Wrong> {
    if place == "start" {
        return Ok(Kind::Bytes);
    }
    Ok(match Path::parse(place)?.target {
        Target::Element => Kind::Element,
        Target::Text => Kind::Text,
        Target::Attribute(_) => Kind::Attribute,
    })
}

fn mime(place: &str) -> Result<Kind, Wrong> {
    match place {
        "boundary" | "content-type" => Ok(Kind::Line),
        "close" => Ok(Kind::Closing),
        _ if place.starts_with("part:") => part(place, 0),
        _ => {
            let known = ["boundary", "content-type", "close", "part:N", "part:N/body", "part:N/HEADER", "an offset"];
            let what = format!("{place:?} is no place of a MIME body");
            Err(Wrong::new(what, near_or_all(place, &known)))
        }
    }
}

fn http(place: &str) -> Result<Kind, Wrong> {
    match place {
        "request-line" => Ok(Kind::Line),
        "body" => Ok(Kind::Bytes),
        _ => header(place, &["request-line", "body"]),
    }
}

/// `part:N` and what is of it, with numbers from `first`.
fn part(place: &str, first: usize) -> Result<Kind, Wrong> {
    let inner = place.strip_prefix("part:").unwrap_or_default();
    let (number, inner) = inner.split_once('/').map_or((inner, None), |(number, inner)| (number, Some(inner)));
    if number.parse::<usize>().ok().is_none_or(|number| number < first) {
        let what = format!("{place:?} is no part");
        return Err(Wrong::new(what, format!("write `part:` and a number from {first}, such as `part:1`")));
    }
    match inner {
        None => Ok(Kind::Part),
        Some("body") => Ok(Kind::Bytes),
        Some(inner) if inner.strip_prefix("body:").is_some_and(|offset| offset.parse::<i64>().is_ok()) => {
            Ok(Kind::Bytes)
        }
        Some(inner) => header(inner, &["body"]),
    }
}

/// A header has any name, but what is nearly a word of the suite's is that word.
fn header(name: &str, words: &[&str]) -> Result<Kind, Wrong> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    match nearest(name, words.iter().copied()) {
        Some(near) => Err(Wrong::new(format!("there is no place {name:?}"), did_you_mean(near))),
        None if name.is_empty() || !name.bytes().all(token) => {
            let help = format!("it is an offset, the name of a header, or one of {}", words.join(", "));
            Err(Wrong::new(format!("there is no place {name:?}"), help))
        }
        None => Ok(Kind::Header),
    }
}
