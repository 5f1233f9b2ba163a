//! A SHA-256 value as the store and the receipt compare it. Nothing is hashed here.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Thirty-two octets of SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digests that `octets` are the concatenation of; `None` when the length is no multiple of 32.
    #[must_use]
    pub fn split(octets: &[u8]) -> Option<Vec<Self>> {
        let (whole, rest) = octets.as_chunks::<32>();
        rest.is_empty().then(|| whole.iter().copied().map(Self).collect())
    }

    /// The concatenation of `digests`: what [`Digest::split`] takes apart.
    #[must_use]
    pub fn join(digests: &[Self]) -> Vec<u8> {
        digests.iter().flat_map(|digest| digest.0).collect()
    }
}

impl From<[u8; 32]> for Digest {
    fn from(octets: [u8; 32]) -> Self {
        Self(octets)
    }
}

impl AsRef<[u8]> for Digest {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}
