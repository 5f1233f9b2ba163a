//! What can be wrong with certificates, keys and revocation lists before any connection is made.
//!
//! No variant carries key bytes or a library's rendering of them.

/// Certificates, keys or revocation lists that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The text is not PEM.
    #[error("got text that is not PEM, expected a PEM block of kind {expected}")]
    NotPem {
        /// The kind of block that was looked for.
        expected: &'static str,
    },
    /// No certificate where at least one is needed.
    #[error("got no certificate, expected at least one CERTIFICATE block")]
    NoCertificate,
    /// No private key where one is needed.
    #[error("got no private key, expected one unencrypted PRIVATE KEY block")]
    NoKey,
    /// A key that the cryptography refuses: unknown kind, malformed, or RSA below 2048 bits.
    #[error("got a private key that cannot be used, expected RSA of 2048 bits or more, ECDSA P-256/P-384, or Ed25519")]
    UnusableKey,
    /// The key does not belong to the first certificate.
    #[error("got a private key that does not belong to the first certificate")]
    KeyMismatch,
    /// The PKCS#12 file does not open with this password.
    #[error("got a PKCS#12 file that does not open, expected the right password and a supported encryption")]
    Pkcs12,
    /// The PKCS#12 file holds no key with its certificate.
    #[error("got a PKCS#12 file without a private key and its certificate")]
    Pkcs12Empty,
    /// A certificate that does not parse.
    #[error("got a malformed certificate at position {position} of the list")]
    MalformedCertificate {
        /// Zero-based position in the list that was given.
        position: usize,
    },
    /// A trust anchor that cannot anchor anything.
    #[error("got a trust anchor that cannot be used at position {position} of the list")]
    UnusableAnchor {
        /// Zero-based position in the list that was given.
        position: usize,
    },
    /// No trust anchor at all: nobody could ever be let in.
    #[error("got no trust anchor, expected at least one")]
    NoAnchor,
    /// A revocation list that does not parse or is not a complete, direct list.
    #[error("got a revocation list that cannot be used, expected a complete X.509 v2 CRL")]
    RevocationList,
    /// A cipher suite that this node does not speak.
    #[error("got the cipher suite {got:?}, expected one of {}", known.join(", "))]
    UnknownSuite {
        /// The name.
        got: String,
        /// The suites that are spoken.
        known: Vec<String>,
    },
    /// rustls refuses the combination, for example versions without a common suite.
    #[error("got TLS settings that exclude each other")]
    Settings(#[source] rustls::Error),
}
