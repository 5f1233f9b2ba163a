//! X509PKIPathv1: a DER SEQUENCE OF certificates, root first, signer last.

use rustls_pki_types::CertificateDer;
use webpki::EndEntityCert;

use super::TokenError;
use crate::der;

/// Writes the path for a chain that is given leaf first.
//= EDEL-TOKEN-02
pub fn pkipath(chain: &[CertificateDer<'_>]) -> Vec<u8> {
    let content: Vec<u8> = chain.iter().rev().flat_map(|c| c.iter().copied()).collect();
    der::wrap(der::SEQUENCE, &content)
}

/// Reads a path; gives the chain leaf first.
///
/// The standard order is root first. A path in the opposite order is taken too, when the certificates say so.
///
/// # Errors
/// [`TokenError::Malformed`], [`TokenError::EmptyPath`], [`TokenError::TooMany`], [`TokenError::Certificate`],
/// [`TokenError::Order`].
pub fn read_pkipath(path: &[u8], limit: usize) -> Result<Vec<CertificateDer<'static>>, TokenError> {
    let mut certificates = split(path, limit)?;
    let names = certificates.iter().map(names).collect::<Result<Vec<_>, _>>()?;
    let root_first = names.windows(2).all(|w| matches!(w, [above, below] if above.subject == below.issuer));
    let leaf_first = names.windows(2).all(|w| matches!(w, [below, above] if above.subject == below.issuer));
    match (root_first, leaf_first) {
        (true, _) => certificates.reverse(),
        (false, true) => {}
        (false, false) => return Err(TokenError::Order),
    }
    Ok(certificates)
}

/// One certificate, refused when it is not one.
pub(crate) fn certificate(der: &[u8]) -> Result<CertificateDer<'static>, TokenError> {
    let (_, _, rest) = der::element(der).ok_or(TokenError::Certificate)?;
    let certificate = CertificateDer::from(der.to_vec());
    names(&certificate)?;
    if rest.is_empty() { Ok(certificate) } else { Err(TokenError::Malformed) }
}

fn split(path: &[u8], limit: usize) -> Result<Vec<CertificateDer<'static>>, TokenError> {
    let (tag, mut content, rest) = der::element(path).ok_or(TokenError::Malformed)?;
    if tag != der::SEQUENCE || !rest.is_empty() {
        return Err(TokenError::Malformed);
    }
    let mut certificates = Vec::new();
    while !content.is_empty() {
        if certificates.len() == limit {
            return Err(TokenError::TooMany { limit });
        }
        let (tag, _, rest) = der::element(content).ok_or(TokenError::Malformed)?;
        if tag != der::SEQUENCE {
            return Err(TokenError::Malformed);
        }
        let whole = content.get(..content.len() - rest.len()).ok_or(TokenError::Malformed)?;
        certificates.push(CertificateDer::from(whole.to_vec()));
        content = rest;
    }
    if certificates.is_empty() {
        return Err(TokenError::EmptyPath);
    }
    Ok(certificates)
}

struct Names {
    issuer: Vec<u8>,
    subject: Vec<u8>,
}

fn names(certificate: &CertificateDer<'_>) -> Result<Names, TokenError> {
    let parsed = EndEntityCert::try_from(certificate).map_err(|_| TokenError::Certificate)?;
    Ok(Names { issuer: parsed.issuer().to_vec(), subject: parsed.subject().to_vec() })
}
