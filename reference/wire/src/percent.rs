//! Percent-encoding of one piece of a URI or of a header's parameter (RFC 3986, 2.1). Which bytes stay as they are is
//! their grammar's business.

use std::fmt::Write;

/// What stays as it is in every part of a URI beside letters and digits (RFC 3986, 2.3).
pub const UNRESERVED: &str = "-._~";

/// The text with `%XX` for each byte of its UTF-8 that is neither an ASCII letter or digit nor in `plain`.
#[must_use]
pub fn encoded(text: &str, plain: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || plain.as_bytes().contains(&byte) {
            out.push(char::from(byte));
        } else {
            // A string takes all that is written to it.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// Decodes `%XX`; none when an escape is broken or the bytes are not text.
#[must_use]
pub fn decoded(text: &str) -> Option<String> {
    if !text.contains('%') {
        return Some(text.to_owned());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let high = char::from(rest.next()?).to_digit(16)?;
        let low = char::from(rest.next()?).to_digit(16)?;
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_broken_is_not_decoded() {
        for text in ["%", "%4", "%zz", "%ff", "a%"] {
            assert_eq!(decoded(text), None, "{text}");
        }
    }

    #[test]
    fn only_what_may_stand_there_stays() {
        assert_eq!(encoded("::a/b é", UNRESERVED), "%3A%3Aa%2Fb%20%C3%A9");
        assert_eq!(encoded("a-b/c", "/"), "a%2Db/c");
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text in any::<String>()) {
            let written = encoded(&text, UNRESERVED);
            prop_assert!(written.bytes().all(|byte| byte == b'%' || byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)));
            prop_assert_eq!(decoded(&written), Some(text));
        }
    }
}
