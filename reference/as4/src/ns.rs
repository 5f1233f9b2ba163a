//! Namespaces and fixed values of ebMS and SOAP that the machine reads and writes.
//! Leaves those of WS-Security, XML signature and algorithms to `carnet_wire::namespace`.

pub use carnet_wire::namespace::{DS, SHA256, SOAP12, WSSE, WSU, XENC, XML};

/// SOAP 1.1 envelope, known only to be refused with a version mismatch.
pub const SOAP11: &str = "http://schemas.xmlsoap.org/soap/envelope/";
/// ebMS 3.0 core header.
pub const EBMS: &str = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/";
/// Non-repudiation information of a receipt.
pub const EBBP: &str = "http://docs.oasis-open.org/ebxml-bp/ebbp-signals-2.0";

/// SOAP role of whoever reads the message next.
pub const SOAP_ROLE_NEXT: &str = "http://www.w3.org/2003/05/soap-envelope/role/next";
/// SOAP role of the one the message is for; the same as no role.
pub const SOAP_ROLE_ULTIMATE: &str = "http://www.w3.org/2003/05/soap-envelope/role/ultimateReceiver";

/// Service of the ebMS test service (core 5.2.2.8).
pub const TEST_SERVICE: &str = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/service";
/// Action of the ebMS test service (core 5.2.2.9).
pub const TEST_ACTION: &str = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/test";
/// The message partition channel a message is on when it names none.
pub const DEFAULT_MPC: &str = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/defaultMPC";
/// Role of the party that starts an exchange, when none is agreed.
pub const DEFAULT_INITIATOR: &str = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/initiator";
/// Role of the party that is sent to, when none is agreed.
pub const DEFAULT_RESPONDER: &str = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/responder";

/// Message property that names the first of four corners (eDelivery AS4 1.15, 1.5.1).
pub const ORIGINAL_SENDER: &str = "originalSender";
/// Message property that names the last of four corners.
pub const FINAL_RECIPIENT: &str = "finalRecipient";

/// Media type of a SOAP 1.2 envelope.
pub const SOAP_MEDIA: &str = "application/soap+xml";
/// Media type of an encrypted part as it is transported.
pub const OCTETS_MEDIA: &str = "application/octet-stream";
/// Media type of a compressed part, and the one value of `CompressionType`.
pub const GZIP_MEDIA: &str = "application/gzip";
