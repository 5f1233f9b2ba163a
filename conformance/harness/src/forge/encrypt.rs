//! Encrypts payloads for the subject, rightly or wrongly.
//!
//! What RSA hands over is written here, so that algorithms, order and places can be what no sound library would write;
//! key agreement is `carnet-wire`'s. Wrong means really done in the wrong way: a node that takes it can decrypt it.
//! Follows XML encryption 1.1, WS-Security SwA profile 1.1.1 (5.5), eDelivery AS4 1.15 and 2.0.

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{AES_128, EncryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::rand;
use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm, OaepPublicEncryptingKey, Pkcs1PublicEncryptingKey,
    PublicEncryptingKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carnet_catalogue::step::EncryptChoice;
use carnet_wire::encryption::{Fresh, KeyMethod, Recipient, Sealer};
use carnet_wire::{gzip, namespace};
use rustls_pki_types::CertificateDer;

use super::ForgeError;
use super::envelope::Transported;
use super::naming;
use crate::words::Words;

/// How the key of a message is handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyTransport {
    /// RSA-OAEP with SHA-256 and MGF1-SHA-256.
    RsaOaep,
    /// RSA-OAEP with SHA-1 and MGF1-SHA-1.
    RsaOaepSha1,
    /// RSA PKCS#1 v1.5.
    Rsa15,
    /// Agreed with the key of the recipient's certificate: X25519 or ECDH on P-256.
    Agreement,
}

/// How parts are encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Content {
    /// AES-128-GCM.
    #[default]
    Aes128Gcm,
    /// AES-128-CBC, which nothing authenticates.
    Aes128Cbc,
}

/// When parts are encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Order {
    /// After they were compressed and signed.
    #[default]
    AfterSigning,
    /// After compression, and what is signed is the ciphertext.
    BeforeSigning,
    /// The ciphertext is compressed, and signed then.
    BeforeCompression,
}

/// The ways to hand a key over; a step has one word more, for a message that is not encrypted.
pub(crate) const KEYS: Words<KeyTransport> = Words {
    key: "encrypt.key",
    known: &[
        ("rsa-oaep", KeyTransport::RsaOaep),
        ("rsa-oaep-sha1", KeyTransport::RsaOaepSha1),
        ("rsa-1.5", KeyTransport::Rsa15),
        ("agreement", KeyTransport::Agreement),
    ],
};

/// The ways to encrypt parts.
pub(crate) const CONTENTS: Words<Content> =
    Words { key: "encrypt.content", known: &[("aes128-gcm", Content::Aes128Gcm), ("aes128-cbc", Content::Aes128Cbc)] };

/// The moments to encrypt parts.
pub(crate) const ORDERS: Words<Order> = Words {
    key: "encrypt.order",
    known: &[
        ("after-signing", Order::AfterSigning),
        ("before-signing", Order::BeforeSigning),
        ("before-compression", Order::BeforeCompression),
    ],
};

/// How a message is encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Encryption {
    /// Whom the key is encrypted for.
    pub recipient: CertificateDer<'static>,
    /// How.
    pub key: KeyTransport,
    /// How parts are encrypted.
    pub content: Content,
    /// When.
    pub order: Order,
    /// Payloads that are left as they are, by number from 1.
    pub omit: Vec<usize>,
    /// `eb:Messaging` is encrypted in its place, too.
    pub messaging: bool,
}

impl Encryption {
    /// Whether the key of a message can be handed over to that certificate in the way that `choice` asks for.
    #[must_use]
    pub fn fits(recipient: &CertificateDer<'static>, choice: &EncryptChoice) -> bool {
        let rsa = Recipient::new(recipient.clone()).is_ok_and(|recipient| recipient.method() == KeyMethod::RsaOaep);
        match choice.key.as_deref() {
            None => true,
            Some("agreement") => !rsa,
            Some(_) => rsa,
        }
    }

    /// As agreed but for what `choice` says: every payload for the recipient, after signing, with AES-128-GCM, the key
    /// handed over as the recipient's own key is made for.
    ///
    /// # Errors
    /// In words: an unknown name, or a certificate that nothing can be encrypted for.
    pub fn of(recipient: CertificateDer<'static>, choice: &EncryptChoice) -> Result<Self, String> {
        let key = match KEYS.choice(choice.key.as_deref())? {
            Some(key) => key,
            None => match Recipient::new(recipient.clone()).map_err(|error| error.to_string())?.method() {
                KeyMethod::RsaOaep => KeyTransport::RsaOaep,
                _ => KeyTransport::Agreement,
            },
        };
        let content = CONTENTS.choice(choice.content.as_deref())?.unwrap_or_default();
        let order = ORDERS.choice(choice.order.as_deref())?.unwrap_or_default();
        Ok(Self { recipient, key, content, order, omit: choice.omit.clone(), messaging: choice.messaging })
    }
}

