//! Whose signature a step asks for, and what is wrong with it.

use carnet_catalogue::step::SignChoice;
use carnet_certs::Identity;

use crate::forge::{Algorithm, Omit, Signing};
use crate::setup::Setup;

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
        speaker: Option<&str>,
        choice: Option<&SignChoice>,
    ) -> Result<Option<Self>, String> {
        let none = SignChoice::default();
        let choice = choice.unwrap_or(&none);
        let name = choice.identity.as_deref().or(speaker).unwrap_or("partner");
        let Some(identity) = setup.identity(name, "signing")? else { return Ok(None) };
        let mut omit = Omit::default();
        for what in &choice.omit {
            match what.as_str() {
                "messaging" => omit.messaging = true,
                "body" => omit.body = true,
                "parts" => omit.parts = true,
                other => return Err(format!("got omit {other:?}, expected messaging, body or parts")),
            }
        }
        let algorithm = match choice.algorithm.as_deref() {
            None | Some("rsa-sha256") => Algorithm::RsaSha256,
            Some("rsa-sha1") => Algorithm::RsaSha1,
            Some("hmac-sha256") => Algorithm::HmacSha256,
            Some(other) => {
                return Err(format!("got algorithm {other:?}, expected rsa-sha256, rsa-sha1 or hmac-sha256"));
            }
        };
        let weak_digest = match choice.digest.as_deref() {
            None | Some("sha256") => false,
            Some("sha1") => true,
            Some(other) => return Err(format!("got digest {other:?}, expected sha256 or sha1")),
        };
        Ok(Some(Self {
            identity,
            token: choice.token.clone().unwrap_or_else(|| setup.subject.agreement.token.clone()),
            omit,
            algorithm,
            weak_digest,
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
