//! Puts a WS-Security header with an XML signature into an envelope, rightly or wrongly.
//!
//! Canonical form, digests and the token's encoding come from `carnet-wire`; the signature's own XML is written here,
//! so that algorithms, coverage and token can be what no sound library would write.

use aws_lc_rs::signature::{KeyPair as _, RsaKeyPair};
use aws_lc_rs::{digest as hash, hmac, io};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carnet_catalogue::step::Forge;
use carnet_certs::{Identity, KeyKind, Scheme};
use carnet_wire::digest::{self, Transform};
use carnet_wire::wss::{EcdsaP256Signer, Signer as _};
use carnet_wire::xml::{Document, Element};
use carnet_wire::{Limits, c14n, namespace, token};

use super::envelope::{EB, Transported};
use super::{ForgeError, edit, naming};
use crate::words::Words;

/// What is left out of the signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Omit {
    /// eb:Messaging.
    pub messaging: bool,
    /// The Body.
    pub body: bool,
    /// The payloads.
    pub parts: bool,
}

/// What the signature value is made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Algorithm {
    /// As the agreement says.
    #[default]
    RsaSha256,
    /// Ed25519, as version 2.0 signs.
    Ed25519,
    /// ECDSA over P-256 with SHA-256, as version 2.0 may sign.
    EcdsaP256,
    /// RSA over SHA-1.
    RsaSha1,
    /// A message authentication code whose secret is the public key, which anyone knows.
    HmacSha256,
}

impl Algorithm {
    /// What an identity signs with where nothing else is said.
    #[must_use]
    pub fn of(identity: &Identity) -> Self {
        match identity.key.kind() {
            KeyKind::Ed25519 => Self::Ed25519,
            KeyKind::P256 => Self::EcdsaP256,
            _ => Self::RsaSha256,
        }
    }

    fn uri(self) -> &'static str {
        match self {
            Self::RsaSha256 => namespace::RSA_SHA256,
            Self::Ed25519 => namespace::ED25519,
            Self::EcdsaP256 => namespace::ECDSA_SHA256,
            Self::RsaSha1 => "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
            Self::HmacSha256 => "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256",
        }
    }
}

/// How an envelope is signed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Signing<'i> {
    /// Whose key and chain.
    pub identity: &'i Identity,
    /// `x509-pkipath`, `x509-v3`, `x509-pkipath-leaf`, `ski`, `issuer-serial`, `key-value` or `x509-data`.
    pub token: String,
    /// What is left out.
    pub omit: Omit,
    /// Signature algorithm.
    pub algorithm: Algorithm,
    /// SHA-1 in the place of SHA-256 for digests.
    pub weak_digest: bool,
    /// Parts are digested as they were before compression.
    pub before_compression: bool,
}

impl<'i> Signing<'i> {
    /// As the agreement says.
    #[must_use]
    pub fn new(identity: &'i Identity, token: &str) -> Self {
        Self {
            identity,
            token: token.to_owned(),
            omit: Omit::default(),
            algorithm: Algorithm::default(),
            weak_digest: false,
            before_compression: false,
        }
    }
}

/// The envelope with its security header as the first child of Header; `edits` change SignedInfo before it is signed.
pub(crate) fn sign<'f>(
    envelope: &str,
    parts: &[Transported],
    signing: &Signing<'_>,
    edits: impl Iterator<Item = &'f Forge>,
) -> Result<String, ForgeError> {
    let failed = |what: &str| ForgeError::Sign { what: what.to_owned() };
    let limits = Limits { envelope: 16 << 20, depth: 10_000, nodes: 2_000_000, ..Limits::default() };
    let document = Document::parse(envelope.as_bytes(), &limits).map_err(|e| failed(&e.to_string()))?;
    let mut references = String::new();
    let mut element = |node: Option<Element<'_>>| -> Result<(), ForgeError> {
        let Some(node) = node else { return Ok(()) };
        let id = node.attribute(namespace::WSU, "Id").ok_or_else(|| failed("an element to be signed has no wsu:Id"))?;
        let canonical = c14n::exclusive(&document, node.id(), &[]).map_err(|e| failed(&e.to_string()))?;
        references.push_str(&reference(&format!("#{id}"), namespace::EXC_C14N, &hashed(&canonical, signing), signing));
        Ok(())
    };
    let header = document.root().child(namespace::SOAP12, "Header").ok_or_else(|| failed("there is no Header"))?;
    if !signing.omit.messaging {
        element(header.child(EB, "Messaging"))?;
    }
    if !signing.omit.body {
        element(document.root().child(namespace::SOAP12, "Body"))?;
    }
    if !signing.omit.parts {
        for part in parts {
            let digest = part_digest(part.media(), &part.body, signing, &limits)?;
            references.push_str(&reference(
                &format!("cid:{}", part.cid),
                namespace::ATTACHMENT_CONTENT,
                &digest,
                signing,
            ));
        }
    }
    let mut signed_info = signed_info(&references, signing);
    for edit in edits {
        signed_info = edit::text(&signed_info, edit)?;
    }
    let security = security(&signed_info, signing)?;
    let at = header_content(envelope).ok_or_else(|| failed("there is no Header start tag"))?;
    let (before, after) = envelope.split_at(at);
    Ok([before, &security, after].concat())
}

