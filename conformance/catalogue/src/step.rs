//! What a case does: exactly one action per step, and how it is disturbed on its way.

use serde::{Deserialize, Serialize};

use crate::exchange::Under;
use crate::span::Span;

mod disturb;
mod forge;
mod publish;
mod send;
mod wait;

pub use disturb::{EncryptChoice, Fault, FaultKind, OffsetClass, Place, SignChoice, TlsChoice};
pub(crate) use forge::Misfit;
pub use forge::{Forge, Op, Stage};
pub use publish::{Publish, PublishKind};
pub use send::{Connect, Over, Part, Property, Send};
pub use wait::{NamedWait, Wait};

/// One step as written; exactly one of the action keys is set, [`Step::action`] says which.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Name for `${step.NAME.*}` and for checks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Action: a message to the subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send: Option<Send>,
    /// Action: a connection with bytes of the case's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect: Option<Connect>,
    /// Action: shows another face at the suite's own endpoint from here on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listen: Option<Listen>,
    /// Action: what the suite's endpoint answers to the next pushes of this case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
    /// Action: puts a message into the suite's own channel, for the subject to pull.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer: Option<Send>,
    /// Action: what the suite's publisher says of the party that this case is about, from here on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publish: Option<Publish>,
    /// Action: what is awaited.
    #[serde(default, rename = "await", skip_serializing_if = "Option::is_none")]
    pub awaits: Option<Awaited>,
    /// Action: runs a hook of `subject.toml`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hook: Option<HookName>,
    /// Action: gets the subject to send, by the best means there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<Prompt>,
    /// Action: restarts the subject by its hook.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub restart: bool,
    /// Action: lets time pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<Wait>,

    /// The exchange that a `send`, an `offer` or a `prompt` is of, where it is not the plain one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub under: Option<Under>,
    /// Who speaks: `partner`, `stranger`, `other-partner`, `visitor` or `zoo:KIND`, for TLS and for the signature alike.
    #[serde(default, rename = "as", skip_serializing_if = "Option::is_none")]
    pub speaker: Option<String>,
    /// TLS of this step where it differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsChoice>,
    /// Signature of this step where it differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign: Option<SignChoice>,
    /// Encryption of this step where it differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypt: Option<EncryptChoice>,
    /// What happens on the line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
    /// Deliberate malformation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forge: Vec<Forge>,
    /// How long an `await` waits; without it, what the ICS says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Span>,
}

/// The one action of a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Action<'a> {
    /// See [`Send`].
    Send(&'a Send),
    /// See [`Connect`].
    Connect(&'a Connect),
    /// See [`Listen`].
    Listen(&'a Listen),
    /// See [`Answer`].
    Answer(&'a Answer),
    /// A message in the suite's own channel, see [`Send`].
    Offer(&'a Send),
    /// See [`Publish`].
    Publish(&'a Publish),
    /// See [`Awaited`].
    Await(Awaited),
    /// See [`HookName`].
    Hook(HookName),
    /// See [`Prompt`].
    Prompt(Prompt),
    /// Restart the subject.
    Restart,
    /// See [`Wait`].
    Wait(Wait),
}

/// Another face of the suite's own endpoint, until the next `listen` or the end of the case; cases with it run alone.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listen {
    /// Stops accepting connections when false.
    #[serde(default = "yes")]
    pub accept: bool,
    /// What it presents: `partner` (the default), `other-partner`, `stranger` or `zoo:KIND`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// TLS versions it accepts; both when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<String>,
    /// Cipher suites it accepts, by their IANA names; all when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suites: Vec<String>,
}

/// An answer of the suite's endpoint; each `answer` step adds one to the script, the last one stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// What is answered.
    pub with: AnswerKind,
    /// The error code for `error`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The status for `http`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// To how many pushes before the next one of the script is used.
    #[serde(default = "one")]
    pub times: u32,
}

/// The kinds of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnswerKind {
    /// A signed receipt; the step's `forge` can spoil it.
    Receipt,
    /// A signed error signal.
    Error,
    /// The connection is held open, and closed when the subject gives up or the case ends.
    Nothing,
    /// The connection is closed after the request.
    Close,
    /// An HTTP status with an empty body.
    Http,
}

/// What is awaited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Awaited {
    /// A receipt on the last request, or for the message that the subject pulled.
    Receipt,
    /// An ebMS error on the last request.
    Error,
    /// Whatever comes: for refusals, which `[[allow]]` judges.
    Answer,
    /// A push from the subject, or a message in answer to a pull request.
    Message,
    /// A pull request of the subject.
    Pull,
    /// That the subject connects, however that ends.
    Connection,
    /// A TLS alert.
    Alert,
    /// The end of the connection.
    Close,
    /// An HTTP status.
    HttpStatus,
    /// That no (further) push comes.
    Nothing,
}

/// The hooks a case may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HookName {
    /// Lists what was delivered.
    Delivered,
    /// Makes the subject load the suite's CRL.
    LoadCrl,
    /// Lists what the producer was told of a message it submitted.
    Notified,
}

