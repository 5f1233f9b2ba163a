//! Checks on business answers: what a registry says about a document.
//!
//! The document is read here with a plain XML reader. The pack's engine has no say in a verdict: code and pointer
//! stand in the case.

use carnet_wire::{Limits, gzip};

use super::look::{Look, Push, settle};
use super::{Named, Outcome, broken};

pub(crate) const CHECKS: &[Named] = &[
    Named {
        name: "business.accepted",
        says: "the business answer accepts the document",
        with: &["function"],
        judge: accepted,
    },
    Named {
        name: "business.refused",
        says: "the business answer refuses the document with the code given, at the pointer given",
        with: &["code", "pointer", "function"],
        judge: refused,
    },
    Named {
        name: "business.refers-to-sent",
        says: "the business answer names the local reference number that was sent",
        with: &[],
        judge: refers,
    },
    Named {
        name: "business.issues-mrn",
        says: "the business answer carries a movement reference number of 18 characters",
        with: &[],
        judge: mrn,
    },
];

/// The function code of a refusal; errors beside another code are warnings.
const REFUSED: &str = "03";

/// A business answer, as far as it is judged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Response {
    function: String,
    references: Vec<String>,
    mrns: Vec<String>,
    errors: Vec<(String, String)>,
}

impl Response {
    fn refuses(&self) -> bool {
        self.function == REFUSED || (self.function.is_empty() && !self.errors.is_empty())
    }
}

fn accepted(look: &Look<'_>) -> Outcome {
    settle((|| {
        let (push, response) = response(look)?;
        let wanted = look.with("function").unwrap_or_default();
        let function_fits = wanted.is_empty() || wanted.split(',').any(|one| one.trim() == response.function);
        Ok(if !response.refuses() && function_fits {
            Outcome::Holds
        } else {
            let actual = format!("function {:?} with errors {:?}", response.function, response.errors);
            look.at(push.exchange, format!("acceptance {wanted}").trim().to_owned(), actual, None, None)
        })
    })())
}

fn refused(look: &Look<'_>) -> Outcome {
    settle((|| {
        let (push, response) = response(look)?;
        let code = look.with("code").unwrap_or_default();
        let pointer = from_one(look.with("pointer").unwrap_or_default());
        let function = look.with("function").unwrap_or_default();
        let fits = |(got, at): &&(String, String)| {
            (code.is_empty() || got == code) && (pointer.is_empty() || from_one(at) == pointer)
        };
        let function_fits = function.is_empty() || function.split(',').any(|one| one.trim() == response.function);
        Ok(if response.refuses() && response.errors.iter().any(|error| fits(&error)) && function_fits {
            Outcome::Holds
        } else {
            let mut expected = "a refusal".to_owned();
            if !code.is_empty() {
                expected.push_str(&format!(" with code {code}"));
            }
            if !pointer.is_empty() {
                expected.push_str(&format!(" at {pointer}"));
            }
            let actual = if response.errors.is_empty() {
                format!("an answer without errors, function {:?}", response.function)
            } else {
                let seen: Vec<String> = response.errors.iter().map(|(code, at)| format!("{code} at {at}")).collect();
                seen.join("; ")
            };
            look.at(push.exchange, expected, actual, None, None)
        })
    })())
}

fn refers(look: &Look<'_>) -> Outcome {
    settle((|| {
        let (push, response) = response(look)?;
        let exchange = look.attempt.sent_at(None).ok_or_else(|| Outcome::Unclear("nothing was sent".to_owned()))?;
        let (sent, package) = look.sent(exchange)?;
        let document =
            document(&sent, &package).ok_or_else(|| Outcome::Unclear("the request carried no document".to_owned()))?;
        let lrn = text_of(&document, "FunctionalReferenceID").into_iter().next();
        let lrn = lrn.ok_or_else(|| Outcome::Unclear("the document sent has no local reference number".to_owned()))?;
        Ok(if response.references.contains(&lrn) {
            Outcome::Holds
        } else {
            look.deviation(
                push.exchange,
                format!("the local reference number {lrn}"),
                format!("{:?}", response.references),
            )
        })
    })())
}

