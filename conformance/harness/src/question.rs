//! What is asked of a publisher of service metadata, and how parties and documents are named there.
//!
//! The publisher answers by it, the judge counts by it. Clauses: OASIS BDXR SMP 1.0, the REST binding.

use carnet_catalogue::exchange::Discovery;
use carnet_wire::percent;

use crate::http;

/// What a request to a publisher asks for: participant and document, each as it stands in its segment of the path.
pub(crate) fn question(request: &[u8]) -> Option<(String, String)> {
    let message = http::read(request).ok()?;
    let mut words = message.line.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    let path = target.split(['?', '#']).next()?;
    let mut segments = path.rsplit('/');
    let (document, services, participant) = (segments.next()?, segments.next()?, segments.next()?);
    (method == "GET" && services == "services" && !participant.is_empty())
        .then(|| Some((percent::decoded(participant)?, percent::decoded(document)?)))?
}

/// Whether an identifier of a path has that scheme and value; the separator may be missing where there is no scheme.
/// Participants are compared without regard to case.
pub(crate) fn names(identifier: &str, scheme: &str, value: &str) -> bool {
    let full = format!("{scheme}::{value}");
    identifier.eq_ignore_ascii_case(&full) || (scheme.is_empty() && identifier.eq_ignore_ascii_case(value))
}

/// The scheme of participants: the agreed one, else the type of the suite's PartyId.
pub(crate) fn participant_scheme<'s>(discovery: &'s Discovery, kind: &'s str) -> &'s str {
    discovery.participant_scheme.as_deref().unwrap_or(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_read_from_its_path() {
        let asks = |line: &str| question(format!("{line} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes());
        let said = asks("GET /smp/urn%3Ax::HOST-1/services/%3A%3Aact%20ion?a=b").unwrap();
        assert_eq!(said, ("urn:x::HOST-1".to_owned(), "::act ion".to_owned()));
        for other in ["POST /smp/a/services/b", "GET /smp/a/documents/b", "GET /services/b", "GET /a/services/%ff"] {
            assert_eq!(asks(other), None, "{other}");
        }
    }

    #[test]
    fn an_identifier_without_scheme_may_lack_the_separator() {
        assert!(names("urn:x::A", "urn:x", "a") && names("::a", "", "a") && names("a", "", "a"));
        assert!(!names("a", "urn:x", "a") && !names("urn:y::a", "urn:x", "a"));
    }
}
