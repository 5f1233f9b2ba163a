//! Writes security token references that only name a certificate (X.509 token profile 1.1.1, 3.2.1 and 3.2.3).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carnet_wire::{namespace, token};
use rustls_pki_types::CertificateDer;
use x509_parser::extensions::ParsedExtension;

use super::ForgeError;

/// By the subject key identifier of the certificate.
pub(super) fn ski(certificate: &CertificateDer<'_>) -> Result<String, ForgeError> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).map_err(failed)?;
    let identifier = parsed.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectKeyIdentifier(identifier) => Some(identifier.0),
        _ => None,
    });
    let identifier = identifier.ok_or_else(|| failed("the certificate has no subject key identifier"))?;
    Ok(format!(
        "<wsse:SecurityTokenReference xmlns:wsse=\"{}\"><wsse:KeyIdentifier EncodingType=\"{}\" ValueType=\"{}\">{}\
         </wsse:KeyIdentifier></wsse:SecurityTokenReference>",
        namespace::WSSE,
        namespace::BASE64_BINARY,
        namespace::X509_SKI,
        STANDARD.encode(identifier)
    ))
}

/// By issuer and serial number; the issuer's name is that of the second certificate of the chain.
pub(super) fn issuer_serial(chain: &[CertificateDer<'_>]) -> Result<String, ForgeError> {
    let [leaf, issuer, ..] = chain else { return Err(failed("the signer's chain names no issuer")) };
    let (_, parsed) = x509_parser::parse_x509_certificate(leaf).map_err(failed)?;
    let issuer = token::subject(issuer).map_err(failed)?.rfc4514;
    Ok(format!(
        "<wsse:SecurityTokenReference xmlns:wsse=\"{}\"><ds:X509Data xmlns:ds=\"{}\"><ds:X509IssuerSerial>\
         <ds:X509IssuerName>{}</ds:X509IssuerName><ds:X509SerialNumber>{}</ds:X509SerialNumber></ds:X509IssuerSerial>\
         </ds:X509Data></wsse:SecurityTokenReference>",
        namespace::WSSE,
        namespace::DS,
        super::envelope::escape(&issuer),
        parsed.tbs_certificate.serial
    ))
}

fn failed(what: impl ToString) -> ForgeError {
    ForgeError::Sign { what: what.to_string() }
}
