//! Whether the keys that are there do what P-Modes agree on: found when the configuration is read, not at the first message.

use std::sync::Arc;

use carnet_as4::id::PartyId;
use carnet_as4::partner::Identity;
use carnet_as4::pmode::PMode;
use carnet_wire::encryption::{DecryptionKey, KeyMethod};
use toml::Spanned;

use super::partner::Kit;
use super::place::{ConfigError, Source};

/// Whether this node's keys and the partner's certificates do what the P-Modes of a kit agree on.
pub(super) fn secured(
    source: &Source,
    name: &Spanned<String>,
    us: &PartyId,
    kit: &Kit,
    signing: &Identity,
    decryption: &[Arc<DecryptionKey>],
) -> Result<(), ConfigError> {
    for pmode in &kit.pmodes {
        signed(source, name, pmode, signing)?;
        let Some(encryption) = &pmode.profile.encryption else { continue };
        let agreed = |method: KeyMethod| encryption.keys.iter().any(|uri| uri == method.uri());
        if pmode.sender().id == *us {
            if !kit.partner.binding.recipients.iter().any(|recipient| agreed(recipient.method())) {
                let help = "name the partner's certificate, of a key that the profile encrypts for, in its kit.toml";
                return Err(missing(source, name, "`encryption_certificate`", "a P-Mode of this kit encrypts", help));
            }
        } else if !decryption.iter().any(|key| agreed(key.method())) {
            let help = "give `chain` and `key` under [[decryption]], of a key that the profile encrypts for";
            return Err(missing(source, name, "`[[decryption]]`", "a P-Mode of this kit is encrypted", help));
        }
    }
    Ok(())
}

/// Whether the signing key does what a P-Mode agrees on; `name` is where the P-Mode comes from.
pub(super) fn signed(
    source: &Source,
    name: &Spanned<String>,
    pmode: &PMode,
    signing: &Identity,
) -> Result<(), ConfigError> {
    let (security, signing) = (&pmode.profile.security, signing.of(pmode.signs()));
    if !security.signatures.iter().any(|uri| uri == signing.algorithm()) {
        let help = format!("profile {} signs with {}", pmode.profile.id, security.signatures.join(" or "));
        return Err(missing(source, name, "a signing key of the profile", "a P-Mode signs otherwise", &help));
    }
    if !signing.has(pmode.security.token) {
        let help = "choose another token, or a certificate with a subject key identifier";
        return Err(missing(source, name, "a subject key identifier", "a P-Mode sends it as token", help));
    }
    Ok(())
}

fn missing(
    source: &Source,
    name: &Spanned<String>,
    missing: &'static str,
    because: &'static str,
    help: &str,
) -> ConfigError {
    ConfigError::Missing { place: source.place(name.span()), missing, because, help: help.to_owned() }
}
