//! From `ds:KeyInfo` to a token.
use rustls_pki_types::CertificateDer;

use super::{Token, TokenError};
use crate::xml::Element;

/// Reads the token that `KeyInfo` refers to; binary tokens stand in the same security header.
pub(crate) fn read(
    key_info: Element<'_>,
    security: Element<'_>,
    certificates: usize,
) -> Result<Token, TokenError> {
    todo!("{key_info:?}{security:?}{certificates}")
}

pub(super) fn names(token: &Token, certificate: &CertificateDer<'_>) -> bool {
    todo!("{token:?}{certificate:?}")
}
