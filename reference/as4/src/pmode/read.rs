//! The P-Mode file: TOML to [`PMode`], every wrong value named with its line and what was expected.
//! Leaves what the values mean to `pmode`. The format is described in `docs/pmode.md` and `docs/schemas/pmode-1.json`.

use super::{
    Leg, Mep, Open, PMode, PModeError, PayloadProfile, Profile, ReceptionAwareness, Security, ServiceActions, TokenForm,
};
use crate::header::Party;
use crate::id::{Action, AgreementRef, IdError, Mpc, PModeId, PartyId, Role, Service};
use crate::ns;
use serde::Deserialize;
use std::ops::Range;
use std::time::Duration;
use toml::Spanned;

pub(super) fn read(name: &str, text: &str) -> Result<PMode, PModeError> {
    let reader = Reader { file: name, text };
    let file: File = toml::from_str(text).map_err(|error| reader.syntax(&error))?;
    reader.pmode(file)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: Spanned<u32>,
    id: Spanned<String>,
    profile: Spanned<String>,
    mep: Spanned<Mep>,
    leg: Option<Spanned<Leg>>,
    properties: Option<Spanned<Vec<Spanned<String>>>>,
    agreement: Option<Spanned<String>>,
    agreement_type: Option<String>,
    initiator: Spanned<FileSide>,
    responder: Spanned<FileSide>,
    service: Spanned<Vec<FileService>>,
    security: Option<FileSecurity>,
    payload: Option<FilePayload>,
    reception_awareness: Option<FileRetry>,
    mpc: Option<FileMpc>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileSide {
    party: Option<Spanned<String>>,
    party_type: Option<String>,
    role: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileService {
    name: Spanned<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    actions: Spanned<Vec<Spanned<String>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileSecurity {
    token: Option<Spanned<TokenForm>>,
    accept_tokens: Option<Spanned<Vec<TokenForm>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FilePayload {
    compress: Option<bool>,
    max_bytes: Option<Spanned<u64>>,
    max_parts: Option<Spanned<usize>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileRetry {
    retry_interval: Option<Spanned<String>>,
    retry_count: Option<u32>,
    duplicate_detection: Option<Spanned<bool>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileMpc {
    name: Spanned<String>,
}

/// Stands for the party that a P-Mode leaves open; never compared.
const NOBODY: &str = "urn:carnet:party:any";

struct Reader<'a> {
    file: &'a str,
    text: &'a str,
}

impl Reader<'_> {
    fn pmode(&self, file: File) -> Result<PMode, PModeError> {
        if *file.format.get_ref() != 1 {
            return Err(PModeError::Format {
                file: self.file.to_owned(),
                line: self.line(&file.format.span()),
                got: *file.format.get_ref(),
            });
        }
        let profile = Profile::named(file.profile.get_ref()).ok_or_else(|| {
            let known = Profile::names().collect::<Vec<_>>().join(", ");
            self.value("profile", &file.profile, format!("one of: {known}"), "choose a profile this program knows")
        })?;
        if !profile.meps.contains(file.mep.get_ref()) {
            return Err(self.wrong("mep", &file.mep, "a pattern of the profile", "choose a pattern the profile lists"));
        }
        let agreement = match &file.agreement {
            None => None,
            Some(text) => Some(
                AgreementRef::new(text.get_ref(), file.agreement_type.as_deref())
                    .map_err(|error| self.id("agreement", text, error, "use a URI, or add agreement_type"))?,
            ),
        };
        let open = self.open(&file)?;
        let (initiator, _) = self.party(file.initiator, "initiator", ns::DEFAULT_INITIATOR)?;
        let (responder, name) = self.party(file.responder, "responder", ns::DEFAULT_RESPONDER)?;
        if open.is_none() && initiator.id == responder.id {
            let help = "a P-Mode is between two parties; check which of the two files this is";
            return Err(self.wrong("responder.party", &name, "another party than the initiator", help));
        }
        Ok(PMode {
            id: PModeId::parse(file.id.get_ref())
                .map_err(|error| self.id("id", &file.id, error, "give the P-Mode a short name"))?,
            mep: *file.mep.get_ref(),
            leg: self.leg(file.leg.as_ref(), *file.mep.get_ref())?,
            properties: self.properties(file.properties, &profile)?,
            agreement,
            initiator,
            open,
            responder,
            services: self.services(&file.service)?,
            security: self.security(file.security, &profile)?,
            payload: self.payload(file.payload, &profile)?,
            reception_awareness: self.retry(file.reception_awareness, &profile)?,
            mpc: self.mpc(file.mpc, &file.mep)?,
            profile,
        })
    }

    /// The side that is left open.
    fn open(&self, file: &File) -> Result<Option<Open>, PModeError> {
        let named = |side: &Spanned<FileSide>| side.get_ref().party.is_some();
        let open = match (named(&file.initiator), named(&file.responder)) {
            (true, true) => return Ok(None),
            (false, true) => Open::Initiator,
            (true, false) => Open::Responder,
            (false, false) => {
                let help = "name this node's own party, under [initiator] where it sends and under [responder] where it receives";
                return Err(self.wrong("mep", &file.mep, "a P-Mode that names one party at least", help));
            }
        };
        if *file.mep.get_ref() != Mep::OneWayPush {
            let help = "name both parties: where the other one sends must be known to be pulled from, or replied to";
            return Err(self.wrong("mep", &file.mep, "one-way-push where a party is left open", help));
        }
        Ok(Some(open))
    }

    /// A side, and the party's name where it stands in the file.
    fn party(
        &self,
        side: Spanned<FileSide>,
        table: &'static str,
        role: &str,
    ) -> Result<(Party, Spanned<String>), PModeError> {
        let (party_key, role_key) = if table == "initiator" {
            ("initiator.party", "initiator.role")
        } else {
            ("responder.party", "responder.role")
        };
        let span = side.span();
        let FileSide { party, party_type, role: own } = side.into_inner();
        let name = party.unwrap_or_else(|| Spanned::new(span, NOBODY.to_owned()));
        let id = PartyId::new(name.get_ref(), party_type.as_deref())
            .map_err(|error| self.id(party_key, &name, error, "use a URI, or add party_type"))?;
        let role = match &own {
            None => Role::parse(role).map_err(|error| self.id(role_key, &name, error, "give a role"))?,
            Some(text) => Role::parse(text.get_ref())
                .map_err(|error| self.id(role_key, text, error, "leave the key out to use the default role"))?,
        };
        Ok((Party { id, role }, name))
    }

    fn services(&self, list: &Spanned<Vec<FileService>>) -> Result<Vec<ServiceActions>, PModeError> {
        let mut services: Vec<ServiceActions> = Vec::new();
        for entry in list.get_ref() {
            let service = Service::new(entry.name.get_ref(), entry.kind.as_deref())
                .map_err(|error| self.id("service.name", &entry.name, error, "use a URI, or add type"))?;
            if services.iter().any(|known| known.service == service) {
                let help = "list all actions of a service in one entry";
                return Err(self.wrong("service.name", &entry.name, "each service once", help));
            }
            let mut actions = Vec::new();
            for text in entry.actions.get_ref() {
                let action = Action::parse(text.get_ref())
                    .map_err(|error| self.id("service.actions", text, error, "name the action"))?;
                if actions.contains(&action) {
                    return Err(self.wrong("service.actions", text, "each action once", "remove the repetition"));
                }
                actions.push(action);
            }
            if actions.is_empty() {
                let help = "name what may be asked of the service, or remove the entry";
                return Err(self.wrong("service.actions", &entry.actions, "at least one action", help));
            }
            services.push(ServiceActions { service, actions });
        }
        Ok(services)
    }

    fn security(&self, file: Option<FileSecurity>, profile: &Profile) -> Result<Security, PModeError> {
        let defaults = &profile.security;
        let Some(file) = file else {
            return Ok(Security { token: defaults.token, accept_tokens: defaults.accept_tokens.clone() });
        };
        let token = match file.token {
            Some(token) if !defaults.accept_tokens.contains(token.get_ref()) => {
                return Err(self.wrong(
                    "security.token",
                    &token,
                    "a token of the profile",
                    "choose a token the profile lists",
                ));
            }
            Some(token) => token.into_inner(),
            None => defaults.token,
        };
        let accept_tokens = match file.accept_tokens {
            Some(tokens)
                if tokens.get_ref().is_empty()
                    || tokens.get_ref().iter().any(|token| !defaults.accept_tokens.contains(token)) =>
            {
                let help = "choose one or more tokens the profile lists";
                return Err(self.wrong("security.accept_tokens", &tokens, "tokens of the profile", help));
            }
            Some(tokens) => tokens.into_inner(),
            None => defaults.accept_tokens.clone(),
        };
        Ok(Security { token, accept_tokens })
    }

    fn payload(&self, file: Option<FilePayload>, profile: &Profile) -> Result<PayloadProfile, PModeError> {
        let mut payload = PayloadProfile {
            compress: profile.payload.compress,
            max_bytes: profile.payload.max_bytes,
            max_parts: profile.payload.max_parts,
        };
        let Some(file) = file else { return Ok(payload) };
        payload.compress = file.compress.unwrap_or(payload.compress);
        if let Some(bytes) = file.max_bytes {
            if *bytes.get_ref() == 0 {
                return Err(self.wrong(
                    "payload.max_bytes",
                    &bytes,
                    "one byte or more",
                    "leave the key out to use the default",
                ));
            }
            payload.max_bytes = bytes.into_inner();
        }
        if let Some(parts) = file.max_parts {
            if *parts.get_ref() == 0 {
                return Err(self.wrong(
                    "payload.max_parts",
                    &parts,
                    "one part or more",
                    "leave the key out to use the default",
                ));
            }
            payload.max_parts = parts.into_inner();
        }
        Ok(payload)
    }

    fn retry(&self, file: Option<FileRetry>, profile: &Profile) -> Result<ReceptionAwareness, PModeError> {
        let defaults = &profile.reception_awareness;
        let help = "write a length of time such as 5s, 2m or 1h";
        let (text, count, detection) = match file {
            None => (None, None, None),
            Some(file) => (file.retry_interval, file.retry_count, file.duplicate_detection),
        };
        // AS4 leaves it to the P-Mode, the profiles of eDelivery demand it, and a store that knows a message by its sender
        // and MessageId has no place for a second one.
        if let Some(off) = detection.filter(|detection| !detection.get_ref()) {
            let help = "leave the key out: every profile of this node keeps a message that came before from delivery";
            return Err(self.wrong("reception_awareness.duplicate_detection", &off, "true", help));
        }
        let retry_interval = match &text {
            Some(text) => duration(text.get_ref()).ok_or_else(|| {
                self.wrong("reception_awareness.retry_interval", text, "a length of time over zero", help)
            })?,
            // A built-in profile is tested to hold a length of time; were it not so, a minute is a safe wait.
            None => duration(&defaults.retry_interval).unwrap_or(Duration::from_secs(60)),
        };
        Ok(ReceptionAwareness { retry_interval, retry_count: count.unwrap_or(defaults.retry_count) })
    }

    fn leg(&self, leg: Option<&Spanned<Leg>>, mep: Mep) -> Result<Leg, PModeError> {
        match leg {
            Some(leg) if mep != Mep::TwoWayPushAndPush => {
                let help = "leave the key out: an exchange of one message has one leg";
                Err(self.wrong("leg", leg, "a two-way pattern in mep", help))
            }
            Some(leg) => Ok(*leg.get_ref()),
            None => Ok(Leg::Request),
        }
    }

    /// Those of the profile, then those that the P-Mode adds.
    fn properties(
        &self,
        list: Option<Spanned<Vec<Spanned<String>>>>,
        profile: &Profile,
    ) -> Result<Vec<String>, PModeError> {
        let mut names: Vec<String> = Vec::new();
        for name in list.into_iter().flat_map(Spanned::into_inner) {
            if name.get_ref().trim().is_empty() || names.contains(name.get_ref()) {
                let help = "name the property as the header does, such as originalSender";
                return Err(self.wrong("properties", &name, "each property once, by its name", help));
            }
            names.push(name.into_inner());
        }
        let more = profile.properties.iter().filter(|name| !names.contains(name)).cloned().collect::<Vec<_>>();
        Ok(more.into_iter().chain(names).collect())
    }

    //= EDEL-PULL-02
    fn mpc(&self, file: Option<FileMpc>, mep: &Spanned<Mep>) -> Result<Mpc, PModeError> {
        let help = "name a channel of its own under [mpc]: anyone's messages wait in the default one";
        match file {
            Some(file) if *mep.get_ref() == Mep::OneWayPull && file.name.get_ref().trim() == ns::DEFAULT_MPC => {
                Err(self.wrong("mpc.name", &file.name, "another channel than the default one", help))
            }
            Some(file) => Mpc::parse(file.name.get_ref())
                .map_err(|error| self.id("mpc.name", &file.name, error, "leave [mpc] out to use the default channel")),
            None if *mep.get_ref() == Mep::OneWayPull => {
                Err(self.wrong("mep", mep, "a channel under [mpc] to pull from", help))
            }
            None => Mpc::parse(ns::DEFAULT_MPC).map_err(|source| PModeError::Id {
                file: self.file.to_owned(),
                line: 1,
                key: "mpc.name",
                source,
                help: "name the channel",
            }),
        }
    }

    fn line(&self, span: &Range<usize>) -> usize {
        let before = self.text.as_bytes().get(..span.start).unwrap_or_default();
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    }

    fn source(&self, span: &Range<usize>) -> String {
        self.text.get(span.clone()).unwrap_or_default().trim_matches('"').chars().take(120).collect()
    }

    fn syntax(&self, error: &toml::de::Error) -> PModeError {
        PModeError::Syntax {
            file: self.file.to_owned(),
            line: error.span().map_or(1, |span| self.line(&span)),
            reason: error.message().replace('\n', ", "),
        }
    }

    fn value<T>(&self, key: &'static str, at: &Spanned<T>, expected: String, help: &'static str) -> PModeError {
        let (line, got) = (self.line(&at.span()), self.source(&at.span()));
        PModeError::Value { file: self.file.to_owned(), line, key, got, expected, help }
    }

    fn wrong<T>(&self, key: &'static str, at: &Spanned<T>, expected: &str, help: &'static str) -> PModeError {
        self.value(key, at, expected.to_owned(), help)
    }

    fn id<T>(&self, key: &'static str, at: &Spanned<T>, source: IdError, help: &'static str) -> PModeError {
        PModeError::Id { file: self.file.to_owned(), line: self.line(&at.span()), key, source, help }
    }
}

/// A length of time over zero in jiff's friendly form: `5s`, `1m 30s`.
fn duration(text: &str) -> Option<Duration> {
    let span: jiff::SignedDuration = text.parse().ok()?;
    Duration::try_from(span).ok().filter(|length| !length.is_zero())
}
