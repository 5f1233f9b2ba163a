//! Private keys of the older forms as PKCS#8, which every signer takes.
//!
//! Only the wrapping changes; whether the key is any good is the signer's to say. Implements RFC 5208 (5) around RFC 8017
//! (A.1.2, PKCS#1) and RFC 5915 (3, SEC1).

use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, alg_id};

/// Bytes of `AlgorithmIdentifier` before the curve: the identifier of elliptic-curve keys.
const EC_KEY: usize = 9;

/// The key as PKCS#8; `None` for a SEC1 key that does not name one of the curves P-256, P-384 and P-521.
pub(crate) fn pkcs8(key: PrivateKeyDer<'static>) -> Option<PrivateKeyDer<'static>> {
    let algorithm = match &key {
        PrivateKeyDer::Pkcs1(_) => alg_id::RSA_ENCRYPTION,
        PrivateKeyDer::Sec1(key) => {
            let names = |curve: &[u8]| key.secret_sec1_der().windows(curve.len()).any(|window| window == curve);
            [alg_id::ECDSA_P256, alg_id::ECDSA_P384, alg_id::ECDSA_P521]
                .into_iter()
                .find(|algorithm| algorithm.get(EC_KEY..).is_some_and(names))?
        }
        _ => return Some(key),
    };
    let version = element(0x02, &[0]);
    let content = [version, element(0x30, &algorithm), element(0x04, key.secret_der())].concat();
    Some(PrivatePkcs8KeyDer::from(element(0x30, &content)).into())
}

/// One DER element.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let significant = length.iter().position(|byte| *byte != 0).unwrap_or(length.len() - 1);
    let length = length.get(significant..).unwrap_or_default();
    let mut out = vec![tag];
    match length {
        [short @ 0..0x80] => out.push(*short),
        long => {
            out.push(0x80 | u8::try_from(long.len()).unwrap_or_default());
            out.extend_from_slice(long);
        }
    }
    out.extend_from_slice(content);
    out
}

#[cfg(test)]
mod tests {
    use rustls_pki_types::pem::PemObject;

    use super::*;

    fn read(pem: &[u8]) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from_pem_slice(pem).unwrap()
    }

    #[test]
    fn an_rsa_key_becomes_what_openssl_makes_of_it() {
        let old = read(include_bytes!("../tests/vectors/rsa-pkcs1.pem"));
        assert!(matches!(old, PrivateKeyDer::Pkcs1(_)));
        assert_eq!(pkcs8(old), Some(read(include_bytes!("../tests/vectors/rsa.pem"))));
    }

    #[test]
    fn a_curve_that_is_not_named_is_not_guessed() {
        let PrivateKeyDer::Sec1(key) = read(include_bytes!("../tests/vectors/key-sec1.pem")) else {
            panic!("not SEC1");
        };
        let other: Vec<u8> =
            key.secret_sec1_der().iter().map(|byte| if *byte == 0x3d { 0x3c } else { *byte }).collect();
        assert_eq!(pkcs8(PrivateKeyDer::Sec1(other.into())), None);
    }
}
