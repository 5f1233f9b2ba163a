//! Bytes to structure and back: MIME, safe XML, canonical form, XML signature, XML encryption, gzip, limits.
//!
//! What it is: the one crate that both the reference node and the conformance suite build on. It reads and writes
//! the layers below ebMS: multipart/related (RFC 2387), XML 1.0 without DTD, exclusive canonical form
//! (xml-exc-c14n), XML signature and encryption as WS-Security 1.1.1 uses them, X.509 tokens and their trust, gzip (RFC 1952).
//! Every reader takes bytes from strangers: it has limits, it never panics, and each refusal is a variant of its own.
//!
//! What it leaves to others: ebMS headers, the position of what was signed and who may sign (`as4`), sockets,
//! files, clock and randomness (`node`): time, identifiers and keys come in as arguments.

pub mod c14n;
mod der;
pub mod digest;
pub mod emit;
pub mod encryption;
pub mod gzip;
pub mod limits;
pub mod mime;
pub mod namespace;
pub mod percent;
pub mod signature;
pub mod token;
pub mod trust;
pub mod wss;
pub mod xml;

pub use limits::Limits;
