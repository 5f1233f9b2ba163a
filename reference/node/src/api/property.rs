//! Properties as the back end hands them over: in headers, one each, of the request for the message and of the MIME part
//! for a part.
//!
//! ```text
//! Message-Property: name=originalSender; type="urn:oasis:names:tc:ebcore:partyid-type:unregistered:C1"; value="c1"
//! Part-Property: name=Page; value=3
//! ```

use axum::http::HeaderMap;
use carnet_as4::header::Property;
use carnet_wire::mime::PartHead;

use super::problem::{Kind, Problem};

/// Part properties that say how a part travels: the node writes them itself.
const OWN: &[&str] = &["MimeType", "CharacterSet", "CompressionType"];

/// The `Message-Property` headers of a request.
pub(super) fn of_message(headers: &HeaderMap) -> Result<Vec<Property>, Problem> {
    all(headers, "message-property")
}

/// The `Part-Property` headers of a request whose body is the one document.
pub(super) fn of_document(headers: &HeaderMap) -> Result<Vec<Property>, Problem> {
    not_own(all(headers, "part-property")?)
}

/// The `Part-Property` headers of a MIME part.
pub(super) fn of_part(head: &PartHead) -> Result<Vec<Property>, Problem> {
    let values = head.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("part-property"));
    not_own(listed(values.map(|(_, value)| value.as_str()))?)
}

fn all(headers: &HeaderMap, name: &str) -> Result<Vec<Property>, Problem> {
    listed(headers.get_all(name).into_iter().map(|value| String::from_utf8_lossy(value.as_bytes())))
}

/// Fields of one name are a list, whether they stand one by one or joined by commas (RFC 9110, 5.3).
fn listed(fields: impl Iterator<Item = impl AsRef<str>>) -> Result<Vec<Property>, Problem> {
    fields.flat_map(|field| members(field.as_ref())).map(|member| property(&member)).collect()
}

/// The members of a list; a comma inside a quoted string ends none, and empty members are none.
fn members(list: &str) -> Vec<String> {
    let (mut members, mut quoted, mut escaped) = (vec![String::new()], false, false);
    for c in list.chars() {
        match c {
            ',' if !quoted => {
                members.push(String::new());
                continue;
            }
            '"' if !escaped => quoted = !quoted,
            _ => {}
        }
        escaped = c == '\\' && quoted && !escaped;
        if let Some(last) = members.last_mut() {
            last.push(c);
        }
    }
    members.retain(|member| !member.trim().is_empty());
    members
}

fn property(text: &str) -> Result<Property, Problem> {
    let refuse = || {
        let detail = format!("got the property {text:?}, expected `name=NAME; type=\"TYPE\"; value=\"VALUE\"`");
        Problem::new(Kind::BadRequest, detail)
    };
    let (mut name, mut kind, mut value) = (None, None, None);
    for (key, text) in carnet_wire::mime::parameters(text).ok_or_else(refuse)? {
        *match key.to_ascii_lowercase().as_str() {
            "name" => &mut name,
            "type" => &mut kind,
            "value" => &mut value,
            _ => return Err(refuse()),
        } = Some(text);
    }
    let filled = |text: Option<String>| text.filter(|text| !text.trim().is_empty()).ok_or_else(refuse);
    Ok(Property { name: filled(name)?, kind, value: filled(value)? })
}

fn not_own(properties: Vec<Property>) -> Result<Vec<Property>, Problem> {
    match properties.iter().find(|property| OWN.contains(&property.name.as_str())) {
        Some(own) => {
            let detail = format!("the part property {} says how a part travels: the node sets it", own.name);
            Err(Problem::new(Kind::BadRequest, detail))
        }
        None => Ok(properties),
    }
}

#[cfg(test)]
mod tests {
    use super::members;

    #[test]
    fn a_list_is_split_outside_of_quotes_alone() {
        let list = r#"name=a; value="x, y", name=b; value="z \", w",, "#;
        assert_eq!(members(list), [r#"name=a; value="x, y""#, r#" name=b; value="z \", w""#]);
        assert!(members("").is_empty() && members(" , ").is_empty());
    }
}
