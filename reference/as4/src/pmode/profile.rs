//! Profiles: the defaults and bounds that P-Modes of one kind share, as data that is built in.
//! Leaves what a single P-Mode may choose to `read`.

use super::{Mep, TokenForm};
use serde::Deserialize;
use std::sync::Arc;

/// A profile, read from `profiles/ID.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Version of the file format; always 1.
    pub format: u32,
    /// Its name, as P-Mode files use it.
    pub id: String,
    /// What it is, in words.
    pub title: String,
    /// Exchange patterns a P-Mode may choose.
    pub meps: Vec<Mep>,
    /// Message properties that have to be there in every message of the profile.
    #[serde(default)]
    pub properties: Vec<String>,
    /// Algorithms and tokens.
    pub security: ProfileSecurity,
    /// How payload parts are encrypted; without it they are not, and no P-Mode may have them be.
    pub encryption: Option<ProfileEncryption>,
    /// Payload defaults.
    pub payload: ProfilePayload,
    /// Retry defaults.
    pub reception_awareness: ProfileRetry,
}

/// Algorithms and tokens of a profile.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileSecurity {
    /// Signature algorithms that are taken, by URI.
    pub signatures: Vec<String>,
    /// Digest algorithms that are taken, by URI.
    pub digests: Vec<String>,
    /// The token that is sent unless the P-Mode says otherwise.
    pub token: TokenForm,
    /// The tokens a P-Mode may accept, and does unless it says otherwise.
    pub accept_tokens: Vec<TokenForm>,
}

/// How payload parts are encrypted: all of them, in every message of the profile.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileEncryption {
    /// How the key of a message may be handed over, by URI of the transport or the agreement.
    pub keys: Vec<String>,
    /// How a part may be encrypted, by URI.
    pub contents: Vec<String>,
}

/// Payload defaults of a profile.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfilePayload {
    /// Whether parts are sent compressed.
    pub compress: bool,
    /// Most bytes of one part, after decompression.
    pub max_bytes: u64,
    /// Most parts of one message.
    pub max_parts: usize,
}

/// Retry defaults of a profile.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileRetry {
    /// From one sending to the next, such as `5s`.
    pub retry_interval: String,
    /// Sendings after the first.
    pub retry_count: u32,
    /// Whether duplicates are kept from delivery.
    pub duplicate_detection: bool,
}

const BUILT_IN: &[(&str, &str)] = &[
    ("customs-c2c", include_str!("../../profiles/customs-c2c.toml")),
    ("ics2-trader", include_str!("../../profiles/ics2-trader.toml")),
    ("edelivery-1.15", include_str!("../../profiles/edelivery-1.15.toml")),
    ("edelivery-1.15-encrypted", include_str!("../../profiles/edelivery-1.15-encrypted.toml")),
    ("edelivery-2.0", include_str!("../../profiles/edelivery-2.0.toml")),
    ("four-corner", include_str!("../../profiles/four-corner.toml")),
];

impl Profile {
    /// The built-in profile of that name.
    #[must_use]
    pub fn named(id: &str) -> Option<Arc<Self>> {
        let (_, text) = BUILT_IN.iter().find(|(name, _)| *name == id)?;
        toml::from_str(text).ok().map(Arc::new)
    }

    /// Names of all built-in profiles.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, _)| *name)
    }
}
