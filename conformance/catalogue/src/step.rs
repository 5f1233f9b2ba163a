//! What a case does: exactly one action per step, and how it is disturbed on its way.

use serde::{Deserialize, Serialize};

use crate::span::Span;

mod disturb;

pub use disturb::{Fault, FaultKind, Forge, Op, SignChoice, Stage, TlsChoice};

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

    /// Who speaks: `partner`, `stranger`, `other-partner` or `zoo:KIND`, for TLS and for the signature alike.
    #[serde(default, rename = "as", skip_serializing_if = "Option::is_none")]
    pub speaker: Option<String>,
    /// TLS of this step where it differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsChoice>,
    /// Signature of this step where it differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign: Option<SignChoice>,
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

/// A message to the subject: `ping`, `sample`, a pack's message, or one that was sent before.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Send {
    /// The ebMS test service, without payload.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ping: bool,
    /// The subject's own sample document, as `subject.toml` names it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sample: bool,
    /// The pack that `message` comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pack: Option<String>,
    /// A message of the pack, for example `valid/export-sea`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Facts set in a copy of the document; the fixture stays byte-equal.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub set: std::collections::BTreeMap<String, String>,
    /// The name of a step whose request is sent again, byte for byte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<String>,
    /// The name of a step whose MessageId is taken for this message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id_of: Option<String>,
    /// The name of a step whose ConversationId is taken for this message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation_of: Option<String>,
    /// Further payloads after the document.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub part: Vec<Part>,
    /// Message properties beside those of `subject.toml`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub property: Vec<Property>,
    /// Gzip the payloads; without it, what the agreement says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compress: Option<bool>,
}

/// A further payload: its text stands in the case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Media type.
    pub mime: String,
    /// The content as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The content as hexadecimal bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hex: Option<String>,
    /// Content of this many zero bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zeros: Option<u64>,
    /// Gzip it; without it, as the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compress: Option<bool>,
}

/// A message property.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Property {
    /// Its name.
    pub name: String,
    /// Its type attribute.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Its value.
    pub value: String,
}

/// What a connection runs over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Over {
    /// Plain TCP.
    Tcp,
    /// TLS, with the step's identity.
    #[default]
    Tls,
}

/// A connection with bytes of the case's own; with none of the byte keys set, a handshake and nothing more.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connect {
    /// Plain TCP or TLS.
    #[serde(default)]
    pub over: Over,
    /// A ClientHello the TLS library would never send, by name (`tls1.0`, `tls1.1`, ...); goes over TCP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hello: Option<String>,
    /// Bytes as text; `\r\n` must be written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Bytes in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hex: Option<String>,
    /// This many zero bytes, after `text` or `hex`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zeros: Option<u64>,
}

/// Another face of the suite's own endpoint; cases with it run alone.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listen {
    /// Stops accepting connections when false.
    #[serde(default = "yes")]
    pub accept: bool,
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
    /// A receipt on the last request.
    Receipt,
    /// An ebMS error on the last request.
    Error,
    /// Whatever comes: for refusals, which `[[allow]]` judges.
    Answer,
    /// A push from the subject.
    Message,
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
}

/// How long to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Wait {
    /// A fixed time.
    Span(Span),
    /// A time that follows from the subject's own claims.
    Named(NamedWait),
}

/// Times that follow from the ICS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NamedWait {
    /// One retry interval and its margin.
    RetryInterval,
    /// All retries and their margin.
    AllRetries,
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
            [Action::Send(send)] if send.sources() != 1 => {
                Err("a `send` names exactly one of ping, sample, pack with message, again".to_owned())
            }
            [one] => Ok(*one),
            [] => Err("a step has one of send, connect, listen, answer, await, hook, prompt, restart, wait".to_owned()),
            several => Err(format!("a step has one action, this one has {}", several.len())),
        }
    }

    /// Every text of the step in which `${...}` may stand.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        let mut texts: Vec<String> = Vec::new();
        if let Some(send) = &self.send {
            texts.extend(send.set.values().cloned());
            texts.extend(send.message.clone());
            texts.extend(send.part.iter().filter_map(|part| part.text.clone()));
            texts.extend(send.property.iter().map(|property| property.value.clone()));
        }
        texts.extend(self.connect.iter().filter_map(|connect| connect.text.clone()));
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
        texts
    }
}

impl Send {
    fn sources(&self) -> usize {
        let pack = self.pack.is_some() && self.message.is_some();
        [self.ping, self.sample, pack, self.again.is_some()].into_iter().filter(|set| *set).count()
    }
}

fn yes() -> bool {
    true
}

fn one() -> u32 {
    1
}
