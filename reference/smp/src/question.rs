//! What a publisher is asked, and the address it is asked at (BDXR SMP 1.0, 3.2: the REST binding).

use crate::Identifier;

/// Where does this participant receive this document in this process, over this transport?
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Question {
    /// Who receives.
    pub participant: Identifier,
    /// What it receives.
    pub document: Identifier,
    /// In which process.
    pub process: Identifier,
    /// Over which transport, such as [`crate::AS4_TRANSPORT`].
    pub transport: String,
}

impl Question {
    /// The address of the answer at a publisher whose base URL is `base`, with or without a slash at its end.
    #[must_use]
    pub fn url(&self, base: &str) -> String {
        let base = base.trim_end_matches('/');
        format!("{base}/{}/services/{}", self.participant.segment(), self.document.segment())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_one_segment_each_whatever_they_hold() {
        let question = Question {
            participant: Identifier::new("iso6523-actorid-upis", "9915:a/b?c#d é"),
            document: Identifier::new("", "urn:x::y##z"),
            process: Identifier::new("", "p"),
            transport: String::new(),
        };
        for base in ["http://smp.example/sub", "http://smp.example/sub/"] {
            assert_eq!(
                question.url(base),
                "http://smp.example/sub/iso6523-actorid-upis%3A%3A9915%3Aa%2Fb%3Fc%23d%20%C3%A9/services/%3A%3Aurn%3Ax%3A%3Ay%23%23z"
            );
        }
    }
}
