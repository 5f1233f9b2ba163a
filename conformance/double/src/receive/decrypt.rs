//! Reads what is encrypted and decrypts it, rule by rule.
//!
//! RSA, GCM and CBC are taken from the cryptographic library itself and not through `carnet-wire`: a second witness, and
//! a mutant must be able to take what no sound reader takes. Key agreement is `carnet-wire`'s.

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{AES_128, DecryptingKey, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm, OaepPrivateDecryptingKey, Pkcs1PrivateDecryptingKey,
    PrivateDecryptingKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carnet_harness::root::Package;
use carnet_harness::sealed;
use carnet_wire::namespace::{
    AES128_GCM, ATTACHMENT_CIPHERTEXT, ATTACHMENT_CONTENT_ONLY, DS, KW_AES128, MGF1_SHA256, RSA_OAEP, SHA256, WSSE,
    XENC, XENC11,
};
use carnet_wire::{Limits, gzip};
use roxmltree::Node;

use super::read::child;
use crate::agreement::{Agreement, Keys, by_agreement};
use crate::mutation::Mutation;
use crate::rule::Rule;

const RSA_15: &str = "http://www.w3.org/2001/04/xmlenc#rsa-1_5";
const AES128_CBC: &str = "http://www.w3.org/2001/04/xmlenc#aes128-cbc";
const NONCE: usize = 12;
const TAG: usize = 16;

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Encryption {
    /// Something is encrypted.
    pub(crate) present: bool,
    /// The rule that reading or decrypting it broke.
    pub(crate) fault: Option<Rule>,
    /// Content-IDs of the parts that were encrypted.
    pub(crate) sealed: Vec<String>,
}

/// Decrypts the parts of a package in their places.
pub(super) fn decrypt(
    tree: &roxmltree::Document<'_>,
    package: &mut Package,
    agreement: Agreement,
    keys: &Keys,
    mutation: &Mutation,
) -> Encryption {
    let mut came = Encryption {
        present: tree.descendants().any(|node| node.tag_name().namespace() == Some(XENC)),
        ..Encryption::default()
    };
    let agreed = agreement.encrypts() || !mutation.checks(Rule::EncryptionAgreed);
    if !came.present || !agreed {
        return came;
    }
    if let Err(rule) = open(tree, package, agreement, keys, mutation, &mut came.sealed)
        && mutation.checks(rule)
    {
        came.fault = Some(rule);
    }
    came
}

/// The envelope with Messaging in its place again, where it was encrypted by RSA.
pub(super) fn with_messaging(text: &str, keys: &Keys) -> Option<String> {
    let tree = roxmltree::Document::parse(text).ok()?;
    let header = tree.root_element().children().find(|node| node.tag_name().name() == "Header")?;
    let sealed = child(header, XENC, "EncryptedData")?;
    let key = Key::of(&tree, keys).ok()?;
    let content = decoded(sealed.descendants().find(|node| node.has_tag_name((XENC, "CipherValue")))?)?;
    let plain = String::from_utf8(gcm(&key.bytes, &content, true)?).ok()?;
    let mut text = text.to_owned();
    text.replace_range(sealed.range(), &plain);
    Some(text)
}

fn open(
    tree: &roxmltree::Document<'_>,
    package: &mut Package,
    agreement: Agreement,
    keys: &Keys,
    mutation: &Mutation,
    sealed: &mut Vec<String>,
) -> Result<(), Rule> {
    let data: Vec<Node<'_, '_>> =
        tree.descendants().filter(|node| node.has_tag_name((XENC, "EncryptedData")) && in_security(*node)).collect();
    // What nobody encrypted cannot be decrypted: a key alone is passed over by whoever does not look.
    if data.is_empty() {
        return if mutation.checks(Rule::EncryptionForm) && agreement.encrypts() {
            Err(Rule::EncryptionForm)
        } else {
            Ok(())
        };
    }
    let second = method(tree) == Some(KW_AES128);
    let as_agreed = match agreement {
        Agreement::Second | Agreement::Curve => second,
        _ => Key::is_agreed(tree),
    };
    if agreement.encrypts() && !as_agreed && mutation.checks(Rule::EncryptionKey) {
        return Err(Rule::EncryptionKey);
    }
    if second {
        return by_wire(package, agreement, keys, sealed);
    }
    let key = Key::of(tree, keys)?;
    for (at, data) in data.iter().enumerate() {
        let part = Data::of(*data);
        if !part.well_formed && mutation.checks(Rule::EncryptionForm) {
            return Err(Rule::EncryptionForm);
        }
        if part.algorithm != Some(AES128_GCM) && mutation.checks(Rule::EncryptionContent) {
            return Err(Rule::EncryptionContent);
        }
        let named = package.parts.iter().position(|one| part.cid.is_some() && one.cid.as_deref() == part.cid);
        let place = named.or(part.cid.is_none().then_some(at));
        let found = place.and_then(|place| package.parts.get_mut(place)).ok_or(Rule::EncryptionForm)?;
        sealed.extend(found.cid.clone());
        let plain = match part.algorithm {
            Some(AES128_CBC) => cbc(&key.bytes, &found.body),
            _ => gcm(&key.bytes, &found.body, mutation.checks(Rule::EncryptionDecrypts))
                .or_else(|| inside_gzip(&key.bytes, &found.body).filter(|_| !mutation.checks(Rule::EncryptionFirst))),
        };
        found.body = plain.ok_or(Rule::EncryptionDecrypts)?;
        if let Some(media) = part.media {
            media.clone_into(&mut found.content_type);
        }
    }
    Ok(())
}

/// By agreement on a key.
fn by_wire(package: &mut Package, agreement: Agreement, keys: &Keys, sealed: &mut Vec<String>) -> Result<(), Rule> {
    use carnet_wire::encryption::EncryptionError as Error;
    let encrypted = sealed::read(&package.envelope, &by_agreement(agreement)).map_err(|error| match error {
        Error::KeyMethod | Error::Derivation => Rule::EncryptionKey,
        Error::ContentAlgorithm => Rule::EncryptionContent,
        _ => Rule::EncryptionForm,
    })?;
    let encrypted = encrypted.ok_or(Rule::EncryptionForm)?;
    let key = encrypted.open(&keys.agreed).map_err(|_| Rule::EncryptionDecrypts)?;
    for one in encrypted.parts() {
        let part = package.parts.iter_mut().find(|part| part.cid.as_deref() == Some(&one.cid));
        let part = part.ok_or(Rule::EncryptionForm)?;
        part.body = key.decrypt(part.body.clone()).map_err(|_| Rule::EncryptionDecrypts)?;
        if let Some(media) = &one.media {
            part.content_type.clone_from(media);
        }
        sealed.push(one.cid.clone());
    }
    Ok(())
}

/// The key of a message that RSA handed over.
struct Key {
    bytes: Vec<u8>,
}

impl Key {
    /// Whether it was handed over by RSA-OAEP with SHA-256 twice.
    fn is_agreed(tree: &roxmltree::Document<'_>) -> bool {
        let Some(method) = key_of(tree).and_then(|key| child(key, XENC, "EncryptionMethod")) else { return false };
        let by = |space, local| child(method, space, local).and_then(|node| node.attribute("Algorithm"));
        method.attribute("Algorithm") == Some(RSA_OAEP)
            && by(DS, "DigestMethod") == Some(SHA256)
            && by(XENC11, "MGF") == Some(MGF1_SHA256)
    }

    fn of(tree: &roxmltree::Document<'_>, keys: &Keys) -> Result<Self, Rule> {
        let key = key_of(tree).ok_or(Rule::EncryptionForm)?;
        let value = key.descendants().find(|node| node.has_tag_name((XENC, "CipherValue"))).and_then(decoded);
        let wrapped = value.ok_or(Rule::EncryptionForm)?;
        let ours = || PrivateDecryptingKey::from_pkcs8(keys.rsa.key.pkcs8().secret_pkcs8_der()).ok();
        let oaep = |algorithm: &'static OaepAlgorithm| {
            let ours = OaepPrivateDecryptingKey::new(ours()?).ok()?;
            let mut out = vec![0; ours.min_output_size()];
            ours.decrypt(algorithm, &wrapped, &mut out, None).ok().map(|key| key.to_vec())
        };
        let bytes = match method(tree) {
            Some(RSA_15) => ours().and_then(|ours| {
                let ours = Pkcs1PrivateDecryptingKey::new(ours).ok()?;
                let mut out = vec![0; ours.min_output_size()];
                ours.decrypt(&wrapped, &mut out).ok().map(|key| key.to_vec())
            }),
            _ if Self::is_agreed(tree) => oaep(&OAEP_SHA256_MGF1SHA256),
            _ => oaep(&OAEP_SHA1_MGF1SHA1),
        };
        bytes.filter(|bytes| bytes.len() == 16).map(|bytes| Self { bytes }).ok_or(Rule::EncryptionDecrypts)
    }
}