fn part_digest(media: &str, body: &[u8], signing: &Signing<'_>, limits: &Limits) -> Result<Vec<u8>, ForgeError> {
    if signing.weak_digest {
        return Ok(hashed(body, signing));
    }
    // A part that says it is XML and is not has no canonical form; its raw digest is as good as any.
    let digest =
        digest::part(Transform::of(media), body, limits).or_else(|_| digest::part(Transform::Raw, body, limits));
    digest.map(|digest| digest.sha256.to_vec()).map_err(|error| ForgeError::Sign { what: error.to_string() })
}

fn hashed(bytes: &[u8], signing: &Signing<'_>) -> Vec<u8> {
    let algorithm = if signing.weak_digest { &hash::SHA1_FOR_LEGACY_USE_ONLY } else { &hash::SHA256 };
    hash::digest(algorithm, bytes).as_ref().to_vec()
}

fn reference(uri: &str, transform: &str, digest: &[u8], signing: &Signing<'_>) -> String {
    let method = if signing.weak_digest { namespace::SHA1 } else { namespace::SHA256 };
    format!(
        "<ds:Reference URI=\"{uri}\"><ds:Transforms><ds:Transform Algorithm=\"{transform}\"></ds:Transform></ds:Transforms>\
         <ds:DigestMethod Algorithm=\"{method}\"></ds:DigestMethod><ds:DigestValue>{}</ds:DigestValue></ds:Reference>",
        STANDARD.encode(digest)
    )
}

/// Written in canonical form: what is signed is this very text.
fn signed_info(references: &str, signing: &Signing<'_>) -> String {
    format!(
        "<ds:SignedInfo xmlns:ds=\"{}\"><ds:CanonicalizationMethod Algorithm=\"{}\"></ds:CanonicalizationMethod>\
         <ds:SignatureMethod Algorithm=\"{}\"></ds:SignatureMethod>{references}</ds:SignedInfo>",
        namespace::DS,
        namespace::EXC_C14N,
        signing.algorithm.uri(),
    )
}

fn security(signed_info: &str, signing: &Signing<'_>) -> Result<String, ForgeError> {
    let key = &signing.identity.key;
    let octets = signed_info.as_bytes();
    let by = |scheme: Scheme| key.sign(scheme, octets).map_err(|error| ForgeError::Sign { what: error.to_string() });
    let signature = match signing.algorithm {
        Algorithm::RsaSha256 => by(Scheme::RsaPkcs1Sha256)?,
        Algorithm::Ed25519 => by(Scheme::Ed25519)?,
        Algorithm::RsaSha1 => by(Scheme::RsaPkcs1Sha1)?,
        // Two numbers of 32 bytes, not the DER of certificates (RFC 4051, 2.3.6).
        Algorithm::EcdsaP256 => EcdsaP256Signer::from_pkcs8(key.pkcs8().secret_pkcs8_der())
            .map_err(|error| error.to_string())
            .and_then(|signer| signer.sign(octets).map_err(|error| error.to_string()))
            .map_err(|what| ForgeError::Sign { what })?,
        Algorithm::HmacSha256 => hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.spki()), octets).as_ref().to_vec(),
    };
    let (token, key_info) = key_info(signing)?;
    let (wsse, wsu, soap, ds) = (namespace::WSSE, namespace::WSU, namespace::SOAP12, namespace::DS);
    Ok(format!(
        "<wsse:Security xmlns:wsse=\"{wsse}\" xmlns:wsu=\"{wsu}\" xmlns:env=\"{soap}\" env:mustUnderstand=\"true\">\
         {token}<ds:Signature xmlns:ds=\"{ds}\" Id=\"signature\">{signed_info}<ds:SignatureValue>{}</ds:SignatureValue>\
         <ds:KeyInfo>{key_info}</ds:KeyInfo></ds:Signature></wsse:Security>",
        STANDARD.encode(signature),
    ))
}

