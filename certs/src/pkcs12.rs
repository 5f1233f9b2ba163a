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
    let key = PrivateKey::from_der(identity.key.pkcs8().secret_pkcs8_der()).map_err(refused)?;
    let certs =
        identity.chain.iter().map(|der| Certificate::from_der(der)).collect::<Result<Vec<_>, _>>().map_err(refused)?;
    if certs.is_empty() {
        return Err(CertError::Pkcs12Empty);
    }
    let mut store = KeyStore::new();
    store.add_entry(alias, KeyStoreEntry::PrivateKeyChain(PrivateKeyChain::new(alias, key, certs)));
    store.writer(password).write().map_err(refused)
}

fn refused(error: p12_keystore::error::Error) -> CertError {
    CertError::Pkcs12 { reason: error.to_string() }
}
