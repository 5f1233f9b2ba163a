//! Writing `xenc:EncryptedKey` and `xenc:EncryptedData` for a security header.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::agreement::Curve;
use super::seal::{Ephemeral, Handed};
use super::{EncryptedPart, EncryptionError, Recipient};
use crate::emit::{Canonical, Name};
use crate::namespace::{
    AES128_GCM, ATTACHMENT_CIPHERTEXT, ATTACHMENT_CONTENT_ONLY, DS, DSIG_MORE, DSIG11, ECDH_ES, ENCRYPTED_KEY, HKDF,
    HMAC_SHA256, KW_AES128, MGF1_SHA256, P256_OID, RSA_OAEP, SHA256, WSSE, WSSE11, X25519, XENC, XENC11,
};
use crate::wss::SignError;
use crate::{token, wss};

/// Puts what [`super::Sealer::header`] gave in as the first children of the security header, where a receiver that
/// works through the header in order meets it before the signature.
///
/// # Errors
/// [`SignError::Envelope`] when there is no security header.
pub fn insert(envelope: &str, header: &str) -> Result<String, SignError> {
    wss::insert_first(envelope, 2, (WSSE, "Security"), header)
}

//= EDEL-ENCRYPT-02
pub(super) fn header(
    id: &str,
    recipient: &Recipient,
    handed: &Handed,
    parts: &[EncryptedPart],
) -> Result<String, EncryptionError> {
    let key_id = format!("{id}-key");
    let data_ids: Vec<String> = (1..=parts.len()).map(|n| format!("{id}-data-{n}")).collect();
    let mut out = Canonical::new();
    key(&mut out, &key_id, recipient, handed, &data_ids)?;
    for (part, id) in parts.iter().zip(&data_ids) {
        data(&mut out, id, &format!("#{key_id}"), part);
    }
    out.finish().map(|emitted| emitted.text).map_err(|_| EncryptionError::Value)
}

fn key(
    out: &mut Canonical,
    id: &str,
    recipient: &Recipient,
    handed: &Handed,
    data_ids: &[String],
) -> Result<(), EncryptionError> {
    out.start(xenc("EncryptedKey"), &[(Name::local("Id"), id)]);
    match &handed.agreement {
        None => {
            out.start(xenc("EncryptionMethod"), &by(RSA_OAEP));
            out.leaf(ds("DigestMethod"), &by(SHA256), "");
            out.leaf(Name::new("xenc11", XENC11, "MGF"), &by(MGF1_SHA256), "");
            out.end().start(ds("KeyInfo"), &[]);
            token::name(out, recipient.certificate())?;
            out.end();
        }
        Some(ephemeral) => {
            out.leaf(xenc("EncryptionMethod"), &by(KW_AES128), "");
            out.start(ds("KeyInfo"), &[]);
            agreement(out, ephemeral, recipient)?;
            out.end();
        }
    }
    out.start(xenc("CipherData"), &[]);
    out.leaf(xenc("CipherValue"), &[], &STANDARD.encode(&handed.wrapped));
    out.end().start(xenc("ReferenceList"), &[]);
    for id in data_ids {
        out.leaf(xenc("DataReference"), &[(Name::local("URI"), &format!("#{id}"))], "");
    }
    out.end().end();
    Ok(())
}

//= EDEL-V2-02
fn agreement(out: &mut Canonical, ephemeral: &Ephemeral, recipient: &Recipient) -> Result<(), EncryptionError> {
    let uri = match ephemeral.curve {
        Curve::X25519 => X25519,
        Curve::P256 => ECDH_ES,
    };
    let more = |local| Name::new("dsigmore", DSIG_MORE, local);
    out.start(xenc("AgreementMethod"), &by(uri));
    out.start(Name::new("xenc11", XENC11, "KeyDerivationMethod"), &by(HKDF));
    out.start(more("HKDFParams"), &[]);
    out.leaf(more("PRF"), &by(HMAC_SHA256), "");
    out.leaf(more("Salt"), &[], &STANDARD.encode(&ephemeral.salt));
    out.leaf(more("KeyLength"), &[], "16");
    out.end().end();
    out.start(xenc("OriginatorKeyInfo"), &[]);
    let dsig11 = |local| Name::new("dsig11", DSIG11, local);
    match ephemeral.curve {
        Curve::X25519 => {
            out.leaf(dsig11("DEREncodedKeyValue"), &[], &STANDARD.encode(&ephemeral.info));
        }
        Curve::P256 => {
            out.start(ds("KeyValue"), &[]).start(dsig11("ECKeyValue"), &[]);
            out.leaf(dsig11("NamedCurve"), &[(Name::local("URI"), P256_OID)], "");
            out.leaf(dsig11("PublicKey"), &[], &STANDARD.encode(&ephemeral.key));
            out.end().end();
        }
    }
    out.end().start(xenc("RecipientKeyInfo"), &[]);
    token::name(out, recipient.certificate())?;
    out.end().end();
    Ok(())
}

fn data(out: &mut Canonical, id: &str, key: &str, part: &EncryptedPart) {
    let mut attributes = vec![(Name::local("Id"), id), (Name::local("Type"), ATTACHMENT_CONTENT_ONLY)];
    if let Some(media) = &part.media {
        attributes.push((Name::local("MimeType"), media));
    }
    out.start(xenc("EncryptedData"), &attributes);
    out.leaf(xenc("EncryptionMethod"), &by(AES128_GCM), "");
    out.start(ds("KeyInfo"), &[]);
    let kind = (Name::new("wsse11", WSSE11, "TokenType"), ENCRYPTED_KEY);
    out.start(wsse("SecurityTokenReference"), &[kind]);
    out.leaf(wsse("Reference"), &[(Name::local("URI"), key)], "");
    out.end().end().start(xenc("CipherData"), &[]);
    let uri = format!("cid:{}", part.cid);
    out.start(xenc("CipherReference"), &[(Name::local("URI"), &uri)]);
    out.start(xenc("Transforms"), &[]);
    out.leaf(ds("Transform"), &by(ATTACHMENT_CIPHERTEXT), "");
    out.end().end().end().end();
}

fn by(uri: &str) -> [(Name<'_>, &str); 1] {
    [(Name::local("Algorithm"), uri)]
}

const fn xenc(local: &str) -> Name<'_> {
    Name::new("xenc", XENC, local)
}

const fn ds(local: &str) -> Name<'_> {
    Name::new("ds", DS, local)
}

const fn wsse(local: &str) -> Name<'_> {
    Name::new("wsse", WSSE, local)
}