/// Getting the subject to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Prompt {
    /// One business message: by an obliging message, else the `send` hook, else the operator.
    Push,
    /// One message of the exchange that the step names: by the `submit` hook, else the operator.
    Submit,
    /// The reply to the request that was sent last: by the `reply` hook, else the operator.
    Reply,
    /// A pull from the suite: by the `pull` hook, else the operator.
    Pull,
}

impl Step {
    /// The one action of this step.
    ///
    /// # Errors
    /// None or several of the action keys are set, or a `send` names no message or two.
    pub fn action(&self) -> Result<Action<'_>, String> {
        let actions: Vec<Action<'_>> = [
            self.send.as_ref().map(Action::Send),
            self.connect.as_ref().map(Action::Connect),
            self.listen.as_ref().map(Action::Listen),
            self.answer.as_ref().map(Action::Answer),
            self.offer.as_ref().map(Action::Offer),
            self.publish.as_ref().map(Action::Publish),
            self.awaits.map(Action::Await),
            self.hook.map(Action::Hook),
            self.prompt.map(Action::Prompt),
            self.restart.then_some(Action::Restart),
            self.wait.map(Action::Wait),
        ]
        .into_iter()
        .flatten()
        .collect();
        match actions.as_slice() {
            [Action::Send(send) | Action::Offer(send)] if send.sources() != 1 => {
                Err("a message is exactly one of ping, sample, pack with message, again, pull, receipt_of".to_owned())
            }
            [Action::Offer(send)] if send.pull || send.receipt_of.is_some() => {
                Err("what is offered is a user message".to_owned())
            }
            [one] => self.fault_fits(*one).map(|()| *one),
            [] => Err(
                "a step has one of send, connect, listen, answer, offer, publish, await, hook, prompt, restart, wait"
                    .to_owned(),
            ),
            several => Err(format!("a step has one action, this one has {}", several.len())),
        }
    }

    /// Every text of the step in which `${...}` may stand.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        let mut texts: Vec<String> = Vec::new();
        for send in self.send.iter().chain(&self.offer) {
            texts.extend(send.set.values().cloned());
            texts.extend(send.mpc.clone());
            texts.extend(send.message.clone());
            texts.extend(send.part.iter().filter_map(|part| part.text.clone()));
            texts.extend(send.property.iter().map(|property| property.value.clone()));
        }
        texts.extend(self.connect.iter().filter_map(|connect| connect.text.clone()));
        texts.extend(self.publish.iter().filter_map(|publish| publish.certificate.clone()));
        if let Some(listen) = &self.listen {
            texts.extend(listen.identity.clone());
            texts.extend(listen.versions.iter().cloned());
        }
        if let Some(Place::Named(name)) = self.fault.as_ref().and_then(|fault| fault.at.as_ref()) {
            texts.push(name.clone());
        }
        texts.extend(self.forge.iter().flat_map(|forge| [Some(forge.place.clone()), forge.with.clone()]).flatten());
        texts.extend(self.speaker.clone());
        if let Some(tls) = &self.tls {
            texts.extend(tls.identity.clone());
            texts.extend(tls.versions.iter().cloned());
        }
        if let Some(sign) = &self.sign {
            texts.extend(sign.identity.clone());
            texts.extend(sign.token.clone());
        }
        if let Some(encrypt) = &self.encrypt {
            texts.extend([&encrypt.key, &encrypt.content].into_iter().flatten().cloned());
        }
        texts
    }
}

impl Step {
    /// A fault needs bytes of the suite's on the line, and a place that such bytes have.
    fn fault_fits(&self, action: Action<'_>) -> Result<(), String> {
        let Some(fault) = &self.fault else { return Ok(()) };
        let class = match &fault.at {
            Some(Place::Named(name)) if !name.contains("${") => {
                Some(OffsetClass::from_text(name).ok_or_else(|| {
                    format!("got fault.at {name:?}, expected an offset or one of {}", OffsetClass::NAMES.join(", "))
                })?)
            }
            _ => None,
        };
        match action {
            Action::Send(_) | Action::Connect(_) => Ok(()),
            Action::Answer(_) if matches!(fault.kind, FaultKind::Reorder) => {
                Err("an answer cannot be reordered: there is one to each request".to_owned())
            }
            Action::Answer(_) => Ok(()),
            Action::Listen(_) if class == Some(OffsetClass::TlsHello) => Ok(()),
            Action::Listen(_) => Err("a `listen` has its fault at tls-hello".to_owned()),
            _ => Err("only send, connect, answer and listen put bytes on the line to disturb".to_owned()),
        }
    }
}

fn yes() -> bool {
    true
}

fn one() -> u32 {
    1
}