fn mrn(look: &Look<'_>) -> Outcome {
    settle((|| {
        let (push, response) = response(look)?;
        let well_formed =
            |mrn: &String| mrn.len() == 18 && mrn.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        Ok(if response.mrns.iter().any(well_formed) {
            Outcome::Holds
        } else {
            look.deviation(
                push.exchange,
                "a movement reference number of 18 characters",
                format!("{:?}", response.mrns),
            )
        })
    })())
}

/// The codes of a pushed business refusal; none when there is no such push.
pub(crate) fn refusal_codes(look: &Look<'_>) -> Option<Vec<String>> {
    let (_, response) = response(look).ok()?;
    if !response.refuses() {
        return None;
    }
    let codes: Vec<String> = response.errors.into_iter().map(|(code, _)| code).collect();
    if codes.is_empty() { None } else { Some(codes) }
}

/// The movement reference number that a pushed business answer names.
pub(crate) fn pushed_mrn(package: &crate::root::Package) -> Option<String> {
    let document = |part: &crate::root::Part| {
        gzip::inflate(&part.body, &Limits { inflated: 64 << 20, ..Limits::default() })
            .unwrap_or_else(|_| part.body.clone())
    };
    package.parts.iter().find_map(|part| read(&document(part))?.mrns.into_iter().next())
}

fn response<'l>(look: &Look<'l>) -> Result<(Push<'l>, Response), Outcome> {
    let push = look.push()?;
    let document = document(&push.ebms, &push.package)
        .ok_or_else(|| look.deviation(push.exchange, "a business document", "a message without a readable payload"))?;
    let response =
        read(&document).ok_or_else(|| look.deviation(push.exchange, "a WCO Response", "a payload that is none"))?;
    if response.function.is_empty() && response.errors.is_empty() && response.references.is_empty() {
        return Err(broken("a WCO Response", "a document of another kind", vec![push.exchange.seq]));
    }
    Ok((push, response))
}

/// The first payload as the consumer gets it.
fn document(ebms: &crate::judge::ebms::Ebms, package: &crate::root::Package) -> Option<Vec<u8>> {
    let (href, properties) = ebms.user.as_ref()?.parts.first()?;
    let cid = href.strip_prefix("cid:")?;
    let part = package.parts.iter().find(|part| part.cid.as_deref() == Some(cid))?;
    if properties.iter().any(|(name, _)| name == "CompressionType") {
        gzip::inflate(&part.body, &Limits { inflated: 64 << 20, ..Limits::default() }).ok()
    } else {
        Some(part.body.clone())
    }
}

fn read(bytes: &[u8]) -> Option<Response> {
    let text = std::str::from_utf8(bytes).ok()?;
    let document = roxmltree::Document::parse(text).ok()?;
    let root = document.descendants().find(|node| node.tag_name().name() == "Response")?;
    let child = |node: roxmltree::Node<'_, '_>, local: &str| {
        node.children()
            .find(|child| child.tag_name().name() == local)
            .and_then(|child| child.text())
            .unwrap_or_default()
            .trim()
            .to_owned()
    };
    let errors = root
        .children()
        .filter(|node| node.tag_name().name() == "Error")
        .map(|error| (child(error, "ValidationCode"), pointer(error)))
        .collect();
    let declarations: Vec<_> = root.children().filter(|node| node.tag_name().name() == "Declaration").collect();
    let of_all = |local: &str| {
        std::iter::once(root)
            .chain(declarations.iter().copied())
            .map(|node| child(node, local))
            .filter(|text| !text.is_empty())
            .collect()
    };
    Some(Response {
        function: child(root, "FunctionCode"),
        references: of_all("FunctionalReferenceID"),
        mrns: declarations.iter().map(|node| child(*node, "ID")).filter(|text| !text.is_empty()).collect(),
        errors,
    })
}

