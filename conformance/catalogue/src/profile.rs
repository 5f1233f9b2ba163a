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

/// The profiles that an agreement may name; most differ from the first in nothing that the suite has to know.
const PROFILES: [Profile; 6] = [
    PLAIN,
    Profile { name: "ics2-trader", ..PLAIN },
    Profile { name: "edelivery-1.15", ..PLAIN },
    Profile { name: "edelivery-1.15-encrypted", signing: RSA, encryption: Some(RSA) },
    Profile { name: "edelivery-2.0", signing: "ed25519", encryption: Some("x25519") },
    Profile { name: "four-corner", ..PLAIN },
];

const PLAIN: Profile = Profile { name: "customs-c2c", signing: RSA, encryption: None };

/// The curve that version 2.0 may use in the place of its own, for both.
pub const P256: &str = "p-256";

/// The kind of key that version 1 of eDelivery AS4 uses for everything.
pub const RSA: &str = "rsa-2048";

/// The names of the profiles.
#[must_use]
pub fn names() -> [&'static str; 6] {
    PROFILES.map(|profile| profile.name)
}

impl Agreement {
    /// How its messages are secured.
    #[must_use]
    pub fn secured(&self) -> Profile {
        // What was recorded before a name was known is judged as it was then: as plain.
        let agreed = PROFILES.into_iter().find(|profile| profile.name == self.profile).unwrap_or(PLAIN);
        match self.curve.as_deref() {
            Some(P256) if agreed.signing != RSA => {
                Profile { signing: P256, encryption: agreed.encryption.map(|_| P256), ..agreed }
            }
            _ => agreed,
        }
    }
}