/// Encrypts the parts in their places, and Messaging in `envelope` where that is asked for; gives what goes into the
/// security header. `plain` are the same parts before compression.
pub(super) fn parts(
    parts: &mut [Transported],
    plain: &[Transported],
    envelope: &mut String,
    how: &Encryption,
) -> Result<String, ForgeError> {
    if how.key == KeyTransport::Agreement {
        let recipient = Recipient::new(how.recipient.clone()).map_err(failed)?;
        let mut sealer = Sealer::new(&recipient, Fresh::new(&random()?)).map_err(failed)?;
        each(parts, plain, how, |cid, media, content| sealer.seal(cid, media, content.to_vec()).map_err(failed))?;
        return sealer.header("encrypted").map_err(failed);
    }
    let key = random()?;
    let (mut ids, mut data) = (Vec::new(), String::new());
    each(parts, plain, how, |cid, media, content| {
        let id = format!("encrypted-data-{}", ids.len() + 1);
        let kind = namespace::ATTACHMENT_CONTENT_ONLY;
        let reference = format!(
            "<xenc:CipherReference URI=\"cid:{cid}\"><xenc:Transforms><ds:Transform xmlns:ds=\"{}\" Algorithm=\"{}\">\
             </ds:Transform></xenc:Transforms></xenc:CipherReference>",
            namespace::DS,
            namespace::ATTACHMENT_CIPHERTEXT
        );
        data.push_str(&encrypted_data(&id, kind, &format!(" MimeType=\"{media}\""), &reference, how.content));
        ids.push(id);
        seal(&key, how.content, content)
    })?;
    if how.messaging {
        let id = "encrypted-messaging";
        let range = messaging(envelope).ok_or_else(|| failed("there is no Messaging to encrypt"))?;
        let sealed = seal(&key, how.content, envelope.get(range.clone()).unwrap_or_default().as_bytes())?;
        let value = format!("<xenc:CipherValue>{}</xenc:CipherValue>", STANDARD.encode(sealed));
        let kind = "http://www.w3.org/2001/04/xmlenc#Element";
        envelope.replace_range(range, &encrypted_data(id, kind, "", &value, how.content));
        ids.push(id.to_owned());
    }
    Ok(encrypted_key(&key, &ids, how)? + &data)
}

/// Seals each part that is not left out.
fn each(
    parts: &mut [Transported],
    plain: &[Transported],
    how: &Encryption,
    mut seal: impl FnMut(&str, &str, &[u8]) -> Result<Vec<u8>, ForgeError>,
) -> Result<(), ForgeError> {
    let early = how.order == Order::BeforeCompression;
    for (at, part) in parts.iter_mut().enumerate().filter(|(at, _)| !how.omit.contains(&(at + 1))) {
        let content = if early { plain.get(at).map_or(&[][..], |plain| &plain.body) } else { &part.body };
        let sealed = seal(&part.cid, part.media(), content)?;
        part.body = if early { gzip::deflate(&sealed) } else { sealed };
        part.set_media("application/octet-stream");
    }
    Ok(())
}

const KEY_ID: &str = "encrypted-key";

