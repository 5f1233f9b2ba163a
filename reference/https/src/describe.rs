//! A certificate in words, for logs and for binding a peer to a partner.

use std::fmt;

use rustls_pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

/// What a log line says about a certificate. A certificate that does not parse is described as such.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Subject as RFC 4514 text, or `malformed`.
    pub subject: String,
    /// Issuer as RFC 4514 text, or `malformed`.
    pub issuer: String,
    /// Serial number, lower-case hexadecimal with colons.
    pub serial: String,
    /// `notBefore` in seconds since 1970.
    pub not_before: i64,
    /// `notAfter` in seconds since 1970.
    pub not_after: i64,
}

impl Certificate {
    /// Describes a certificate; never fails, since it is read from strangers.
    #[must_use]
    pub fn of(der: &CertificateDer<'_>) -> Self {
        match X509Certificate::from_der(der) {
            Ok((_, certificate)) => Self {
                subject: certificate.subject().to_string(),
                issuer: certificate.issuer().to_string(),
                serial: certificate.raw_serial_as_string(),
                not_before: certificate.validity().not_before.timestamp(),
                not_after: certificate.validity().not_after.timestamp(),
            },
            Err(_) => Self {
                subject: "malformed".to_owned(),
                issuer: "malformed".to_owned(),
                serial: String::new(),
                not_before: 0,
                not_after: 0,
            },
        }
    }
}

impl fmt::Display for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (serial {}, issued by {})", self.subject, self.serial, self.issuer)
    }
}