/// How a signature says whose it is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Token {
    Certificate,
    Path,
    /// A path of the leaf alone.
    PathOfLeaf,
    KeyIdentifier,
    IssuerSerial,
    /// The certificate in KeyInfo itself, where no token is.
    Data,
    /// The key in KeyInfo itself.
    KeyValue,
}

/// The names of the tokens.
pub(crate) const TOKENS: Words<Token> = Words {
    key: "sign.token",
    known: &[
        ("x509-v3", Token::Certificate),
        ("x509-pkipath", Token::Path),
        ("x509-pkipath-leaf", Token::PathOfLeaf),
        ("ski", Token::KeyIdentifier),
        ("issuer-serial", Token::IssuerSerial),
        ("x509-data", Token::Data),
        ("key-value", Token::KeyValue),
    ],
};

/// The token before the signature, if one is carried, and what stands in KeyInfo.
fn key_info(signing: &Signing<'_>) -> Result<(String, String), ForgeError> {
    let chain = &signing.identity.chain;
    let failed = |what: &str| ForgeError::Sign { what: what.to_owned() };
    let leaf = chain.first().ok_or_else(|| failed("the signer has no certificate"))?;
    let (value_type, token) = match TOKENS.meaning(&signing.token).map_err(|what| failed(&what))? {
        Token::Certificate => (namespace::X509_V3, leaf.to_vec()),
        Token::Path => (namespace::X509_PKIPATH_V1, token::pkipath(chain)),
        Token::PathOfLeaf => (namespace::X509_PKIPATH_V1, token::pkipath(std::slice::from_ref(leaf))),
        Token::KeyIdentifier => return Ok((String::new(), naming::ski(leaf)?)),
        Token::IssuerSerial => return Ok((String::new(), naming::issuer_serial(chain)?)),
        Token::Data => {
            let leaf = STANDARD.encode(leaf);
            let data = format!("<ds:X509Data><ds:X509Certificate>{leaf}</ds:X509Certificate></ds:X509Data>");
            return Ok((String::new(), data));
        }
        Token::KeyValue => {
            let pair = RsaKeyPair::from_pkcs8(signing.identity.key.pkcs8().secret_pkcs8_der())
                .map_err(|_| failed("a key value is written of RSA keys only"))?;
            let number = |number: io::Positive<'_>| STANDARD.encode(number.big_endian_without_leading_zero());
            let (modulus, exponent) = (number(pair.public_key().modulus()), number(pair.public_key().exponent()));
            let value = format!(
                "<ds:KeyValue><ds:RSAKeyValue><ds:Modulus>{modulus}</ds:Modulus>\
                 <ds:Exponent>{exponent}</ds:Exponent></ds:RSAKeyValue></ds:KeyValue>"
            );
            return Ok((String::new(), value));
        }
    };
    let token = format!(
        "<wsse:BinarySecurityToken EncodingType=\"{}\" ValueType=\"{value_type}\" wsu:Id=\"token\">{}</wsse:BinarySecurityToken>",
        namespace::BASE64_BINARY,
        STANDARD.encode(token),
    );
    let reference = format!(
        "<wsse:SecurityTokenReference xmlns:wsse11=\"{}\" wsse11:TokenType=\"{value_type}\">\
         <wsse:Reference URI=\"#token\" ValueType=\"{value_type}\"></wsse:Reference></wsse:SecurityTokenReference>",
        namespace::WSSE11,
    );
    Ok((token, reference))
}

/// Offset just after the start tag of Header.
fn header_content(envelope: &str) -> Option<usize> {
    let document = roxmltree::Document::parse(envelope).ok()?;
    let header = document.root_element().children().find(|node| node.tag_name().name() == "Header")?;
    let start = header.range().start;
    envelope.get(start..)?.find('>').map(|end| start + end + 1)
}
