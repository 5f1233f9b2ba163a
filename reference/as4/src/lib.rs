//! ebMS3 and AS4 as a push machine: headers, P-Modes, inbound and outbound.
//!
//! No socket, no disk, no clock, no randomness: bytes, digests, identifiers, times, keys and trust come in as
//! arguments, decisions and bytes go out. Knows payloads only as part ids, digests and lengths; knows no customs document.
//! Leaves MIME, XML, signatures and gzip to `carnet-wire`, and what becomes of a message to its driver.
//!
//! In: [`inbound::Inbound`]. Out: [`outbound::package`], [`outbound::Package::sign`], [`outbound::answer::check`].
//! Profiles: eDelivery AS4 1.15 Common Profile as far as profile `customs-c2c` needs it (see `profiles/`).

mod agreements;
pub mod error;
pub mod header;
pub mod id;
pub mod inbound;
pub mod ns;
pub mod outbound;
pub mod partner;
pub mod pmode;
pub mod respond;
mod seal;
mod secure;
mod soap;

pub use secure::SecurityError;
pub use soap::SoapError;
