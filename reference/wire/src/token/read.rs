//! From `ds:KeyInfo` to a token, and from a token to the certificate it names.

use aws_lc_rs::digest;
use rustls_pki_types::CertificateDer;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{Token, TokenError, name, path};
use crate::namespace::{BASE64_BINARY, DS, THUMBPRINT_SHA1, WSSE, WSU, X509_PKIPATH_V1, X509_SKI, X509_V3};
use crate::xml::{Element, base64_binary};

/// Reads the token that `KeyInfo` refers to; binary tokens stand in the same security header.
pub(crate) fn read(key_info: Element<'_>, security: Element<'_>, certificates: usize) -> Result<Token, TokenError> {
    read_as(key_info, security, certificates, key_identifier)
}

/// As [`read`], for whom a key is encrypted: WSS4J puts the recipient's certificate in a key identifier, others its
/// thumbprint. As these only tell which of our own keys is meant, both are taken.
pub(crate) fn read_recipient(
    key_info: Element<'_>,
    security: Element<'_>,
    certificates: usize,
) -> Result<Token, TokenError> {
    read_as(key_info, security, certificates, |element| match element.attribute("", "ValueType") {
        Some(X509_V3) => path::certificate(&binary(element)?).map(Token::X509V3),
        Some(THUMBPRINT_SHA1) => binary(element).map(Token::Thumbprint),
        _ => key_identifier(element),
    })
}

fn read_as(
    key_info: Element<'_>,
    security: Element<'_>,
    certificates: usize,
    key_identifier: impl FnOnce(Element<'_>) -> Result<Token, TokenError>,
) -> Result<Token, TokenError> {
    let reference = sole_child(key_info).ok_or(TokenError::Reference)?;
    if !reference.is(WSSE, "SecurityTokenReference") {
        return Err(TokenError::Reference);
    }
    let target = sole_child(reference).ok_or(TokenError::Reference)?;
    match target.name() {
        (WSSE, "Reference") => direct(target, security, certificates),
        (WSSE, "KeyIdentifier") => key_identifier(target),
        (DS, "X509Data") => issuer_serial(target),
        _ => Err(TokenError::Type),
    }
}

/// Whether the token names that certificate.
pub(super) fn names(token: &Token, certificate: &CertificateDer<'_>) -> bool {
    let parsed = || X509Certificate::from_der(certificate).ok().map(|(_, c)| c);
    match token {
        Token::X509V3(leaf) => leaf == certificate,
        Token::X509PkiPath(chain) => chain.first() == Some(certificate),
        Token::Ski(identifier) => parsed().is_some_and(|c| ski(&c) == Some(identifier)),
        Token::IssuerSerial { issuer, serial } => parsed().is_some_and(|c| {
            c.tbs_certificate.serial.to_string() == *serial && name::same(&name::rfc4514(c.issuer()), issuer)
        }),
        Token::Thumbprint(sha1) => {
            digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, certificate).as_ref() == sha1.as_slice()
        }
    }
}

/// Value of the subject key identifier extension.
pub(super) fn ski<'c>(certificate: &'c X509Certificate<'_>) -> Option<&'c [u8]> {
    certificate.extensions().iter().find_map(|e| match e.parsed_extension() {
        ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0),
        _ => None,
    })
}

/// `wsse:Reference`: a binary token beside the signature.
fn direct(reference: Element<'_>, security: Element<'_>, certificates: usize) -> Result<Token, TokenError> {
    let uri = reference.attribute("", "URI").ok_or(TokenError::Reference)?;
    let id = uri.strip_prefix('#').filter(|id| !id.is_empty()).ok_or(TokenError::NotFound)?;
    let mut tokens = security.children().filter(|e| e.attribute(WSU, "Id") == Some(id));
    let (Some(token), None) = (tokens.next(), tokens.next()) else {
        return Err(TokenError::NotFound);
    };
    if !token.is(WSSE, "BinarySecurityToken") {
        return Err(TokenError::NotFound);
    }
    let bytes = binary(token)?;
    match token.attribute("", "ValueType") {
        Some(X509_V3) => path::certificate(&bytes).map(Token::X509V3),
        Some(X509_PKIPATH_V1) => path::read_pkipath(&bytes, certificates).map(Token::X509PkiPath),
        _ => Err(TokenError::Type),
    }
}

fn key_identifier(element: Element<'_>) -> Result<Token, TokenError> {
    match element.attribute("", "ValueType") {
        Some(X509_SKI) => binary(element).map(Token::Ski),
        _ => Err(TokenError::Type),
    }
}

fn issuer_serial(data: Element<'_>) -> Result<Token, TokenError> {
    let element = sole_child(data).filter(|e| e.is(DS, "X509IssuerSerial")).ok_or(TokenError::Type)?;
    let text = |local| {
        let child = element.only_child(DS, local).ok().flatten().ok_or(TokenError::Malformed)?;
        child.simple_text().map(|t| t.trim().to_owned()).map_err(|_| TokenError::Malformed)
    };
    let (issuer, serial) = (text("X509IssuerName")?, text("X509SerialNumber")?);
    if serial.is_empty() || !serial.bytes().all(|b| b.is_ascii_digit()) {
        return Err(TokenError::Malformed);
    }
    let serial = serial.trim_start_matches('0');
    Ok(Token::IssuerSerial { issuer, serial: if serial.is_empty() { "0".to_owned() } else { serial.to_owned() } })
}

fn binary(element: Element<'_>) -> Result<Vec<u8>, TokenError> {
    if element.attribute("", "EncodingType").is_some_and(|e| e != BASE64_BINARY) {
        return Err(TokenError::Encoding);
    }
    let text = element.simple_text().map_err(|_| TokenError::Malformed)?;
    base64_binary(&text).ok_or(TokenError::Malformed)
}

fn sole_child(element: Element<'_>) -> Option<Element<'_>> {
    let mut children = element.children();
    match (children.next(), children.next()) {
        (Some(child), None) => Some(child),
        _ => None,
    }
}
