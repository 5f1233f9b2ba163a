//! Whether a message that the subject pushed is encrypted as agreed.

use carnet_catalogue::profile::RSA;
use carnet_wire::encryption::{Encrypted, KeyMethod, Policy};

use super::Outcome;
use super::look::{Look, Push, settle};
use crate::sealed;

const SECURITY: &str = "/env:Envelope/env:Header/wsse:Security";

pub(super) fn judge(look: &Look<'_>) -> Outcome {
    settle((|| {
        let push = look.push()?;
        let keys = match look.agreed().secured().encryption {
            Some(RSA) => vec![KeyMethod::RsaOaep],
            Some(_) => vec![KeyMethod::X25519, KeyMethod::EcdhP256],
            None => return Err(Outcome::Unclear("the agreement of this case encrypts nothing".to_owned())),
        };
        let uris: Vec<&str> = keys.iter().map(|key| key.uri()).collect();
        let expected = format!("every payload encrypted for the suite with aes128-gcm and {}", uris.join(" or "));
        let found = |actual: String| Ok(look.at(push.exchange, expected.clone(), actual, Some(SECURITY), None));
        let payloads: Vec<&str> = push
            .ebms
            .user
            .iter()
            .flat_map(|user| &user.parts)
            .map(|(href, _)| href.strip_prefix("cid:").unwrap_or(href))
            .collect();
        if payloads.is_empty() {
            return found("a message without payloads".to_owned());
        }
        let encrypted = match sealed::read(&push.package.envelope, &Policy { keys, ..Policy::default() }) {
            Ok(Some(encrypted)) => encrypted,
            Ok(None) => return found("payloads in the clear".to_owned()),
            Err(error) => return found(error.to_string()),
        };
        let sealed: Vec<&str> = encrypted.parts().iter().map(|part| part.cid.as_str()).collect();
        if let Some(clear) = payloads.iter().find(|cid| !sealed.contains(cid)) {
            return found(format!("payload {clear} in the clear"));
        }
        if let Some(other) = sealed.iter().find(|cid| !payloads.contains(cid)) {
            return found(format!("{other} is encrypted, which is no payload"));
        }
        match decrypts(&push, &encrypted) {
            Ok(()) => Ok(Outcome::Holds),
            Err(what) => found(what),
        }
    })())
}

/// Whether the suite's key opened the message, and each part decrypts with what it gave.
fn decrypts(push: &Push<'_>, encrypted: &Encrypted) -> Result<(), String> {
    let key = push.exchange.content_key.as_ref().ok_or("a key that the suite's private key does not open")?;
    let key = encrypted.with_key(key).map_err(|error| error.to_string())?;
    let came = push.exchange.pushed_as_it_came().ok_or("a body that cannot be read")?;
    for sealed in encrypted.parts() {
        let part = came.parts.iter().find(|part| part.cid.as_deref() == Some(&sealed.cid));
        let part = part.ok_or_else(|| format!("no part {}", sealed.cid))?;
        key.decrypt(part.body.clone()).map_err(|_| format!("part {} does not decrypt", sealed.cid))?;
    }
    Ok(())
}
