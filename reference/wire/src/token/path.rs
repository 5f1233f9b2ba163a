//! X509PKIPathv1: a DER SEQUENCE OF certificates, root first.
use rustls_pki_types::CertificateDer;

use super::TokenError;

/// Writes the path for a chain that is given leaf first.
pub fn pkipath(chain: &[CertificateDer<'_>]) -> Vec<u8> {
    todo!("{chain:?}")
}

/// Reads a path; gives the chain leaf first.
///
/// The standard order is root first. A path in the opposite order is taken too, when the certificates say so.
///
/// # Errors
/// [`TokenError::Malformed`], [`TokenError::EmptyPath`], [`TokenError::TooMany`], [`TokenError::Certificate`],
/// [`TokenError::Order`].
pub fn read_pkipath(der: &[u8], limit: usize) -> Result<Vec<CertificateDer<'static>>, TokenError> {
    todo!("{der:?}{limit}")
}