fn encrypted_key(key: &[u8; 16], ids: &[String], how: &Encryption) -> Result<String, ForgeError> {
    let (_, certificate) = x509_parser::parse_x509_certificate(&how.recipient).map_err(failed)?;
    let public = || PublicEncryptingKey::from_der(certificate.public_key().raw).map_err(failed);
    let oaep = |algorithm: &'static OaepAlgorithm| {
        let public = OaepPublicEncryptingKey::new(public()?).map_err(failed)?;
        let mut wrapped = vec![0; public.ciphertext_size()];
        public.encrypt(algorithm, key, &mut wrapped, None).map_err(failed)?;
        Ok::<_, ForgeError>(wrapped)
    };
    let method = |digest: &str, mgf: &str| {
        format!(
            "<xenc:EncryptionMethod Algorithm=\"{}\"><ds:DigestMethod xmlns:ds=\"{}\" Algorithm=\"{digest}\">\
             </ds:DigestMethod><xenc11:MGF xmlns:xenc11=\"{}\" Algorithm=\"{mgf}\"></xenc11:MGF></xenc:EncryptionMethod>",
            namespace::RSA_OAEP,
            namespace::DS,
            namespace::XENC11
        )
    };
    let (wrapped, method) = match how.key {
        KeyTransport::RsaOaep => (oaep(&OAEP_SHA256_MGF1SHA256)?, method(namespace::SHA256, namespace::MGF1_SHA256)),
        KeyTransport::RsaOaepSha1 => {
            let mgf = "http://www.w3.org/2009/xmlenc11#mgf1sha1";
            (oaep(&OAEP_SHA1_MGF1SHA1)?, method(namespace::SHA1, mgf))
        }
        KeyTransport::Rsa15 => {
            let public = Pkcs1PublicEncryptingKey::new(public()?).map_err(failed)?;
            let mut wrapped = vec![0; public.ciphertext_size()];
            public.encrypt(key, &mut wrapped).map_err(failed)?;
            let uri = "http://www.w3.org/2001/04/xmlenc#rsa-1_5";
            (wrapped, format!("<xenc:EncryptionMethod Algorithm=\"{uri}\"></xenc:EncryptionMethod>"))
        }
        KeyTransport::Agreement => return Err(failed("an agreed key is handed over in another form")),
    };
    let references: String =
        ids.iter().map(|id| format!("<xenc:DataReference URI=\"#{id}\"></xenc:DataReference>")).collect();
    Ok(format!(
        "<xenc:EncryptedKey xmlns:xenc=\"{}\" Id=\"{KEY_ID}\">{method}<ds:KeyInfo xmlns:ds=\"{}\">{}</ds:KeyInfo>\
         <xenc:CipherData><xenc:CipherValue>{}</xenc:CipherValue></xenc:CipherData>\
         <xenc:ReferenceList>{references}</xenc:ReferenceList></xenc:EncryptedKey>",
        namespace::XENC,
        namespace::DS,
        naming::ski(&how.recipient)?,
        STANDARD.encode(wrapped),
    ))
}

fn encrypted_data(id: &str, kind: &str, attributes: &str, cipher: &str, content: Content) -> String {
    let algorithm = match content {
        Content::Aes128Gcm => namespace::AES128_GCM,
        Content::Aes128Cbc => "http://www.w3.org/2001/04/xmlenc#aes128-cbc",
    };
    format!(
        "<xenc:EncryptedData xmlns:xenc=\"{}\" Id=\"{id}\" Type=\"{kind}\"{attributes}>\
         <xenc:EncryptionMethod Algorithm=\"{algorithm}\"></xenc:EncryptionMethod>\
         <ds:KeyInfo xmlns:ds=\"{}\"><wsse:SecurityTokenReference xmlns:wsse=\"{}\" xmlns:wsse11=\"{}\" \
         wsse11:TokenType=\"{}\"><wsse:Reference URI=\"#{KEY_ID}\"></wsse:Reference></wsse:SecurityTokenReference>\
         </ds:KeyInfo><xenc:CipherData>{cipher}</xenc:CipherData></xenc:EncryptedData>",
        namespace::XENC,
        namespace::DS,
        namespace::WSSE,
        namespace::WSSE11,
        namespace::ENCRYPTED_KEY,
    )
}

/// What is transported: nonce or initialisation vector, ciphertext, and the tag of GCM.
fn seal(key: &[u8; 16], content: Content, plain: &[u8]) -> Result<Vec<u8>, ForgeError> {
    match content {
        Content::Aes128Gcm => {
            let nonce: [u8; 12] = random()?;
            let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, key).map_err(failed)?);
            let mut text = plain.to_vec();
            key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut text)
                .map_err(failed)?;
            Ok([nonce.as_slice(), &text].concat())
        }
        Content::Aes128Cbc => {
            let iv: [u8; 16] = random()?;
            let key = UnboundCipherKey::new(&AES_128, key).and_then(PaddedBlockEncryptingKey::cbc_pkcs7);
            let mut text = plain.to_vec();
            let context = EncryptionContext::Iv128(FixedLength::from(iv));
            key.and_then(|key| key.less_safe_encrypt(&mut text, context)).map_err(failed)?;
            Ok([iv.as_slice(), &text].concat())
        }
    }
}

/// Where Messaging stands in the envelope.
fn messaging(envelope: &str) -> Option<std::ops::Range<usize>> {
    let document = roxmltree::Document::parse(envelope).ok()?;
    document.descendants().find(|node| node.has_tag_name((super::EB, "Messaging"))).map(|node| node.range())
}

fn random<const N: usize>() -> Result<[u8; N], ForgeError> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

fn failed(what: impl ToString) -> ForgeError {
    ForgeError::Encrypt { what: what.to_string() }
}