/// `42A/67A/68A[2]/23A/145`: section codes with their sequence, and the tag at the end.
fn pointer(error: roxmltree::Node<'_, '_>) -> String {
    let mut steps: Vec<String> = Vec::new();
    let mut tag = String::new();
    for step in error.children().filter(|node| node.tag_name().name() == "Pointer") {
        let text = |local: &str| {
            step.children()
                .find(|node| node.tag_name().name() == local)
                .and_then(|node| node.text())
                .unwrap_or_default()
                .trim()
                .to_owned()
        };
        let (section, sequence) = (text("DocumentSectionCode"), text("SequenceNumeric"));
        if !section.is_empty() {
            steps.push(if sequence.is_empty() { section } else { format!("{section}[{sequence}]") });
        }
        let last = text("TagID");
        if !last.is_empty() {
            tag = last;
        }
    }
    if !tag.is_empty() {
        steps.push(tag);
    }
    steps.join("/")
}

/// The first occurrence may go without its number: `68A[1]` is `68A`.
fn from_one(pointer: &str) -> String {
    pointer.replace("[1]", "")
}

fn text_of(bytes: &[u8], local: &str) -> Vec<String> {
    let Ok(text) = std::str::from_utf8(bytes) else { return Vec::new() };
    let Ok(document) = roxmltree::Document::parse(text) else { return Vec::new() };
    document
        .descendants()
        .filter(|node| node.tag_name().name() == local)
        .filter_map(|node| node.text().map(|text| text.trim().to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{from_one, pushed_mrn, read};
    use carnet_fixtures::Packs;

    fn real(name: &str) -> Vec<u8> {
        let packs = Packs::embedded().unwrap();
        packs.message("declaration", name).unwrap().unwrap().bytes().unwrap().into_owned()
    }

    #[test]
    fn errors_of_an_acceptance_are_warnings() {
        let accepted = read(&real("valid/response-accepted-with-warning-1")).unwrap();
        assert_eq!(accepted.function, "01");
        assert!(!accepted.errors.is_empty());
        assert!(!accepted.refuses());
    }

    #[test]
    fn a_refusal_has_code_and_pointer() {
        let refused = read(&real("valid/response-refused-2")).unwrap();
        assert!(refused.refuses());
        assert_eq!(refused.errors, [("CDS12005".to_owned(), "42A/17C[1]/R144".to_owned())]);
        assert_eq!(from_one("42A/17C[1]/R144"), "42A/17C/R144");
        assert_eq!(from_one("42A/67A/68A[2]/006"), "42A/67A/68A[2]/006");
        assert_eq!(refused.mrns, ["22GB37AEDQ0215GAR0"]);
    }

    fn pushed(request: &[u8]) -> Option<crate::root::Package> {
        crate::root::package(&crate::http::read(request).ok()?)
    }

    #[test]
    fn the_number_is_read_from_a_push_plain_or_compressed() {
        let document = real("valid/response-accepted-1");
        for part in [document.clone(), carnet_wire::gzip::deflate(&document)] {
            let mut body = b"--b\r\nContent-Type: application/soap+xml\r\n\r\n<Envelope/>\r\n".to_vec();
            body.extend(b"--b\r\nContent-Type: application/gzip\r\nContent-Transfer-Encoding: binary\r\n\r\n");
            body.extend(&part);
            body.extend(b"\r\n--b--\r\n");
            let mut request = format!(
                "POST /as4 HTTP/1.1\r\nContent-Type: multipart/related; type=\"application/soap+xml\"; boundary=b\r\nContent-Length: {}\r\n\r\n",
                body.len()
            )
            .into_bytes();
            request.extend(body);
            assert_eq!(pushed(&request).as_ref().and_then(pushed_mrn).as_deref(), Some("19GBCKKCQSXV2FGVA8"));
        }
        assert_eq!(pushed(b"POST / HTTP/1.1\r\n\r\n").as_ref().and_then(pushed_mrn), None);
    }
}