/// What is told of an encrypted part.
struct Data<'d> {
    cid: Option<&'d str>,
    media: Option<&'d str>,
    algorithm: Option<&'d str>,
    well_formed: bool,
}

impl<'d> Data<'d> {
    fn of(data: Node<'d, '_>) -> Self {
        let reference = data.descendants().find(|node| node.has_tag_name((XENC, "CipherReference")));
        let transform = reference.and_then(|node| node.descendants().find(|one| one.has_tag_name((DS, "Transform"))));
        let cid = reference.and_then(|node| node.attribute("URI")).and_then(|uri| uri.strip_prefix("cid:"));
        Self {
            cid,
            media: data.attribute("MimeType"),
            algorithm: child(data, XENC, "EncryptionMethod").and_then(|node| node.attribute("Algorithm")),
            well_formed: cid.is_some()
                && data.attribute("Type") == Some(ATTACHMENT_CONTENT_ONLY)
                && transform.and_then(|node| node.attribute("Algorithm")) == Some(ATTACHMENT_CIPHERTEXT),
        }
    }
}

fn in_security(node: Node<'_, '_>) -> bool {
    node.parent().is_some_and(|parent| parent.has_tag_name((WSSE, "Security")))
}

fn key_of<'a, 'i>(tree: &'a roxmltree::Document<'i>) -> Option<Node<'a, 'i>> {
    tree.descendants().find(|node| node.has_tag_name((XENC, "EncryptedKey")))
}

