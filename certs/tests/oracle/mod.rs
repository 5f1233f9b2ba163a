//! What others say about an identity: x509-parser reads its properties, rustls-webpki and openssl judge it.

mod properties;
mod validators;

pub(crate) use properties::properties;
pub(crate) use validators::{openssl, webpki};
