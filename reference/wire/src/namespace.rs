//! Names of the namespaces, algorithms and token types that this crate reads and writes.
//!
//! Sources: SOAP 1.2, WS-Security 1.1.1 core, X.509 token profile and SwA profile, XML signature 1.1, XML
//! encryption 1.1, RFC 6931, RFC 9231.

/// SOAP 1.2 envelope.
pub const SOAP12: &str = "http://www.w3.org/2003/05/soap-envelope";
/// WS-Security 1.0 extension elements (`wsse`).
pub const WSSE: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
/// WS-Security 1.1 extension elements (`wsse11`).
pub const WSSE11: &str = "http://docs.oasis-open.org/wss/oasis-wss-wssecurity-secext-1.1.xsd";
/// WS-Security utility (`wsu:Id`).
pub const WSU: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
/// XML signature (`ds`).
pub const DS: &str = "http://www.w3.org/2000/09/xmldsig#";
/// XML signature 1.1 (`dsig11`).
pub const DSIG11: &str = "http://www.w3.org/2009/xmldsig11#";
/// Additional algorithms of 2021 (RFC 9231 and its successor), where the parameters of HKDF stand.
pub const DSIG_MORE: &str = "http://www.w3.org/2021/04/xmldsig-more#";
/// XML encryption (`xenc`).
pub const XENC: &str = "http://www.w3.org/2001/04/xmlenc#";
/// XML encryption 1.1 (`xenc11`).
pub const XENC11: &str = "http://www.w3.org/2009/xmlenc11#";
/// The namespace that the prefix `xml` is bound to.
pub const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// Exclusive canonical form without comments: algorithm, and namespace of `InclusiveNamespaces`.
pub const EXC_C14N: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
/// Canonical form 1.0 without comments.
pub const C14N: &str = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315";
/// What is signed is the document around the signature, without it.
pub const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
/// What is hashed of an attachment: its content only.
pub const ATTACHMENT_CONTENT: &str =
    "http://docs.oasis-open.org/wss/oasis-wss-SwAProfile-1.1#Attachment-Content-Signature-Transform";

/// What is encrypted of an attachment: its content, none of its headers.
pub const ATTACHMENT_CONTENT_ONLY: &str =
    "http://docs.oasis-open.org/wss/oasis-wss-SwAProfile-1.1#Attachment-Content-Only";
/// How a cipher reference gets at an attachment: its content is the octets to decrypt.
pub const ATTACHMENT_CIPHERTEXT: &str =
    "http://docs.oasis-open.org/wss/oasis-wss-SwAProfile-1.1#Attachment-Ciphertext-Transform";

/// SHA-1 digest, written by the suite only, never accepted.
pub const SHA1: &str = "http://www.w3.org/2000/09/xmldsig#sha1";
/// SHA-256 digest.
pub const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";
/// SHA-512 digest.
pub const SHA512: &str = "http://www.w3.org/2001/04/xmlenc#sha512";
/// RSA PKCS#1 v1.5 with SHA-256.
pub const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
/// ECDSA with SHA-256.
pub const ECDSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256";
/// Ed25519 (RFC 9231).
pub const ED25519: &str = "http://www.w3.org/2021/04/xmldsig-more#eddsa-ed25519";

/// AES-128-GCM.
pub const AES128_GCM: &str = "http://www.w3.org/2009/xmlenc11#aes128-gcm";
/// AES-256-GCM.
pub const AES256_GCM: &str = "http://www.w3.org/2009/xmlenc11#aes256-gcm";
/// RSA-OAEP whose mask generation function is named.
pub const RSA_OAEP: &str = "http://www.w3.org/2009/xmlenc11#rsa-oaep";
/// Mask generation function 1 with SHA-256.
pub const MGF1_SHA256: &str = "http://www.w3.org/2009/xmlenc11#mgf1sha256";
/// AES-128 key wrap (RFC 3394).
pub const KW_AES128: &str = "http://www.w3.org/2001/04/xmlenc#kw-aes128";
/// Agreement with X25519, ephemeral at the sender's end.
pub const X25519: &str = "http://www.w3.org/2021/04/xmldsig-more#x25519";
/// Agreement on an elliptic curve, ephemeral at the sender's end.
pub const ECDH_ES: &str = "http://www.w3.org/2009/xmlenc11#ECDH-ES";
/// Key derivation by HKDF (RFC 5869).
pub const HKDF: &str = "http://www.w3.org/2021/04/xmldsig-more#hkdf";
/// HMAC with SHA-256.
pub const HMAC_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256";
/// Curve P-256 (secp256r1), as a named curve.
pub const P256_OID: &str = "urn:oid:1.2.840.10045.3.1.7";

/// `EncodingType` of a binary security token.
pub const BASE64_BINARY: &str =
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary";
/// `ValueType`: one X.509 v3 certificate.
pub const X509_V3: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3";
/// `ValueType`: an ordered list of certificates.
pub const X509_PKIPATH_V1: &str =
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509PKIPathv1";
/// `ValueType`: the subject key identifier extension.
pub const X509_SKI: &str =
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509SubjectKeyIdentifier";
/// `ValueType`: SHA-1 of the whole certificate.
pub const THUMBPRINT_SHA1: &str = "http://docs.oasis-open.org/wss/oasis-wss-soap-message-security-1.1#ThumbprintSHA1";
/// `TokenType`: an encrypted key.
pub const ENCRYPTED_KEY: &str = "http://docs.oasis-open.org/wss/oasis-wss-soap-message-security-1.1#EncryptedKey";
