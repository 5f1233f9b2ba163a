//! Key agreement: what stands in `xenc:AgreementMethod`, and the key-encryption key that comes of it.
//!
//! The sender's end is an ephemeral key that travels in the message; HKDF makes the key-encryption key, AES key wrap
//! carries the key of the message. The key length of HKDF is in bytes, its salt base64, its info hexadecimal.

use aws_lc_rs::agreement::{Algorithm, ECDH_P256, PrivateKey, UnparsedPublicKey, X25519, agree};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use aws_lc_rs::key_wrap::{AES_128, AesKek, KeyWrap as _};

use super::read::{algorithm, base64_of, children, shape, sole};
use super::{EncryptionError, KeyMethod};
use crate::namespace::{
    DS, DSIG_MORE, DSIG11, ECDH_ES, HKDF, HMAC_SHA256, P256_OID, X25519 as X25519_URI, XENC, XENC11,
};
use crate::xml::Element;

/// Bytes of the key-encryption key.
const KEK: usize = 16;
/// Most bytes of salt and of info that are taken.
const PARAMETER: usize = 256;

/// An agreement as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Agreement {
    pub(super) curve: Curve,
    /// The sender's ephemeral public key: SubjectPublicKeyInfo, or an uncompressed point.
    pub(super) originator: Vec<u8>,
    pub(super) derivation: Derivation,
}

/// Where the keys lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Curve {
    X25519,
    P256,
}

/// Parameters of HKDF.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Derivation {
    pub(super) salt: Vec<u8>,
    pub(super) info: Vec<u8>,
}

impl Agreement {
    pub(super) fn method(&self) -> KeyMethod {
        self.curve.method()
    }

    /// The key-encryption key, with our static or ephemeral private half.
    pub(super) fn kek(&self, ours: &PrivateKey) -> Result<[u8; KEK], EncryptionError> {
        derive(ours, self.curve, &self.originator, &self.derivation)
    }
}

impl Curve {
    pub(super) fn method(self) -> KeyMethod {
        match self {
            Self::X25519 => KeyMethod::X25519,
            Self::P256 => KeyMethod::EcdhP256,
        }
    }

    pub(super) fn algorithm(self) -> &'static Algorithm {
        match self {
            Self::X25519 => &X25519,
            Self::P256 => &ECDH_P256,
        }
    }
}

/// Agrees with `theirs` and derives the key-encryption key.
pub(super) fn derive(
    ours: &PrivateKey,
    curve: Curve,
    theirs: &[u8],
    derivation: &Derivation,
) -> Result<[u8; KEK], EncryptionError> {
    let theirs = UnparsedPublicKey::new(curve.algorithm(), theirs);
    agree(ours, theirs, EncryptionError::Failed, |secret| {
        let mut kek = [0; KEK];
        let prk = Salt::new(HKDF_SHA256, &derivation.salt).extract(secret);
        let info: [&[u8]; 1] = [&derivation.info];
        let okm = prk.expand(&info, KekLength).map_err(|_| EncryptionError::Failed)?;
        okm.fill(&mut kek).map_err(|_| EncryptionError::Failed)?;
        Ok(kek)
    })
}

/// Wraps the key of a message.
pub(super) fn wrap(kek: &[u8; KEK], key: &[u8]) -> Result<Vec<u8>, EncryptionError> {
    let mut out = vec![0; key.len() + 8];
    let kek = AesKek::new(&AES_128, kek).map_err(|_| EncryptionError::Failed)?;
    kek.wrap(key, &mut out).map_err(|_| EncryptionError::Failed)?;
    Ok(out)
}

/// Unwraps the key of a message.
pub(super) fn unwrap(kek: &[u8; KEK], wrapped: &[u8]) -> Result<Vec<u8>, EncryptionError> {
    let length = wrapped.len().checked_sub(8).ok_or(EncryptionError::Failed)?;
    let mut out = vec![0; length];
    let kek = AesKek::new(&AES_128, kek).map_err(|_| EncryptionError::Failed)?;
    kek.unwrap(wrapped, &mut out).map_err(|_| EncryptionError::Failed)?;
    Ok(out)
}

