//! Who a certificate was issued to: the distinguished name as text (RFC 4514).

use rustls_pki_types::CertificateDer;
use x509_parser::der_parser::Oid;
use x509_parser::prelude::{FromDer, ParsedExtension, X509Certificate};
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

use super::TokenError;

/// The subject of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Distinguished name as RFC 4514 text, most specific first: `CN=red,O=AS4 peer test,C=EU`.
    pub rfc4514: String,
    /// The common name, when there is exactly one.
    pub common_name: Option<String>,
}

impl Subject {
    /// Whether a configured text names this subject: a distinguished name in any spacing and attribute case, or the
    /// common name alone.
    pub fn matches(&self, configured: &str) -> bool {
        same(&self.rfc4514, configured) || self.common_name.as_deref() == Some(configured.trim())
    }
}

/// Reads the subject.
///
/// # Errors
/// [`TokenError::Certificate`].
pub fn subject(certificate: &CertificateDer<'_>) -> Result<Subject, TokenError> {
    X509Certificate::from_der(certificate).map(|(_, parsed)| subject_of(&parsed)).map_err(|_| TokenError::Certificate)
}

/// The subject of a certificate that is read already.
pub(crate) fn subject_of(certificate: &X509Certificate<'_>) -> Subject {
    let name = certificate.subject();
    let mut common = name.iter_common_name();
    let common_name = match (common.next(), common.next()) {
        (Some(only), None) => only.as_str().ok().map(str::to_owned),
        _ => None,
    };
    Subject { rfc4514: rfc4514(name), common_name }
}

/// The certificate policies, by OID; empty when the certificate names none.
///
/// # Errors
/// [`TokenError::Certificate`].
pub fn policies(certificate: &CertificateDer<'_>) -> Result<Vec<String>, TokenError> {
    let (_, parsed) = X509Certificate::from_der(certificate).map_err(|_| TokenError::Certificate)?;
    let named = parsed.extensions().iter().filter_map(|extension| match extension.parsed_extension() {
        ParsedExtension::CertificatePolicies(policies) => Some(policies),
        _ => None,
    });
    Ok(named.flat_map(|policies| policies.iter().map(|policy| policy.policy_id.to_id_string())).collect())
}

/// Whether a certificate is its own issuer's, as a root's is.
///
/// # Errors
/// [`TokenError::Certificate`].
pub fn is_self_issued(certificate: &CertificateDer<'_>) -> Result<bool, TokenError> {
    let (_, parsed) = X509Certificate::from_der(certificate).map_err(|_| TokenError::Certificate)?;
    Ok(parsed.subject() == parsed.issuer())
}

/// The name as RFC 4514 text.
pub(super) fn rfc4514(name: &X509Name<'_>) -> String {
    let mut parts: Vec<String> =
        name.iter_rdn().map(|rdn| rdn.iter().map(attribute).collect::<Vec<_>>().join("+")).collect();
    parts.reverse();
    parts.join(",")
}

/// Whether two texts are the same name, spacing around separators and case of attribute types aside.
pub(super) fn same(a: &str, b: &str) -> bool {
    normal(a) == normal(b)
}

fn attribute(attribute: &AttributeTypeAndValue<'_>) -> String {
    let oid = attribute.attr_type();
    match (short_name(oid), attribute.as_str()) {
        (Some(short), Ok(value)) => format!("{short}={}", escaped(value)),
        (None, Ok(value)) => format!("{}={}", oid.to_id_string(), escaped(value)),
        (_, Err(_)) => {
            let hex: String = attribute.as_slice().iter().map(|b| format!("{b:02x}")).collect();
            format!("{}=#{hex}", oid.to_id_string())
        }
    }
}

/// The short names that RFC 4514 defines, and the three that certificates add.
fn short_name(oid: &Oid<'_>) -> Option<&'static str> {
    Some(match oid.to_id_string().as_str() {
        "2.5.4.3" => "CN",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "2.5.4.6" => "C",
        "2.5.4.9" => "STREET",
        "0.9.2342.19200300.100.1.25" => "DC",
        "0.9.2342.19200300.100.1.1" => "UID",
        "2.5.4.5" => "SERIALNUMBER",
        "2.5.4.97" => "ORGANIZATIONIDENTIFIER",
        "1.2.840.113549.1.9.1" => "EMAILADDRESS",
        _ => return None,
    })
}

fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let last = value.chars().count().saturating_sub(1);
    for (at, c) in value.chars().enumerate() {
        let special = matches!(c, '"' | '+' | ',' | ';' | '<' | '>' | '\\');
        let edge = (c == ' ' && (at == 0 || at == last)) || (c == '#' && at == 0);
        if c == '\0' {
            out.push_str("\\00");
            continue;
        }
        if special || edge {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Attribute types in upper case, no space around separators.
fn normal(name: &str) -> Vec<(String, String)> {
    let mut parts = Vec::new();
    let mut piece = String::new();
    let mut escape = false;
    for c in name.chars().chain([',']) {
        if !escape && matches!(c, ',' | ';') {
            let (kind, value) = piece.split_once('=').unwrap_or((piece.as_str(), ""));
            parts.push((kind.trim().to_uppercase(), value.trim().to_owned()));
            piece.clear();
            continue;
        }
        escape = !escape && c == '\\';
        piece.push(c);
    }
    parts
}
