//! What a profile asks of signature and encryption, as far as the suite has to know it to speak under an agreement.

use crate::subject::Agreement;

/// How messages of a profile are secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    /// Its name, as P-Modes have it.
    pub name: &'static str,
    /// The kind of key that signs: `rsa-2048`, `ed25519` or `p-256`.
    pub signing: &'static str,
    /// The kind of key that payloads are encrypted for; none where they are not encrypted.
    pub encryption: Option<&'static str>,
}

/// The profiles that differ from `customs-c2c` in one of these.
const PROFILES: [Profile; 2] = [
    Profile { name: "edelivery-1.15-encrypted", signing: RSA, encryption: Some(RSA) },
    Profile { name: "edelivery-2.0", signing: "ed25519", encryption: Some("x25519") },
];

/// The curve that version 2.0 may use in the place of its own, for both.
const P256: &str = "p-256";

/// The kind of key that version 1 of eDelivery AS4 uses for everything.
pub const RSA: &str = "rsa-2048";

impl Agreement {
    /// How its messages are secured.
    #[must_use]
    pub fn secured(&self) -> Profile {
        let plain = Profile { name: "customs-c2c", signing: RSA, encryption: None };
        let agreed = PROFILES.into_iter().find(|profile| profile.name == self.profile).unwrap_or(plain);
        match self.curve.as_deref() {
            Some(P256) if agreed.signing != RSA => {
                Profile { signing: P256, encryption: agreed.encryption.map(|_| P256), ..agreed }
            }
            _ => agreed,
        }
    }
}
