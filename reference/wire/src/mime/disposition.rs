//! Content-Disposition: the file name of a part, written and read.
//! Clauses: RFC 2183 (the header), RFC 5987 and RFC 6266 (`filename*` for names beyond ASCII), AS4 profile 1.0 5.1.9.

use super::header::parameters;
use crate::percent;

/// The value that names a file. Control characters are left out; a name beyond ASCII is written twice, the second time
/// as `filename*`, which readers that know it prefer.
#[must_use]
pub fn attachment(filename: &str) -> String {
    let name: String = filename.chars().filter(|c| !c.is_control()).collect();
    let plain: String =
        name.chars().filter(|c| !matches!(c, '"' | '\\')).map(|c| if c.is_ascii() { c } else { '_' }).collect();
    if plain == name {
        return format!("attachment; filename=\"{plain}\"");
    }
    // attr-char of RFC 5987, 3.2.1.
    let encoded = percent::encoded(&name, "!#$&+-.^_`|~");
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

/// The file name a value gives; `filename*` before `filename`. None when there is none or it cannot be read.
#[must_use]
pub fn filename_of(value: &str) -> Option<String> {
    let (_, rest) = value.split_once(';')?;
    let parameters = parameters(rest)?;
    let named = |name: &str| parameters.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str());
    let extended = named("filename*").and_then(|value| {
        let (charset, rest) = value.split_once('\'')?;
        let (_, encoded) = rest.split_once('\'')?;
        if charset.eq_ignore_ascii_case("UTF-8") { percent::decoded(encoded) } else { None }
    });
    extended.or_else(|| named("filename").map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_as_they_were() {
        for name in ["seal.jpg", "a b (1).pdf", "déclaration.xml", "ใบขน.xml", "quo\"te.txt", "back\\slash", "50%.txt"]
        {
            let value = attachment(name);
            assert!(value.is_ascii() && !value.contains(['\r', '\n']), "{value}");
            assert_eq!(filename_of(&value).as_deref(), Some(name), "{value}");
        }
        assert_eq!(filename_of(&attachment("a\r\nX: y")).as_deref(), Some("aX: y"), "no header is smuggled in");
    }

    #[test]
    fn what_others_write_is_read() {
        for (value, name) in [
            ("attachment; filename=plain.xml", Some("plain.xml")),
            ("attachment; FILENAME=\"a.xml\"; filename*=utf-8'en'%e2%82%ac.xml", Some("€.xml")),
            ("attachment; filename=\"a.xml\"; filename*=iso-8859-1''%A3.xml", Some("a.xml")),
            ("attachment; filename=\"a.xml\"; filename*=UTF-8''%ZZ", Some("a.xml")),
            ("attachment", None),
            ("inline; size=3", None),
        ] {
            assert_eq!(filename_of(value).as_deref(), name, "{value}");
        }
    }
}
