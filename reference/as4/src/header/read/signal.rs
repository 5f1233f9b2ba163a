//! A signal read from its element: receipt, error or pull request.
//! Leaves whether it proves anything to `outbound::answer`. Clauses: ebMS 3.0 core 5.2.3 and 6.2, AS4 profile 1.0 section
//! 5.1.8.

use super::{HeaderError, message_info};
use crate::error::Severity;
use crate::header::{ErrorSignal, PartDigest, Receipt, Signal, SignalBody, Transform};
use crate::id::{MessageId, Mpc};
use crate::ns;
use carnet_wire::namespace::EXC_C14N;
use carnet_wire::xml::Element;

pub(super) fn signal_message(element: Element<'_>) -> Result<Signal, HeaderError> {
    let children = |name| element.children().filter(move |child| child.is(ns::EBMS, name));
    let once = |name: &'static str| match (children(name).next(), children(name).nth(1)) {
        (found, None) => Ok(found),
        _ => Err(HeaderError::Repeated { parent: "SignalMessage", name }),
    };
    let info = once("MessageInfo")?.ok_or(HeaderError::Missing { parent: "SignalMessage", name: "MessageInfo" })?;
    let errors = children("Error").map(error_signal).collect::<Result<Vec<_>, _>>()?;
    let failed = errors.iter().any(|error| error.severity == Severity::Failure);
    let body = match (once("PullRequest")?, once("Receipt")?) {
        (Some(_), Some(_)) => {
            return Err(HeaderError::Unexpected { parent: "SignalMessage", name: "Receipt".to_owned() });
        }
        (Some(pull), None) => {
            SignalBody::PullRequest(Mpc::parse(pull.attribute("", "mpc").unwrap_or(ns::DEFAULT_MPC))?)
        }
        // A receipt beside a failure contradicts itself; the failure is believed.
        (None, Some(receipt)) if !failed => SignalBody::Receipt(read_receipt(receipt)?),
        (None, _) if errors.is_empty() => return Err(HeaderError::EmptySignal),
        (None, _) => SignalBody::Errors(errors),
    };
    Ok(Signal { info: message_info(info)?, body })
}

fn error_signal(element: Element<'_>) -> Result<ErrorSignal, HeaderError> {
    let attribute = |name: &'static str| element.attribute("", name).map(str::trim).filter(|value| !value.is_empty());
    let need = |name| attribute(name).ok_or(HeaderError::Missing { parent: "Error", name });
    let words = |name| element.child(ns::EBMS, name).map(|child| child.text().trim().chars().take(2000).collect());
    let severity = need("severity")?;
    Ok(ErrorSignal {
        code: need("errorCode")?.to_owned(),
        severity: match severity.to_ascii_lowercase().as_str() {
            "failure" => Severity::Failure,
            "warning" => Severity::Warning,
            _ => return Err(HeaderError::Severity(severity.chars().take(40).collect())),
        },
        category: attribute("category").map(ToOwned::to_owned),
        short_description: attribute("shortDescription").map(ToOwned::to_owned),
        ref_to: attribute("refToMessageInError").map(MessageId::parse).transpose()?,
        description: words("Description"),
        detail: words("ErrorDetail"),
    })
}

fn read_receipt(element: Element<'_>) -> Result<Receipt, HeaderError> {
    let mut proofs = element.children().filter(|child| child.is(ns::EBBP, "NonRepudiationInformation"));
    let parts = match (proofs.next(), proofs.next()) {
        (None, _) => Vec::new(),
        (Some(proof), None) => proof
            .children()
            .filter(|part| part.is(ns::EBBP, "MessagePartNRInformation"))
            .flat_map(Element::children)
            .filter(|reference| reference.is(ns::DS, "Reference"))
            .map(part_digest)
            .collect::<Result<_, _>>()?,
        _ => return Err(HeaderError::Repeated { parent: "Receipt", name: "NonRepudiationInformation" }),
    };
    Ok(Receipt { parts })
}

fn part_digest(reference: Element<'_>) -> Result<PartDigest, HeaderError> {
    let missing = |name| HeaderError::Missing { parent: "Reference", name };
    let algorithm = |element: Element<'_>| element.attribute("", "Algorithm").map(ToOwned::to_owned);
    let once = |name: &'static str| match reference.only_child(ns::DS, name) {
        Ok(found) => found.ok_or(missing(name)),
        Err(_) => Err(HeaderError::Repeated { parent: "Reference", name }),
    };
    let transforms = reference
        .children()
        .filter(|child| child.is(ns::DS, "Transforms"))
        .flat_map(Element::children)
        .filter(|transform| transform.is(ns::DS, "Transform"))
        .map(|transform| {
            let prefixes =
                transform.child(EXC_C14N, "InclusiveNamespaces").and_then(|list| list.attribute("", "PrefixList"));
            Ok(Transform {
                algorithm: algorithm(transform).ok_or(missing("Algorithm"))?,
                prefixes: prefixes.unwrap_or_default().split_whitespace().map(ToOwned::to_owned).collect(),
            })
        })
        .collect::<Result<_, HeaderError>>()?;
    Ok(PartDigest {
        uri: reference.attribute("", "URI").ok_or(missing("URI"))?.to_owned(),
        algorithm: algorithm(once("DigestMethod")?).ok_or(missing("Algorithm"))?,
        value: once("DigestValue")?.text().split_whitespace().collect(),
        transforms,
    })
}
