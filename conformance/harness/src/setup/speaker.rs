//! Who speaks in a step: the suite's parties, a stranger, and the certificates of the zoo, made when first asked for.

use std::sync::PoisonError;

use carnet_certs::{Authority, CertError, Identity, Profile, Usage, zoo};

use super::Setup;
use carnet_catalogue::Subject;

/// Who speaks in a step.
#[derive(Debug, Clone)]
pub struct Speaker {
    /// For TLS.
    pub tls: Identity,
    /// For signatures.
    pub signing: Identity,
}

/// The name in the certificate of the suite's publisher of service metadata.
#[must_use]
pub fn publisher_name(subject: &Subject) -> String {
    format!("{}-SMP", subject.suite.party.id)
}

/// Every name of a speaker that a case may use.
pub(crate) fn speaker_names() -> Vec<String> {
    const PARTIES: [&str; 9] = [
        "none",
        "partner",
        "other-partner",
        "stranger",
        "visitor",
        "visitor:stranger",
        "visitor:without-policy",
        "visitor:other-name",
        "publisher",
    ];
    // A test of `carnet-certs` reads the shipped table.
    let kinds = zoo::kinds().unwrap_or_default().iter();
    let broken = kinds.flat_map(|kind| ["zoo", "publisher"].map(|of| format!("{of}:{}", kind.slug)));
    PARTIES.map(str::to_owned).into_iter().chain(broken).collect()
}

impl Setup {
    /// The identity of a speaker as cases name it, for `tls` or for `signing`; `none` is `None`.
    ///
    /// # Errors
    /// In words: the name is unknown, or what it needs is not there.
    pub fn identity(&self, name: &str, usage: &'static str) -> Result<Option<Identity>, String> {
        let pick = |speaker: &Speaker| if usage == "tls" { speaker.tls.clone() } else { speaker.signing.clone() };
        match name {
            "none" => Ok(None),
            "partner" => Ok(Some(pick(&self.partner))),
            "other-partner" => self
                .other
                .as_ref()
                .map(|other| Some(pick(other)))
                .ok_or_else(|| "subject.toml names no suite.other_party".to_owned()),
            "stranger" => Ok(Some(pick(self.stranger()?))),
            _ if name.starts_with("visitor") => self.visitor(name, usage).map(Some),
            _ if name.starts_with("publisher") => self.publisher(name).map(Some),
            _ => match name.strip_prefix("zoo:") {
                Some(slug) => self.zoo_identity(slug, usage).map(Some),
                None => {
                    let known = "none, partner, other-partner, stranger, visitor, publisher or zoo:KIND";
                    Err(format!("got speaker {name:?}, expected {known}"))
                }
            },
        }
    }

    fn stranger(&self) -> Result<&Speaker, String> {
        if let Some(stranger) = self.made.stranger.get() {
            return Ok(stranger);
        }
        let made = (|| {
            let authority = Authority::new("Stranger", Self::now())?;
            let name = &self.subject.suite.party.id;
            let issue = |profile: Profile| authority.issue(&profile, Self::now());
            Ok(Speaker {
                tls: issue(Profile::tls(name).key(self.partner.tls.key.clone()))?,
                signing: issue(Profile::signing(name).key(self.partner.signing.key.clone()))?,
            })
        })()
        .map_err(|error: CertError| error.to_string())?;
        Ok(self.made.stranger.get_or_init(|| made))
    }

    /// The party that nobody registered: with all that was agreed, or without one thing of it.
    fn visitor(&self, name: &str, usage: &'static str) -> Result<Identity, String> {
        let agreed = self.subject.exchange.dynamic.as_ref().ok_or("subject.toml has no [exchange.dynamic]")?;
        let authority = self.authority.as_ref().ok_or("a visitor needs the suite's test CA, which suite.pki lacks")?;
        let mut made = self.made.zoo.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = made.get(&(name.to_owned(), usage)) {
            return Ok(made.clone());
        }
        let signs = usage != "tls";
        let party = if signs && name == "visitor:other-name" { "SOMEBODY ELSE" } else { agreed.party.as_str() };
        let profile = if signs {
            Profile::signing(party).key(self.partner.signing.key.clone())
        } else {
            Profile::tls(party).key(self.partner.tls.key.clone())
        };
        let policies = match (name, &agreed.policy) {
            ("visitor:without-policy", _) | (_, None) => Vec::new(),
            (_, Some(policy)) => vec![policy.clone()],
        };
        let stranger =
            (signs && name == "visitor:stranger").then(|| Authority::new("Stranger", Self::now())).transpose();
        let issued = stranger.and_then(|stranger| {
            stranger.as_ref().unwrap_or(authority).issue(&profile.policies(policies), Self::now())
        });
        let issued = issued.map_err(|error| error.to_string())?;
        made.insert((name.to_owned(), usage), issued.clone());
        Ok(issued)
    }

    /// Who signs service metadata; `publisher:KIND` is the same broken as the zoo's certificate of that kind.
    fn publisher(&self, name: &str) -> Result<Identity, String> {
        const USAGE: &str = "signing";
        let own = self.publisher.as_ref().ok_or("subject.toml has no [exchange.discovery]")?;
        let Some(slug) = name.strip_prefix("publisher:") else { return Ok(own.clone()) };
        let authority = self.authority.as_ref().ok_or("the zoo needs the suite's test CA, which suite.pki lacks")?;
        let mut made = self.made.zoo.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = made.get(&(name.to_owned(), USAGE)) {
            return Ok(made.clone());
        }
        let kind = zoo::kind(slug).map_err(|error| error.to_string())?;
        let profile = Profile::like(own, Usage::Signing).map_err(|error| error.to_string())?;
        let broken = zoo::make(kind, authority, &profile, Self::now()).map_err(|error| error.to_string())?;
        made.insert((name.to_owned(), USAGE), broken.clone());
        Ok(broken)
    }

    fn zoo_identity(&self, slug: &str, usage: &'static str) -> Result<Identity, String> {
        let authority =
            self.authority.as_ref().ok_or("the zoo needs the suite's test CA, which suite.pki does not hold")?;
        let kind = zoo::kinds()
            .map_err(|error| error.to_string())?
            .iter()
            .find(|kind| kind.slug == slug)
            .ok_or_else(|| format!("the zoo has no kind {slug:?}"))?;
        let mut zoo = self.made.zoo.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = zoo.get(&(slug.to_owned(), usage)) {
            return Ok(made.clone());
        }
        let (own, usage_of) =
            if usage == "tls" { (&self.partner.tls, Usage::Tls) } else { (&self.partner.signing, Usage::Signing) };
        let profile = Profile::like(own, usage_of).map_err(|error| error.to_string())?;
        let made = zoo::make(kind, authority, &profile, Self::now()).map_err(|error| error.to_string())?;
        zoo.insert((slug.to_owned(), usage), made.clone());
        Ok(made)
    }
}
