//! How messages under each agreement are secured: whose keys sign, encrypt and decrypt.

use carnet_catalogue::profile::RSA;
use carnet_catalogue::subject::Agreement;
use carnet_certs::{Identity, Usage};
use carnet_wire::encryption::DecryptionKey;
use rustls_pki_types::CertificateDer;

use super::{SetupError, SubjectFiles};

/// What secures the messages of one agreement beside the parties' usual identities.
#[derive(Debug, Default)]
pub struct Security {
    /// What the suite's party signs with, where that is not its usual identity.
    pub signing: Option<Identity>,
    /// Whom payloads for the subject are encrypted for; none where they are not encrypted.
    pub recipient: Option<CertificateDer<'static>>,
    /// What the subject encrypts for.
    pub decryption: Option<DecryptionKey>,
}

impl Security {
    /// The certificate that the subject encrypts for.
    #[must_use]
    pub fn own(&self) -> Option<&CertificateDer<'static>> {
        self.decryption.as_ref().map(DecryptionKey::certificate)
    }

    /// Reads the keys of an agreement.
    pub(super) fn read(files: &SubjectFiles, name: &str, agreement: &Agreement) -> Result<Self, SetupError> {
        let profile = agreement.secured();
        let signing = match profile.signing {
            RSA => None,
            kind => Some(files.further(Usage::Signing, kind)?),
        };
        let Some(kind) = profile.encryption else { return Ok(Self { signing, ..Self::default() }) };
        let Some(file) = &agreement.encryption_certificate else {
            let what = format!("profile {} encrypts, and [{name}] names no encryption_certificate", profile.name);
            let help = "name the PEM file with the certificate that payloads for the subject are encrypted for";
            return Err(files.wrong(&format!("[{name}]"), what).with_help(help).into());
        };
        let recipient = files.anchors(std::slice::from_ref(file))?.into_iter().next();
        let own = match &files.subject.suite.encryption {
            Some(own) if agreement.secured().signing == RSA => {
                files.identity(Some(own), &files.subject.suite.party.id, "encryption")?
            }
            _ => files.further(Usage::Encryption, kind)?,
        };
        let leaf = own.leaf().cloned().unwrap_or_else(|| CertificateDer::from(Vec::new()));
        let decryption = DecryptionKey::new(own.key.pkcs8().secret_pkcs8_der(), leaf).map_err(|error| {
            let help = "the key that the subject encrypts for is RSA, X25519 or P-256, and its certificate allows it";
            files.wrong(&format!("[{name}]"), format!("the suite's encryption key: {error}")).with_help(help)
        })?;
        Ok(Self { signing, recipient, decryption: Some(decryption) })
    }
}
