//! Whose signature a step asks for, and what is wrong with it.

use carnet_catalogue::step::SignChoice;
use carnet_certs::Identity;

use crate::forge::{Omit, Signing};
use crate::setup::Setup;

/// An identity with the choices of a step.
#[derive(Debug, Clone)]
pub(crate) struct Signer {
    identity: Identity,
    token: String,
    omit: Omit,
    weak_signature: bool,
    weak_digest: bool,
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
        let weak = |name: &Option<String>, strong: &str, weak: &str| match name.as_deref() {
            None => Ok(false),
            Some(name) if name == strong => Ok(false),
            Some(name) if name == weak => Ok(true),
            Some(other) => Err(format!("got algorithm {other:?}, expected {strong} or {weak}")),
        };
        Ok(Some(Self {
            identity,
            token: choice.token.clone().unwrap_or_else(|| setup.subject.agreement.token.clone()),
            omit,
            weak_signature: weak(&choice.algorithm, "rsa-sha256", "rsa-sha1")?,
            weak_digest: weak(&choice.digest, "sha256", "sha1")?,
        }))
    }

    /// As the forge wants it.
    pub(crate) fn signing(&self) -> Signing<'_> {
        Signing {
            identity: &self.identity,
            token: self.token.clone(),
            omit: self.omit,
            weak_signature: self.weak_signature,
            weak_digest: self.weak_digest,
        }
    }
}
