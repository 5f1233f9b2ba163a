//! PKCS#12 files: what operators hold their keys in.

use p12_keystore::{Certificate, KeyStore, KeyStoreEntry, Pkcs12ImportPolicy, PrivateKey, PrivateKeyChain};
use rustls_pki_types::CertificateDer;

use crate::{CertError, Identity, Key};

pub(crate) fn read(bytes: &[u8], password: &str) -> Result<Identity, CertError> {
    let store = KeyStore::from_pkcs12(bytes, password, Pkcs12ImportPolicy::Strict).map_err(refused)?;
    let (_, found) = store.private_key_chain().ok_or(CertError::Pkcs12Empty)?;
    let key = Key::from_pkcs8(found.key().as_der())?;
    let chain: Vec<_> = found.certs().iter().map(|cert| CertificateDer::from(cert.as_der().to_vec())).collect();
    if chain.is_empty() {
        return Err(CertError::Pkcs12Empty);
    }
    Ok(Identity { chain, key })
}

pub(crate) fn write(identity: &Identity, alias: &str, password: &str) -> Result<Vec<u8>, CertError> {
    key_store(&[(alias, identity)], password)
}

/// A PKCS#12 store of several keys with their chains, each under its alias.
///
/// # Errors
/// [`CertError::Pkcs12Empty`] when a chain is empty, [`CertError::Pkcs12`] when it holds what is not a certificate.
pub fn key_store(entries: &[(&str, &Identity)], password: &str) -> Result<Vec<u8>, CertError> {
    let mut store = KeyStore::new();
    for (alias, identity) in entries {
        let key = PrivateKey::from_der(identity.key.pkcs8().secret_pkcs8_der()).map_err(refused)?;
        let certs = identity.chain.iter().map(|der| Certificate::from_der(der)).collect::<Result<Vec<_>, _>>();
        let certs = certs.map_err(refused)?;
        if certs.is_empty() {
            return Err(CertError::Pkcs12Empty);
        }
        store.add_entry(alias, KeyStoreEntry::PrivateKeyChain(PrivateKeyChain::new(*alias, key, certs)));
    }
    store.writer(password).write().map_err(refused)
}

/// A PKCS#12 store of trusted certificates, each under its alias, marked so that programs in Java see them.
///
/// # Errors
/// [`CertError::Pkcs12`] when one is not a certificate.
pub fn trust_store(entries: &[(String, CertificateDer<'static>)], password: &str) -> Result<Vec<u8>, CertError> {
    let mut store = KeyStore::new();
    for (alias, certificate) in entries {
        let certificate = Certificate::from_der(certificate).map_err(refused)?;
        store.add_entry(alias, KeyStoreEntry::Certificate(certificate));
    }
    store.writer(password).write().map_err(refused)
}

/// A password that nobody can guess: 128 bits, hexadecimal.
///
/// # Errors
/// [`CertError::Key`] when the system gives no randomness.
pub fn fresh_password() -> Result<String, CertError> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(crate::key::refused)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn refused(error: p12_keystore::error::Error) -> CertError {
    CertError::Pkcs12 { reason: error.to_string() }
}
