//! Whose signature and which encryption a step asks for, and what is wrong with them.

use carnet_catalogue::step::{EncryptChoice, SignChoice};
use carnet_certs::Identity;

use crate::forge::{Algorithm, Encryption, Omit, Signing};
use crate::setup::Setup;
use crate::words::Words;

/// What version 2.0 signs with, by the agreement's own key.
const OF_VERSION_2: [&str; 2] = ["ed25519", "ecdsa-sha256"];

/// What a signature leaves out.
pub(crate) const OMITTED: Words<fn(&mut Omit)> = Words {
    key: "sign.omit",
    known: &[
        ("messaging", |omit| omit.messaging = true),
        ("body", |omit| omit.body = true),
        ("parts", |omit| omit.parts = true),
    ],
};

/// What a signature is made with.
pub(crate) const ALGORITHMS: Words<Algorithm> = Words {
    key: "sign.algorithm",
    known: &[
        ("rsa-sha256", Algorithm::RsaSha256),
        ("ed25519", Algorithm::Ed25519),
        ("ecdsa-sha256", Algorithm::EcdsaP256),
        ("rsa-sha1", Algorithm::RsaSha1),
        ("hmac-sha256", Algorithm::HmacSha256),
    ],
};

/// Whether a digest is made with the weak algorithm.
pub(crate) const WEAK: Words<bool> = Words { key: "sign.digest", known: &[("sha256", false), ("sha1", true)] };

/// Whether a message is encrypted for the suite itself, whose key the subject has not.
pub(crate) const FOR_SUITE: Words<bool> = Words { key: "encrypt.for", known: &[("subject", false), ("suite", true)] };

/// An identity with the choices of a step.
#[derive(Debug, Clone)]
pub(crate) struct Signer {
    identity: Identity,
    token: String,
    omit: Omit,
    algorithm: Algorithm,
    weak_digest: bool,
    before_compression: bool,
}

impl Signer {
    /// The signer of a step; none for an unsigned message.
    ///
    /// # Errors
    /// In words: an unknown name, or an identity that is not there.
    pub(crate) fn of(
        setup: &Setup,
        agreement: Option<&str>,
        speaker: Option<&str>,
        choice: Option<&SignChoice>,
    ) -> Result<Option<Self>, String> {
        let none = SignChoice::default();
        let choice = choice.unwrap_or(&none);
        let name = choice.identity.as_deref().or(speaker).unwrap_or("partner");
        // Another algorithm than the agreement's is that of the usual identity's key.
        let usual = choice.algorithm.as_deref().is_some_and(|algorithm| !OF_VERSION_2.contains(&algorithm));
        let own = setup.security(agreement)?.signing.as_ref().filter(|_| name == "partner" && !usual);
        let Some(identity) = own.map_or_else(|| setup.identity(name, "signing"), |own| Ok(Some(own.clone())))? else {
            return Ok(None);
        };
        let agreed = setup.subject.agreed(agreement);
        let mut omit = Omit::default();
        for what in &choice.omit {
            OMITTED.meaning(what)?(&mut omit);
        }
        let algorithm = ALGORITHMS.choice(choice.algorithm.as_deref())?;
        let weak_digest = WEAK.choice(choice.digest.as_deref())?;
        Ok(Some(Self {
            token: choice.token.clone().unwrap_or_else(|| agreed.token.clone()),
            omit,
            algorithm: algorithm.unwrap_or_else(|| Algorithm::of(&identity)),
            weak_digest: weak_digest.unwrap_or_default(),
            identity,
            before_compression: choice.before_compression,
        }))
    }

    /// As the forge wants it.
    pub(crate) fn signing(&self) -> Signing<'_> {
        Signing {
            identity: &self.identity,
            token: self.token.clone(),
            omit: self.omit,
            algorithm: self.algorithm,
            weak_digest: self.weak_digest,
            before_compression: self.before_compression,
        }
    }
}

/// How the message of a step is encrypted; none where neither the agreement nor the step asks for it.
///
/// # Errors
/// In words: an unknown name, or nobody to encrypt for.
pub(crate) fn encryption(
    setup: &Setup,
    agreement: Option<&str>,
    choice: Option<&EncryptChoice>,
) -> Result<Option<Encryption>, String> {
    let agreed = setup.security(agreement)?.recipient.is_some();
    let none = EncryptChoice::default();
    let (choice, asked) = (choice.unwrap_or(&none), choice.is_some());
    if (!agreed && !asked) || choice.key.as_deref() == Some("none") {
        return Ok(None);
    }
    let recipient = if FOR_SUITE.choice(choice.recipient.as_deref())?.unwrap_or_default() {
        let own = setup.security(agreement)?.own();
        own.cloned().ok_or_else(|| "the suite has no encryption certificate of this agreement".to_owned())?
    } else {
        setup.recipient(agreement, |one| Encryption::fits(one, choice))?.clone()
    };
    Encryption::of(recipient, choice).map(Some)
}
