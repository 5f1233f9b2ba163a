//! Service metadata: where a party receives a kind of document, asked of a publisher and read from its signed answer.
//!
//! A dynamic sender knows a party's name alone. It asks the publisher for that participant and document, believes only
//! what a certificate under the configured anchors signed, and takes from it the endpoint of the agreed transport and the
//! certificate of whoever receives there. Pure: fetching, following and keeping an answer are the driver's, as is judging
//! the certificate that was found. The publisher is configured; no name is looked up in DNS.
//!
//! Implements OASIS BDXR SMP 1.0 as eDelivery AS4 1.15 (1.5.4) uses it: namespace, REST binding, signature, redirection.

mod identifier;
mod metadata;
mod question;

pub use identifier::Identifier;
pub use metadata::{Answer, Endpoint, MetadataError, Publisher, read};
pub use question::Question;

/// Namespace of BDXR SMP 1.0.
pub const NAMESPACE: &str = "http://docs.oasis-open.org/bdxr/ns/SMP/2016/05";
/// Name of the transport of eDelivery AS4 1.x in service metadata.
pub const AS4_TRANSPORT: &str = "bdxr-transport-ebms3-as4-v1p0";