fn method<'a>(tree: &'a roxmltree::Document<'_>) -> Option<&'a str> {
    child(key_of(tree)?, XENC, "EncryptionMethod")?.attribute("Algorithm")
}

fn decoded(node: Node<'_, '_>) -> Option<Vec<u8>> {
    let dense: String = node.text()?.split_whitespace().collect();
    STANDARD.decode(dense).ok()
}

/// AES-128-GCM; without a look at the tag it is a counter alone.
fn gcm(key: &[u8], transported: &[u8], tagged: bool) -> Option<Vec<u8>> {
    let (nonce, sealed) = transported.split_at_checked(NONCE)?;
    let mut text = sealed.to_vec();
    if tagged {
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, key).ok()?);
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let length = key.open_in_place(nonce, Aad::empty(), &mut text).ok()?.len();
        text.truncate(length);
        return Some(text);
    }
    text.truncate(text.len().checked_sub(TAG)?);
    let mut counter = [0; 16];
    for (to, from) in counter.iter_mut().zip(nonce.iter().chain(&[0, 0, 0, 2])) {
        *to = *from;
    }
    let key = UnboundCipherKey::new(&AES_128, key).and_then(DecryptingKey::ctr).ok()?;
    let plain = key.decrypt(&mut text, DecryptionContext::Iv128(FixedLength::from(counter))).ok()?;
    Some(plain.to_vec())
}

fn cbc(key: &[u8], transported: &[u8]) -> Option<Vec<u8>> {
    let (iv, sealed) = transported.split_at_checked(16)?;
    let iv: [u8; 16] = iv.try_into().ok()?;
    let mut text = sealed.to_vec();
    let key = UnboundCipherKey::new(&AES_128, key).and_then(PaddedBlockDecryptingKey::cbc_pkcs7).ok()?;
    let plain = key.decrypt(&mut text, DecryptionContext::Iv128(FixedLength::from(iv))).ok()?;
    Some(plain.to_vec())
}

/// What was encrypted before it was compressed, compressed once more, so that the rest meets what it expects.
fn inside_gzip(key: &[u8], transported: &[u8]) -> Option<Vec<u8>> {
    let sealed = gzip::inflate(transported, &Limits::default()).ok()?;
    gcm(key, &sealed, true).map(|plain| gzip::deflate(&plain))
}
