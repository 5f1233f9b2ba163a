//! Messages that were written before, for runs that send the same to many subjects.

use std::collections::HashMap;
use std::hash::{Hash as _, Hasher};
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::digest::{Context, SHA256};
use carnet_catalogue::step::Forge;

use super::{Draft, Encryption, ForgeError, Signing, Written, write};

/// No more bytes than that are kept.
const ROOM: usize = 64 << 20;

/// Written messages, by the digest of all that they follow from.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    messages: Mutex<Messages>,
}

#[derive(Debug, Default)]
struct Messages {
    known: HashMap<Vec<u8>, Written>,
    bytes: usize,
}

impl Kept {
    /// As [`write`], or what was written before of the same. What is encrypted is encrypted once: other recipients and
    /// other messages are other questions.
    pub(crate) fn write(
        &self,
        draft: Draft,
        signing: Option<&Signing<'_>>,
        encryption: Option<&Encryption>,
        forge: &[Forge],
    ) -> Result<Written, ForgeError> {
        let mut asked = Asked(Context::new(&SHA256));
        (&draft, signing, encryption, forge).hash(&mut asked);
        let asked = asked.0.finish().as_ref().to_vec();
        let messages = || self.messages.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = messages().known.get(&asked) {
            return Ok(known.clone());
        }
        let written = write(draft, signing, encryption, forge)?;
        let mut messages = messages();
        if messages.bytes + written.len() <= ROOM {
            messages.bytes += written.len();
            messages.known.insert(asked, written.clone());
        }
        Ok(written)
    }
}

/// Takes what is hashed to the digest.
struct Asked(Context);

impl Hasher for Asked {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Not asked for: the digest is what counts.
    fn finish(&self) -> u64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use carnet_catalogue::step::{Op, Stage};
    use carnet_certs::{Authority, KeyKind, Profile};

    use super::*;
    use crate::forge::{Agreed, PartyRef};
    use crate::setup::Setup;

    fn draft(message_id: &str) -> Draft {
        let party = |id: &str| PartyRef { id: id.to_owned(), kind: String::new(), role: "sender".to_owned() };
        Draft {
            message_id: message_id.to_owned(),
            timestamp: "2026-01-01T00:00:00Z".to_owned(),
            conversation: "c".to_owned(),
            refers_to: None,
            from: party("A"),
            to: party("B"),
            agreed: Agreed::default(),
            service: "s".to_owned(),
            service_type: None,
            action: "a".to_owned(),
            parts: Vec::new(),
        }
    }

    #[test]
    fn what_is_kept_is_what_would_be_written() {
        let authority = Authority::new("kept", Setup::now()).unwrap();
        let issue =
            |name: &str| authority.issue(&Profile::signing(name).key_kind(KeyKind::Rsa2048), Setup::now()).unwrap();
        let (one, other) = (issue("one"), issue("other"));
        let edit = Forge {
            at: Stage::Signed,
            op: Op::Replace,
            place: "//eb:Action/text()".to_owned(),
            with: Some("b".to_owned()),
            hex: None,
            times: None,
            gzip_zeros: None,
            to: None,
        };
        let kept = Kept::default();
        let of = |id: &str, signing: Option<&Signing<'_>>, forge: &[Forge]| {
            let body = |written: Result<Written, ForgeError>| written.unwrap().body;
            let written = body(kept.write(draft(id), signing, None, forge));
            assert_eq!(written, body(write(draft(id), signing, None, forge)));
            written
        };
        let token = "x509-pkipath";
        let mut unsigned_body = Signing::new(&one, token);
        unsigned_body.omit.body = true;
        let edits = std::slice::from_ref(&edit);
        let asked: [(&str, Option<&Signing<'_>>, &[Forge]); 6] = [
            ("1", None, &[]),
            ("2", None, &[]),
            ("1", None, edits),
            ("1", Some(&Signing::new(&one, token)), &[]),
            ("1", Some(&Signing::new(&other, token)), &[]),
            ("1", Some(&unsigned_body), &[]),
        ];
        let first: Vec<_> = asked.iter().map(|(id, signing, forge)| of(id, *signing, forge)).collect();
        let again: Vec<_> = asked.iter().map(|(id, signing, forge)| of(id, *signing, forge)).collect();
        assert_eq!(first, again);
        assert_eq!(first.iter().collect::<std::collections::HashSet<_>>().len(), asked.len(), "one for each question");
        assert_eq!(kept.messages.lock().unwrap().known.len(), asked.len());
    }
}