/// Reads `xenc:AgreementMethod`; gives the `RecipientKeyInfo` beside it.
//= EDEL-V2-02
pub(super) fn read<'d>(method: Element<'d>) -> Result<(Agreement, Element<'d>), EncryptionError> {
    let curve = match method.attribute("", "Algorithm") {
        Some(X25519_URI) => Curve::X25519,
        Some(ECDH_ES) => Curve::P256,
        _ => return Err(EncryptionError::KeyMethod),
    };
    let [derivation, originator, recipient] =
        children(method, [(XENC11, "KeyDerivationMethod"), (XENC, "OriginatorKeyInfo"), (XENC, "RecipientKeyInfo")])?;
    let derivation = read_derivation(derivation)?;
    let originator = read_originator(sole(originator, "OriginatorKeyInfo")?, curve)?;
    Ok((Agreement { curve, originator, derivation }, recipient))
}

struct KekLength;

impl KeyType for KekLength {
    fn len(&self) -> usize {
        KEK
    }
}

fn read_derivation(method: Element<'_>) -> Result<Derivation, EncryptionError> {
    if method.attribute("", "Algorithm") != Some(HKDF) {
        return Err(EncryptionError::Derivation);
    }
    let parameters = sole(method, "KeyDerivationMethod")?;
    if !parameters.is(DSIG_MORE, "HKDFParams") {
        return Err(EncryptionError::Derivation);
    }
    let mut derivation = Derivation::default();
    let (mut prf, mut length) = (false, false);
    // Each at most once, in the order of the schema.
    let mut order = 0;
    for child in parameters.children() {
        let (namespace, local) = child.name();
        let rank = match (namespace, local) {
            (DSIG_MORE, "PRF") => 1,
            (DSIG_MORE, "Salt") => 2,
            (DSIG_MORE, "Info") => 3,
            (DSIG_MORE, "KeyLength") => 4,
            _ => return Err(shape("HKDFParams")),
        };
        if rank <= order {
            return Err(shape("HKDFParams"));
        }
        order = rank;
        match rank {
            1 if algorithm(child) == Some(HMAC_SHA256) => prf = true,
            1 => return Err(EncryptionError::Derivation),
            2 => derivation.salt = base64_of(salt_of(child)?)?,
            3 => derivation.info = hexadecimal(child)?,
            _ => length = child.simple_text().is_ok_and(|text| text.trim() == "16"),
        }
    }
    if derivation.salt.len() > PARAMETER || derivation.info.len() > PARAMETER {
        return Err(EncryptionError::Value);
    }
    if prf && length { Ok(derivation) } else { Err(EncryptionError::Derivation) }
}

/// The salt stands in the element itself, or in `Specified` as PBKDF2 has it.
fn salt_of(salt: Element<'_>) -> Result<Element<'_>, EncryptionError> {
    if salt.children().next().is_none() {
        return Ok(salt);
    }
    let specified = sole(salt, "Salt")?;
    if specified.name().1 == "Specified" { Ok(specified) } else { Err(shape("Salt")) }
}

fn hexadecimal(element: Element<'_>) -> Result<Vec<u8>, EncryptionError> {
    let text = element.simple_text().map_err(|_| EncryptionError::Value)?;
    let digits = text.trim().as_bytes();
    if digits.len() % 2 != 0 {
        return Err(EncryptionError::Value);
    }
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
    digits
        .chunks_exact(2)
        .map(|pair| match pair {
            [high, low] => digit(high).zip(digit(low)).map(|(high, low)| high << 4 | low),
            _ => None,
        })
        .collect::<Option<_>>()
        .ok_or(EncryptionError::Value)
}

fn read_originator(key: Element<'_>, curve: Curve) -> Result<Vec<u8>, EncryptionError> {
    match (key.name(), curve) {
        ((DSIG11, "DEREncodedKeyValue"), _) => base64_of(key),
        ((DS, "KeyValue"), Curve::P256) => {
            let value = sole(key, "KeyValue")?;
            if !value.is(DSIG11, "ECKeyValue") {
                return Err(shape("KeyValue"));
            }
            let [named, public] = children(value, [(DSIG11, "NamedCurve"), (DSIG11, "PublicKey")])?;
            if named.attribute("", "URI") != Some(P256_OID) {
                return Err(EncryptionError::KeyMethod);
            }
            base64_of(public)
        }
        _ => Err(shape("OriginatorKeyInfo")),
    }
}
