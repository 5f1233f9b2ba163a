//! Codes of a refusal, as far as their form is known without the harness: which errors, alerts and codes of a pack
//! there are is not the catalogue's to know.

use super::Layer;
use crate::error::Wrong;
use crate::read::nearest;

/// Whether a code is one of its layer; `*` is any, and `x*` any that begins so.
pub(super) fn check(layer: Layer, code: &str) -> Result<(), Wrong> {
    if fits(layer, code) { Ok(()) } else { Err(wrong(layer, code)) }
}

fn fits(layer: Layer, code: &str) -> bool {
    let (stem, open) = code.strip_suffix('*').map_or((code, false), |stem| (stem, true));
    match layer {
        Layer::Tls => open || alert(stem),
        Layer::Http => (open && stem.bytes().all(|byte| byte.is_ascii_digit())) || status(code),
        Layer::As4 => (open && (stem.starts_with("EBMS:") || "EBMS:".starts_with(stem))) || error(code),
        Layer::Business => !code.is_empty(),
    }
}

/// An error code of the form that ebMS gives them, `EBMS:nnnn`.
fn error(code: &str) -> bool {
    code.strip_prefix("EBMS:").is_some_and(|number| number.len() == 4 && number.bytes().all(|b| b.is_ascii_digit()))
}

/// An error code, for the answer of an endpoint.
pub(super) fn answered(code: &str) -> Result<(), Wrong> {
    if error(code) { Ok(()) } else { Err(wrong(Layer::As4, code)) }
}

/// `handshake_failure`, `close`, or a number that has no name.
fn alert(code: &str) -> bool {
    let name = code.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    !code.is_empty() && name && nearest(code, ["close"]).is_none_or(|near| near == code)
}

/// `404`, `4xx`.
fn status(code: &str) -> bool {
    let digits = code.strip_suffix("xx").unwrap_or(code);
    code.len() == 3
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && code.starts_with(|first| ('1'..='5').contains(&first))
}

fn wrong(layer: Layer, code: &str) -> Wrong {
    let (kind, expected) = match layer {
        Layer::Tls => ("TLS alert", "the name of an alert such as `handshake_failure`, or `close`"),
        Layer::Http => ("HTTP status", "three digits such as `404`, or all of a hundred such as `4xx`"),
        Layer::As4 => ("ebMS error code", "`EBMS:` and four digits, such as `EBMS:0004`"),
        Layer::Business => ("code", "a code of the pack"),
    };
    let help = match near(layer, code) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("it is {expected}; `*` is any"),
    };
    Wrong::new(format!("{code:?} is no {kind}"), help)
}

/// The code that differs from this one in its spelling alone.
fn near(layer: Layer, code: &str) -> Option<String> {
    let digits: String = code.chars().filter(char::is_ascii_digit).collect();
    let meant = match layer {
        Layer::Tls => {
            nearest(code, ["close"]).map_or_else(|| code.to_ascii_lowercase().replace(['-', ' '], "_"), str::to_owned)
        }
        Layer::Http => code.to_ascii_lowercase(),
        Layer::As4 => format!("EBMS:{digits}"),
        Layer::Business => return None,
    };
    fits(layer, &meant).then_some(meant)
}
