//! Verifying.
use rustls_pki_types::CertificateDer;

use super::{SignatureError, Unverified, Verified};

pub(super) fn verify(
    unverified: &Unverified<'_>,
    leaf: &CertificateDer<'_>,
) -> Result<Verified, SignatureError> {
    todo!("{:?}{leaf:?}", unverified.signature)
}
