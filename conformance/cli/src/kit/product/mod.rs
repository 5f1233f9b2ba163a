//! `carnet kit --for`: the same agreement in the files of another product, with key and trust stores.
//!
//! Beside the kit, a folder named after the product holds its own P-Mode files, `truststore.p12` (the partner's
//! certificates and who issues them), and `keystore.p12` with a signing and a TLS key for the product, made by the
//! suite's test CA, and one to decrypt with where an agreement encrypts. A product that has keys of its own leaves that store aside. What a store is installed with is in
//! the product's manual; [`agreement.md`](super::agreement) says what was agreed.

mod domibus;
mod holodeck;
mod lines;
mod phase4;
mod policy;
mod xml;

use carnet_certs::{CertError, Identity, certificates_from_pem, key_store, trust_store};

use super::Kit;
use crate::failure::Failure;

const EBMS: &str = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/";
const DEFAULT_MPC: &str = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/defaultMPC";
const KEY_STORE: &str = "keystore.p12";
const TRUST_STORE: &str = "truststore.p12";
/// The file with the password of both stores.
pub(crate) const PASSWORD: &str = "stores.password";
const OWN_ALIAS: &str = "own-signing";
const OWN_TLS_ALIAS: &str = "own-tls";
const PARTNER_ALIAS: &str = "partner-signing";
const ENCRYPTION_ALIAS: &str = "partner-encryption";
const DECRYPTION_ALIAS: &str = "own-encryption";

/// The products whose files can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Product {
    /// Domibus, and Harmony eDelivery Access, which is built on it.
    Domibus,
    /// Holodeck B2B.
    Holodeck,
    /// phase4.
    Phase4,
}

/// The product's own keys, where the suite's test CA makes them.
#[derive(Debug, Clone)]
pub(crate) struct OwnKeys {
    /// For TLS, as client and as server.
    pub(crate) tls: Identity,
    /// For signatures.
    pub(crate) signing: Identity,
    /// What the partner encrypts for, where an agreement encrypts by RSA.
    pub(crate) encryption: Option<Identity>,
}

/// What is written into the product's folder.
#[derive(Debug, Clone)]
pub(crate) struct Export<'k> {
    /// The product.
    pub(crate) product: Product,
    /// The agreement.
    pub(crate) kit: &'k Kit,
    /// The product's own AS4 address.
    pub(crate) own_url: &'k str,
    /// Its keys; none where its operator has them.
    pub(crate) keys: Option<OwnKeys>,
    /// Password of both stores.
    pub(crate) password: &'k str,
}

impl Product {
    /// The name of its folder.
    #[must_use]
    pub(crate) const fn folder(self) -> &'static str {
        match self {
            Self::Domibus => "domibus",
            Self::Holodeck => "holodeck",
            Self::Phase4 => "phase4",
        }
    }
}

impl Export<'_> {
    /// The files, by name below the folder.
    ///
    /// # Errors
    /// A certificate of the kit that is none.
    pub(crate) fn files(&self) -> Result<Vec<(String, Vec<u8>)>, Failure> {
        let secret = self.keys.is_some().then_some(self.password);
        let texts = match self.product {
            Product::Domibus => domibus::files(self.kit, self.own_url, secret),
            Product::Holodeck => holodeck::files(self.kit, secret),
            Product::Phase4 => phase4::files(self.kit, self.password),
        };
        let mut files: Vec<(String, Vec<u8>)> =
            texts.into_iter().map(|(name, text)| (name, text.into_bytes())).collect();
        files.push((TRUST_STORE.to_owned(), self.trust_store().map_err(Failure::usage)?));
        if let Some(keys) = &self.keys {
            let (signing, decryption) = (self.own("sign"), self.own("decrypt"));
            let mut entries = vec![(signing.as_str(), &keys.signing), (OWN_TLS_ALIAS, &keys.tls)];
            entries.extend(keys.encryption.as_ref().map(|key| (decryption.as_str(), key)));
            let store = key_store(&entries, self.password);
            files.push((KEY_STORE.to_owned(), store.map_err(Failure::ours)?));
        }
        files.push((PASSWORD.to_owned(), format!("{}\n", self.password).into_bytes()));
        Ok(files)
    }

    /// Under what the own key for a purpose is looked for: Domibus makes it of the name of the party.
    fn own(&self, purpose: &str) -> String {
        match (self.product, purpose) {
            (Product::Domibus, _) => domibus::alias(self.kit, &self.kit.own.id, purpose),
            (_, "sign") => OWN_ALIAS.to_owned(),
            _ => DECRYPTION_ALIAS.to_owned(),
        }
    }

    fn trust_store(&self) -> Result<Vec<u8>, CertError> {
        let kit = self.kit;
        let (partner, encryption) = match self.product {
            Product::Domibus => {
                let of = |purpose| domibus::alias(kit, &kit.partner.id, purpose);
                (of("sign"), of("encrypt"))
            }
            Product::Holodeck | Product::Phase4 => (PARTNER_ALIAS.to_owned(), ENCRYPTION_ALIAS.to_owned()),
        };
        let mut entries = Vec::new();
        let mut add = |alias: &str, pem: Option<&str>| -> Result<(), CertError> {
            let Some(pem) = pem else { return Ok(()) };
            for (number, certificate) in certificates_from_pem(pem)?.into_iter().enumerate() {
                let alias = if number == 0 { alias.to_owned() } else { format!("{alias}-{}", number + 1) };
                entries.push((alias, certificate));
            }
            Ok(())
        };
        add(&partner, kit.signing_certificate.as_deref())?;
        add(&encryption, kit.rsa_encryption_certificate.as_deref())?;
        add("partner-tls", kit.tls_certificate.as_deref())?;
        add("signing-issuer", kit.signing_intermediates.as_deref())?;
        add("signing-anchor", Some(&kit.signing_anchors))?;
        add("tls-anchor", Some(&kit.tls_anchors))?;
        trust_store(&entries, self.password)
    }
}

/// Letters, digits, dots and hyphens: fit for a file and for an id.
fn file_name(text: &str) -> String {
    let fit: String = text.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect();
    fit.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests;
